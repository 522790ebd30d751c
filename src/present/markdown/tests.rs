use super::page::LIMIT;
use super::text as plan;
use crate::artifact::archive::ArchivedFile;
use crate::artifact::code_diff::{CodeChange, FileChange};
use crate::artifact::digest::Digest;
use crate::cloudformation::change_set::{Action, Change, ChangeSet, Detail, Replacement};
use crate::config::settings::DeploymentMode;
use crate::plan::risk::Severity;
use crate::plan::risk::access::{Names, Statement, StatementChange};
use crate::plan::{Operation, Plan, Target, ValueChange};

fn update_plan(changes: Vec<Change>, tags: Vec<ValueChange>) -> Plan {
    Plan {
        target: Target {
            account: "123456789012".to_owned(),
            region: "eu-west-1".to_owned(),
            endpoint: "AWS".to_owned(),
            stack: "demo-dev".to_owned(),
            environment: "dev".to_owned(),
        },
        operation: Operation::Update,
        tags,
        change_set: Some(ChangeSet {
            status: "CREATE_COMPLETE".to_owned(),
            changes,
            ..ChangeSet::default()
        }),
        mode: DeploymentMode::Standard,
        ..Plan::default()
    }
}

fn change(logical_id: &str, before: &str, after: &str) -> Change {
    Change {
        logical_id: logical_id.to_owned(),
        resource_type: "AWS::SNS::Topic".to_owned(),
        replacement: Some(Replacement::True),
        details: vec![Detail {
            path: Some("/Properties/TopicName".to_owned()),
            before: Some(before.to_owned()),
            after: Some(after.to_owned()),
            requires_recreation: Some("Always".to_owned()),
            evaluation: Some("Static".to_owned()),
            ..Detail::default()
        }],
        ..Change::default()
    }
}

#[test]
fn a_plan_starts_with_its_marker_and_its_summary() {
    let added = Change {
        logical_id: "New".to_owned(),
        resource_type: "AWS::SNS::Topic".to_owned(),
        action: Action::Add,
        ..Change::default()
    };
    let tag = ValueChange {
        name: "owner".to_owned(),
        before: Some("one\ntwo".to_owned()),
        after: Some("one\nthree".to_owned()),
    };
    let text = plan(&update_plan(
        vec![added, change("Topic", "old", "new")],
        vec![tag],
    ));
    insta::assert_snapshot!(text, @r"
    <!-- stackctl:plan demo-dev -->
    <b>Plan: 1 to add, 0 to change, 1 to replace, 0 to destroy.</b>

    Stack <code>demo-dev</code>, environment <code>dev</code>, account <code>123456789012</code>, region <code>eu-west-1</code>

    <code>+</code> <b>New</b> AWS::SNS::Topic

    <details open><summary><code>-/+</code> <b>Topic</b> AWS::SNS::Topic, is replaced</summary>

    ```diff
    - TopicName: old
    + TopicName: new
    # forces replacement
    ```

    </details>

    <details><summary>Tags</summary>

    ```diff
      owner:
        one
    -   two
    +   three
    ```

    </details>
    ");
}

#[test]
fn a_property_forces_replacement_only_if_the_resource_may_be_replaced() {
    let note = |replacement, recreation: &str| {
        let mut change = change("Topic", "old", "new");
        change.replacement = Some(replacement);
        change.details[0].requires_recreation = Some(recreation.to_owned());
        let text = plan(&update_plan(vec![change], Vec::new()));
        let line = text.lines().find(|line| line.starts_with("# "));
        line.map(str::to_owned)
    };
    let may = Some("# may force replacement".to_owned());
    assert_eq!(note(Replacement::False, "Conditionally"), None);
    assert_eq!(note(Replacement::Conditional, "Conditionally"), may);
    assert_eq!(note(Replacement::Conditional, "Always"), may);
}

#[test]
fn no_value_can_end_its_block() {
    let hostile = "x\n```\n</details>\r````\n<script>`````` @everyone";
    let text = plan(&update_plan(
        vec![change("A<b>|`*", "ok", hostile)],
        Vec::new(),
    ));
    assert!(text.contains("\n```````diff\n"), "{text}");
    assert_eq!(text.matches("```````").count(), 2, "{text}");
    assert!(
        text.contains("<b>A&#60;b&#62;&#124;&#96;&#42;</b>"),
        "{text}"
    );
}

#[test]
fn a_plan_that_is_too_long_omits_whole_blocks() {
    let large = "é".repeat(20_000);
    let changes = (0..2000)
        .map(|number| change(&format!("Topic{number}"), "old", &large))
        .collect();
    let text = plan(&update_plan(changes, Vec::new()));
    let length = text.chars().count();
    assert!(length <= LIMIT && length > LIMIT - 2000, "{length}");
    assert_eq!(
        text.matches("<details").count(),
        text.matches("</details>").count()
    );
    assert_eq!(text.matches("```").count() % 2, 0);
    let end = "**The details of 1997 parts are omitted; run `stackctl plan -e dev` to see everything.**\n";
    assert!(text.ends_with(end), "{}", &text[text.len() - 200..]);
}

#[test]
fn a_plan_without_changes_has_only_its_heading() {
    let mut empty = update_plan(Vec::new(), Vec::new());
    empty.change_set = None;
    insta::assert_snapshot!(plan(&empty), @r"
    <!-- stackctl:plan demo-dev -->
    <b>No changes. The stack matches the files.</b>

    Stack <code>demo-dev</code>, environment <code>dev</code>, account <code>123456789012</code>, region <code>eu-west-1</code>
    ");
}

#[test]
fn no_statement_breaks_its_table_row() {
    let names = |value: &str| Names {
        not: false,
        values: vec![value.to_owned()],
    };
    let mut hostile = update_plan(vec![change("Policy", "a", "b")], Vec::new());
    hostile.assessment.statements.push(StatementChange {
        logical_id: "Policy".to_owned(),
        is_added: true,
        statement: Statement {
            effect: "Allow".to_owned(),
            actions: names("s3:*"),
            resources: names("a|b\n| c"),
            principals: names("</details>`x`"),
            condition: Some("<b>\n\n# x".to_owned()),
            is_managed_policy: false,
        },
        severity: Severity::Danger,
    });
    let text = plan(&hostile);
    let row = text.lines().find(|line| line.contains("Allow"));
    insta::assert_snapshot!(row.unwrap_or_default(), @r"| \+ | Allow | s3:&#42; | a&#124;b &#124; c | &#60;/details&#62;&#96;x&#96; | &#60;b&#62;  &#35;&#8203; x |");
}

#[test]
fn code_changes_are_shown_and_omitted_by_file() {
    let file = |path: &str, line: &str| {
        let archived = |text: String| ArchivedFile {
            size: 7,
            digest: Digest::of(&text),
            text: Some(text),
        };
        FileChange {
            path: path.to_owned(),
            before: Some(archived("same\nold\n".to_owned())),
            after: Some(archived(format!("same\n{line}\n"))),
        }
    };
    let mut changed = update_plan(Vec::new(), Vec::new());
    changed.code.push(CodeChange {
        artifact: "handler".to_owned(),
        before: "a".to_owned(),
        after: "b".to_owned(),
        files: Ok(vec![
            file("app.py", "new"),
            file("large_.py", &"x".repeat(LIMIT)),
        ]),
    });
    let text = plan(&changed);
    let (_, code) = text.split_once("<details>").unwrap_or_default();
    insta::assert_snapshot!(code, @r"
    <summary>Code <b>handler</b>: <code>~</code> app.py</summary>

    ```diff
      same
    - old
    + new
    ```

    </details>

    Code <b>handler</b>: <code>~</code> large&#95;.py (7 bytes → 7 bytes)

    **The details of 1 part are omitted; run `stackctl plan -e dev` to see everything.**
    ");
}
