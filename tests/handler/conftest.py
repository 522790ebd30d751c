"""A loaded handler beside an S3 and a table that remember what they are told."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

sys.path.insert(0, str(Path(__file__).parents[2] / "handler"))

import app

TABLE = "FileMetadata-test"


def client_error(code: str, status: int) -> ClientError:
    answer = {
        "Error": {"Code": code, "Message": code},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, "Operation")


@dataclass
class Cloud:
    """Stands in for S3 and for DynamoDB, as far as the handler uses them."""

    items: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    content_types: dict[str, str] = field(default_factory=dict)
    head_requests: list[dict[str, str]] = field(default_factory=list)
    head_error: ClientError | None = None
    put_errors: list[ClientError] = field(default_factory=list)
    writes: int = 0

    def head_object(self, **request: str) -> dict[str, str]:
        self.head_requests.append(request)
        if self.head_error:
            raise self.head_error
        content_type = self.content_types.get(request["Key"])
        return {"ContentType": content_type} if content_type else {}

    def put_item(self, **request: Any) -> None:
        assert request["TableName"] == TABLE
        assert request["ConditionExpression"] == (
            "attribute_not_exists(sequencer) OR sequencer < :sequencer"
        )
        if self.put_errors:
            raise self.put_errors.pop(0)
        item = request["Item"]
        stored = self.items.get(item["fileName"]["S"])
        new = request["ExpressionAttributeValues"][":sequencer"]["S"]
        if stored and stored["sequencer"]["S"] >= new:
            raise client_error("ConditionalCheckFailedException", 400)
        self.items[item["fileName"]["S"]] = item
        self.writes += 1


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    fake = Cloud()
    monkeypatch.setenv("TABLE_NAME", TABLE)
    monkeypatch.setattr(app, "_client", {"s3": fake, "dynamodb": fake}.__getitem__)
    return fake


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> Any:
    """Returns a function that returns the log lines printed so far; each must be JSON."""
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]
