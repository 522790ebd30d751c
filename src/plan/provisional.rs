//! Plans that depend on other plans: a parameter takes the output of a stack that is about to change.

use super::output_effect::{Effect, OutputEffect};

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
        }
    }

    /// Returns the new value; `None` if it is not known.
    pub fn after(&self) -> Option<&str> {
        match &self.change {
            InputChange::Changes { after } => after.as_deref(),
            InputChange::MayChange | InputChange::Unknown => None,
        }
    }

    /// Returns the name in JSON.
    pub const fn as_str(&self) -> &'static str {
        match self.change {
            InputChange::Changes { .. } => "changes",
            InputChange::MayChange => "may-change",
            InputChange::Unknown => "unknown",
        }
    }
}

/// Returns the keys of the stacks that change inputs, each once.
pub fn stacks(inputs: &[ProvisionalInput]) -> Vec<&str> {
    let mut stacks: Vec<&str> = Vec::new();
    for input in inputs {
        if !stacks.contains(&input.stack.as_str()) {
            stacks.push(&input.stack);
        }
    }
    stacks
}
