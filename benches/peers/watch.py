#!/usr/bin/env python3
"""Measures the time from a save of a function's code to the first answer of the new code.

    cargo build --release
    cargo build --release --example latency_proxy
    python3 benches/peers/watch.py --runs 10

`stackctl watch --hotswap`, `sam sync --watch --code` and `cdk watch` get the same function, the
same emulator and the same proxy, which delays each request by 40 ms. Each tool deploys a stack and
begins to watch. Then the code is saved, and the function is invoked without the proxy again and
again until it answers with the new code. The first save of each tool is not counted. The tools take
turns, so that a busy machine is the same for all. The table contains the medians of the seconds and
the calls of a save.
"""

import datetime
import json
import os
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from compare import BUCKET, AwsCli, Bench, Stackctl, Tool, arguments

CODE = "def handler(event, context):\n    return {}\n"
MANIFEST = """
project = "watched"
region = "{region}"
template = "template.yaml"

[environments.local]
emulator = true

[environments.peers]
allow_endpoint = true
watch = "hotswap"
"""
TEMPLATE = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {{ Service: lambda.amazonaws.com }}
            Action: sts:AssumeRole
  Handler:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: {name}
      Handler: app.handler
      Runtime: python3.11
      Role: !GetAtt Role.Arn
      Code: {code}
"""
CDK_APP = """
const cdk = require('aws-cdk-lib');
const { CfnInclude } = require('aws-cdk-lib/cloudformation-include');
const { Asset } = require('aws-cdk-lib/aws-s3-assets');
const synthesizer = new cdk.CliCredentialsStackSynthesizer({ fileAssetsBucketName: '%(bucket)s' });
const env = { account: '%(account)s', region: '%(region)s' };
const stack = new cdk.Stack(new cdk.App(), 'cdk', { synthesizer, env });
const code = new Asset(stack, 'Code', { path: 'handler' });
const template = new CfnInclude(stack, 'Template', { templateFile: 'template.yaml' });
template.getResource('Handler').code = { s3Bucket: code.s3BucketName, s3Key: code.s3ObjectKey };
"""


class Watched:
    """What all tools share: the function, its code, and the process that watches."""

    code = "handler"
    ready = ""

    def prepare(self):
        (self.folder / "handler").mkdir(parents=True, exist_ok=True)
        self.save(0)
        text = TEMPLATE.format(name=f"{self.name}-handler", code=self.code)
        (self.folder / "template.yaml").write_text(text)

    def save(self, number):
        (self.folder / "handler/app.py").write_text(CODE.format(number))

    def watch(self):
        environment = self.bench.environment(self.bench.proxy)
        environment["PATH"] = f"{self.path}:{os.environ['PATH']}"
        self.log = (self.bench.work / f"{self.name}.log").open("w+")
        self.process = subprocess.Popen(
            self.command(),
            cwd=self.folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        # SAM asks whether the stack is one for development.
        self.process.stdin.write(b"y\n")
        self.process.stdin.flush()
        self.wait(lambda: self.ready in Path(self.log.name).read_text(), 180, self.ready)

    def wait(self, happened, seconds, what):
        end = time.monotonic() + seconds
        while not happened():
            if time.monotonic() > end or self.process.poll() is not None:
                sys.exit(f"{self.name}: no {what}\n{Path(self.log.name).read_text()[-3000:]}")
            time.sleep(0.01)

    def measure(self, number):
        """Returns the seconds from the save to the answer, and the calls."""
        name = f"{self.name}-handler"
        old = self.bench.digest(name)
        self.bench.calls.clear()
        begun = time.monotonic()
        self.save(number)
        # A function that is invoked during the update may start a process with the old code.
        self.wait(lambda: self.bench.digest(name) != old, 60, "new code")
        self.wait(lambda: self.bench.invoke(name) == number, 60, "answer of the new code")
        seconds = time.monotonic() - begun
        # What follows belongs to this save.
        time.sleep(3)
        return seconds, len(self.bench.calls)

    def end(self):
        os.killpg(self.process.pid, signal.SIGINT)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)


class StackctlWatch(Watched, Stackctl):
    code = "handler"
    ready = "Waiting for a save"

    def install(self):
        Tool.install(self)
        self.path = self.bench.stackctl.parent
        (self.folder / "manifest.toml").write_text(MANIFEST.format(region="us-east-1"))

    def prepare(self):
        super().prepare()
        self.run([str(self.bench.stackctl), "apply", "--yes", "-e", "peers"])

    def command(self):
        return [self.bench.stackctl, "watch", "--hotswap", "--no-logs", "-e", "peers"]


class SamWatch(Watched, AwsCli):
    ready = "Sync watch started"
    deploy = "sam deploy --template-file template.yaml --stack-name sam --s3-bucket"

    def prepare(self):
        super().prepare()
        capabilities = ["--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset"]
        self.run([*self.deploy.split(), BUCKET, *capabilities])

    def command(self):
        sync = "sam sync --watch --code --template-file template.yaml --stack-name sam --s3-bucket"
        return [*sync.split(), BUCKET, "--capabilities", "CAPABILITY_IAM"]


class CdkWatch(Watched, AwsCli):
    code = "{ S3Bucket: replaced, S3Key: replaced }"
    ready = "Deployment time"

    def prepare(self):
        super().prepare()
        names = {"bucket": BUCKET, "account": self.bench.account, "region": self.bench.region}
        (self.folder / "app.js").write_text(CDK_APP % names)
        watch = {"include": ["handler/**"]}
        (self.folder / "cdk.json").write_text(json.dumps({"app": "node app.js", "watch": watch}))
        modules = self.folder / "node_modules"
        modules.unlink(missing_ok=True)
        modules.symlink_to(self.home / "node_modules")
        self.run(["cdk", "deploy", "--require-approval", "never", "cdk"])

    def command(self):
        return ["cdk", "watch", "--no-logs", "cdk"]


class WatchBench(Bench):
    def call(self, path, data=None):
        """Returns the answer of the emulator, which checks no signature; None if it fails."""
        scope = f"{self.account}/20260101/{self.region}/lambda/aws4_request"
        signed = "SignedHeaders=host, Signature=0"
        headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, {signed}"}
        url = f"{self.emulator}/2015-03-31/functions/{path}"
        request = urllib.request.Request(url, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.loads(answer.read())
        except (OSError, ValueError):
            return None

    def digest(self, name):
        """Returns the digest of the function's code."""
        return (self.call(f"{name}/configuration") or {}).get("CodeSha256")

    def invoke(self, name):
        """Returns what the function answers."""
        return self.call(f"{name}/invocations", b"{}")

    def run(self):
        tools = [
            StackctlWatch(self, "stackctl"),
            SamWatch(self, "sam", ["aws-sam-cli"]),
            CdkWatch(self, "cdk", npm=["aws-cdk@2", "aws-cdk-lib@~2.274.0", "constructs"]),
        ]
        only = self.arguments.only or [tool.name for tool in tools]
        tools = [tool for tool in tools if tool.name in [*only, "stackctl"]]
        (self.work / "home").mkdir(parents=True, exist_ok=True)
        for tool in tools:
            tool.install()
        self.start()
        aws_cli = AwsCli(self, "aws-cli", ["awscli"])
        aws_cli.install()
        try:
            aws_cli.run(["aws", "s3", "mb", f"s3://{BUCKET}"], endpoint=self.emulator)
            for tool in tools:
                tool.prepare()
                tool.watch()
            measured = {tool: [] for tool in tools}
            for number in range(1, self.arguments.runs + 2):
                for tool in tools:
                    measured[tool].append(tool.measure(number))
            today = datetime.datetime.now(tz=datetime.timezone.utc).date()
            load = os.getloadavg()[1]
            line = f"{self.arguments.delay} ms a call, medians of {self.arguments.runs} saves"
            print(f"{today}, {line}, load {load:.1f}: seconds (calls)\n")
            print("| tool | version | save to answer | slowest |\n| --- | --- | --- | --- |")
            for tool in tools:
                seconds, calls = zip(*measured[tool][1:], strict=True)
                median = f"{statistics.median(seconds):.2f} ({statistics.median_low(calls)})"
                print(f"| {tool.name} | {tool.version()} | {median} | {max(seconds):.2f} |")
        finally:
            for tool in tools:
                if hasattr(tool, "process"):
                    tool.end()
            self.stop()


def main():
    parser = arguments("compares the time from a save to an answer", 10)
    WatchBench(parser.parse_args()).run()


if __name__ == "__main__":
    main()
