//! The lines of logs in the order of time, each once.

use std::collections::HashMap;

use jiff::Timestamp;

/// A line of a log; it may have several lines of text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogLine {
    /// The id; empty if the service gives none.
    pub id: String,
    /// The log stream.
    pub stream: String,
    /// The time in milliseconds since 1970.
    pub time: i64,
    /// The text, without the line break at its end.
    pub text: String,
}

impl LogLine {
    /// Returns the time; `None` if it is out of range.
    pub fn timestamp(&self) -> Option<Timestamp> {
        Timestamp::from_millisecond(self.time).ok()
    }
}

/// The lines that were read before. Each poll reads some of them again, because CloudWatch may show a
/// line later than newer ones.
#[derive(Debug, Default)]
pub struct SeenLines {
    /// The keys of the lines, with their times.
    known: HashMap<String, i64>,
    /// How many lines of this poll are the same in everything that identifies them.
    same: HashMap<String, usize>,
    newest: Option<i64>,
}

impl SeenLines {
    /// Begins a poll.
    pub fn begin(&mut self) {
        self.same.clear();
    }

    /// Returns the lines of a page that are new.
    pub fn new_lines(&mut self, page: Vec<LogLine>) -> Vec<LogLine> {
        let mut new = page;
        new.retain(|line| {
            let key = self.key(line);
            self.newest = self.newest.max(Some(line.time));
            self.known.insert(key, line.time).is_none()
        });
        new
    }

    /// Ends a poll. Returns the time in milliseconds from which the next poll has to read so that it
    /// finds lines that appear up to `overlap` milliseconds late; `start` if no line has been read.
    pub fn next_start(&mut self, start: i64, overlap: i64) -> i64 {
        let Some(newest) = self.newest else {
            return start;
        };
        let oldest = newest.saturating_sub(overlap);
        self.known.retain(|_, time| *time >= oldest);
        oldest.max(start)
    }

    fn key(&mut self, line: &LogLine) -> String {
        if !line.id.is_empty() {
            return line.id.clone();
        }
        let key = format!("{}\0{}\0{}", line.stream, line.time, line.text);
        let count = self.same.entry(key.clone()).or_default();
        *count += 1;
        format!("{key}\0{count}")
    }
}

/// Returns the name of the function in the name of a log stream, `YYYY/MM/DD/NAME[VERSION]ID`; `None` in
/// a function's own log group, where streams are `YYYY/MM/DD/[VERSION]ID`.
pub fn function_of_stream(stream: &str) -> Option<&str> {
    let (name, _) = after_date(stream)?.split_once('[')?;
    Some(name).filter(|name| !name.is_empty())
}

/// Returns the text after `YYYY/MM/DD/`.
fn after_date(stream: &str) -> Option<&str> {
    let mut rest = stream;
    for _ in 0..3 {
        let (number, after) = rest.split_once('/')?;
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        rest = after;
    }
    Some(rest)
}

/// Returns the log stream that a text names, such as the reason of a custom resource.
pub fn stream_in(text: &str) -> Option<&str> {
    let is_end =
        |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '(' | ')' | ';' | '`');
    text.split(is_end)
        .map(|word| word.trim_end_matches(['.', ':']))
        .find(|word| {
            let parts = after_date(word).and_then(|rest| rest.split_once('['));
            parts.is_some_and(|(name, id)| !name.contains('/') && id.contains(']'))
        })
}

/// Returns the terms for which CloudWatch is asked so that it finds every line with a text. They have no
/// character with a meaning of its own in a filter pattern, so the lines that it finds must be compared
/// with the text again.
pub fn filter_terms(text: &str) -> String {
    let is_special = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\\' | '%');
    let terms = text.split(is_special).filter(|term| !term.is_empty());
    let terms: Vec<String> = terms.map(|term| format!("\"{term}\"")).collect();
    terms.join(" ")
}

#[cfg(test)]
mod tests {
    use super::{LogLine, SeenLines, filter_terms, function_of_stream, stream_in};

    fn line(id: &str, time: i64, text: &str) -> LogLine {
        LogLine {
            id: id.to_owned(),
            stream: "s".to_owned(),
            time,
            text: text.to_owned(),
        }
    }

    fn texts(lines: Vec<LogLine>) -> Vec<String> {
        lines.into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn each_line_is_new_once_also_if_it_appears_late() {
        let mut seen = SeenLines::default();
        seen.begin();
        let first = seen.new_lines(vec![line("1", 1_000, "a"), line("3", 3_000, "c")]);
        assert_eq!(texts(first), ["a", "c"]);
        assert_eq!(seen.next_start(500, 60_000), 500);
        seen.begin();
        let late = vec![
            line("1", 1_000, "a"),
            line("2", 2_000, "b"),
            line("3", 3_000, "c"),
        ];
        assert_eq!(texts(seen.new_lines(late)), ["b"]);
        seen.new_lines(vec![line("9", 100_000, "z")]);
        assert_eq!(seen.next_start(500, 60_000), 40_000);
        assert_eq!(seen.known.len(), 1, "older lines are forgotten");
    }

    #[test]
    fn lines_without_ids_are_counted() {
        let mut seen = SeenLines::default();
        seen.begin();
        let same = || vec![line("", 1, "x"), line("", 1, "x")];
        assert_eq!(texts(seen.new_lines(same())), ["x", "x"]);
        seen.begin();
        assert_eq!(texts(seen.new_lines(same())), [""; 0]);
        seen.begin();
        let more = [same(), vec![line("", 1, "x")]].concat();
        assert_eq!(texts(seen.new_lines(more)), ["x"]);
    }

    #[test]
    fn without_a_line_the_next_poll_starts_where_the_first_did() {
        let mut seen = SeenLines::default();
        assert_eq!(seen.next_start(500, 60_000), 500);
    }

    #[test]
    fn stream_names_say_which_function_wrote() {
        let cases = [
            ("2026/01/02/demo-handler[$LATEST]0123", Some("demo-handler")),
            ("2026/01/02/[$LATEST]0123", None),
            ("2026/01/02/[7]0123", None),
            ("my/own/stream/name[1]", None),
            ("stream", None),
        ];
        for (stream, name) in cases {
            assert_eq!(function_of_stream(stream), name, "{stream}");
        }
    }

    #[test]
    fn a_reason_may_name_a_stream() {
        let stream = "2026/01/02/[$LATEST]0123456789abcdef";
        let cases = [
            (
                format!(
                    "Received response status [FAILED] from custom resource. Message returned: See the details in CloudWatch Log Stream: {stream} (RequestId: 1)"
                ),
                Some(stream),
            ),
            (format!("see {stream}."), Some(stream)),
            ("failed [FAILED] at 2026/01/02".to_owned(), None),
            ("a/b/c/[x]".to_owned(), None),
        ];
        for (reason, expected) in cases {
            assert_eq!(stream_in(&reason), expected, "{reason}");
        }
    }

    #[test]
    fn a_text_becomes_terms_without_special_characters() {
        let cases = [
            ("ERROR", "\"ERROR\""),
            ("two  words", "\"two\" \"words\""),
            (
                "-a ?b [c] {$.d = 1}",
                "\"-a\" \"?b\" \"[c]\" \"{$.d\" \"=\" \"1}\"",
            ),
            ("say \"hi\\n\" 100%", "\"say\" \"hi\" \"n\" \"100\""),
            (" \"% ", ""),
            ("日本\u{1b}x", "\"日本\" \"x\""),
        ];
        for (text, terms) in cases {
            assert_eq!(filter_terms(text), terms, "{text}");
        }
    }
}
