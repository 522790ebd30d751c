//! Plans that depend on other plans: a parameter takes the output of a stack that is about to change.

use std::collections::BTreeSet;

use super::output_effect::{Effect, OutputEffect, OutputEffects};
use crate::template::Template;

/// A parameter whose value another stack of the run may change before the plan is executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvisionalInput {
    /// The name of the parameter.
    pub parameter: String,
    /// The key of the stack that has the output.
    pub stack: String,
    /// The name of the output.
    pub output: String,
    /// The value in the deployed stack; `None` if there is none or if it is a secret.
    pub before: Option<String>,
    /// What happens to the value.
    pub change: InputChange,
    /// Why, as in [`OutputEffect::cause`].
    pub cause: Option<String>,
}

/// What another stack does to the value of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputChange {
    /// It changes. The plan was made with the new value if that is known.
    Changes {
        /// The new value.
        after: Option<String>,
    },
    /// It may change. The plan was made with the deployed value.
    MayChange,
    /// There is no value yet. The plan is a prediction without it.
    Unknown,
    /// Nobody was asked. The plan is a prediction with the value of the last deployment, if one is known.
    Offline,
}

impl ProvisionalInput {
    /// Returns the input if an effect on the output matters to the parameter. `is_missing` tells whether
    /// the deployed stack lacks the output.
    pub fn of(
        (parameter, stack): (&str, &str),
        before: Option<&String>,
        effect: &OutputEffect,
        is_missing: bool,
    ) -> Option<Self> {
        let change = match effect.effect {
            _ if is_missing => InputChange::Unknown,
            Effect::Unchanged => return None,
            Effect::Changed if effect.is_certain => InputChange::Changes {
                after: effect.after.clone(),
            },
            Effect::Added | Effect::Changed | Effect::Removed => InputChange::MayChange,
        };
        Some(Self {
            parameter: parameter.to_owned(),
            stack: stack.to_owned(),
            output: effect.name.clone(),
            before: before.cloned(),
            change,
            cause: effect.cause.clone(),
        })
    }

    /// Returns whether the value does not exist yet.
    pub fn is_unknown(&self) -> bool {
        self.change == InputChange::Unknown
    }

    /// Returns what happens, as a remark at the value.
    pub fn remark(&self) -> String {
        let Self { stack, output, .. } = self;
        match &self.change {
            InputChange::Changes { .. } => format!("(changes with {stack}: output {output})"),
            InputChange::MayChange => format!("(may change with {stack}: output {output})"),
            InputChange::Unknown => format!("(known after {stack} is applied)"),
            InputChange::Offline if self.before.is_some() => {
                format!("(of the last deployment: output {output} of {stack})")
            }
            InputChange::Offline => format!("(not known offline: output {output} of {stack})"),
        }
    }

    /// Returns the new value; `None` if it is not known.
    pub fn after(&self) -> Option<&str> {
        match &self.change {
            InputChange::Changes { after } => after.as_deref(),
            InputChange::MayChange | InputChange::Unknown | InputChange::Offline => None,
        }
    }

    /// Returns the name in JSON.
    pub const fn as_str(&self) -> &'static str {
        match self.change {
            InputChange::Changes { .. } => "changes",
            InputChange::MayChange => "may-change",
            InputChange::Unknown => "unknown",
            InputChange::Offline => "offline",
        }
    }
}

/// Returns the keys of the stacks that change inputs, each once. Offline, none is known to do so.
pub fn stacks(inputs: &[ProvisionalInput]) -> Vec<&str> {
    let mut stacks: Vec<&str> = Vec::new();
    let known = inputs.iter().filter(|it| it.change != InputChange::Offline);
    for input in known {
        if !stacks.contains(&input.stack.as_str()) {
            stacks.push(&input.stack);
        }
    }
    stacks
}

/// Lets the outputs and exports change that use one of these parameters, directly or by way of resources
/// and conditions: what may change the parameter may change them, too.
pub fn carry(effects: &mut OutputEffects, template: &Template, parameters: &BTreeSet<String>) {
    if parameters.is_empty() {
        return;
    }
    let references = template.references();
    let mut names: BTreeSet<&str> = parameters.iter().map(String::as_str).collect();
    let mut count = 0;
    while names.len() > count {
        count = names.len();
        let inside = references.iter().filter(|it| it.section != "Outputs");
        let owners = inside.filter(|it| names.contains(it.target));
        let owners: Vec<&str> = owners.map(|it| it.owner).collect();
        names.extend(owners);
    }
    let uses = |output: &str| {
        let mut all = references.iter();
        all.any(|it| it.section == "Outputs" && it.owner == output && names.contains(it.target))
    };
    let all = effects.outputs.iter_mut().chain(&mut effects.exports);
    for effect in all.filter(|it| it.effect == Effect::Unchanged && uses(&it.output)) {
        effect.effect = Effect::Changed;
        effect.is_certain = false;
        effect.after = None;
        let listed: Vec<String> = parameters.iter().map(|name| format!("`{name}`")).collect();
        effect.cause = Some(format!("{} may change", listed.join(", ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::SourceFile;

    #[test]
    fn an_uncertain_parameter_is_carried_to_the_outputs_that_use_it() {
        let text = "
Parameters: { Id: { Type: String }, Other: { Type: String } }
Conditions: { IsOne: !Equals [!Ref Id, one] }
Resources:
  Near: { Type: A::B::C, Properties: { Value: !Ref Id } }
  Far: { Type: A::B::C, Properties: { Value: !GetAtt Near.Value } }
  Maybe: { Type: A::B::C, Condition: IsOne }
  Apart: { Type: A::B::C, Properties: { Value: !Ref Other } }
Outputs:
  Direct: { Value: !Sub '${Id}-x' }
  OfNear: { Value: !Ref Near }
  OfFar: { Value: !GetAtt Far.Value }
  OfMaybe: { Value: !Ref Maybe }
  IfOne: { Condition: IsOne, Value: x }
  OfApart: { Value: !Ref Apart }
  Text: { Value: Id }
";
        let template = Template::parse(&SourceFile::new("t", text));
        let template = template.unwrap_or_else(|found| panic!("{found:?}"));
        let carried = |parameters: &[&str]| {
            let parameters = parameters.iter().map(|name| (*name).to_owned()).collect();
            let effect = |name: &str| OutputEffect {
                name: name.to_owned(),
                output: name.to_owned(),
                effect: Effect::Unchanged,
                is_certain: true,
                before: Some("v".to_owned()),
                after: Some("v".to_owned()),
                renamed: None,
                cause: None,
            };
            let names = template.outputs().map(|output| output.entry.name);
            let mut effects = OutputEffects {
                outputs: names.map(effect).collect(),
                exports: vec![effect("OfApart")],
            };
            carry(&mut effects, &template, &parameters);
            let all = effects.outputs.iter().chain(&effects.exports);
            let changed = all.filter(|it| it.words() == "may change" && it.after.is_none());
            changed.map(|it| it.name.clone()).collect::<Vec<_>>()
        };
        let near = ["Direct", "OfNear", "OfFar", "OfMaybe", "IfOne"];
        assert_eq!(carried(&["Id"]), near);
        assert_eq!(carried(&["Other"]), ["OfApart", "OfApart"]);
        assert!(carried(&[]).is_empty());
    }
}
