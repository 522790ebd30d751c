//! A project whose calls pass through a proxy that can inject faults.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::emulator::{self, Borrowed};
use crate::project::{ROLE, texts};
use crate::proxy::{Proxy, Rule};
use crate::sandbox::{Finished, Running, Sandbox};

/// The resources of the stack, without its role.
const RESOURCES: &str = r#"  Topic:
    Type: AWS::SNS::Topic
    Properties:
      DisplayName: "{{ vars.name }}"
  Function:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: "{{ project }}"
      Runtime: python3.13
      Handler: app.handler
      Role: !GetAtt Role.Arn
      Code:
        S3Bucket: !Sub "{{ artifact_bucket }}"
        S3Key: "{{ artifacts.handler.key }}"
{%- if vars.bucket %}
  Data:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: "{{ project }}-data"
      VersioningConfiguration: { Status: Enabled }
{%- endif %}
{%- if vars.gate %}
  GateFunction:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: "{{ project }}-gate"
      Runtime: python3.13
      Handler: index.handler
      Timeout: 120
      Role: !GetAtt Role.Arn
      Code:
        ZipFile: |
          import json, os, time, urllib.request
          def handler(event, context):
              properties = event["ResourceProperties"]
              while not os.path.exists(properties["Path"]):
                  time.sleep(0.05)
              fails = properties["Fails"] == "true" and event["RequestType"] == "Update"
              body = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
              body |= {"Status": "FAILED" if fails else "SUCCESS", "PhysicalResourceId": "gate"}
              body |= {"Reason": "injected"}
              request = urllib.request.Request(
                  event["ResponseURL"], json.dumps(body).encode(), {"content-type": ""}, method="PUT")
              urllib.request.urlopen(request, timeout=5)
  Gate:
    Type: Custom::Gate
    Properties:
      ServiceToken: !GetAtt GateFunction.Arn
      Path: "{{ vars.gate }}"
      Fails: "{{ 'true' if vars.broken_gate else 'false' }}"
      Name: "{{ vars.name }}"
  Last:
    Type: AWS::SNS::Topic
    DependsOn: Gate
    Properties:
      DisplayName: "{{ vars.name }}"
{%- endif %}
{%- if vars.broken %}
  Instance:
    Type: AWS::EC2::Instance
    DependsOn: [Topic, Function]
    Properties:
      ImageId: ami-12345678
      InstanceType: t2.micro
      KeyName: nobody
{%- endif %}
"#;

/// A further part of the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// No further part.
    Nothing,
    /// The stack is protected from deletion.
    Protection,
    /// It has a bucket.
    Bucket,
    /// It has a resource that cannot be created.
    Failure,
    /// It has a custom resource that waits until the gate is open.
    Gate,
    /// The same, and its update fails.
    BrokenGate,
}

/// A small project in its own account: a function with its code, a stack policy, termination
/// protection.
pub(crate) struct ProxiedProject {
    sandbox: Sandbox,
    borrowed: Borrowed,
}

impl ProxiedProject {
    pub(crate) fn new() -> Self {
        let sandbox = Sandbox::new();
        let borrowed = emulator::shared().lend(&sandbox.path(""), &sandbox.cache());
        let sandbox = sandbox
            .env("AWS_ACCESS_KEY_ID", &borrowed.account)
            .env("AWS_SECRET_ACCESS_KEY", "not-a-real-secret");
        let project = Self { sandbox, borrowed };
        project.write("first", "1");
        let policy = r#"{"Statement": [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}"#;
        project.sandbox.write("policy.json", policy);
        let template = format!("Resources:\n{ROLE}{RESOURCES}");
        project.sandbox.write("stack.yaml.j2", template);
        project
    }

    /// Writes the manifest and the handler.
    pub(crate) fn write(&self, name: &str, answer: &str) {
        self.write_with(name, answer, Part::Protection);
    }

    /// Writes the manifest, with this part, and the handler.
    pub(crate) fn write_with(&self, name: &str, answer: &str, part: Part) {
        let manifest = format!(
            "project = \"faults-{}\"\nenvironment = \"dev\"\nregion = \"us-east-1\"\n\
             template = \"stack.yaml.j2\"\nallow_endpoint = true\n\n[artifacts.handler]\n\n\
             [stack]\npolicy = \"policy.json\"\ntermination_protection = {}\n\n\
             [vars]\ntest_instance = false\nname = \"{name}\"\nbucket = {}\nbroken = {}\n\
             gate = \"{}\"\nbroken_gate = {}\n",
            self.borrowed.account,
            part == Part::Protection,
            part == Part::Bucket,
            part == Part::Failure,
            match part {
                Part::Gate | Part::BrokenGate => self.gate().display().to_string(),
                _ => String::new(),
            },
            part == Part::BrokenGate,
        );
        self.sandbox.write("manifest.toml", manifest);
        let handler = format!("def handler(event, context):\n    return {answer}\n");
        self.sandbox.write("handler/app.py", handler);
    }

    /// Lets `gc` keep this many records of deployments, until the manifest is written again.
    pub(crate) fn keep_records(&self, keep: usize) {
        let rows = format!("\n[history]\nkeep = {keep}\n");
        self.sandbox.append("manifest.toml", &rows);
    }

    /// Returns the file for which the custom resource waits.
    pub(crate) fn gate(&self) -> PathBuf {
        self.sandbox.path("gate")
    }

    /// Changes the function outside of CloudFormation.
    pub(crate) fn change_function(&self) {
        let name = format!("faults-{}", self.borrowed.account);
        let change = json!({ "FunctionName": name, "Handler": "other.handler" });
        let change = ("lambda", "update_function_configuration", change);
        for answer in self.borrowed.call_all(&[change]) {
            answer.unwrap();
        }
    }

    /// Returns a proxy in front of the emulator.
    pub(crate) fn proxy(&self, rule: Rule) -> Proxy {
        Proxy::start(self.borrowed.endpoint(), rule)
    }

    /// Starts `stackctl` with the proxy for AWS.
    pub(crate) fn spawn(&self, proxy: &Proxy, arguments: &[&str]) -> Running {
        let variables = [("AWS_ENDPOINT_URL", proxy.endpoint())];
        self.sandbox.spawn_with(&variables, arguments)
    }

    /// Runs `stackctl` with the proxy for AWS.
    pub(crate) fn run(&self, proxy: &Proxy, arguments: &[&str]) -> Finished {
        self.spawn(proxy, arguments).wait()
    }

    /// Applies without a fault.
    #[track_caller]
    pub(crate) fn deploy(&self) {
        let proxy = self.proxy(Rule::Nothing);
        self.run(&proxy, &["apply", "--yes"]).expect_code(0);
    }

    /// Returns the text of the deployed template, and the digest of the code that the function runs.
    pub(crate) fn deployed(&self) -> (String, String) {
        let name = format!("faults-{}", self.borrowed.account);
        let calls = [
            (
                "cloudformation",
                "get_template",
                json!({ "StackName": format!("{name}-dev") }),
            ),
            (
                "lambda",
                "get_function_configuration",
                json!({ "FunctionName": name }),
            ),
        ];
        let answers = self.borrowed.call_all(&calls);
        let [template, function] = [0, 1].map(|at| answers[at].clone().unwrap());
        let [template, code] = [&template["TemplateBody"], &function["CodeSha256"]]
            .map(|text| text.as_str().unwrap().to_owned());
        (template, code)
    }

    /// Puts an object that nothing refers to, next to the function's code.
    pub(crate) fn put_garbage(&self, number: usize) {
        let account = &self.borrowed.account;
        let put = json!({
            "Bucket": format!("stackctl-artifacts-{account}-us-east-1"),
            "Key": format!("faults-{account}/handler/{number:064x}.zip"),
        });
        let answers = self.borrowed.call_all(&[("s3", "put_object", put)]);
        assert!(answers[0].is_ok(), "{answers:?}");
    }

    /// Returns the keys in the artifact bucket, those of announcements left out: all that have content,
    /// and those that have a delete marker.
    pub(crate) fn artifacts(&self) -> [BTreeSet<String>; 2] {
        let account = &self.borrowed.account;
        let bucket = json!({ "Bucket": format!("stackctl-artifacts-{account}-us-east-1") });
        let call = ("s3", "list_object_versions", bucket);
        let answer = self.borrowed.call_all(&[call]).remove(0).unwrap();
        assert_eq!(answer["IsTruncated"], false, "{answer}");
        ["Versions", "DeleteMarkers"].map(|list| {
            let keys = texts(&answer[list], "Key").into_iter();
            keys.filter(|key| !key.contains("/.gc/")).collect()
        })
    }

    /// Puts two versions of an object into the stack's bucket.
    pub(crate) fn fill_bucket(&self) {
        let bucket = format!("faults-{}-data", self.borrowed.account);
        let put = json!({ "Bucket": bucket, "Key": "data" });
        let put = ("s3", "put_object", put);
        for answer in self.borrowed.call_all(&[put.clone(), put]) {
            answer.unwrap();
        }
    }

    /// Returns the logical ids of the stack's resources.
    pub(crate) fn stack_resources(&self) -> Vec<String> {
        let stack = json!({ "StackName": format!("faults-{}-dev", self.borrowed.account) });
        let call = ("cloudformation", "list_stack_resources", stack);
        let answer = self.borrowed.call_all(&[call]).remove(0).unwrap();
        texts(&answer["StackResourceSummaries"], "LogicalResourceId")
    }

    /// Returns how many topics exist.
    pub(crate) fn topics(&self) -> usize {
        let call = ("sns", "list_topics", json!({}));
        let answer = self.borrowed.call_all(&[call]).remove(0).unwrap();
        texts(&answer["Topics"], "TopicArn").len()
    }

    /// Returns the names of the stacks and buckets that exist, without the artifact bucket.
    pub(crate) fn left(&self) -> Vec<String> {
        let account = &self.borrowed.account;
        let calls = [
            ("cloudformation", "describe_stacks", json!({})),
            ("s3", "list_buckets", json!({})),
        ];
        let answers = self.borrowed.call_all(&calls);
        let [stacks, buckets] = [0, 1].map(|at| answers[at].clone().unwrap());
        let mut left = texts(&stacks["Stacks"], "StackName");
        left.extend(texts(&buckets["Buckets"], "Name"));
        let artifacts = format!("stackctl-artifacts-{account}-us-east-1");
        left.retain(|name| *name != artifacts);
        left
    }

    /// Returns what a run leaves of its own if it does not clean up: temporary change sets, and stacks
    /// that were never executed.
    pub(crate) fn own_leftovers(&self) -> Vec<String> {
        let name = format!("faults-{}-dev", self.borrowed.account);
        let calls = [
            ("cloudformation", "describe_stacks", json!({})),
            (
                "cloudformation",
                "list_change_sets",
                json!({ "StackName": name }),
            ),
        ];
        let answers = self.borrowed.call_all(&calls);
        let mut left = Vec::new();
        for stack in answers[0].clone().unwrap()["Stacks"].as_array().unwrap() {
            if stack["StackStatus"] == "REVIEW_IN_PROGRESS" {
                left.push(stack.to_string());
            }
        }
        // Without a stack there are no change sets.
        let sets = answers[1].clone().unwrap_or_default();
        for set in sets["Summaries"].as_array().into_iter().flatten() {
            let execution = set["ExecutionStatus"].as_str().unwrap_or_default();
            if !execution.starts_with("EXECUTE_") {
                left.push(set.to_string());
            }
        }
        left
    }

    /// Returns the files that the processes left in their temporary folder.
    pub(crate) fn temporary_leftovers(&self) -> Vec<PathBuf> {
        self.sandbox.temporary_leftovers()
    }

    /// Returns what is wrong with the deployed stack, the artifact bucket and the change sets;
    /// empty if all is right. If `may_remain`, a temporary change set may be left: it is pruned
    /// after an hour.
    pub(crate) fn wrong(&self, may_remain: bool) -> Vec<String> {
        let account = &self.borrowed.account;
        let name = format!("faults-{account}-dev");
        let bucket = format!("stackctl-artifacts-{account}-us-east-1");
        let stack = json!({ "StackName": name });
        let of_bucket = json!({ "Bucket": bucket });
        let calls = [
            ("cloudformation", "describe_stacks", json!({})),
            ("cloudformation", "list_change_sets", stack.clone()),
            ("cloudformation", "get_stack_policy", stack),
            ("s3", "list_buckets", json!({})),
            ("s3", "get_bucket_versioning", of_bucket.clone()),
            ("s3", "get_bucket_policy", of_bucket.clone()),
            ("s3", "get_bucket_encryption", of_bucket.clone()),
            ("s3", "get_public_access_block", of_bucket.clone()),
            ("s3", "get_bucket_tagging", of_bucket),
        ];
        let answers = self.borrowed.call_all(&calls);
        let mut wrong: Vec<String> = answers
            .iter()
            .zip(&calls)
            .filter_map(|(answer, call)| Some(format!("{}: {}", call.1, answer.as_ref().err()?)))
            .collect();
        let [stacks, sets, policy, buckets, versioning, ..] = answers.as_slice() else {
            return wrong;
        };
        let value = |answer: &Result<Value, String>| answer.clone().unwrap_or_default();
        let stacks = &value(stacks)["Stacks"];
        let mut expect = |what: &str, is: bool, found: &Value| {
            if !is {
                wrong.push(format!("{what}: {found}"));
            }
        };
        expect("one stack", texts(stacks, "StackName") == [name], stacks);
        let status = stacks[0]["StackStatus"].as_str().unwrap_or_default();
        let is_complete = ["CREATE_COMPLETE", "UPDATE_COMPLETE"].contains(&status);
        expect("its status", is_complete, &stacks[0]["StackStatus"]);
        let protection = &stacks[0]["EnableTerminationProtection"];
        expect("its protection", protection == true, protection);
        let policy = &value(policy)["StackPolicyBody"];
        expect("its policy", policy.is_string(), policy);
        let buckets = &value(buckets)["Buckets"];
        expect("one bucket", texts(buckets, "Name") == [bucket], buckets);
        let versioning = &value(versioning)["Status"];
        expect("its versions", versioning == "Enabled", versioning);
        let sets = value(sets);
        let left = sets["Summaries"].as_array().into_iter().flatten();
        // Executed change sets are not left behind.
        let left: Vec<&Value> = left
            .filter(|set| set["ExecutionStatus"] == "AVAILABLE")
            .map(|set| &set["ChangeSetName"])
            .filter(|name| !may_remain || !is_temporary(name))
            .collect();
        expect("no change sets", left.is_empty(), &json!(left));
        wrong
    }
}

fn is_temporary(change_set: &Value) -> bool {
    let name = change_set.as_str().unwrap_or_default();
    name.starts_with("stackctl-tmp-")
}
