//! Why the log of a function has no lines: the function did not run, or its role may not write them.
//!
//! The deployed template decides, as far as it has the role and its policies.

use std::collections::HashMap;

use crate::aws::Connection;
use crate::aws::stack::StackService;
use crate::cloudformation::function::Function;
use crate::cloudformation::stack::Stack;
use crate::diagnostic::SourceFile;
use crate::template::Template;
use crate::template::evaluate::Evaluator;
use crate::template::log_permission::{LogGroup, LogPermission, MissingPermission, log_permission};

/// What the deployed templates say of the permissions of functions. Each is read once.
pub(crate) struct LogPermissions<'c> {
    connection: &'c Connection,
    stacks: HashMap<String, Option<(Stack, Template)>>,
}

impl<'c> LogPermissions<'c> {
    /// Returns it without anything read.
    pub(crate) fn new(connection: &'c Connection) -> Self {
        Self {
            connection,
            stacks: HashMap::new(),
        }
    }

    /// Returns what the template says of a function whose log group exists or does not. A template that
    /// cannot be read says nothing.
    pub(crate) async fn of(&mut self, function: &Function, group_exists: bool) -> LogPermission {
        let stack = &function.stack;
        if !self.stacks.contains_key(stack) {
            let read = self.read(stack).await;
            self.stacks.insert(stack.clone(), read);
        }
        let Some(Some((stack, template))) = self.stacks.get(stack) else {
            return LogPermission::Unknown;
        };
        let (Some(region), Some(account)) = (stack.region(), stack.account()) else {
            return LogPermission::Unknown;
        };
        let values = stack.values();
        let group = LogGroup {
            name: &function.log_group(),
            region,
            account,
            exists: group_exists,
        };
        log_permission(&Evaluator::new(template, &values), function.id(), group)
    }

    async fn read(&self, stack: &str) -> Option<(Stack, Template)> {
        let service = StackService::new(self.connection, stack);
        let read = tokio::try_join!(service.describe(), service.template());
        let (stack, text) = read.ok()?;
        let source = SourceFile::new("the deployed template", text?);
        Some((stack?, Template::parse_deployed(&source).ok()?))
    }
}

/// Returns the sentence that says why a function writes no line to its log group.
pub(crate) fn lacks(missing: &MissingPermission) -> String {
    let actions = missing.actions.iter().map(|it| format!("`{it}`"));
    let actions: Vec<String> = actions.collect();
    let actions = match actions.as_slice() {
        [others @ .., last] if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        one => one.concat(),
    };
    format!(
        "its role `{}` (line {} of the deployed template) lacks {actions}",
        missing.role, missing.line
    )
}

/// Returns the sentence that a role may write logs.
pub(crate) fn may(role: Option<&str>) -> String {
    match role {
        Some(role) => format!("its role `{role}` may write logs"),
        None => "the role that SAM creates for it may write logs".to_owned(),
    }
}
