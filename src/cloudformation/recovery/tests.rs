//! Every status, with what was last asked, against what `recover` makes of it.
#![expect(
    clippy::unwrap_used,
    reason = "a failed assertion is what a test is for"
)]

use super::history::Attempt;
use super::history::Attempt::{Create, Delete, Import, RollBack, Update};
use super::history::History;
use super::table::{RecoveryAction, entry};
use super::{Call, Choices, Found, Recovery};
use crate::cloudformation::deletion::DeletionOutcome;
use crate::cloudformation::event::Event;
use crate::cloudformation::stack::{Resource, Stack};
use crate::cloudformation::status::{ResourceStatus, StackStatus};
use crate::diagnostic::SourceFile;
use crate::template::STACK_TYPE;
use crate::template::Template;

fn stack(status: &str) -> Stack {
    Stack {
        id: "arn".to_owned(),
        name: "demo".to_owned(),
        status: StackStatus::from_wire(status),
        ..Stack::default()
    }
}

fn resource(logical_id: &str, resource_type: &str, status: &str) -> Resource {
    Resource {
        logical_id: logical_id.to_owned(),
        physical_id: Some(format!("real-{logical_id}")),
        resource_type: resource_type.to_owned(),
        status: status.to_owned(),
        reason: None,
    }
}

/// Returns an event of the stack itself where `logical_id` is empty.
fn event(logical_id: &str, status: &str, reason: &str) -> Event {
    Event {
        stack_id: "arn".to_owned(),
        logical_id: logical_id.to_owned(),
        physical_id: if logical_id.is_empty() { "arn" } else { "x" }.to_owned(),
        status: ResourceStatus::from_wire(status),
        reason: (!reason.is_empty()).then(|| reason.to_owned()),
        ..Event::default()
    }
}

fn found<'a>(stack: &'a Stack, resources: &[Resource]) -> Found<'a> {
    Found {
        stack,
        history: History::default(),
        resources: resources.to_vec(),
        nested: Vec::new(),
        template: None,
        abandoned: Vec::new(),
        change_sets: Vec::new(),
        protected_types: &[],
        role: None,
    }
}

fn recover(found: Found<'_>) -> Recovery {
    Recovery::of(found, None, &Choices::default())
}

fn names_of_live(recovery: &Recovery) -> Vec<&str> {
    let live = recovery.live.iter();
    live.map(|deletion| deletion.resource.logical_id.as_str())
        .collect()
}

fn operations(recovery: &Recovery) -> Vec<&'static str> {
    let calls = recovery.calls(&Choices::default()).unwrap();
    calls.iter().map(Call::operation).collect()
}

/// Status, what was last asked, the way, the call, the first of the other ways.
type Row = (
    &'static str,
    Option<Attempt>,
    RecoveryAction,
    &'static str,
    &'static str,
);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("CREATE_IN_PROGRESS", Some(Create), RecoveryAction::Follow, "", "cancel --delete"),
    ("CREATE_FAILED", Some(Create), RecoveryAction::RollBack, "RollbackStack", "apply"),
    ("CREATE_COMPLETE", Some(Create), RecoveryAction::Nothing, "", ""),
    ("ROLLBACK_IN_PROGRESS", Some(Create), RecoveryAction::Follow, "", ""),
    ("ROLLBACK_IN_PROGRESS", Some(RollBack), RecoveryAction::Follow, "", ""),
    ("ROLLBACK_FAILED", Some(Create), RecoveryAction::Delete, "DeleteStack", ""),
    ("ROLLBACK_COMPLETE", Some(Create), RecoveryAction::Delete, "DeleteStack", "apply"),
    ("DELETE_IN_PROGRESS", Some(Delete), RecoveryAction::Follow, "", ""),
    ("DELETE_IN_PROGRESS", Some(Create), RecoveryAction::Follow, "", ""),
    ("DELETE_FAILED", Some(Delete), RecoveryAction::Delete, "DeleteStack", ""),
    ("DELETE_FAILED", Some(Create), RecoveryAction::Delete, "DeleteStack", ""),
    ("DELETE_COMPLETE", Some(Delete), RecoveryAction::Nothing, "", "apply"),
    ("UPDATE_IN_PROGRESS", Some(Update), RecoveryAction::Follow, "", "cancel"),
    ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", Some(Update), RecoveryAction::Follow, "", ""),
    ("UPDATE_COMPLETE", Some(Update), RecoveryAction::Nothing, "", ""),
    ("UPDATE_FAILED", Some(Update), RecoveryAction::RollBack, "RollbackStack", "apply"),
    ("UPDATE_ROLLBACK_IN_PROGRESS", Some(Update), RecoveryAction::Follow, "", ""),
    ("UPDATE_ROLLBACK_IN_PROGRESS", Some(RollBack), RecoveryAction::Follow, "", ""),
    ("UPDATE_ROLLBACK_FAILED", Some(Update), RecoveryAction::ContinueRollback, "ContinueUpdateRollback", "destroy"),
    ("UPDATE_ROLLBACK_FAILED", Some(RollBack), RecoveryAction::ContinueRollback, "ContinueUpdateRollback", "destroy"),
    ("UPDATE_ROLLBACK_FAILED", None, RecoveryAction::ContinueRollback, "ContinueUpdateRollback", "destroy"),
    ("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", Some(Update), RecoveryAction::Follow, "", ""),
    ("UPDATE_ROLLBACK_COMPLETE", Some(Update), RecoveryAction::Nothing, "", "apply"),
    ("UPDATE_ROLLBACK_COMPLETE", Some(RollBack), RecoveryAction::Nothing, "", "apply"),
    ("REVIEW_IN_PROGRESS", None, RecoveryAction::Delete, "DeleteStack", "apply"),
    ("IMPORT_IN_PROGRESS", Some(Import), RecoveryAction::Follow, "", ""),
    ("IMPORT_COMPLETE", Some(Import), RecoveryAction::Nothing, "", ""),
    ("IMPORT_ROLLBACK_IN_PROGRESS", Some(Import), RecoveryAction::Follow, "", ""),
    ("IMPORT_ROLLBACK_FAILED", Some(Import), RecoveryAction::Manual, "", "destroy"),
    ("IMPORT_ROLLBACK_COMPLETE", Some(Import), RecoveryAction::Nothing, "", ""),
    ("RECONCILE_IN_PROGRESS", None, RecoveryAction::Follow, "", ""),
    ("RECONCILE_FAILED", None, RecoveryAction::Manual, "", "status"),
];

#[test]
fn every_status_has_its_way() {
    for &(status, attempt, action, call, other) in ROWS {
        let stack = stack(status);
        let history = History {
            attempt,
            was_stable: true,
            ..History::default()
        };
        let found = Found {
            history,
            ..found(&stack, &[])
        };
        let recovery = recover(found);
        assert_eq!(recovery.action, action, "{status} {attempt:?}");
        assert_eq!(
            operations(&recovery).join(" "),
            call,
            "{status} {attempt:?}"
        );
        let first = recovery.others.first().map_or("", |other| other.command);
        assert_eq!(first, other, "{status} {attempt:?}");
        for said in [recovery.meaning, recovery.remains] {
            assert!(said.ends_with('.'), "{status}: {said}");
        }
        let is_running = action == RecoveryAction::Follow;
        assert_eq!(is_running, !stack.status.is_terminal(), "{status}");
    }
    for status in StackStatus::ALL {
        let covered = ROWS.iter().any(|(name, ..)| *name == status.as_str());
        assert!(covered, "{status} is not in the table of this test");
    }
}

/// A status that is stuck must say so: a row copied from a healthy one would promise too much.
#[test]
fn no_two_stuck_states_are_told_alike() {
    let mut meanings: Vec<&str> = StackStatus::ALL
        .iter()
        .map(|status| entry(status, &History::default()).meaning)
        .collect();
    let count = meanings.len();
    meanings.sort_unstable();
    meanings.dedup();
    assert_eq!(meanings.len(), count);
}

/// The statuses of the stack with their reasons, the newest first; what was asked; whether the stack
/// was ever well.
type Told = (
    &'static [(&'static str, &'static str)],
    Option<Attempt>,
    bool,
);

#[test]
fn the_events_tell_what_was_asked_and_what_followed_by_itself() {
    const FAILED: &str =
        "The following resource(s) failed to create: [A]. Delete requested by user.";
    let cases: [Told; 8] = [
        (&[], None, false),
        (&[("REVIEW_IN_PROGRESS", "User Initiated")], None, false),
        (
            &[
                ("ROLLBACK_COMPLETE", ""),
                (
                    "ROLLBACK_IN_PROGRESS",
                    "The following resource(s) failed to create: [A]. ",
                ),
                ("CREATE_IN_PROGRESS", "User Initiated"),
            ],
            Some(Attempt::Create),
            false,
        ),
        (
            &[
                ("DELETE_FAILED", ""),
                ("DELETE_IN_PROGRESS", FAILED),
                ("CREATE_IN_PROGRESS", "User Initiated"),
            ],
            Some(Attempt::Create),
            false,
        ),
        (
            &[
                ("DELETE_FAILED", ""),
                ("DELETE_IN_PROGRESS", "User Initiated"),
                ("CREATE_COMPLETE", ""),
            ],
            Some(Attempt::Delete),
            true,
        ),
        (
            &[
                ("UPDATE_ROLLBACK_FAILED", ""),
                ("UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated"),
                ("UPDATE_ROLLBACK_FAILED", ""),
                ("UPDATE_IN_PROGRESS", "User Initiated"),
            ],
            Some(Attempt::RollBack),
            false,
        ),
        (
            &[
                ("UPDATE_FAILED", ""),
                ("UPDATE_IN_PROGRESS", ""),
                ("UPDATE_COMPLETE", ""),
            ],
            Some(Attempt::Update),
            true,
        ),
        (&[("IMPORT_IN_PROGRESS", "")], Some(Attempt::Import), false),
    ];
    for (statuses, attempt, was_stable) in cases {
        let events: Vec<Event> = statuses
            .iter()
            .map(|(status, reason)| event("", status, reason))
            .collect();
        let history = History::of(&events);
        assert_eq!(history.attempt, attempt, "{statuses:?}");
        assert_eq!(history.was_stable, was_stable, "{statuses:?}");
    }
}

#[test]
fn a_rollback_passes_by_what_failed_in_it_and_nothing_else() {
    let stack = stack("UPDATE_ROLLBACK_FAILED");
    let history = History::of(&[
        event("Stuck", "UPDATE_FAILED", "it is gone"),
        event("Cancelled", "UPDATE_FAILED", "Resource update cancelled"),
        event("Stuck", "UPDATE_FAILED", "the first failure"),
    ]);
    let nested = resource("Inner", "AWS::SQS::Queue", "UPDATE_FAILED");
    let found = Found {
        history,
        nested: vec![("demo-Child-1A2B".to_owned(), nested, Some("why".to_owned()))],
        ..found(
            &stack,
            &[
                resource("Stuck", "AWS::SNS::Topic", "UPDATE_FAILED"),
                resource("Cancelled", "AWS::SNS::Topic", "UPDATE_FAILED"),
                resource("Child", STACK_TYPE, "UPDATE_FAILED"),
                resource("Fine", "AWS::SNS::Topic", "UPDATE_COMPLETE"),
            ],
        )
    };
    let recovery = recover(found);
    let told: Vec<_> = recovery
        .obstacles
        .iter()
        .map(|it| (it.name.as_str(), it.reason.as_deref(), it.option))
        .collect();
    let skip = Some("--skip");
    assert_eq!(
        told,
        [
            ("Stuck", Some("it is gone"), skip),
            ("Cancelled", Some("Resource update cancelled"), None),
            ("Child", None, None),
            ("demo-Child-1A2B.Inner", Some("why"), skip),
        ]
    );
    let choices = |skip: &[&str], retain: &[&str]| Choices {
        skip: skip.iter().map(ToString::to_string).collect(),
        retain: retain.iter().map(ToString::to_string).collect(),
        allow_delete: Vec::new(),
    };
    let both = ["Stuck", "demo-Child-1A2B.Inner"];
    let calls = recovery.calls(&choices(&both, &[])).unwrap();
    assert_eq!(
        recovery.parameters(&calls[0]),
        [
            ("StackName", vec!["arn".to_owned()]),
            ("ResourcesToSkip", both.map(str::to_owned).to_vec()),
        ]
    );
    for wrong in ["Cancelled", "Fine", "Child", "Nobody"] {
        let error = recovery.calls(&choices(&[wrong], &[])).unwrap_err();
        let said = "it can be given for Stuck, demo-Child-1A2B.Inner";
        assert_eq!(error.hints(), [said], "{wrong}");
    }
    let error = recovery.calls(&choices(&[], &["Stuck"])).unwrap_err();
    assert!(error.hints()[0].contains("DELETE_FAILED"), "{error:?}");
}

#[test]
fn the_newest_event_of_a_resource_counts_where_the_list_is_older() {
    let stack = stack("UPDATE_ROLLBACK_FAILED");
    let topic = |logical_id: &str| resource(logical_id, "AWS::SNS::Topic", "CREATE_COMPLETE");
    let mut found = found(&stack, &[topic("Stuck"), topic("Undone")]);
    found.history = History::of(&[
        event("Undone", "UPDATE_COMPLETE", ""),
        event("Stuck", "UPDATE_FAILED", "it is gone"),
        event("Undone", "UPDATE_FAILED", "the first failure"),
    ]);
    let recovery = recover(found);
    let names: Vec<_> = recovery.obstacles.iter().map(|it| &*it.name).collect();
    assert_eq!(names, ["Stuck"]);
}

#[test]
fn what_a_deletion_takes_with_it_is_named_and_data_is_guarded() {
    let text = "Resources:\n  Kept: {Type: 'AWS::S3::Bucket', DeletionPolicy: Retain}\n  \
                Fresh: {Type: 'AWS::S3::Bucket', DeletionPolicy: RetainExceptOnCreate}\n";
    let template = Template::parse(&SourceFile::new("t", text)).unwrap();
    let mut never_made = resource("Never", "AWS::S3::Bucket", "CREATE_FAILED");
    never_made.physical_id = None;
    let resources = [
        resource("Kept", "AWS::S3::Bucket", "DELETE_SKIPPED"),
        resource("Fresh", "AWS::S3::Bucket", "CREATE_COMPLETE"),
        resource("Files", "AWS::S3::Bucket", "DELETE_FAILED"),
        resource("Topic", "AWS::SNS::Topic", "CREATE_COMPLETE"),
        resource("Gone", "AWS::S3::Bucket", "DELETE_COMPLETE"),
        never_made,
    ];
    let cases = [
        // A rollback of the creation deletes what is to be kept except on creation.
        (
            "CREATE_FAILED",
            None,
            DeletionOutcome::Deleted,
            vec!["Fresh", "Files"],
        ),
        (
            "ROLLBACK_FAILED",
            None,
            DeletionOutcome::Retained,
            vec!["Files"],
        ),
        // Somebody asked for this deletion before.
        (
            "DELETE_FAILED",
            Some(Attempt::Delete),
            DeletionOutcome::Retained,
            vec![],
        ),
    ];
    for (status, attempt, of_fresh, guarded) in cases {
        let stack = stack(status);
        let mut found = found(&stack, &resources);
        found.history.attempt = attempt;
        found.template = Some(&template);
        let recovery = recover(found);
        assert_eq!(
            names_of_live(&recovery),
            ["Kept", "Fresh", "Files", "Topic"],
            "{status}"
        );
        assert_eq!(recovery.live[1].outcome, of_fresh, "{status}");
        let names = |choices: &Choices| -> Vec<String> {
            let guarded = recovery.guarded(choices).into_iter();
            guarded.map(|it| it.resource.logical_id.clone()).collect()
        };
        assert_eq!(names(&Choices::default()), guarded, "{status}");
        let allow_delete = guarded.iter().map(ToString::to_string).collect();
        let allowed = Choices {
            allow_delete,
            ..Choices::default()
        };
        assert!(names(&allowed).is_empty(), "{status}");
    }
}

#[test]
fn a_rollback_without_a_state_to_return_to_deletes() {
    let stack = stack("UPDATE_FAILED");
    let files = resource("Files", "AWS::S3::Bucket", "CREATE_COMPLETE");
    let mut found = found(&stack, std::slice::from_ref(&files));
    let recovery = recover(Found {
        history: History {
            was_stable: true,
            ..History::default()
        },
        ..self::found(&stack, std::slice::from_ref(&files))
    });
    assert!(recovery.live.is_empty(), "an update is only undone");
    found.history.was_stable = false;
    let recovery = recover(found);
    assert_eq!(names_of_live(&recovery), ["Files"]);
    assert!(recovery.meaning.contains("deletes the stack"));
}

#[test]
fn a_shell_goes_only_where_nobody_wants_its_change_sets() {
    let stack = stack("REVIEW_IN_PROGRESS");
    let mut theirs = found(&stack, &[]);
    theirs.change_sets = vec!["release-42".to_owned()];
    let recovery = recover(theirs);
    assert_eq!(recovery.action, RecoveryAction::Manual);
    assert!(operations(&recovery).is_empty());

    let mut ours = found(&stack, &[]);
    ours.abandoned = vec!["arn-of-set".to_owned()];
    let recovery = recover(ours);
    assert_eq!(operations(&recovery), ["DeleteChangeSet", "DeleteStack"]);
}

#[test]
fn a_call_names_the_role_of_the_manifest() {
    let stack = stack("CREATE_FAILED");
    let recovery = recover(Found {
        role: Some("arn:role"),
        ..found(&stack, &[])
    });
    let role = ("RoleARN", vec!["arn:role".to_owned()]);
    for call in [Call::RollbackStack, Call::DeleteStack(Vec::new())] {
        assert!(recovery.parameters(&call).contains(&role), "{call:?}");
    }
    let without = recovery.parameters(&Call::CancelUpdateStack);
    assert!(!without.contains(&role));
}

#[test]
fn what_is_left_behind_is_not_told_as_deleted() {
    let stack = stack("DELETE_FAILED");
    let files = resource("Files", "AWS::S3::Bucket", "DELETE_FAILED");
    let retain = Choices {
        retain: vec!["Files".to_owned()],
        ..Choices::default()
    };
    let recovery = Recovery::of(found(&stack, &[files]), None, &retain);
    assert_eq!(recovery.live[0].outcome, DeletionOutcome::Retained);
    assert_eq!(recovery.live[0].lost, None);
    let call = Call::DeleteStack(retain.retain.clone());
    assert_eq!(recovery.calls(&retain).unwrap(), [call]);
}
