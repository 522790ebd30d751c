#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;

use crate::config::settings::tests::{Run, of};
use crate::config::settings::{ParameterValue, Settings};

/// Three stacks and two environments.
const MANY: &str = r#"project = "site"
region = "eu-west-1"
vars.size = "small"
tags.team = "web"

[stacks.app]
template = "templates/app.yaml.j2"
parameters.VpcId = { from_stack = "network", output = "VpcId" }
needs = ["baseline"]
artifacts.handler.path = "handler"

[stacks.network]
template = "templates/network.yaml"
region = "us-east-1"
vars.nets = ["a"]

[stacks.baseline]

[environments.dev]

[environments.prod]
region = "eu-central-1"
vars.size = "medium"
account = "111111111111"
stacks.app.vars.size = "large"
stacks.app.artifacts.worker.path = "worker"
"#;

fn many<'a>() -> Run<'a> {
    of(MANY)
}

fn stack(run: Run<'_>, name: &str) -> Settings {
    run.stack(name).settings()
}

#[test]
fn each_stack_has_the_keys_of_the_top_level_and_its_own() {
    let app = stack(many(), "app");
    assert_eq!(app.stack_key.as_deref(), Some("app"));
    assert_eq!(app.stack_name, "site-app-dev");
    assert_eq!(app.needs, ["baseline", "network"]);
    assert_eq!(app.region.as_deref(), Some("eu-west-1"));
    assert_eq!(app.tags["team"], "web");
    assert_eq!(
        app.parameters["VpcId"],
        ParameterValue::FromStack {
            stack: "network".to_owned(),
            output: "VpcId".to_owned(),
            value: None,
            secret: None
        }
    );
    let network = stack(many(), "network");
    assert_eq!(network.stack_name, "site-network-dev");
    assert_eq!(network.region.as_deref(), Some("us-east-1"));
    assert!(network.parameters.is_empty() && network.artifacts.is_empty());
    assert!(network.needs.is_empty());
    assert_eq!(network.stack_set, None);
}

#[test]
fn a_key_of_all_stacks_is_known_as_one() {
    let app = stack(many().env("prod").set("vars.flag=1"), "app");
    for (key, expected) in [
        ("vars.size", false),
        ("tags.team", true),
        ("account", true),
        ("parameters.VpcId", false),
        ("vars.flag", false),
        ("stack_name", false),
    ] {
        assert_eq!(app.is_of_all_stacks(key), expected, "{key}");
    }
    let one = of("project = \"p\"\nvars.size = 1\n").settings();
    assert!(!one.is_of_all_stacks("vars.size"));
}

#[test]
fn a_key_of_one_stack_is_stronger_than_one_of_all_stacks() {
    let prod = |name| stack(many().env("prod"), name);
    assert_eq!(prod("baseline").region.as_deref(), Some("eu-central-1"));
    assert_eq!(prod("network").region.as_deref(), Some("us-east-1"));
    assert_eq!(prod("app").vars["size"].as_str(), Some("large"));
    assert_eq!(prod("network").vars["size"].as_str(), Some("medium"));
    let artifacts = prod("app").artifacts;
    assert_eq!(artifacts.keys().collect::<Vec<_>>(), ["handler", "worker"]);
    assert_eq!(stack(many(), "app").artifacts.len(), 1);
    for (name, key, expected) in [
        (
            "app",
            "vars.size",
            "large (manifest.toml:25 [environments.prod.stacks.app])",
        ),
        (
            "network",
            "region",
            "us-east-1 (manifest.toml:14 [stacks.network])",
        ),
        (
            "baseline",
            "region",
            "eu-central-1 (manifest.toml:22 [environments.prod])",
        ),
        ("baseline", "tags.team", "web (manifest.toml:4)"),
        ("baseline", "stack_name", "site-baseline-prod (default)"),
        (
            "app",
            "parameters.VpcId",
            "(the output VpcId of the stack network) (manifest.toml:8 [stacks.app])",
        ),
        (
            "app",
            "needs",
            "baseline, network (manifest.toml:9 [stacks.app])",
        ),
    ] {
        assert_eq!(many().env("prod").stack(name).row(key), expected, "{name}");
    }
}

#[test]
fn variables_and_flags_speak_of_all_stacks_or_of_one() {
    let size = |run: Run<'_>, name| {
        let settings = stack(run.env("prod"), name);
        settings.vars["size"].as_str().unwrap().to_owned()
    };
    let variable = || many().variable("STACKCTL_STACKS__APP__VARS__SIZE", "v");
    assert_eq!(size(variable(), "app"), "v");
    assert_eq!(size(variable(), "network"), "medium");
    let flag = || many().set("stacks.app.vars.size=f").set("vars.size=all");
    assert_eq!(size(flag(), "app"), "f");
    assert_eq!(size(flag(), "network"), "all");
    // A flag is stronger than a variable, whatever it speaks of.
    assert_eq!(size(variable().set("vars.size=all"), "app"), "all");
    let run = || {
        many()
            .region("eu-north-1")
            .set("stacks.network.region=sa-east-1")
    };
    assert_eq!(stack(run(), "app").region.as_deref(), Some("eu-north-1"));
    assert_eq!(stack(run(), "network").region.as_deref(), Some("sa-east-1"));
    let run = many().set("stacks.network.needs=baseline");
    assert_eq!(stack(run, "network").needs, ["baseline"]);
    let run =
        many().set("stacks.baseline.parameters.X={ from_stack = \"network\", output = \"Y\" }");
    assert_eq!(stack(run, "baseline").needs, ["network"]);
    // A parameter that some stacks have is set only for them.
    let vpc = ParameterValue::Plain("vpc-1".to_owned());
    for run in [
        || many().variable("STACKCTL_PARAMETERS__VPCID", "vpc-1"),
        || many().set("parameters.VpcId=vpc-1"),
    ] {
        assert_eq!(stack(run(), "app").parameters["VpcId"], vpc);
        assert!(stack(run(), "network").parameters.is_empty());
    }
    let run = many().set("parameters.New=1");
    assert_eq!(stack(run, "network").parameters.len(), 1);
}

#[test]
fn what_variables_and_flags_get_wrong_is_found_once() {
    for (argument, expected) in [
        ("stacks.ap.vars.x=1", "did you mean `app`?"),
        ("stacks.app=1", "no key of the stack is named"),
        ("stacks=1", "cannot be set"),
        (
            "stacks.app.regon=eu-west-1",
            "did you mean `stacks.app.region`?",
        ),
        (
            "stacks.app.region=nowhere",
            "`stacks.app.region` is not an AWS region's name",
        ),
        (
            "stacks.app.project=x",
            "`stacks.app.project` has no meaning here",
        ),
        (
            "stacks.app.emulator=true",
            "`stacks.app.emulator` has no meaning here",
        ),
        ("needs=app", "there is no key `needs` to set"),
        ("stacks.app.needs=baselin", "did you mean `baseline`?"),
        (
            "stacks.app.parameters.X={ from_stack = \"net\", output = \"Y\" }",
            "did you mean `network`?",
        ),
        ("region=nowhere", "is not an AWS region's name"),
    ] {
        let error = many().set(argument).stack("network").error();
        assert_eq!(error.diagnostics().len(), 1, "{argument}: {error:?}");
        let text = many().set(argument).stack("network").errors();
        assert!(text.contains(expected), "{argument}: {text}");
    }
    for (name, expected) in [
        (
            "STACKCTL_STACKS__AP__REGION",
            "the project has no stack `ap`",
        ),
        ("STACKCTL_STACKS", "the project has no stack ``"),
        ("STACKCTL_NEEDS", "there is no key `needs`"),
        ("STACKCTL_REGON", "there is no key `regon`"),
    ] {
        let settings = stack(many().variable(name, "x"), "app");
        assert_eq!(settings.warnings.len(), 1, "{name}");
        assert!(
            settings.warnings[0].message.contains(expected),
            "{:?}",
            settings.warnings
        );
    }
    let two = "project = \"p\"\n[stacks.a-b]\n[stacks.ab]\n";
    let run = of(two).variable("STACKCTL_STACKS__AB__REGION", "eu-west-1");
    let settings = stack(run, "ab");
    assert_eq!(settings.region, None);
    assert!(
        settings.warnings[0].message.contains("several stacks"),
        "{:?}",
        settings.warnings
    );
    for (name, text) in [("STACKCTL_STACKS__A__REGION", "x"), ("STACKCTL_NEEDS", "a")] {
        let settings = of("project = \"p\"\n").variable(name, text).settings();
        assert_eq!(settings.warnings.len(), 1);
    }
}

#[test]
fn one_stack_is_chosen() {
    let error = many().error();
    assert_eq!(
        error.to_string(),
        "the project has 3 stacks, and this works on one stack"
    );
    assert_eq!(
        error.hints(),
        ["choose one: `-s app`, `-s network`, `-s baseline`"]
    );
    assert_eq!(
        of("project = \"p\"\n[stacks.only]\n").settings().stack_name,
        "p-only-dev"
    );
    for (run, expected) in [
        (many().stack("netwrok"), "did you mean `network`?"),
        (
            many().stack("zzz"),
            "the stacks are `app`, `network`, `baseline`",
        ),
        (
            of("project = \"p\"\n").stack("app"),
            "the manifest has no `[stacks]`",
        ),
    ] {
        let text = run.errors();
        assert!(text.contains(expected), "{text}");
    }
    let one = of("project = \"p\"\n").settings();
    assert_eq!((one.stack_key, one.needs), (None, Vec::new()));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn each_mistake_in_the_tables_of_stacks_is_explained() {
    for (text, expected) in [
        ("stacks = 3", "`stacks` must be a table, not an integer"),
        (
            "stacks.app = \"x\"",
            "`stacks.app` must be a table, not a string",
        ),
        ("[stacks]", "`stacks` has no stack"),
        ("[stacks.\"a.b\"]", "`stacks.a.b` may not contain `.`"),
        ("[stacks.\"größe\"]", "may not contain `ö`"),
        ("[stacks.\"\"]", "`stacks.` "),
        ("[stacks.-a]", "may not start with `-`"),
        ("[[stacks.app]]", "`stacks.app` must be a table, not a list"),
        ("[stack.network]", "did you mean `[stacks.network]`?"),
        (
            "[stacks.a]\n[environments.dev.stack.a]",
            "did you mean `[environments.dev.stacks.a]`?",
        ),
        (
            "[stacks.a.environments.prod]",
            "did you mean `[environments.prod.stacks.a]`?",
        ),
        (
            "[stacks.a.stack_set]\naccounts = [\"111111111111\"]\nregions = [\"eu-west-1\"]\n\
             [stacks.b.parameters]\nId = { from_stack = \"a\", output = \"Id\" }",
            "`parameters.Id` reads an output of `a`, which is a stack set and has none",
        ),
        ("[stacks.a.stacks.b]", "unknown key `stacks` in `stacks.a`"),
        (
            "[stacks.a]\nproject = \"x\"",
            "it is the same for every stack",
        ),
        (
            "[stacks.a]\nenvironment = \"x\"",
            "`stacks.a.environment` has no meaning here",
        ),
        (
            "[stacks.a]\nrequired_version = \"9\"",
            "`stacks.a.required_version` has no meaning here",
        ),
        (
            "[stacks.a]\nemulator = true",
            "belongs in an `[environments.NAME]` table",
        ),
        (
            "[stacks.a]\nregoin = \"eu-west-1\"",
            "did you mean `region`?",
        ),
        ("[stacks.a]\nneed = [\"b\"]", "did you mean `needs`?"),
        (
            "[stacks.a]\nneeds = \"b\"",
            "write it in brackets: `[\"b\"]`",
        ),
        (
            "[stacks.a]\nneeds = [\"b\"]",
            "`needs` has the stack `b`, which the project does not have",
        ),
        ("[stacks.a]\nneeds = [\"*\"]", "`stacks.a.needs` "),
        (
            "[stacks.network]\n[stacks.a]\nneeds = [\"Network\"]",
            "did you mean `network`?",
        ),
        ("[stacks.a]\nneeds = [\"a\"]", "the stack `a` needs itself"),
        (
            "[stacks.a]\nparameters.X = { from_stack = \"a\", output = \"Y\" }",
            "the stack `a` needs itself",
        ),
        (
            "[stacks.a]\nparameters.X = { from_stack = \"other-project\", output = \"Y\" }",
            "a stack of another project is out of its reach",
        ),
        (
            "[stacks.a]\nparameters.X = { from_stack = \"b\" }",
            "has `from_stack` without `output`",
        ),
        (
            "[stacks.a]\nparameters.X = { output = \"b\" }",
            "has `output` without `from_stack`",
        ),
        (
            "[stacks.a]\n[stacks.b]\nparameters.X = { from_stack = \"a\", output = \"Y\", from_env = \"Z\" }",
            "has two sources",
        ),
        (
            "[stacks.a]\n[stacks.b]\nparameters.X = { from_stack = \"a\", output = \"Y.Z\" }",
            "is not the name of an output",
        ),
        (
            "[stacks.a]\nparameters.X = { from_stack = 3, output = \"Y\" }",
            "must be a string",
        ),
        (
            "parameters.X = { from_stack = \"a\", output = \"Y\" }",
            "the manifest has no `[stacks]`",
        ),
        (
            "needs = [\"a\"]",
            "`needs` belongs in a `[stacks.NAME]` table",
        ),
        (
            "[stacks.a]\n[environments.dev.stacks.aa]",
            "for a stack that the project does not have",
        ),
        (
            "[environments.dev.stacks.a]",
            "the manifest has no `[stacks]`",
        ),
        (
            "[stacks.a]\n[environments.dev]\nstacks = 3",
            "`environments.dev.stacks` must be a table",
        ),
        (
            "[stacks.a]\n[environments.prod.stacks.a]\nneeds = [\"c\"]",
            "which the project does not have",
        ),
        ("stack_name = \"{stack}\"", "unknown placeholder `{stack}`"),
        (
            "stack_name = \"{project}\"\n[stacks.a]\n[stacks.b]",
            "write `{stack}` in the name",
        ),
        (
            "[stacks.a]\nstack_name = \"x\"\n[stacks.b]\nstack_name = \"x\"",
            "the name of `b`",
        ),
        (
            "[stacks.a]\nstack_name = \"{stak}\"",
            "did you mean `{stack}`?",
        ),
        (
            "[stacks.a]\nallowed_ssh_cidr = \"0.0.0.0/0\"",
            "opens SSH to the world",
        ),
        (
            "[stacks.a]\nregion = \"nowhere\"\n[stacks.b]\nregion = \"nowhere2\"",
            "nowhere2",
        ),
    ] {
        let run = of(&format!("project = \"p\"\n{text}\n"));
        let run = if text.contains("[stacks.b]") {
            run.stack("b")
        } else {
            run
        };
        let errors = run.errors();
        assert!(errors.contains(expected), "{text}: {errors}");
        assert!(!errors.contains("default:"), "{text}: {errors}");
    }
}

#[test]
fn a_circle_is_shown_with_its_members_and_the_lines_that_make_it() {
    let text = r#"project = "p"
[stacks.a]
needs = ["c"]
[stacks.b]
parameters.X = { from_stack = "a", output = "Y" }
[stacks.c]
[stacks.d]
needs = ["a"]
[environments.prod.stacks.c]
needs = ["b"]
"#;
    assert_eq!(stack(of(text), "a").needs, ["c"]);
    insta::assert_snapshot!(of(text).env("prod").stack("d").errors(), @r#"
error[circular-stacks]: the stacks need one another in a circle: `a` → `c` → `b` → `a`
  --> manifest.toml:3:10
   |
 3 | needs = ["c"]
   |          ^^^ `a` needs `c`
 4 | [stacks.b]
 5 | parameters.X = { from_stack = "a", output = "Y" }
   |                               --- `b` needs `a`
...
10 | needs = ["b"]
   |          --- `c` needs `b`
   |
   = help: a stack is deployed after those that it needs: remove one of these
           lines
"#);
}

#[test]
fn one_name_in_two_regions_or_accounts_is_two_stacks() {
    for other in [
        "region = \"eu-west-2\"",
        "account = \"222222222222\"",
        "profile = \"x\"",
    ] {
        let text = format!(
            "project = \"p\"\nregion = \"eu-west-1\"\nstack_name = \"{{project}}\"\n[stacks.a]\n[stacks.b]\n{other}\n"
        );
        assert_eq!(stack(of(&text), "b").stack_name, "p");
    }
}

#[test]
fn thousands_of_stacks_are_read() {
    let mut text = "project = \"p\"\n".to_owned();
    for number in 0..2_000 {
        let next = (number + 1).min(1_999);
        let needs = if number < 1_999 {
            format!("needs = [\"s{next}\"]")
        } else {
            String::new()
        };
        writeln!(text, "[stacks.s{number}]\n{needs}").unwrap();
    }
    assert_eq!(stack(of(&text), "s7").needs, ["s8"]);
    let wrong = text.replace("needs = [\"s", "needs = [\"x");
    let error = of(&wrong).stack("s7").error();
    assert_eq!(error.to_string(), "`manifest.toml` has 1999 errors");
    assert!(error.diagnostics().len() < 1_000);
    text.push_str("needs = [\"s0\"]\n");
    let errors = of(&text).stack("s7").errors();
    assert!(errors.contains("and 1981 more"), "{errors}");
}

#[test]
fn the_defaults_of_a_stack_set_are_only_where_there_is_one() {
    let text = "project = \"p\"\n[stacks.a.stack_set]\naccounts = [\"111111111111\"]\nregions = [\"eu-west-1\"]\n[stacks.b]\n";
    let set = stack(of(text), "a").stack_set.unwrap();
    assert_eq!(set.accounts, ["111111111111"]);
    assert_eq!(stack(of(text), "b").stack_set, None);
}
