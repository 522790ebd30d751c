//! Tests of what is offered, on the program's own command line with made-up values.

use clap::CommandFactory as _;

use super::line::Line;
use super::{Answer, Kind, Named, answer};
use crate::cli::args::Cli;

/// Returns the answer to a line whose last word is at the cursor.
fn ask(line: &str) -> Answer {
    let program = Cli::command();
    let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    let word = words.pop().unwrap_or_default();
    let line = Line::read(&program, words.get(1..).unwrap_or_default());
    answer(&line, &word, &mut |kind, typed| values(kind, typed))
}

fn values(kind: Kind, typed: &str) -> Vec<Named> {
    let names: &[&str] = match kind {
        Kind::Environment => &["dev", "prod", "preview"],
        Kind::Stack => &["app", "network"],
        Kind::Resource => &["Bucket", "Table", "$(reboot)", "a b", "--yes", "-y"],
        Kind::ResourceOfStack => &["app:Bucket", "network:Bucket", "Table"],
        Kind::Function => &["Handler"],
        Kind::Output => &["BucketName", "it's", "two\nlines", "\u{1b}[31m"],
        Kind::Region => &["eu-west-1"],
        Kind::Profile => &["work"],
        Kind::Setting if typed.contains('=') => &["vars.size=large"],
        Kind::Setting => &["vars.", "account="],
    };
    let value = |name: &&str| Named::new(name, String::new());
    names.iter().map(value).collect()
}

fn words(line: &str) -> Vec<String> {
    match ask(line) {
        Answer::Words(words) => words.into_iter().map(|it| it.word).collect(),
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn commands_are_offered_at_their_place() {
    let commands = words("stackctl ");
    assert!(commands.contains(&"plan".to_owned()));
    assert!(commands.contains(&"local".to_owned()));
    assert!(!commands.iter().any(|it| it.starts_with('-')));
    assert_eq!(words("stackctl pl"), ["plan"]);
    assert_eq!(words("stackctl -e prod --jobs 2 pl"), ["plan"]);
    assert_eq!(words("stackctl local st"), ["start", "stop", "status"]);
    assert_eq!(words("stackctl config "), ["show"]);
    assert!(words("stackctl nonsense ").is_empty());
    assert!(words("stackctl plan pl").is_empty());
}

#[test]
fn options_are_those_of_the_command() {
    let options = words("stackctl plan --o");
    assert_eq!(options, ["--out", "--offline", "--on-failure"]);
    assert_eq!(words("stackctl outputs --form"), ["--format"]);
    // What can be given once is offered once.
    assert!(words("stackctl plan --offline --off").is_empty());
    assert_eq!(words("stackctl plan --set a=1 --se"), ["--set"]);
    let short = words("stackctl apply -");
    assert!(short.contains(&"-y".to_owned()) && short.contains(&"--yes".to_owned()));
    // A command without arguments offers its options.
    assert!(words("stackctl plan ").contains(&"--offline".to_owned()));
    assert!(words("stackctl plan -- --o").is_empty());
}

#[test]
fn values_are_those_of_the_option() {
    assert_eq!(words("stackctl -e "), ["dev", "prod", "preview"]);
    assert_eq!(words("stackctl plan --env pr"), ["prod", "preview"]);
    assert_eq!(
        words("stackctl plan --env=pr"),
        ["--env=prod", "--env=preview"]
    );
    assert_eq!(words("stackctl plan -epro"), ["-eprod"]);
    assert_eq!(words("stackctl plan -e=pro"), ["-e=prod"]);
    assert_eq!(words("stackctl plan -qepro"), ["-qeprod"]);
    assert_eq!(
        words("stackctl plan -e dev,pr"),
        ["dev,prod", "dev,preview"]
    );
    assert_eq!(
        words("stackctl plan -e prod,"),
        ["prod,dev", "prod,preview"]
    );
    assert_eq!(words("stackctl plan -e prod -e pr"), ["preview"]);
    assert_eq!(words("stackctl plan -s "), ["app", "network"]);
    assert_eq!(words("stackctl logs --function "), ["Handler"]);
    assert_eq!(words("stackctl --region "), ["eu-west-1"]);
    assert_eq!(words("stackctl --profile w"), ["work"]);
    assert_eq!(words("stackctl plan --format m"), ["markdown"]);
    assert_eq!(
        words("stackctl plan --on-failure="),
        [
            "--on-failure=rollback",
            "--on-failure=keep",
            "--on-failure=delete"
        ]
    );
    assert_eq!(words("stackctl apply --allow-replace app"), ["app:Bucket"]);
    assert_eq!(words("stackctl drift --only Table,Bu"), ["Table,Bucket"]);
    assert_eq!(words("stackctl schema plans"), ["plans"]);
    assert_eq!(
        words("stackctl completions "),
        ["bash", "elvish", "fish", "powershell", "zsh"]
    );
    assert!(words("stackctl history --limit ").is_empty());
}

#[test]
fn settings_continue_after_their_key() {
    let Answer::Words(found) = ask("stackctl plan --set v") else {
        panic!("files");
    };
    assert_eq!(found[0].word, "vars.");
    assert_eq!(
        words("stackctl plan --set=vars.size=l"),
        ["--set=vars.size=large"]
    );
}

#[test]
fn arguments_without_a_name_have_values() {
    assert_eq!(words("stackctl outputs "), ["BucketName"]);
    assert_eq!(words("stackctl orphan "), ["Bucket", "Table"]);
    assert_eq!(words("stackctl orphan Bucket Ta"), ["Table"]);
    // `outputs` takes one name.
    assert!(words("stackctl outputs BucketName Bu").is_empty());
    assert!(words("stackctl ssh -- l").is_empty());
}

#[test]
fn the_shell_offers_files_and_folders() {
    assert_eq!(ask("stackctl plan --out fi"), Answer::Files);
    assert_eq!(ask("stackctl --manifest=fi"), Answer::Files);
    assert_eq!(ask("stackctl apply "), Answer::Files);
    assert_eq!(ask("stackctl diff old.yaml "), Answer::Files);
    assert_eq!(ask("stackctl init "), Answer::Folders);
    assert_eq!(ask("stackctl package --out "), Answer::Folders);
}

#[test]
fn no_shell_can_interpret_what_is_offered() {
    for line in [
        "stackctl orphan ",
        "stackctl outputs ",
        "stackctl drift --only=",
    ] {
        for word in words(line) {
            let value = word.trim_start_matches("--only=");
            let is_plain = value.chars().all(|it| it.is_ascii_alphanumeric());
            assert!(is_plain, "{line}: {word:?}");
        }
    }
}

#[test]
fn every_option_that_names_a_resource_has_values() {
    let program = Cli::command();
    let mut options = 0;
    for command in program.get_subcommands() {
        for argument in command.get_arguments() {
            let names = argument.get_value_names().unwrap_or_default();
            let is_resource = names.first().is_some_and(|name| name == "LOGICAL_ID");
            if let (true, Some(long)) = (is_resource, argument.get_long()) {
                let line = format!("stackctl {} --{long} ", command.get_name());
                assert!(words(&line).contains(&"Table".to_owned()), "{line}");
                options += 1;
            }
        }
    }
    assert!(options > 5, "{options}");
}
