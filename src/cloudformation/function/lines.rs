//! The lines in the log of a function: which of them the platform writes, and which show that an
//! invocation failed.

use super::fault::{self, FaultKind};

/// Returns whether Lambda itself writes the line about each invocation.
pub fn is_of_platform(line: &str) -> bool {
    const STARTS: [&str; 9] = [
        "START RequestId:",
        "END RequestId:",
        "REPORT RequestId:",
        "INIT_START ",
        "INIT_REPORT ",
        "RESTORE_START ",
        "RESTORE_REPORT ",
        "EXTENSION\t",
        "XRAY TraceId:",
    ];
    STARTS.iter().any(|start| line.starts_with(start)) || line.contains("\"type\":\"platform.")
}

/// Returns whether the line shows that an invocation failed: an error that the function did not
/// handle, the end of its process, or a timeout. A line that the function's own logger writes at the
/// level of errors shows no failure, and neither does a slow start, which Lambda repeats.
pub fn shows_failure(line: &str) -> bool {
    // Python separates the parts of a logger's line by tabs, and writes an unhandled error with a space.
    const STARTS: [&str; 2] = ["[ERROR] ", "Traceback (most recent call last)"];
    const PARTS: [&str; 4] = [
        "Task timed out after ",
        "\tERROR\tInvoke Error",
        "\tERROR\tUncaught Exception",
        "Runtime.ExitError",
    ];
    const REPORTED: [&str; 3] = ["error", "timeout", "failure"];
    let fault = fault::in_line(line);
    if matches!(&fault, Some(fault) if fault.kind == FaultKind::SlowStart) {
        return false;
    }
    let is_reported = |status: &str| {
        line.contains(&format!("Status: {status}"))
            || line.contains(&format!("\"status\":\"{status}\""))
    };
    STARTS.iter().any(|start| line.starts_with(start))
        || PARTS.iter().any(|part| line.contains(part))
        || (is_of_platform(line) && REPORTED.iter().any(|status| is_reported(status)))
        || fault.is_some_and(|fault| fault.prevents_start())
}

#[cfg(test)]
mod tests {
    use super::{is_of_platform, shows_failure};

    #[test]
    fn failures_and_lines_of_the_platform_are_recognized() {
        for (line, of_platform, failed) in [
            ("START RequestId: 1 Version: $LATEST", true, false),
            ("END RequestId: 1", true, false),
            ("REPORT RequestId: 1\tDuration: 3 ms", true, false),
            (
                "REPORT RequestId: 1\tDuration: 3 ms\tStatus: timeout",
                true,
                true,
            ),
            (
                r#"{"time":"t","type":"platform.start","record":{}}"#,
                true,
                false,
            ),
            (
                r#"{"type":"platform.report","record":{"status":"error"}}"#,
                true,
                true,
            ),
            (
                r#"{"type":"platform.report","record":{"status":"success"}}"#,
                true,
                false,
            ),
            (
                "[ERROR] KeyError: 'x'\nTraceback (most recent call last):",
                false,
                true,
            ),
            ("Traceback (most recent call last):", false, true),
            (
                "[ERROR]\t2026-01-02T03:04:05Z\t1\tcannot read the tags",
                false,
                false,
            ),
            (
                "2026-01-02T03:04:05Z 1 Task timed out after 3.00 seconds",
                false,
                true,
            ),
            (
                "2026-01-02T03:04:05Z\t1\tERROR\tInvoke Error \t{}",
                false,
                true,
            ),
            ("2026-01-02T03:04:05Z\t1\tERROR\tretrying", false, false),
            (
                "RequestId: 1 Error: Runtime exited: exit status 1 Runtime.ExitError",
                false,
                true,
            ),
            (
                "INIT_REPORT Init Duration: 9 ms\tPhase: init\tStatus: error\tError Type: Runtime.Unknown",
                true,
                true,
            ),
            (
                "INIT_REPORT Init Duration: 10008 ms\tPhase: init\tStatus: timeout",
                true,
                false,
            ),
            (
                "RequestId: 1 Error: Couldn't find valid bootstrap(s): [/var/task/bootstrap]",
                false,
                true,
            ),
            ("stored 1 file", false, false),
        ] {
            assert_eq!(is_of_platform(line), of_platform, "{line}");
            assert_eq!(shows_failure(line), failed, "{line}");
        }
    }
}
