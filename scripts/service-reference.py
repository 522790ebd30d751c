#!/usr/bin/env python3
"""Generates `src/aws/service_reference.json`: which actions of IAM authorize which operation.

The data is AWS's own: its service reference has a document for each service. Of it, only the
operations in the table of calls, `src/aws/actions.rs`, are kept, and for each of their actions the
types of the resources that a policy can name. An action without any needs `*`.

    python3 scripts/service-reference.py            downloads the documents
    python3 scripts/service-reference.py FOLDER     reads `FOLDER/SERVICE.json`

The format of the documents is described in the page "Simplified AWS service information for
programmatic access" of the Service Authorization Reference. Requires only Python 3.9.
"""

import datetime
import json
import pathlib
import re
import sys
import urllib.request

SOURCE = "https://servicereference.us-east-1.amazonaws.com/v1"
ROOT = pathlib.Path(__file__).parent.parent
CALLS = ROOT / "src" / "aws" / "actions.rs"
OUTPUT = ROOT / "src" / "aws" / "service_reference.json"
# CloudFormation reads parameters of the SSM types with the caller's permissions.
FURTHER = ("ssm:GetParameters",)


def document(service: str, folder: str | None) -> dict:
    """Returns the document of a service."""
    if folder:
        return json.loads((pathlib.Path(folder) / f"{service}.json").read_text())
    with urllib.request.urlopen(f"{SOURCE}/{service}/{service}.json", timeout=60) as answer:
        return json.load(answer)


def calls() -> list:
    """Returns the services and operations in the table of calls."""
    table = CALLS.read_text().partition("\ncalls! {")[2]
    return sorted(set(re.findall(r'^    "([a-z0-9]+)" "(\w+)" ', table, re.MULTILINE)))


def main() -> None:
    """Writes the file."""
    folder = sys.argv[1] if len(sys.argv) > 1 else None
    documents: dict = {}

    def of(service: str) -> dict:
        if service not in documents:
            documents[service] = document(service, folder)
        return documents[service]

    operations: dict = {}
    passed_to: set = set()
    for service, name in calls():
        for operation in of(service).get("Operations", []):
            if operation["Name"] == name:
                authorized = operation.get("AuthorizedActions", [])
                names = sorted({f"{it['Service']}:{it['Name']}" for it in authorized})
                operations[f"{service}:{name}"] = names
                for it in authorized:
                    passed_to.update(it.get("Context", {}).get("iam:PassedToService", []))
    resources = {}
    for action in sorted({*FURTHER, *(it for names in operations.values() for it in names)}):
        service, name = action.split(":")
        for known in of(service)["Actions"]:
            if known["Name"] == name:
                resources[action] = [it["Name"] for it in known.get("Resources", [])]
    written = {
        "source": SOURCE,
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "operations": operations,
        "resources": resources,
        "passed_to": sorted(passed_to),
    }
    text = json.dumps(written, indent=1)
    # A list is one line.
    text = re.sub(r"\[[^\]]*\]", lambda it: json.dumps(json.loads(it[0])), text)
    OUTPUT.write_text(text + "\n")


if __name__ == "__main__":
    main()
