//! The global options of a run, as hints repeat them.
//!
//! A command that a hint shows can be pasted and does what the hint promises: it works on the same
//! project with the same settings as the run that shows it.

use super::global::GlobalOptions;
use crate::util::shell_word::quote;

/// Returns the global options that choose what a command works on, each with a space before it. The
/// environment is left out: a command may work on another one.
pub fn repeated_options(global: &GlobalOptions) -> String {
    let mut options = String::new();
    let mut add = |flag: &str, value: &str| options.push_str(&format!(" {flag} {}", quote(value)));
    if let Some(manifest) = &global.manifest {
        add("--manifest", &manifest.to_string_lossy());
    }
    if let Some(region) = &global.region {
        add("--region", region);
    }
    if let Some(profile) = &global.profile {
        add("--profile", profile);
    }
    for assignment in &global.set {
        add("--set", assignment);
    }
    options
}

#[cfg(test)]
mod tests {
    use super::repeated_options;
    use crate::cli::global::GlobalOptions;

    #[test]
    fn options_that_choose_what_a_command_works_on_are_repeated() {
        let global = GlobalOptions {
            manifest: Some("my infra/manifest.toml".into()),
            environment: Some("prod".to_owned()),
            region: Some("eu-west-1".to_owned()),
            profile: Some("ops".to_owned()),
            set: vec!["vars.a=1".to_owned(), "vars.b=x y".to_owned()],
            quiet: true,
            ..GlobalOptions::default()
        };
        assert_eq!(
            repeated_options(&global),
            " --manifest 'my infra/manifest.toml' --region eu-west-1 --profile ops --set 'vars.a=1' \
             --set 'vars.b=x y'"
        );
        assert_eq!(repeated_options(&GlobalOptions::default()), "");
    }
}
