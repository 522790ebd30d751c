//! What the stacks of a run need, as far as it is part of the run.

use std::rc::Rc;

use crate::operations::context::Context;

/// Returns the stacks that each stack needs: those in the same environment that its settings name.
pub(super) fn needs(members: &[Rc<Context>]) -> Vec<Vec<usize>> {
    let place = |environment: &str, key: &str| {
        members.iter().position(|member| {
            member.target().is_some_and(|target| {
                target.settings.environment == environment && target.stack.as_deref() == Some(key)
            })
        })
    };
    let all = members.iter().map(|member| {
        let Some(target) = member.target() else {
            return Vec::new();
        };
        let needs = target.settings.needs.iter();
        let known = needs.filter_map(|need| place(&target.settings.environment, need));
        known.collect()
    });
    all.collect()
}

/// Returns the stacks that use each stack: those that need it.
pub(super) fn needed_by(members: &[Rc<Context>]) -> Vec<Vec<usize>> {
    let needs = needs(members);
    let users = |stack: usize| {
        let all = needs.iter().enumerate();
        let users = all.filter(|(_, needs)| needs.contains(&stack));
        users.map(|(user, _)| user).collect()
    };
    (0..members.len()).map(users).collect()
}
