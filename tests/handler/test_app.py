"""The handler, event by event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import app
import boto3
import pytest
from botocore.stub import Stubber
from conftest import TABLE, client_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Cloud

ETAG = "d41d8cd98f00b204e9800998ecf8427e"


def record(key: str = "cat.png", sequencer: str = "00601A2B3C4D5E6F70", **changes: Any) -> dict:
    """Returns a record as S3 writes it: the key URL-encoded, the ETag without quotes."""
    s3_object = {
        "key": quote_plus(key, safe="/"),
        "size": 42,
        "eTag": ETAG,
        "sequencer": sequencer,
        **changes,
    }
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventTime": "2024-05-06T07:08:09.123Z",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "files"}, "object": s3_object},
    }


def handle(*records: object) -> dict[str, int]:
    return app.handler({"Records": list(records)}, None)


def test_item_describes_the_file(cloud: Cloud) -> None:
    cloud.content_types["photos/cat.png"] = "image/png"

    counts = handle(record("photos/cat.png", versionId="3HL4kqtJlcpXroDTDmJ"))

    assert counts == {"stored": 1, "skipped": 0}
    assert cloud.items == {
        "photos/cat.png": {
            "fileName": {"S": "photos/cat.png"},
            "bucket": {"S": "files"},
            "location": {"S": "s3://files/photos/cat.png"},
            "size": {"N": "42"},
            "etag": {"S": ETAG},
            "contentType": {"S": "image/png"},
            "eventName": {"S": "ObjectCreated:Put"},
            "eventTime": {"S": "2024-05-06T07:08:09.123Z"},
            "sequencer": {"S": "00601A2B3C4D5E6F7000000000000000"},
            "versionId": {"S": "3HL4kqtJlcpXroDTDmJ"},
        }
    }


@pytest.mark.parametrize(
    ("encoded", "key"),
    [
        ("my+holiday+photo.png", "my holiday photo.png"),
        ("a%2Bb%3Dc%26d.png", "a+b=c&d.png"),
        ("100%2525.png", "100%25.png"),
        ("h%C3%A9llo/%E6%97%A5%E6%9C%AC+%F0%9F%98%80.png", "héllo/日本 😀.png"),
        ("line%0Abreak%22quote.png", 'line\nbreak"quote.png'),
    ],
)
def test_keys_are_decoded(cloud: Cloud, encoded: str, key: str) -> None:
    event = record()
    event["s3"]["object"]["key"] = encoded

    handle(event)

    assert list(cloud.items) == [key]
    assert cloud.head_requests[0]["Key"] == key


def test_the_content_type_is_asked_for_the_announced_content_only(cloud: Cloud) -> None:
    handle(record("cat.png"))

    assert cloud.head_requests == [{"Bucket": "files", "Key": "cat.png", "IfMatch": f'"{ETAG}"'}]


def test_a_missing_content_type_is_left_out(cloud: Cloud) -> None:
    handle(record("cat.png"))

    assert "contentType" not in cloud.items["cat.png"]
    assert "versionId" not in cloud.items["cat.png"]


@pytest.mark.parametrize("status", [403, 404, 412])
def test_an_object_that_cannot_be_looked_at_is_recorded_all_the_same(
    cloud: Cloud, log: Callable[[], list[dict]], status: int
) -> None:
    cloud.head_error = client_error(str(status), status)

    assert handle(record("cat.png")) == {"stored": 1, "skipped": 0}

    assert cloud.items["cat.png"]["size"] == {"N": "42"}
    assert "contentType" not in cloud.items["cat.png"]
    assert log()[0] == {
        "level": "warning",
        "message": "content type unknown",
        "fileName": "cat.png",
        "bucket": "files",
        "status": status,
    }


def test_a_failing_s3_fails_the_event_so_that_it_is_retried(cloud: Cloud) -> None:
    cloud.head_error = client_error("SlowDown", 503)

    with pytest.raises(app.RecordsFailedError, match="SlowDown"):
        handle(record())

    assert cloud.items == {}


def test_a_duplicate_changes_nothing_and_succeeds(cloud: Cloud) -> None:
    handle(record())
    first = cloud.items["cat.png"]

    assert handle(record()) == {"stored": 0, "skipped": 1}

    assert cloud.items["cat.png"] is first
    assert cloud.writes == 1


def test_a_newer_event_replaces_the_whole_item(cloud: Cloud) -> None:
    cloud.content_types["cat.png"] = "image/png"
    handle(record(sequencer="00601A2B3C4D5E6F70", versionId="one"))
    cloud.content_types.clear()

    handle(record(sequencer="00601A2B3C4D5E6F71", size=7))

    assert cloud.items["cat.png"]["size"] == {"N": "7"}
    assert "versionId" not in cloud.items["cat.png"]
    assert "contentType" not in cloud.items["cat.png"]


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("00601A2B3C4D5E6F70", "00601A2B3C4D5E6F71"),
        ("0055AED6DCD90281E5", "0055AED6DCD90281E6"),
        # Of different lengths: the shorter counts as padded with zeros on the right.
        ("0A1B", "0A1B01"),
        ("0A1B", "0A1C"),
        ("0A1BFF", "0A1C"),
        # Hexadecimal digits count the same in either case.
        ("0a1b", "0A1C"),
        ("0A1B", "0a1c"),
    ],
)
def test_an_older_event_never_overwrites_a_newer_one(cloud: Cloud, older: str, newer: str) -> None:
    assert handle(record(sequencer=newer, size=2)) == {"stored": 1, "skipped": 0}
    assert handle(record(sequencer=older, size=1)) == {"stored": 0, "skipped": 1}
    assert cloud.items["cat.png"]["size"] == {"N": "2"}


def test_padding_alone_makes_no_event_newer(cloud: Cloud) -> None:
    handle(record(sequencer="0A1B"))

    assert handle(record(sequencer="0A1B00")) == {"stored": 0, "skipped": 1}
    assert cloud.writes == 1


def test_an_empty_file_has_size_zero(cloud: Cloud) -> None:
    handle(record(size=0))

    assert cloud.items["cat.png"]["size"] == {"N": "0"}


def test_each_record_of_an_event_is_handled(cloud: Cloud, log: Callable[[], list[dict]]) -> None:
    counts = handle(record("a"), record("b"), record("a"))

    assert counts == {"stored": 2, "skipped": 1}
    assert sorted(cloud.items) == ["a", "b"]
    assert [(line["level"], line["fileName"]) for line in log()] == [
        ("info", "a"),
        ("info", "b"),
        ("info", "a"),
    ]


def test_one_bad_record_hides_no_other_and_still_fails_the_event(
    cloud: Cloud, log: Callable[[], list[dict]]
) -> None:
    with pytest.raises(app.RecordsFailedError, match=r"1 record\(s\) failed.*KeyError\('s3'\)"):
        handle(record("a"), {"eventName": "ObjectCreated:Put"}, record("b"))

    assert sorted(cloud.items) == ["a", "b"]
    assert [line["level"] for line in log()] == ["info", "error", "info"]


@pytest.mark.parametrize(
    "bad",
    [
        None,
        "text",
        {},
        {"s3": {}},
        record(sequencer=""),
        record(sequencer="0" * 33),
        record(sequencer=None),
        record(size="many"),
        {**record(), "s3": {"bucket": {"name": "files"}, "object": {"key": "cat.png"}}},
        {**record(), "s3": {"bucket": {}, "object": record()["s3"]["object"]}},
    ],
)
def test_a_malformed_record_fails_the_event(cloud: Cloud, bad: object) -> None:
    with pytest.raises(app.RecordsFailedError):
        handle(bad)

    assert cloud.items == {}


def test_a_key_that_is_not_utf8_fails_the_event(cloud: Cloud) -> None:
    event = record()
    event["s3"]["object"]["key"] = "%FF.png"

    with pytest.raises(app.RecordsFailedError, match="UnicodeDecodeError"):
        handle(event)

    assert cloud.items == {}


@pytest.mark.parametrize("event", [{}, {"Records": []}, {"Records": "x"}, [], None])
def test_an_event_without_records_fails(cloud: Cloud, event: Any) -> None:
    with pytest.raises(app.RecordsFailedError, match="no Records"):
        app.handler(event, None)

    assert cloud.items == {}


def test_a_table_that_refuses_fails_the_event_and_a_retry_mends_it(cloud: Cloud) -> None:
    cloud.put_errors.append(client_error("ProvisionedThroughputExceededException", 400))
    event = {"Records": [record("a"), record("b")]}

    with pytest.raises(app.RecordsFailedError, match="ProvisionedThroughputExceeded"):
        app.handler(event, None)
    assert list(cloud.items) == ["b"]

    assert app.handler(event, None) == {"stored": 1, "skipped": 1}
    assert sorted(cloud.items) == ["a", "b"]


def test_the_requests_are_what_the_services_accept(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3's own model checks each request here, and its own parser reads each answer."""
    credentials = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    clients = {
        name: boto3.client(name, region_name="eu-west-1", **credentials)
        for name in ("s3", "dynamodb")
    }
    monkeypatch.setattr(app, "_client", clients.__getitem__)
    monkeypatch.setenv("TABLE_NAME", TABLE)

    with Stubber(clients["s3"]) as s3, Stubber(clients["dynamodb"]) as dynamodb:
        s3.add_response("head_object", {"ContentType": "image/png"})
        dynamodb.add_response("put_item", {})
        s3.add_client_error("head_object", "403", http_status_code=403)
        dynamodb.add_client_error("put_item", "ConditionalCheckFailedException")

        assert handle(record("a"), record("a")) == {"stored": 1, "skipped": 1}

        s3.assert_no_pending_responses()
        dynamodb.assert_no_pending_responses()
