//! `stackctl destroy`: shows what is deleted and what stays, asks, deletes, follows it to its end.

use super::{Context, Exit};
use crate::cli::stack_set::{refuse, refuse_among_several};
use crate::error::{Error, Result};
use crate::operations::context::{OpenedTarget, listen};
use crate::operations::destroy::deletion::Deletion;
use crate::operations::destroy::options::{DeletionOptions, Run};
use crate::operations::destroy::prepared::Prepared;
use crate::operations::destroy::{consent, execution};
use crate::operations::graph::deletions::{self, Request};
use crate::operations::graph::dependents;
use crate::operations::graph::group::Group;
use crate::operations::graph::layout::Layout;
use crate::operations::session::Session;
use crate::operations::stack_set::destroy::SetDeletion;
use crate::present::event_filter::EventFilter;
use crate::present::format::Format;
use crate::present::json::stacks::Kind;
use crate::util::shell_word::quote;

/// The arguments of `stackctl destroy`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Delete without asking for the stack's name
    #[arg(long, short = 'y')]
    yes: bool,
    /// Empty this bucket first, including all versions; `STACK:ID` if several stacks are destroyed; may
    /// be repeated
    #[arg(long, value_name = "LOGICAL_ID")]
    empty: Vec<String>,
    /// Delete this resource with the data that it stores; required with `--yes`; may be repeated
    #[arg(long, value_name = "LOGICAL_ID")]
    allow_delete: Vec<String>,
    /// Leave this resource behind; CloudFormation accepts that only after a deletion has failed
    /// (`DELETE_FAILED`). For a stack set: leave the stack of this target behind, `ACCOUNT/REGION`. May be
    /// repeated
    #[arg(long, value_name = "LOGICAL_ID")]
    retain: Vec<String>,
    /// Destroy the stacks although this one exists, uses one of them and is not destroyed; may be repeated
    #[arg(long, value_name = "STACK")]
    allow_dependent: Vec<String>,
    /// Delete in EXPRESS mode: CloudFormation does not wait until the resources are gone
    #[arg(long)]
    express: bool,
    /// Show what would happen, or why it would be refused, and delete nothing
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// The form of what is shown before the deletion
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
    /// Which events are shown while the deletion runs
    #[arg(long, value_name = "WHICH", default_value = "all")]
    events: EventFilter,
}

impl Args {
    /// Returns how the output of several stacks is put together.
    pub(crate) fn layout(&self) -> Layout {
        match self.format {
            Format::Human => Layout::PlacedBlocks,
            Format::Json => Layout::Json(Kind::Destroy),
        }
    }

    /// Returns the options of the deletion of a stack, which may have a key in `[stacks]`. If `run` is the
    /// command line of a run over several stacks, every name of a resource names its stack.
    ///
    /// # Errors
    ///
    /// If one does not.
    fn options(&self, key: Option<&str>, run: Option<&str>) -> Result<DeletionOptions> {
        let names = |option: &str, names: &[String]| {
            let all = names.iter().map(|name| match (name.split_once(':'), key) {
                (Some((stack, id)), Some(key)) if stack == key => Ok(Some(id.to_owned())),
                (Some(_), Some(_)) if run.is_some() => Ok(None),
                _ if run.is_some() => Err(Error::input(format!(
                    "`{option} {name}` does not say in which of the stacks the resource is"
                ))
                .hint(format!("name the stack: `{option} STACK:{name}`"))),
                _ => Ok(Some(name.clone())),
            });
            let all: Result<Vec<Option<String>>> = all.collect();
            all.map(|all| all.into_iter().flatten().collect::<Vec<String>>())
        };
        Ok(DeletionOptions {
            yes: self.yes,
            empty: names("--empty", &self.empty)?,
            allow_delete: names("--allow-delete", &self.allow_delete)?,
            retain: names("--retain", &self.retain)?,
            express: self.express,
            format: self.format,
            events: self.events,
            run: key.zip(run).map(|(key, command)| Run {
                key: key.to_owned(),
                command: command.to_owned(),
            }),
        })
    }

    /// Refuses names of stacks that are not destroyed in this run.
    fn check_stacks(&self, keys: &[&str]) -> Result<()> {
        let named = [
            ("--empty", &self.empty),
            ("--allow-delete", &self.allow_delete),
            ("--retain", &self.retain),
        ];
        for (option, names) in named {
            for name in names {
                if let Some((stack, _)) = name.split_once(':')
                    && !keys.contains(&stack)
                {
                    let error = Error::input(format!(
                        "`{option} {name}` names the stack `{stack}`, which is not destroyed"
                    ));
                    return Err(error.hint(format!("the stacks are `{}`", keys.join("`, `"))));
                }
            }
        }
        Ok(())
    }

    /// Returns the options as words of a command line, after the first one, for hints.
    fn words(&self, more: &[String]) -> String {
        let flags = [
            ("--yes", self.yes),
            ("--express", self.express),
            ("--dry-run", self.dry_run),
        ];
        let mut words: Vec<String> = flags
            .into_iter()
            .filter(|(_, is_given)| *is_given)
            .map(|(flag, _)| flag.to_owned())
            .collect();
        let named = [
            ("--empty", &self.empty),
            ("--allow-delete", &self.allow_delete),
            ("--retain", &self.retain),
            ("--allow-dependent", &self.allow_dependent),
        ];
        for (option, names) in named {
            words.extend(names.iter().map(|name| format!("{option} {}", quote(name))));
        }
        words.extend(
            more.iter()
                .filter(|it| !(**it == "--yes" && self.yes))
                .cloned(),
        );
        words
            .iter()
            .fold(String::new(), |line, word| line + " " + word)
    }
}

/// Deletes several stacks, whose order is the order of the deletion.
pub(crate) async fn run_several(group: Group<'_>, args: Args) -> Result<u8> {
    refuse_among_several(&group, [("--express", args.express)])?;
    let all = group.command_for_all("destroy");
    let rest = all.trim_start_matches("stackctl destroy");
    let repeated = |more: &[String]| format!("stackctl destroy{}{rest}", args.words(more));
    let keys: Vec<&str> = group
        .members()
        .iter()
        .filter_map(|member| member.target()?.stack.as_deref())
        .collect();
    args.check_stacks(&keys)?;
    let again = repeated(&[]);
    let options: Result<Vec<DeletionOptions>> = group
        .members()
        .iter()
        .map(|member| {
            let key = member.target().and_then(|target| target.stack.as_deref());
            args.options(key, Some(&again))
        })
        .collect();
    let options = options?;
    for (member, options) in group.members().iter().zip(&options) {
        if member.target().is_some_and(OpenedTarget::is_stack_set) {
            refuse([("--empty", !options.empty.is_empty())])?;
        }
    }
    let chosen: Vec<(String, String)> = group
        .members()
        .iter()
        .filter_map(|member| {
            let target = member.target()?;
            Some((target.settings.environment.clone(), target.stack.clone()?))
        })
        .collect();
    dependents::check(group.context(), &chosen, &args.allow_dependent, &repeated).await?;
    let targets = group.members().iter().filter_map(|member| member.target());
    let project = targets.map(|target| target.settings.project.clone()).next();
    let request = Request {
        options,
        yes: args.yes,
        is_dry: args.dry_run,
        project: project.unwrap_or_default(),
        without_question: repeated(&["--yes".to_owned()]),
        again,
    };
    deletions::run(group, request).await
}

/// Deletes the stack set.
async fn of_stack_set(session: &Session<'_>, args: &Args) -> Result<Exit> {
    refuse([
        ("--empty", !args.empty.is_empty()),
        ("--express", args.express),
    ])?;
    let key = session.settings().stack_key.as_deref();
    let deletion = SetDeletion {
        options: &args.options(key, None)?,
        dry_run: args.dry_run,
    };
    deletion.run(session).await?;
    Ok(Exit::Done)
}

/// Deletes the stack.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let session = Session::open(context)?;
    if session.settings().stack_set.is_some() {
        return of_stack_set(&session, &args).await;
    }
    let interrupt = listen(context)?;
    let is_dry = args.dry_run;
    let settings = session.settings();
    let options = args.options(settings.stack_key.as_deref(), None)?;
    if let Some(key) = &settings.stack_key {
        let chosen = [(settings.environment.clone(), key.clone())];
        let again = |more: &[String]| {
            let command = format!("destroy{}", args.words(more));
            session.command(&command)
        };
        dependents::check(context, &chosen, &args.allow_dependent, &again).await?;
    }
    let Some(deletion) = Deletion::open(&session, &interrupt, &options).await? else {
        return Ok(Exit::Done);
    };
    if deletion.is_running() && !is_dry {
        execution::join(&deletion).await?;
        return Ok(Exit::Done);
    }
    let mut prepared = Prepared::look(&deletion).await?;
    prepared.show(&deletion)?;
    prepared.check(&deletion)?;
    if !is_dry {
        consent::obtain(&deletion, &prepared).await?;
        execution::execute(&deletion, &prepared).await?;
    }
    Ok(Exit::Done)
}
