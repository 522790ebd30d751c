//! `stackctl iam-policy`: the policy of a role that runs commands, or the trust policy of a role for a CI service.

use std::cell::RefCell;
use std::rc::Rc;

use clap::builder::PossibleValuesParser;

use super::{Context, Exit};
use crate::aws::actions::COMMANDS;
use crate::aws::partition_of;
use crate::config::settings::Settings;
use crate::error::{Error, Result};
use crate::operations::graph::group::Group;
use crate::operations::graph::runner;
use crate::operations::iam_policy::{Needed, of_commands, of_resources};
use crate::operations::session::Session;
use crate::plan::iam_policy::trust::{Jobs, Provider};
use crate::plan::iam_policy::{INLINE, MANAGED, Policy};
use crate::present::Presenter;

/// The commands beside [`COMMANDS`] that a policy can be for. `graph`, `watch` and `ci` make the calls of others.
const OTHERS: [&str; 5] = ["doctor", "ssh", "graph", "watch", "ci"];

/// The arguments of `stackctl iam-policy`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The commands that the policy is for [default: all that call AWS]
    #[arg(value_name = "COMMAND", hide_possible_values = true, value_parser = commands())]
    commands: Vec<String>,
    /// Print what CloudFormation may need for the template's resources: a starting point
    #[arg(long, conflicts_with = "commands")]
    resources: bool,
    /// Print the trust policy for the jobs of a CI service: `github` or `gitlab`
    #[arg(long, value_name = "SERVICE", requires = "repo", conflicts_with_all = ["commands", "resources"])]
    trust: Option<Service>,
    /// With `--trust`: the repository, OWNER/NAME; for GitHub also OWNER@ID/NAME@ID
    #[arg(long, value_name = "OWNER/NAME", requires = "trust")]
    repo: Option<String>,
    /// With `--trust`: only for jobs of this branch
    #[arg(long, value_name = "NAME", requires = "trust")]
    branch: Option<String>,
    /// With `--trust`: only for jobs of pull requests of GitHub
    #[arg(long, requires = "trust", conflicts_with = "branch")]
    pull_requests: bool,
    /// With `--trust`: only for jobs of this deployment environment of GitHub
    #[arg(
        long,
        value_name = "NAME",
        requires = "trust",
        conflicts_with_all = ["branch", "pull_requests"]
    )]
    deployment_environment: Option<String>,
    /// The account, if the manifest names none
    #[arg(long, value_name = "ID", value_parser = account)]
    account: Option<String>,
    /// Print one policy of up to 10,240 characters, the limit of a role's inline policies
    #[arg(long, conflicts_with_all = ["trust", "part"])]
    inline: bool,
    /// Print only this one of several policies
    #[arg(long, value_name = "NUMBER", conflicts_with = "trust")]
    part: Option<usize>,
}

/// A CI service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Service {
    Github,
    Gitlab,
}

fn commands() -> PossibleValuesParser {
    PossibleValuesParser::new(COMMANDS.into_iter().chain(OTHERS))
}

fn account(text: &str) -> Result<String, String> {
    if text.len() == 12 && text.chars().all(|it| it.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err("an account has 12 digits".to_owned())
    }
}

/// Prints the policy of one stack, or the trust policy. Nothing is sent anywhere.
pub fn run(context: &Context, args: &Args) -> Result<Exit> {
    if let Some(service) = args.trust {
        let session = Session::open(context);
        let known = session.as_ref().ok().map(Session::settings);
        // Without a manifest, the account of the command line is enough.
        if args.account.is_none()
            && let Err(error) = session
        {
            return Err(error);
        }
        let known: Vec<&Settings> = known.into_iter().collect();
        print_trust(context.presenter(), service, args, &known)?;
        return Ok(Exit::Done);
    }
    let session = Session::open(context)?;
    let needed = read(&session, args)?;
    print(context.presenter(), &needed, args)?;
    Ok(Exit::Done)
}

/// Prints the policy of several stacks together.
pub(crate) async fn run_several(group: Group<'_>, args: Args) -> Result<u8> {
    let presenter = group.context().presenter().clone();
    if let Some(service) = args.trust {
        let targets = group.members().iter().filter_map(|it| it.target());
        let settings: Vec<&Settings> = targets.map(|it| &it.settings).collect();
        print_trust(&presenter, service, &args, &settings)?;
        return Ok(0);
    }
    let all: Rc<RefCell<Needed>> = Rc::default();
    let code = runner::run(group, 1, |context| {
        let (all, args) = (Rc::clone(&all), args.clone());
        async move {
            let session = Session::open(&context)?;
            all.borrow_mut().extend(read(&session, &args)?);
            Ok(0)
        }
    })
    .await?;
    // A policy that lacks a stack would be taken for all of them.
    if code == 0 {
        print(&presenter, &all.take(), &args)?;
    }
    Ok(code)
}

fn read(session: &Session<'_>, args: &Args) -> Result<Needed> {
    if args.resources {
        return of_resources(session);
    }
    let given: Vec<&str> = args.commands.iter().map(String::as_str).collect();
    let all: Vec<&str> = COMMANDS.into_iter().chain(OTHERS).collect();
    let commands = if given.is_empty() { all } else { given };
    of_commands(session, &commands, args.account.as_deref())
}

fn print(presenter: &Presenter, needed: &Needed, args: &Args) -> Result<()> {
    for note in &needed.notes {
        presenter.note(note);
    }
    if needed.grants.is_empty() {
        return Err(Error::input("there is nothing to allow"));
    }
    let limit = if args.inline { INLINE } else { MANAGED };
    let policies = needed.grants.policies(limit);
    let total: usize = policies.iter().map(Policy::characters).sum();
    if args.inline && policies.len() > 1 {
        return Err(Error::input(format!(
            "the policy has {total} characters, and all inline policies of a role together at most {INLINE}"
        ))
        .hint("leave out `--inline`, and attach the managed policies"));
    }
    let number = policies.len();
    match args.part {
        Some(part) => {
            let policy = part.checked_sub(1).and_then(|index| policies.get(index));
            let policy = policy
                .ok_or_else(|| Error::input(format!("there is no policy {part}, but {number}")))?;
            presenter.json(policy)?;
        }
        None => {
            for policy in &policies {
                presenter.json(policy)?;
            }
        }
    }
    if number > 1 {
        let text = format!(
            "{number} policies follow one another: together they have {total} characters, and a managed policy has at \
             most {MANAGED}"
        );
        let fits = if total <= INLINE {
            "; `--inline` prints one, as an inline policy of a role"
        } else {
            ""
        };
        presenter.note(&format!("{text}; `--part NUMBER` prints one of them{fits}"));
    }
    Ok(())
}

fn print_trust(
    presenter: &Presenter,
    service: Service,
    args: &Args,
    settings: &[&Settings],
) -> Result<()> {
    let mut accounts: Vec<&str> = settings
        .iter()
        .filter_map(|it| it.account.as_deref())
        .collect();
    accounts.dedup();
    let account = match (accounts.as_slice(), args.account.as_deref()) {
        ([account], _) => account,
        ([], Some(account)) => account,
        ([], None) => {
            return Err(Error::input(
                "a trust policy names the account, and the manifest does not",
            )
            .hint("set `account` in the manifest, or pass `--account ID`"));
        }
        _ => {
            return Err(Error::input(
                "the stacks are in several accounts, each with a role of its own",
            )
            .hint("choose an environment with `-e`"));
        }
    };
    let provider = match service {
        Service::Github => Provider::Github,
        Service::Gitlab => Provider::Gitlab,
    };
    let jobs = match (&args.branch, &args.deployment_environment) {
        (Some(branch), _) => Jobs::OfBranch(branch.clone()),
        (None, Some(environment)) => Jobs::OfEnvironment(environment.clone()),
        (None, None) if args.pull_requests => Jobs::OfPullRequests,
        (None, None) => Jobs::All,
    };
    let repository = args.repo.as_deref().unwrap_or_default();
    let region = settings.iter().find_map(|it| it.region.as_deref());
    let partition = region.map_or("aws", partition_of);
    let policy = provider.trust_policy((partition, account), repository, &jobs)?;
    presenter.json(&policy)?;
    presenter.note(&format!(
        "the account needs the identity provider `https://{}` with the audience `{}`",
        provider.host(),
        provider.audience()
    ));
    if jobs == Jobs::All {
        presenter.warning(
            "every job of the repository may assume the role, also one of a pull request: name a branch \
             (`--branch`) or an environment",
        );
    }
    if service == Service::Github && !repository.contains('@') {
        presenter.note(
            "a repository that was created or renamed since July 15, 2026 has the ids of its owner and of itself in \
             the subject: pass `--repo OWNER@ID/NAME@ID`",
        );
    }
    Ok(())
}
