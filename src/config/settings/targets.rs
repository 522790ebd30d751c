//! The stacks and environments that one run works on.

use std::collections::HashMap;

use globset::{Glob, GlobMatcher};

use super::resolve::resolve_stacks;
use super::stacks::unknown;
use super::{Overrides, Settings};
use crate::config::ambient::Ambient;
use crate::config::manifest::{LOCAL, Manifest};
use crate::diagnostic::{Diagnostic, Place, SourceFile};
use crate::error::{Error, Result};
use crate::util::suggest::{nearest, quoted};

/// What the command line says about the stacks and environments to work on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Keys of `[stacks]`, or globs of them; all stacks if it is empty.
    pub stacks: Vec<String>,
    /// Names of environments, or globs of them; the default environment if it is empty.
    pub environments: Vec<String>,
    /// Whether all environments of the manifest are chosen.
    pub all_environments: bool,
}

/// One stack in one environment.
#[derive(Debug, Clone)]
pub struct Target {
    /// The environment's name.
    pub environment: String,
    /// The stack's key in `[stacks]`; `None` in a project of one stack.
    pub stack: Option<String>,
    /// The settings of this stack in this environment.
    pub settings: Settings,
}

/// Returns the chosen stacks in the chosen environments: environment by environment in the order of the
/// manifest, and in each the stacks in the order of the graph.
///
/// # Errors
///
/// An input error if a name or a glob matches nothing, if two targets are the same stack, and otherwise as
/// [`resolve`](super::resolve()).
pub fn choose(
    manifest: &Manifest,
    selection: &Selection,
    overrides: &Overrides,
    ambient: &Ambient,
) -> Result<Vec<Target>> {
    let environments = environments(manifest, selection)?;
    let mut targets: Vec<Target> = Vec::new();
    for environment in environments {
        let overrides = Overrides {
            environment: environment.or_else(|| overrides.environment.clone()),
            ..overrides.clone()
        };
        let all = resolve_stacks(manifest, &overrides, ambient, |stacks| {
            choose_stacks(stacks, &selection.stacks)
        })?;
        targets.extend(all.into_iter().map(|settings| Target {
            environment: settings.environment.clone(),
            stack: settings.stack_key.clone(),
            settings,
        }));
    }
    check_names(&targets)?;
    Ok(targets)
}

/// Returns the chosen environments; `None` is the default one.
fn environments(manifest: &Manifest, selection: &Selection) -> Result<Vec<Option<String>>> {
    let declared = manifest.declared_environments();
    if selection.all_environments {
        return Ok(declared
            .iter()
            .map(|name| Some((*name).to_owned()))
            .collect());
    }
    if selection.environments.is_empty() {
        return Ok(vec![None]);
    }
    let known = manifest.environments();
    let mut chosen = vec![false; known.len()];
    let mut problems = Vec::new();
    for pattern in &selection.environments {
        let pattern = match Pattern::new("--env", pattern) {
            Ok(pattern) => pattern,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        let mut is_found = false;
        for (name, chosen) in known.iter().zip(&mut chosen) {
            if pattern.is_exactly(name) || (declared.contains(name) && pattern.matches(name)) {
                *chosen = true;
                is_found = true;
            }
        }
        if !is_found {
            problems.push(unknown_environment(manifest, &pattern));
        }
    }
    if !problems.is_empty() {
        let error = Error::input("the command line chooses environments that do not exist");
        return Err(error.with_diagnostics(problems));
    }
    let chosen = known.iter().zip(chosen).filter(|(_, chosen)| *chosen);
    Ok(chosen.map(|(name, _)| Some((*name).to_owned())).collect())
}

fn unknown_environment(manifest: &Manifest, pattern: &Pattern<'_>) -> Diagnostic {
    let known = manifest.environments();
    let message = if pattern.is_glob() {
        format!("no environment of the manifest matches `{}`", pattern.text)
    } else {
        format!("the manifest has no environment `{}`", pattern.text)
    };
    let problem = Diagnostic::error("unknown-environment", message, pattern.place());
    let problem = match nearest(pattern.text, known.iter().copied()) {
        Some(meant) => problem.help(format!("did you mean `{meant}`?")),
        None => problem,
    };
    let is_built_in = !manifest.environments.contains_key(LOCAL);
    let problem = problem.help(format!("the environments are {}", quoted(known)));
    if pattern.is_glob() && is_built_in {
        return problem.help(format!(
            "`{LOCAL}` is built in and matches no glob until it has a table `[environments.{LOCAL}]`"
        ));
    }
    problem
}

/// Returns the stacks that one of the patterns matches; all without a pattern.
fn choose_stacks<'m>(stacks: &[&'m str], patterns: &[String]) -> Result<Vec<&'m str>, Diagnostic> {
    if patterns.is_empty() {
        return Ok(stacks.to_vec());
    }
    let mut chosen = vec![false; stacks.len()];
    for text in patterns {
        let pattern = Pattern::new("--stack", text)?;
        let mut is_found = false;
        for (name, chosen) in stacks.iter().zip(&mut chosen) {
            if pattern.matches(name) {
                *chosen = true;
                is_found = true;
            }
        }
        if !is_found {
            return Err(if pattern.is_glob() {
                unmatched(stacks, &pattern)
            } else {
                unknown(stacks, text)
            });
        }
    }
    let chosen = stacks.iter().zip(chosen).filter(|(_, chosen)| *chosen);
    Ok(chosen.map(|(name, _)| *name).collect())
}

fn unmatched(stacks: &[&str], pattern: &Pattern<'_>) -> Diagnostic {
    let mut problem = unknown(stacks, pattern.text);
    if !stacks.is_empty() {
        problem.message = format!("no stack of the project matches `{}`", pattern.text);
    }
    problem
}

/// A name or a glob of the command line.
struct Pattern<'t> {
    option: &'static str,
    text: &'t str,
    glob: GlobMatcher,
}

impl<'t> Pattern<'t> {
    fn new(option: &'static str, text: &'t str) -> Result<Self, Diagnostic> {
        match Glob::new(text) {
            Ok(glob) => Ok(Self {
                option,
                text,
                glob: glob.compile_matcher(),
            }),
            Err(error) => {
                let message = format!("`{text}` is not a glob: {}", error.kind());
                let problem = Diagnostic::error("bad-glob", message, place(option, text));
                Err(problem.help(if text.contains(['{', '}']) {
                    "a comma separates names and globs: write `app,edge` without braces"
                } else {
                    "globs look like `prod-*`"
                }))
            }
        }
    }

    fn is_glob(&self) -> bool {
        self.text.contains(['*', '?', '[', '{'])
    }

    fn is_exactly(&self, name: &str) -> bool {
        self.text == name
    }

    fn matches(&self, name: &str) -> bool {
        self.glob.is_match(name)
    }

    fn place(&self) -> Place {
        place(self.option, self.text)
    }
}

fn place(option: &str, text: &str) -> Place {
    let source = SourceFile::new(option, text);
    Place {
        span: 0..source.text.len(),
        source,
        label: String::new(),
    }
}

/// Refuses two targets that are the same stack of CloudFormation.
fn check_names(targets: &[Target]) -> Result<()> {
    let mut seen = HashMap::new();
    for target in targets {
        let settings = &target.settings;
        // Each environment has an emulator of its own.
        let emulator = settings.emulator.then_some(&target.environment);
        let place = (
            (&settings.stack_name, emulator, settings.stack_set.is_some()),
            (&settings.account, &settings.region, &settings.profile),
        );
        let Some(other) = seen.insert(place, target) else {
            continue;
        };
        let origin = |target: &Target| target.settings.origins.get("stack_name").clone();
        let message = format!(
            "the environments `{}` and `{}` have the same stack, `{}`",
            other.environment, target.environment, settings.stack_name
        );
        let problem = Diagnostic::error("shared-stack-name", message, origin(target).place(""));
        let problem = problem.help(
            "write `{environment}` in `stack_name`, or give each environment an account or a region of its own",
        );
        return Err(Error::input("two of the chosen stacks are the same one")
            .with_diagnostics(vec![problem]));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
