//! Functions that process input of every kind, and the properties that always hold.
//!
//! Each function processes its input as a command does, and panics if a property does not hold: a
//! place outside of its text, a text that changes when it is written and read, a plan that cannot
//! be printed. The tests run the functions on seeds and mutations; `fuzz/` runs the same functions.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use indexmap::IndexMap;
use stackctl::artifact::{archive, code_diff};
use stackctl::cloudformation::change_set::{Action, Change, ChangeSet, Detail, Replacement};
use stackctl::config::ambient::Ambient;
use stackctl::config::manifest;
use stackctl::config::project::Project;
use stackctl::config::settings::{self, Overrides, Settings};
use stackctl::diagnostic::{Diagnostic, SourceFile};
use stackctl::error::Error;
use stackctl::plan::plan_file::PlanFile;
use stackctl::plan::predict::{Side, predict};
use stackctl::plan::risk;
use stackctl::plan::{Plan, Target, model};
use stackctl::present;
use stackctl::present::human;
use stackctl::present::json::plan::PlanDocument;
use stackctl::template::render;
use stackctl::template::{self, Template, emit};
use tempfile::TempDir;

/// A complete manifest.
const MANIFEST: &str = "project = \"demo\"\nenvironment = \"dev\"\nallowed_ssh_cidr = \"203.0.113.7/32\"\n\
    key_pair = \"ops\"\n[artifacts]\n[vars]\nflag = true\nports = [22, 443]\nnested = { a = \"1\" }\n";

/// Parses a manifest, resolves each of its environments, and prints every diagnostic.
pub(crate) fn manifest(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else {
        return;
    };
    let source = SourceFile::new("manifest.toml", text);
    let manifest = manifest::parse(&source);
    check_places(manifest.diagnostics());
    let names = manifest.environments().into_iter().map(Some);
    for environment in names.chain([None]) {
        let overrides = Overrides {
            environment: environment.map(str::to_owned),
            ..Overrides::default()
        };
        match settings::resolve(&manifest, &overrides, &Ambient::default()) {
            Ok(settings) => {
                let rows = settings::show(&settings).unwrap();
                assert!(!human::config::settings(&rows, 80).is_empty());
            }
            Err(error) => check_places(error.diagnostics()),
        }
    }
}

/// Renders a template and locates every line of the result in the source.
pub(crate) fn template(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else {
        return;
    };
    with_rendered(text, |rendered, settings| match rendered {
        Ok(rendered) => check_line_map(&rendered, settings),
        Err(error) => check_places(error.diagnostics()),
    });
}

/// Renders a template with the settings of [`MANIFEST`].
pub(crate) fn with_rendered(
    text: &str,
    check: impl FnOnce(Result<render::RenderedTemplate, Error>, &Settings),
) {
    thread_local! {
        static PROJECT: (TempDir, Settings) = project();
    }
    PROJECT.with(|(folder, settings)| {
        fs::write(folder.path().join("stack.yaml.j2"), text).unwrap();
        let project = Project::find(folder.path(), None).unwrap();
        let source = project.template(Path::new("stack.yaml.j2")).unwrap();
        check(
            render::render(&source, settings, &IndexMap::new()),
            settings,
        );
    });
}

fn project() -> (TempDir, Settings) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("manifest.toml"), MANIFEST).unwrap();
    let manifest = manifest::parse(&SourceFile::new("manifest.toml", MANIFEST));
    let settings = settings::resolve(&manifest, &Overrides::default(), &Ambient::default());
    (folder, settings.unwrap())
}

fn check_line_map(rendered: &render::RenderedTemplate, settings: &Settings) {
    let text = rendered.text();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let span = start..start + line.trim_end().len();
        start += line.len();
        let location = rendered.locate(span.clone()).unwrap();
        assert!(
            location.source.text.get(location.span.clone()).is_some(),
            "{span:?} of {text:?} is said to come from {:?} of {:?}",
            location.span,
            location.source.text
        );
    }
    let found = match Template::parse(rendered.source()) {
        Ok(parsed) => template::validate::validate(&parsed),
        Err(found) => found,
    };
    let translate = |found| rendered.translate(found, &settings.origins);
    check_places(&found.into_iter().map(translate).collect::<Vec<_>>());
}

/// Parses a rendered template, validates and evaluates it, writes it and parses it again.
pub(crate) fn rendered(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else {
        return;
    };
    let parsed = match Template::parse(&SourceFile::new("stack.yaml", text)) {
        Ok(parsed) => parsed,
        Err(found) => return check_places(&found),
    };
    check_places(&template::validate::validate(&parsed));
    let parameters = IndexMap::new();
    let side = Side {
        template: &parsed,
        parameters: &parameters,
    };
    for before in [None, Some(side)] {
        let changes = predict(before, side);
        show(changes, before.map(|_| &parsed), Some(&parsed));
    }
    assert!(
        template::diff::diff(&parsed, &parsed).is_empty(),
        "{text:?}"
    );
    let emitted = emit::to_yaml(parsed.root());
    assert!(emitted.is_ascii(), "{emitted:?}");
    let again = Template::parse(&SourceFile::new("again.yaml", emitted.as_str()))
        .unwrap_or_else(|found| panic!("{emitted:?} cannot be read again: {found:#?}"));
    assert!(
        template::diff::diff(&parsed, &again).is_empty(),
        "{text:?} came back as {emitted:?}"
    );
}

/// Reads a change set from lines of a letter and a text, and prints it in every format.
pub(crate) fn change_set(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut changes: Vec<Change> = Vec::new();
    for line in text.lines() {
        let mut characters = line.chars();
        let Some(letter) = characters.next() else {
            continue;
        };
        read_line(&mut changes, letter, characters.as_str());
    }
    show(changes, None, None);
}

/// Adds a line to the last change or to its last detail.
fn read_line(changes: &mut Vec<Change>, letter: char, text: &str) {
    let actions = [
        ('+', "Add"),
        ('-', "Remove"),
        ('~', "Modify"),
        ('<', "Import"),
        ('?', "Dynamic"),
        ('s', "SyncWithActual"),
    ];
    if let Some((_, action)) = actions.iter().find(|(known, _)| *known == letter) {
        changes.push(Change {
            action: Action::from_wire(action),
            logical_id: text.to_owned(),
            ..Change::default()
        });
        return;
    }
    let Some(change) = changes.last_mut() else {
        return;
    };
    let value = Some(text.to_owned());
    match letter {
        't' => text.clone_into(&mut change.resource_type),
        'i' => change.physical_id = value,
        'r' => change.replacement = Some(Replacement::from_wire(text)),
        'o' => change.policy_action = value,
        'c' => change.scope.push(text.to_owned()),
        'b' => change.before_context = value,
        'a' => change.after_context = value,
        'f' => change.drift_status = value,
        'd' => change.details.push(Detail {
            path: value,
            ..Detail::default()
        }),
        letter => {
            let Some(detail) = change.details.last_mut() else {
                return;
            };
            match letter {
                'w' => detail.attribute = value,
                'n' => detail.name = value,
                'x' => detail.before = value,
                'y' => detail.after = value,
                'k' => detail.attribute_change = value,
                'q' => detail.requires_recreation = value,
                'e' => detail.evaluation = value,
                'u' => detail.change_source = value,
                'g' => detail.causing_entity = value,
                _ => {}
            }
        }
    }
}

/// Prints a plan of these changes in every format.
fn show(changes: Vec<Change>, before: Option<&Template>, after: Option<&Template>) {
    let models = model::models(&changes, before, after);
    let plan = Plan {
        target: Target {
            account: "111111111111".to_owned(),
            region: "eu-west-1".to_owned(),
            endpoint: "AWS".to_owned(),
            stack: "demo-dev".to_owned(),
            environment: "dev".to_owned(),
        },
        assessment: risk::assess(&changes, &models, &[]),
        models,
        change_set: Some(ChangeSet {
            changes,
            ..ChangeSet::default()
        }),
        ..Plan::default()
    };
    for width in [20, 80] {
        for verbose in [false, true] {
            assert!(!human::plan::plan(&plan, verbose, width).is_empty());
        }
    }
    assert!(!present::markdown::plan(&plan).text.is_empty());
    serde_json::to_string(&PlanDocument::of(&plan)).unwrap();
}

/// Reads a saved plan, which must be complete.
pub(crate) fn plan_file(input: &[u8]) {
    let Ok(plan) = PlanFile::parse(input, "plan.json") else {
        return;
    };
    let text = serde_json::to_vec(&plan).unwrap();
    assert_eq!(PlanFile::parse(&text, "plan.json").unwrap(), plan);
}

/// Lists and compares the files of an artifact's zip.
pub(crate) fn archive(input: &[u8]) {
    let Ok(files) = archive::read(Cursor::new(input)) else {
        return;
    };
    assert!(code_diff::compare(files.clone(), files.clone()).is_empty());
    let count = files.len();
    assert_eq!(
        code_diff::compare(IndexMap::new(), files.clone()).len(),
        count
    );
    assert_eq!(code_diff::compare(files, IndexMap::new()).len(), count);
}

/// Checks that diagnostics point into their texts, and prints them.
fn check_places(found: &[Diagnostic]) {
    for place in found.iter().flat_map(|finding| &finding.places) {
        assert!(
            place.source.text.get(place.span.clone()).is_some(),
            "{:?} is not within {:?}",
            place.span,
            place.source.text
        );
    }
    // The engine panicked, which its own thread turned into an error.
    assert!(
        found
            .iter()
            .all(|finding| finding.rule != "template-engine")
    );
    let drawn = present::diagnostic::render(found, 80, false);
    assert_eq!(drawn.is_empty(), found.is_empty());
}
