import os

import boto3
from common import response


def handler(event, context):
    table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
    return response(items=table.scan(Select="COUNT")["Count"])
