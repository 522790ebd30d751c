//! The stacks and environments that a run works on.

use super::args::Command;
use super::global::GlobalOptions;
use crate::config::manifest::{self, Manifest};
use crate::config::project::Project;
use crate::config::settings::{Selection, Target, choose as choose_targets};
use crate::diagnostic::Diagnostic;
use crate::error::{Error, Result};
use crate::operations::context::{Context, OpenedTarget};
use crate::operations::deploy::saved_plan;
use crate::operations::graph::layout::Layout;
use crate::plan::plan_file::PlanFile;
use crate::plan::plan_file::of_stacks::{PlanFiles, SavedFile};

/// What a run works on.
pub(super) enum Chosen {
    /// The one stack of the project in one environment, or nothing of a project: the command finds it.
    Alone,
    /// One of several stacks.
    One(Box<OpenedTarget>),
    /// Several stacks, and how their output is put together.
    Several(Vec<OpenedTarget>, Layout),
}

/// Whether a command works on stacks.
enum Scope {
    /// It works on no stack of the project.
    Outside,
    /// It works on one environment.
    Environment,
    /// What the command line says works on one stack.
    One(&'static str),
    /// It works on one stack or on several.
    Any(Layout),
}

/// Returns what the run works on. Nothing is read twice: the project of one stack is opened by the command.
///
/// # Errors
///
/// What is wrong with the manifest, if it has several stacks or several environments are chosen; if a name
/// or a glob matches nothing; if the command works on one stack, and several are chosen.
pub(super) fn choose(
    command: &Command,
    global: &GlobalOptions,
    context: &Context,
) -> Result<Chosen> {
    let scope = scope(command);
    if matches!(scope, Scope::Outside) {
        return Ok(Chosen::Alone);
    }
    let chooses_environments = chooses_environments(global);
    let chooses = chooses_environments || !global.stacks.is_empty();
    // It says itself what is wrong with the manifest, and checks what needs none.
    let is_lenient = matches!(command, Command::Doctor(_));
    let project = match context.find_project() {
        Ok(project) => project,
        Err(error) if chooses && !is_lenient => return Err(error),
        // The command says so, or needs no manifest.
        Err(_) => return Ok(Chosen::Alone),
    };
    let has_stacks = may_have_stacks(&project.manifest().text);
    context.set_project(&project);
    if matches!(scope, Scope::Environment) {
        return if chooses_environments {
            Err(Error::input(format!(
                "`{}` works on one environment: choose it with `-e NAME`",
                command.name()
            )))
        } else {
            Ok(Chosen::Alone)
        };
    }
    let saved = match command {
        Command::Apply(args) => args.saved(context)?,
        _ => None,
    };
    // The plans of a project of one stack may be for several environments.
    let is_saved_for_several = matches!(saved, Some((SavedFile::OfStacks(_), _)));
    if !chooses && !has_stacks && !is_saved_for_several {
        return Ok(Chosen::Alone);
    }
    let manifest = manifest::parse(project.manifest());
    match saved {
        Some((SavedFile::OfStack(plan), path)) => {
            saved_plan::check_environment(context, plan, path)?;
            return of_saved_plan(&project, &manifest, plan, global, context);
        }
        Some((SavedFile::OfStacks(file), _)) => {
            return of_saved_plans(&project, &manifest, file, global, context);
        }
        None => {}
    }
    let selection = Selection {
        stacks: global.stacks(),
        environments: global.environments(),
        all_environments: global.all_environments,
    };
    let overrides = context.overrides_for(None);
    let targets = match choose_targets(&manifest, &selection, &overrides, context.ambient()) {
        Err(_) if is_lenient && !manifest.diagnostics().is_empty() => return Ok(Chosen::Alone),
        targets => targets?,
    };
    show_warnings(context, &targets);
    let mut opened: Vec<OpenedTarget> = targets
        .into_iter()
        .map(|target| opened(&project, target))
        .collect();
    match (opened.len(), scope) {
        (1, _) => match opened.pop() {
            Some(target) => Ok(Chosen::One(Box::new(target))),
            None => Ok(Chosen::Alone),
        },
        (_, Scope::Any(layout)) => Ok(Chosen::Several(opened, layout)),
        (_, scope) => {
            let what = match scope {
                Scope::One(what) => what,
                _ => command.name(),
            };
            Err(one_stack_only(context, what, command.name(), &opened))
        }
    }
}

/// Returns the stack of a saved plan.
fn of_saved_plan(
    project: &Project,
    manifest: &Manifest,
    plan: &PlanFile,
    global: &GlobalOptions,
    context: &Context,
) -> Result<Chosen> {
    if global.all_environments || global.environments().len() > 1 {
        return Err(Error::input("a saved plan knows its environment")
            .hint("leave out `--env` and `--all-envs`"));
    }
    let selection = Selection {
        stacks: global.stacks(),
        environments: vec![plan.environment.clone()],
        all_environments: false,
    };
    let overrides = context.overrides_for(None);
    let mut targets = choose_targets(manifest, &selection, &overrides, context.ambient())?;
    if targets.len() > 1 {
        targets.retain(|target| target.settings.stack_name == plan.stack.name);
    }
    show_warnings(context, &targets);
    match (targets.pop(), targets.len()) {
        (Some(target), 0) => Ok(Chosen::One(Box::new(opened(project, target)))),
        (found, _) => {
            let number = if found.is_some() { "several" } else { "none" };
            Err(Error::refused(format!(
                "the plan is for `{}`, and {number} of the stacks in the environment `{}` have that name",
                plan.stack.name, plan.environment
            )))
        }
    }
}

/// Returns the stacks of a file of saved plans, in the order of the graph.
fn of_saved_plans(
    project: &Project,
    manifest: &Manifest,
    file: &PlanFiles,
    global: &GlobalOptions,
    context: &Context,
) -> Result<Chosen> {
    if !global.stacks.is_empty() || global.all_environments {
        return Err(
            Error::input("a saved plan knows its stacks and its environments")
                .hint("leave out `--stack` and `--all-envs`"),
        );
    }
    let plans = file.stacks.iter();
    let selection = Selection {
        stacks: plans.clone().filter_map(|it| it.stack.clone()).collect(),
        environments: plans.map(|it| it.plan.environment.clone()).collect(),
        all_environments: false,
    };
    let given = global.environments();
    let mut others = given
        .iter()
        .filter(|it| !selection.environments.contains(it));
    if let Some(other) = others.next() {
        return Err(Error::refused(format!(
            "the plans are not for the environment `{other}`"
        )));
    }
    let mut missing = selection
        .environments
        .iter()
        .filter(|it| !given.contains(it));
    if let Some(other) = missing.next().filter(|_| !given.is_empty()) {
        return Err(
            Error::refused(format!("the plans are also for the environment `{other}`"))
                .hint("leave out `--env`: all plans of a file are executed"),
        );
    }
    let overrides = context.overrides_for(None);
    let mut targets = choose_targets(manifest, &selection, &overrides, context.ambient())?;
    targets.retain(|target| {
        let mut plans = file.stacks.iter();
        plans.any(|it| it.stack == target.stack && it.plan.environment == target.environment)
    });
    if targets.len() < file.stacks.len() {
        return Err(Error::refused(
            "the plans are for stacks that the project does not have",
        ));
    }
    show_warnings(context, &targets);
    let opened = targets.into_iter().map(|target| opened(project, target));
    Ok(Chosen::Several(opened.collect(), Layout::PlacedBlocks))
}

fn scope(command: &Command) -> Scope {
    let any = |layout: Result<Layout, &'static str>| layout.map_or_else(Scope::One, Scope::Any);
    match command {
        Command::Plan(args) => Scope::Any(args.layout()),
        Command::Apply(args) => Scope::Any(args.layout()),
        Command::Destroy(args) => Scope::Any(args.layout()),
        Command::Diff(args) if args.is_of_files() => Scope::Outside,
        Command::Diff(args) => any(args.layout()),
        Command::Drift(args) => any(args.layout()),
        Command::Status(args) => Scope::Any(args.layout()),
        Command::Outputs(args) => any(args.layout()),
        Command::Events(args) => any(args.layout()),
        Command::History(args) => any(args.layout()),
        Command::Gc(args) => Scope::Any(args.layout()),
        Command::Doctor(args) => Scope::Any(args.layout()),
        Command::Render(_) => Scope::Any(Layout::Templates),
        Command::Validate(args) => Scope::Any(args.layout()),
        Command::Package(args) => Scope::Any(args.layout()),
        Command::Graph(_) | Command::IamPolicy(_) => Scope::Any(Layout::Blocks),
        Command::Config(args) => Scope::Any(args.layout()),
        Command::Local(_) => Scope::Environment,
        Command::Ci(_)
        | Command::Init(_)
        | Command::Schema(_)
        | Command::Completions(_)
        | Command::Man(_)
        | Command::Version(_) => Scope::Outside,
        _ => Scope::One(command.name()),
    }
}

/// Returns whether the command line may choose several environments.
fn chooses_environments(global: &GlobalOptions) -> bool {
    let environments = global.environments();
    global.all_environments
        || environments.len() > 1
        || environments
            .iter()
            .any(|it| it.contains(['*', '?', '[', '{']))
}

/// Returns whether a manifest may have a table `[stacks]`. A key may be written with escapes.
fn may_have_stacks(text: &str) -> bool {
    text.contains("stacks") || text.contains("\\u") || text.contains("\\U")
}

fn opened(project: &Project, target: Target) -> OpenedTarget {
    let mut settings = target.settings;
    settings.warnings.clear();
    OpenedTarget {
        project: project.clone(),
        stack: target.stack,
        settings,
        label: None,
    }
}

/// Shows the warnings about the manifest and the variables, each once.
fn show_warnings(context: &Context, targets: &[Target]) {
    let mut shown: Vec<Diagnostic> = Vec::new();
    for warning in targets.iter().flat_map(|it| &it.settings.warnings) {
        if !shown.contains(warning) {
            shown.push(warning.clone());
        }
    }
    context.presenter().diagnostics(&shown);
}

/// Returns the error of a command that works on one stack.
fn one_stack_only(context: &Context, what: &str, name: &str, targets: &[OpenedTarget]) -> Error {
    let mut stacks: Vec<&str> = Vec::new();
    let mut environments: Vec<&str> = Vec::new();
    for target in targets {
        let stack = target.stack.as_deref();
        if let Some(stack) = stack.filter(|stack| !stacks.contains(stack)) {
            stacks.push(stack);
        }
        let environment = target.settings.environment.as_str();
        if !environments.contains(&environment) {
            environments.push(environment);
        }
    }
    let listed = |names: &[&str]| names.join("`, `");
    let (stack, environment) = (stacks.first().copied(), environments.first().copied());
    let command = context.command_for(name, stack.as_slice(), environment.as_slice());
    let mut error = Error::input(format!(
        "`{what}` works on one stack, and {} are chosen",
        targets.len()
    ));
    if stacks.len() > 1 {
        error = error.hint(format!("choose one with `-s`: `{}`", listed(&stacks)));
    }
    if environments.len() > 1 {
        error = error.hint(format!("choose one with `-e`: `{}`", listed(&environments)));
    }
    error.hint(format!("for example `{command}`"))
}
