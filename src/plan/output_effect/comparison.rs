//! The comparison of the outputs of a stack before and after a deployment.

use std::collections::BTreeSet;

use super::stability::Stability;
use super::{Effect, OutputEffect, OutputEffects, effect};
use crate::cloudformation::stack::Output as DeployedOutput;
use crate::template::Output;
use crate::template::evaluate::{Evaluated, Evaluator};
use crate::template::node::Node;

/// One output on one side.
struct OutputSide<'a> {
    /// The output in the template; `None` if the template does not declare it.
    declared: Option<Output<'a>>,
    /// Whether the output exists; `None` if that is not known.
    exists: Option<bool>,
    /// The value as the template computes it; `None` if the template does not declare the output.
    evaluated: Option<Evaluated<'a>>,
    /// The value, if it is known.
    value: Option<String>,
    export: ExportName,
}

/// The name of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ExportName {
    /// The output is not exported.
    None,
    Known(String),
    /// The name is known only after the deployment.
    Unknown,
}

/// One output on both sides.
struct Pair<'a> {
    name: &'a str,
    before: OutputSide<'a>,
    after: OutputSide<'a>,
}

/// The comparison of the outputs before and after.
pub(super) struct Comparison<'a, 'e> {
    pub(super) deployed: Option<&'a [DeployedOutput]>,
    pub(super) before: Option<&'e Evaluator<'a>>,
    pub(super) after: &'e Evaluator<'a>,
    pub(super) stability: Stability<'a, 'e>,
}

impl<'a> Comparison<'a, '_> {
    /// Returns what happens to each output and each export.
    pub(super) fn effects(&self) -> OutputEffects {
        let pairs = self.pairs();
        let mut outputs: Vec<OutputEffect> = pairs
            .iter()
            .filter_map(|pair| self.effect_on_output(pair))
            .collect();
        find_renamed(&pairs, &mut outputs);
        let mut exports = Vec::new();
        for pair in &pairs {
            if let ExportName::Known(export) = &pair.before.export
                && pair.before.exists != Some(false)
            {
                exports.push(self.effect_on_export(export, pair, &pairs));
            }
        }
        let added = added_exports(&pairs, &exports);
        exports.extend(added);
        OutputEffects { outputs, exports }
    }

    /// Returns the outputs that are on at least one side.
    fn pairs(&self) -> Vec<Pair<'a>> {
        let mut seen = BTreeSet::new();
        let after = self.after.template().outputs().map(|it| it.entry.name);
        let mut names: Vec<&str> = after.collect();
        match self.deployed {
            Some(deployed) => names.extend(deployed.iter().map(|it| it.name.as_str())),
            None => names.extend(
                (self.before.into_iter())
                    .flat_map(|before| before.template().outputs().map(|it| it.entry.name)),
            ),
        }
        names.retain(|name| seen.insert(*name));
        let pairs = names.into_iter().map(|name| {
            let before = self.side_before(name);
            let after = self.side_after(name, &before);
            Pair {
                name,
                before,
                after,
            }
        });
        pairs.collect()
    }

    fn side_before(&self, name: &str) -> OutputSide<'a> {
        let mut side = self.before.map_or_else(OutputSide::missing, |evaluator| {
            OutputSide::of(evaluator, name)
        });
        if let Some(deployed) = self.deployed {
            let actual = deployed.iter().find(|output| output.name == name);
            side.exists = Some(actual.is_some());
            side.value = actual.map(|output| output.value.clone());
            side.export = match actual.and_then(|output| output.export.clone()) {
                Some(export) => ExportName::Known(export),
                None => ExportName::None,
            };
        }
        side
    }

    fn side_after(&self, name: &str, before: &OutputSide<'a>) -> OutputSide<'a> {
        let mut side = OutputSide::of(self.after, name);
        if side.declared.is_some() && side.exists.is_none() {
            side.exists = self.kept_existence(name, before, &side);
        }
        let is_open = side.declared.is_none() && self.stability.has_unknown_outputs();
        if is_open || self.stability.macro_name().is_some() {
            side.exists = side.exists.filter(|exists| *exists && !is_open);
            side.value = None;
        }
        side
    }

    /// Returns whether an output exists whose condition is not known, but the same as before.
    fn kept_existence(
        &self,
        name: &str,
        before: &OutputSide<'a>,
        after: &OutputSide<'a>,
    ) -> Option<bool> {
        let conditions = (before.condition()?, after.condition()?);
        let is_same = self.before?.condition_fingerprint(conditions.0)
            == self.after.condition_fingerprint(conditions.1);
        let is_stable = self.stability.outside_cause(name).is_none();
        before.exists.filter(|_| is_same && is_stable)
    }

    /// Returns what happens to an output; `None` if it exists on neither side.
    fn effect_on_output(&self, pair: &Pair<'a>) -> Option<OutputEffect> {
        let Pair {
            name,
            before,
            after,
        } = pair;
        let of = |kind: Effect, is_certain: bool, cause: Option<String>| OutputEffect {
            before: before.value.clone(),
            after: after.value.clone().filter(|_| kind != Effect::Removed),
            is_certain,
            cause,
            ..effect(name, name, kind)
        };
        Some(match (before.exists, after.exists) {
            (Some(false), Some(false)) => return None,
            // A template without this output may get it from a macro, but nobody uses it yet.
            (Some(false), None) if after.declared.is_none() => return None,
            (_, Some(false)) => {
                let cause = Some(after.absence());
                of(Effect::Removed, before.exists.is_some(), cause)
            }
            (Some(false), exists) => {
                let cause = Some("it is new".to_owned());
                of(Effect::Added, exists.is_some(), cause)
            }
            (_, None) => of(Effect::Removed, false, Some(self.doubt(after))),
            (None, Some(true)) => {
                let cause = "the deployed stack may lack it".to_owned();
                of(Effect::Added, false, Some(cause))
            }
            (Some(true), Some(true)) => {
                let (kind, is_certain, cause) = self.effect_on_value(pair, pair);
                let kept = before.value.clone().filter(|_| kind == Effect::Unchanged);
                OutputEffect {
                    after: after.value.clone().or(kept),
                    ..of(kind, is_certain, cause)
                }
            }
        })
    }

    /// Returns why it is not known whether an output exists.
    fn doubt(&self, side: &OutputSide<'a>) -> String {
        match (self.stability.macro_name(), side.condition()) {
            (Some(name), _) => format!("the macro `{name}` may remove it"),
            (None, Some(condition)) => {
                format!("the condition `{condition}` is not known before the deployment")
            }
            (None, None) => "a loop or a transform creates the outputs".to_owned(),
        }
    }

    /// Returns what happens to a value that exists on both sides, whether that is certain, and why. The
    /// sides are of one output, or of the two that have the same export.
    fn effect_on_value(&self, one: &Pair<'a>, other: &Pair<'a>) -> (Effect, bool, Option<String>) {
        let (before, after) = (&one.before, &other.after);
        let may = |cause: String| (Effect::Changed, false, Some(cause));
        if let Some(name) = self.stability.macro_name() {
            return may(format!("the macro `{name}` may change it"));
        }
        let is_same = before.evaluated.is_some() && before.evaluated == after.evaluated;
        match (&before.value, &after.value) {
            (Some(old), Some(new)) if old == new => return (Effect::Unchanged, true, None),
            (Some(_), Some(_)) => {
                let cause = match self.stability.changed_parameter(other.name) {
                    Some(parameter) if before.node() == after.node() => {
                        format!("the parameter `{parameter}` changes")
                    }
                    _ if is_same => "the deployed value is not that of the template".to_owned(),
                    _ => "its definition changes".to_owned(),
                };
                return (Effect::Changed, true, Some(cause));
            }
            _ => {}
        }
        if !is_same {
            return may("its definition changes".to_owned());
        }
        let uses = after.evaluated.as_ref().map(Evaluated::uses);
        let mut uses = uses.iter().flatten();
        let cause = uses
            .find_map(|used| self.stability.cause(used))
            .or_else(|| self.stability.outside_cause(other.name));
        cause.map_or((Effect::Unchanged, true, None), may)
    }

    /// Returns what happens to the export of an output.
    fn effect_on_export(&self, export: &str, pair: &Pair<'a>, pairs: &[Pair<'a>]) -> OutputEffect {
        let of = |kind: Effect, is_certain: bool, cause: String| OutputEffect {
            before: pair.before.value.clone(),
            is_certain,
            cause: Some(cause),
            ..effect(export, pair.name, kind)
        };
        let exists = |it: &&Pair<'a>| it.after.exists != Some(false);
        let has_it =
            |it: &&Pair<'a>| matches!(&it.after.export, ExportName::Known(name) if name == export);
        // Another output may take the export over.
        let own = [pair].into_iter().chain(pairs);
        if let Some(other) = own.filter(exists).find(has_it) {
            if other.after.exists.is_none() {
                return of(Effect::Removed, false, self.doubt(&other.after));
            }
            let (kind, is_certain, cause) = self.effect_on_value(pair, other);
            let kept = pair
                .before
                .value
                .clone()
                .filter(|_| kind == Effect::Unchanged);
            return OutputEffect {
                before: pair.before.value.clone(),
                after: other.after.value.clone().or(kept),
                is_certain,
                cause,
                ..effect(export, other.name, kind)
            };
        }
        let is_unknown = |it: &&Pair<'a>| it.after.export == ExportName::Unknown;
        if let Some(other) = pairs.iter().filter(exists).find(is_unknown) {
            let name = other.name;
            let cause = format!("the export name of `{name}` is not known before the deployment");
            return of(Effect::Removed, false, cause);
        }
        if self.stability.has_unknown_outputs() {
            let cause = "a macro, a loop or a transform creates the outputs".to_owned();
            return of(Effect::Removed, false, cause);
        }
        let output = pair.name;
        let is_certain = pair.before.exists.is_some();
        match &pair.after.export {
            _ if pair.after.exists == Some(false) => {
                let cause = format!("the output `{output}`: {}", pair.after.absence());
                of(Effect::Removed, is_certain, cause)
            }
            ExportName::Known(name) => OutputEffect {
                renamed: Some(name.clone()),
                ..of(
                    Effect::Removed,
                    is_certain,
                    format!("it is renamed to `{name}`"),
                )
            },
            _ => {
                let cause = format!("the output `{output}` is no longer exported");
                of(Effect::Removed, is_certain, cause)
            }
        }
    }
}

/// Sets the new name of each removed output whose definition a new output has.
fn find_renamed(pairs: &[Pair<'_>], outputs: &mut [OutputEffect]) {
    let is = |effect: &OutputEffect, kind| effect.effect == kind && effect.is_certain;
    let added: Vec<String> = outputs
        .iter()
        .filter(|effect| is(effect, Effect::Added))
        .map(|effect| effect.name.clone())
        .collect();
    let added: Vec<&Pair<'_>> = pairs
        .iter()
        .filter(|pair| added.iter().any(|name| name == pair.name))
        .collect();
    for effect in outputs.iter_mut().filter(|it| is(it, Effect::Removed)) {
        let Some(pair) = pairs.iter().find(|pair| pair.name == effect.name) else {
            continue;
        };
        let before = &pair.before.evaluated;
        let mut same = added
            .iter()
            .filter(|it| before.is_some() && it.after.evaluated == *before);
        // If there are several, none of them is the new name.
        if let (Some(new), None) = (same.next(), same.next()) {
            effect.renamed = Some(new.name.to_owned());
            effect.cause = Some(format!("it is renamed to `{}`", new.name));
        }
    }
}

/// Returns the exports that are new, without those in `known`.
fn added_exports(pairs: &[Pair<'_>], known: &[OutputEffect]) -> Vec<OutputEffect> {
    let added = pairs.iter().filter_map(|pair| {
        let ExportName::Known(export) = &pair.after.export else {
            return None;
        };
        let is_new = known.iter().all(|effect| effect.name != *export);
        (is_new && pair.after.exists != Some(false)).then(|| OutputEffect {
            after: pair.after.value.clone(),
            is_certain: pair.after.exists.is_some(),
            cause: Some("it is new".to_owned()),
            ..effect(export, pair.name, Effect::Added)
        })
    });
    added.collect()
}

impl<'a> OutputSide<'a> {
    /// Returns the side without a template.
    fn missing() -> Self {
        Self {
            declared: None,
            exists: Some(false),
            evaluated: None,
            value: None,
            export: ExportName::None,
        }
    }

    fn of(evaluator: &Evaluator<'a>, name: &str) -> Self {
        let Some(output) = evaluator.template().output(name) else {
            return Self::missing();
        };
        let evaluated = output.value().map(|node| evaluator.value(node));
        let exists = match (&evaluated, output.condition()) {
            (Some(Evaluated::Nothing), _) => Some(false),
            (_, None) => Some(true),
            (_, Some(condition)) => evaluator.condition(condition),
        };
        let export = match output.export_name().map(|node| evaluator.value(node)) {
            None | Some(Evaluated::Nothing) => ExportName::None,
            Some(Evaluated::Scalar(name)) => ExportName::Known(name.into_owned()),
            Some(_) => ExportName::Unknown,
        };
        Self {
            declared: Some(output),
            exists,
            value: evaluated.as_ref().and_then(known_text),
            evaluated,
            export,
        }
    }

    fn condition(&self) -> Option<&'a str> {
        self.declared?.condition()
    }

    fn node(&self) -> Option<&'a Node> {
        self.declared?.value()
    }

    /// Returns why the output does not exist.
    fn absence(&self) -> String {
        match (&self.evaluated, self.condition()) {
            (Some(Evaluated::Nothing), _) => "its value is `AWS::NoValue`".to_owned(),
            (_, Some(condition)) => format!("the condition `{condition}` does not hold"),
            _ => "the template no longer has it".to_owned(),
        }
    }
}

/// Returns the text of a known value; `None` also if only CloudFormation can resolve a part of it.
fn known_text(value: &Evaluated<'_>) -> Option<String> {
    match value {
        Evaluated::Scalar(text) if !text.contains("{{resolve:") => Some(text.clone().into_owned()),
        _ => None,
    }
}
