//! The state of an AWS account, and its responses.

use std::collections::BTreeMap;

use serde_json::json;

use super::buckets::Bucket;
use super::call::Call;
use super::functions::Function;
use super::http::Response;
use super::refactors::Refactor;
use super::stack_sets::{SetWorld, StackSet};
use super::stacks::Stack;
use super::{ACCOUNT, error, xml};

/// The state of the account. Tests may set and read its fields.
pub(crate) struct Account {
    /// The account id that `GetCallerIdentity` answers with.
    pub(crate) id: String,
    /// The stacks, the oldest first. Deleted stacks are kept, as AWS keeps them for 90 days.
    pub(crate) stacks: Vec<Stack>,
    /// The buckets by name.
    pub(crate) buckets: BTreeMap<String, Bucket>,
    /// DynamoDB items by table, each in DynamoDB's JSON.
    pub(crate) items: BTreeMap<String, Vec<serde_json::Value>>,
    /// Function names with the SHA-256 of their code, in base64.
    pub(crate) functions: BTreeMap<String, String>,
    /// What Lambda says of the functions besides that, by name.
    pub(super) function_states: BTreeMap<String, Function>,
    /// The answers for SSM parameters and secrets, by the service's signing name and their own.
    pub(super) values: BTreeMap<(&'static str, String), serde_json::Value>,
    /// A bucket and a table: each object in the bucket adds an item to the table, as in the shipped
    /// pipeline.
    pub(crate) pipeline: Option<(String, String)>,
    /// The lines of every log group, the oldest first.
    pub(crate) log_lines: Vec<String>,
    /// The stacks that import an export, by the export's name.
    pub(crate) imports: BTreeMap<String, Vec<String>>,
    /// The stack refactors, the oldest first.
    pub(crate) refactors: Vec<Refactor>,
    /// The status in which executions of refactors end, and its reason; empty means that they succeed.
    pub(crate) refactor_end: (String, String),
    /// The stack sets, the oldest first.
    pub(crate) stack_sets: Vec<StackSet>,
    /// What holds for all stack sets.
    pub(crate) set_world: SetWorld,
    /// How much of a running operation each poll reveals.
    pub(crate) progress: Progress,
    /// The reasons of failing resources by logical id.
    pub(crate) failing: BTreeMap<String, String>,
    /// How often `DescribeChangeSet` returns a pending change set.
    pub(crate) pending_describes: usize,
    /// Whether it knows `DeploymentConfig`, which older servers ignore.
    pub(crate) knows_express: bool,
    /// Whether `GetTemplate` returns the template whose deployment failed while the stack is
    /// `UPDATE_FAILED`.
    pub(crate) shows_failed_template: bool,
    /// Whether events say when the configuration of a resource or of the stack is applied.
    pub(crate) shows_detailed_status: bool,
    /// What IAM simulates for actions: `implicitDeny` or `explicitDeny`. It allows every other action.
    pub(crate) simulated: BTreeMap<String, &'static str>,
    /// By how many minutes the clocks of all services are ahead; `None` if only S3 says what time it is.
    pub(crate) minutes: Option<i64>,
    /// By how many minutes the clock of S3 is ahead.
    pub(crate) s3_minutes: i64,
    /// The size of a page of changes, events or versions.
    pub(crate) page_size: usize,
    pub(super) made: usize,
}

/// How much of a running operation each poll reveals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// All of it.
    Done,
    /// This many events.
    Events(usize),
    /// Nothing: the operation makes no progress.
    Paused,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            id: ACCOUNT.to_owned(),
            stacks: Vec::new(),
            buckets: BTreeMap::new(),
            items: BTreeMap::new(),
            functions: BTreeMap::new(),
            function_states: BTreeMap::new(),
            values: BTreeMap::new(),
            pipeline: None,
            log_lines: Vec::new(),
            imports: BTreeMap::new(),
            refactors: Vec::new(),
            refactor_end: Default::default(),
            stack_sets: Vec::new(),
            set_world: SetWorld::default(),
            progress: Progress::Done,
            failing: BTreeMap::new(),
            pending_describes: 0,
            knows_express: true,
            shows_failed_template: false,
            shows_detailed_status: false,
            simulated: BTreeMap::new(),
            minutes: None,
            s3_minutes: 0,
            page_size: 100,
            made: 0,
        }
    }
}

impl Account {
    /// Returns the newest stack of this name, also a deleted one.
    #[track_caller]
    pub(crate) fn stack(&mut self, name: &str) -> &mut Stack {
        let stack = self.stacks.iter_mut().rev();
        let mut stack = stack.filter(|stack| stack.name == name);
        stack
            .next()
            .unwrap_or_else(|| panic!("there is no stack {name}"))
    }

    /// Lets a resource fail from now on whenever it is created or updated.
    pub(crate) fn fail(&mut self, logical_id: &str, reason: &str) {
        let (logical_id, reason) = (logical_id.to_owned(), reason.to_owned());
        self.failing.insert(logical_id, reason);
    }

    /// Returns how many change sets exist, over all stacks.
    pub(crate) fn change_sets(&self) -> usize {
        self.stacks
            .iter()
            .map(|stack| stack.change_sets.len())
            .sum()
    }

    /// Returns a unique number.
    pub(super) fn next_number(&mut self) -> usize {
        self.made += 1;
        self.made
    }

    pub(super) fn answer(&mut self, call: &Call) -> Response {
        match call.service.as_str() {
            "sts" => self.identity(call),
            "cloudformation" => match self.cloudformation(call) {
                Ok(result) => {
                    let body = xml::query_response(&call.operation, &result);
                    Response::new(200, body).header("content-type", "text/xml")
                }
                Err(fault) => error(call, fault.status, fault.code, &fault.message),
            },
            "s3" => self.s3(call).unwrap_or_else(|fault| {
                let response = error(call, fault.status, fault.code, &fault.message);
                match fault.bucket_region {
                    Some(region) => response.header("x-amz-bucket-region", region),
                    None => response,
                }
            }),
            "iam" => self.iam(call),
            "dynamodb" => self.dynamodb(call),
            "lambda" => self.lambda(call),
            "secretsmanager" | "ssm" => self.value(call),
            "logs" => {
                let lines = self.log_lines.iter();
                let events: Vec<_> = lines.map(|line| json!({ "message": line })).collect();
                Response::new(200, json!({ "events": events }).to_string())
            }
            _ => unknown(call),
        }
    }

    fn identity(&self, call: &Call) -> Response {
        if call.operation != "GetCallerIdentity" {
            return unknown(call);
        }
        let result = xml::text("Arn", &format!("arn:aws:iam::{}:user/tester", self.id))
            + &xml::text("UserId", "AIDAEXAMPLE")
            + &xml::text("Account", &self.id);
        Response::new(200, xml::query_response(&call.operation, &result))
    }

    fn iam(&self, call: &Call) -> Response {
        let result = match call.operation.as_str() {
            "GetRole" => {
                let name = call.parameter("RoleName");
                let arn = format!("arn:aws:iam::{}:role/path/{name}", self.id);
                xml::element("Role", &xml::text("Arn", &arn))
            }
            "SimulatePrincipalPolicy" => {
                let results = call.list("ActionNames").into_iter().map(|action| {
                    let decision = self.simulated.get(&action).unwrap_or(&"allowed");
                    xml::text("EvalActionName", &action) + &xml::text("EvalDecision", decision)
                });
                xml::members("EvaluationResults", results) + &xml::text("IsTruncated", "false")
            }
            _ => return unknown(call),
        };
        let body = xml::query_response(&call.operation, &result);
        Response::new(200, body).header("content-type", "text/xml")
    }

    fn dynamodb(&mut self, call: &Call) -> Response {
        let input: serde_json::Value = serde_json::from_slice(&call.request.body).unwrap();
        let table = input["TableName"].as_str().unwrap_or_default();
        let items = self.items.entry(table.to_owned()).or_default();
        let key = input["Key"].as_object().cloned().unwrap_or_default();
        let matches = |item: &serde_json::Value| key.iter().all(|(name, at)| &item[name] == at);
        let answer = match call.operation.as_str() {
            "GetItem" => match items.iter().find(|item| matches(item)) {
                Some(item) => json!({ "Item": item }),
                None => json!({}),
            },
            "DeleteItem" => {
                items.retain(|item| !matches(item));
                json!({})
            }
            _ => return unknown(call),
        };
        Response::new(200, answer.to_string())
    }
}

/// An error of a service.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) bucket_region: Option<String>,
}

impl Fault {
    /// Returns an error with a status, a code and a message.
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            bucket_region: None,
        }
    }

    /// Returns CloudFormation's `ValidationError`.
    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new(400, "ValidationError", message)
    }
}

fn unknown(call: &Call) -> Response {
    let message = format!(
        "the scripted cloud does not know {} of {:?}",
        call.operation, call.service
    );
    error(call, 400, "InvalidAction", &message)
}
