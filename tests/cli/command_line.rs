//! Help, version and usage errors.

use clap::CommandFactory;
use stackctl::cli::args::Cli;

use crate::sandbox::Sandbox;

#[test]
fn version_is_printed_to_stdout() {
    let finished = Sandbox::new().run(&["--version"]).expect_code(0);
    assert_eq!(
        finished.stdout,
        concat!("stackctl ", env!("CARGO_PKG_VERSION"), "\n")
    );
    assert_eq!(finished.stderr, "");
}

#[test]
fn help_lists_every_command_and_fits_the_terminal() {
    let sandbox = Sandbox::new().env("COLUMNS", "80");
    let help = sandbox.run(&["--help"]).expect_code(0).stdout;
    let commands = Cli::command();
    let commands = commands
        .get_subcommands()
        .filter(|command| !command.is_hide_set());
    let names: Vec<&str> = commands.map(clap::Command::get_name).collect();
    assert!(names.len() > 15, "{names:?}");
    for name in names {
        let mut words = help.lines().map(|line| line.split_whitespace().next());
        let is_listed = words.any(|first| first == Some(name));
        assert!(is_listed, "{name} is not listed in\n{help}");
        let own = sandbox.run(&[name, "--help"]).expect_code(0);
        own.expect_stdout(&format!("Usage: stackctl {name}"));
        assert_eq!(own.stderr, "");
    }
    let widest = help.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(80), "{help}");
}

#[test]
fn usage_errors_exit_with_64() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!(sandbox.run(&["plan", "--fromat", "json"]), @r"
    --- stderr
    error: unexpected argument '--fromat' found

      tip: a similar argument exists: '--format'

    Usage: stackctl plan --format <FORMAT>

    For more information, try '--help'.
    --- exit 64
    ");
    insta::assert_snapshot!(sandbox.run(&["aply"]), @r"
    --- stderr
    error: unrecognized subcommand 'aply'

      tip: a similar subcommand exists: 'apply'

    Usage: stackctl [OPTIONS] <COMMAND>

    For more information, try '--help'.
    --- exit 64
    ");
    insta::assert_snapshot!(sandbox.run(&["--color", "purple", "plan"]), @r"
    --- stderr
    error: invalid value 'purple' for '--color <WHEN>'
      [possible values: auto, always, never]

    For more information, try '--help'.
    --- exit 64
    ");
    sandbox.run::<&str>(&[]).expect_code(64);
    insta::assert_snapshot!(sandbox.run(&["man", "aply"]), @r"
    --- stderr
    error: there is no command `aply`
    hint: did you mean `stackctl man apply`?
    --- exit 64
    ");
    insta::assert_snapshot!(sandbox.run(&["deploy"]), @"
    --- stderr
    error: unrecognized subcommand 'deploy'

      tip: `stackctl apply` deploys: it shows the plan and asks first

    Usage: stackctl [OPTIONS] <COMMAND>

    For more information, try '--help'.
    --- exit 64
    ");
    insta::assert_snapshot!(sandbox.run(&["delete"]), @"
    --- stderr
    error: unrecognized subcommand 'delete'

      tip: `stackctl destroy` deletes the stack with its resources

    Usage: stackctl [OPTIONS] <COMMAND>

    For more information, try '--help'.
    --- exit 64
    ");
    insta::assert_snapshot!(sandbox.run(&["apply", "-auto-approve"]), @"
    --- stderr
    error: unexpected argument '-a' found

      tip: `--yes` answers the question

    Usage: stackctl apply [OPTIONS] [PLAN]

    For more information, try '--help'.
    --- exit 64
    ");
    let finished = sandbox.run(&["help", "plan"]).expect_code(0);
    finished.expect_stdout("Usage: stackctl plan");
}
