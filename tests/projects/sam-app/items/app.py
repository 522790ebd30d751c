import os

import boto3
from common import response


def handler(event, context):
    table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
    item = event["pathParameters"]["id"]
    table.put_item(Item={"id": item})
    return response(stored=item)
