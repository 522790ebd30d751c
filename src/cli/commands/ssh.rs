//! `stackctl ssh`: `ssh` into an instance of the stack with the right user, key and address.

use std::ffi::OsString;
use std::process::Command;

use super::{Context, Exit};
use crate::aws::stack::StackService;
use crate::cloudformation::stack::Stack;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::session::Session;
use crate::util::program;
use crate::util::shell_word::quote;

/// What a manifest needs for this command.
const EXAMPLE: &str =
    "[ssh]\n  address = [\"InstancePublicIp\"] # a stack output\n  user = \"ec2-user\"";

/// The arguments of `stackctl ssh`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print the command instead of running it
    #[arg(long)]
    print: bool,
    /// A command to run on the instance instead of a shell
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// Hands the terminal over to `ssh`. The exit code is that of `ssh`.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let session = Session::open_stack(context)?;
    if session.settings().ssh.address.is_empty() {
        return Err(
            Error::input("the manifest does not say which instance to connect to").hint(format!(
                "name the stack output that holds its address:\n  {EXAMPLE}"
            )),
        );
    }
    let connection = session.connect().await?;
    let service = StackService::new(&connection, &session.settings().stack_name);
    let stack = session.deployed(service.describe().await?)?;
    let arguments = arguments(&session, &stack, args.command)?;
    if args.print {
        let shown: Vec<_> = arguments
            .iter()
            .map(|word| quote(&word.to_string_lossy()))
            .collect();
        session
            .presenter()
            .exact_data(&format!("ssh {}\n", shown.join(" ")));
        return Ok(Exit::Done);
    }
    if session.settings().emulator {
        let error =
            Error::refused("the emulator's instance is only a record: nothing listens on it");
        return Err(match session.settings().verify {
            Some(_) => error.hint(format!(
                "`{}` shows that the table holds what was uploaded",
                session.command("verify")
            )),
            None => error,
        });
    }
    run_ssh(&session, &arguments)
}

/// Returns the arguments for `ssh`. No shell reads them here.
fn arguments(
    session: &Session<'_>,
    stack: &Stack,
    command: Vec<OsString>,
) -> Result<Vec<OsString>> {
    let settings = &session.settings().ssh;
    let names: Vec<&str> = settings.address.iter().map(String::as_str).collect();
    let address = stack.output_of_key("ssh.address", &names)?;
    let destination = match &settings.user {
        Some(user) => format!("{user}@{address}"),
        None => address.to_owned(),
    };
    let mut arguments: Vec<OsString> = Vec::new();
    if let Some(file) = &settings.identity_file {
        arguments.extend(["-i".into(), expanded(session, file).into()]);
    }
    // What follows `--` is never an option, whatever the output holds.
    arguments.extend(["--".into(), destination.into()]);
    arguments.extend(command);
    Ok(arguments)
}

/// Returns a path with a leading `~` replaced by the home folder.
fn expanded(session: &Session<'_>, path: &str) -> String {
    match (
        path.strip_prefix("~/"),
        session.context().ambient().variable("HOME"),
    ) {
        (Some(rest), Some(home)) => format!("{home}/{rest}"),
        _ => path.to_owned(),
    }
}

fn run_ssh(session: &Session<'_>, arguments: &[OsString]) -> Result<Exit> {
    let path = session.context().ambient().variable("PATH");
    let ssh = program::find("ssh", path.unwrap_or_default()).ok_or_else(|| {
        Error::new(
            ErrorKind::System,
            "there is no program `ssh` in the folders of PATH",
        )
        .hint("install OpenSSH's client")
    })?;
    let status = Command::new(ssh)
        .args(arguments)
        .status()
        .map_err(|error| Error::system("cannot run `ssh`", error))?;
    let code = status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(u8::MAX);
    Ok(if code == 0 {
        Exit::Done
    } else {
        Exit::Code(code)
    })
}
