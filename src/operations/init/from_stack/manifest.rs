//! The manifest of a project for a deployed stack: exactly the stack's own values.

use indexmap::IndexMap;

use super::code::Unpacked;
use super::snapshot::Snapshot;
use super::{Adopted, CODE, NESTED, POLICY};
use crate::aws::{Connection, Endpoint};
use crate::cloudformation::stack::Stack;
use crate::config::manifest::{LOCAL, checks};
use crate::config::settings::Settings;
use crate::operations::init::existing::code::{Artifact, Build, Code};
use crate::operations::init::existing::draft::{Draft, Layer, Setting, Sourced, Value};
use crate::operations::init::existing::manifest_text;
use crate::operations::init::folder::Folder;
use crate::operations::session::Session;
use crate::template::{Parameter, Template, capability};
use crate::util::suggest::quoted;

/// The default environment of a manifest.
const DEFAULT_ENVIRONMENT: &str = "dev";

/// Returns what the manifest contains.
pub(super) fn draft<'a>(
    folder: &Folder<'_>,
    session: &Session<'_>,
    connection: &Connection,
    snapshot: &Snapshot,
    adopted: &'a Adopted,
    take_code: &[String],
) -> Draft<'a> {
    let (stack, settings) = (&snapshot.stack, session.settings());
    let own = own_tags(stack);
    let project = own.map_or_else(|| folder.project(), |(project, _)| project.to_owned());
    let named = session.context().environment();
    let environment = own.map(|(_, environment)| environment).or(named);
    let environment = environment.filter(|it| *it != DEFAULT_ENVIRONMENT);
    let mut top = Layer::default();
    keys(&mut top, settings, connection, snapshot);
    if own.is_none() {
        set(&mut top.keys, "own_tags", Setting::Flag(false));
    }
    let tags = stack.tags.iter();
    for (tag, value) in tags.filter(|(tag, _)| own.is_none() || !tag.starts_with("stackctl:")) {
        let value = Sourced::new(value.clone(), "");
        top.tags.insert(tag.clone(), value);
    }
    stack_keys(&mut top, snapshot, &adopted.template);
    for parameter in adopted.template.parameters() {
        if let Some(value) = value(&parameter, stack) {
            let name = parameter.entry.name.to_owned();
            top.parameters.insert(name, Sourced::new(value, ""));
        }
    }
    let mut environments = IndexMap::new();
    if let Some(name) = environment.filter(|it| *it != LOCAL) {
        environments.insert(name.to_owned(), Layer::default());
    }
    let artifacts = take_code.iter().map(|id| Artifact {
        name: id.clone(),
        path: Unpacked::path(id),
        build: Build::None,
    });
    let code = Code {
        artifacts: artifacts.collect(),
        ..Code::default()
    };
    Draft {
        project,
        path: &adopted.path,
        template: Some(&adopted.template),
        environment: environment.map(str::to_owned),
        top,
        environments,
        code,
        remarks: remarks(snapshot, connection, &adopted.template, take_code),
    }
}

/// Returns the text of the manifest.
pub(super) fn text(draft: &Draft<'_>, adopted: &Adopted) -> String {
    let mut text = manifest_text::write(draft);
    if has_braces(&adopted.text.text) {
        text.push_str(
            "\n# The braces in the template are its own: it was deployed with them.\n[lint]\n\
             ignore = [\"template-not-rendered\"]\n",
        );
    }
    text
}

/// Returns whether a template has braces that could be those of a template engine.
fn has_braces(text: &str) -> bool {
    let mut starts = text.match_indices("{{");
    text.contains("{%")
        || starts.any(|(at, _)| {
            let rest = text.get(at..).unwrap_or_default();
            !rest.starts_with("{{resolve:")
        })
}

/// Returns the project and the environment in the tags of a stack that stackctl deployed.
fn own_tags(stack: &Stack) -> Option<(&str, &str)> {
    let tag = |name: &str| stack.tags.get(name).map(String::as_str);
    let project = tag("stackctl:project")?;
    let environment = tag("stackctl:environment")?;
    let is_right = checks::project(project).is_ok() && checks::environment(environment).is_ok();
    is_right.then_some((project, environment))
}

fn set(keys: &mut IndexMap<&'static str, Sourced<Setting>>, name: &'static str, setting: Setting) {
    keys.insert(name, Sourced::new(setting, ""));
}

/// Sets the keys that identify the stack: its name, region and account.
fn keys(top: &mut Layer, settings: &Settings, connection: &Connection, snapshot: &Snapshot) {
    let mut key = |name, text: &str| set(&mut top.keys, name, Setting::Text(text.to_owned()));
    key("stack_name", &settings.stack_name);
    if settings.emulator {
        return;
    }
    key("region", connection.region());
    key("account", &snapshot.identity.account);
    if let Some(profile) = &settings.profile {
        key("profile", profile);
    }
    if settings.allow_endpoint && *connection.endpoint() != Endpoint::Aws {
        set(&mut top.keys, "allow_endpoint", Setting::Flag(true));
    }
}

/// Sets the keys of `[stack]`.
fn stack_keys(top: &mut Layer, snapshot: &Snapshot, template: &Template) {
    let stack = &snapshot.stack;
    let mut key = |name, setting| set(&mut top.stack, name, setting);
    let derived = capability::merge(template.required_capabilities());
    let mut derived: Vec<String> = derived.iter().map(ToString::to_string).collect();
    let mut capabilities = stack.capabilities.clone();
    derived.sort_unstable();
    capabilities.sort_unstable();
    // The stack may lack one that CloudFormation requires by now. `CAPABILITY_NAMED_IAM` includes the other.
    let has = |name: &str| capabilities.iter().any(|it| it == name);
    let is_covered =
        |name: &String| has(name) || name == "CAPABILITY_IAM" && has("CAPABILITY_NAMED_IAM");
    if capabilities != derived && derived.iter().all(is_covered) {
        key("capabilities", Setting::List(capabilities));
    }
    key(
        "termination_protection",
        Setting::Flag(stack.termination_protection),
    );
    if snapshot.policy.is_some() {
        key("policy", Setting::Text(POLICY.to_owned()));
    }
    if let Some(role) = &stack.role_arn {
        key("role_arn", Setting::Text(role.clone()));
    }
    for (name, list) in [
        ("notification_arns", &stack.notification_arns),
        ("rollback_alarms", &stack.rollback_alarms),
    ] {
        if !list.is_empty() {
            key(name, Setting::List(list.clone()));
        }
    }
    let minutes = stack.rollback_monitoring_minutes;
    if let Some(minutes) = minutes.filter(|minutes| *minutes > 0) {
        key("rollback_monitoring_minutes", Setting::Number(minutes));
    }
}

/// Returns the value of a parameter: the stack's own, but nothing of a secret.
fn value(parameter: &Parameter<'_>, stack: &Stack) -> Option<Value> {
    let name = parameter.entry.name;
    let value = stack.parameters.get(name)?;
    if parameter.no_echo() || stack.is_masked(name) {
        return Some(Value::Previous);
    }
    Some(Value::Text(value.clone()))
}

/// Returns what is worth knowing about the stack.
fn remarks(
    snapshot: &Snapshot,
    connection: &Connection,
    template: &Template,
    take_code: &[String],
) -> Vec<String> {
    let stack = &snapshot.stack;
    let mut remarks = vec![format!(
        "Written from the stack {}. Its values are below, and nothing else: with them, a plan shows no change.",
        crate::cloudformation::stack::place(
            &stack.name,
            &snapshot.identity.account,
            connection.region()
        )
    )];
    let transforms: Vec<&str> = template.transforms().collect();
    if !transforms.is_empty() {
        let count = snapshot.resources.map_or_else(String::new, |count| {
            format!(" The stack has {count} resources.")
        });
        remarks.push(format!(
            "The template is the one that was sent to CloudFormation, before {} made {} resources of it.{count}",
            quoted(transforms.iter().copied()),
            template.resources().count(),
        ));
    }
    if template.is_serverless() {
        remarks.push(
            "The template is that of AWS SAM after `sam package`: its code is in S3. If `sam deploy` deploys the \
             stack again, it deploys its own template in place of this one."
                .to_owned(),
        );
    } else if is_synthesized(template) {
        remarks.push(
            "The AWS CDK synthesized the template. If `cdk deploy` deploys the stack again, it deploys the \
             template of the app in place of this one: from now on, change the stack here or there."
                .to_owned(),
        );
    }
    if template
        .parameters()
        .any(|it| matches!(value(&it, stack), Some(Value::Previous)))
    {
        remarks.push(
            "A parameter with `use_previous = true` is a secret that CloudFormation does not show. It keeps the \
             value of the stack. To change it, or to deploy another stack, write `{ from_env = \"VARIABLE\" }`."
                .to_owned(),
        );
    }
    if !snapshot.functions.is_empty() && take_code.is_empty() {
        remarks.push(format!(
            "The folder `{CODE}` has the functions' code for reading. The template refers to the zips in S3. To \
             deploy the code from here, write its folder into the template, such as `Code: {}`.",
            Unpacked::path(&snapshot.functions.first().map_or_else(String::new, |it| it.path.clone()))
        ));
    }
    if !snapshot.nested.is_empty() {
        remarks.push(format!(
            "The folder `{NESTED}` has the templates of the nested stacks for reading. The template refers to \
             those in S3. To deploy them from here, write the file into the template, such as `TemplateURL: \
             {}`.",
            snapshot.nested.first().map_or_else(String::new, super::snapshot::NestedStack::file)
        ));
    }
    remarks
}

/// Returns whether the AWS CDK synthesized the template.
fn is_synthesized(template: &Template) -> bool {
    let has_path = |it: crate::template::Resource<'_>| {
        let metadata = it.attribute("Metadata");
        metadata.is_some_and(|metadata| metadata.get("aws:cdk:path").is_some())
    };
    template.parameter("BootstrapVersion").is_some()
        || template
            .resources()
            .any(|it| it.kind() == Some("AWS::CDK::Metadata") || has_path(it))
}
