//! Variables and flags that set keys of one stack: `STACKCTL_STACKS__APP__VARS__SIZE=large` and
//! `--set stacks.app.vars.size=large`.

use super::{Given, loosely, plain};
use crate::config::manifest::node::{Table, table};
use crate::diagnostic::Diagnostic;
use crate::util::suggest::{nearest, quoted};

/// Reports what names a stack that the project does not have, or no key of a stack. A variable may belong to
/// another program, so what it gets wrong is a warning.
pub(in crate::config::settings) fn check_stacks(
    given: &[Given],
    stacks: &[&str],
    problems: &mut Vec<Diagnostic>,
    warnings: &mut Vec<Diagnostic>,
) {
    for one in given {
        let Some((name, key)) = one.of_stack() else {
            continue;
        };
        let meant: Vec<&str> = stacks
            .iter()
            .copied()
            .filter(|stack| means(one, stack))
            .collect();
        let (message, help) = match meant.as_slice() {
            _ if stacks.is_empty() => (
                "the manifest has no `[stacks]`".to_owned(),
                Some("the project is one stack: leave `stacks.NAME.` out".to_owned()),
            ),
            [] => (
                format!("the project has no stack `{name}`"),
                nearest(name, stacks.iter().copied()).map(|it| format!("did you mean `{it}`?")),
            ),
            [_] if key.is_empty() => (
                "no key of the stack is named".to_owned(),
                Some(format!("name one, such as `stacks.{name}.vars.size`")),
            ),
            [_] => continue,
            several => (
                format!(
                    "several stacks have this name: {}",
                    quoted(several.iter().copied())
                ),
                Some("use `--set`, where capitals and hyphens count".to_owned()),
            ),
        };
        let place = one.origin.place("");
        let problem = if one.is_variable {
            let message = format!("{} has no effect: {message}", one.origin);
            Diagnostic::warning("unknown-variable", message, place)
        } else {
            let message = format!("`{}` cannot be set: {message}", one.path.join("."));
            Diagnostic::error("unknown-key", message, place)
        };
        let problem = help.into_iter().fold(problem, Diagnostic::help);
        if one.is_variable {
            warnings.push(problem);
        } else {
            problems.push(problem);
        }
    }
}

/// Returns for each stack what is given for it, the weakest first. What is said about one stack is stronger
/// than what is said about all, and flags are stronger than variables.
pub(in crate::config::settings) fn divide(
    given: &[Given],
    stacks: &[(&str, &Table)],
) -> Vec<Vec<Given>> {
    let names: Vec<&str> = stacks.iter().map(|(name, _)| *name).collect();
    let of_one = |it: &Given| it.of_stack().is_some();
    let is_clear = |it: &Given| names.iter().filter(|name| means(it, name)).count() == 1;
    let (of_one, of_all): (Vec<&Given>, Vec<&Given>) = given.iter().partition(|it| of_one(it));
    let of_one: Vec<&Given> = of_one.into_iter().filter(|it| is_clear(it)).collect();
    // A parameter or an artifact that some stacks have is set only for them.
    let is_elsewhere = |it: &Given| stacks.iter().any(|(_, table)| finds_entry(it, table));
    let elsewhere: Vec<bool> = of_all.iter().map(|it| is_elsewhere(it)).collect();
    let divided = stacks.iter().map(|(name, table)| {
        let mut mine = Vec::new();
        for is_variable in [true, false] {
            let general = of_all.iter().zip(&elsewhere).filter(|(it, elsewhere)| {
                it.is_variable == is_variable && (!**elsewhere || finds_entry(it, table))
            });
            mine.extend(general.map(|(it, _)| (*it).clone()));
            let own = of_one
                .iter()
                .filter(|it| it.is_variable == is_variable && means(it, name));
            mine.extend(own.filter_map(|it| for_stack(it, name)));
        }
        mine
    });
    divided.collect()
}

/// Returns whether something given names this stack.
fn means(given: &Given, stack: &str) -> bool {
    given.of_stack().is_some_and(|(name, _)| {
        name == stack || (given.is_variable && plain(name) == plain(stack))
    })
}

/// Returns what is given for the stack that it names; `None` if it names no key.
fn for_stack(given: &Given, stack: &str) -> Option<Given> {
    let (_, key) = given.of_stack()?;
    (!key.is_empty()).then(|| Given {
        path: key.to_vec(),
        text: given.text.clone(),
        origin: given.origin.clone(),
        is_variable: given.is_variable,
        stack: Some(stack.to_owned()),
    })
}

/// Returns whether merged layers have the parameter or the artifact that is given.
fn finds_entry(given: &Given, merged: &Table) -> bool {
    let [kind, name, ..] = given.path.as_slice() else {
        return false;
    };
    if kind != "parameters" && kind != "artifacts" {
        return false;
    }
    let exact = if given.is_variable {
        loosely(&[kind.clone(), name.clone()], merged)
    } else {
        vec![kind.clone(), name.clone()]
    };
    let name = exact.get(1).map_or("", String::as_str);
    table(merged, kind).is_some_and(|table| table.contains_key(name))
}
