//! Tests of the recovery of every status and last request.
#![expect(
    clippy::unwrap_used,
    reason = "a failed assertion is what a test is for"
)]

use super::history::Attempt;
use super::history::Attempt::{Create, Delete, Import, RollBack, Update};
use super::history::{History, Stability};
use super::last_good::{LastGood, Source};
use super::table::{RecoveryAction, entry};
use super::{Call, Choices, Recovery, StackState};
use indexmap::IndexMap;

use crate::cloudformation::deletion::{DeletionOutcome, DeletionRequest};
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

/// Returns an event of a resource, or of the stack if `logical_id` is empty.
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

fn state<'a>(stack: &'a Stack, resources: &[Resource]) -> StackState<'a> {
    StackState {
        stack,
        history: History::default(),
        resources: resources.to_vec(),
        nested: Vec::new(),
        template: None,
        last_good: None,
        leftover_change_sets: Vec::new(),
        change_sets: Vec::new(),
        protected_types: &[],
        role: None,
    }
}

fn recover(state: StackState<'_>) -> Recovery {
    Recovery::of(state, None, &Choices::default())
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

/// Status, last request, action, call, the first alternative.
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
    ("DELETE_FAILED", Some(Delete), RecoveryAction::Delete, "DeleteStack", "recover --force-delete"),
    ("DELETE_FAILED", Some(Create), RecoveryAction::Delete, "DeleteStack", "recover --force-delete"),
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
fn every_status_has_its_action() {
    for &(status, attempt, action, call, other) in ROWS {
        let stack = stack(status);
        let history = History {
            attempt,
            stability: Stability::Stable,
            ..History::default()
        };
        let recovery = recover(StackState {
            history,
            ..state(&stack, &[])
        });
        assert_eq!(recovery.action, action, "{status} {attempt:?}");
        assert_eq!(
            operations(&recovery).join(" "),
            call,
            "{status} {attempt:?}"
        );
        let first = recovery.others.first().map_or("", |other| other.command);
        assert_eq!(first, other, "{status} {attempt:?}");
        for sentence in [recovery.meaning, recovery.remains] {
            assert!(sentence.ends_with('.'), "{status}: {sentence}");
        }
        let is_running = action == RecoveryAction::Follow;
        assert_eq!(is_running, !stack.status.is_terminal(), "{status}");
    }
    for status in StackStatus::ALL {
        let covered = ROWS.iter().any(|(name, ..)| *name == status.as_str());
        assert!(covered, "{status} is not in the table of this test");
    }
}

/// Detects a row that was copied from another status.
#[test]
fn every_status_has_its_own_meaning() {
    let mut meanings: Vec<&str> = StackStatus::ALL
        .iter()
        .map(|status| entry(status, &History::default()).meaning)
        .collect();
    let count = meanings.len();
    meanings.sort_unstable();
    meanings.dedup();
    assert_eq!(meanings.len(), count);
}

#[test]
fn a_rollback_can_skip_only_resources_that_failed_in_it() {
    let stack = stack("UPDATE_ROLLBACK_FAILED");
    let history = History::of(&[
        event("Stuck", "UPDATE_FAILED", "it is gone"),
        event("Cancelled", "UPDATE_FAILED", "Resource update cancelled"),
        event("Stuck", "UPDATE_FAILED", "the first failure"),
    ]);
    let nested = resource("Inner", "AWS::SQS::Queue", "UPDATE_FAILED");
    let state = StackState {
        history,
        nested: vec![("demo-Child-1A2B".to_owned(), nested, Some("why".to_owned()))],
        ..state(
            &stack,
            &[
                resource("Stuck", "AWS::SNS::Topic", "UPDATE_FAILED"),
                resource("Cancelled", "AWS::SNS::Topic", "UPDATE_FAILED"),
                resource("Child", STACK_TYPE, "UPDATE_FAILED"),
                resource("Fine", "AWS::SNS::Topic", "UPDATE_COMPLETE"),
            ],
        )
    };
    let recovery = recover(state);
    let obstacles: Vec<_> = recovery
        .obstacles
        .iter()
        .map(|it| (it.name.as_str(), it.reason.as_deref(), it.option))
        .collect();
    let skip = Some("--skip");
    assert_eq!(
        obstacles,
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
        ..Choices::default()
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
        let hint = "`--skip` is possible for Stuck, demo-Child-1A2B.Inner";
        assert_eq!(error.hints(), [hint], "{wrong}");
    }
    let error = recovery.calls(&choices(&[], &["Stuck"])).unwrap_err();
    assert!(error.hints()[0].contains("DELETE_FAILED"), "{error:?}");
}

#[test]
fn a_newer_event_takes_precedence_over_the_list_of_resources() {
    let stack = stack("UPDATE_ROLLBACK_FAILED");
    let topic = |logical_id: &str| resource(logical_id, "AWS::SNS::Topic", "CREATE_COMPLETE");
    let mut state = state(&stack, &[topic("Stuck"), topic("Undone")]);
    state.history = History::of(&[
        event("Undone", "UPDATE_COMPLETE", ""),
        event("Stuck", "UPDATE_FAILED", "it is gone"),
        event("Undone", "UPDATE_FAILED", "the first failure"),
    ]);
    let recovery = recover(state);
    let names: Vec<_> = recovery.obstacles.iter().map(|it| &*it.name).collect();
    assert_eq!(names, ["Stuck"]);
}

#[test]
fn a_deletion_lists_its_resources_and_guards_data() {
    let text = "Resources:\n  Kept: {Type: 'AWS::S3::Bucket', DeletionPolicy: Retain}\n  \
                Fresh: {Type: 'AWS::S3::Bucket', DeletionPolicy: RetainExceptOnCreate}\n";
    let template = Template::parse(&SourceFile::new("t", text)).unwrap();
    let mut never_created = resource("Never", "AWS::S3::Bucket", "CREATE_FAILED");
    never_created.physical_id = None;
    let resources = [
        resource("Kept", "AWS::S3::Bucket", "DELETE_SKIPPED"),
        resource("Fresh", "AWS::S3::Bucket", "CREATE_COMPLETE"),
        resource("Files", "AWS::S3::Bucket", "DELETE_FAILED"),
        resource("Topic", "AWS::SNS::Topic", "CREATE_COMPLETE"),
        resource("Gone", "AWS::S3::Bucket", "DELETE_COMPLETE"),
        never_created,
    ];
    let cases = [
        // A rollback of the creation deletes resources with `RetainExceptOnCreate`.
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
        // This deletion was already requested.
        (
            "DELETE_FAILED",
            Some(Attempt::Delete),
            DeletionOutcome::Retained,
            vec![],
        ),
    ];
    for (status, attempt, of_fresh, guarded) in cases {
        let stack = stack(status);
        let mut state = state(&stack, &resources);
        state.history.attempt = attempt;
        state.template = Some(&template);
        let recovery = recover(state);
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
fn a_rollback_without_a_stable_state_deletes_the_stack() {
    let stack = stack("UPDATE_FAILED");
    let files = resource("Files", "AWS::S3::Bucket", "CREATE_COMPLETE");
    let mut never_stable = state(&stack, std::slice::from_ref(&files));
    let recovery = recover(StackState {
        history: History {
            stability: Stability::Stable,
            ..History::default()
        },
        ..state(&stack, std::slice::from_ref(&files))
    });
    assert!(recovery.live.is_empty(), "an update is only rolled back");
    let recovery = recover(state(&stack, std::slice::from_ref(&files)));
    assert!(recovery.live.is_empty(), "not seen is not never");
    assert!(!recovery.meaning.contains("deletes the stack"));
    assert_eq!(operations(&recovery), ["RollbackStack"]);
    never_stable.history.stability = Stability::NeverStable;
    let recovery = recover(never_stable);
    assert_eq!(names_of_live(&recovery), ["Files"]);
    assert!(recovery.meaning.contains("deletes the stack"));
}

#[test]
fn a_stack_in_express_mode_is_not_rolled_back() {
    let last_good = LastGood {
        source: Source::Service,
        template: "Resources: {}".to_owned(),
        url: None,
        failed: None,
        parameters: IndexMap::from([("Size".to_owned(), None)]),
        capabilities: Vec::new(),
    };
    let config = |disables: &str| {
        let rollback = format!("DisableRollback={disables}");
        (
            "DeploymentConfig",
            vec!["Mode=EXPRESS".to_owned(), rollback],
        )
    };
    let cases = [
        // Nothing was ever deployed: only the deletion is left.
        (
            "CREATE_FAILED",
            Stability::NeverStable,
            None,
            "DeleteStack",
            "false",
        ),
        (
            "UPDATE_FAILED",
            Stability::NeverStable,
            None,
            "DeleteStack",
            "false",
        ),
        ("UPDATE_FAILED", Stability::Stable, None, "", ""),
        (
            "UPDATE_FAILED",
            Stability::Stable,
            Some(&last_good),
            "UpdateStack",
            "true",
        ),
        (
            "UPDATE_FAILED",
            Stability::Unknown,
            Some(&last_good),
            "UpdateStack",
            "true",
        ),
        (
            "DELETE_FAILED",
            Stability::Stable,
            None,
            "DeleteStack",
            "false",
        ),
    ];
    for (status, stability, last_good, operation, disables) in cases {
        let mut stack = stack(status);
        stack.is_express = true;
        let mut state = state(&stack, &[]);
        state.history.stability = stability;
        state.last_good = last_good.cloned();
        let recovery = recover(state);
        let calls = recovery.calls(&Choices::default()).unwrap();
        let names: Vec<_> = calls.iter().map(Call::operation).collect();
        assert_eq!(names.concat(), operation, "{status} {stability:?}");
        for call in &calls {
            let parameters = recovery.parameters(call);
            assert!(parameters.contains(&config(disables)), "{parameters:?}");
        }
    }
    let mut stack = stack("UPDATE_ROLLBACK_FAILED");
    stack.is_express = true;
    let recovery = recover(state(&stack, &[]));
    assert_eq!(operations(&recovery), ["ContinueUpdateRollback"]);
}

#[test]
fn a_continued_rollback_names_what_it_skipped() {
    let continued = [
        event("", "UPDATE_ROLLBACK_COMPLETE", ""),
        event("Skipped", "UPDATE_COMPLETE", ""),
        event("Undone", "UPDATE_COMPLETE", ""),
        event("Undone", "UPDATE_IN_PROGRESS", ""),
        event("", "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated"),
        event("", "UPDATE_ROLLBACK_FAILED", ""),
        event("Before", "UPDATE_COMPLETE", ""),
    ];
    let stack = stack("UPDATE_ROLLBACK_COMPLETE");
    let of = |events: &[Event]| {
        recover(StackState {
            history: History::of(events),
            ..state(&stack, &[])
        })
    };
    let recovery = of(&continued);
    assert_eq!(recovery.skipped, ["Skipped"]);
    assert!(recovery.remains.contains("except"), "{}", recovery.remains);
    // The event before the request may be on the next page.
    assert!(!History::of(&continued[..5]).is_complete());
    assert!(History::of(&continued).is_complete());

    // `RollbackStack` skips nothing.
    let mut rolled_back = continued;
    rolled_back[5] = event("", "UPDATE_FAILED", "");
    let recovery = of(&rolled_back);
    assert!(recovery.skipped.is_empty());
    assert!(!recovery.remains.contains("except"));
}

#[test]
fn a_deletion_retains_a_nested_stack_as_a_whole() {
    let stack = stack("DELETE_FAILED");
    let inner = resource("Files", "AWS::S3::Bucket", "DELETE_FAILED");
    let state = StackState {
        nested: vec![("demo-Child-1A2B".to_owned(), inner, None)],
        ..state(&stack, &[resource("Child", STACK_TYPE, "DELETE_FAILED")])
    };
    let recovery = recover(state);
    let options = recovery.obstacles.iter();
    let options: Vec<_> = options.map(|it| (it.name.as_str(), it.option)).collect();
    let expected = [("Child", Some("--retain")), ("demo-Child-1A2B.Files", None)];
    assert_eq!(options, expected);
    let retain = |name: &str| Choices {
        retain: vec![name.to_owned()],
        ..Choices::default()
    };
    let calls = recovery.calls(&retain("Child")).unwrap();
    let expected = DeletionRequest {
        retained: vec!["Child".to_owned()],
        ..DeletionRequest::default()
    };
    assert_eq!(calls, [Call::DeleteStack(expected)]);
    let refused = recovery.calls(&retain("demo-Child-1A2B.Files"));
    assert_eq!(
        refused.unwrap_err().hints(),
        [
            "CloudFormation retains a nested stack as a whole, by its logical id in this stack",
            "`--retain` is possible for Child"
        ]
    );
}

#[test]
fn an_empty_stack_with_change_sets_of_other_users_is_kept() {
    let stack = stack("REVIEW_IN_PROGRESS");
    let mut theirs = state(&stack, &[]);
    theirs.change_sets = vec!["release-42".to_owned()];
    let recovery = recover(theirs);
    assert_eq!(recovery.action, RecoveryAction::Manual);
    assert!(operations(&recovery).is_empty());

    let mut ours = state(&stack, &[]);
    ours.leftover_change_sets = vec!["arn-of-set".to_owned()];
    let recovery = recover(ours);
    assert_eq!(operations(&recovery), ["DeleteChangeSet", "DeleteStack"]);
}

#[test]
fn calls_include_the_role_of_the_manifest() {
    let stack = stack("CREATE_FAILED");
    let recovery = recover(StackState {
        role: Some("arn:role"),
        ..state(&stack, &[])
    });
    let role = ("RoleARN", vec!["arn:role".to_owned()]);
    for call in [
        Call::RollbackStack,
        Call::DeleteStack(DeletionRequest::default()),
    ] {
        assert!(recovery.parameters(&call).contains(&role), "{call:?}");
    }
    let without = recovery.parameters(&Call::CancelUpdateStack);
    assert!(!without.contains(&role));
}

#[test]
fn a_retained_resource_is_not_deleted() {
    let stack = stack("DELETE_FAILED");
    let files = resource("Files", "AWS::S3::Bucket", "DELETE_FAILED");
    let retain = Choices {
        retain: vec!["Files".to_owned()],
        ..Choices::default()
    };
    let recovery = Recovery::of(state(&stack, &[files]), None, &retain);
    assert_eq!(recovery.live[0].outcome, DeletionOutcome::Retained);
    assert_eq!(recovery.live[0].lost, None);
    let call = Call::DeleteStack(DeletionRequest {
        retained: retain.retain.clone(),
        ..DeletionRequest::default()
    });
    assert_eq!(recovery.calls(&retain).unwrap(), [call]);
}

#[test]
fn a_forced_deletion_leaves_what_failed_and_what_that_depends_on() {
    let text = "Resources:\n  Kept: {Type: AWS::KMS::Key}\n  \
                Files: {Type: AWS::S3::Bucket, Properties: {Key: !GetAtt Kept.Arn}}\n  \
                Topic: {Type: AWS::SNS::Topic, Properties: {Name: !Ref Files}}\n";
    let template = Template::parse(&SourceFile::new("t", text)).unwrap();
    let resources = [
        resource("Kept", "AWS::KMS::Key", "CREATE_COMPLETE"),
        resource("Files", "AWS::S3::Bucket", "DELETE_FAILED"),
        resource("Topic", "AWS::SNS::Topic", "CREATE_COMPLETE"),
    ];
    let forced = Choices {
        force_delete: true,
        ..Choices::default()
    };
    let failed = stack("DELETE_FAILED");
    let mut failed_state = state(&failed, &resources);
    failed_state.template = Some(&template);
    let recovery = Recovery::of(failed_state, None, &forced);
    let outcomes: Vec<_> = recovery.live.iter().map(|it| it.outcome).collect();
    let (retained, deleted) = (DeletionOutcome::Retained, DeletionOutcome::Deleted);
    assert_eq!(outcomes, [retained, retained, deleted]);
    let call = Call::DeleteStack(DeletionRequest {
        is_forced: true,
        ..DeletionRequest::default()
    });
    assert_eq!(
        recovery.calls(&forced).unwrap(),
        std::slice::from_ref(&call)
    );
    let mode = ("DeletionMode", vec!["FORCE_DELETE_STACK".to_owned()]);
    assert!(recovery.parameters(&call).contains(&mode));

    for status in ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "UPDATE_COMPLETE"] {
        let stack = stack(status);
        let recovery = Recovery::of(state(&stack, &resources), None, &forced);
        assert!(recovery.check_choices(&forced).is_err(), "{status}");
    }
}
