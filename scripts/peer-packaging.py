#!/usr/bin/env python3
"""Records how the AWS CLI and the AWS SAM CLI package templates with local paths.

    scripts/peer-packaging.py --aws AWS --sam SAM --endpoint URL [--only TEXT]

With --only, the records of other cases than those whose name contains TEXT stay. AWS and SAM
are the programs `aws` (version 1) and `sam`, and URL is an S3 server that needs no account, such
as `moto_server`. Writes tests/cli/peers/packaging.json, which tests/cli/peers.rs compares with
what stackctl does. The names of buckets and keys are normalized. Requires only Python 3.9; the
programs are installed with `pip install awscli aws-sam-cli moto[server]`.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import tempfile
import urllib.request
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

RECORDS = Path(__file__).resolve().parent.parent / "tests/cli/peers/packaging.json"
REGION = "us-east-1"
SERVERLESS = "AWS::Serverless-2016-10-31"

CODE = {"code/app.py": "X = 1\n", "code/sub/data.txt": "data\n"}
ZIP = {"ready.zip": {"app.py": "X = 1\n"}}
LONE = {"one.py": "X = 1\n"}
FILE = {"body.json": "{}\n"}
CHILD = {
    "child.json": json.dumps(
        {
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        }
    )
}
NESTED = {
    "nested/child.json": json.dumps(
        {
            "Resources": {
                "L": {"Type": "AWS::Lambda::LayerVersion", "Properties": {"Content": "lib"}}
            },
        }
    ),
    "nested/lib/x.txt": "x\n",
}


def one(
    kind: str, files: dict | None = None, /, transform: str | None = None, **rest: object
) -> dict:
    """Returns the template and the files of a case with one resource."""
    properties = rest.pop("properties", {})
    resource = {"Type": kind, "Properties": properties, **rest}
    template = {"Resources": {"R": resource}}
    if kind.startswith("AWS::Serverless::") or transform:
        template = {"Transform": transform or SERVERLESS, **template}
    return {"template": template, "files": files or {}}


def function(files: dict | None = None, **properties: object) -> dict:
    """Returns a case with a SAM function."""
    common = {"Handler": "app.handler", "Runtime": "python3.13"}
    return one("AWS::Serverless::Function", files, properties=common | properties)


def lambda_function(files: dict | None = None, **properties: object) -> dict:
    """Returns a case with a Lambda function."""
    common = {"Handler": "app.handler", "Runtime": "python3.13", "Role": "arn:aws:iam::1:role/r"}
    return one("AWS::Lambda::Function", files, properties=common | properties)


def resolver(kind: str, name: str) -> dict:
    """Returns a case with a file of an AppSync resolver or function."""
    return one(kind, FILE, properties={"ApiId": "a", name: "body.json"})


def cases() -> dict[str, dict]:
    """Returns the cases by name."""
    graphql = "AWS::Serverless::GraphQLApi"
    api = {"Auth": {"Type": "API_KEY"}, "SchemaUri": "body.json"}
    javascript = {"Name": "APPSYNC_JS", "Version": "1.0.0"}
    script = {"Runtime": javascript, "DataSource": "NONE", "CodeUri": "body.json"}
    include = {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "body.json"}}}
    loop = [
        "Name",
        ["A", "B"],
        {"F${Name}": lambda_function(Code="code")["template"]["Resources"]["R"]},
    ]
    globals_template = function()["template"]
    globals_template["Globals"] = {"Function": {"CodeUri": "code"}}
    globals_template["Resources"]["Own"] = function(CodeUri="one.py")["template"]["Resources"]["R"]
    repository = {
        "AWS::ServerlessRepo::Application": {
            "Name": "n",
            "Description": "d",
            "Author": "a",
            "LicenseUrl": "body.json",
            "ReadmeUrl": "body.json",
        }
    }
    topic = {"Topic": {"Type": "AWS::SNS::Topic"}}
    found = {
        "serverless function: folder": function(CODE, CodeUri="code"),
        "serverless function: folder with a slash": function(CODE, CodeUri="./code/"),
        "serverless function: lone file": function(LONE, CodeUri="one.py"),
        "serverless function: zip": function(ZIP, CodeUri="ready.zip"),
        "serverless function: absent": function(CODE),
        "serverless function: inline": function(InlineCode="X = 1"),
        "serverless function: object": function(CodeUri={"Bucket": "b", "Key": "k"}),
        "serverless function: s3 url": function(CodeUri="s3://b/k"),
        "serverless function: parameter": {
            "template": {
                **function(CodeUri={"Ref": "Where"})["template"],
                "Parameters": {"Where": {"Type": "String", "Default": "s3://b/k"}},
            },
            "files": {},
        },
        "serverless function: missing folder": function(CodeUri="missing"),
        "serverless function: caches": function(
            {
                **CODE,
                "code/__pycache__/app.pyc": "x",
                "code/.git/config": "x",
                "code/.DS_Store": "x",
            },
            CodeUri="code",
        ),
        "serverless function: image": one(
            "AWS::Serverless::Function",
            properties={"PackageType": "Image", "ImageUri": "app:latest"},
        ),
        "serverless web function": one(
            "AWS::Serverless::WebFunction", CODE, properties={"CodeUri": "code"}
        ),
        "serverless layer: folder": one(
            "AWS::Serverless::LayerVersion", CODE, properties={"ContentUri": "code"}
        ),
        "serverless layer: lone file": one(
            "AWS::Serverless::LayerVersion", LONE, properties={"ContentUri": "one.py"}
        ),
        "serverless api": one(
            "AWS::Serverless::Api",
            FILE,
            properties={"StageName": "s", "DefinitionUri": "body.json"},
        ),
        "serverless api: absent": one("AWS::Serverless::Api", properties={"StageName": "s"}),
        "serverless http api": one(
            "AWS::Serverless::HttpApi", FILE, properties={"DefinitionUri": "body.json"}
        ),
        "serverless state machine": one(
            "AWS::Serverless::StateMachine", FILE, properties={"DefinitionUri": "body.json"}
        ),
        "serverless graphql api: schema": one(graphql, FILE, properties=api),
        "serverless graphql api: function": one(
            graphql, FILE, properties={**api, "Functions": {"f": script}}
        ),
        "serverless graphql api: resolver": one(
            graphql,
            FILE,
            properties={**api, "Resolvers": {"Query": {"f": {**script, "Pipeline": ["f"]}}}},
        ),
        "serverless application: file": one(
            "AWS::Serverless::Application", CHILD, properties={"Location": "child.json"}
        ),
        "serverless application: object": one(
            "AWS::Serverless::Application",
            properties={"Location": {"ApplicationId": "a", "SemanticVersion": "1.0.0"}},
        ),
        "stack: file": one(
            "AWS::CloudFormation::Stack", CHILD, properties={"TemplateURL": "child.json"}
        ),
        "stack: nested folder": one(
            "AWS::CloudFormation::Stack", NESTED, properties={"TemplateURL": "nested/child.json"}
        ),
        "stack: url": one(
            "AWS::CloudFormation::Stack",
            properties={"TemplateURL": "https://s3.amazonaws.com/b/t.yaml"},
        ),
        "stack: missing file": one(
            "AWS::CloudFormation::Stack", properties={"TemplateURL": "missing.yaml"}
        ),
        "stack set": one(
            "AWS::CloudFormation::StackSet",
            CHILD,
            properties={
                "StackSetName": "s",
                "PermissionModel": "SELF_MANAGED",
                "TemplateURL": "child.json",
            },
        ),
        "module version": one(
            "AWS::CloudFormation::ModuleVersion",
            ZIP,
            properties={"ModuleName": "A::B::C::MODULE", "ModulePackage": "ready.zip"},
        ),
        "resource version": one(
            "AWS::CloudFormation::ResourceVersion",
            ZIP,
            properties={"TypeName": "A::B::C", "SchemaHandlerPackage": "ready.zip"},
        ),
        "function: folder": lambda_function(CODE, Code="code"),
        "function: lone file": lambda_function(LONE, Code="one.py"),
        "function: zip": lambda_function(ZIP, Code="ready.zip"),
        "function: absent": lambda_function(CODE),
        "function: inline": lambda_function(Code={"ZipFile": "X = 1"}),
        "function: object": lambda_function(Code={"S3Bucket": "b", "S3Key": "k"}),
        "function: image": one(
            "AWS::Lambda::Function",
            properties={
                "PackageType": "Image",
                "Code": {"ImageUri": "app:latest"},
                "Role": "arn:aws:iam::1:role/r",
            },
        ),
        "layer: folder": one("AWS::Lambda::LayerVersion", CODE, properties={"Content": "code"}),
        "layer: lone file": one(
            "AWS::Lambda::LayerVersion", LONE, properties={"Content": "one.py"}
        ),
        "rest api": one(
            "AWS::ApiGateway::RestApi", FILE, properties={"BodyS3Location": "body.json"}
        ),
        "rest api: absent": one("AWS::ApiGateway::RestApi", properties={"Name": "n"}),
        "http api": one("AWS::ApiGatewayV2::Api", FILE, properties={"BodyS3Location": "body.json"}),
        "state machine": one(
            "AWS::StepFunctions::StateMachine",
            FILE,
            properties={"RoleArn": "arn:aws:iam::1:role/r", "DefinitionS3Location": "body.json"},
        ),
        "graphql schema": one(
            "AWS::AppSync::GraphQLSchema",
            FILE,
            properties={"ApiId": "a", "DefinitionS3Location": "body.json"},
        ),
        "application version": one(
            "AWS::ElasticBeanstalk::ApplicationVersion",
            ZIP,
            properties={"ApplicationName": "a", "SourceBundle": "ready.zip"},
        ),
        "application version: folder": one(
            "AWS::ElasticBeanstalk::ApplicationVersion",
            CODE,
            properties={"ApplicationName": "a", "SourceBundle": "code"},
        ),
        "glue job": one(
            "AWS::Glue::Job",
            LONE,
            properties={"Role": "r", "Command": {"Name": "glueetl", "ScriptLocation": "one.py"}},
        ),
        "repository": one(
            "AWS::CodeCommit::Repository",
            CODE,
            properties={"RepositoryName": "r", "Code": {"S3": "code"}},
        ),
        "repository: absent": one(
            "AWS::CodeCommit::Repository", properties={"RepositoryName": "r"}
        ),
        "globals": {"template": globals_template, "files": {**CODE, **LONE}},
        "repository metadata": {
            "template": {"Metadata": repository, "Resources": topic},
            "files": FILE,
        },
        "include: in properties": one(
            "AWS::SNS::Topic", FILE, properties={"DisplayName": "n", **include}
        ),
        "include: in a list": one("AWS::SNS::Topic", FILE, properties={"Tags": [include]}),
        "include: section": {
            "template": {
                "Transform": {"Name": "AWS::Include", "Parameters": {"Location": "body.json"}},
                "Resources": topic,
            },
            "files": FILE,
        },
        "loop": {
            "template": {
                "Transform": "AWS::LanguageExtensions",
                "Resources": {"Fn::ForEach::All": loop},
            },
            "files": CODE,
        },
    }
    for kind in ("Resolver", "FunctionConfiguration"):
        for name in ("RequestMappingTemplate", "ResponseMappingTemplate", "Code"):
            name = f"{name}S3Location"  # noqa: PLW2901
            found[f"{kind}: {name}"] = resolver(f"AWS::AppSync::{kind}", name)
    return found


def write(folder: Path, case: dict) -> None:
    """Writes the files of a case. A map is the contents of a zip."""
    (folder / "template.json").write_text(json.dumps(case["template"]))
    for name, contents in case["files"].items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(contents, str):
            path.write_text(contents)
            continue
        with zipfile.ZipFile(path, "w") as archive:
            for entry, text in contents.items():
                archive.writestr(entry, text)


def normalized(node: object, bucket: str) -> object:
    """Returns a packaged template without the names of buckets and keys, and without what `sam`
    adds for itself."""  # noqa: D205, D209
    if isinstance(node, list):
        return [normalized(item, bucket) for item in node]
    if isinstance(node, str):
        if node.startswith(f"s3://{bucket}/"):
            return "s3://BUCKET/KEY"
        return "https://BUCKET/KEY" if f"/{bucket}/" in node else node
    if not isinstance(node, dict):
        return node
    node = {key: normalized(value, bucket) for key, value in node.items()}
    if node.get("Metadata", {}).get("SamResourceId"):
        del node["Metadata"]["SamResourceId"]
        if not node["Metadata"]:
            del node["Metadata"]
    for name, key in (("Bucket", "Key"), ("S3Bucket", "S3Key")):
        if node.get(name) == bucket:
            node[name], node[key] = "BUCKET", "KEY"
    return node


class Peers:
    """The two programs and their S3 server."""

    def __init__(self, aws: str, sam: str, endpoint: str) -> None:
        """Keeps absolute paths, because each case has its own working folder."""
        self.programs = {
            "aws": [str(Path(aws).absolute()), "cloudformation", "package"],
            "sam": [str(Path(sam).absolute()), "package"],
        }
        self.endpoint = endpoint.rstrip("/")
        self.environment = {
            "PATH": os.environ["PATH"],
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            "SAM_CLI_TELEMETRY": "0",
        }

    def request(self, path: str, method: str = "GET") -> bytes:
        """Makes a request to the S3 server."""
        # The server does not check the signature, but it refuses anonymous readers.
        scope = f"Credential=test/20000101/{REGION}/s3/aws4_request"
        headers = {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"}
        request = urllib.request.Request(  # noqa: S310
            f"{self.endpoint}/{path}", method=method, headers=headers
        )
        with urllib.request.urlopen(request) as response:  # noqa: S310
            return response.read()

    def zips(self, bucket: str, folder: Path) -> list[list[str]]:
        """Returns the names of the files in each zip of a bucket that is not a file of the case."""
        known = [path.read_bytes() for path in folder.rglob("*.zip")]
        listed = ElementTree.fromstring(self.request(bucket))  # noqa: S314 - our own server
        keys = [element.text for element in listed.iter() if element.tag.endswith("}Key")]
        objects = [self.request(f"{bucket}/{key}") for key in keys]
        archives = [data for data in objects if data.startswith(b"PK") and data not in known]
        return sorted(sorted(zipfile.ZipFile(io.BytesIO(data)).namelist()) for data in archives)

    def run(self, peer: str, index: int, case: dict) -> dict:
        """Returns what a peer makes of a case."""
        bucket = f"peers-{peer}-{index}"
        self.request(bucket, "PUT")
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write(folder, case)
            arguments = ["--template-file", "template.json", "--output-template-file", "out.json"]
            command = [*self.programs[peer], *arguments, "--s3-bucket", bucket, "--use-json"]
            environment = {**self.environment, "HOME": name}
            finished = subprocess.run(  # noqa: S603
                command, cwd=folder, env=environment, capture_output=True, text=True, check=False
            )
            if finished.returncode != 0:
                lines = [line for line in finished.stderr.splitlines() if line.strip()]
                return {"error": lines[-1].replace(name, "") if lines else ""}
            template = json.loads((folder / "out.json").read_text())
            zips = self.zips(bucket, folder)
        return {"template": normalized(template, bucket), "zips": zips}


def main() -> None:
    """Runs both peers on all cases and writes the records."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--aws", "--sam", "--endpoint"):
        parser.add_argument(name, required=True)
    parser.add_argument("--only")
    arguments = parser.parse_args()
    peers = Peers(arguments.aws, arguments.sam, arguments.endpoint)
    versions = {
        peer: subprocess.run(  # noqa: S603
            [program[0], "--version"], capture_output=True, text=True, check=True
        ).stdout.split()
        for peer, program in peers.programs.items()
    }
    kept = {}
    if arguments.only:
        kept = {case["name"]: case for case in json.loads(RECORDS.read_text())["cases"]}
        kept = {name: case for name, case in kept.items() if arguments.only not in name}

    def record(item: tuple[int, tuple[str, dict]]) -> dict:
        index, (name, case) = item
        results = {peer: peers.run(peer, index, case) for peer in peers.programs}
        return {"name": name, **case, **results}

    with ThreadPoolExecutor(max_workers=4) as pool:
        numbered = enumerate(cases().items())
        records = list(pool.map(lambda it: kept.get(it[1][0]) or record(it), numbered))
    document = {
        "versions": {"aws": versions["aws"][0], "sam": f"sam-cli/{versions['sam'][-1]}"},
        "cases": records,
    }
    RECORDS.parent.mkdir(exist_ok=True)
    RECORDS.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
