import os

import underline


def handler(event, context):
    return underline.heading(os.environ["TITLE"])
