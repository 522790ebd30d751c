//! The present failure of a function, from its log line by line.

use super::fault::{self, Fault, FaultKind};
use super::lines::is_of_platform;

/// Reads the lines of one function's log in their order.
///
/// A later invocation that writes a line of its own shows that an earlier failure to start is over.
#[derive(Debug, Clone, Default)]
pub struct FaultFinder {
    found: Option<Fault>,
    /// The last error that a runtime reported, of whatever type.
    last_error: String,
    /// Whether an invocation began after the failure.
    is_invoked_again: bool,
}

impl FaultFinder {
    /// Reads a line. Returns whether it shows a failure that was not known or says more about it.
    pub fn read(&mut self, line: &str) -> bool {
        if let Some(reported) = fault::reported(line).filter(|it| !it.message.is_empty()) {
            self.last_error = reported.to_string();
        }
        let Some(mut fault) = fault::in_line(line) else {
            let is_of_platform = is_of_platform(line);
            if line.starts_with("START RequestId:") || line.contains("\"platform.start\"") {
                self.is_invoked_again = true;
            } else if self.is_invoked_again && !is_of_platform {
                self.is_invoked_again = false;
                self.found = None;
            }
            return false;
        };
        let is_invoked_again = std::mem::take(&mut self.is_invoked_again);
        // Lambda's report of a failed start does not have the reason.
        if fault.kind == FaultKind::Loading && fault.detail.is_empty() {
            fault.detail.clone_from(&self.last_error);
        }
        // Of one invocation, the most decisive line counts; the next one may fail for another reason.
        let is_later = is_invoked_again && fault.prevents_start() && !fault.detail.is_empty();
        let is_better = self.found.as_ref().is_none_or(|found| {
            fault.kind < found.kind || (fault.kind == found.kind && found.detail.is_empty())
        });
        let is_better = is_better || is_later;
        let is_new = is_better && self.found.as_ref() != Some(&fault);
        if is_new {
            self.found = Some(fault);
        }
        is_new
    }

    /// Returns the failure; `None` if the lines show none, or a later invocation succeeded.
    pub fn found(&self) -> Option<&Fault> {
        self.found.as_ref()
    }

    /// Returns the failure that some lines show.
    pub fn find<'l>(lines: impl IntoIterator<Item = &'l str>) -> Option<Fault> {
        let mut finder = Self::default();
        for line in lines {
            finder.read(line);
        }
        finder.found
    }
}

#[cfg(test)]
mod tests {
    use super::FaultFinder;

    #[test]
    fn the_most_decisive_failure_is_found() {
        const START: &str = "START RequestId: 2 Version: $LATEST";
        const REPORT: &str = "REPORT RequestId: 1\tDuration: 3 ms";
        const IMPORT: &str =
            "[ERROR] Runtime.ImportModuleError: Unable to import module 'a': No module named 'x'";
        const FAILED: &str = "INIT_REPORT Init Duration: 9 ms\tPhase: init\tStatus: error\tError Type: Runtime.Unknown";
        const KNOWN: &str = "INIT_REPORT Init Duration: 9 ms Phase: init Status: error Error Type: Runtime.ImportModuleError";
        let cases: [(&[&str], &str); 10] = [
            (&[START, "hello", REPORT], ""),
            (
                &[IMPORT, KNOWN, START, REPORT],
                "Unable to import module 'a': No module named 'x'",
            ),
            (
                &[KNOWN, IMPORT],
                "Unable to import module 'a': No module named 'x'",
            ),
            (&["[ERROR] KeyError: 'TABLE'", FAILED], "KeyError: 'TABLE'"),
            // A line that the code writes while it is loaded again.
            (
                &[IMPORT, START, "loading", IMPORT],
                "Unable to import module 'a': No module named 'x'",
            ),
            // The code was corrected.
            (&[IMPORT, REPORT, START, "stored 1 file"], ""),
            // The import was corrected, and now the handler is missing.
            (
                &[
                    IMPORT,
                    START,
                    "[ERROR] Runtime.HandlerNotFound: Handler 'h' missing on module 'a'",
                ],
                "Handler 'h' missing on module 'a'",
            ),
            (
                &[IMPORT, START, KNOWN],
                "Unable to import module 'a': No module named 'x'",
            ),
            // The trace belongs to the failure.
            (
                &[IMPORT, "Traceback (most recent call last):", REPORT],
                "Unable to import module 'a': No module named 'x'",
            ),
            (
                &[
                    "x is not authorized to perform: s3:GetObject",
                    "1 Task timed out after 3.00 seconds",
                ],
                "s3:GetObject",
            ),
        ];
        for (lines, detail) in cases {
            let found = FaultFinder::find(lines.iter().copied());
            let found = found.map(|fault| fault.detail).unwrap_or_default();
            assert_eq!(found, detail, "{lines:?}");
        }
    }
}
