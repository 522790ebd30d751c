"""Records the metadata of every file that lands in the bucket.

S3 invokes `handler` with "object created" events, and each becomes one item of the DynamoDB table
that the variable TABLE_NAME names. Lambda delivers an event at least once and in any order, so:

* an item is written only if the event is newer than the one already stored, which makes
  duplicates harmless and keeps a late event from overwriting a newer one;
* whatever cannot be handled raises, so that Lambda retries the event and then hands it to the
  dead-letter queue. Nothing is dropped in silence.
"""

from __future__ import annotations

import json
import os
from functools import cache
from typing import TYPE_CHECKING, Any, TypedDict
from urllib.parse import unquote_plus

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from botocore.client import BaseClient

# S3's sequencers are hexadecimal strings of varying length, about 16 to 18 digits. They compare as
# text once the shorter one is padded with zeros on the right, so all are stored at this width.
SEQUENCER_WIDTH = 32

# HeadObject is asked for one optional attribute. The object may be gone or replaced by now, or
# unreadable by policy; the event itself still tells the rest.
HEAD_OBJECT_GAVE_NOTHING = {403, 404, 412}


class FileMetadata(TypedDict, total=False):
    """One item of the table. `fileName` is its key."""

    fileName: str
    bucket: str
    location: str
    size: int
    etag: str
    contentType: str
    eventName: str
    eventTime: str
    sequencer: str
    versionId: str


class RecordsFailedError(Exception):
    """Some records of an event could not be handled."""


def handler(event: dict[str, Any], _context: object) -> dict[str, int]:
    """Stores the metadata of each record's object and returns how many were stored and skipped.

    Every record is tried before `RecordsFailedError` is raised for those that failed: handling a
    record again in the retry does no harm.
    """
    counts = {"stored": 0, "skipped": 0}
    failures: list[Exception] = []
    for record in _records(event):
        try:
            metadata = describe(record)
            is_newest = store(metadata)
        except Exception as error:  # noqa: BLE001 (one bad record must not hide the others)
            _log("error", "record failed", error=repr(error))
            failures.append(error)
            continue
        counts["stored" if is_newest else "skipped"] += 1
        message = "metadata stored" if is_newest else "event is not newer than the stored one"
        _log("info", message, **metadata)
    if failures:
        summary = f"{len(failures)} record(s) failed, the first: {failures[0]!r}"
        raise RecordsFailedError(summary) from failures[0]
    return counts


def describe(record: dict[str, Any]) -> FileMetadata:
    """Returns the metadata of the object that a record is about.

    Raises `KeyError`, `TypeError` or `ValueError` where the record is not S3's.
    """
    s3 = record["s3"]
    bucket, s3_object = s3["bucket"]["name"], s3["object"]
    key = unquote_plus(s3_object["key"], errors="strict")
    metadata = FileMetadata(
        fileName=key,
        bucket=bucket,
        location=f"s3://{bucket}/{key}",
        size=int(s3_object["size"]),
        etag=s3_object["eTag"],
        eventName=record["eventName"],
        eventTime=record["eventTime"],
        sequencer=pad_sequencer(s3_object["sequencer"]),
    )
    if version_id := s3_object.get("versionId"):
        metadata["versionId"] = version_id
    if content_type := find_content_type(bucket, key, metadata["etag"]):
        metadata["contentType"] = content_type
    return metadata


def pad_sequencer(sequencer: str) -> str:
    """Returns a sequencer in the form in which two of the same key compare as text."""
    if not sequencer or len(sequencer) > SEQUENCER_WIDTH:
        raise ValueError(f"sequencer {sequencer!r} does not have 1 to {SEQUENCER_WIDTH} digits")
    return sequencer.upper().ljust(SEQUENCER_WIDTH, "0")


def find_content_type(bucket: str, key: str, etag: str) -> str | None:
    """Returns the object's content type, or `None` where S3 does not tell.

    Asks for exactly the content that the event announced: if another object has taken the key
    since, its type is not this event's to report.
    """
    try:
        answer = _client("s3").head_object(Bucket=bucket, Key=key, IfMatch=f'"{etag}"')
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status not in HEAD_OBJECT_GAVE_NOTHING:
            raise
        _log("warning", "content type unknown", fileName=key, bucket=bucket, status=status)
        return None
    return answer.get("ContentType")


def store(metadata: FileMetadata) -> bool:
    """Writes an item unless a newer event, or this one, is already stored.

    Returns whether it was written.
    """
    try:
        _client("dynamodb").put_item(
            TableName=os.environ["TABLE_NAME"],
            Item={name: _attribute(value) for name, value in metadata.items()},
            ConditionExpression="attribute_not_exists(sequencer) OR sequencer < :sequencer",
            ExpressionAttributeValues={":sequencer": _attribute(metadata["sequencer"])},
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return False
    return True


def _records(event: dict[str, Any]) -> list[dict[str, Any]]:
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list) or not records:
        raise RecordsFailedError("the event has no Records: S3 did not send it")
    return records


def _attribute(value: str | int) -> dict[str, str]:
    """Returns a value as DynamoDB's API spells it."""
    return {"N": str(value)} if isinstance(value, int) else {"S": value}


@cache
def _client(service: str) -> BaseClient:
    """Returns a client, made once per process.

    Its time-outs leave room for retries within the function's own; boto3's 60 seconds do not.
    """
    retries = {"mode": "standard", "max_attempts": 3}
    return boto3.client(service, config=Config(connect_timeout=2, read_timeout=5, retries=retries))


def _log(level: str, message: str, **fields: object) -> None:
    """Prints one line of JSON, which Lambda passes on to CloudWatch Logs as it is."""
    line = {"level": level, "message": message, **fields}
    print(json.dumps(line, default=str), flush=True)
