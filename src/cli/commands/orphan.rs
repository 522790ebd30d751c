//! `stackctl orphan`: takes resources out of the stack and leaves them as they are.
//!
//! CloudFormation deletes what leaves a template unless the deployed template retains it, so there are two
//! deployments. Both are shown, one question is asked, and each change set does exactly what was shown.
//! A run that ends between them leaves resources that are retained; the next run does the rest.

use super::{Context, Exit};
use crate::cloudformation::orphan::OrphanPlan;
use crate::cloudformation::stack;
use crate::error::Result;
use crate::operations::deploy::change_set_deletion::discard_after;
use crate::operations::deploy::deployment::Deployment;
use crate::operations::deploy::import::unchanged_settings;
use crate::operations::deploy::readiness;
use crate::operations::orphan::step::{self, Step};
use crate::operations::orphan::values::given;
use crate::operations::orphan::{self, left, written};
use crate::operations::session::Session;
use crate::present::event_filter::EventFilter;
use crate::present::format::Format;
use crate::present::human;
use crate::present::json::orphan::OrphanDocument;
use crate::template::evaluate::Use;
use crate::template::orphan::Literal;
use crate::util::shell_word::quote;

/// The arguments of `stackctl orphan`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The resources to take out of the stack
    #[arg(value_name = "LOGICAL_ID", required = true)]
    ids: Vec<String>,
    /// The present value of a reference that CloudFormation does not return, such as
    /// `Table.StreamArn=arn:…`; may be repeated
    #[arg(long = "value", value_name = "ID.ATTRIBUTE=VALUE", value_parser = given)]
    values: Vec<(Use, Literal)>,
    /// Do both steps without asking
    #[arg(long, short = 'y')]
    yes: bool,
    /// Wait for an operation that is running on the stack first
    #[arg(long)]
    wait: bool,
    /// Which events are shown while a step runs
    #[arg(long, value_name = "WHICH", default_value = "all")]
    events: EventFilter,
    /// The form of the output; with `json` the command shows what it would do, and does nothing
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "human",
        conflicts_with = "yes"
    )]
    format: Format,
}

impl Args {
    /// Returns the command with its arguments, for hints.
    fn command(&self) -> String {
        let ids = self.ids.iter().map(|id| quote(id));
        let values = self.values.iter().map(|(used, value)| {
            let value = match value {
                Literal::Text(text) => text.clone(),
                Literal::List(_) => value.written(),
            };
            format!("--value {}", quote(&format!("{}={value}", written(used))))
        });
        let words: Vec<String> = ids.chain(values).collect();
        format!("orphan {}", words.join(" "))
    }

    /// Returns the same command line with more options, for hints.
    fn repeated(&self, session: &Session<'_>, more: &str) -> String {
        session.command(&format!("{}{more}", self.command()))
    }
}

/// Takes the resources out of the stack.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let session = Session::open_stack(context)?;
    let presenter = session.presenter();
    let deployment = Deployment::open_to_compare(&session).await?;
    let mut deployment = deployment.repeated_by(args.command());
    if args.wait {
        readiness::wait_until_idle(&mut deployment, args.events).await?;
    }
    let stack = orphan::ready(&deployment)?.clone();
    let planned = orphan::plan(&deployment, &stack, &args.ids, &args.values).await?;
    let Some(plan) = planned else {
        presenter.note("Nothing to do.");
        return Ok(Exit::Done);
    };
    orphan::check_policy(&deployment, &plan).await?;
    if args.format == Format::Json {
        presenter.json(&OrphanDocument::of(&stack, &plan))?;
        return Ok(Exit::Done);
    }
    presenter.check_can_ask(args.yes, || args.repeated(&session, " --yes"))?;
    presenter.data(&human::orphan::plan(&plan, presenter.width()));

    let settings = unchanged_settings(session.settings(), Some(&stack));
    let sending = session.with_settings(settings);
    let resume = args.repeated(&session, "");
    let first = if plan.needs_retain() {
        Step::Retain
    } else {
        Step::Remove
    };
    let mut deployment = with_template(deployment, &sending, &plan, first)?;
    let requested = step::request(&deployment, &plan, first).await?;
    if !args.yes {
        let agreed = confirm(&deployment, &args, &plan);
        let agreed = deployment.interrupt().guard(agreed).await;
        if let Err(error) = agreed {
            return Err(
                discard_after(&deployment, &requested.pending.change_set().id, error).await,
            );
        }
    }
    let executed = step::execute(&mut deployment, &requested, args.events, &resume).await;
    executed.map_err(|error| error.hint(format!("`{resume}` tries it again")))?;
    if first == Step::Retain {
        presenter.note("\nStep 1 of 2 is done: the resources are retained. Step 2 of 2:");
        step::check_same(&deployment, &plan).map_err(|error| step::after_first(error, &resume))?;
        deployment = with_template(deployment, &sending, &plan, Step::Remove)?;
        let removed = async {
            let requested = step::request(&deployment, &plan, Step::Remove).await?;
            step::execute(&mut deployment, &requested, args.events, &resume).await
        };
        removed
            .await
            .map_err(|error| step::after_first(error, &resume))?;
    }
    presenter.note("\nNo longer in the stack, and not deleted:\n");
    presenter.data(&human::orphan::resources(
        &plan.resources,
        presenter.width(),
    ));
    presenter.diagnostics(&left::warnings(&deployment, &plan).await);
    Ok(Exit::Done)
}

/// Returns the deployment that sends the template of a step, and changes nothing else.
fn with_template<'a>(
    deployment: Deployment<'a>,
    sending: &'a Session<'a>,
    plan: &OrphanPlan,
    step: Step,
) -> Result<Deployment<'a>> {
    let text = match step {
        Step::Retain => &plan.retaining,
        Step::Remove => &plan.without,
    };
    let stack = orphan::ready(&deployment)?;
    let build = deployment.build().redeploying(text.clone(), stack)?;
    let deployment = deployment.importing(sending, build);
    Ok(match step {
        Step::Retain => deployment,
        // A value in place of a reference is no change.
        Step::Remove => deployment.with_deployed_template(plan.decoupled.clone()),
    })
}

/// Asks whether to take the resources out of the stack.
///
/// # Errors
///
/// Refused unless the answer is `yes`.
async fn confirm(deployment: &Deployment<'_>, args: &Args, plan: &OrphanPlan) -> Result<()> {
    let session = deployment.session();
    let presenter = session.presenter();
    let place = stack::place(
        &session.settings().stack_name,
        &deployment.identity().account,
        deployment.connection().region(),
    );
    presenter.note(&format!(
        "\nThe stack no longer manages what leaves it, and no command deletes it.\n\
         Do you want to take {} out of {place}? Only 'yes' will be accepted.",
        plan.ids().join(", ")
    ));
    let command = args.repeated(session, " --yes");
    presenter
        .confirm("Orphan:", &command, "nothing was done")
        .await
}
