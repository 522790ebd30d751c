//! Whether a function may write its log, as far as its template says.
//!
//! The role of a function is often in the same template, with everything that it allows. IAM has the
//! last word: somebody may have attached a policy by hand, or an organization may deny a call. So the
//! answer says what the template has, and is [`LogPermission::Unknown`] if that leaves a doubt.

mod pattern;

use std::collections::BTreeSet;

use super::evaluate::{Evaluated, Evaluator, Use};
use super::{Resource, Template};
use pattern::{of_action, of_group};

/// What a function needs so that its log has lines.
const WRITE: [&str; 2] = ["logs:CreateLogStream", "logs:PutLogEvents"];
/// What it needs besides, if nobody else creates the log group.
const CREATE_GROUP: &str = "logs:CreateLogGroup";

/// The managed policies of AWS that allow everything in [`WRITE`] and [`CREATE_GROUP`] on every log group
/// (AWS Managed Policy Reference).
const GRANTING: [&str; 11] = [
    "AWSLambdaBasicExecutionRole",
    "AWSLambdaDynamoDBExecutionRole",
    "AWSLambdaExecute",
    "AWSLambdaKinesisExecutionRole",
    "AWSLambdaMSKExecutionRole",
    "AWSLambdaSQSQueueExecutionRole",
    "AWSLambdaVPCAccessExecutionRole",
    "AdministratorAccess",
    "CloudWatchFullAccess",
    "CloudWatchLogsFullAccess",
    "PowerUserAccess",
];

/// The managed policies of AWS that functions often have and that allow nothing of it.
const SILENT: [&str; 6] = [
    "AWSLambdaENIManagementAccess",
    "AWSLambdaRole",
    "AWSXRayDaemonWriteAccess",
    "AWSXrayWriteOnlyAccess",
    "AmazonS3ReadOnlyAccess",
    "AmazonSSMReadOnlyAccess",
];

/// The transforms that give a role no policies of their own, or known ones.
const KNOWN_TRANSFORMS: [&str; 2] = ["AWS::Serverless-2016-10-31", "AWS::LanguageExtensions"];

/// What a template says of a function's permission to write its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogPermission {
    /// The role with this logical id may; `None` is the role that SAM creates.
    Granted(Option<String>),
    /// The role may not.
    Lacking(MissingPermission),
    /// The template does not say it: the role is not in it, or what the role allows.
    Unknown,
}

/// What a role lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingPermission {
    /// The logical id of the role.
    pub role: String,
    /// The line of the role in the template, the first being 1.
    pub line: usize,
    /// The actions that it lacks.
    pub actions: Vec<&'static str>,
}

/// A log group, and what is known of it.
#[derive(Debug, Clone, Copy)]
pub struct LogGroup<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its region.
    pub region: &'a str,
    /// Its account.
    pub account: &'a str,
    /// Whether it exists.
    pub exists: bool,
}

/// How certainly something is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Certainty {
    No,
    Maybe,
    Yes,
}

impl Certainty {
    fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Maybe => Self::Maybe,
            Self::Yes => Self::No,
        }
    }
}

impl From<bool> for Certainty {
    fn from(is_so: bool) -> Self {
        if is_so { Self::Yes } else { Self::No }
    }
}

/// Returns whether the function with this logical id may write to its log group.
pub fn log_permission(
    evaluator: &Evaluator<'_>,
    function: &str,
    group: LogGroup<'_>,
) -> LogPermission {
    let template = evaluator.template();
    let Some(resource) = template.resource(function) else {
        return LogPermission::Unknown;
    };
    let is_serverless = resource.kind() == Some("AWS::Serverless::Function");
    let role = match template.property(resource, "Role") {
        Some(role) => role_of(&evaluator.value(role)),
        None if is_serverless => {
            let boundary = template.property(resource, "PermissionsBoundary");
            return match boundary {
                None => LogPermission::Granted(None),
                Some(_) => LogPermission::Unknown,
            };
        }
        None => None,
    };
    let role = role.and_then(|role| template.resource(&role));
    let Some(role) = role.filter(|role| role.kind() == Some("AWS::IAM::Role")) else {
        return LogPermission::Unknown;
    };
    let policies = Policies { evaluator, role };
    let create_group = (!group.exists).then_some(CREATE_GROUP);
    let needed = WRITE.into_iter().chain(create_group);
    let decided = needed.map(|action| (action, policies.allow(action, group)));
    let decided: Vec<(&str, Certainty)> = decided.collect();
    let missing = decided.iter().filter(|it| it.1 == Certainty::No);
    let missing: Vec<&'static str> = missing.map(|it| it.0).collect();
    if missing.is_empty() {
        let is_certain = decided.iter().all(|it| it.1 == Certainty::Yes);
        let is_bounded = policies.property("PermissionsBoundary") != Evaluated::Nothing;
        if is_certain && !is_bounded {
            return LogPermission::Granted(Some(role.logical_id().to_owned()));
        }
        return LogPermission::Unknown;
    }
    let mut transforms = template.transforms();
    if transforms.any(|it| !KNOWN_TRANSFORMS.contains(&it)) {
        return LogPermission::Unknown;
    }
    LogPermission::Lacking(MissingPermission {
        role: role.logical_id().to_owned(),
        line: line(template, role),
        actions: missing,
    })
}

/// Returns the line of a resource in its template.
fn line(template: &Template, resource: Resource<'_>) -> usize {
    let text = template.source().text.as_bytes();
    let before = text.iter().take(resource.entry.name_span.start);
    before.filter(|byte| **byte == b'\n').count() + 1
}

/// Returns the logical id of the role whose ARN is a value.
fn role_of(value: &Evaluated<'_>) -> Option<String> {
    let Evaluated::Unknown(unknown) = value else {
        return None;
    };
    let used = unknown.uses.first().filter(|_| unknown.uses.len() == 1)?;
    let is_whole = unknown.text == format!("${{{}.Arn}}", used.resource);
    (is_whole && used.attribute.as_deref() == Some("Arn")).then(|| used.resource.clone())
}

/// The policies of a role.
struct Policies<'e, 'a> {
    evaluator: &'e Evaluator<'a>,
    role: Resource<'a>,
}

impl<'a> Policies<'_, 'a> {
    fn property(&self, name: &str) -> Evaluated<'a> {
        let property = self.role.properties().and_then(|it| it.get(name));
        property.map_or(Evaluated::Nothing, |node| self.evaluator.value(node))
    }

    /// Returns whether the role may do an action on a log group.
    fn allow(&self, action: &str, group: LogGroup<'_>) -> Certainty {
        let mut allowed = Certainty::No;
        let mut denied = Certainty::No;
        let mut add = |found: (Certainty, Certainty)| {
            allowed = allowed.max(found.0);
            denied = denied.max(found.1);
        };
        each(&self.property("Policies"), &mut |policy| {
            add(match policy {
                Evaluated::Map(policy) => {
                    self.document(policy.get("PolicyDocument"), action, group)
                }
                _ => (Certainty::Maybe, Certainty::Maybe),
            });
        });
        each(&self.property("ManagedPolicyArns"), &mut |arn| {
            add(self.managed(arn, action, group));
        });
        for resource in self.evaluator.template().resources() {
            let attached = self.is_attached(resource);
            if attached == Certainty::No {
                continue;
            }
            let found = self.document_of(resource, action, group);
            add((found.0.min(attached), found.1.min(attached)));
        }
        match denied {
            Certainty::Yes => Certainty::No,
            Certainty::Maybe => allowed.min(Certainty::Maybe),
            Certainty::No => allowed,
        }
    }

    /// Returns whether a resource is a policy that is attached to the role.
    fn is_attached(&self, resource: Resource<'a>) -> Certainty {
        let property = match resource.kind() {
            Some("AWS::IAM::Policy" | "AWS::IAM::ManagedPolicy") => "Roles",
            Some("AWS::IAM::RolePolicy") => "RoleName",
            _ => return Certainty::No,
        };
        let condition = resource.attribute("Condition").and_then(|it| it.as_str());
        let exists = match condition.map(|name| self.evaluator.condition(name)) {
            Some(None) => Certainty::Maybe,
            Some(Some(holds)) => holds.into(),
            None => Certainty::Yes,
        };
        let names = resource.properties().and_then(|it| it.get(property));
        let mut attached = Certainty::No;
        let own = self.property("RoleName");
        if let Some(names) = names {
            each(&self.evaluator.value(names), &mut |name| {
                let is_role = match name {
                    Evaluated::Unknown(unknown) => {
                        let role = self.role.logical_id();
                        if unknown.text == format!("${{{role}}}") {
                            Certainty::Yes
                        } else if is_reference(self.evaluator.template(), &unknown.uses) {
                            Certainty::No
                        } else {
                            Certainty::Maybe
                        }
                    }
                    name => match &own {
                        Evaluated::Unknown(_) => Certainty::Maybe,
                        own => (name == own).into(),
                    },
                };
                attached = attached.max(is_role);
            });
        }
        attached.min(exists)
    }

    /// Returns whether the document of a policy resource allows and denies an action.
    fn document_of(
        &self,
        resource: Resource<'a>,
        action: &str,
        group: LogGroup<'_>,
    ) -> (Certainty, Certainty) {
        let document = resource
            .properties()
            .and_then(|it| it.get("PolicyDocument"));
        let document = document.map(|node| self.evaluator.value(node));
        self.document(document.as_ref(), action, group)
    }

    /// Returns whether a managed policy allows and denies an action.
    fn managed(
        &self,
        arn: &Evaluated<'_>,
        action: &str,
        group: LogGroup<'_>,
    ) -> (Certainty, Certainty) {
        let unknown = (Certainty::Maybe, Certainty::Maybe);
        match arn {
            // What `Ref` returns of a managed policy is its ARN.
            Evaluated::Unknown(unknown_arn) => {
                let mut resources = self.evaluator.template().resources();
                let policy = resources.find(|resource| {
                    let id = resource.logical_id();
                    resource.kind() == Some("AWS::IAM::ManagedPolicy")
                        && (unknown_arn.text == format!("${{{id}}}")
                            || unknown_arn.text == format!("${{{id}.PolicyArn}}"))
                });
                if let Some(policy) = policy {
                    return self.document_of(policy, action, group);
                }
                // The partition may not be known.
                of_aws(&unknown_arn.text).unwrap_or(unknown)
            }
            Evaluated::Scalar(arn) => of_aws(arn).unwrap_or(unknown),
            _ => unknown,
        }
    }

    /// Returns whether a policy document allows and denies an action.
    fn document(
        &self,
        document: Option<&Evaluated<'_>>,
        action: &str,
        group: LogGroup<'_>,
    ) -> (Certainty, Certainty) {
        let Some(Evaluated::Map(document)) = document else {
            return (Certainty::Maybe, Certainty::Maybe);
        };
        let (mut allowed, mut denied) = (Certainty::No, Certainty::No);
        let statements = document.get("Statement").unwrap_or(&Evaluated::Nothing);
        each(statements, &mut |statement| {
            let Evaluated::Map(statement) = statement else {
                allowed = allowed.max(Certainty::Maybe);
                denied = denied.max(Certainty::Maybe);
                return;
            };
            let get = |key: &str| statement.get(key);
            let actions = match (get("Action"), get("NotAction")) {
                (Some(actions), _) => any(actions, |name| of_action(name, action)),
                (None, Some(others)) => any(others, |name| of_action(name, action)).not(),
                (None, None) => Certainty::No,
            };
            let on = |name: &Evaluated<'_>| self.is_on(name, group);
            let resources = match (get("Resource"), get("NotResource")) {
                (Some(resources), _) => any(resources, on),
                (None, Some(others)) => any(others, on).not(),
                (None, None) => Certainty::No,
            };
            let mut applies = actions.min(resources);
            if get("Condition").is_some() {
                applies = applies.min(Certainty::Maybe);
            }
            match get("Effect") {
                Some(Evaluated::Scalar(effect)) if effect == "Allow" => {
                    allowed = allowed.max(applies);
                }
                Some(Evaluated::Scalar(_)) => denied = denied.max(applies),
                _ => {
                    allowed = allowed.max(applies.min(Certainty::Maybe));
                    denied = denied.max(applies.min(Certainty::Maybe));
                }
            }
        });
        (allowed, denied)
    }

    /// Returns whether the resource of a statement includes the streams of a log group.
    fn is_on(&self, name: &Evaluated<'_>, group: LogGroup<'_>) -> Certainty {
        match name {
            Evaluated::Scalar(pattern) => of_group(pattern, group),
            Evaluated::Unknown(unknown) => {
                let mut certainty = Certainty::Maybe;
                let mut pattern = unknown.text.clone();
                for used in &unknown.uses {
                    if let Some(arn) = self.arn_of_group(used) {
                        let attribute = used.attribute.as_deref();
                        let attribute = attribute.map_or(String::new(), |it| format!(".{it}"));
                        let text = format!("${{{}{attribute}}}", used.resource);
                        pattern = pattern.replace(&text, &arn);
                        certainty = of_group(&pattern, group);
                    }
                }
                if pattern.contains("${") {
                    certainty = Certainty::Maybe;
                }
                certainty
            }
            _ => Certainty::Maybe,
        }
    }

    /// Returns a pattern of what a reference to a log group of the template returns.
    fn arn_of_group(&self, used: &Use) -> Option<String> {
        let resource = self.evaluator.template().resource(&used.resource)?;
        if resource.kind() != Some("AWS::Logs::LogGroup") {
            return None;
        }
        let name = resource.properties()?.get("LogGroupName")?;
        let Evaluated::Scalar(name) = self.evaluator.value(name) else {
            return None;
        };
        match used.attribute.as_deref() {
            None => Some(name.into_owned()),
            Some("Arn") => Some(format!("arn:*:logs:*:*:log-group:{name}:*")),
            Some(_) => None,
        }
    }
}

/// Calls `see` for each element of a list, or for the value itself.
fn each<'v, 'a>(value: &'v Evaluated<'a>, see: &mut impl FnMut(&'v Evaluated<'a>)) {
    match value {
        Evaluated::Nothing => {}
        Evaluated::List(list) => list.iter().for_each(see),
        value => see(value),
    }
}

/// Returns whether something is so for any element of a list, or for the value itself.
fn any(names: &Evaluated<'_>, is_so: impl Fn(&Evaluated<'_>) -> Certainty) -> Certainty {
    let mut found = Certainty::No;
    each(names, &mut |name| found = found.max(is_so(name)));
    found
}

/// Returns whether these are references to resources of the template.
fn is_reference(template: &Template, uses: &BTreeSet<Use>) -> bool {
    !uses.is_empty()
        && uses
            .iter()
            .all(|it| template.resource(&it.resource).is_some())
}

/// Returns whether a policy of AWS allows and denies what a log needs; `None` if it is not known.
fn of_aws(arn: &str) -> Option<(Certainty, Certainty)> {
    let (start, name) = arn.rsplit_once('/')?;
    if !start.contains(":iam::aws:policy") {
        return None;
    }
    if GRANTING.contains(&name) {
        return Some((Certainty::Yes, Certainty::No));
    }
    SILENT
        .contains(&name)
        .then_some((Certainty::No, Certainty::No))
}

#[cfg(test)]
mod tests;
