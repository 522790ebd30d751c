//! What pip's log says about a failure.

/// Parts of pip's messages (version 20 and later) if it cannot reach a package index.
const NO_NETWORK: [&str; 6] = [
    "NewConnectionError",
    "NameResolutionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ProxyError",
    "Network is unreachable",
];

/// Returns a message with further lines, indented.
pub(crate) fn with_lines(message: &str, lines: &[&str]) -> String {
    lines
        .iter()
        .fold(message.to_owned(), |text, line| format!("{text}\n  {line}"))
}

/// Returns the last network error in pip's log, or `None` if there is none. The text omits the Python
/// object and has at most 160 characters.
pub(crate) fn network_failure(log: &str) -> Option<String> {
    let line = log
        .lines()
        .rfind(|line| NO_NETWORK.iter().any(|part| line.contains(part)))?;
    let reason = line.rsplit(" object at 0x").next().unwrap_or(line);
    let reason = reason.split_once(": ").map_or(reason, |(_, reason)| reason);
    let reason = reason
        .rsplit_once("')")
        .map_or(reason, |(reason, _)| reason);
    Some(reason.chars().take(160).collect())
}

/// Returns the last three lines that pip marks as errors, or else the last three lines.
pub(crate) fn relevant_lines(log: &str) -> Vec<&str> {
    let lines: Vec<&str> = log
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect();
    let is_error = |line: &&&str| line.starts_with("ERROR:");
    let mut chosen: Vec<&str> = lines
        .iter()
        .rev()
        .filter(is_error)
        .take(3)
        .copied()
        .collect();
    if chosen.is_empty() {
        chosen = lines.iter().rev().take(3).copied().collect();
    }
    chosen.reverse();
    chosen
}

#[cfg(test)]
mod tests {
    use super::relevant_lines;

    #[test]
    fn errors_in_a_log_are_preferred_to_its_last_lines() {
        let log = "Collecting a\nERROR: one\nWARNING: x\nERROR: two\n\nnotice\n";
        assert_eq!(relevant_lines(log), ["ERROR: one", "ERROR: two"]);
        assert_eq!(relevant_lines("1\n2\n3\n4\n"), ["2", "3", "4"]);
        assert_eq!(relevant_lines(""), [""; 0]);
    }
}
