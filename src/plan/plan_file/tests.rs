#![expect(
    clippy::unwrap_used,
    reason = "a failed assertion is what a test is for"
)]

use std::fs;

use indexmap::IndexMap;
use jiff::Timestamp;

use super::{Fingerprint, PlanFile, SavedChangeSet};
use crate::artifact::digest::Digest;
use crate::cloudformation::on_failure::OnFailure;
use crate::cloudformation::stack::Stack;
use crate::cloudformation::status::StackStatus;
use crate::config::secret::Secret;
use crate::config::settings::{DeploymentMode, ParameterValue, ServiceSource};
use crate::error::ErrorKind;
use crate::plan::{Operation, Target};

fn fingerprint(parameters: &[(&str, ParameterValue)]) -> Fingerprint {
    let parameters = parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    Fingerprint::of(
        "salt",
        "Resources: {}",
        &parameters,
        |name| name == "Hidden",
        &IndexMap::new(),
        None,
        [("handler".to_owned(), Digest::of("zip"))],
    )
}

fn plain(value: &str) -> ParameterValue {
    ParameterValue::Plain(value.to_owned())
}

fn plan() -> PlanFile {
    let target = Target {
        account: "123456789012".to_owned(),
        region: "eu-west-1".to_owned(),
        endpoint: "AWS".to_owned(),
        stack: "demo-dev".to_owned(),
        environment: "dev".to_owned(),
    };
    let stack = Stack {
        id: "arn:aws:cloudformation:eu-west-1:123456789012:stack/demo-dev/1".to_owned(),
        name: "demo-dev".to_owned(),
        status: StackStatus::UpdateComplete,
        updated: Some("2026-01-02T03:04:05Z".parse().unwrap()),
        ..Stack::default()
    };
    let set = SavedChangeSet {
        id: "arn:set".to_owned(),
        name: "stackctl-plan-1".to_owned(),
        on_failure: OnFailure::Rollback,
        mode: DeploymentMode::Express,
        skips_validation: true,
    };
    let secret = ParameterValue::FromEnvironment {
        variable: "DB".to_owned(),
        value: Some(Secret::new("hunter2")),
    };
    let files = fingerprint(&[("Plain", plain("visible")), ("Password", secret)]);
    PlanFile::new(
        Timestamp::UNIX_EPOCH,
        &target,
        Operation::Update,
        &stack,
        Some(set),
        files,
    )
    .unwrap()
}

#[test]
fn a_written_plan_can_be_read_only_by_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.json");
    plan().write(&path).unwrap();
    assert_eq!(PlanFile::read(&path).unwrap(), plan());
    let text = fs::read_to_string(&path).unwrap();
    assert!(
        !text.contains("hunter2") && !text.contains("visible"),
        "{text}"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn a_changed_plan_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.json");
    plan().write(&path).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    for (from, to) in [
        ("arn:set", "arn:other"),
        ("123456789012\"", "210987654321\""),
        ("UPDATE_COMPLETE", "CREATE_COMPLETE"),
        ("{\n", "{\n  \"more\": 1,\n"),
        ("stackctl.plan-file/1", "stackctl.plan-file/2"),
        ("stackctl.plan-file/1", "stackctl.plan/1"),
        ("}", ""),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        fs::write(&path, changed).unwrap();
        let error = PlanFile::read(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    }
    // White space is not part of the plan.
    let compact: serde_json::Value = serde_json::from_str(&text).unwrap();
    fs::write(&path, compact.to_string()).unwrap();
    assert!(PlanFile::read(&path).is_ok());
}

#[test]
fn only_an_older_plan_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.json");
    for notes in ["my notes", "{\"schema\": \"stackctl.plan/1\"}", ""] {
        fs::write(&path, notes).unwrap();
        let error = plan().write(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert_eq!(fs::read_to_string(&path).unwrap(), notes);
    }
    fs::write(&path, "{\"schema\": \"stackctl.plan-file/0\"}").unwrap();
    plan().write(&path).unwrap();
    plan().write(&path).unwrap();
}

#[test]
fn differences_are_named_and_secrets_are_in_no_digest() {
    let then = fingerprint(&[("A", plain("1")), ("Hidden", plain("2"))]);
    assert_eq!(
        then.differences(&fingerprint(&[("Hidden", plain("3")), ("A", plain("1"))])),
        [""; 0]
    );
    assert_eq!(
        then.differences(&fingerprint(&[("A", plain("12"))])),
        ["the parameters"]
    );
    let mut now = then.clone();
    now.template = Digest::of("other").hex();
    now.termination_protection = Some(true);
    now.stack_policy = Some(Digest::of("{}").hex());
    now.artifacts
        .insert("handler".to_owned(), Digest::of("new").hex());
    now.artifacts
        .insert("second".to_owned(), Digest::of("new").hex());
    assert_eq!(
        then.differences(&now),
        [
            "the template",
            "the termination protection",
            "the stack policy",
            "the artifact `handler`",
            "the artifact `second`"
        ]
    );
}

#[test]
fn the_place_of_a_value_counts_and_the_value_does_not() {
    let at = |name: &str, value: &str| ParameterValue::FromService {
        source: ServiceSource::Ssm(name.to_owned()),
        value: Some(Secret::new(value)),
    };
    let one = fingerprint(&[("A", at("/a", "hunter2"))]);
    let same = fingerprint(&[("A", at("/a", "another"))]);
    assert!(one.differences(&same).is_empty());
    let elsewhere = fingerprint(&[("A", at("/b", "hunter2"))]);
    for other in [fingerprint(&[]), elsewhere] {
        assert_eq!(one.differences(&other), ["the parameters"]);
    }
}

#[test]
fn parameter_that_keeps_its_value_counts_and_its_value_does_not() {
    let kept = ParameterValue::Previous { use_previous: true };
    let one = fingerprint(&[("A", kept)]);
    for other in [fingerprint(&[]), fingerprint(&[("A", plain("x"))])] {
        assert_eq!(one.differences(&other), ["the parameters"]);
    }
}
