//! The lines of log groups (`FilterLogEvents`).

use std::collections::VecDeque;

use serde::Deserialize;
use serde_json::json;

use super::json_call::{CallError, JsonClient, LOGS, Request};
use super::{Connection, fault};
use crate::cloudformation::function::LogLine;
use crate::error::Result;

/// The permission that every call here needs.
pub const PERMISSION: &str = "logs:FilterLogEvents";

/// How many pages of a log are read for its last lines, of up to 10,000 lines or 1 MB each
/// (`FilterLogEvents`).
const TAIL_PAGES: usize = 50;

/// CloudWatch's answers about log groups.
#[derive(Debug, Clone)]
pub struct LogService {
    connection: Connection,
    client: JsonClient,
}

/// Which lines of a log group are read.
#[derive(Debug, Clone, Default)]
pub struct LogQuery {
    /// The name of the log group.
    pub group: String,
    /// The earliest time in milliseconds since 1970.
    pub start: i64,
    /// The latest time in milliseconds since 1970; `None` for no limit.
    pub end: Option<i64>,
    /// The filter pattern; empty for all lines.
    pub pattern: String,
    /// The log stream; `None` for all of them.
    pub stream: Option<String>,
}

/// What a log group answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogAnswer<T> {
    /// What was asked for.
    Read(T),
    /// There is no such log group or stream: nothing was written yet.
    Missing,
    /// The caller may not read it.
    Denied,
}

/// A page of lines in the order of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPage {
    /// The lines. A page may have none although others follow.
    pub lines: Vec<LogLine>,
    /// The token of the next page; `None` after the last one.
    pub next: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    events: Option<Vec<AnswerEvent>>,
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnswerEvent {
    event_id: Option<String>,
    log_stream_name: Option<String>,
    timestamp: Option<i64>,
    message: Option<String>,
}

impl LogService {
    /// Returns the service of the connection's account and region; nothing is sent yet.
    pub fn new(connection: &Connection) -> Self {
        Self {
            connection: connection.clone(),
            client: connection.json(LOGS),
        }
    }

    /// Returns a page of lines: the first one, or the one that `token` names.
    ///
    /// # Errors
    ///
    /// If the service does not answer or returns another error than a missing group or permission.
    pub async fn page(&self, query: &LogQuery, token: Option<&str>) -> Result<LogAnswer<LogPage>> {
        let mut input = json!({ "logGroupName": query.group, "startTime": query.start });
        if let Some(end) = query.end {
            input["endTime"] = end.into();
        }
        if !query.pattern.is_empty() {
            input["filterPattern"] = query.pattern.clone().into();
        }
        if let Some(stream) = &query.stream {
            input["logStreamNames"] = json!([stream]);
        }
        if let Some(token) = token {
            input["nextToken"] = token.into();
        }
        let request = Request::json("1.1", "Logs_20140328.FilterLogEvents", &input);
        let answer: Result<Answer, CallError> = self.client.send(request).await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if fault::is_denied(&error) => return Ok(LogAnswer::Denied),
            Err(error) if fault::has_code(&error, "ResourceNotFoundException") => {
                return Ok(LogAnswer::Missing);
            }
            Err(error) => {
                let doing = format!("read the log `{}`", query.group);
                return Err(self.connection.fault(doing, &error));
            }
        };
        let events = answer.events.unwrap_or_default();
        let next = answer.next_token.filter(|next| !next.is_empty());
        Ok(LogAnswer::Read(LogPage {
            lines: events.into_iter().map(line).collect(),
            // Some servers repeat the token after the last page.
            next: next.filter(|next| Some(next.as_str()) != token),
        }))
    }

    /// Returns the last `count` lines that `keep` accepts, oldest first. Of very many pages, the first are
    /// read.
    ///
    /// # Errors
    ///
    /// As for [`page`](Self::page).
    pub async fn tail(
        &self,
        query: &LogQuery,
        count: usize,
        keep: impl Fn(&str) -> bool,
    ) -> Result<LogAnswer<Vec<LogLine>>> {
        let mut tail = VecDeque::new();
        let mut token: Option<String> = None;
        for _ in 0..TAIL_PAGES {
            let page = match self.page(query, token.as_deref()).await? {
                LogAnswer::Read(page) => page,
                LogAnswer::Missing => return Ok(LogAnswer::Missing),
                LogAnswer::Denied => return Ok(LogAnswer::Denied),
            };
            for line in page.lines.into_iter().filter(|line| keep(&line.text)) {
                tail.push_back(line);
                if tail.len() > count {
                    tail.pop_front();
                }
            }
            token = page.next;
            if token.is_none() {
                break;
            }
        }
        Ok(LogAnswer::Read(tail.into()))
    }
}

fn line(event: AnswerEvent) -> LogLine {
    let text = event.message.unwrap_or_default();
    LogLine {
        id: event.event_id.unwrap_or_default(),
        stream: event.log_stream_name.unwrap_or_default(),
        time: event.timestamp.unwrap_or_default(),
        text: text.trim_end().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Answer, line};

    #[test]
    fn members_of_an_answer_may_be_missing() {
        let read = |answer: Value| -> Vec<(String, i64, String)> {
            let answer: Answer = serde_json::from_value(answer).unwrap_or(Answer {
                events: None,
                next_token: None,
            });
            let lines = answer.events.unwrap_or_default().into_iter().map(line);
            lines.map(|line| (line.id, line.time, line.text)).collect()
        };
        let event = json!({ "eventId": "1", "timestamp": 7, "message": "a\nb\n" });
        let expected = ("1".to_owned(), 7, "a\nb".to_owned());
        assert_eq!(read(json!({ "events": [event] })), [expected]);
        assert_eq!(
            read(json!({ "events": [{}] })),
            [(String::new(), 0, String::new())]
        );
        assert_eq!(read(json!({})), []);
        assert_eq!(read(json!({ "events": null })), []);
    }
}
