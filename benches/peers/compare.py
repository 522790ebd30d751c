#!/usr/bin/env python3
"""Deploys one stack with stackctl and other tools, through one latency proxy, and prints a table.

    cargo build --release
    cargo build --release --example latency_proxy
    python3 benches/peers/compare.py --runs 5

Every tool gets the same template, the same handler, the same emulator, and the same proxy, which
delays each request by 40 ms. The other tools are installed from PyPI and npm into temporary folders
below target/peers. Each run deploys a stack, deploys it again unchanged, plans a change of the
handler's code, deploys the change, and deletes the stack. The first run of each tool is not
counted, so that the creation of its bucket and a cold disk do not matter. The table contains the
medians of the seconds and the numbers of calls.
"""

import argparse
import datetime
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STEPS = ["first", "no-op", "plan", "code-only"]
BUCKET = "peers-artifacts"

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


class Tool:
    """A tool that deploys the stack, in its own folder."""

    def __init__(self, bench, name, packages=(), npm=()):
        self.bench, self.name = bench, name
        self.folder = bench.work / name / "project"
        self.packages, self.npm = packages, npm
        self.home = bench.work / name / "tool"
        self.path = self.home / ("node_modules/.bin" if npm else "bin")

    def install(self):
        if not self.path.exists():
            if self.npm:
                self.home.mkdir(parents=True)
                subprocess.run(
                    ["npm", "install", "--silent", "--no-audit", "--no-fund", *self.npm],
                    cwd=self.home,
                    check=True,
                )
            elif self.packages:
                subprocess.run([sys.executable, "-m", "venv", self.home], check=True)
                pip = [self.home / "bin/python", "-m", "pip", "install", "--quiet"]
                subprocess.run([*pip, *self.packages], check=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(ROOT / "handler", self.folder / "handler")

    def version(self):
        if self.npm:
            package = self.home / "node_modules" / self.npm[0].split("@")[0] / "package.json"
            return json.loads(package.read_text())["version"]
        pip = [self.home / "bin/python", "-m", "pip", "show", self.packages[0]]
        shown = subprocess.run(pip, check=True, capture_output=True, text=True).stdout
        return re.search(r"^Version: (.*)$", shown, re.MULTILINE)[1]

    def change_code(self, number):
        with (self.folder / "handler/app.py").open("a") as handler:
            handler.write(f"# change {number}\n")

    def run(self, *commands, endpoint=None):
        environment = self.bench.environment(endpoint or self.bench.proxy)
        environment["PATH"] = f"{self.path}:{os.environ['PATH']}"
        for command in commands:
            done = subprocess.run(
                command, cwd=self.folder, env=environment, capture_output=True, text=True
            )
            if done.returncode:
                sys.exit(f"{self.name}: {' '.join(command)}\n{done.stdout}\n{done.stderr}")

    def prepare(self):
        """Writes the files that the tool needs in addition to the handler."""

    def step(self, step):
        raise NotImplementedError


class Stackctl(Tool):
    def install(self):
        super().install()
        for name in ["manifest.toml", "templates", "tests/data"]:
            source, target = ROOT / name, self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
        manifest = (self.folder / "manifest.toml").read_text()
        emulated = manifest.split("[environments.local]")[1].replace("emulator = true", "")
        emulated = emulated.replace("after_apply = true", "after_apply = false")
        emulated = emulated.replace("dev-file-metadata-bucket", "peers-file-metadata-bucket")
        self.path = self.bench.stackctl.parent
        with (self.folder / "manifest.toml").open("a") as file:
            file.write(f"\n[environments.peers]\nallow_endpoint = true\n{emulated}")

    def version(self):
        shown = subprocess.run([self.bench.stackctl, "--version"], capture_output=True, text=True)
        return shown.stdout.split()[1]

    def step(self, step):
        stackctl = [str(self.bench.stackctl)]
        command = ["plan"] if step == "plan" else ["apply", "--yes"]
        self.run(stackctl + command + ["-e", "peers"])


class AwsCli(Tool):
    def prepare(self):
        self.bench.write_template(self.folder / "template.yaml", "handler")

    def step(self, step):
        package = ["aws", "cloudformation", "package", "--template-file", "template.yaml"]
        package += ["--s3-bucket", BUCKET, "--output-template-file", "packaged.yaml"]
        deploy = ["aws", "cloudformation", "deploy", "--template-file", "packaged.yaml"]
        deploy += ["--stack-name", self.name, "--capabilities", "CAPABILITY_IAM"]
        deploy += ["--no-fail-on-empty-changeset"]
        deploy += ["--no-execute-changeset"] if step == "plan" else []
        self.run(package, deploy)


class Sam(AwsCli):
    def step(self, step):
        deploy = ["sam", "deploy", "--template-file", "template.yaml", "--stack-name", self.name]
        deploy += ["--s3-bucket", BUCKET, "--capabilities", "CAPABILITY_IAM"]
        deploy += ["--no-confirm-changeset", "--no-fail-on-empty-changeset"]
        deploy += ["--no-execute-changeset"] if step == "plan" else []
        self.run(deploy)


class Cdk(AwsCli):
    def prepare(self):
        # The asset defines the location of the code.
        self.bench.write_template(
            self.folder / "template.yaml", "{ S3Bucket: replaced, S3Key: replaced }"
        )
        names = {"bucket": BUCKET, "account": self.bench.account, "region": self.bench.region}
        (self.folder / "app.js").write_text(CDK_APP % names)
        modules = self.folder / "node_modules"
        modules.unlink(missing_ok=True)
        modules.symlink_to(self.home / "node_modules")

    def step(self, step):
        command = ["diff"] if step == "plan" else ["deploy", "--require-approval", "never"]
        self.run(["cdk", "--app", "node app.js", *command, "cdk"])


class Sceptre(Tool):
    """Uploads no code: its stack names an existing object."""

    def prepare(self):
        (self.folder / "templates").mkdir()
        (self.folder / "config").mkdir()
        code = f"{{ S3Bucket: {BUCKET}, S3Key: handler.zip }}"
        self.bench.write_template(self.folder / "templates/template.yaml", code)
        config = f"project_code: peers\nregion: {self.bench.region}\n"
        (self.folder / "config/config.yaml").write_text(config)
        stack = f"stack_name: {self.name}\ntemplate:\n  type: file\n  path: template.yaml\n"
        (self.folder / "config/stack.yaml").write_text(stack)
        self.planned = 0

    def step(self, step):
        if step == "code-only":
            return
        command = ["launch", "--yes", "stack.yaml"]
        if step == "plan":
            self.planned += 1
            command = ["create", "--yes", "stack.yaml", f"plan-{self.planned}"]
        self.run(["sceptre", *command])


class Bench:
    def __init__(self, arguments):
        self.arguments = arguments
        self.stackctl, self.work = arguments.stackctl.resolve(), arguments.work.resolve()
        self.calls = []

    def environment(self, endpoint):
        return {
            "HOME": str(self.work / "home"),
            "PATH": os.environ["PATH"],
            "STACKCTL_CACHE_DIR": str(self.work / "cache"),
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": self.account,
            "AWS_SECRET_ACCESS_KEY": "of-the-emulator",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "SAM_CLI_TELEMETRY": "0",
            "CDK_DISABLE_CLI_TELEMETRY": "1",
            "CI": "true",
        }

    def write_template(self, path, code):
        """Writes the template that stackctl renders, with another location of the code."""
        rendered = subprocess.run(
            [self.stackctl, "render", "-e", "peers"],
            cwd=self.work / "stackctl/project",
            env=self.environment(""),
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        text, count = re.subn(r"Code:\n +S3Bucket: .*\n +S3Key: .*\n", f"Code: {code}\n", rendered)
        if count != 1:
            sys.exit("the template has changed: cannot find the code of the function")
        path.write_text(text)

    def local(self, *command):
        environment = {name: os.environ[name] for name in ["PATH"]}
        environment["HOME"] = str(self.work / "home")
        environment["STACKCTL_CACHE_DIR"] = str(self.work / "cache")
        done = subprocess.run(
            [self.stackctl, *command, "-e", "local"],
            cwd=self.work / "stackctl/project",
            env=environment,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            sys.exit(done.stderr)
        return done.stdout

    def start(self):
        """Starts the emulator with the template's key pair, and the proxy in front of it."""
        self.local("local", "start")
        self.local("local", "reset")
        self.local("local", "start")
        self.local("status")
        status = json.loads(self.local("local", "status", "--format", "json"))
        self.emulator, self.account = status["endpoint"], status["account"]
        self.region = status["region"]
        upstream = self.emulator.removeprefix("http://")
        proxy = [self.arguments.proxy, "0", upstream, str(self.arguments.delay)]
        self.process = subprocess.Popen(proxy, stdout=subprocess.PIPE, text=True)
        self.proxy = self.process.stdout.readline().split()[-1]
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.process.stdout:
            self.calls.append(line.strip())

    def stop(self):
        self.process.terminate()
        self.local("local", "stop")

    def measure(self, tool):
        """Returns the seconds and calls of each step, one entry per run."""
        tool.prepare()
        measured = {step: [] for step in STEPS}
        for number in range(self.arguments.runs + 1):
            for step in STEPS:
                if step == "plan":
                    tool.change_code(number)
                self.calls.clear()
                begun = time.monotonic()
                tool.step(step)
                seconds = time.monotonic() - begun
                time.sleep(0.2)
                if self.calls and number:
                    measured[step].append((seconds, len(self.calls)))
            stack = "file-metadata-peers" if tool.name == "stackctl" else tool.name
            self.aws_cli.run(
                ["aws", "cloudformation", "delete-stack", "--stack-name", stack],
                ["aws", "cloudformation", "wait", "stack-delete-complete", "--stack-name", stack],
                endpoint=self.emulator,
            )
        return measured

    def run(self):
        tools = [
            Stackctl(self, "stackctl"),
            AwsCli(self, "aws-cli", ["awscli"]),
            Sam(self, "sam", ["aws-sam-cli"]),
            Cdk(self, "cdk", npm=["aws-cdk@2", "aws-cdk-lib@~2.274.0", "constructs"]),
            Sceptre(self, "sceptre", ["sceptre"]),
        ]
        only = self.arguments.only or [tool.name for tool in tools]
        tools = [tool for tool in tools if tool.name in [*only, "stackctl", "aws-cli"]]
        self.aws_cli = tools[1]
        (self.work / "home").mkdir(parents=True, exist_ok=True)
        for tool in tools:
            tool.install()
        self.start()
        try:
            self.aws_cli.run(["aws", "s3", "mb", f"s3://{BUCKET}"], endpoint=self.emulator)
            today = datetime.datetime.now(tz=datetime.timezone.utc).date()
            line = f"{self.arguments.delay} ms a call, medians of {self.arguments.runs} runs"
            print(f"{today}, {line}: seconds (calls)\n")
            print("| tool | version | " + " | ".join(STEPS) + " |")
            print("| --- " * (len(STEPS) + 2) + "|")
            for tool in tools:
                if tool.name in only:
                    cells = [cell(runs) for runs in self.measure(tool).values()]
                    print(f"| {tool.name} | {tool.version()} | {' | '.join(cells)} |", flush=True)
        finally:
            self.stop()


def cell(runs):
    if not runs:
        return "-"
    seconds, calls = zip(*runs, strict=True)
    return f"{statistics.median(seconds):.2f} ({statistics.median_low(calls)})"


def arguments(description, runs):
    """Returns the options that all comparisons have."""
    target = ROOT / "target"
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--stackctl", type=Path, default=target / "release/stackctl")
    proxy = target / "release/examples/latency_proxy"
    parser.add_argument("--proxy", type=Path, default=proxy)
    parser.add_argument("--work", type=Path, default=target / "peers")
    parser.add_argument("--runs", type=int, default=runs)
    parser.add_argument("--delay", type=int, default=40, help="milliseconds before each request")
    parser.add_argument("--only", nargs="*", help="run only these tools")
    return parser


def main():
    Bench(arguments("compares stackctl with other tools", 5).parse_args()).run()


if __name__ == "__main__":
    main()
