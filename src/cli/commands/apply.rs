//! `stackctl apply`: plan, ask, execute exactly what was shown, follow it to its end.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use super::{Context, Exit};
use crate::cli::apply_args::ApplyArgs;
use crate::cli::stack_set::{refuse, refuse_among_several};
use crate::error::{Error, Result};
use crate::operations::build::Build;
use crate::operations::deploy::application::Application;
use crate::operations::deploy::consent::Consent;
use crate::operations::deploy::deployment::Deployment;
use crate::operations::deploy::saved_plan::SavedPlan;
use crate::operations::deploy::{import, moves, readiness, saved_plan};
use crate::operations::graph::deployments;
use crate::operations::graph::group::Group;
use crate::operations::graph::layout::Layout;
use crate::operations::graph::request::{Request, SavedPlans};
use crate::operations::session::Session;
use crate::operations::stack_set::apply::SetApplication;
use crate::operations::upstream::inputs;
use crate::plan::plan_file::of_stacks::SavedFile;
use crate::util::shell_word::quote;

/// The arguments of `stackctl apply`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A plan that `stackctl plan --out` saved: execute exactly that one
    #[arg(
        value_name = "PLAN",
        conflicts_with_all = [
            "wait", "no_rollback", "on_failure", "import_existing", "revert_drift", "express",
            "no_validation",
        ]
    )]
    plan: Option<PathBuf>,
    /// What that file holds. It is read once, because it may be a pipe.
    #[arg(skip)]
    saved: OnceCell<SavedFile>,
    #[command(flatten)]
    apply: ApplyArgs,
    /// Run `verify` at the end, also if the manifest does not ask for it
    #[arg(long)]
    verify: bool,
    /// Write the outputs to a file as JSON
    #[arg(long, value_name = "FILE")]
    outputs_file: Option<PathBuf>,
    /// With `--yes` and several stacks, also apply a plan that had to be made again after another stack
    /// was deployed and differs from the one that was shown
    #[arg(long)]
    accept_replans: bool,
}

impl Args {
    /// Returns whether the command line names a saved plan.
    pub(crate) fn names_plan(&self) -> bool {
        self.plan.is_some()
    }

    /// Returns the same arguments with `--yes`.
    pub(crate) fn confirmed(mut self) -> Self {
        self.apply.yes = true;
        self
    }

    /// Returns how the output of several stacks is put together.
    #[expect(clippy::unused_self, reason = "the other commands have options for it")]
    pub(crate) fn layout(&self) -> Layout {
        Layout::PlacedBlocks
    }

    /// Returns what the file of saved plans holds that the command line names, and the file as it is
    /// named; `None` if the command line names none.
    ///
    /// # Errors
    ///
    /// If the file cannot be read; refused if it is no plan or was changed.
    pub(crate) fn saved(&self, context: &Context) -> Result<Option<(&SavedFile, &Path)>> {
        let Some(path) = &self.plan else {
            return Ok(None);
        };
        if let Some(file) = self.saved.get() {
            return Ok(Some((file, path)));
        }
        let file = saved_plan::read(context, path)?;
        Ok(Some((self.saved.get_or_init(|| file), path)))
    }

    /// Returns the same command line with more options, for hints.
    fn repeated(&self, session: &Session<'_>, more: &[String]) -> String {
        let mut words = vec!["apply".to_owned()];
        let paths = [
            (None, &self.plan),
            (Some("--outputs-file"), &self.outputs_file),
        ];
        for (option, path) in paths {
            if let Some(path) = path {
                words.extend(option.map(str::to_owned));
                words.push(quote(&path.to_string_lossy()));
            }
        }
        words.extend(self.words(more));
        // A saved plan knows its environment.
        let environment = self.plan.is_none();
        let environment = environment.then_some(session.settings().environment.as_str());
        session.context().command(&words.join(" "), environment)
    }

    /// Returns the options as words of a command line, with more of them, each once.
    fn words(&self, more: &[String]) -> Vec<String> {
        let mut words = self.apply.words(self.verify.then_some("--verify"));
        words.extend(self.accept_replans.then(|| "--accept-replans".to_owned()));
        for word in more {
            if !words.contains(word) {
                words.push(word.clone());
            }
        }
        words
    }

    /// Returns how the deployment is applied. `repeated` is [`Self::repeated`].
    fn application<'a>(
        &'a self,
        session: &Session<'_>,
        repeated: &'a dyn Fn(&[String]) -> String,
    ) -> Application<'a> {
        let outputs_file = self.outputs_file.as_ref();
        Application {
            verify: self.verify,
            outputs_file: outputs_file.map(|path| session.context().resolve(path)),
            ..self.apply.application(session, repeated)
        }
    }
}

/// Deploys several stacks.
pub(crate) async fn run_several(group: Group<'_>, args: Args) -> Result<u8> {
    let options = args.apply.deploy_words();
    let options = options.iter().map(|word| (word.as_str(), true));
    refuse_among_several(&group, options)?;
    let file = args.outputs_file.as_ref();
    let all = group.command_for_all("apply");
    let mut rest = all.trim_start_matches("stackctl apply").to_owned();
    let saved = match args.saved(group.context())? {
        None => None,
        Some((SavedFile::OfStack(_), path)) => {
            return Err(Error::refused(format!(
                "`{}` holds the plan of one stack, and several are chosen",
                path.display()
            )));
        }
        Some((SavedFile::OfStacks(file), path)) => {
            let shown = quote(&path.to_string_lossy());
            let again = group.command_for_all(&format!("plan --out {shown}"));
            // A saved plan knows its stacks.
            let options = group.context().command("", None);
            rest = format!(" {shown}{}", options.trim_start_matches("stackctl"));
            let (file, path) = (file.clone(), path.to_owned());
            Some(SavedPlans { file, path, again })
        }
    };
    let shown = file.map(|path| format!(" --outputs-file {}", quote(&path.to_string_lossy())));
    let outputs_file = file.map(|path| group.context().resolve(path));
    let ApplyArgs {
        yes, wait, events, ..
    } = args.apply;
    let deploy = args.apply.deploy;
    let request = Request {
        yes,
        accept_replans: args.accept_replans,
        wait,
        verify: args.verify,
        events,
        allow_replace: args.apply.allow_replace.clone(),
        allow_delete: args.apply.allow_delete.clone(),
        options: Box::new(move |mode| deploy.options(mode)),
        outputs_file,
        saved,
        repeated: Box::new(move |more| {
            let words = args.words(more);
            let words = words.iter().map(|word| format!(" {word}"));
            let shown = shown.as_deref().unwrap_or_default();
            format!("stackctl apply{shown}{}{rest}", words.collect::<String>())
        }),
    };
    deployments::run(group, request).await
}

/// Deploys the stack.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    if let Some((file, path)) = args.saved(context)? {
        let saved = SavedPlan::of_one(context, file, path)?;
        return apply_saved(context, &args, &saved).await;
    }
    let session = Session::open(context)?;
    let repeated = |more: &[String]| args.repeated(&session, more);
    let application = args.application(&session, &repeated);
    if session.settings().stack_set.is_some() {
        return of_stack_set(&session, &args, application.consent).await;
    }
    application.check_end(&session)?;
    let import_session = OnceCell::new();
    let mut deployment = Deployment::open(&session).await?;
    inputs::provisional(&mut deployment).await?;
    readiness::check_revertible(&deployment, application.options.revert_drift)?;
    let ApplyArgs {
        wait, yes, events, ..
    } = args.apply;
    readiness::prepare(&mut deployment, wait, yes, events).await?;
    let deployment = moves::refuse_pending(deployment).await?;
    let mut deployment = import::first(deployment, &import_session)?;
    application.run(&mut deployment).await?;
    Ok(Exit::Done)
}

/// Deploys the stack set.
async fn of_stack_set(session: &Session<'_>, args: &Args, consent: Consent<'_>) -> Result<Exit> {
    let options = args.apply.deploy_words();
    let options = options.iter().map(|word| (word.as_str(), true));
    let own = [
        ("--verify", args.verify),
        ("--outputs-file", args.outputs_file.is_some()),
    ];
    refuse(own.into_iter().chain(options))?;
    let application = SetApplication {
        consent,
        wait: args.apply.wait,
        events: args.apply.events,
    };
    application.run(session).await?;
    Ok(Exit::Done)
}

/// Executes the change set of a saved plan, if nothing has changed since.
async fn apply_saved(context: &Context, args: &Args, saved: &SavedPlan<'_>) -> Result<Exit> {
    let session = Session::open_environment(context, Some(saved.environment().to_owned()))?;
    session.check_single()?;
    let repeated = |more: &[String]| args.repeated(&session, more);
    let application = args.application(&session, &repeated);
    application.check_end(&session)?;
    application.consent.check_can_ask(&session)?;
    saved.check_settings(&session)?;
    let import_session = OnceCell::new();
    let check = |build: &Build| saved.check_files(&session, build);
    let deployment = Deployment::open_checked(&session, check).await?;
    saved.check_deployed(&deployment)?;
    let deployment = moves::refuse_pending(deployment).await?;
    let mut deployment = import::first(deployment, &import_session)?;
    let prepared = application.prepare_saved(&deployment, saved).await?;
    application.agree(&deployment, &prepared).await?;
    application.execute(&mut deployment, &prepared).await?;
    Ok(Exit::Done)
}
