//! The global options of a run, as hints repeat them.
//!
//! A command that a hint shows can be pasted and does what the hint promises: it works on the same
//! project with the same settings as the run that shows it.

use super::global::GlobalOptions;
use crate::operations::context::RepeatedOptions;
use crate::util::shell_word::quote;

/// The keys that have an effect only on the template, the artifacts and the change set.
const KEYS_OF_FILES: [&str; 9] = [
    "allow_world_ssh",
    "allowed_ssh_cidr",
    "artifacts",
    "key_pair",
    "lint",
    "parameters",
    "tags",
    "template",
    "vars",
];

/// Returns the global options that choose what a command works on. The environment is left out: a
/// command may work on another one.
pub fn repeated_options(global: &GlobalOptions) -> RepeatedOptions {
    let mut options = RepeatedOptions::default();
    let mut add = |flag: &str, value: &str| {
        let key = value.split(['.', '=']).next().unwrap_or_default().trim();
        let is_of_files = flag == "--set" && KEYS_OF_FILES.contains(&key);
        let to = if is_of_files {
            &mut options.files
        } else {
            &mut options.target
        };
        to.push_str(&format!(" {flag} {}", quote(value)));
    };
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
            environments: vec!["prod".to_owned()],
            region: Some("eu-west-1".to_owned()),
            profile: Some("ops".to_owned()),
            set: ["vars.a=1", "stack_name=x", "vars.b=x y"]
                .map(str::to_owned)
                .to_vec(),
            quiet: true,
            ..GlobalOptions::default()
        };
        let options = repeated_options(&global);
        assert_eq!(
            options.target,
            " --manifest 'my infra/manifest.toml' --region eu-west-1 --profile ops --set 'stack_name=x'"
        );
        assert_eq!(options.files, " --set 'vars.a=1' --set 'vars.b=x y'");
        let none = repeated_options(&GlobalOptions::default());
        assert_eq!((none.target, none.files), (String::new(), String::new()));
    }
}
