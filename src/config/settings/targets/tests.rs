#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::{Selection, choose};
use crate::config::ambient::Ambient;
use crate::config::manifest;
use crate::config::settings::Overrides;
use crate::diagnostic::SourceFile;
use crate::error::Result;
use crate::present::diagnostic::render;

const MANY: &str = r#"project = "site"
environment = "dev"
[stacks.app-web]
needs = ["network"]
[stacks.app-jobs]
[stacks.network]
[environments.prod-eu]
[environments.prod-us.stacks.network]
needs = ["app-jobs"]
"#;

/// Returns the chosen targets as `ENVIRONMENT/STACK`. An item of `selection` that begins with `@` is an
/// environment, `@@` is all of them.
fn chosen(text: &str, selection: &[&str]) -> Result<String> {
    let manifest = manifest::parse(&SourceFile::new("manifest.toml", text));
    let mut wanted = Selection::default();
    for item in selection {
        match item.strip_prefix('@') {
            Some("@") => wanted.all_environments = true,
            Some(name) => wanted.environments.push(name.to_owned()),
            None => wanted.stacks.push((*item).to_owned()),
        }
    }
    let targets = choose(
        &manifest,
        &wanted,
        &Overrides::default(),
        &Ambient::default(),
    )?;
    let names = targets.iter().map(|target| {
        assert_eq!(target.environment, target.settings.environment);
        assert_eq!(target.stack, target.settings.stack_key);
        let stack = target.stack.as_deref().unwrap_or("(one)");
        format!("{}/{stack}", target.environment)
    });
    Ok(names.collect::<Vec<_>>().join(" "))
}

#[test]
fn stacks_and_environments_are_chosen_by_name_and_glob_in_the_order_of_the_graph() {
    for (selection, expected) in [
        (&[][..], "dev/app-jobs dev/network dev/app-web"),
        (&["network"], "dev/network"),
        (&["app-*"], "dev/app-jobs dev/app-web"),
        (
            &["app-web", "network", "network", "n*"],
            "dev/network dev/app-web",
        ),
        (&["{network,app-jobs}"], "dev/app-jobs dev/network"),
        (&["network", "@prod-*"], "prod-eu/network prod-us/network"),
        (
            &["network", "@prod-us", "@dev"],
            "dev/network prod-us/network",
        ),
        (
            &["network", "@*"],
            "dev/network prod-eu/network prod-us/network",
        ),
        (
            &["network", "@@"],
            "dev/network prod-eu/network prod-us/network",
        ),
        (&["network", "@local"], "local/network"),
        (
            &["@prod-us"],
            "prod-us/app-jobs prod-us/network prod-us/app-web",
        ),
    ] {
        assert_eq!(chosen(MANY, selection).unwrap(), expected, "{selection:?}");
    }
    let one = "project = \"site\"\n[environments.prod]\n[environments.local]\n";
    assert_eq!(chosen(one, &[]).unwrap(), "dev/(one)");
    assert_eq!(
        chosen(one, &["@@"]).unwrap(),
        "dev/(one) prod/(one) local/(one)"
    );
    assert_eq!(chosen(one, &["@dev"]).unwrap(), "dev/(one)");
    assert_eq!(
        chosen("project = \"site\"\n", &["@@"]).unwrap(),
        "dev/(one)"
    );
    assert_eq!(
        chosen("project = \"site\"\n", &["@*"]).unwrap(),
        "dev/(one)"
    );
}

#[test]
fn what_matches_nothing_is_an_error() {
    for (selection, expected) in [
        (&["netwrok"][..], "did you mean `network`?"),
        (&["App-*"], "no stack of the project matches `App-*`"),
        (&["zz*"], "no stack of the project matches `zz*`"),
        (
            &["network", "zz"],
            "the stacks are `app-web`, `app-jobs`, `network`",
        ),
        (&["[a"], "globs look like `prod-*`"),
        (&["{app", "edge}"], "write `app,edge` without braces"),
        (&[""], "the project has no stack ``"),
        (&["@prd-eu"], "did you mean `prod-eu`?"),
        (
            &["@stag*"],
            "no environment of the manifest matches `stag*`",
        ),
        (&["@loc*"], "built in and matches no glob"),
        (&["@dev", "@"], "has no environment ``"),
        (&["@{"], "is not a glob"),
    ] {
        let error = chosen(MANY, selection).unwrap_err();
        let text = render(error.diagnostics(), 80, false);
        assert!(text.contains(expected), "{selection:?}: {text}");
    }
    let error = chosen("project = \"site\"\n", &["app"]).unwrap_err();
    let text = render(error.diagnostics(), 80, false);
    assert!(text.contains("the manifest has no `[stacks]`"), "{text}");
}

#[test]
fn one_stack_in_two_environments_is_an_error() {
    let text = "project = \"p\"\nenvironment = \"a\"\nstack_name = \"{project}\"\nregion = \"eu-west-1\"\n[environments.a]\n[environments.b]\n";
    assert_eq!(chosen(text, &["@a"]).unwrap(), "a/(one)");
    let error = chosen(text, &["@@"]).unwrap_err();
    let shown = render(error.diagnostics(), 80, false);
    assert!(
        shown.contains("the environments `a` and `b` have the same stack, `p`"),
        "{shown}"
    );
    assert!(shown.contains("manifest.toml:3"), "{shown}");
    let apart = format!("{text}region = \"eu-west-2\"\n");
    assert_eq!(chosen(&apart, &["@@"]).unwrap(), "a/(one) b/(one)");
}

#[test]
fn a_mistake_of_any_chosen_stack_is_found() {
    let text = "project = \"p\"\n[stacks.a.verify]\nupload = { bucket = \"B\" }\n[stacks.b.verify]\nafter_apply = true\n";
    let error = chosen(text, &[]).unwrap_err();
    assert!(error.diagnostics().len() >= 3, "{error:?}");
    assert!(chosen(text, &["b"]).unwrap_err().diagnostics().len() >= 2);
}
