//! `stackctl drift`: what was changed behind CloudFormation's back.
//!
//! It reads neither the template's files nor the artifacts: drift is a matter between what is deployed
//! and what is live, and a project that cannot be built at the moment has it all the same.

use super::{Context, Exit};
use crate::aws::stack::{DetectionUpdate, StackService};
use crate::cli::args::Format;
use crate::cloudformation::drift::{Detection, Drift};
use crate::cloudformation::stack::{Resource, Stack};
use crate::cloudformation::status::StackStatus;
use crate::config::settings::ParameterValue;
use crate::diagnostic::SourceFile;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::session::Session;
use crate::plan::masking;
use crate::present::json::drift::DriftDocument;
use crate::present::{Presenter, human};
use crate::template::Template;
use crate::util::interrupt::Interrupt;
use crate::util::suggest::nearest;

/// The arguments of `stackctl drift`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The form of the output
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
    /// Exits with 2 where something has drifted
    #[arg(long)]
    exit_code: bool,
    /// Looks at this resource alone; may be repeated, or several with commas
    #[arg(long, value_name = "LOGICAL_ID", value_delimiter = ',')]
    only: Vec<String>,
}

/// Detects drift and shows it.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let session = Session::open(context)?;
    let presenter = session.presenter();
    let interrupt = Interrupt::listen()?;
    let connection = interrupt.guard(session.connect()).await?;
    let service = StackService::new(&connection, &session.settings.stack_name);
    let read = async {
        tokio::try_join!(
            connection.identity(),
            service.describe(),
            service.resources(),
            service.template()
        )
    };
    let (identity, stack, resources, template) = interrupt.guard(read).await?;
    session.check_account(&identity)?;
    let stack = session.deployed(stack)?;
    let template = template
        .and_then(|text| Template::parse(&SourceFile::new("the deployed template", text)).ok());
    let asked = Asked {
        session: &session,
        service: &service,
        stack: &stack,
        template: template.as_ref(),
        only: &args.only,
    };
    let drift = interrupt.guard(asked.detect(resources)).await?;
    match args.format {
        Format::Human => presenter.data(&human::drift::drift(
            &stack.name,
            &drift,
            presenter.is_verbose(),
            presenter.width(),
        )),
        Format::Json => presenter.json(&DriftDocument::of(&stack, &drift))?,
    }
    if drift.is_drifted() && args.format == Format::Human {
        let [recover, diff] = ["recover", "diff --live"].map(|short| session.command(short));
        presenter.hint(&format!("`{diff}` shows what `apply` does about it"));
        presenter.hint(&format!("`{recover}` takes it back"));
    }
    verdict(presenter, &drift, args.exit_code)
}

/// Returns how the command ends. What was found counts, even where not all could be looked at.
fn verdict(presenter: &Presenter, drift: &Drift, exit_code: bool) -> Result<Exit> {
    let Detection { status, reason, .. } = &drift.detection;
    let failure = drift.detection.is_failed().then(|| {
        let why = match reason {
            Some(reason) => format!(": {reason}"),
            None => format!(" ({status})"),
        };
        format!("the detection could not look at everything{why}")
    });
    let differs = exit_code && drift.is_drifted();
    match failure {
        Some(failure) if !differs => return Err(Error::new(ErrorKind::Service, failure)),
        Some(failure) => presenter.warning(&failure),
        None => {}
    }
    Ok(if differs {
        Exit::Differences
    } else {
        Exit::Done
    })
}

/// What is asked of the detection.
pub(crate) struct Asked<'a> {
    pub(crate) session: &'a Session<'a>,
    pub(crate) service: &'a StackService,
    pub(crate) stack: &'a Stack,
    /// The deployed template, which knows where secrets are; `None` where it cannot be read.
    pub(crate) template: Option<&'a Template>,
    /// The resources to look at; all where it is empty.
    pub(crate) only: &'a [String],
}

impl Asked<'_> {
    /// Detects drift and returns it without the secrets in it. `resources` are the stack's.
    ///
    /// # Errors
    ///
    /// Where the stack has no such resource; refused where its state does not allow a detection;
    /// where the service fails.
    pub(crate) async fn detect(&self, resources: Vec<Resource>) -> Result<Drift> {
        self.check_only(&resources)?;
        self.check_state()?;
        let mut only = self.only.to_vec();
        only.sort_unstable();
        only.dedup();
        let presenter = self.session.presenter();
        let seen = |news: DetectionUpdate<'_>| match news {
            DetectionUpdate::Running(since) => {
                presenter.progress(&format!("detecting drift · {}", human::clock(since)));
            }
            DetectionUpdate::Waiting(since) => presenter.progress(&format!(
                "waiting for another detection to end · {}",
                human::clock(since)
            )),
            DetectionUpdate::PollError(error) => {
                presenter.progress(&format!("{error}: trying again"));
            }
        };
        let detected = self.service.detect_drift(&only, seen).await;
        presenter.clear_progress();
        let detection = detected?;
        let mut checked = self.service.resource_drifts().await?;
        let given = &self.session.settings.parameters;
        let own = given
            .iter()
            .filter(|(_, value)| matches!(value, ParameterValue::FromEnvironment { .. }));
        let masked = self.stack.masked_parameters();
        let parameters = own.map(|(name, _)| name).chain(masked);
        let known = self.template.map(|template| masking::sent(template, given));
        let known = known.unwrap_or_default();
        for secret in masking::hide_drift(&mut checked, self.template, parameters, &known) {
            presenter.mask(&secret);
        }
        Ok(Drift::of(detection, checked, resources, &only))
    }

    fn check_only(&self, resources: &[Resource]) -> Result<()> {
        let names = || {
            resources
                .iter()
                .map(|resource| resource.logical_id.as_str())
        };
        let Some(missing) = self.only.iter().find(|name| names().all(|it| it != *name)) else {
            return Ok(());
        };
        let error = Error::input(format!(
            "the stack `{}` has no resource `{missing}`",
            self.stack.name
        ));
        Err(match nearest(missing, names()) {
            Some(meant) => error.hint(format!("did you mean `{meant}`?")),
            None => error.hint(format!(
                "`{}` lists its resources",
                self.session.command("status")
            )),
        })
    }

    /// Refuses a state in which the service detects no drift: it does after a creation, an update or
    /// a rollback of one that has ended (the user guide, "Detect drift on an entire stack"), and
    /// after an import. States that are not known are left to the service.
    fn check_state(&self) -> Result<()> {
        let Stack { name, status, .. } = self.stack;
        let command = |short: &str| self.session.command(short);
        if !status.is_terminal() {
            return Err(Error::refused(format!(
                "drift cannot be detected while an operation is running on the stack `{name}` \
                 ({status})"
            ))
            .hint(format!("`{}` shows it", command("status"))));
        }
        match status {
            StackStatus::CreateFailed
            | StackStatus::RollbackComplete
            | StackStatus::RollbackFailed
            | StackStatus::DeleteFailed => Err(Error::refused(format!(
                "drift of the stack `{name}` cannot be detected: it is {status}"
            ))
            .hint(format!("`{}` leads out of it", command("recover")))),
            _ => Ok(()),
        }
    }
}
