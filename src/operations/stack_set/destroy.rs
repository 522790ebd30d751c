//! Deleting a stack set: its instances with their stacks, then the stack set.

use super::access::{Access, State};
use super::execution::{Earlier, Operations};
use super::outcome::Outcome;
use super::{losses, running};
use crate::aws::stack_set::Request;
use crate::cloudformation::deletion::ResourceDeletion;
use crate::cloudformation::stack_set::StackSet;
use crate::cloudformation::stack_set::instance::{Instance, InstanceStatus};
use crate::config::settings::{Permissions, StackSetSettings};
use crate::error::{Error, ErrorKind, Result};
use crate::operations::destroy::options::DeletionOptions;
use crate::operations::session::Session;
use crate::plan::stack_set::targets::{Deployed, changes, of_accounts};
use crate::plan::stack_set::{Removal, Step};
use crate::present::format::Format;
use crate::present::human;
use crate::present::json::stack_set::StackSetDeletionDocument;
use crate::util::shell_word::quote;

/// How a stack set is deleted.
pub(crate) struct SetDeletion<'a> {
    /// The options. What they retain are the targets whose stacks stay, as `ACCOUNT/REGION`.
    pub(crate) options: &'a DeletionOptions,
    /// Whether only what would happen is shown.
    pub(crate) dry_run: bool,
}

/// A stack set whose deletion was looked at.
#[derive(Debug)]
pub(crate) struct FoundSet<'a> {
    access: Access<'a>,
    set: StackSet,
    state: State,
    losses: Vec<ResourceDeletion>,
}

impl FoundSet<'_> {
    /// Returns the stack set with its account and region.
    pub(crate) fn place(&self) -> String {
        format!("the stack set {}", self.access.place())
    }

    /// Returns what is lost in each target, a sentence for each resource.
    pub(crate) fn losses(&self) -> Vec<String> {
        let losses = self.losses.iter();
        let sentences = losses.map(|it| format!("{} {} in each target", it.path, it.loss()));
        sentences.collect()
    }

    /// Checks that the stack set has not changed since it was looked at.
    ///
    /// # Errors
    ///
    /// Refused if it has.
    pub(crate) async fn check_again(&self) -> Result<()> {
        let access = &self.access;
        let now = access.interrupt.guard(access.read()).await?;
        let targets = |state: &State| {
            let targets = state.instances.iter().map(|it| it.target.clone());
            targets.collect::<Vec<_>>()
        };
        let latest = |state: &State| state.operations.first().map(|it| it.id.clone());
        let then = &self.state;
        if targets(&now) == targets(then) && latest(&now) == latest(then) {
            return Ok(());
        }
        Err(Error::refused(format!(
            "not destroyed: the stack set `{}` has changed since it was shown",
            access.name()
        ))
        .hint(format!(
            "look at it again: `{}`",
            access.session.command("destroy")
        )))
    }
}

impl SetDeletion<'_> {
    /// Shows what is deleted, asks and deletes it.
    ///
    /// # Errors
    ///
    /// Refused if the user does not agree, a name is wrong, data is lost that the command line does not
    /// name, or another operation is running; if a target could not be removed.
    pub(crate) async fn run(&self, session: &Session<'_>) -> Result<()> {
        let Some(found) = self.look(session).await? else {
            return Ok(());
        };
        self.show(&found)?;
        if self.dry_run {
            return Ok(());
        }
        if self.options.yes {
            self.check_losses(&found)?;
        } else {
            let confirmed = self.confirm(&found);
            let confirmed = found.access.interrupt.guard(confirmed).await;
            confirmed.map_err(|error| match error.kind() {
                ErrorKind::Interrupted => error.hint("nothing was deleted"),
                _ => error,
            })?;
            found.check_again().await?;
        }
        self.execute(&found).await
    }

    /// Reads what would be deleted; `None`, which is printed, if there is no stack set. An operation that an
    /// earlier run has requested is followed to its end before.
    ///
    /// # Errors
    ///
    /// Refused if a name is wrong, an instance cannot be deleted and is not named, or another operation is
    /// running.
    pub(crate) async fn look<'s>(&self, session: &'s Session<'s>) -> Result<Option<FoundSet<'s>>> {
        let access = Access::open(session).await?;
        let mut state = access.read().await?;
        let Some(set) = state.set.clone() else {
            let name = access.name();
            let presenter = session.presenter();
            presenter.note(&format!("There is no stack set `{name}`: nothing to do."));
            return Ok(None);
        };
        let resume = self.command(session, &[]);
        let operations = Operations::new(&access, &set.id, self.options.events, &resume)?;
        let earlier = if self.dry_run {
            Earlier::Nothing
        } else {
            operations.earlier().await?
        };
        if matches!(earlier, Earlier::Ended) {
            state = access.read().await?;
        }
        if let Earlier::Running(id) = earlier {
            let ended = operations.follow_earlier(&id).await?;
            let mut outcome = Outcome::default();
            outcome.add_earlier(ended);
            state = outcome.instances(&access).await?;
        }
        running::check(&access, &state)?;
        self.check_names(session, &state)?;
        let losses = if state.instances.len() > self.options.retain.len() {
            losses::of(session, &state)
        } else {
            Vec::new()
        };
        Ok(Some(FoundSet {
            access,
            set,
            state,
            losses,
        }))
    }

    /// Removes the instances, and then the stack set.
    ///
    /// # Errors
    ///
    /// If a target could not be removed, or a call fails.
    pub(crate) async fn execute(&self, found: &FoundSet<'_>) -> Result<()> {
        let FoundSet {
            access, set, state, ..
        } = found;
        let session = access.session;
        let presenter = session.presenter();
        let resume = self.command(session, &[]);
        let operations = Operations::new(access, &set.id, self.options.events, &resume)?;
        presenter.note("");
        let mut outcome = Outcome::default();
        for removal in self.removals(access, set, state) {
            let step = Step::Remove(removal.clone());
            presenter.note(&human::stack_set::step(&step));
            let request = Request::Remove {
                group: &removal.group,
                retains: removal.retains,
            };
            let ended = operations.run(&request).await?;
            outcome.add(ended, true);
            if !outcome.may_continue() {
                break;
            }
        }
        let left = outcome.instances(access).await?;
        let problems = outcome.problems(&left.instances, |_| true);
        if let Some(message) = outcome.message(access, &problems) {
            return Err(self.failed(session, message, &left));
        }
        access.interrupt.guard(access.service.delete()).await?;
        presenter.note(&format!(
            "\nDestroyed: the stack set {} is gone.",
            access.name()
        ));
        Ok(())
    }

    /// Refuses names that are no instances, and instances that cannot be deleted and are not named.
    fn check_names(&self, session: &Session<'_>, state: &State) -> Result<()> {
        let targets: Vec<String> = state
            .instances
            .iter()
            .map(|it| it.target.to_string())
            .collect();
        let retain = &self.options.retain;
        if let Some(name) = retain.iter().find(|it| !targets.contains(it)) {
            return Err(Error::refused(format!(
                "the stack set has no instance `{name}` to leave behind"
            ))
            .hint("name it as `ACCOUNT/REGION`"));
        }
        let mut stuck = inoperable(state);
        stuck.retain(|it| !retain.contains(it));
        if stuck.is_empty() {
            return Ok(());
        }
        let command = self.command(session, &stuck);
        Err(Error::refused(format!(
            "CloudFormation cannot delete the stack of an INOPERABLE instance: {}",
            stuck.join(", ")
        ))
        .hint(format!(
            "to leave its stack behind, and delete it by hand: `{command}`"
        )))
    }

    /// Shows what is deleted.
    ///
    /// # Errors
    ///
    /// If the document cannot be written.
    pub(crate) fn show(&self, found: &FoundSet<'_>) -> Result<()> {
        let presenter = found.access.session.presenter();
        let (set, instances, losses) = (&found.set, &found.state.instances, &found.losses);
        let retain = &self.options.retain;
        match self.options.format {
            Format::Human => {
                let place = found.access.place();
                presenter.data(&human::stack_set::deletion(
                    (set, &place),
                    instances,
                    retain,
                    losses,
                ));
                Ok(())
            }
            Format::Json => {
                let document = StackSetDeletionDocument::of(set, instances, retain, losses);
                presenter.json(&document)
            }
        }
    }

    /// Refuses to lose what a resource stores, unless the command line names the resource.
    ///
    /// # Errors
    ///
    /// Refused if there is such a resource.
    pub(crate) fn check_losses(&self, found: &FoundSet<'_>) -> Result<()> {
        let guarded = found.losses.iter();
        let guarded: Vec<&ResourceDeletion> = guarded
            .filter(|it| !self.options.allow_delete.contains(&it.path))
            .collect();
        if guarded.is_empty() {
            return Ok(());
        }
        let lost: Vec<String> = guarded
            .iter()
            .map(|it| format!("`{}` {} in each target", it.path, it.loss()))
            .collect();
        let command = self.without_question(found);
        Err(
            Error::refused(format!("not destroyed: {}", lost.join("; ")))
                .hint(format!("if that is what you want: `{command}`")),
        )
    }

    async fn confirm(&self, found: &FoundSet<'_>) -> Result<()> {
        let presenter = found.access.session.presenter();
        let lost = match found.losses().as_slice() {
            [] => "No stored data is lost.".to_owned(),
            lost => format!("Lost: {}.", lost.join("; ")),
        };
        if presenter.is_interactive() {
            let left = self.options.retain.len();
            let stacks = found.state.instances.len().saturating_sub(left);
            presenter.note(&format!(
                "\nThis deletes {} and {}. {lost}",
                found.place(),
                human::count(stacks, "stack")
            ));
        }
        let name = found.access.name();
        let question = format!("Type the stack set's name, {name}, to destroy it:");
        let command = self.without_question(found);
        if presenter.ask(&question, &command).await? != name {
            return Err(Error::refused(
                "not destroyed: the answer was not the stack set's name",
            ));
        }
        Ok(())
    }

    /// Returns the operations that remove all instances: first those whose stacks stay.
    fn removals(&self, access: &Access<'_>, set: &StackSet, state: &State) -> Vec<Removal> {
        let is_left = |it: &&Instance| self.options.retain.contains(&it.target.to_string());
        let left: Vec<&Instance> = state.instances.iter().filter(is_left).collect();
        // Nothing is wanted any more, so everything that exists is removed.
        let nothing = StackSetSettings {
            permissions: set.permissions,
            ..StackSetSettings::default()
        };
        let regions = &access.settings.regions;
        let mut removals = of_accounts(&nothing, regions, &left, true);
        let rest: Vec<Instance> = state
            .instances
            .iter()
            .filter(|it| !is_left(it))
            .cloned()
            .collect();
        let deployed = Deployed {
            set: Some(set),
            instances: &rest,
            overrides: None,
        };
        let ordered = StackSetSettings {
            regions: regions.clone(),
            ..nothing
        };
        let is_service = set.permissions == Permissions::ServiceManaged;
        if !rest.is_empty() || is_service && !set.organizational_units.is_empty() {
            removals.extend(changes(&ordered, deployed, false).removed);
        }
        removals
    }

    /// Returns the error of a deletion, with the command that leaves behind what could not be deleted.
    fn failed(&self, session: &Session<'_>, message: String, left: &State) -> Error {
        let stuck = inoperable(left);
        let failed = Error::new(ErrorKind::Deployment, message);
        if stuck.is_empty() {
            let again = self.command(session, &[]);
            return failed.hint(format!("fix the cause, then run `{again}` again"));
        }
        failed.hint(format!(
            "to leave their stacks behind, and delete them by hand: `{}`",
            self.command(session, &stuck)
        ))
    }

    /// Returns this command line, with more targets whose stacks stay.
    fn command(&self, session: &Session<'_>, more: &[String]) -> String {
        let begin = if self.options.yes {
            "destroy --yes"
        } else {
            "destroy"
        };
        self.command_with(session, begin, ("--retain", more))
    }

    /// Returns this command line with `--yes`, and with `--allow-delete` for everything that is lost.
    fn without_question(&self, found: &FoundSet<'_>) -> String {
        let mut lost: Vec<String> = found.losses.iter().map(|it| it.path.clone()).collect();
        lost.retain(|it| !self.options.allow_delete.contains(it));
        let session = found.access.session;
        self.command_with(session, "destroy --yes", ("--allow-delete", &lost))
    }

    fn command_with(
        &self,
        session: &Session<'_>,
        begin: &str,
        (option, more): (&str, &[String]),
    ) -> String {
        let DeletionOptions {
            allow_delete,
            retain,
            run,
            ..
        } = self.options;
        if let Some(run) = run {
            return run.command(option, more.iter().map(String::as_str));
        }
        let allowed = allow_delete.iter().map(|it| ("--allow-delete", it));
        let retained = retain.iter().map(|it| ("--retain", it));
        let more = more.iter().map(|it| (option, it));
        let options = allowed.chain(retained).chain(more);
        let command = options.fold(begin.to_owned(), |command, (option, name)| {
            format!("{command} {option} {}", quote(name))
        });
        session.command(&command)
    }
}

/// Returns the targets whose instances are inoperable.
fn inoperable(state: &State) -> Vec<String> {
    let instances = state.instances.iter();
    let stuck = instances.filter(|it| it.status == InstanceStatus::Inoperable);
    stuck.map(|it| it.target.to_string()).collect()
}
