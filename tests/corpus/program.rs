//! Runs the program against a service with recorded responses.
//!
//! Each function serves a recorded response, runs the command that shows it, and checks the
//! command's JSON document.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::change_sets::{Found, look_for};
use crate::documents::{
    check_error, check_events, check_outputs, check_resources, check_status, flat, items,
    summaries, text,
};
use crate::sandbox::{Finished, Sandbox};
use crate::service::{Answer, PLAIN, Service};
use crate::xml;

/// A project, its service and the deployed stack.
pub(crate) struct Program {
    sandbox: Sandbox,
    service: Service,
    /// The stack's name; empty if the stack was deleted.
    stack: RefCell<String>,
    template: RefCell<String>,
    /// Options of `apply` that allow the dangers of the last plan.
    allowed: RefCell<Vec<String>>,
    operations: Cell<usize>,
}

/// Who refused a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// stackctl, before it called the service.
    Before,
    /// The service. stackctl printed its message.
    ByTheService,
}

impl Program {
    /// Starts a service with an empty account, and a project.
    pub(crate) fn start() -> Self {
        let service = Service::start();
        let sandbox = Sandbox::new()
            .credentials()
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ENDPOINT_URL", service.endpoint())
            .env("STACKCTL_TEST_PACE", "20");
        let program = Self {
            sandbox,
            service,
            stack: RefCell::default(),
            template: RefCell::default(),
            allowed: RefCell::default(),
            operations: Cell::new(0),
        };
        let template = "Resources: { R: { Type: \"AWS::SNS::Topic\" } }\n";
        program.project("replayed", template, &BTreeMap::new());
        program
    }

    /// Changes the project to this template and these parameters. Another name means a new stack. A
    /// recorded name may be a placeholder.
    pub(crate) fn project(
        &self,
        stack: &str,
        template: &str,
        parameters: &BTreeMap<String, String>,
    ) {
        let stack = stack.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
        let stack = match stack.trim_matches('-') {
            "" => "replayed",
            stack => stack,
        };
        if *self.stack.replace(stack.to_owned()) != *stack {
            for operation in [
                "DescribeStacks",
                "DescribeStackEvents",
                "ListStackResources",
                "GetTemplate",
            ] {
                self.service.remove_response(operation);
            }
        }
        let mut manifest = format!(
            "project = \"replay\"\nenvironment = \"dev\"\nstack_name = \"{stack}\"\n\
             template = \"template\"\nartifact_bucket = \"artifacts\"\nallow_endpoint = true\n\
             [artifacts]\n[parameters]\n"
        );
        for (name, value) in parameters {
            // A JSON string is also a TOML string.
            manifest += &format!("{name} = {}\n", json!(value));
        }
        self.sandbox.write("manifest.toml", manifest);
        let template = template.trim_start();
        self.sandbox.write("template", template);
        self.template.replace(template.to_owned());
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        self.service.take_calls();
        self.sandbox.run(arguments)
    }

    fn status(&self) -> Value {
        let status = self.run(&["status", "--format", "json"]);
        status.expect_code(0).json()
    }

    /// Checks `status` and `outputs` against a response.
    pub(crate) fn check_stack(&self, answer: &Answer, sent: &Value) {
        let stack = &sent["Stacks"][0];
        let check = || {
            check_status(stack, &self.status());
            if !items(&stack["Outputs"]).is_empty() && stack["StackStatus"] != "DELETE_COMPLETE" {
                let outputs = self.run(&["outputs", "--format", "json"]).expect_code(0);
                check_outputs(stack, &outputs.json(), self.has_secrets());
            }
        };
        self.service
            .with_response("DescribeStacks", answer.clone(), check);
    }

    /// Checks `status` against a response about resources.
    pub(crate) fn check_resources(&self, sent: &Value) {
        let sent = summaries(sent);
        let body = xml::body("ListStackResources", &sent);
        self.service
            .set_response("ListStackResources", Answer::of(body));
        check_resources(items(&sent["StackResourceSummaries"]), &self.status());
    }

    /// Checks `events`, oldest first, against a response of `DescribeStackEvents`.
    pub(crate) fn check_events(&self, sent: &Value) {
        let newest = &sent["StackEvents"][0];
        let stack = json!({
            "StackId": newest["StackId"],
            "StackName": newest["StackName"],
            "CreationTime": newest["Timestamp"],
            "StackStatus": "CREATE_COMPLETE",
        });
        let sent = &with_ids_of_their_own(sent);
        let answer = Answer::of(xml::body("DescribeStackEvents", sent));
        let stack = Answer::of(xml::body("DescribeStacks", &json!({ "Stacks": [stack] })));
        let events = || self.run(&["events", "--all", "--format", "json"]);
        let shown = self
            .service
            .with_response("DescribeStackEvents", answer, || {
                self.service.with_response("DescribeStacks", stack, events)
            });
        let shown = shown.expect_code(0).json();
        check_events(sent, items(&shown["events"]).iter());
    }

    /// Checks that `events` reports a missing stack.
    pub(crate) fn check_missing_stack(&self, error: Answer) {
        let events = || self.run(&["events", "--all", "--format", "json"]);
        let shown = self.service.with_response("DescribeStacks", error, events);
        let shown = shown.expect_code(1);
        assert!(shown.stdout.is_empty(), "{shown}");
        assert!(shown.stderr.contains("there is no stack"), "{shown}");
    }

    /// Checks `plan` against descriptions of a change set with and without property values.
    pub(crate) fn check_plan(
        &self,
        [valued, plain]: [&Answer; 2],
        sent: [&Value; 2],
        found: &mut Found,
    ) {
        let [valued_sent, plain_sent] = sent;
        let made = json!({
            "Id": valued_sent["ChangeSetId"],
            "StackId": valued_sent["StackId"],
        });
        let made = Answer::of(xml::body("CreateChangeSet", &made));
        self.service.set_response("CreateChangeSet", made);
        self.service
            .set_response("DescribeChangeSet", valued.clone());
        self.service.set_response(PLAIN, plain.clone());
        self.allowed.take();
        let shown = self.run(&["plan", "--format", "json"]);
        let reason = text(valued_sent, "StatusReason").unwrap_or_default();
        let unchanged = reason.contains("didn't contain changes");
        if valued_sent["ExecutionStatus"] != "AVAILABLE" && !unchanged {
            let shown = shown.expect_code(1);
            assert!(shown.stdout.is_empty(), "{shown}");
            assert!(
                flat(&shown.stderr).contains(&flat(reason)),
                "{reason}: {shown}"
            );
            return;
        }
        let shown = shown.expect_code(0).json();
        assert_eq!(shown["has_changes"], !unchanged, "{shown:#}");
        let asked = self.service.take_calls();
        if unchanged && asked.iter().all(|call| call != "CreateChangeSet") {
            // The deployed template has the same bytes, so no change set was created.
            return;
        }
        found.may_hide = self.has_secrets();
        look_for(valued_sent, &shown, found);
        look_for(plain_sent, &shown, found);
        let risks = items(&shown["risk"]).iter();
        let allowed = risks.filter_map(|risk| {
            let (option, name) = (risk["allow"].as_str()?, risk["logical_id"].as_str()?);
            Some([option.to_owned(), name.to_owned()])
        });
        self.allowed.replace(allowed.flatten().collect());
    }

    /// Serves a change set that was not recorded from now on.
    pub(crate) fn set_unrecorded_plan(&self) {
        let arn = "arn:aws:cloudformation:us-east-1:111111111111:changeSet/change-set/1";
        let made = json!({ "Id": arn, "StackId": "arn:aws:cloudformation:us-east-1:1:stack/s/1" });
        let described = json!({
            "ChangeSetId": arn,
            "StackId": made["StackId"],
            "Status": "CREATE_COMPLETE",
            "ExecutionStatus": "AVAILABLE",
        });
        self.allowed.take();
        self.service.remove_response(PLAIN);
        for (operation, result) in [("CreateChangeSet", made), ("DescribeChangeSet", described)] {
            let answer = Answer::of(xml::body(operation, &result));
            self.service.set_response(operation, answer);
        }
    }

    /// Checks that `plan` prints why the service refused to create a change set.
    pub(crate) fn check_refusal(&self, error: &str) -> Refused {
        self.service
            .set_response("CreateChangeSet", Answer::error(error));
        let plan = self.run(&["plan", "--format", "json"]).expect_code(1);
        self.service.remove_response("CreateChangeSet");
        assert!(plan.stdout.is_empty(), "{plan}");
        assert!(plan.stderr.contains("error: "), "{plan}");
        let asked = self.service.take_calls();
        if asked.iter().all(|call| call != "CreateChangeSet") {
            return Refused::Before;
        }
        check_error(error, &plan.stderr);
        Refused::ByTheService
    }

    /// Applies the change set of the last plan, or one that was not recorded, and checks the result
    /// against this stack of `DescribeStacks`.
    pub(crate) fn check_apply(&self, outcome: &Value) {
        self.set_result(outcome);
        let file = self.sandbox.path("outputs.json");
        let mut command = vec!["apply", "--yes", "--outputs-file", "outputs.json"];
        let allowed = self.allowed.take();
        command.extend(allowed.iter().map(String::as_str));
        let applied = self.run(&command);
        let status = text(outcome, "StackStatus").unwrap();
        let went_well = ["CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"].contains(&status);
        let expected: &[i32] = match status {
            _ if went_well => &[0],
            _ if status.contains("ROLLBACK_COMPLETE") => &[3],
            _ => &[1, 3],
        };
        assert!(expected.contains(&applied.code()), "{status}: {applied}");
        if went_well {
            let outputs = std::fs::read(&file).unwrap();
            let outputs = serde_json::from_slice(&outputs).unwrap();
            check_outputs(outcome, &outputs, self.has_secrets());
        } else {
            assert!(applied.stderr.contains(status), "{applied}");
        }
    }

    /// Destroys the stack. Afterwards `DescribeStacks` returns this stack, or none.
    pub(crate) fn check_destroy(&self, outcome: &Value) {
        self.set_result(outcome);
        let shown = self.run(&["destroy", "--dry-run", "--format", "json"]);
        let shown = shown.expect_code(0).json();
        let mut arguments = vec!["destroy", "--yes"];
        for resource in items(&shown["resources"]) {
            if !resource["loses"].is_null() {
                arguments.extend(["--allow-delete", text(resource, "path").unwrap()]);
            }
        }
        self.run(&arguments).expect_code(0);
        self.stack.take();
    }

    /// Serves this stack of `DescribeStacks` after the next operation.
    fn set_result(&self, stack: &Value) {
        let number = self.operations.get() + 1;
        self.operations.set(number);
        let event = json!({
            "EventId": format!("operation-{number}"),
            "StackId": stack["StackId"],
            "StackName": stack["StackName"],
            "LogicalResourceId": stack["StackName"],
            "PhysicalResourceId": stack["StackId"],
            "ResourceType": "AWS::CloudFormation::Stack",
            "ResourceStatus": stack["StackStatus"],
            "Timestamp": "2025-06-01T12:00:00.000Z",
        });
        for (operation, result) in [
            ("DescribeStacks", json!({ "Stacks": [stack] })),
            ("DescribeStackEvents", json!({ "StackEvents": [event] })),
            (
                "GetTemplate",
                json!({ "TemplateBody": *self.template.borrow() }),
            ),
        ] {
            let answer = Answer::of(xml::body(operation, &result));
            self.service.set_response_after_change(operation, answer);
        }
    }

    /// Returns whether the template has secret parameters, whose values may be masked.
    fn has_secrets(&self) -> bool {
        self.template.borrow().contains("NoEcho")
    }
}

/// Returns a response of `DescribeStackEvents` with unique event ids. The ids contain times, and
/// the recording has the same placeholder for all times.
fn with_ids_of_their_own(sent: &Value) -> Value {
    let mut events = items(&sent["StackEvents"]).to_vec();
    for (number, event) in events.iter_mut().enumerate() {
        let id = event["EventId"].as_str().unwrap_or_default();
        event["EventId"] = json!(format!("{id}-{number}"));
    }
    json!({ "StackEvents": events })
}
