//! A plan in which every place has a text.

use std::sync::Arc;

use crate::artifact::archive::ArchivedFile;
use crate::artifact::code_diff::{CodeChange, FileChange};
use crate::artifact::digest::Digest;
use crate::cloudformation::change_set::validation::{LocatedValidation, Validation};
use crate::cloudformation::change_set::{Action, Change, ChangeSet, Detail, Module, Replacement};
use crate::cloudformation::refactor::Move;
use crate::config::settings::DeploymentMode;
use crate::diagnostic::{Place, SourceFile};
use crate::plan::deployed_code::{CodeRevert, DeployedCode};
use crate::plan::provisional::{InputChange, ProvisionalInput};
use crate::plan::risk::access::{Names, Statement, StatementChange};
use crate::plan::risk::{Assessment, Guard, Kind, Risk, Severity};
use crate::plan::suggested_moves::SuggestedMove;
use crate::plan::{Operation, Plan, PlannedArtifact, Target, ValueChange};

/// The texts that must be in the page.
pub(super) const PLACES: [&str; 46] = [
    "account",
    "region",
    "endpoint",
    "stack",
    "environment",
    "capability",
    "artifact",
    "file",
    "line",
    "key",
    "parameter",
    "before",
    "after",
    "setting",
    "prediction",
    "warning",
    "Added",
    "Changed",
    "Replaced",
    "Removed",
    "Imported",
    "Possible",
    "Inner",
    "type",
    "physical",
    "module",
    "Property",
    "old",
    "new",
    "entity",
    "check",
    "reason",
    "place",
    "label",
    "risk",
    "remedy",
    "effect",
    "action",
    "resource",
    "Restored",
    "live",
    "principal",
    "condition",
    "From",
    "input",
    "policy",
];

/// Returns a plan with the text of `text` in each place. Its argument says which place it is.
pub(super) fn rich_plan(text: &dyn Fn(&str) -> String) -> Plan {
    let nested = ChangeSet {
        id: "nested".to_owned(),
        changes: vec![change(text, "Inner", Action::Modify)],
        warnings: vec![text("warning")],
        ..ChangeSet::default()
    };
    let mut stack = change(text, "Changed", Action::Modify);
    stack.nested_change_set = Some("nested".to_owned());
    let changes = vec![
        change(text, "Added", Action::Add),
        stack,
        Change {
            replacement: Some(Replacement::True),
            ..change(text, "Replaced", Action::Modify)
        },
        change(text, "Removed", Action::Remove),
        change(text, "Imported", Action::Import),
        change(text, "Possible", Action::Dynamic),
    ];
    Plan {
        target: Target {
            account: text("account"),
            region: text("region"),
            endpoint: text("endpoint"),
            stack: text("stack"),
            environment: text("environment"),
        },
        operation: Operation::Update,
        capabilities: vec![text("capability")],
        artifacts: vec![PlannedArtifact {
            name: text("artifact"),
            key: text("key"),
            size: 7,
            deployed: false,
        }],
        code: code(text),
        code_reverts: vec![CodeRevert {
            function: text("function"),
            code: DeployedCode {
                logical_id: text("Restored"),
                bucket: None,
                key: text("key"),
                artifact: text("artifact"),
                sha256: text("digest"),
            },
            live: text("live"),
        }],
        parameters: values(text),
        tags: values(text),
        settings: vec![ValueChange {
            name: text("setting"),
            before: Some(text("before")),
            after: None,
        }],
        outputs: values(text),
        prediction: Some(text("prediction")),
        change_set: Some(ChangeSet {
            status: "CREATE_COMPLETE".to_owned(),
            changes,
            nested: vec![nested],
            warnings: vec![text("warning")],
            ..ChangeSet::default()
        }),
        validations: vec![check(text, "FAIL"), check(text, "WARN")],
        assessment: assessment(text),
        moved: vec![Move {
            from: text("From"),
            to: text("To"),
            resource_type: text("type"),
            physical_id: Some(text("physical")),
        }],
        suggested_moves: vec![SuggestedMove {
            from: text("From"),
            to: text("To"),
            resource_type: text("type"),
            is_ambiguous: false,
            differs: vec![text("Property")],
            obstacle: None,
        }],
        provisional: vec![ProvisionalInput {
            parameter: text("input"),
            stack: text("stack"),
            output: text("output"),
            before: Some(text("before")),
            change: InputChange::MayChange,
            cause: None,
        }],
        mode: DeploymentMode::Express,
        skips_validation: true,
        ..Plan::default()
    }
}

fn change(text: &dyn Fn(&str) -> String, name: &str, action: Action) -> Change {
    let detail = |path: &str, before: String, after: String| Detail {
        path: Some(format!("/Properties/{path}")),
        before: Some(before),
        after: Some(after),
        requires_recreation: Some("Always".to_owned()),
        evaluation: Some("Static".to_owned()),
        change_source: Some("ParameterReference".to_owned()),
        causing_entity: Some(text("entity")),
        ..Detail::default()
    };
    let property = text("Property").replace('/', "~1");
    Change {
        logical_id: text(name),
        physical_id: Some(text("physical")),
        resource_type: text("type"),
        action,
        policy_action: Some(text("policy")),
        details: vec![
            detail(&format!("{property}/a"), text("old"), text("new")),
            detail(
                &format!("{property}/b"),
                text("old").repeat(9),
                text("new").repeat(9),
            ),
            detail(
                "Lines",
                format!("same\n{}\nend", text("old")),
                format!("same\n{}\nend", text("new")),
            ),
        ],
        module: Some(Module {
            types: Some(text("module")),
            logical_ids: Some(text("module")),
        }),
        ..Change::default()
    }
}

/// Returns changed files of an artifact, and an artifact whose files are not known.
pub(super) fn code(text: &dyn Fn(&str) -> String) -> Vec<CodeChange> {
    let archived = |content: String| ArchivedFile {
        size: 7,
        digest: Digest::of(&content),
        text: Some(content),
    };
    let file = |before: Option<String>, after: Option<String>| FileChange {
        path: text("file"),
        before: before.map(archived),
        after: after.map(archived),
    };
    let lines = |line: &str| format!("same {}\n{line} {}\n", text("line"), text("line"));
    vec![
        CodeChange {
            artifact: text("artifact"),
            before: text("key"),
            after: text("key"),
            files: Ok(vec![
                file(Some(lines("old")), Some(lines("new"))),
                file(None, Some(lines("new"))),
                file(Some(lines("old")), None),
            ]),
        },
        CodeChange {
            artifact: text("artifact"),
            before: text("key"),
            after: text("key"),
            files: Err(text("reason")),
        },
    ]
}

/// Returns a changed value of one line, and one of several lines.
pub(super) fn values(text: &dyn Fn(&str) -> String) -> Vec<ValueChange> {
    let change = |before: Option<String>, after: Option<String>| ValueChange {
        name: text("parameter"),
        before,
        after,
    };
    vec![
        change(Some(text("before")), Some(text("after"))),
        change(Some(text("before") + "\nx"), Some(text("after") + "\nx")),
        change(None, Some(text("after"))),
    ]
}

fn check(text: &dyn Fn(&str) -> String, mode: &str) -> LocatedValidation {
    LocatedValidation {
        validation: Validation {
            name: text("check"),
            failure_mode: Some(mode.to_owned()),
            reason: Some(text("reason")),
            logical_id: Some(text("Changed")),
            ..Validation::default()
        },
        nested_in: vec![text("Outer")],
        places: vec![Place {
            source: Arc::clone(&SourceFile::new(text("place"), "text")),
            span: 0..1,
            label: text("label"),
        }],
    }
}

fn assessment(text: &dyn Fn(&str) -> String) -> Assessment {
    let names = |place: &str| Names {
        not: true,
        values: vec![text(place), text(place)],
    };
    let risk = |logical_id: String, severity| Risk {
        logical_id,
        kind: Kind::Data,
        severity,
        reason: text("risk"),
        remedy: Some(text("remedy")),
        guard: Some(Guard::Replace),
    };
    Assessment {
        risks: vec![
            risk(text("Replaced"), Severity::Danger),
            risk(text("Nothing"), Severity::Warning),
            risk(text("Added"), Severity::Note),
        ],
        statements: vec![StatementChange {
            logical_id: text("Changed"),
            is_added: true,
            statement: Statement {
                effect: text("effect"),
                actions: names("action"),
                resources: names("resource"),
                principals: names("principal"),
                condition: Some(text("condition")),
                is_managed_policy: false,
            },
            severity: Severity::Danger,
        }],
    }
}
