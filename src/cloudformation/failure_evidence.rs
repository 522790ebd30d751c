//! What explains a failure beyond the events: the findings of hooks, and the log of a function that
//! failed.

use crate::cloudformation::function::Fault;

/// How many findings of a hook are shown.
const FINDINGS: usize = 10;

/// One piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailureEvidence {
    /// The result of a hook.
    Hook(HookResult),
    /// The end of a function's log.
    Log(LogTail),
}

/// What explains a failure, and what could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EvidenceReport {
    /// The evidence.
    pub found: Vec<FailureEvidence>,
    /// What was left out, one line each with the reason.
    pub left_out: Vec<String>,
}

/// The result of a hook (`GetHookResult`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HookResult {
    /// The id.
    pub id: String,
    /// The hook's type, such as `Private::Guard::TestHook`.
    pub name: String,
    /// The logical id of the resource that it checked, with those of the nested stacks; `None` for the
    /// whole change set.
    pub target: Option<String>,
    /// The status, such as `HOOK_COMPLETE_FAILED`.
    pub status: Option<String>,
    /// The finding.
    pub reason: Option<String>,
    /// `FAIL` or `WARN`.
    pub failure_mode: Option<String>,
    /// When the hook was invoked, such as `PRE_PROVISION`.
    pub invocation_point: Option<String>,
    /// The findings one by one.
    pub annotations: Vec<Annotation>,
}

/// A finding of a hook with its remediation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Annotation {
    /// The name of the rule or control.
    pub name: Option<String>,
    /// `PASSED`, `FAILED` or `SKIPPED`.
    pub status: Option<String>,
    /// The finding.
    pub message: Option<String>,
    /// What to change.
    pub remediation: Option<String>,
    /// A page about it.
    pub link: Option<String>,
    /// The severity, such as `HIGH`.
    pub severity: Option<String>,
}

/// The end of the log of a function that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogTail {
    /// The resource whose function it is: its logical id with those of the nested stacks.
    pub resource: String,
    /// The function's name.
    pub function: String,
    /// The log group.
    pub group: String,
    /// The last lines that the function wrote itself, oldest first.
    pub lines: Vec<String>,
    /// The failure that the lines show; `None` if they show none that is known.
    pub fault: Option<Fault>,
}

impl FailureEvidence {
    /// Returns the sentence with the cause that the evidence names; `None` if it names none.
    pub fn cause(&self) -> Option<String> {
        match self {
            Self::Hook(_) => None,
            Self::Log(tail) => Some(tail.fault.as_ref()?.sentence(&tail.function)),
        }
    }

    /// Returns the evidence as hints, each of several lines.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Hook(hook) => hook.findings().into_iter().collect(),
            Self::Log(tail) => {
                let remedy = tail.fault.as_ref().and_then(Fault::remedy);
                let lines = (!tail.lines.is_empty()).then(|| {
                    let (group, lines) = (&tail.group, tail.lines.join("\n  "));
                    format!("the last lines of the log group `{group}`:\n  {lines}")
                });
                remedy.map(str::to_owned).into_iter().chain(lines).collect()
            }
        }
    }
}

impl HookResult {
    /// Returns the findings that the events do not have; `None` if there are none.
    fn findings(&self) -> Option<String> {
        let failed = self.annotations.iter().filter(|it| it.is_finding());
        let findings: Vec<String> = failed.take(FINDINGS).map(Annotation::text).collect();
        (!findings.is_empty()).then(|| {
            let place = self.target.as_ref().map(|target| format!(" at `{target}`"));
            let place = place.unwrap_or_default();
            format!(
                "the hook {} found{place}:\n  {}",
                self.name,
                findings.join("\n  ")
            )
        })
    }
}

impl Annotation {
    fn is_finding(&self) -> bool {
        !matches!(self.status.as_deref(), Some("PASSED" | "SKIPPED"))
    }

    fn text(&self) -> String {
        let name = self.name.as_deref().unwrap_or("finding");
        let severity = self.severity.as_deref().map(|it| format!(" ({it})"));
        let message = self
            .message
            .as_deref()
            .unwrap_or("the hook gave no message");
        let mut text = format!("{name}{}: {message}", severity.unwrap_or_default());
        for more in [&self.remediation, &self.link].into_iter().flatten() {
            text.push_str(&format!("\n    {more}"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{Annotation, FailureEvidence, HookResult, LogTail};
    use crate::cloudformation::function::{Fault, FaultKind};

    #[test]
    fn findings_of_a_hook_have_their_remediation_and_link() {
        let text = |text: &str| Some(text.to_owned());
        let finding = Annotation {
            name: text("s3-public"),
            status: text("FAILED"),
            message: text("Bucket does not block public access"),
            remediation: text("Block public access to the bucket"),
            link: text("https://example.com/s3"),
            severity: text("HIGH"),
        };
        let passed = Annotation {
            status: text("PASSED"),
            ..Annotation::default()
        };
        let hook = HookResult {
            name: "Private::Guard::Hook".to_owned(),
            target: text("Storage/Bucket"),
            annotations: vec![passed.clone(), finding, Annotation::default()],
            ..HookResult::default()
        };
        let evidence = FailureEvidence::Hook(hook.clone());
        insta::assert_snapshot!(evidence.hints().join("\n"), @"
        the hook Private::Guard::Hook found at `Storage/Bucket`:
          s3-public (HIGH): Bucket does not block public access
            Block public access to the bucket
            https://example.com/s3
          finding: the hook gave no message
        ");
        assert_eq!(evidence.cause(), None);
        let nothing = HookResult {
            annotations: vec![passed],
            ..hook
        };
        assert!(FailureEvidence::Hook(nothing).hints().is_empty());
    }

    #[test]
    fn the_log_of_a_function_names_the_cause() {
        let mut tail = LogTail {
            resource: "Custom".to_owned(),
            function: "demo-custom".to_owned(),
            group: "/aws/lambda/demo-custom".to_owned(),
            lines: vec!["one".to_owned(), "two".to_owned()],
            fault: Some(Fault {
                kind: FaultKind::Denied,
                detail: "dynamodb:PutItem on t".to_owned(),
            }),
        };
        let evidence = FailureEvidence::Log(tail.clone());
        let cause = "a call of the function `demo-custom` was denied: dynamodb:PutItem on t";
        assert_eq!(evidence.cause().as_deref(), Some(cause));
        insta::assert_snapshot!(evidence.hints().join("\n"), @"
        allow the action in the policy of the function's role
        the last lines of the log group `/aws/lambda/demo-custom`:
          one
          two
        ");
        tail.fault = None;
        tail.lines.clear();
        let evidence = FailureEvidence::Log(tail);
        assert_eq!((evidence.cause(), evidence.hints()), (None, Vec::new()));
    }
}
