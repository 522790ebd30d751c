//! Templates of other projects: they are parsed, written and parsed again.

use std::fs;
use std::path::Path;

use indexmap::IndexMap;
use stackctl::config::ambient::Ambient;
use stackctl::config::manifest;
use stackctl::config::project::Project;
use stackctl::config::settings::{self, Overrides};
use stackctl::diagnostic::{Diagnostic, Severity, SourceFile};
use stackctl::template::rename::{self, Moves};
use stackctl::template::validate::validate;
use stackctl::template::{Template, emit, render};

use crate::corpus;

/// Files that are not CloudFormation templates, by a part of their path, and what they are.
const NO_TEMPLATES: [(&str, &str); 9] = [
    ("cfn-lint-results/", "what the linter found, mostly lists"),
    ("/bad/", "wrong on purpose"),
    ("tsconfig.json", "a compiler's settings"),
    (
        "cfn_lambda_serverless.yml",
        "starts as JSON and has a trailing comma",
    ),
    ("apigateway-url-output.yaml", "not rendered yet"),
    ("cfn_intrinsic_functions.yaml", "not rendered yet"),
    ("for_removal_remove.yaml", "not rendered yet"),
    ("iam_policy_attachments.yaml", "not rendered yet"),
    ("nested-stack-output-refs.yaml", "not rendered yet"),
];

#[test]
fn every_template_parses_and_round_trips() {
    let Some(folder) = corpus::folder("templates") else {
        return;
    };
    let (mut read, mut excused) = (0, 0);
    for path in corpus::template_files(&folder) {
        let Some(source) = corpus::source(&folder, &path) else {
            continue;
        };
        match Template::parse(&source) {
            Ok(template) => {
                read += 1;
                survives(&template);
            }
            Err(found) => {
                let known = has_foreign_tags(&source.text)
                    || NO_TEMPLATES
                        .iter()
                        .any(|(part, _)| source.name.contains(part));
                assert!(known, "{}: {:?}", source.name, found[0]);
                excused += 1;
            }
        }
    }
    crate::report!("corpus: {read} templates read and written; {excused} files are no templates");
    corpus::expect_cases("templates", read, 518);
}

#[test]
fn every_template_is_the_same_to_the_byte_after_a_rename_and_its_reverse() {
    let Some(folder) = corpus::folder("templates") else {
        return;
    };
    let (mut renamed, mut unfollowed, mut notes) = (0, 0, 0);
    let mut refused = IndexMap::new();
    for path in corpus::template_files(&folder) {
        let Some(source) = corpus::source(&folder, &path) else {
            continue;
        };
        let Ok(template) = Template::parse(&source) else {
            continue;
        };
        let ids = template.resources().map(|it| it.logical_id().to_owned());
        let there: Moves = ids.map(|id| (id.clone(), format!("{id}Renamed"))).collect();
        for found in rename::obstacles(&template, &there) {
            *refused.entry(found.rule.into_owned()).or_insert(0) += 1;
        }
        let made = match rename::renamed(&template, &there) {
            Ok(made) => made,
            Err(found) => {
                // SAM reads `!Ref Function.Version`; the other one is wrong on purpose.
                let is_known =
                    template.has_transforms() || source.name.ends_with("getatt_validation2.yml");
                assert!(is_known, "{}: {found:?}", source.name);
                unfollowed += 1;
                continue;
            }
        };
        notes += made.notes.len();
        let source = SourceFile::new(source.name.as_str(), made.text);
        let template = Template::parse(&source).unwrap();
        let back = there.iter().map(|(old, new)| (new.clone(), old.clone()));
        let back = rename::renamed(&template, &back.collect()).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(back.text == text, "{}", source.name);
        renamed += 1;
    }
    crate::report!(
        "corpus: all resources of {renamed} templates renamed and renamed back, {unfollowed} not, {notes} notes; refactoring \
         would refuse: {refused:?}"
    );
    corpus::expect_cases("templates renamed", renamed, 510);
}

#[test]
fn every_template_is_taken_byte_for_byte() {
    let Some(folder) = corpus::folder("templates") else {
        return;
    };
    let project = tempfile::tempdir().unwrap();
    let manifest = "project = \"demo\"\nenvironment = \"dev\"\nallowed_ssh_cidr = \"203.0.113.7/32\"\n\
                    key_pair = \"ops\"\nartifacts = {}\nvars.size = \"small\"\n";
    fs::write(project.path().join("manifest.toml"), manifest).unwrap();
    let manifest = manifest::parse(&SourceFile::new("manifest.toml", manifest));
    let settings = settings::resolve(&manifest, &Overrides::default(), &Ambient::default());
    let settings = settings.unwrap();
    let mut read = 0;
    for path in corpus::template_files(&folder) {
        let bytes = fs::read(&path).unwrap();
        if str::from_utf8(&bytes).is_err() {
            continue;
        }
        let name = path.display();
        fs::write(project.path().join("template.yaml"), &bytes).unwrap();
        let opened = Project::find(project.path(), None).unwrap();
        let template = opened.template(Path::new("template.yaml")).unwrap();
        let rendered = render::render(&template, &settings, &IndexMap::new());
        let rendered = rendered.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert!(*rendered.printed().as_bytes() == bytes, "{name}");
        read += 1;
    }
    crate::report!("corpus: {read} templates taken byte for byte, none refused");
    corpus::expect_cases("templates taken byte for byte", read, 518);
}

#[test]
fn every_edited_template_parses_and_round_trips() {
    let Some(folder) = corpus::folder("template-history") else {
        return;
    };
    let (mut read, mut excused) = (0, 0);
    for path in corpus::files(&folder) {
        let edit = corpus::json(&path);
        for side in ["old_text", "new_text"] {
            let text = edit[side].as_str().unwrap();
            if has_foreign_tags(text) {
                excused += 1;
                continue;
            }
            let name = format!("{} {side}", path.display());
            match Template::parse(&SourceFile::new(name.as_str(), text)) {
                Ok(template) => {
                    survives(&template);
                    read += 1;
                }
                Err(found) => panic!("{name}: {:?}", found[0]),
            }
        }
    }
    crate::report!(
        "corpus: {read} versions of edited templates read and written; {excused} have rain's tags"
    );
    corpus::expect_cases("versions of edited templates", read, 151);
}

/// Returns whether a template has tags of another tool, which replaces them.
fn has_foreign_tags(text: &str) -> bool {
    text.contains("!Rain::")
}

fn survives(template: &Template) {
    let name = &template.source().name;
    let text = emit::to_yaml(template.root());
    assert!(text.is_ascii(), "{name}");
    let again = Template::parse(&SourceFile::new(name.as_str(), text)).expect(name);
    assert_eq!(template.root(), again.root(), "{name}");
}

/// Errors in templates that should be valid, by a part of the path and the rule, and why the errors
/// are correct.
const EXCUSED: [(&str, &str, &str); 18] = [
    (
        "aws-cloudformation-templates/",
        "null-value",
        "made by a tool that loses the text of `!GetAZs ''`",
    ),
    (
        "level3_nested_zip_functions.json",
        "undefined-reference",
        "the parameters are in the parent",
    ),
    (
        "cfn-lint-fixtures/",
        "no-resources",
        "for a rule about something else",
    ),
    (
        "good/custom/is-defined.yaml",
        "",
        "misspells its `Parameters`",
    ),
    (
        "testdata/package/aws-lambda-function.yaml",
        "undefined-reference",
        "refers to a role of another file",
    ),
    (
        "dependson_nonexisting_resource.yaml",
        "undefined-reference",
        "wrong on purpose",
    ),
    (
        "getatt_validation2.yml",
        "wrong-argument",
        "wrong on purpose",
    ),
    (
        "validate/language-extensions-invalid-syntax/",
        "wrong-argument",
        "wrong on purpose",
    ),
    (
        "simple-mapping-invalid-ref.yaml",
        "function-not-allowed",
        "wrong on purpose",
    ),
    (
        "simple-mapping-single-level.yaml",
        "wrong-argument",
        "wrong on purpose",
    ),
    (
        "simple-mapping-single-level.yaml",
        "wrong-shape",
        "wrong on purpose",
    ),
    ("rain/test/samples/test-config.yaml", "", "settings of rain"),
    (
        "rain/test/templates/fmttestinput.yaml",
        "",
        "only to be formatted",
    ),
    (
        "rain/test/templates/forecast/modules/",
        "",
        "a module of rain",
    ),
    (
        "rain/test/templates/invalid.template",
        "",
        "wrong on purpose",
    ),
    (
        "rain/test/templates/ccdeploy1-state.yaml",
        "",
        "has rain's own section",
    ),
    (
        "rain/test/templates/pkg-alias.yaml",
        "",
        "has rain's own types",
    ),
    (
        "rain/test/templates/",
        "undefined-reference",
        "parts of templates",
    ),
];

#[test]
fn valid_templates_have_no_errors_and_invalid_ones_do_not_panic() {
    let Some(folder) = corpus::folder("templates") else {
        return;
    };
    let (mut good, mut bad, mut excused) = (0, 0, 0);
    let mut wrong = Vec::new();
    let mut refused = Vec::new();
    for path in corpus::template_files(&folder) {
        let Some(source) = corpus::source(&folder, &path) else {
            continue;
        };
        let Ok(template) = Template::parse(&source) else {
            continue;
        };
        let found = validate(&template);
        check_places(&found);
        let is_template = template.root().get("Resources").is_some();
        if source.name.contains("/bad/") || !is_template {
            bad += 1;
            continue;
        }
        good += 1;
        for it in found.iter().filter(|it| it.severity == Severity::Error) {
            let known = EXCUSED.iter().find(|(part, rule, _)| {
                source.name.contains(part) && (rule.is_empty() || *rule == it.rule)
            });
            let (line, _) = source.position(it.places[0].span.start);
            if let Some((_, _, reason)) = known {
                excused += 1;
                refused.push(format!("{}: {reason}", source.name));
            } else {
                wrong.push(format!(
                    "{}:{line}: {}: {}",
                    source.name, it.rule, it.message
                ));
            }
        }
    }
    if std::env::var_os("DUMP").is_none() {
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
    refused.dedup();
    let accepted = good - refused.len();
    crate::report!(
        "corpus: {good} templates checked, {excused} errors known; {bad} bad files survived"
    );
    crate::report!("corpus: {accepted} templates accepted without an error; these are not:");
    for refused in &refused {
        crate::report!("  {refused}");
    }
    corpus::expect_cases("accepted templates", accepted, 415);
    if std::env::var_os("DUMP").is_some() {
        return;
    }
    corpus::expect_cases("valid templates", good, 441);
    corpus::expect_cases("invalid files", bad, 77);
}

/// Names in templates that the schemas do not have, by a part of the path and the name, and why the
/// warnings are correct.
const UNKNOWN_NAMES: [(&str, &str, &str); 7] = [
    (
        "aws-serverless-function-codedeploy-warning.yaml",
        "Events",
        "is indented under another property",
    ),
    (
        "template-python-function-only-invalid.yaml",
        "MyInvalidProperty",
        "wrong on purpose",
    ),
    (
        "good/functions/sub.yaml",
        "ProductName",
        "belongs to a Service Catalog product",
    ),
    (
        "good/functions/sub.yaml",
        "ProvisioningArtifactName",
        "belongs to a Service Catalog product",
    ),
    (
        "integration/custom-resources.yaml",
        "ArnA",
        "wrong on purpose",
    ),
    (
        "rain/test/templates/invalid.template",
        "AWS::S3::Pail",
        "wrong on purpose",
    ),
    (
        "rain/test/templates/quoted-directive.yaml",
        "!Rain::S3",
        "a directive of rain",
    ),
];

#[test]
fn names_in_valid_templates_are_known() {
    let Some(folder) = corpus::folder("templates") else {
        return;
    };
    let (mut good, mut expected, mut wrong) = (0, 0, Vec::new());
    for path in corpus::template_files(&folder) {
        let Some(source) = corpus::source(&folder, &path) else {
            continue;
        };
        let Ok(template) = Template::parse(&source) else {
            continue;
        };
        if source.name.contains("/bad/") {
            continue;
        }
        good += 1;
        let rules = [
            "unknown-resource-type",
            "unknown-property",
            "unknown-attribute",
        ];
        for it in validate(&template) {
            let known = UNKNOWN_NAMES.iter().any(|(part, name, _)| {
                source.name.contains(part) && it.message.contains(&format!("`{name}`"))
            });
            if rules.contains(&it.rule.as_ref()) && known {
                expected += 1;
            } else if rules.contains(&it.rule.as_ref()) {
                let (line, _) = source.position(it.places[0].span.start);
                wrong.push(format!("{}:{line}: {}", source.name, it.message));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    crate::report!(
        "corpus: the names of {good} templates are known, but for {expected} that are wrong"
    );
    corpus::expect_cases("templates with known names", good, 441);
}

#[test]
fn truncated_templates_do_not_panic() {
    let Some(folder) = corpus::folder("templates") else {
        return;
    };
    let mut run = 0;
    for path in corpus::template_files(&folder) {
        let Some(source) = corpus::source(&folder, &path) else {
            continue;
        };
        let text = &source.text;
        for part in 1..6 {
            let cut = text.floor_char_boundary(text.len() * part / 6 + part);
            let (head, tail) = text.split_at(cut);
            let without_one = tail.get(1..).unwrap_or_default();
            for truncated in [
                head.to_owned(),
                tail.to_owned(),
                format!("{head}{without_one}"),
            ] {
                let source = SourceFile::new(source.name.as_str(), truncated);
                match Template::parse(&source) {
                    Ok(template) => check_places(&validate(&template)),
                    Err(found) => check_places(&found),
                }
                run += 1;
            }
        }
    }
    crate::report!("corpus: {run} truncated templates read");
    corpus::expect_cases("truncated templates", run, 8325);
}

/// Checks that every place is at character boundaries of its text.
fn check_places(found: &[Diagnostic]) {
    for place in found.iter().flat_map(|it| &it.places) {
        let quoted = place.source.text.get(place.span.clone());
        assert!(quoted.is_some(), "{}: {:?}", place.source.name, place.span);
    }
}
