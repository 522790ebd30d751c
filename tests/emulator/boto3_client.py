"""Calls AWS for the tests, as a client that is not stackctl.

The argument is the endpoint. Each line of standard input is a JSON array of calls, each with
`account`, `region`, `service`, `operation` (as boto3 names them) and `arguments`; they are made all
at once. Each line of standard output is the array of their answers: `{"answer": …}`, or
`{"error": CODE}` where AWS refuses. It ends with its input, so it never outlives the tests.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import boto3
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import ClientError


@cache
def client(account: str, region: str, service: str) -> BaseClient:
    """Returns a client; the emulator takes the account from the access key."""
    return boto3.client(
        service,
        endpoint_url=sys.argv[1],
        region_name=region,
        aws_access_key_id=account,
        aws_secret_access_key="test",  # noqa: S106 (the emulator takes any)
        config=Config(s3={"addressing_style": "path"}, max_pool_connections=30),
    )


def client_of(request: dict) -> BaseClient:
    """Returns the client for a call."""
    return client(request["account"], request["region"], request["service"])


def call(request: dict) -> dict:
    """Makes one call."""
    operation = getattr(client_of(request), request["operation"])
    try:
        return {"answer": operation(**request["arguments"])}
    except ClientError as error:
        return {"error": error.response["Error"]["Code"]}


def text(value: object) -> str:
    """Returns what JSON has no type for: the content of a body, and else what Python prints."""
    return value.read().decode() if hasattr(value, "read") else str(value)


def main() -> None:
    """Answers until the input ends."""
    with ThreadPoolExecutor(max_workers=30) as pool:
        for line in sys.stdin:
            requests = json.loads(line)
            for request in requests:
                client_of(request)
            answers = list(pool.map(call, requests))
            print(json.dumps(answers, default=text), flush=True)


if __name__ == "__main__":
    main()
