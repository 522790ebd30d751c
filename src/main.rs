//! The `stackctl` command: parse the arguments, run, exit code.

use std::process::ExitCode;

use stackctl::cli;
use stackctl::config::ambient::{self, Ambient};
use stackctl::present;

fn main() -> ExitCode {
    #[cfg(unix)]
    if let Err(error) = ambient::leave_relative_path() {
        return present::cannot_start("cannot start without the relative folders of PATH", &error);
    }
    let cli = match cli::parse(ambient::command_line()) {
        Ok(cli) => cli,
        Err(message) => return present::command_line(&message),
    };
    let ambient = match Ambient::capture() {
        Ok(ambient) => ambient,
        Err(error) => return present::cannot_start("cannot read the current folder", &error),
    };
    let context = cli::context(ambient, &cli.global);
    context.presenter().start_log();
    let ended =
        cli::run(cli, &context).and_then(|exit| context.presenter().finish().map(|()| exit));
    match ended {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(error) => {
            context.presenter().error(&error);
            ExitCode::from(error.kind().exit_code())
        }
    }
}
