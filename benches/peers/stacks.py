#!/usr/bin/env python3
"""Plans many unchanged stacks with stackctl, Sceptre and CDK through one latency proxy.

    cargo build --release
    cargo build --release --example latency_proxy
    python3 benches/peers/stacks.py --stacks 20 --runs 5

Each tool deploys the same small stacks on the emulator and then plans them in turns: every run
plans with each tool once, so that all of them meet the same load of the machine. `compare.py`
installs the tools and starts the emulator and the proxy. The first run is not counted. The table
contains the medians and the minima of the seconds, and the numbers of calls.
"""

import datetime
import os
import statistics
import sys
import time

import compare

TEMPLATE = """Resources:
  Topic: { Type: AWS::SNS::Topic, Properties: { DisplayName: "%s" } }
Outputs:
  Arn: { Value: !Ref Topic }
"""

CDK_APP = """
const cdk = require('aws-cdk-lib');
const { CfnInclude } = require('aws-cdk-lib/cloudformation-include');
const synthesizer = () => new cdk.CliCredentialsStackSynthesizer({ fileAssetsBucketName: '%s' });
const env = { account: '%s', region: '%s' };
const app = new cdk.App();
for (const name of %s) {
  const stack = new cdk.Stack(app, `cdk-${name}`, { synthesizer: synthesizer(), env });
  new CfnInclude(stack, 'Template', { templateFile: `${name}.yaml` });
}
"""


def names(count):
    return [f"s{number:02}" for number in range(count)]


class Stackctl(compare.Stackctl):
    """Also has one stack of the same kind, for comparison."""

    def write(self, stacks):
        for name in stacks:
            (self.folder / f"{name}.yaml").write_text(TEMPLATE % name)
        manifest = 'project = "many"\nenvironment = "dev"\n'
        manifest += "[environments.dev]\nallow_endpoint = true\n"
        manifest += "".join(f'[stacks.{name}]\ntemplate = "{name}.yaml"\n' for name in stacks)
        (self.folder / "many.toml").write_text(manifest)

    def command(self, *command):
        self.run([str(self.bench.stackctl), "--manifest", "many.toml", *command])

    def deploy(self):
        self.command("apply", "--yes")

    def plan(self):
        self.command("plan")


class OneStack(Stackctl):
    """The first of the stacks alone."""

    def deploy(self):
        pass

    def plan(self):
        self.command("plan", "-s", "s00")


class Cdk(compare.Cdk):
    def write(self, stacks):
        for name in stacks:
            (self.folder / f"{name}.yaml").write_text(TEMPLATE % name)
        place = (compare.BUCKET, self.bench.account, self.bench.region, stacks)
        (self.folder / "app.js").write_text(CDK_APP % place)
        modules = self.folder / "node_modules"
        modules.unlink(missing_ok=True)
        modules.symlink_to(self.home / "node_modules")

    def deploy(self):
        deploy = ["deploy", "--all", "--require-approval", "never", "--concurrency", "10"]
        self.run(["cdk", "--app", "node app.js", *deploy])

    def plan(self):
        self.run(["cdk", "--app", "node app.js", "diff", "--all"])


class Sceptre(compare.Sceptre):
    """Launches unchanged stacks: `diff` needs `NotificationARNs`, which the emulator leaves out."""

    def write(self, stacks):
        (self.folder / "templates").mkdir()
        (self.folder / "config").mkdir()
        config = f"project_code: peers\nregion: {self.bench.region}\n"
        (self.folder / "config/config.yaml").write_text(config)
        for name in stacks:
            (self.folder / f"templates/{name}.yaml").write_text(TEMPLATE % name)
            stack = f"stack_name: sceptre-{name}\ntemplate:\n  type: file\n  path: {name}.yaml\n"
            (self.folder / f"config/{name}.yaml").write_text(stack)

    def deploy(self):
        # CDK uploads its templates to a bucket.
        create = f"import boto3; boto3.client('s3').create_bucket(Bucket='{compare.BUCKET}')"
        self.run(["python", "-c", create], ["sceptre", "launch", "--yes", "."])

    def plan(self):
        self.run(["sceptre", "launch", "--yes", "."])


class Bench(compare.Bench):
    def timed(self, tool):
        self.calls.clear()
        begun = time.monotonic()
        tool.plan()
        seconds = time.monotonic() - begun
        time.sleep(0.2)
        return seconds, len(self.calls)

    def run(self):
        count = self.arguments.stacks
        tools = [
            Stackctl(self, "stackctl"),
            OneStack(self, "stackctl, one stack"),
            Sceptre(self, "sceptre", ["sceptre"]),
            Cdk(self, "cdk", npm=["aws-cdk@2", "aws-cdk-lib@~2.274.0", "constructs"]),
        ]
        tools[1].folder = tools[0].folder
        only = self.arguments.only or [tool.name for tool in tools]
        if "cdk" in only:
            only = [*only, "sceptre"]
        tools = [tool for tool in tools if tool.name in only or tool.name == "stackctl"]
        (self.work / "home").mkdir(parents=True, exist_ok=True)
        for tool in tools:
            if not isinstance(tool, OneStack):
                tool.install()
        self.start()
        measured = {tool.name: [] for tool in tools}
        try:
            for tool in tools:
                if isinstance(tool, OneStack):
                    tool.path = self.stackctl.parent
                else:
                    tool.write(names(count))
                tool.deploy()
            for number in range(self.arguments.runs + 1):
                for tool in tools:
                    timed = self.timed(tool)
                    if number:
                        measured[tool.name].append(timed)
        finally:
            self.stop()
        today = datetime.datetime.now(tz=datetime.timezone.utc).date()
        load = " ".join(f"{it:.2f}" for it in os.getloadavg())
        line = f"{today}, {count} stacks, {self.arguments.delay} ms a call, "
        print(f"{line}{self.arguments.runs} runs, load at the end {load}\n")
        print("| tool | version | median | minimum | calls |")
        print("| --- " * 5 + "|")
        for tool in tools:
            seconds, calls = zip(*measured[tool.name], strict=True)
            cells = f"{statistics.median(seconds):.2f} | {min(seconds):.2f}"
            print(f"| {tool.name} | {tool.version()} | {cells} | {statistics.median_low(calls)} |")


def main():
    parser = compare.arguments("compares plans of many stacks with other tools", 5)
    parser.add_argument("--stacks", type=int, default=20)
    Bench(parser.parse_args()).run()


if __name__ == "__main__":
    sys.exit(main())
