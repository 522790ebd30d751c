//! A project with its own folder and its own account on the shared emulator.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use crate::emulator::{self, Borrowed};
use crate::sandbox::{Finished, Running, Sandbox};

/// The bucket that the shipped manifest names for the local environment.
const SHIPPED_BUCKET: &str = "dev-file-metadata-bucket";

/// The options of `destroy` for what the shipped project stores, besides the bucket.
pub(crate) const ALLOW_DELETE: [&str; 6] = [
    "--allow-delete",
    "MetadataTable",
    "--allow-delete",
    "HandlerLogs",
    "--allow-delete",
    "DeadLetterQueue",
];

/// The resource `Role` for the functions of templates.
pub(crate) const ROLE: &str = r#"  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: { Service: lambda.amazonaws.com }
            Action: sts:AssumeRole
"#;

/// A project and what was deployed from it.
pub(crate) struct Project {
    sandbox: Sandbox,
    borrowed: Borrowed,
    name: String,
}

impl Project {
    /// Returns a copy of the shipped project with its own name. Bucket names are shared by all
    /// accounts, and the emulator ends the workers of functions of the same name in all accounts.
    pub(crate) fn shipped() -> Self {
        let sandbox = Sandbox::new();
        copy_shipped(&sandbox);
        let project = Self::of(sandbox);
        project.edit(
            "manifest.toml",
            "project = \"file-metadata\"",
            &format!("project = \"{}\"", project.name),
        );
        project.edit("manifest.toml", SHIPPED_BUCKET, &project.bucket());
        project
    }

    /// Returns a copy of the shipped project that `apply` does not verify.
    pub(crate) fn unverified() -> Self {
        let project = Self::shipped();
        project.edit("manifest.toml", "after_apply = true", "after_apply = false");
        project
    }

    /// Returns a project with only this template and these variables.
    pub(crate) fn of_template(template: &str, vars: &str) -> Self {
        let project = Self::of(Sandbox::new());
        let manifest = format!(
            "project = \"{}\"\nallowed_ssh_cidr = \"203.0.113.7/32\"\n\n[artifacts]\n\n\
             [vars]\ntest_instance = false\n{vars}\n\n[environments.local]\nemulator = true\n",
            project.name
        );
        project.write("manifest.toml", &manifest);
        project.write("templates/stack.yaml.j2", template);
        project
    }

    /// Returns a copy of a project in `tests/projects`, which has no manifest.
    pub(crate) fn without_manifest(folder: &str) -> Self {
        let sandbox = Sandbox::new();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        copy(&root.join("tests/projects").join(folder), &sandbox.path(""));
        Self::of(sandbox)
    }

    /// Returns the project with an environment variable for all later commands.
    pub(crate) fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.sandbox = self.sandbox.env(name, value);
        self
    }

    fn of(sandbox: Sandbox) -> Self {
        let borrowed = emulator::shared().lend(&sandbox.path(""), &sandbox.cache());
        Self {
            name: format!("project-{}", borrowed.account),
            sandbox,
            borrowed,
        }
    }

    /// Returns the project with the programs of this machine, such as Python.
    pub(crate) fn with_programs(mut self) -> Self {
        self.sandbox = self.sandbox.env("PATH", &std::env::var("PATH").unwrap());
        self
    }

    /// Applies and fails the test if that fails.
    #[track_caller]
    pub(crate) fn deployed(self) -> Self {
        self.run(&["apply", "--yes"]).expect_code(0);
        self
    }

    /// Runs `stackctl` for the local environment, without a terminal.
    pub(crate) fn run(&self, arguments: &[&str]) -> Finished {
        self.sandbox.run(&local(arguments))
    }

    /// Runs `stackctl` for the local environment and returns its JSON document.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        self.sandbox.json(&local(arguments))
    }

    /// Runs `stackctl` for the manifest's own environment, with a server at this URL for AWS.
    pub(crate) fn run_at(&self, endpoint: &str, arguments: &[&str]) -> Finished {
        let variables = [
            ("AWS_ENDPOINT_URL", endpoint.to_owned()),
            ("AWS_ACCESS_KEY_ID", self.account().to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "not-a-real-secret".to_owned()),
        ];
        self.sandbox.spawn_with(&variables, arguments).wait()
    }

    /// Returns where the emulator listens.
    pub(crate) fn address(&self) -> SocketAddr {
        let endpoint = self.borrowed.endpoint();
        let address = endpoint.strip_prefix("http://").unwrap_or(endpoint);
        address.parse().unwrap()
    }

    /// Starts `stackctl` for the local environment, without a terminal.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Running {
        self.sandbox.spawn(&local(arguments))
    }

    /// Starts `stackctl` for the local environment on a terminal.
    pub(crate) fn spawn_on_terminal(&self, arguments: &[&str]) -> Running {
        self.sandbox.spawn_on_terminal(&local(arguments))
    }

    /// Replaces text of a file; it must be there.
    #[track_caller]
    pub(crate) fn edit(&self, path: &str, from: &str, to: &str) {
        self.sandbox.edit(path, from, to);
    }

    /// Changes a variable of the manifest whose value is a string.
    #[track_caller]
    pub(crate) fn set_var(&self, name: &str, from: &str, to: &str) {
        let line = |value: &str| format!("{name} = \"{value}\"\n");
        self.edit("manifest.toml", &line(from), &line(to));
    }

    /// Writes a file of the project.
    pub(crate) fn write(&self, path: &str, contents: impl AsRef<[u8]>) {
        self.sandbox.write(path, contents);
    }

    /// Returns the path of a file of the project.
    pub(crate) fn path(&self, path: &str) -> std::path::PathBuf {
        self.sandbox.path(path)
    }

    /// Returns how many resources the rendered template has.
    pub(crate) fn resource_count(&self) -> usize {
        let rendered = self.run(&["render"]).expect_code(0).stdout;
        let is_type = |line: &&str| line.starts_with("    Type: AWS::");
        rendered.lines().filter(is_type).count()
    }

    /// Returns the stack's name.
    pub(crate) fn stack(&self) -> String {
        format!("{}-local", self.name)
    }

    /// Returns the project's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the account, 12 digits.
    pub(crate) fn account(&self) -> &str {
        &self.borrowed.account
    }

    /// Returns the name of the bucket that files are uploaded to.
    pub(crate) fn bucket(&self) -> String {
        format!("{SHIPPED_BUCKET}-{}", self.account())
    }

    /// Returns the name of the artifact bucket.
    pub(crate) fn artifact_bucket(&self) -> String {
        format!("stackctl-artifacts-{}-us-east-1", self.account())
    }

    /// Makes one call with boto3 and fails the test if AWS refuses it.
    #[track_caller]
    pub(crate) fn aws(&self, service: &str, operation: &str, arguments: Value) -> Value {
        self.try_aws(service, operation, arguments)
            .unwrap_or_else(|code| panic!("{service} {operation}: {code}"))
    }

    /// Makes one call with boto3; returns the error code if AWS refuses it.
    pub(crate) fn try_aws(
        &self,
        service: &str,
        operation: &str,
        arguments: Value,
    ) -> Result<Value, String> {
        self.borrowed
            .call_all(&[(service, operation, arguments)])
            .remove(0)
    }

    /// Makes calls concurrently with boto3.
    pub(crate) fn aws_at_once(&self, calls: &[(&str, &str, Value)]) -> Vec<Value> {
        let answers = self.borrowed.call_all(calls).into_iter();
        answers.map(Result::unwrap).collect()
    }

    /// Returns the stack's status; `None` if there is no stack.
    pub(crate) fn stack_status(&self) -> Option<String> {
        let answer = self.try_aws(
            "cloudformation",
            "describe_stacks",
            json!({"StackName": self.stack()}),
        );
        let status = answer.ok()?["Stacks"][0]["StackStatus"]
            .as_str()?
            .to_owned();
        Some(status)
    }

    /// Fails the test unless the stack has this status.
    #[track_caller]
    pub(crate) fn expect_status(&self, status: &str) {
        assert_eq!(self.stack_status().as_deref(), Some(status));
    }

    /// Returns the names of all stacks of the account that are not deleted, empty ones included.
    pub(crate) fn stacks(&self) -> Vec<String> {
        let answer = self.aws("cloudformation", "describe_stacks", json!({}));
        texts(&answer["Stacks"], "StackName")
    }

    /// Returns the names of the stack's change sets.
    pub(crate) fn change_sets(&self) -> Vec<String> {
        let arguments = json!({"StackName": self.stack()});
        let answer = self.aws("cloudformation", "list_change_sets", arguments);
        texts(&answer["Summaries"], "ChangeSetName")
    }

    /// Returns how many events the stack has had.
    pub(crate) fn event_count(&self) -> usize {
        let arguments = json!({"StackName": self.stack()});
        let answer = self.aws("cloudformation", "describe_stack_events", arguments);
        answer["StackEvents"].as_array().unwrap().len()
    }

    /// Returns the keys of everything in the artifact bucket, once for each version.
    pub(crate) fn artifacts(&self) -> Vec<String> {
        let arguments = json!({"Bucket": self.artifact_bucket()});
        let answer = self.aws("s3", "list_object_versions", arguments);
        texts(&answer["Versions"], "Key")
    }

    /// Returns the names of the account's buckets.
    pub(crate) fn buckets(&self) -> Vec<String> {
        texts(
            &self.aws("s3", "list_buckets", json!({}))["Buckets"],
            "Name",
        )
    }

    /// Returns the keys of the files in the bucket of the pipeline.
    pub(crate) fn files(&self) -> Vec<String> {
        let arguments = json!({"Bucket": self.bucket()});
        let answer = self.aws("s3", "list_objects_v2", arguments);
        texts(&answer["Contents"], "Key")
    }

    /// Returns the keys of everything in the bucket of the pipeline, once for each version and
    /// each marker of a deletion.
    pub(crate) fn versions(&self) -> Vec<String> {
        let arguments = json!({"Bucket": self.bucket()});
        let answer = self.aws("s3", "list_object_versions", arguments);
        [&answer["Versions"], &answer["DeleteMarkers"]]
            .into_iter()
            .flat_map(|list| texts(list, "Key"))
            .collect()
    }

    /// Returns how long the handler's log is kept, in days.
    pub(crate) fn log_retention(&self) -> u64 {
        let name = format!("/aws/lambda/{}-handler", self.stack());
        let groups = self.aws(
            "logs",
            "describe_log_groups",
            json!({"logGroupNamePrefix": name}),
        );
        groups["logGroups"][0]["retentionInDays"].as_u64().unwrap()
    }

    /// Returns the items of the table in DynamoDB's JSON.
    pub(crate) fn items(&self) -> Vec<Value> {
        let arguments = json!({"TableName": "FileMetadata-local", "ConsistentRead": true});
        let answer = self.aws("dynamodb", "scan", arguments);
        answer["Items"].as_array().unwrap().clone()
    }
}

/// Copies the shipped project.
pub(crate) fn copy_shipped(sandbox: &Sandbox) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["manifest.toml", "templates", "handler", "tests/data"] {
        copy(&root.join(name), &sandbox.path(name));
    }
}

/// Returns the arguments with the environment.
fn local<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [arguments, &["-e", "local"]].concat()
}

/// Returns one member of each object of a list; empty if there is no list.
pub(crate) fn texts(list: &Value, name: &str) -> Vec<String> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |entry: &Value| entry[name].as_str().unwrap().to_owned();
    list.iter().map(text).collect()
}

pub(crate) fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let name = entry.unwrap().file_name();
            copy(&from.join(&name), &to.join(&name));
        }
    } else {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    }
}
