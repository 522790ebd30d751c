//! The program itself at the service that says what was recorded.
//!
//! Each function serves one recorded answer, runs the command that shows it, and looks for all of it
//! in the command's JSON.

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

/// A project, its service, and what is deployed there.
pub(crate) struct Program {
    sandbox: Sandbox,
    service: Service,
    /// The stack's name; empty where the stack was deleted.
    stack: RefCell<String>,
    template: RefCell<String>,
    /// Options of `apply` that allow what the last plan would refuse.
    allowed: RefCell<Vec<String>>,
    operations: Cell<usize>,
}

/// How the service's refusal of a change came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// stackctl found it itself and asked for nothing.
    Before,
    /// The service's own words were told.
    ByTheService,
}

impl Program {
    /// Starts a service with an account in which there is nothing, and a project for it.
    pub(crate) fn start() -> Self {
        let service = Service::start();
        let sandbox = Sandbox::new()
            .credentials()
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ENDPOINT_URL", service.endpoint());
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

    /// Makes the project one of this template and these parameters. A stack of another name is a new
    /// one. A recorded name may be no name, where the recorder put something else in its place.
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
                self.service.forget(operation);
            }
        }
        let mut manifest = format!(
            "project = \"replay\"\nenvironment = \"dev\"\nstack_name = \"{stack}\"\n\
             template = \"template\"\nartifact_bucket = \"artifacts\"\nallow_endpoint = true\n\
             [artifacts]\n[vars]\ntest_instance = false\n[parameters]\n"
        );
        for (name, value) in parameters {
            // A string of JSON is one of TOML.
            manifest += &format!("{name} = {}\n", json!(value));
        }
        self.sandbox.write("manifest.toml", manifest);
        let template = template.trim_start();
        let source = format!("{{% raw %}}{template}{{% endraw %}}");
        self.sandbox.write("template", source);
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

    /// Checks that `status` and `outputs` tell the stack as an answer does.
    pub(crate) fn tells_stack(&self, answer: &Answer, said: &Value) {
        let stack = &said["Stacks"][0];
        let check = || {
            check_status(stack, &self.status());
            if !items(&stack["Outputs"]).is_empty() && stack["StackStatus"] != "DELETE_COMPLETE" {
                let outputs = self.run(&["outputs", "--format", "json"]).expect_code(0);
                check_outputs(stack, &outputs.json(), self.has_secrets());
            }
        };
        self.service
            .say_while("DescribeStacks", answer.clone(), check);
    }

    /// Checks that `status` tells what was recorded of the resources of a stack.
    pub(crate) fn tells_resources(&self, said: &Value) {
        let said = summaries(said);
        let body = xml::body("ListStackResources", &said);
        self.service.say("ListStackResources", Answer::of(body));
        check_resources(items(&said["StackResourceSummaries"]), &self.status());
    }

    /// Checks that `events` tells what an answer of `DescribeStackEvents` says, oldest first.
    pub(crate) fn tells_events(&self, said: &Value) {
        let newest = &said["StackEvents"][0];
        let stack = json!({
            "StackId": newest["StackId"],
            "StackName": newest["StackName"],
            "CreationTime": newest["Timestamp"],
            "StackStatus": "CREATE_COMPLETE",
        });
        let said = &with_ids_of_their_own(said);
        let answer = Answer::of(xml::body("DescribeStackEvents", said));
        let stack = Answer::of(xml::body("DescribeStacks", &json!({ "Stacks": [stack] })));
        let events = || self.run(&["events", "--all", "--format", "json"]);
        let shown = self.service.say_while("DescribeStackEvents", answer, || {
            self.service.say_while("DescribeStacks", stack, events)
        });
        let shown = shown.expect_code(0).json();
        check_events(said, items(&shown["events"]).iter());
    }

    /// Checks that `events` knows no stack where the service does not.
    pub(crate) fn tells_no_events(&self, error: Answer) {
        let events = || self.run(&["events", "--all", "--format", "json"]);
        let shown = self.service.say_while("DescribeStacks", error, events);
        let shown = shown.expect_code(1);
        assert!(shown.stdout.is_empty(), "{shown}");
        assert!(shown.stderr.contains("there is no stack"), "{shown}");
    }

    /// Checks that `plan` tells a change set as it was described with values and without.
    pub(crate) fn plans(
        &self,
        [valued, plain]: [&Answer; 2],
        said: [&Value; 2],
        found: &mut Found,
    ) {
        let [valued_said, plain_said] = said;
        let made = json!({
            "Id": valued_said["ChangeSetId"],
            "StackId": valued_said["StackId"],
        });
        let made = Answer::of(xml::body("CreateChangeSet", &made));
        self.service.say("CreateChangeSet", made);
        self.service.say("DescribeChangeSet", valued.clone());
        self.service.say(PLAIN, plain.clone());
        self.allowed.take();
        let shown = self.run(&["plan", "--format", "json"]);
        let reason = text(valued_said, "StatusReason").unwrap_or_default();
        let unchanged = reason.contains("didn't contain changes");
        if valued_said["ExecutionStatus"] != "AVAILABLE" && !unchanged {
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
            // What is deployed is the same to the byte: nobody was asked.
            return;
        }
        found.may_hide = self.has_secrets();
        look_for(valued_said, &shown, found);
        look_for(plain_said, &shown, found);
        let risks = items(&shown["risk"]).iter();
        let allowed = risks.filter_map(|risk| {
            let (option, name) = (risk["allow"].as_str()?, risk["logical_id"].as_str()?);
            Some([option.to_owned(), name.to_owned()])
        });
        self.allowed.replace(allowed.flatten().collect());
    }

    /// Plans from here on a change set of which nothing was recorded.
    pub(crate) fn forget_plan(&self) {
        let arn = "arn:aws:cloudformation:us-east-1:111111111111:changeSet/change-set/1";
        let made = json!({ "Id": arn, "StackId": "arn:aws:cloudformation:us-east-1:1:stack/s/1" });
        let described = json!({
            "ChangeSetId": arn,
            "StackId": made["StackId"],
            "Status": "CREATE_COMPLETE",
            "ExecutionStatus": "AVAILABLE",
        });
        self.allowed.take();
        self.service.forget(PLAIN);
        for (operation, result) in [("CreateChangeSet", made), ("DescribeChangeSet", described)] {
            let answer = Answer::of(xml::body(operation, &result));
            self.service.say(operation, answer);
        }
    }

    /// Checks that `plan` tells why the service refused to make a change set.
    pub(crate) fn is_refused(&self, error: &str) -> Refused {
        self.service.say("CreateChangeSet", Answer::error(error));
        let plan = self.run(&["plan", "--format", "json"]).expect_code(1);
        self.service.forget("CreateChangeSet");
        assert!(plan.stdout.is_empty(), "{plan}");
        assert!(plan.stderr.contains("error: "), "{plan}");
        let asked = self.service.take_calls();
        if asked.iter().all(|call| call != "CreateChangeSet") {
            return Refused::Before;
        }
        check_error(error, &plan.stderr);
        Refused::ByTheService
    }

    /// Applies the change set of the last plan, or one of which nothing was recorded, and checks that
    /// it comes out as this stack of `DescribeStacks`.
    pub(crate) fn applies(&self, outcome: &Value) {
        self.ends_as(outcome);
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

    /// Checks that the stack can be deleted, after which it is this one of `DescribeStacks`, or gone.
    pub(crate) fn destroys(&self, outcome: &Value) {
        self.ends_as(outcome);
        self.run(&["destroy", "--yes"]).expect_code(0);
        self.stack.take();
    }

    /// Says that the next operation ends the stack as this one of `DescribeStacks`.
    fn ends_as(&self, stack: &Value) {
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
            self.service.say_afterwards(operation, answer);
        }
    }

    /// Returns whether values may be hidden because the template says that they are secret.
    fn has_secrets(&self) -> bool {
        self.template.borrow().contains("NoEcho")
    }
}

/// Returns an answer of `DescribeStackEvents` in which no event has the id of another: the recorder put
/// one word in the place of all times, which are a part of the ids.
fn with_ids_of_their_own(said: &Value) -> Value {
    let mut events = items(&said["StackEvents"]).to_vec();
    for (number, event) in events.iter_mut().enumerate() {
        let id = event["EventId"].as_str().unwrap_or_default();
        event["EventId"] = json!(format!("{id}-{number}"));
    }
    json!({ "StackEvents": events })
}
