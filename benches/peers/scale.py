#!/usr/bin/env python3
"""Plans and applies many stacks through a proxy that throttles CloudFormation, and prints a table.

    cargo build --release
    python3 benches/peers/scale.py --stacks 1 10 100 --rates 0 20 10 5

The stacks are applied on the local emulator. The proxy delays each request by 40 ms and accepts,
for each account and region, so many calls of CloudFormation a second and 10 at once after a pause;
a rate of 0 accepts all. AWS publishes neither number. Each cell of the table contains seconds,
calls of CloudFormation, how many of them were throttled, and how often one call was retried at
most.
"""

import argparse
import collections
import http.client
import http.server
import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BURST = 10
SCOPE = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request")
THROTTLED = (
    b"<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code>"
    b"<Message>Rate exceeded</Message></Error><RequestId>0</RequestId></ErrorResponse>"
)
NO_CONTENT = 204
TEMPLATE = (
    "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\nOutputs:\n  Arn: { Value: !Ref Topic }\n"
)


class Bucket:
    def __init__(self, rate):
        self.rate, self.tokens, self.counted = rate, BURST, time.monotonic()

    def take(self):
        now = time.monotonic()
        self.tokens = min(BURST, self.tokens + (now - self.counted) * self.rate)
        self.counted = now
        if self.rate and self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Proxy(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, upstream, delay):
        super().__init__(("127.0.0.1", 0), Handler)
        self.upstream, self.delay = upstream, delay
        self.lock = threading.Lock()
        self.reset(0)

    def reset(self, rate):
        with self.lock:
            self.rate, self.buckets = rate, {}
            self.calls = self.throttled = 0
            self.attempts = collections.Counter()

    def accepts(self, headers):
        scope = SCOPE.search(headers.get("authorization", ""))
        if not scope or scope[3] != "cloudformation":
            return True
        with self.lock:
            bucket = self.buckets.setdefault(scope[1] + scope[2], Bucket(self.rate))
            accepted = bucket.take()
            self.calls += 1
            self.throttled += not accepted
            self.attempts[headers.get("amz-sdk-invocation-id", "")] += 1
            return accepted

    def summary(self, seconds):
        retries = max(self.attempts.values(), default=1) - 1
        return f"{seconds:.1f} s, {self.calls} calls, {self.throttled} throttled, {retries}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    upstream = None

    def forward(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        time.sleep(self.server.delay)
        if not self.server.accepts(self.headers):
            self.reply(400, [("content-type", "text/xml")], THROTTLED)
            return
        if self.upstream is None:
            self.upstream = http.client.HTTPConnection(self.server.upstream)
        self.upstream.request(self.command, self.path, body, dict(self.headers))
        answer = self.upstream.getresponse()
        dropped = {"content-length", "transfer-encoding", "connection"}
        headers = [(k, v) for k, v in answer.getheaders() if k.lower() not in dropped]
        self.reply(answer.status, headers, answer.read(), answer.getheader("content-length"))

    def reply(self, status, headers, body, length=None):
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != NO_CONTENT:
            self.send_header("content-length", length if self.command == "HEAD" else len(body))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *arguments):
        pass


for method in ["GET", "POST", "PUT", "DELETE", "HEAD"]:
    setattr(Handler, f"do_{method}", Handler.forward)


class Bench:
    def __init__(self, arguments):
        self.arguments = arguments
        self.stackctl = arguments.stackctl.resolve()
        self.work = arguments.work.resolve()

    def write(self, count):
        folder = self.work / f"stacks-{count}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "template.yaml").write_text(TEMPLATE)
        manifest = 'project = "scale"\nenvironment = "dev"\ntemplate = "template.yaml"\n'
        manifest += "[environments.dev]\nallow_endpoint = true\n"
        manifest += "".join(f"[stacks.s{number:03}]\n" for number in range(count))
        (folder / "manifest.toml").write_text(manifest)
        return folder

    def environment(self, endpoint):
        return {
            "HOME": str(self.work),
            "PATH": os.environ["PATH"],
            "STACKCTL_CACHE_DIR": os.environ.get("STACKCTL_CACHE_DIR", str(self.work / "cache")),
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": self.account,
            "AWS_SECRET_ACCESS_KEY": "of-the-emulator",
            "AWS_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CI": "true",
        }

    def local(self, *command):
        folder = self.work / "emulator"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "template.yaml").write_text(TEMPLATE)
        manifest = 'project = "scale"\nenvironment = "local"\ntemplate = "template.yaml"\n'
        manifest += "[environments.local]\nemulator = true\n"
        (folder / "manifest.toml").write_text(manifest)
        command = [self.stackctl, "local", *command]
        environment = {name: os.environ[name] for name in ["PATH", "HOME"]}
        if "STACKCTL_CACHE_DIR" in os.environ:
            environment["STACKCTL_CACHE_DIR"] = os.environ["STACKCTL_CACHE_DIR"]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
        return done.stdout

    def measure(self, proxy, folder, rate, *command):
        """Runs one or more processes at the same time, and returns what the proxy has seen."""
        proxy.reset(rate)
        environment = self.environment(f"http://127.0.0.1:{proxy.server_address[1]}")
        begun = time.monotonic()
        running = [
            subprocess.Popen(
                [self.stackctl, *command, *more],
                cwd=folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for more in self.arguments.process or [[]]
        ]
        for process in running:
            output = process.communicate()[0]
            if process.returncode:
                print(output[-3000:], file=sys.stderr)
        return proxy.summary(time.monotonic() - begun)

    def run(self):
        print("| stacks | calls a second | apply, first | plan, unchanged |", flush=True)
        print("| --- " * 4 + "|")
        for count in self.arguments.stacks:
            for rate in self.arguments.rates:
                folder = self.write(count)
                self.local("start")
                status = json.loads(self.local("status", "--format", "json"))
                self.account, self.region = status["account"], status["region"]
                proxy = Proxy(status["endpoint"].removeprefix("http://"), self.arguments.delay)
                threading.Thread(target=proxy.serve_forever, daemon=True).start()
                try:
                    first = self.measure(proxy, folder, rate, "apply", "--yes")
                    plan = self.measure(proxy, folder, rate, "plan")
                    print(f"| {count} | {rate or 'all'} | {first} | {plan} |", flush=True)
                finally:
                    proxy.shutdown()
                    self.local("reset")
                    self.local("stop")


def main():
    target = ROOT / "target"
    parser = argparse.ArgumentParser(description="measures many stacks under throttling")
    parser.add_argument("--stackctl", type=Path, default=target / "release/stackctl")
    parser.add_argument("--work", type=Path, default=target / "scale")
    parser.add_argument("--stacks", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--rates", type=float, nargs="+", default=[0, 20, 10, 5])
    parser.add_argument("--delay", type=float, default=0.04, help="seconds before each request")
    parser.add_argument(
        "--process",
        action="append",
        type=str.split,
        help="options of one of several processes, such as `-s s0*`; repeatable",
    )
    Bench(parser.parse_args()).run()


if __name__ == "__main__":
    main()
