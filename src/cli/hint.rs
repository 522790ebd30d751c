//! A command line of this program, as a hint shows it.
//!
//! What a hint says can be pasted and does what it promises: it works on the same project, the same
//! environment and with the same settings as the run that shows it, so the global flags of that run
//! are part of it, and a shell reads every word of it as it was meant.

use crate::cli::args::Global;
use crate::util::shell_word;

/// Returns `stackctl COMMAND` for an environment, with the global flags of this run that choose what
/// a command works on. `environment` is `None` where the command knows it otherwise.
pub fn same_project(global: &Global, command: &str, environment: Option<&str>) -> String {
    let mut line = format!("stackctl {command}");
    let mut add =
        |flag: &str, value: &str| line.push_str(&format!(" {flag} {}", shell_word::quote(value)));
    if let Some(environment) = environment {
        add("-e", environment);
    }
    if let Some(manifest) = &global.manifest {
        add("--manifest", &manifest.to_string_lossy());
    }
    let chosen = [("--region", &global.region), ("--profile", &global.profile)];
    for (flag, value) in chosen {
        if let Some(value) = value {
            add(flag, value);
        }
    }
    for assignment in &global.set {
        add("--set", assignment);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::same_project;
    use crate::cli::args::Global;

    #[test]
    fn the_flags_that_choose_what_a_command_works_on_are_repeated() {
        let global = Global {
            manifest: Some("my infra/manifest.toml".into()),
            environment: Some("prod".to_owned()),
            region: Some("eu-west-1".to_owned()),
            profile: Some("ops".to_owned()),
            set: vec!["vars.a=1".to_owned(), "vars.b=x y".to_owned()],
            quiet: true,
            ..Global::default()
        };
        assert_eq!(
            same_project(&global, "apply --yes", Some("prod")),
            "stackctl apply --yes -e prod --manifest 'my infra/manifest.toml' --region eu-west-1 \
             --profile ops --set 'vars.a=1' --set 'vars.b=x y'"
        );
        assert_eq!(
            same_project(&Global::default(), "apply x.plan", None),
            "stackctl apply x.plan"
        );
    }
}
