"""Records the metadata of every file that is uploaded to the bucket.

S3 invokes `handler` with "object created" events. Each event becomes one item of the DynamoDB table
that the variable TABLE_NAME names. Lambda delivers an event at least once and in any order, so:

* An item is written only if the event is newer than the stored event. Duplicates are harmless, and
  a late event does not overwrite a newer one.
* Every failure raises an error, so that Lambda retries the event and then sends it to the
  dead-letter queue. No event is lost silently.
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
# text if they are padded with zeros on the right, so all are stored with this width.
SEQUENCER_WIDTH = 32

# HeadObject returns one optional attribute. The object may be deleted or replaced, or a policy may
# deny access. The event contains all other attributes.
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

    Tries every record, then raises `RecordsFailedError` if any failed. Handling a record again in
    a retry is harmless.
    """
    counts = {"stored": 0, "skipped": 0}
    failures: list[Exception] = []
    for record in _records(event):
        try:
            metadata = describe(record)
            is_newest = store(metadata)
        except Exception as error:  # noqa: BLE001 (one bad record must not block the others)
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
    """Returns the metadata of the object in a record.

    Raises `KeyError`, `TypeError` or `ValueError` if the record is not from S3.
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
    """Returns a sequencer in a form that compares as text with others of the same key."""
    if not sequencer or len(sequencer) > SEQUENCER_WIDTH:
        raise ValueError(f"sequencer {sequencer!r} does not have 1 to {SEQUENCER_WIDTH} digits")
    return sequencer.upper().ljust(SEQUENCER_WIDTH, "0")


def find_content_type(bucket: str, key: str, etag: str) -> str | None:
    """Returns the object's content type, or `None` if S3 does not provide it.

    Requests exactly the content in the event. If the object was replaced, the new object's type
    does not belong to this event.
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
    """Writes an item unless this event or a newer one is already stored.

    Returns whether the item was written.
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
    """Returns a value in the format of the DynamoDB API."""
    return {"N": str(value)} if isinstance(value, int) else {"S": value}


@cache
def _client(service: str) -> BaseClient:
    """Returns a client, created once per process.

    Its timeouts allow retries within the function's timeout; boto3's default of 60 seconds does
    not.
    """
    retries = {"mode": "standard", "max_attempts": 3}
    return boto3.client(service, config=Config(connect_timeout=2, read_timeout=5, retries=retries))


def _log(level: str, message: str, **fields: object) -> None:
    """Prints one line of JSON, which Lambda sends to CloudWatch Logs unchanged."""
    line = {"level": level, "message": message, **fields}
    print(json.dumps(line, default=str), flush=True)
