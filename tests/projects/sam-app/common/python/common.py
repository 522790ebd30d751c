"""Shared by both functions."""

import json
import os


def response(**body):
    return {"statusCode": 200, "body": json.dumps({"greeting": os.environ["GREETING"], **body})}
