//! `init --from-stack` for every recorded stack, and for the templates of other projects as if they were
//! deployed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::thread;

use serde_json::{Value, json};
use stackctl::diagnostic::SourceFile;
use stackctl::template::node::Node;
use stackctl::template::{Template, local_paths};

use crate::corpus;
use crate::sandbox::Sandbox;
use crate::scenario;
use crate::service::{Answer, Service};
use crate::xml;

/// How many projects are written at once.
const AT_ONCE: usize = 4;

/// Recorded templates that the service refused too, by a part of their names.
const REFUSED: [&str; 9] = [
    "test_invalid_parameter_type",
    "test_mapping_maximum_nesting_depth",
    "test_mapping_minimum_nesting_depth",
    "test_mapping_with_invalid_refs",
    "test_to_validate_template_limit_for_macro",
    "test_invalid_logical_resource_id",
    "test_resources_blocks-invalid-key",
    "test_resources_blocks-missing-type",
    "test_useful_error_when_invalid_ref",
];

/// A stack to adopt.
struct Stack {
    name: String,
    template: String,
    parameters: BTreeMap<String, String>,
}

/// What became of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// Its project plans no change, without a change set.
    Unchanged,
    /// Its project is what is deployed; only CloudFormation can say whether values from outside have changed.
    Undecided,
    /// The project is written, and a check of the template is an error.
    Refused,
}

impl Stack {
    /// Returns a stack with this template and these parameters; `None` if CloudFormation would take no such
    /// template.
    fn new(name: &str, template: &str, mut parameters: BTreeMap<String, String>) -> Option<Self> {
        let source = SourceFile::new(name, template);
        let parsed = Template::parse_deployed(&source).ok()?;
        parsed.section("Resources")?;
        if !local_paths::find(&parsed).paths.is_empty() {
            // It is a source: `package` replaces these paths before anything is deployed.
            return None;
        }
        scenario::complete(&mut parameters, template);
        for parameter in parsed.parameters() {
            let name = parameter.entry.name;
            let default = parameter.default().and_then(Node::scalar);
            if let Some(default) = default {
                let value = parameters.entry(name.to_owned());
                value.or_insert(default.into_owned());
            }
            if parameter.no_echo() {
                parameters.insert(name.to_owned(), "****".to_owned());
            }
        }
        parameters.retain(|name, _| parsed.parameter(name).is_some());
        Some(Self {
            name: name.to_owned(),
            // What `GetTemplate` keeps.
            template: template
                .chars()
                .map(|it| if it.is_ascii() { it } else { '?' })
                .collect(),
            parameters,
        })
    }

    /// Writes the project, and with `plans` plans it.
    fn adopt(&self, plans: bool) -> Outcome {
        let service = Service::start();
        let parameters: Vec<Value> = self
            .parameters
            .iter()
            .map(|(name, value)| json!({ "ParameterKey": name, "ParameterValue": value }))
            .collect();
        let stack = json!({
            "StackId": "arn:aws:cloudformation:us-east-1:111111111111:stack/adopted/1",
            "StackName": "adopted",
            "CreationTime": "2025-06-01T12:00:00.000Z",
            "StackStatus": "UPDATE_COMPLETE",
            "Parameters": parameters,
            "Tags": [{ "Key": "team", "Value": "web" }],
        });
        for (operation, result) in [
            ("DescribeStacks", json!({ "Stacks": [stack] })),
            ("GetTemplate", json!({ "TemplateBody": self.template })),
        ] {
            service.set_response(operation, Answer::of(xml::body(operation, &result)));
        }
        let sandbox = Sandbox::new()
            .credentials()
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ENDPOINT_URL", service.endpoint())
            .env("STACKCTL_ALLOW_ENDPOINT", "true");
        let init = sandbox.run(&["init", "--from-stack", "adopted", "."]);
        let is_json = self.template.trim_start().starts_with('{');
        let file = if is_json {
            "template.json"
        } else {
            "template.yaml"
        };
        let written = std::fs::read_to_string(sandbox.path(file));
        assert_eq!(
            written.ok().as_deref(),
            Some(&*self.template),
            "{}: {init}",
            self.name
        );
        if init.code() == 1 {
            assert!(
                init.stderr.contains("cannot be planned"),
                "{}: {init}",
                self.name
            );
            return Outcome::Refused;
        }
        let is_same = init.code() == 0 && init.stderr.contains("The project is what is deployed");
        assert!(is_same, "{}: {init}", self.name);
        if !init.stderr.contains("shows no changes") {
            return Outcome::Undecided;
        }
        if !plans {
            return Outcome::Unchanged;
        }
        service.take_calls();
        let plan = sandbox.run(&["plan", "--detailed-exitcode"]);
        assert!(plan.stdout.contains("No changes"), "{}: {plan}", self.name);
        let calls = service.take_calls();
        assert!(
            calls.iter().all(|call| call != "CreateChangeSet"),
            "{calls:?}"
        );
        Outcome::Unchanged
    }
}

/// Adopts all stacks and returns how many had each outcome, and the names of those that were refused.
fn adopt_all(stacks: Vec<Stack>, plans: bool) -> (BTreeMap<Outcome, usize>, Vec<String>) {
    let stacks = Mutex::new(stacks.into_iter());
    let results = Mutex::new((BTreeMap::new(), Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = stacks.lock().unwrap().next();
                    let Some(stack) = next else { return };
                    let outcome = stack.adopt(plans);
                    let mut results = results.lock().unwrap();
                    *results.0.entry(outcome).or_insert(0) += 1;
                    if outcome == Outcome::Refused {
                        results.1.push(stack.name);
                    }
                }
            });
        }
    });
    results.into_inner().unwrap()
}

fn report(what: &str, outcomes: &BTreeMap<Outcome, usize>) -> usize {
    let count = |outcome| outcomes.get(&outcome).copied().unwrap_or(0);
    let adopted = count(Outcome::Unchanged) + count(Outcome::Undecided);
    crate::report!(
        "corpus: {adopted} {what} adopted: {} plan no change by their bytes, {} have values from outside; \
         the checks refuse {} others",
        count(Outcome::Unchanged),
        count(Outcome::Undecided),
        count(Outcome::Refused)
    );
    adopted
}

#[test]
fn every_recorded_stack_is_adopted() {
    let Some(folder) = corpus::folder("localstack") else {
        return;
    };
    let mut stacks = Vec::new();
    let mut seen = BTreeSet::new();
    let mut add = |name: &str, calls: Vec<scenario::Call>| {
        for call in calls.iter().filter(|call| call.changes()) {
            let Some(template) = call.template() else {
                continue;
            };
            if seen.insert(template.to_owned()) {
                stacks.extend(Stack::new(name, template, call.parameters()));
            }
        }
    };
    for path in corpus::files(&folder.join("scenarios")) {
        let calls = scenario::calls(&folder, &corpus::json(&path));
        add(&path.display().to_string(), calls);
    }
    for path in corpus::files(&folder.join("updates")) {
        let calls = scenario::calls_of_update(&folder, &corpus::json(&path));
        add(&path.display().to_string(), calls);
    }
    let (outcomes, refused) = adopt_all(stacks, true);
    let adopted = report("recorded stacks", &outcomes);
    for name in refused {
        let is_known = REFUSED.iter().any(|known| name.contains(known));
        assert!(is_known, "{name}");
    }
    corpus::expect_cases("adopted stacks", adopted, 148);
}

#[test]
fn every_template_is_adopted_as_if_it_were_deployed() {
    let Some(folder) = corpus::folder("templates") else {
        return;
    };
    let mut stacks = Vec::new();
    for path in corpus::template_files(&folder) {
        let name = path.display().to_string();
        if name.contains("/bad/") || name.contains("cfn-lint-results/") {
            continue;
        }
        let Some(source) = corpus::source(&folder, &path) else {
            continue;
        };
        stacks.extend(Stack::new(&name, &source.text, BTreeMap::new()));
    }
    // Many are refused because nobody knows values for their parameters.
    let (outcomes, _) = adopt_all(stacks, false);
    let adopted = report("templates of other projects", &outcomes);
    corpus::expect_cases("adopted templates", adopted, 338);
}
