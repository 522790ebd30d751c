//! Checks that each reference names something that exists and is allowed in that place.

use std::collections::HashSet;

use super::Checks;
use super::loops::LoopNames;
use super::serverless::{Generated, Made};
use super::transforms::Transform;
use crate::diagnostic::SHOWN;
use crate::diagnostic::{Diagnostic, Severity};
use crate::template::Template;
use crate::template::node::Value;
use crate::template::reference::{Reference, ReferenceKind};

/// The pseudo parameters ("Pseudo parameters reference" in the template reference).
const PSEUDO_PARAMETERS: [&str; 8] = [
    "AWS::AccountId",
    "AWS::NoValue",
    "AWS::NotificationARNs",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackId",
    "AWS::StackName",
    "AWS::URLSuffix",
];

/// The kind of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Parameter,
    Resource,
    Condition,
    Mapping,
}

impl Kind {
    const ALL: [Self; 4] = [
        Self::Parameter,
        Self::Resource,
        Self::Condition,
        Self::Mapping,
    ];

    const fn section(self) -> &'static str {
        match self {
            Self::Parameter => "Parameters",
            Self::Resource => "Resources",
            Self::Condition => "Conditions",
            Self::Mapping => "Mappings",
        }
    }

    const fn noun(self) -> &'static str {
        match self {
            Self::Parameter => "parameter",
            Self::Resource => "resource",
            Self::Condition => "condition",
            Self::Mapping => "mapping",
        }
    }
}

/// The names that are made from others.
struct MadeNames<'a> {
    generated: Generated<'a>,
    loops: [(Kind, LoopNames); 2],
}

impl<'a> MadeNames<'a> {
    fn of(template: &'a Template) -> Self {
        let loops = [Kind::Resource, Kind::Condition]
            .map(|kind| (kind, LoopNames::of(template, kind.section())));
        Self {
            generated: Generated::of(template),
            loops,
        }
    }

    /// Returns whether something of one of these kinds with this name is made.
    fn contains(&self, checks: &Checks<'_>, wanted: &[Kind], name: &str) -> Made {
        let transforms = &checks.transforms;
        let may_add = wanted
            .iter()
            .any(|kind| transforms.may_add_to(kind.section()));
        let mut loops = self.loops.iter().filter(|(kind, _)| wanted.contains(kind));
        if may_add || loops.any(|(_, names)| names.contains(name)) {
            return Made::Yes;
        }
        if wanted.contains(&Kind::Condition) && transforms.has(Transform::Serverless) {
            // AWS SAM combines conditions, and names them after these and the resource.
            return Made::Perhaps;
        }
        if wanted.contains(&Kind::Resource) {
            return self.generated.contains(transforms, name);
        }
        Made::No
    }

    fn names(&self, wanted: &[Kind]) -> impl Iterator<Item = &str> {
        let loops = self.loops.iter().filter(|(kind, _)| wanted.contains(kind));
        loops.flat_map(|(_, names)| names.known())
    }
}

pub(super) fn check(checks: &mut Checks<'_>) {
    let template = checks.template;
    let references = template.references();
    let made = MadeNames::of(template);
    for reference in &references {
        if let Some(found) = undefined(checks, &made, reference) {
            checks.push(found);
        }
    }
    unused_parameters(checks, &references);
}

/// Returns the references to names that do not exist.
pub(super) fn undefined_references<'a>(checks: &Checks<'a>) -> Vec<Reference<'a>> {
    let made = MadeNames::of(checks.template);
    let mut references = checks.template.references();
    references.retain(|reference| {
        let found = undefined(checks, &made, reference);
        found.is_some_and(|it| it.severity == Severity::Error)
    });
    references
}

fn undefined(
    checks: &Checks<'_>,
    made: &MadeNames<'_>,
    reference: &Reference<'_>,
) -> Option<Diagnostic> {
    let Reference {
        kind,
        target,
        attribute,
        span,
        section,
        ..
    } = reference;
    let target = *target;
    let names_value = matches!(kind, ReferenceKind::Ref | ReferenceKind::Sub);
    if names_value && target.contains("::") {
        if PSEUDO_PARAMETERS.contains(&target) || !target.starts_with("AWS::") {
            return None;
        }
        let text = format!("there is no pseudo parameter `{target}`");
        let found = checks.mistake("unknown-pseudo-parameter", text, span);
        return Some(match checks.suggestion(target, PSEUDO_PARAMETERS) {
            Some(suggestion) => found.help(suggestion),
            None => found.help(format!(
                "the pseudo parameters are {}",
                PSEUDO_PARAMETERS.join(", ")
            )),
        });
    }
    // A name may be computed, or contain a loop variable.
    let computed = target.contains("${") || target.contains("&{");
    if computed || checks.transforms.may_change(span) {
        return None;
    }
    let early = matches!(*section, "Conditions" | "Rules");
    if early && *kind == ReferenceKind::GetAtt {
        // The function itself is not allowed there.
        return None;
    }
    let wanted: &[Kind] = match kind {
        ReferenceKind::Ref | ReferenceKind::Sub if early => &[Kind::Parameter],
        ReferenceKind::Ref => &[Kind::Parameter, Kind::Resource],
        ReferenceKind::Sub if attribute.is_none() => &[Kind::Parameter, Kind::Resource],
        ReferenceKind::Sub | ReferenceKind::GetAtt | ReferenceKind::DependsOn => &[Kind::Resource],
        ReferenceKind::Condition => &[Kind::Condition],
        ReferenceKind::FindInMap => &[Kind::Mapping],
    };
    let template = checks.template;
    let exists = |kind: Kind| {
        template
            .section(kind.section())
            .is_some_and(|it| it.contains_key(target))
    };
    if wanted.iter().any(|kind| exists(*kind)) {
        return None;
    }
    let is_made = made.contains(checks, wanted, target);
    if is_made == Made::Yes {
        return None;
    }
    let what = wanted
        .iter()
        .map(|kind| kind.noun())
        .collect::<Vec<_>>()
        .join(" or ");
    if let Some(other) = Kind::ALL.into_iter().find(|kind| exists(*kind)) {
        let noun = other.noun();
        let text = format!("`{target}` is a {noun}, but a {what} is needed here");
        let found = checks.error("wrong-reference", text, span);
        return Some(match (kind, other) {
            (ReferenceKind::GetAtt | ReferenceKind::Sub, Kind::Parameter) => found.help(format!(
                "a parameter has no attributes: use `Ref` or `${{{target}}}`"
            )),
            (_, Kind::Resource) if early => {
                found.help("conditions and rules are evaluated before any resource exists")
            }
            (_, Kind::Condition) => found.help("use it in `Fn::If` or in `Condition`"),
            (_, Kind::Mapping) => found.help("use `Fn::FindInMap`"),
            _ => found,
        });
    }
    let names = wanted
        .iter()
        .flat_map(|kind| template.entries(kind.section()).map(|entry| entry.name))
        .chain(made.names(wanted));
    let text = format!("there is no {what} `{target}`");
    let mut found = checks.error("undefined-reference", text, span);
    if is_made == Made::Perhaps {
        found.severity = Severity::Warning;
        return Some(found.help("AWS SAM is not known to create it"));
    }
    // Nobody reads a suggestion for each of thousands of mistakes.
    let is_shown = checks.found.len() < SHOWN;
    let suggestion = is_shown.then(|| checks.suggestion(target, names)).flatten();
    Some(match suggestion {
        Some(suggestion) => found.help(suggestion),
        None => found,
    })
}

fn unused_parameters(checks: &mut Checks<'_>, references: &[Reference<'_>]) {
    let template = checks.template;
    if checks.transforms.may_add_references() {
        return;
    }
    let mut used: HashSet<&str> = references
        .iter()
        .map(|reference| reference.target)
        .collect();
    // Rules refer to parameters with special functions.
    if let Some(rules) = template.root().get("Rules") {
        rules.visit(&mut |node| {
            if let Value::String(text) = &node.value {
                used.insert(text);
            }
        });
    }
    for parameter in template.parameters() {
        let entry = parameter.entry;
        if !used.contains(entry.name) {
            let text = format!("the parameter `{}` is never used", entry.name);
            checks.push(checks.warning("unused-parameter", text, entry.name_span));
        }
    }
}
