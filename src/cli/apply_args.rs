//! The options that `apply` and `rollback` share.

use super::deploy_args::DeployArgs;
use crate::operations::deploy::application::Application;
use crate::operations::deploy::consent::{Consent, allowance};
use crate::operations::session::Session;
use crate::plan::risk::Guard;
use crate::present::event_filter::EventFilter;

/// The options of a command that deploys: the consent, the change set, and what is shown.
#[derive(Debug, clap::Args)]
pub(crate) struct ApplyArgs {
    /// Deploy without asking
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,
    /// Allow a resource that holds data to be replaced; `STACK:ID` if stacks share the name; may be
    /// repeated
    #[arg(long, value_name = "LOGICAL_ID")]
    pub(crate) allow_replace: Vec<String>,
    /// Allow a resource that holds data to be deleted; `STACK:ID` if stacks share the name; may be
    /// repeated
    #[arg(long, value_name = "LOGICAL_ID")]
    pub(crate) allow_delete: Vec<String>,
    /// Wait for an operation that is running on the stack, then plan
    #[arg(long)]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) deploy: DeployArgs,
    /// Which events are shown while the deployment runs
    #[arg(long, value_name = "WHICH", default_value = "all")]
    pub(crate) events: EventFilter,
}

impl ApplyArgs {
    /// Returns the same options as words of a command line, for hints. `flag` is one more of the
    /// command's own.
    pub(crate) fn words(&self, flag: Option<&str>) -> Vec<String> {
        let yes = self.yes.then_some("--yes");
        let wait = self.wait.then_some("--wait");
        let flags = [yes, wait, flag].into_iter().flatten();
        let mut words: Vec<String> = flags.map(str::to_owned).collect();
        words.extend(self.deploy.words());
        let allowed = [
            (Guard::Replace, &self.allow_replace),
            (Guard::Delete, &self.allow_delete),
        ];
        for (guard, names) in allowed {
            words.extend(names.iter().map(|name| allowance(guard, name)));
        }
        words
    }

    /// Returns the options that shape a change set, as words of a command line.
    pub(crate) fn deploy_words(&self) -> Vec<String> {
        self.deploy.words()
    }

    /// Returns how a deployment is applied, without what only `apply` does at the end. `repeated`
    /// returns the command line with more options.
    pub(crate) fn application<'a>(
        &'a self,
        session: &Session<'_>,
        repeated: &'a dyn Fn(&[String]) -> String,
    ) -> Application<'a> {
        let mode = session.settings().stack.deployment_mode;
        Application {
            consent: Consent {
                yes: self.yes,
                stack: session.settings().stack_key.clone(),
                allow_replace: &self.allow_replace,
                allow_delete: &self.allow_delete,
                repeated,
            },
            options: self.deploy.options(mode),
            events: self.events,
            verify: false,
            outputs_file: None,
            ended: None,
        }
    }
}
