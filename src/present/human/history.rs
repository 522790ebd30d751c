//! Deployments for people: the table of a stack's history, and one deployment.

use super::table::table;
use super::{clock, count};
use crate::cloudformation::stack::Stack;
use crate::plan::record::history::{Entry, GapKind, History};
use crate::plan::record::{GitState, Outcome, Record, RecordedSummary};
use crate::present::style::{BOLD, DIM};
use crate::present::visible::one_line;
use crate::util::time::to_the_second;

/// The digits of a commit that are shown.
const COMMIT: usize = 9;

/// Returns the table of the deployments, the newest first. `stack` is the stack as it is now.
pub fn table_of(history: &History, stack: Option<&Stack>, width: usize) -> String {
    let deployed = history.deployed(stack).map(|record| record.number);
    let gaps = history.gaps(stack);
    let mut rows: Vec<[String; 7]> = Vec::new();
    let gap = |before: Option<u64>, after: Option<u64>| {
        let gap = gaps
            .iter()
            .find(|it| it.before == before && it.after == after);
        gap.map(|gap| row_of_gap(gap.kind))
    };
    let mut before = None;
    for entry in history.entries.iter().rev() {
        rows.extend(gap(before, Some(entry.number)));
        before = Some(entry.number);
        rows.push(row(entry, deployed == Some(entry.number)));
    }
    let heading = ["#", "when", "who", "outcome", "changes", "commit", "notes"];
    let mut text = String::new();
    for line in table(heading, &rows, width).lines() {
        // A row may end with empty cells.
        text.push_str(line.trim_end());
        text.push('\n');
    }
    if history.omitted > 0 {
        let omitted = count(history.omitted, "older deployment");
        text.push_str(&format!("{DIM}{omitted} not shown (--limit){DIM:#}\n"));
    }
    text
}

/// Returns the facts of one deployment.
pub fn record(record: &Record) -> String {
    let mut text = format!(
        "{BOLD}Deployment {}{BOLD:#}  {}\n",
        record.number,
        record.outcome.words()
    );
    let mut fact = |name: &str, value: String| {
        if !value.is_empty() {
            let value = one_line(&value);
            text.push_str(&format!("  {DIM}{name}{DIM:#} {value}\n"));
        }
    };
    let took = record.ended.duration_since(record.started).unsigned_abs();
    fact(
        "when",
        format!("{}, took {}", to_the_second(record.started), clock(took)),
    );
    fact("who", record.caller.clone());
    fact("status", record.status.clone().unwrap_or_default());
    fact("cause", record.cause.clone().unwrap_or_default());
    fact("mode", record.deployment_mode.clone().unwrap_or_default());
    fact("changes", summary(record.summary));
    if let Some(number) = record.rollback_to {
        fact("rollback", format!("to deployment {number}"));
    }
    fact(
        "commit",
        record
            .git
            .as_ref()
            .map(|git| commit(git, usize::MAX))
            .unwrap_or_default(),
    );
    fact("template", format!("SHA-256 {}", record.template.sha256));
    for artifact in &record.artifacts {
        fact(
            "artifact",
            format!("{}: SHA-256 {}", artifact.name, artifact.sha256),
        );
    }
    let withheld: Vec<&str> = record.withheld().collect();
    fact("not recorded", withheld.join(", "));
    fact("operation", record.operation_id.clone());
    text
}

fn row(entry: &Entry, is_deployed: bool) -> [String; 7] {
    let number = entry.number.to_string();
    let record = match &entry.record {
        Ok(record) => record,
        Err(reason) => {
            let note = format!("not read: {reason}");
            return row_without_record(number, String::new(), note);
        }
    };
    let mut notes = Vec::new();
    if is_deployed {
        notes.push("deployed now".to_owned());
    }
    if let Some(number) = record.rollback_to {
        notes.push(format!("rollback to {number}"));
    }
    if record.outcome != Outcome::Succeeded {
        notes.extend(record.cause.clone());
    }
    [
        number,
        to_the_second(record.started),
        who(&record.caller).to_owned(),
        record.outcome.words().to_owned(),
        summary(record.summary),
        record
            .git
            .as_ref()
            .map(|git| commit(git, COMMIT))
            .unwrap_or_default(),
        notes.join("; "),
    ]
}

fn row_of_gap(kind: GapKind) -> [String; 7] {
    let (at, what) = match kind {
        GapKind::Updated(at) => (Some(at), "the stack was changed without a record"),
        GapKind::Recreated(at) => (
            at,
            "the stack was deleted and created again without a record",
        ),
        GapKind::Deleted => (None, "the stack was deleted"),
    };
    let at = at.map(to_the_second).unwrap_or_default();
    row_without_record("-".to_owned(), at, what.to_owned())
}

fn row_without_record(number: String, at: String, note: String) -> [String; 7] {
    let empty = String::new;
    [number, at, empty(), empty(), empty(), empty(), note]
}

/// Returns the part of an ARN that names the caller, such as `ops/ann` of an assumed role.
fn who(arn: &str) -> &str {
    let resource = arn.rsplit(':').next().unwrap_or(arn);
    match resource.split_once('/') {
        Some((_, name)) => name,
        None => resource,
    }
}

fn commit(git: &GitState, digits: usize) -> String {
    let short = git.commit.get(..digits).unwrap_or(&git.commit);
    match git.dirty {
        Some(true) => format!("{short} and changes"),
        _ => short.to_owned(),
    }
}

fn summary(summary: RecordedSummary) -> String {
    let RecordedSummary {
        add,
        change,
        replace,
        destroy,
        import,
    } = summary;
    let parts = [
        (import, "import"),
        (add, "add"),
        (change, "change"),
        (replace, "replace"),
        (destroy, "destroy"),
    ];
    let parts = parts.into_iter().filter(|(number, _)| *number > 0);
    let parts: Vec<String> = parts
        .map(|(number, verb)| format!("{number} to {verb}"))
        .collect();
    if parts.is_empty() {
        return "no resources".to_owned();
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::{record as facts, table_of, who};
    use crate::plan::record::history::{Entry, History};
    use crate::plan::record::tests::record;
    use crate::plan::record::{Outcome, Record};
    use crate::present::style;

    #[test]
    fn the_newest_deployment_is_first() {
        let failed = Record {
            outcome: Outcome::RolledBack,
            cause: Some("AWS::SQS::Queue Queue CREATE_FAILED: name\ntaken".to_owned()),
            git: None,
            updated_before: record(1).updated,
            ..record(2)
        };
        let again = Record {
            rollback_to: Some(1),
            ..record(3)
        };
        let mut entries: Vec<_> = [record(1), failed, again]
            .into_iter()
            .map(|record| Entry {
                number: record.number,
                record: Ok(Box::new(record)),
            })
            .collect();
        entries.push(Entry {
            number: 4,
            record: Err("it is not a record of stackctl".to_owned()),
        });
        let history = History {
            entries,
            omitted: 2,
        };
        insta::assert_snapshot!(style::plain(&table_of(&history, None, 200)), @r"
        #  when                  who      outcome      changes   commit                 notes
        4                                                                               not read: it is not a record of stackctl
        3  2023-11-14 22:13:20Z  ops/ann  succeeded    1 to add  012345678 and changes  rollback to 1
        2  2023-11-14 22:13:20Z  ops/ann  rolled back  1 to add                         AWS::SQS::Queue Queue CREATE_FAILED: name\ntaken
        1  2023-11-14 22:13:20Z  ops/ann  succeeded    1 to add  012345678 and changes
        2 older deployments not shown (--limit)
        ");
        insta::assert_snapshot!(style::plain(&facts(&record(1))), @r"
        Deployment 1  succeeded
          when 2023-11-14 22:13:20Z, took 1:00
          who arn:aws:sts::123456789012:assumed-role/ops/ann
          status UPDATE_COMPLETE
          changes 1 to add
          commit 0123456789abcdef0123456789abcdef01234567 and changes
          template SHA-256 abababababababababababababababababababababababababababababababab
          artifact handler: SHA-256 abababababababababababababababababababababababababababababababab
          not recorded Password
          operation stackctl-tmp-1
        ");
    }

    #[test]
    fn a_caller_is_named_by_the_end_of_the_arn() {
        let cases = [
            ("arn:aws:sts::123456789012:assumed-role/ops/ann", "ops/ann"),
            ("arn:aws:iam::123456789012:user/path/tester", "path/tester"),
            ("arn:aws:iam::123456789012:root", "root"),
            ("", ""),
        ];
        for (arn, expected) in cases {
            assert_eq!(who(arn), expected);
        }
    }
}
