//! `stackctl diff`: what is deployed against what the files say, or one template against another;
//! read-only, no change set.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;

use super::{Context, Exit};
use crate::cli::stack_set::refuse;
use crate::cloudformation::drift::Drift;
use crate::cloudformation::refactor::Move;
use crate::config::project;
use crate::diagnostic::SourceFile;
use crate::error::{Error, Result};
use crate::operations::deploy::deployment::Deployment;
use crate::operations::deploy::{code_check, moves, stack_settings};
use crate::operations::drift_detection;
use crate::operations::graph::layout::Layout;
use crate::operations::session::Session;
use crate::operations::stack_set::deployment::SetDeployment;
use crate::plan::comparison::Comparison;
use crate::plan::comparison::live::{self, LiveResource};
use crate::plan::predict::{Side, predict};
use crate::plan::{masking, values};
use crate::present::html::page::PageKind;
use crate::present::json::diff::DiffDocument;
use crate::present::json::live::LiveEntry;
use crate::present::json::stacks::Kind;
use crate::present::stack_state::StackState;
use crate::present::unified;
use crate::present::{html, human, markdown};
use crate::template::Template;
use crate::util::parallel::both;
use crate::util::suggest::nearest;

/// The template of a stack that does not exist.
const NOTHING: &str = "Resources: {}\n";
/// The path that means stdin.
const STDIN: &str = "-";
/// The lines around a difference inside a string, and in a unified diff.
const CONTEXT_IN_TEXT: usize = 2;
const CONTEXT_UNIFIED: usize = 3;

/// The arguments of `stackctl diff`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Two template files to compare instead of the stack and the project, YAML or JSON; `-` is stdin
    #[arg(num_args = 2, value_names = ["OLD", "NEW"])]
    files: Vec<PathBuf>,
    /// Only this resource, parameter, output …; may be repeated, or several with commas
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    only: Vec<String>,
    /// The equal lines around a difference [default: 3 in `unified`, 2 inside texts]
    #[arg(long, value_name = "N")]
    context: Option<usize>,
    /// The form of the differences
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
    /// Also detect drift: show deployed, live and desired values, and what `apply` does about drift
    #[arg(long, conflicts_with = "files")]
    live: bool,
    /// Exit with 2 if there are differences
    #[arg(long)]
    exit_code: bool,
}

impl Args {
    /// Returns whether two files are compared, and no stack.
    pub(crate) fn is_of_files(&self) -> bool {
        !self.files.is_empty()
    }

    /// Returns how the output of several stacks is put together, or what works on one stack alone.
    pub(crate) fn layout(&self) -> Result<Layout, &'static str> {
        if !self.only.is_empty() {
            return Err("diff --only");
        }
        Ok(match self.format {
            Format::Human | Format::Unified => Layout::Blocks,
            Format::Json => Layout::Json(Kind::Diff),
            Format::Markdown => Layout::Markdown,
            Format::Html => Layout::Html(PageKind::Diff),
        })
    }

    /// Returns the arguments with the new logical ids of renamed resources.
    fn with_new_ids(&self, moved: &[Move]) -> Self {
        let only = self.only.iter().map(|name| {
            let moved = moved.iter().find(|it| it.from == *name);
            moved.map_or(name, |it| &it.to).clone()
        });
        Self {
            only: only.collect(),
            ..self.clone()
        }
    }
}

/// The form of the differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A tree for people
    Human,
    /// One JSON document with a `schema` field
    Json,
    /// A pull request comment of at most 65,536 characters
    Markdown,
    /// A page for a browser, which needs no network: `> diff.html`
    Html,
    /// A line diff of the two templates, written in the same style
    Unified,
}

/// Compares and shows.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    match args.files.as_slice() {
        [old, new] => of_files(context, old, new, &args),
        _ => of_stack(context, &args).await,
    }
}

async fn of_stack(context: &Context, args: &Args) -> Result<Exit> {
    let session = Session::open(context)?;
    if session.settings().stack_set.is_some() {
        return of_stack_set(&session, args).await;
    }
    let deployment = Deployment::open_to_compare(&session).await?;
    let settings = session.settings();
    let stack = deployment.stack();
    if !stack.is_some_and(|stack| stack.status.exists()) {
        session.presenter().note(&format!(
            "The stack `{}` is not deployed: everything is new.",
            settings.stack_name
        ));
    }
    let deployed = deployment.deployed_template().unwrap_or(NOTHING);
    let original = Template::parse_deployed(&SourceFile::new("the deployed template", deployed));
    let original = original.map_err(|found| {
        Error::input("the deployed template cannot be read").with_diagnostics(found)
    })?;
    session.presenter().diagnostics(original.warnings());
    let build = deployment.build();
    let [then, now] = deployment.values();
    let (moved, mut deployed) =
        moves::to_compare(&session, Side::new(&original, &then), &build.template);
    let mut desired = build.template.clone();
    masking::hide_defaults(&mut deployed, &mut desired);
    let names = [
        deployed.source().name.clone(),
        settings.template.display().to_string(),
    ];
    let sides = [Side::new(&deployed, &then), Side::new(&desired, &now)];
    let code = async { Ok(code_check::compare(&deployment).await) };
    let code = deployment.interrupt().guard(code);
    let comparison = Comparison {
        stack: Some(settings.stack_name.clone()),
        code: code.await?,
        parameters: values::parameter_changes(stack, &build.template, &build.parameters),
        tags: values::tag_changes(stack, &settings.tags),
        settings: stack_settings::all_changes(&deployment),
        moved: moved.clone(),
        ..Comparison::of_templates(sides[0], sides[1], Some(&build.rendered), names)
    };
    let templates = [&deployed, &desired];
    let args = &args.with_new_ids(&moved);
    if !args.live {
        return show(context, args, comparison, None, templates);
    }
    if !args.only.is_empty() {
        check_names(&args.only, &comparison, templates)?;
    }
    let only = moves::old_ids(&moved, &args.only);
    let Some(mut drift) = drift_detection::detect(&deployment, &original, &only).await? else {
        let exit = show(context, args, comparison, None, templates);
        session
            .presenter()
            .note("Drift was not detected: nothing that `--only` names is a deployed resource.");
        return exit;
    };
    for resource in &mut drift.resources {
        if let Some(moved) = moved.iter().find(|it| it.from == resource.logical_id) {
            resource.logical_id.clone_from(&moved.to);
        }
    }
    let changes = predict(Some(sides[0]), sides[1]);
    let live = live::compare(&drift, &changes);
    let exit = show(context, args, comparison, Some((&drift, &live)), templates);
    drift_detection::advise(&session, &drift, &live);
    exit
}

async fn of_stack_set(session: &Session<'_>, args: &Args) -> Result<Exit> {
    refuse([("--live", args.live)])?;
    let deployment = SetDeployment::open(session, false).await?;
    let settings = session.settings();
    if deployment.state.set.is_none() {
        session.presenter().note(&format!(
            "The stack set `{}` is not deployed: everything is new.",
            settings.stack_name
        ));
    }
    let deployed = deployment.state.set.as_ref();
    let deployed = deployed.and_then(|set| set.template.as_deref());
    let source = SourceFile::new("the deployed template", deployed.unwrap_or(NOTHING));
    let mut deployed = Template::parse_deployed(&source).map_err(|found| {
        Error::input("the deployed template cannot be read").with_diagnostics(found)
    })?;
    let build = &deployment.build;
    let mut desired = build.template.clone();
    masking::hide_defaults(&mut deployed, &mut desired);
    let names = [
        deployed.source().name.clone(),
        settings.template.display().to_string(),
    ];
    let [then, now] = deployment.values();
    let sides = [Side::new(&deployed, &then), Side::new(&desired, &now)];
    let plan = deployment.plan();
    let comparison = Comparison {
        stack: Some(settings.stack_name.clone()),
        parameters: plan.template.parameters,
        tags: plan.template.tags,
        settings: plan.settings,
        ..Comparison::of_templates(sides[0], sides[1], Some(&build.rendered), names)
    };
    show(
        session.context(),
        args,
        comparison,
        None,
        [&deployed, &desired],
    )
}

fn of_files(context: &Context, old: &Path, new: &Path, args: &Args) -> Result<Exit> {
    if [old, new].map(|path| path == Path::new(STDIN)) == [true, true] {
        return Err(Error::input(
            "only one of the two templates can come from stdin",
        ));
    }
    let (old, new) = (read(context, old)?, read(context, new)?);
    for source in [&old, &new] {
        let declared = masking::declared_in(source);
        masking::learn(context.presenter().secrets(), &declared, &IndexMap::new());
    }
    let (mut old, mut new) = match both(
        || Template::parse_compared(&old),
        || Template::parse_compared(&new),
    ) {
        (Ok(old), Ok(new)) => (old, new),
        (old, new) => {
            let found = [old.err(), new.err()].into_iter().flatten().flatten();
            let message = "the templates cannot be compared";
            return Err(Error::input(message).with_diagnostics(found.collect()));
        }
    };
    for template in [&old, &new] {
        context.presenter().diagnostics(template.warnings());
    }
    masking::hide_defaults(&mut old, &mut new);
    let unknown = IndexMap::new();
    let names = [&old, &new].map(|template| template.source().name.clone());
    let sides = [Side::new(&old, &unknown), Side::new(&new, &unknown)];
    let comparison = Comparison::of_templates(sides[0], sides[1], None, names);
    show(context, args, comparison, None, [&old, &new])
}

fn read(context: &Context, path: &Path) -> Result<Arc<SourceFile>> {
    if path == Path::new(STDIN) {
        return Ok(SourceFile::new(
            "stdin",
            context.presenter().input(project::COMPARED_LIMIT)?,
        ));
    }
    project::named_text(&context.ambient().current_dir, path)
}

fn show(
    context: &Context,
    args: &Args,
    mut comparison: Comparison<'_>,
    live: Option<(&Drift, &[LiveResource<'_>])>,
    [old, new]: [&Template; 2],
) -> Result<Exit> {
    let presenter = context.presenter();
    if !args.only.is_empty() {
        check_names(&args.only, &comparison, [old, new])?;
        comparison.retain(&args.only);
    }
    match args.format {
        Format::Human => {
            let frame = human::diff::Frame {
                width: presenter.width(),
                context: args.context.unwrap_or(CONTEXT_IN_TEXT),
            };
            presenter.data(&human::diff::diff(&comparison, frame));
            if let Some((drift, live)) = live {
                presenter.data(&human::live::live(drift, live, presenter.width()));
            }
        }
        Format::Json => {
            let live = live.map(|(drift, live)| LiveEntry::of(drift, live));
            presenter.json(&DiffDocument::of(&comparison).with_live(live))?;
        }
        Format::Markdown => {
            let context = args.context.unwrap_or(CONTEXT_IN_TEXT);
            presenter.comment(markdown::diff::diff(&comparison, live, context));
        }
        Format::Html => {
            presenter.page(html::diff::diff(
                &comparison,
                live,
                presenter.page_context(),
            ));
        }
        Format::Unified => {
            let context = args.context.unwrap_or(CONTEXT_UNIFIED);
            let (names, only) = (&comparison.names, &args.only);
            let mut text = unified::of_templates([old, new], names, only, context);
            if let Some((drift, resources)) = live {
                text.push_str(&unified::of_drift(drift, resources, context));
            }
            presenter.data(&text);
        }
    }
    let drifted = live.map_or(0, |(drift, live)| live.len() + drift.drifted_inside().len());
    let differs = drifted > 0 || !comparison.is_empty();
    let found = human::count(comparison.count() + drifted, "difference");
    let state = StackState::of_differences(differs, args.exit_code);
    presenter.set_state(state, if differs { &found } else { "" });
    Ok(Exit::of_differences(differs, args.exit_code))
}

/// Refuses a name that nothing in either template has.
fn check_names(only: &[String], comparison: &Comparison<'_>, sides: [&Template; 2]) -> Result<()> {
    let sections = sides
        .into_iter()
        .filter_map(|template| template.root().as_map());
    let members = sections.flat_map(IndexMap::values);
    let names = members
        .filter_map(|member| member.node.as_map())
        .flat_map(IndexMap::keys);
    let mut known: Vec<&str> = names.map(String::as_str).collect();
    known.extend(comparison.parameters.iter().map(|it| it.name.as_str()));
    for name in only {
        if known.contains(&name.as_str()) {
            continue;
        }
        let error = Error::input(format!("neither template has anything called `{name}`"));
        return Err(match nearest(name, known.iter().copied()) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error,
        });
    }
    Ok(())
}
