#!/usr/bin/env python3
"""Runs commands under a role with exactly the policy of `iam-policy`, and without each action.

The role is one of moto with its authorisation on. For each command: it has to succeed with the
printed policy, and the table says what happens without each of the actions.

    python3 -m venv V && V/bin/pip install 'moto[server]==5.2.5'
    cargo build --locked && V/bin/python scripts/check-policies.py target/debug/stackctl [COMMAND…]

moto checks the operation's action alone, and resources only of S3, so the statements of other
services get `*` here. It does not check `iam:PassRole` and the actions for tags. Signatures and the
policy of the artifact bucket are not checked.
"""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import boto3

REGION = "eu-west-1"
ACCOUNT = "123456789012"
MANIFEST = f"""project = "site"
environment = "dev"
region = "{REGION}"
account = "{ACCOUNT}"
allow_endpoint = true
template = "template.yaml"

[history]
enabled = true
"""
TEMPLATE = """Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties: {{TopicName: {name}}}
  Files:
    Type: AWS::S3::Bucket
Outputs:
  Name: {{Value: {name}}}
"""
UNRESTRICTED = 1_000_000
# moto calculates other signatures for some queries and bodies than the SDK, takes every request for
# one without TLS, which the policy of the artifact bucket denies, and names a few actions otherwise
# than IAM.
SERVER = """
from moto.iam.access_control import IAMRequestBase, PermissionResult
from moto.s3.models import FakeBucket
from moto.s3.responses import ACTION_MAP
from moto.server import main
IAMRequestBase.check_signature = lambda self: None
FakeBucket.get_permission = lambda self, action, resource: PermissionResult.NEUTRAL
bucket = ACTION_MAP["BUCKET"]
bucket["HEAD"]["DEFAULT"] = "ListBucket"
bucket["PUT"] = {
    "encryption": "PutEncryptionConfiguration",
    "publicAccessBlock": "PutBucketPublicAccessBlock",
    **bucket["PUT"],
}
main()
"""
# A command, what it is run with, and whether the stack exists and has an older deployment.
CASES = (
    ("plan", ["plan"], 1),
    ("apply", ["apply", "--yes"], 0),
    ("apply", ["apply", "--yes"], 1),
    ("diff", ["diff"], 1),
    ("status", ["status"], 1),
    ("events", ["events"], 1),
    ("outputs", ["outputs"], 1),
    ("history", ["history"], 1),
    ("rollback", ["rollback", "--yes", "--to", "1"], 2),
    ("gc", ["gc", "--yes"], 1),
    ("destroy", ["destroy", "--yes", "--allow-delete", "Files"], 1),
)


class Cloud:
    """A moto server and a project that is deployed to it."""

    def __init__(self, program: str, folder: pathlib.Path) -> None:
        """Starts the server."""
        self.program = program
        self.folder = folder
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(  # noqa: S603 (no external input)
            [sys.executable, "-c", SERVER, "-H", "127.0.0.1", "-p", str(port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(200):
            if self.answers():
                return
            time.sleep(0.1)
        raise SystemExit("moto does not answer")

    def answers(self) -> bool:
        """Returns whether moto answers; it then has no resources."""
        try:
            self.post("reset")
        except OSError:
            return False
        return True

    def post(self, path: str, body: str = "") -> None:
        """Sends a request to moto's own API."""
        headers = {"Content-Type": "text/plain"}
        request = urllib.request.Request(f"{self.url}/moto-api/{path}", body.encode(), headers)
        urllib.request.urlopen(request, timeout=30).close()

    def client(self, service: str) -> object:
        """Returns a client that may do everything."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 (no secret)
        )

    def run(self, arguments: list, credentials: dict | None = None) -> tuple:
        """Runs the program and returns its exit code and output."""
        credentials = credentials or {"AccessKeyId": "test", "SecretAccessKey": "test"}
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
        }
        if "SessionToken" in credentials:
            environment["AWS_SESSION_TOKEN"] = credentials["SessionToken"]
        done = subprocess.run(  # noqa: S603 (no external input)
            [self.program, *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def template(self, name: str) -> None:
        """Writes the template."""
        (self.folder / "template.yaml").write_text(TEMPLATE.format(name=name))

    def prepare(self, deployments: int) -> None:
        """Empties the account and deploys as often as asked; the next deployment has changes."""
        self.post("reset")
        self.post("reset-auth", str(UNRESTRICTED))
        shutil.rmtree(self.folder / ".cache", ignore_errors=True)
        for number in range(deployments):
            self.template(f"name{number}")
            code, _, errors = self.run(["apply", "--yes"])
            if code:
                raise SystemExit(f"the preparation failed: {errors}")
        self.template("next")

    def attempt(self, arguments: list, statements: list) -> tuple:
        """Runs the program as a role with these statements."""
        iam = self.client("iam")
        trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        document = {"Version": "2012-10-17", "Statement": [trust]}
        role = iam.create_role(RoleName="tried", AssumeRolePolicyDocument=json.dumps(document))
        policy = {"Version": "2012-10-17", "Statement": statements}
        iam.put_role_policy(RoleName="tried", PolicyName="own", PolicyDocument=json.dumps(policy))
        assumed = self.client("sts").assume_role(RoleArn=role["Role"]["Arn"], RoleSessionName="try")
        self.post("reset-auth", "0")
        return self.run(arguments, assumed["Credentials"])


def for_moto(statement: dict) -> dict:
    """Returns a statement with `*`, unless it is for S3, and without conditions."""
    is_s3 = all(action.startswith("s3:") for action in statement["Action"])
    resource = statement["Resource"] if is_s3 else ["*"]
    return {"Effect": "Allow", "Action": statement["Action"], "Resource": resource}


def without(statements: list, action: str) -> list:
    """Returns the statements without an action."""
    kept = [{**it, "Action": [one for one in it["Action"] if one != action]} for it in statements]
    return [it for it in kept if it["Action"]]


def shape(text: str) -> str:
    """Returns a text without what differs from run to run."""
    text = re.sub(r"[0-9a-f-]{36}|\b[0-9a-f]{16}\b|-[a-z0-9]{12}\b|\d+(\.\d+)?( m?s\b)?", "0", text)
    return re.sub(r"stackctl-tmp-\S+|\s+", " ", text)


def main() -> int:
    """Tries every case and prints a table."""
    program = str(pathlib.Path(sys.argv[1]).resolve())
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        cloud = Cloud(program, pathlib.Path(folder))
        try:
            (cloud.folder / "manifest.toml").write_text(MANIFEST)
            cloud.template("first")
            for command, arguments, deployments in CASES:
                if sys.argv[2:] and command not in sys.argv[2:]:
                    continue
                _, printed, _ = cloud.run(["iam-policy", command])
                statements = [for_moto(it) for it in json.loads(printed)["Statement"]]
                cloud.prepare(deployments)
                code, output, errors = cloud.attempt(arguments, statements)
                words = " ".join(arguments)
                print(f"## `{words}` after {deployments} deployments: exit code {code}", flush=True)
                if code:
                    failed += 1
                    print(errors)
                    continue
                actions = sorted({it for statement in statements for it in statement["Action"]})
                results: dict = {"fails": [], "does less": [], "no difference": []}
                for action in actions:
                    cloud.prepare(deployments)
                    less, other, message = cloud.attempt(arguments, without(statements, action))
                    if less:
                        results["fails"].append(action)
                    elif shape(message) != shape(errors) or shape(other) != shape(output):
                        results["does less"].append(action)
                    else:
                        results["no difference"].append(action)
                for result, found in results.items():
                    print(f"- {result}: {', '.join(found) or 'none'}", flush=True)
        finally:
            cloud.process.terminate()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
