"""Makes the pages that are tested: projects, what is deployed, and the command of each page."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from service import ACCOUNT, STACK_TYPE, Service, Stack, arn

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ["manifest.toml", "handler", "templates", "tests/data"]
LARGE = 500
# Text that would be an element, an attribute, a script or an end of one, if it were not escaped.
HOSTILE = (
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg onload=alert(1)>",
    "<!--</style><style>*{display:none}</style>",
    "javascript:alert(1)",
    "{{constructor.constructor('alert(1)')()}}",
    "\u202egnp.exe\u200b",
    "]]>&lt;b&gt;&amp;",
)


@dataclass
class Made:
    """A page, and texts that it must show."""

    path: Path
    texts: list[str]


class Project:
    """A folder with a project, in an environment of its own."""

    def __init__(self, program: Path, folder: Path) -> None:
        """Makes the folder, which is empty."""
        self.program, self.folder = program, folder / "project"
        self.cache = folder / "cache"
        shutil.rmtree(folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "STACKCTL_CACHE_DIR": str(self.cache),
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYA",
            "AWS_REGION": "eu-west-1",
            "NO_COLOR": "1",
        }

    def write(self, name: str, text: str) -> None:
        """Writes a file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def edit(self, name: str, old: str, new: str) -> None:
        """Replaces a text in a file, which must contain it."""
        text = (self.folder / name).read_text()
        if old not in text:
            raise ValueError(f"{name} does not contain: {old}")
        self.write(name, text.replace(old, new))

    def run(self, *arguments: str) -> str:
        """Runs the program, and returns what it prints."""
        done = subprocess.run(  # noqa: S603
            [str(self.program), *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode != 0:
            command = " ".join(arguments)
            raise RuntimeError(f"`{command}` exited with {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout

    def deployed(self, stack: str) -> None:
        """Stores what the files say as what was last deployed, for plans without a network."""
        record = {
            "account": ACCOUNT,
            "region": "eu-west-1",
            "stack": stack,
            "at": "2026-01-02T03:04:05Z",
            "template": self.run("render"),
            "parameters": {},
            "tags": {},
        }
        (self.cache / "deployed").mkdir(parents=True, exist_ok=True)
        (self.cache / "deployed" / "record.json").write_text(json.dumps(record))


class Maker:
    """Makes pages below a folder."""

    def __init__(self, program: Path, folder: Path) -> None:
        """Makes the folder."""
        self.program, self.folder = program, folder
        folder.mkdir(parents=True, exist_ok=True)

    def _project(self, name: str) -> Project:
        return Project(self.program, self.folder / name)

    def _page(self, name: str, text: str, texts: list[str]) -> Made:
        path = self.folder / f"{name}.html"
        path.write_text(text)
        return Made(path, texts)

    def plan_example(self) -> Made:
        """Returns the plan of some changes of the example that ships with the program."""
        project = self._project("plan-example")
        for name in EXAMPLE:
            source, target = ROOT / name, project.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)
        project.deployed("file-metadata-dev")
        project.edit("manifest.toml", '"t2.micro"', '"t3.small"')
        project.edit("manifest.toml", "log_retention_days = 30", "log_retention_days = 90")
        project.edit("manifest.toml", '"203.0.113.7/32"', '["203.0.113.7/32", "198.51.100.0/24"]')
        project.edit(
            "templates/stack.yaml.j2", "AttributeName: fileName", "AttributeName: objectKey"
        )
        page = project.run("plan", "--offline", "--format", "html")
        texts = ["file-metadata-dev", "AWS::Lambda::Function", "198.51.100.0/24", "objectKey"]
        return self._page("plan-example", page, texts)

    def plan_large(self) -> Made:
        """Returns the plan of many resources, of which most change."""
        project = self._project("plan-large")
        project.write("manifest.toml", 'project = "large"\ntemplate = "stack.yaml"\n')
        project.write("stack.yaml", large_template(30))
        project.deployed("large-dev")
        project.write("stack.yaml", large_template(90).replace("Queue7x", "Queue7y"))
        page = project.run("plan", "--offline", "--format", "html")
        return self._page("plan-large", page, ["large-dev", "Topic0", f"Topic{LARGE // 5 - 1}"])

    def plan_hostile(self) -> Made:
        """Returns the plan of a template whose texts try to leave their places."""
        project = self._project("plan-hostile")
        project.write("manifest.toml", 'project = "hostile"\ntemplate = "stack.yaml"\n')
        project.write("stack.yaml", hostile_template("before"))
        project.deployed("hostile-dev")
        project.write("stack.yaml", hostile_template("after"))
        page = project.run("plan", "--offline", "--format", "html")
        return self._page("plan-hostile", page, ["hostile-dev", HOSTILE[0], HOSTILE[1]])

    def diff_hostile(self) -> Made:
        """Returns the differences of two templates whose texts try to leave their places."""
        project = self._project("diff-hostile")
        project.write("old.yaml", hostile_template("before"))
        project.write("new.yaml", hostile_template("after"))
        page = project.run("diff", "old.yaml", "new.yaml", "--format", "html")
        return self._page("diff-hostile", page, [HOSTILE[0]])

    def events(self, name: str, stacks: list[Stack], texts: list[str]) -> Made:
        """Returns the timeline of the first of these stacks."""
        project = self._project(name)
        manifest = f'project = "events"\nstack_name = "{stacks[0].name}"\nallow_endpoint = true\n'
        project.write("manifest.toml", manifest + 'template = "stack.yaml"\n')
        project.write("stack.yaml", stacks[0].template)
        with Service(stacks) as service:
            project.environment["AWS_ENDPOINT_URL"] = service.url
            page = project.run("events", "--format", "html")
        return self._page(name, page, texts)


def large_template(retention: int) -> str:
    """Returns a template with many resources of five types that refer to each other."""
    lines = ["Resources:"]
    for number in range(LARGE // 5):
        lines += [
            f"  Topic{number}: {{Type: 'AWS::SNS::Topic'}}",
            f"  Queue{number}:",
            "    Type: AWS::SQS::Queue",
            f"    Properties: {{QueueName: Queue{number}x}}",
            f"  Logs{number}:",
            "    Type: AWS::Logs::LogGroup",
            f"    Properties: {{RetentionInDays: {retention}}}",
            f"  Subscription{number}:",
            "    Type: AWS::SNS::Subscription",
            "    Properties:",
            f"      TopicArn: !Ref Topic{number}",
            "      Protocol: sqs",
            f"      Endpoint: !GetAtt Queue{number}.Arn",
            f"  Alarm{number}:",
            "    Type: AWS::CloudWatch::Alarm",
            "    Properties:",
            f"      AlarmActions: [!Ref Topic{number}]",
            "      ComparisonOperator: GreaterThanThreshold",
            f"      EvaluationPeriods: {retention}",
            "      MetricName: Errors",
            "      Namespace: AWS/Lambda",
            "      Period: 60",
            "      Statistic: Sum",
            "      Threshold: 0",
        ]
    return "\n".join(lines) + "\n"


def hostile_template(state: str) -> str:
    """Returns a template with such texts as values, keys, descriptions and outputs."""
    resources = {
        f"Topic{number}": {
            "Type": "AWS::SNS::Topic",
            "Properties": {
                "DisplayName": f"{text} {state}",
                "TopicName": f"{state} {text}",
                "Tags": [{"Key": text, "Value": f"{state}\n{text}\n{text}"}],
                text: {text: [state, text]},
            },
        }
        for number, text in enumerate(HOSTILE)
    }
    outputs = {
        f"Output{number}": {"Description": text, "Value": f"{text} {state}"}
        for number, text in enumerate(HOSTILE)
    }
    template = {"Description": HOSTILE[0], "Resources": resources, "Outputs": outputs}
    return json.dumps(template, indent=2)


def nested_stacks() -> list[Stack]:
    """Returns a stack with a nested one, both created."""
    root = Stack(
        "shop-prod",
        "CREATE_COMPLETE",
        "Resources:\n"
        "  Network: {Type: 'AWS::CloudFormation::Stack', Properties: {TemplateURL: 'https://x'}}\n"
        "  Role: {Type: 'AWS::IAM::Role', Properties: {}}\n"
        "  Database:\n    Type: AWS::RDS::DBCluster\n    DependsOn: Network\n"
        "  Cache:\n    Type: AWS::ElastiCache::ReplicationGroup\n    DependsOn: Network\n"
        "  Function:\n    Type: AWS::Lambda::Function\n    DependsOn: [Role, Database, Cache]\n"
        "  Service:\n    Type: AWS::ECS::Service\n    DependsOn: [Database, Cache]\n"
        "  Alarm:\n    Type: AWS::CloudWatch::Alarm\n    DependsOn: Service\n",
    )
    inner = Stack(
        "shop-prod-Network-1",
        "CREATE_COMPLETE",
        "Resources:\n"
        "  Vpc: {Type: 'AWS::EC2::VPC'}\n"
        "  Subnet: {Type: 'AWS::EC2::Subnet', DependsOn: Vpc}\n"
        "  Endpoint: {Type: 'AWS::EC2::VPCEndpoint', DependsOn: Vpc}\n",
    )
    for stack in (root, inner):
        stack.add(0 if stack is root else 2, "CREATE_IN_PROGRESS", reason="User Initiated")

    def create(stack: Stack, name: str, kind: str, *times: float) -> None:
        """Adds the start, perhaps the time of the configuration, and the end."""
        stack.add(times[0], "CREATE_IN_PROGRESS", name, kind)
        for at in times[1:-1]:
            detail = "CONFIGURATION_COMPLETE"
            stack.add(at, "CREATE_IN_PROGRESS", name, kind, physical_id=name, detail=detail)
        stack.add(times[-1], "CREATE_COMPLETE", name, kind, physical_id=name)

    create(inner, "Vpc", "AWS::EC2::VPC", 3, 15)
    create(inner, "Subnet", "AWS::EC2::Subnet", 16, 20)
    create(inner, "Endpoint", "AWS::EC2::VPCEndpoint", 16, 38)
    inner.add(39, "CREATE_COMPLETE")
    network = arn(inner.name)
    root.add(1, "CREATE_IN_PROGRESS", "Network", STACK_TYPE)
    root.add(2, "CREATE_IN_PROGRESS", "Network", STACK_TYPE, physical_id=network)
    create(root, "Role", "AWS::IAM::Role", 1, 18)
    root.add(40, "CREATE_COMPLETE", "Network", STACK_TYPE, physical_id=network)
    create(root, "Database", "AWS::RDS::DBCluster", 41, 330, 340)
    create(root, "Cache", "AWS::ElastiCache::ReplicationGroup", 41, 290)
    create(root, "Function", "AWS::Lambda::Function", 341, 350)
    create(root, "Service", "AWS::ECS::Service", 331, 360, 470)
    create(root, "Alarm", "AWS::CloudWatch::Alarm", 361, 363)
    root.add(471, "CREATE_COMPLETE")
    return [root, inner]


def failed_stack() -> Stack:
    """Returns a stack whose update failed and was rolled back, with hostile texts in its events."""
    template = "Resources:\n  Table: {Type: 'AWS::DynamoDB::Table'}\n"
    stack = Stack("hostile-prod", "UPDATE_ROLLBACK_COMPLETE", template)
    stack.add(0, "UPDATE_IN_PROGRESS", reason="User Initiated")
    for number, text in enumerate(HOSTILE):
        name = f"{text}{'x' * 120}{number}"
        stack.add(1, "CREATE_IN_PROGRESS", name, f"Custom::{text}")
        reason = text if number == 0 else "Resource creation cancelled"
        stack.add(20, "CREATE_FAILED", name, f"Custom::{text}", physical_id="x", reason=reason)
    replaced = (
        "Requested update requires the creation of a new physical resource; hence creating one."
    )
    stack.add(2, "UPDATE_IN_PROGRESS", "Table", "AWS::DynamoDB::Table", reason=replaced)
    stack.add(19, "UPDATE_COMPLETE", "Table", "AWS::DynamoDB::Table", physical_id="t")
    stack.add(21, "UPDATE_ROLLBACK_IN_PROGRESS", reason=HOSTILE[1])
    stack.add(22, "UPDATE_IN_PROGRESS", "Table", "AWS::DynamoDB::Table", physical_id="t")
    stack.add(30, "UPDATE_COMPLETE", "Table", "AWS::DynamoDB::Table", physical_id="t")
    stack.add(31, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
    stack.add(32, "DELETE_IN_PROGRESS", "Table", "AWS::DynamoDB::Table", physical_id="t2")
    stack.add(45, "DELETE_COMPLETE", "Table", "AWS::DynamoDB::Table", physical_id="t2")
    stack.add(46, "UPDATE_ROLLBACK_COMPLETE")
    return stack


def large_stack() -> Stack:
    """Returns a stack with many resources, ten in each row of the operation."""
    rows = LARGE // 10
    lines = ["Resources:"]
    stack = Stack("large-prod", "CREATE_COMPLETE", "")
    stack.add(0, "CREATE_IN_PROGRESS", reason="User Initiated")
    events: list[tuple[float, str, str]] = []
    for row in range(rows):
        for column in range(10):
            name = f"Resource{row}x{column}"
            needs = f", DependsOn: Resource{row - 1}x{column}" if row else ""
            lines.append(f"  {name}: {{Type: 'AWS::SNS::Topic'{needs}}}")
            begin = row * 10 + 1 + column * 0.3
            events.append((begin, "CREATE_IN_PROGRESS", name))
            events.append((begin + 8 - column * 0.5, "CREATE_COMPLETE", name))
    for second, status, name in sorted(events):
        stack.add(second, status, name, "AWS::SNS::Topic", physical_id=name)
    stack.add(rows * 10 + 2, "CREATE_COMPLETE")
    stack.template = "\n".join(lines) + "\n"
    return stack
