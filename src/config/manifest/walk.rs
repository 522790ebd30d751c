//! One walk over a table's values that fills a [`Layer`] and reports everything that is wrong.
//!
//! The walk never stops at an error: a value that is wrong is reported and left out, and the walk
//! goes on. Which keys exist is said once, by the calls that read them; a test holds these against
//! the JSON Schema.

use std::ops::RangeInclusive;

use ipnet::IpNet;

use super::checks::{self, Fault};
use super::layer::{Artifact, Expect, Layer, Parameter, Upload, Verify};
use super::node::{Node, Table, Value};
use super::reader::{Problems, Reader, boolean, limited, named, table, text};
use crate::config::settings::{LintSettings, SshSettings, StackSettings};
use crate::diagnostic::Diagnostic;

/// CloudFormation takes 50 tags a stack (`CreateChangeSet`, `Tags`); two are stackctl's own.
const TAG_LIMIT: usize = 48;
/// CloudFormation quotas: parameters in a template.
const PARAMETER_LIMIT: usize = 200;
/// CloudFormation quotas: bytes of a parameter's value.
const PARAMETER_BYTES: usize = 4096;
/// `CreateChangeSet`: `NotificationARNs` and `RollbackTriggers` take 5 items each.
const ARN_LIMIT: usize = 5;

/// Where a layer stands. It decides the few keys that do not belong everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The manifest's top level.
    Top,
    /// An `[environments.NAME]` table.
    Environment,
    /// Variables and flags.
    Override,
    /// All layers together.
    Merged,
}

/// Reads one layer. `path` names the table that it stands in, for messages.
pub(crate) fn layer(table: &Table, scope: Scope, path: &[&str]) -> (Layer, Vec<Diagnostic>) {
    let mut problems = Problems {
        found: Vec::new(),
        path: path.iter().map(|part| (*part).to_owned()).collect(),
    };
    let layer = read_layer(table, scope, &mut problems);
    (layer, problems.found)
}

/// Returns the keys that may stand at the top level.
pub(crate) fn top_level_keys() -> Vec<&'static str> {
    let mut problems = Problems::default();
    let table = Table::new();
    let mut reader = Reader::new(&table, &mut problems);
    fields(&mut reader);
    reader.known
}

fn read_layer(table: &Table, scope: Scope, problems: &mut Problems) -> Layer {
    let mut reader = Reader::new(table, problems);
    let layer = fields(&mut reader);
    match scope {
        Scope::Top => {
            reader.known.push("environments");
            reader.misplaced("emulator", "belongs into an `[environments.NAME]` table");
        }
        Scope::Environment => {
            reader.misplaced(
                "environment",
                "names the default environment and stands at the top level",
            );
        }
        Scope::Override => {
            reader.misplaced(
                "emulator",
                "belongs into an `[environments.NAME]` table of the manifest",
            );
        }
        Scope::Merged => {}
    }
    reader.finish();

    if scope != Scope::Override
        && layer.allow_world_ssh != Some(true)
        && let Some(entry) = table.get("allowed_ssh_cidr")
        && let Some(network) = checks::world(&right_networks(&entry.node))
    {
        problems.push(world_ssh(network, &entry.node));
    }
    layer
}

/// Returns the error for an `allowed_ssh_cidr` that opens SSH to everyone.
fn world_ssh(network: IpNet, cidrs: &Node) -> Diagnostic {
    Diagnostic::error(
        "world-ssh",
        format!("`{network}` opens SSH to the world"),
        world_node(network, cidrs)
            .origin
            .place("far more than your own network"),
    )
    .help("name your own address or network, such as `203.0.113.7/32`")
    .help("if everyone really is meant, write `allow_world_ssh = true` beside it")
}

/// Returns the networks of `allowed_ssh_cidr` that are written as they must be, also beside wrong ones.
fn right_networks(cidrs: &Node) -> Vec<IpNet> {
    let items = match &cidrs.value {
        Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(cidrs),
    };
    items
        .iter()
        .filter_map(|item| checks::cidr(&item.scalar()?).ok())
        .collect()
}

/// Returns the one item that is this network, where there is one.
fn world_node(network: IpNet, cidrs: &Node) -> &Node {
    let Value::List(items) = &cidrs.value else {
        return cidrs;
    };
    items
        .iter()
        .find(|item| {
            item.scalar()
                .is_some_and(|text| text.parse() == Ok(network))
        })
        .unwrap_or(cidrs)
}

fn fields(reader: &mut Reader<'_, '_>) -> Layer {
    Layer {
        project: reader.text("project", checks::project),
        environment: reader.text("environment", checks::environment),
        required_version: reader.text("required_version", checks::version),
        region: reader.text("region", checks::region),
        profile: reader.text("profile", checks::filled),
        account: reader.text("account", checks::account),
        stack_name: reader.text("stack_name", checks::stack_name),
        template: reader.text("template", checks::path),
        artifact_bucket: reader.text("artifact_bucket", checks::bucket),
        allow_endpoint: reader.boolean("allow_endpoint"),
        allowed_ssh_cidr: reader.read("allowed_ssh_cidr", cidrs),
        allow_world_ssh: reader.boolean("allow_world_ssh"),
        key_pair: reader.text("key_pair", checks::key_pair),
        tags: reader.read("tags", |node, problems| {
            limited(node, TAG_LIMIT, "tags", problems);
            named(node, problems, checks::tag_key, |node, problems| {
                text(node, problems, checks::tag_value)
            })
        }),
        artifacts: reader.read("artifacts", |node, problems| {
            named(node, problems, checks::artifact, artifact)
        }),
        parameters: reader.read("parameters", |node, problems| {
            limited(node, PARAMETER_LIMIT, "parameters", problems);
            named(node, problems, checks::parameter, parameter)
        }),
        vars: reader.read("vars", vars),
        stack: reader.read("stack", stack),
        lint: reader.read("lint", lint),
        ssh: reader.read("ssh", ssh),
        verify: reader.read("verify", verify),
        emulator: reader.boolean("emulator"),
    }
}

fn artifact(node: &Node, problems: &mut Problems) -> Option<Artifact> {
    let mut reader = Reader::new(table(node, problems)?, problems);
    let artifact = Artifact {
        path: reader.text("path", checks::path),
        exclude: reader.texts("exclude", usize::MAX, checks::glob),
        requirements: reader.text("requirements", checks::path),
    };
    reader.finish();
    Some(artifact)
}

fn stack(node: &Node, problems: &mut Problems) -> Option<StackSettings> {
    const ANY: RangeInclusive<u32> = 1..=u32::MAX;
    let mut reader = Reader::new(table(node, problems)?, problems);
    let stack = StackSettings {
        capabilities: reader.texts("capabilities", usize::MAX, checks::capability),
        termination_protection: reader.boolean("termination_protection"),
        policy: reader.text("policy", checks::path),
        role_arn: reader.text("role_arn", checks::role_arn),
        notification_arns: reader
            .texts("notification_arns", ARN_LIMIT, checks::topic_arn)
            .unwrap_or_default(),
        rollback_alarms: reader
            .texts("rollback_alarms", ARN_LIMIT, checks::alarm_arn)
            .unwrap_or_default(),
        rollback_monitoring_minutes: reader.integer("rollback_monitoring_minutes", &(0..=180)),
        timeout_minutes: reader.integer("timeout_minutes", &ANY),
        protected_types: reader
            .texts("protected_types", usize::MAX, checks::filled)
            .unwrap_or_default(),
    };
    reader.finish();
    Some(stack)
}

fn lint(node: &Node, problems: &mut Problems) -> Option<LintSettings> {
    let mut reader = Reader::new(table(node, problems)?, problems);
    let lint = LintSettings {
        ignore: reader
            .texts("ignore", usize::MAX, checks::lint_rule)
            .unwrap_or_default(),
        severity: reader.text("severity", checks::severity),
    };
    reader.finish();
    Some(lint)
}

fn ssh(node: &Node, problems: &mut Problems) -> Option<SshSettings> {
    let mut reader = Reader::new(table(node, problems)?, problems);
    let ssh = SshSettings {
        identity_file: reader.text("identity_file", checks::filled),
        user: reader.text("user", checks::user),
    };
    reader.finish();
    Some(ssh)
}

fn verify(node: &Node, problems: &mut Problems) -> Option<Verify> {
    let mut reader = Reader::new(table(node, problems)?, problems);
    let verify = Verify {
        upload: reader.read("upload", |node, problems| {
            let mut reader = Reader::new(table(node, problems)?, problems);
            let upload = Upload {
                bucket: reader.text("bucket", checks::filled),
                file: reader.text("file", checks::path),
            };
            reader.finish();
            Some(upload)
        }),
        expect: reader.read("expect", |node, problems| {
            let mut reader = Reader::new(table(node, problems)?, problems);
            let expect = Expect {
                table: reader.text("table", checks::filled),
                key: reader.text("key", checks::filled),
            };
            reader.finish();
            Some(expect)
        }),
        timeout: reader.text("timeout", checks::duration),
        after_apply: reader.boolean("after_apply"),
    };
    reader.finish();
    Some(verify)
}

/// Reads free values. Only `test_instance` is looked at by stackctl itself.
fn vars(node: &Node, problems: &mut Problems) -> Option<toml::Table> {
    let vars = table(node, problems)?;
    if let Some(entry) = vars.get("test_instance") {
        problems.within("test_instance", |problems| boolean(&entry.node, problems));
    }
    Some(
        vars.iter()
            .map(|(key, entry)| (key.clone(), entry.node.to_toml()))
            .collect(),
    )
}

fn cidrs(node: &Node, problems: &mut Problems) -> Option<Vec<IpNet>> {
    let items = match &node.value {
        Value::List(items) => items.as_slice(),
        Value::String(_) => std::slice::from_ref(node),
        _ => {
            problems.wrong_type(node, "a CIDR or a list of them");
            return None;
        }
    };
    let mut networks = Vec::new();
    let before = problems.found.len();
    for item in items {
        let Some(network) = text(item, problems, checks::cidr) else {
            continue;
        };
        if networks.contains(&network) {
            let fault = Fault::new("duplicate-cidr", "names this network twice");
            problems.fault(
                fault.help("a security group takes each rule once"),
                &item.origin,
            );
        }
        networks.push(network);
    }
    (problems.found.len() == before).then_some(networks)
}

fn parameter(node: &Node, problems: &mut Problems) -> Option<Parameter> {
    let value = match &node.value {
        Value::Table(table) => {
            let mut reader = Reader::new(table, problems);
            let variable = reader.text("from_env", checks::variable);
            reader.finish();
            if table.is_empty() {
                let fault = Fault::new("missing-key", "does not say where its value is");
                problems.fault(
                    fault.help("write `{ from_env = \"VARIABLE\" }`"),
                    &node.origin,
                );
            }
            return variable.map(Parameter::FromEnvironment);
        }
        Value::List(items) => {
            let mut texts = Vec::new();
            for item in items {
                match item.scalar() {
                    Some(text) if text.contains(',') => problems.fault(
                        Fault::new(
                            "bad-parameter",
                            "has an item with a comma, which would split it",
                        )
                        .help("CloudFormation joins and splits lists at commas"),
                        &item.origin,
                    ),
                    Some(text) => texts.push(text),
                    None => problems.wrong_type(item, "a list of plain values"),
                }
            }
            texts.join(",")
        }
        _ => node.scalar()?,
    };
    if value.len() > PARAMETER_BYTES {
        problems.fault(
            Fault::new("out-of-range", format!("has {} bytes", value.len())).help(format!(
                "CloudFormation takes {PARAMETER_BYTES} bytes a parameter"
            )),
            &node.origin,
        );
    }
    Some(Parameter::Plain(value))
}
