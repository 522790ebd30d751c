//! The signs and notes of a plan and of a comparison, which are the same in every format.

use crate::cloudformation::change_set::{Change, Effect, Replacement};
use crate::config::settings::DeploymentMode;
use crate::plan::comparison::{self, Difference, Row};
use crate::plan::deployed_code::CodeRevert;
use crate::plan::property::depends_on_unknown;
use crate::plan::provisional::{self, InputChange};
use crate::plan::suggested_moves::SuggestedMove;
use crate::plan::{Content, Plan, PropertyChange};
use crate::template::diff::Status;
use crate::util::suggest::join_first;

/// The highest number of references to a removed entry that are named. The others are counted.
const MAX_DANGLING: usize = 5;
/// The highest number of ignored differences that are named. The others are counted.
const MAX_IGNORED: usize = 8;
/// The highest number of resources with the same properties that are named. The others are counted.
const MAX_AMBIGUOUS: usize = 5;

/// The sign of code that a function gets again.
pub(super) const RESTORED: &str = "↺";

/// Returns what to say of a plan that changes nothing.
pub(super) fn without_changes(plan: &Plan) -> String {
    if let Some(first) = first_stacks(plan) {
        return format!("No changes so far. The plan is made again after {first}.");
    }
    if plan.prediction.is_some() {
        let ask = "Run `plan` without `--offline` to ask CloudFormation.";
        return format!("No changes are predicted. {ask}");
    }
    if plan.ignored.is_empty() {
        return "No changes. The stack matches the files.".to_owned();
    }
    let ignored = join_first(plan.ignored.iter().cloned(), MAX_IGNORED);
    format!(
        "No changes: CloudFormation ignores what differs between the stack and the files: \
         {ignored}. `diff` shows it."
    )
}

/// Returns the last line of a plan: how many resources are renamed, added, changed and so on.
pub(super) fn summary(plan: &Plan) -> String {
    let mut summary = plan.summary().to_string();
    let of_resources = summary.trim_end_matches('.');
    match plan.code_reverts.len() {
        0 => {}
        1 => summary = format!("{of_resources}, code of 1 function to restore."),
        count => summary = format!("{of_resources}, code of {count} functions to restore."),
    }
    match plan.moved.len() {
        0 => summary,
        moved => summary.replacen("Plan: ", &format!("Plan: {moved} to rename, then "), 1),
    }
}

/// Returns what a plan says of a function that runs other code than the deployed template names.
pub(super) fn of_code_revert(revert: &CodeRevert) -> String {
    let id = &revert.code.logical_id;
    format!("code of {id} (changed outside of the stack)")
}

/// Returns where the prediction of a plan can be confirmed.
pub(super) fn of_prediction(plan: &Plan) -> String {
    if let Some(first) = first_stacks(plan) {
        format!("This is a prediction. The plan is made again after {first}.")
    } else if plan.moved.is_empty() {
        "This is a prediction. Run `plan` without `--offline` to ask CloudFormation.".to_owned()
    } else {
        "This is a prediction. Run `refactor` first; then `plan` asks CloudFormation.".to_owned()
    }
}

/// Returns that a plan is provisional, and because of which stacks; `None` if it is not.
pub(super) fn of_provisional(plan: &Plan) -> Option<String> {
    let first = first_stacks(plan)?;
    Some(format!("the plan may differ after {first}"))
}

/// Returns the application of the stacks that a provisional plan waits for; `None` if it is not
/// provisional.
fn first_stacks(plan: &Plan) -> Option<String> {
    let stacks = provisional::stacks(&plan.provisional);
    let verb = match stacks.len() {
        0 => return None,
        1 => "is",
        _ => "are",
    };
    Some(format!("{} {verb} applied", stacks.join(", ")))
}

/// A changed value of a plan, and a remark on where the new value comes from.
pub(super) struct ShownValue<'a> {
    pub(super) name: &'a str,
    pub(super) before: Option<&'a str>,
    /// The new value; `None` if it is removed or not known.
    pub(super) after: Option<&'a str>,
    pub(super) remark: Option<String>,
}

/// Returns the parameters of a plan that change, and those that another stack may change.
pub(super) fn parameters(plan: &Plan) -> Vec<ShownValue<'_>> {
    let is_provisional = |name: &str| plan.provisional.iter().any(|it| it.parameter == name);
    let own = plan
        .parameters
        .iter()
        .filter(|it| !is_provisional(&it.name));
    let own = own.map(|change| ShownValue {
        name: &change.name,
        before: change.before.as_deref(),
        after: change.after.as_deref(),
        remark: None,
    });
    let provisional = plan.provisional.iter().map(|input| ShownValue {
        name: &input.parameter,
        before: input.before.as_deref(),
        // Nobody says that the value changes.
        after: match input.change {
            InputChange::Offline => input.before.as_deref(),
            _ => input.after(),
        },
        remark: Some(input.remark()),
    });
    own.chain(provisional).collect()
}

/// A likely rename, or several.
pub(super) struct SuggestedRename {
    /// What looks like a rename.
    pub(super) text: String,
    /// The entries of `[moved]`, such as `Bucket = "Files"`; empty if there is none to write.
    pub(super) entries: Vec<String>,
}

impl SuggestedRename {
    /// Returns the entries as one line of a manifest.
    pub(super) fn line(&self) -> String {
        format!("moved = {{ {} }}", self.entries.join(", "))
    }
}

/// Returns the likely renames, those that are certain first.
pub(super) fn suggested_renames(plan: &Plan) -> Vec<SuggestedRename> {
    let (ambiguous, single): (Vec<_>, Vec<_>) =
        plan.suggested_moves.iter().partition(|it| it.is_ambiguous);
    let (possible, refused): (Vec<_>, Vec<_>) =
        single.into_iter().partition(|it| it.obstacle.is_none());
    let (equal, different): (Vec<_>, Vec<_>) =
        possible.into_iter().partition(|it| it.differs.is_empty());
    let entry = |it: &SuggestedMove| format!("{} = \"{}\"", it.from, it.to);
    let mut found = Vec::new();
    if !equal.is_empty() {
        let noun = if equal.len() == 1 {
            "a rename"
        } else {
            "renames"
        };
        found.push(SuggestedRename {
            text: format!("looks like {noun}"),
            entries: equal.into_iter().map(entry).collect(),
        });
    }
    for one in different {
        let differs = one.differs.join(", ");
        found.push(SuggestedRename {
            text: format!("may be a rename with other changes ({differs})"),
            entries: vec![entry(one)],
        });
    }
    let refused = refused.into_iter().map(|it| {
        let obstacle = it.obstacle.as_deref().unwrap_or_default();
        let (from, to) = (&it.from, &it.to);
        format!("looks like a rename of {from} to {to}, but {obstacle}")
    });
    let ambiguous = ambiguous.into_iter().filter(|it| it.obstacle.is_none());
    let ambiguous: Vec<&SuggestedMove> = ambiguous.collect();
    let texts = refused.chain(ambiguous_renames(&ambiguous));
    found.extend(texts.map(|text| SuggestedRename {
        text,
        entries: Vec::new(),
    }));
    found
}

/// Returns a sentence for each type of which several resources have the same properties.
fn ambiguous_renames(moves: &[&SuggestedMove]) -> Vec<String> {
    let mut kinds: Vec<&str> = moves.iter().map(|it| &*it.resource_type).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let names = |ids: Vec<&String>| {
        let mut ids: Vec<String> = ids.into_iter().cloned().collect();
        ids.sort_unstable();
        ids.dedup();
        join_first(ids.into_iter(), MAX_AMBIGUOUS)
    };
    let sentence = |kind: &str| {
        let of_kind = || moves.iter().filter(|it| it.resource_type == kind);
        let old = names(of_kind().map(|it| &it.from).collect());
        let new = names(of_kind().map(|it| &it.to).collect());
        format!(
            "looks like renames of {kind}, but several have the same properties ({old} → {new}): write \
             the pairs into `moved`"
        )
    };
    kinds.into_iter().map(sentence).collect()
}

/// What a deployment in EXPRESS mode gives up.
const EXPRESS: &str = "EXPRESS mode: the operation ends before the resources are stable. A resource \
                       may not be ready for use yet, a deletion may still be running, and its name may \
                       still be taken.";
/// What a deletion in EXPRESS mode gives up.
pub(super) const EXPRESS_DELETION: &str = "EXPRESS mode: the operation ends before the resources are gone. A deletion may still be \
     running, and its name may still be taken.";
/// What a deployment without validations gives up.
const NO_VALIDATION: &str = "CloudFormation's validations before the deployment are disabled: what they \
                             would find makes the deployment fail.";

/// Returns what the options of a plan give up, one paragraph each.
pub(super) fn of_options(plan: &Plan) -> Vec<&'static str> {
    let express = (plan.mode == DeploymentMode::Express).then_some(EXPRESS);
    let validation = plan.skips_validation.then_some(NO_VALIDATION);
    express.into_iter().chain(validation).collect()
}

/// Returns what to say of a plan that is not empty and changes no resource.
pub(super) fn without_resources(plan: &Plan) -> String {
    let is_of_code = !plan.code_reverts.is_empty() && plan.moved.is_empty();
    if is_of_code && plan.change_set.is_none() && plan.settings.is_empty() {
        return "The stack itself does not change.".to_owned();
    }
    if !plan.moved.is_empty() && plan.change_set.is_none() && plan.settings.is_empty() {
        return "Nothing else changes.".to_owned();
    }
    if plan.prediction.is_some() {
        return "No resource changes are predicted.".to_owned();
    }
    let sections = [
        ("parameters", plan.parameters.is_empty()),
        ("tags", plan.tags.is_empty()),
        ("outputs", plan.outputs.is_empty()),
        ("stack settings", plan.settings.is_empty()),
    ];
    let changed = sections.into_iter().filter(|(_, is_empty)| !is_empty);
    let mut changed: Vec<&str> = changed.map(|(name, _)| name).collect();
    if changed.is_empty() {
        // CloudFormation does not say what changes then.
        changed.push("conditions, metadata or other parts without resources");
    }
    let last = changed.pop().unwrap_or_default();
    let names = match changed.as_slice() {
        [] => last.to_owned(),
        others => format!("{} and {last}", others.join(", ")),
    };
    format!("No resource changes; only {names} change.")
}

/// Returns the sign of a change.
pub(super) fn sign(change: &Change) -> &'static str {
    sign_of(change.effect(), change.reverts_drift())
}

/// Returns the sign of an effect. `reverts_drift` tells whether an update only reverts drift.
pub(super) fn sign_of(effect: Effect, reverts_drift: bool) -> &'static str {
    match effect {
        Effect::Add => "+",
        Effect::Update if reverts_drift => "↺",
        Effect::Update => "~",
        Effect::Replace => "-/+",
        Effect::Remove => "-",
        Effect::Import => "<-",
        Effect::Sync => "↺",
        Effect::Possible => "?",
    }
}

/// Returns the notes on a change, such as `is replaced`. The sign alone is enough for the others.
pub(super) fn of_change(change: &Change, properties: &[PropertyChange]) -> Vec<String> {
    let effect = match change.effect() {
        Effect::Add if change.recreates_deleted() => Some("was deleted, is recreated"),
        Effect::Update if change.reverts_drift() => Some("drift is reverted"),
        Effect::Replace if depends_on_unknown(change, properties) => {
            Some("is replaced, unless the values known after apply turn out to be the same")
        }
        Effect::Replace => Some("is replaced"),
        Effect::Import => Some("is imported"),
        Effect::Sync => Some("adopts the live values"),
        Effect::Add | Effect::Update | Effect::Remove | Effect::Possible => None,
    };
    let is_unsure = change.replacement == Some(Replacement::Conditional);
    let policy = change.policy_action.as_deref();
    let policy = policy.filter(|policy| *policy != "Delete");
    let notes = effect
        .into_iter()
        .chain(is_unsure.then_some("may be replaced"));
    let notes = notes.map(str::to_owned);
    notes
        .chain(policy.map(|policy| format!("policy {policy}")))
        .collect()
}

/// Returns the notes on a changed property: whether it forces a replacement of the resource, and the
/// cause of the change.
pub(super) fn of_property(change: &Change, property: &PropertyChange) -> Vec<String> {
    let recreation = match property.requires_recreation.as_deref() {
        Some("Always") if change.effect() == Effect::Replace => Some("forces replacement"),
        Some("Always") => Some("may force replacement"),
        Some("Conditionally") if change.replacement != Some(Replacement::False) => {
            Some("may force replacement")
        }
        _ => None,
    };
    let recreation = recreation.map(str::to_owned);
    let layout = of_layout(property).map(str::to_owned);
    recreation
        .into_iter()
        .chain(property.cause.clone())
        .chain(layout)
        .collect()
}

/// The note on two documents that have the same content.
pub(super) const SAME_DOCUMENT: &str = "only the formatting of the document differs";

/// Returns the note on two texts that differ only in their line breaks, which are not visible.
pub(super) fn of_line_breaks(before: &str, after: &str) -> Option<&'static str> {
    if before == after {
        return None;
    }
    let lines = |text: &str| text.replace("\r\n", "\n").replace('\r', "\n");
    let (old, new) = (lines(before), lines(after));
    let [old_end, new_end] = [&old, &new].map(|text| text.trim_end_matches('\n'));
    match old_end == new_end {
        true if old == new && !after.contains('\r') => {
            Some("only the line breaks differ: CRLF → LF")
        }
        true if old == new && !before.contains('\r') => {
            Some("only the line breaks differ: LF → CRLF")
        }
        true if old == new => Some("only the line breaks differ"),
        true if old.len() < new.len() => Some("only adds line breaks at the end"),
        true => Some("only removes line breaks at the end"),
        false => None,
    }
}

/// Returns the note on a row whose values differ only in their line breaks.
pub(super) fn line_breaks_of_row(row: &Row<'_>) -> Option<&'static str> {
    let [before, after] = [&row.before, &row.after].map(|side| side.as_deref()?.as_str());
    of_line_breaks(before?, after?)
}

/// Returns the note on a property of which only the layout differs. Its values look the same.
pub(super) fn of_layout(property: &PropertyChange) -> Option<&'static str> {
    match (property.before.as_ref()?, property.after.as_ref()?) {
        (Content::Structure(before), Content::Structure(after)) if before == after => {
            Some(SAME_DOCUMENT)
        }
        (Content::Scalar(before), Content::Scalar(after)) => of_line_breaks(before, after),
        _ => None,
    }
}

/// Returns the sign of a difference between two templates.
pub(super) fn sign_of_difference(entry: &Difference<'_>) -> &'static str {
    use comparison::Effect::{Add, MayChange, Remove, Replace};
    let is_whole = entry.status.is_none() || entry.is_by_condition();
    match (entry.status, entry.effect) {
        (Some(Status::Added), _) => "+",
        (Some(Status::Removed), _) => "-",
        (_, Add) if is_whole => "+",
        (_, Remove) if is_whole => "-",
        (_, Replace) => "-/+",
        (None, MayChange) => "?",
        _ => "~",
    }
}

/// Returns the type of a resource, or the section of another entry. Empty for a whole section.
pub(super) fn kind_of_difference<'a>(entry: &Difference<'a>) -> &'a str {
    match (entry.section, entry.name) {
        ("Resources", Some(_)) => entry.kind.unwrap_or("a resource"),
        (section, Some(_)) => section,
        (_, None) => "",
    }
}

/// Returns the effect on a whole entry, or `None` if the sign already shows it.
pub(super) fn of_difference(entry: &Difference<'_>) -> Option<&'static str> {
    use comparison::Effect::{Add, MayChange, MayReplace, None as NoEffect, Remove, Replace};
    match (entry.section, entry.effect, entry.status) {
        ("Resources", NoEffect, _) => Some("no change"),
        (_, Replace, _) => Some("is replaced"),
        (_, MayReplace, _) => Some("may be replaced"),
        (_, MayChange, _) => Some("may change"),
        (_, Add, None) => Some("is added"),
        (_, Remove, None) => Some("is removed"),
        (_, Add, _) if entry.is_by_condition() => Some("is added"),
        (_, Remove, _) if entry.is_by_condition() => Some("is removed"),
        _ => None,
    }
}

/// Returns which entries still refer to a removed entry; `None` if none does.
pub(super) fn dangling(entry: &Difference<'_>) -> Option<String> {
    let entries = entry.dangling.iter();
    let entries = entries.map(|it| format!("`{}` (line {})", it.name, it.place.line));
    (!entry.dangling.is_empty())
        .then(|| format!("still used by {}", join_first(entries, MAX_DANGLING)))
}

/// Returns the effect of a changed value on its resource, or `None` if it only updates the resource.
pub(super) fn of_row(row: &Row<'_>) -> Option<&'static str> {
    match row.effect {
        comparison::Effect::Replace => Some("forces replacement"),
        comparison::Effect::MayReplace => Some("may force replacement"),
        comparison::Effect::MayChange => Some("may change"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::of_line_breaks;

    #[test]
    fn texts_that_look_the_same_get_a_note() {
        let cases = [
            ("a", "a", None),
            ("a", "b", None),
            ("a\nb", "a\nb\n", Some("only adds line breaks at the end")),
            ("x\n\n", "x\n", Some("only removes line breaks at the end")),
            (
                "a\r\nb\r\n",
                "a\nb\n",
                Some("only the line breaks differ: CRLF → LF"),
            ),
            (
                "a\nb",
                "a\r\nb",
                Some("only the line breaks differ: LF → CRLF"),
            ),
            ("a\r\nb\n", "a\nb\r\n", Some("only the line breaks differ")),
            ("a\nb", "a\nc\n", None),
        ];
        for (before, after, expected) in cases {
            assert_eq!(
                of_line_breaks(before, after),
                expected,
                "{before:?} {after:?}"
            );
        }
    }
}
