//! Times in messages.

use jiff::Timestamp;

/// Returns a time in UTC to the second, such as `2026-01-02 03:04:05Z`.
pub(crate) fn to_the_second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}
