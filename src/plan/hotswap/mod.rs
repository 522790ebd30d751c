//! Hotswap: which functions may get new code without CloudFormation, and why not the others.
//!
//! A function may if nothing of it differs but the key of its zip, and nobody relies on its versions. No
//! function may while permissions, stored data, or something that only CloudFormation can compare
//! changes anywhere in the stack: the code may need it, or must not run without it.

mod change;
mod obstacle;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use indexmap::IndexMap;

use crate::cloudformation::change_set::Change;
use crate::cloudformation::function::LiveFunction;
use crate::plan::predict::Side;
use crate::template::Template;
use change::Impact;

/// What is known about the deployed stack and the files.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// The changes from the stack to the files: those of a change set, or the predicted ones.
    pub changes: &'a [Change],
    /// The deployed template.
    pub before: Side<'a>,
    /// The template of the files.
    pub after: Side<'a>,
    /// The deployed template as its transforms have left it; `None` if it could not be read.
    pub processed: Option<&'a Template>,
    /// The functions of the stack by logical id.
    pub live: &'a IndexMap<String, LiveFunction>,
    /// The functions of the files whose code is an artifact.
    pub wanted: &'a [Wanted],
    /// Further types that store data, as in `protected_types` of the manifest.
    pub protected_types: &'a [String],
    /// What else differs, such as a tag: a sentence each.
    pub rest: &'a [String],
}

/// The code that a function has in the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The logical id of the function.
    pub logical_id: String,
    /// The key of the artifact.
    pub key: String,
    /// The SHA-256 of the artifact in Base64.
    pub sha256: String,
}

/// Which functions get new code without CloudFormation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decision {
    /// The logical ids of these functions, in the order of the template.
    pub functions: Vec<String>,
    /// Why everything else needs a deployment, a sentence each.
    pub others: Vec<String>,
}

/// Decides which functions get new code without CloudFormation. A function that runs the wanted code
/// already is in neither list.
pub fn decide(facts: &Facts<'_>) -> Decision {
    let code_only = code_only(facts);
    if let Some(reason) = blocking(facts, &code_only) {
        return Decision {
            functions: Vec::new(),
            others: vec![reason],
        };
    }
    let mut decision = Decision::default();
    let unaffected = unaffected(facts.changes, &code_only);
    let deployed = facts.changes.iter();
    let deployed = deployed.filter(|it| !unaffected.contains(it.logical_id.as_str()));
    let mut changed = BTreeSet::new();
    for change in deployed {
        changed.insert(change.logical_id.as_str());
        decision.others.push(change::sentence(change));
    }
    for wanted in facts.wanted {
        let id = wanted.logical_id.as_str();
        if changed.contains(id) || runs(facts, wanted) {
            continue;
        }
        match obstacle::of(facts, wanted) {
            None => decision.functions.push(id.to_owned()),
            Some(obstacle) => {
                let sentence = format!("`{id}` needs a deployment: {obstacle}");
                decision.others.push(sentence);
            }
        }
    }
    decision.others.extend(facts.rest.iter().cloned());
    decision
}

/// Returns whether a function runs the wanted code already.
fn runs(facts: &Facts<'_>, wanted: &Wanted) -> bool {
    let live = facts.live.get(&wanted.logical_id);
    let code = live.and_then(|live| live.code.as_ref());
    code.is_some_and(|code| code.sha256 == wanted.sha256)
}

/// Returns the changed functions of which nothing changes but the key of the zip.
fn code_only<'a>(facts: &Facts<'a>) -> BTreeSet<&'a str> {
    let changes = facts.changes.iter();
    let of_code = changes.filter(|change| {
        let wanted = |it: &Wanted| it.logical_id == change.logical_id;
        facts.wanted.iter().any(wanted) && change::is_of_key(change)
    });
    of_code.map(|change| change.logical_id.as_str()).collect()
}

/// Returns the resources of changes that are none without CloudFormation: the functions that only get new
/// code, and what refers to functions that are updated in place. Those keep their names and their ARNs.
fn unaffected<'a>(changes: &'a [Change], code_only: &BTreeSet<&'a str>) -> BTreeSet<&'a str> {
    let mut unaffected = code_only.clone();
    let kept = changes
        .iter()
        .filter(|change| change::keeps_function(change));
    let mut kept: BTreeSet<&str> = kept.map(|change| change.logical_id.as_str()).collect();
    loop {
        let known = unaffected.len();
        for change in changes {
            if change::follows_from(change, &kept) {
                kept.insert(&change.logical_id);
                unaffected.insert(&change.logical_id);
            }
        }
        if unaffected.len() == known {
            return unaffected;
        }
    }
}

/// Returns why no function gets new code; `None` if nothing prevents that.
fn blocking(facts: &Facts<'_>, code_only: &BTreeSet<&str>) -> Option<String> {
    let (before, after) = (facts.before.template, facts.after.template);
    for template in [before, after] {
        if let Some(name) = change::unknown_macro(template) {
            return Some(format!(
                "no code is sent: what the macro `{name}` makes of the change is not known"
            ));
        }
    }
    if let Some(name) = change::incomparable(before, after) {
        return Some(format!(
            "no code is sent: `{name}` changes, which only CloudFormation can compare"
        ));
    }
    let unaffected = unaffected(facts.changes, code_only);
    let deployed = facts.changes.iter();
    let deployed = deployed.filter(|it| !unaffected.contains(it.logical_id.as_str()));
    // What is certain is the cause of what is only possible.
    let (certain, possible): (Vec<_>, Vec<_>) = deployed.partition(|it| change::is_certain(it));
    let mut changes = certain.into_iter().chain(possible);
    changes.find_map(|change| {
        let (id, kind) = (&change.logical_id, &change.resource_type);
        let why = match change::impact(change, facts.protected_types) {
            Impact::Other => return None,
            Impact::Permissions => "and permissions are deployed by CloudFormation alone",
            Impact::Data(_) => "and what stores data is deployed by CloudFormation alone",
            Impact::Unknown => "and what changes in it is not known",
        };
        Some(format!("no code is sent: `{id}` ({kind}) changes, {why}"))
    })
}
