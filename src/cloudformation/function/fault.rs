//! Why a function failed, from a line of its log.
//!
//! Each runtime reports an error in its own form: Python as `[ERROR] TYPE: MESSAGE`, Node.js as a JSON
//! object behind tabs, Ruby as JSON, Java and .NET as text, and Lambda itself as `INIT_REPORT` or, if
//! the function's log is in JSON, as `platform.initReport`. The type of the error decides; the runtimes
//! that have no types of Lambda are recognized by the beginning of their messages.

use std::fmt;

use serde_json::Value;

/// What kind of failure it is, the most decisive first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// A module of the code, or one that it needs, cannot be imported.
    Import,
    /// The code has a syntax error.
    Syntax,
    /// The setting `Handler` names nothing in the code.
    Handler,
    /// The program that the runtime starts is missing or cannot be executed.
    Program,
    /// An extension ended or failed.
    Extension,
    /// The code raises an error while it is loaded.
    Loading,
    /// A call of the function was denied.
    Denied,
    /// The process was ended because it needed more memory.
    Memory,
    /// The invocation timed out.
    Timeout,
    /// The process ended.
    Exit,
    /// The code was not loaded within the time for that, which Lambda repeats.
    SlowStart,
}

/// A failure of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind of failure it is.
    pub kind: FaultKind,
    /// The message, on one line; empty if the log has none.
    pub detail: String,
}

/// An error as a runtime reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reported {
    /// The type, such as `Runtime.ImportModuleError` or `KeyError`.
    pub(super) error: String,
    /// The message; may be empty.
    pub(super) message: String,
}

impl fmt::Display for Reported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error, self.message)
    }
}

impl Fault {
    fn new(kind: FaultKind, detail: &str) -> Self {
        let words: Vec<&str> = detail.split_whitespace().collect();
        Self {
            kind,
            detail: words.join(" "),
        }
    }

    /// Returns whether no invocation can succeed: the function's code is not even loaded.
    pub fn prevents_start(&self) -> bool {
        self.kind <= FaultKind::Loading
    }

    /// Returns the sentence about the failure of the function that is called `label`.
    pub fn sentence(&self, label: &str) -> String {
        let text = match self.kind {
            FaultKind::Import => format!("the function `{label}` does not start: an import fails"),
            FaultKind::Syntax => {
                format!("the function `{label}` does not start: its code has a syntax error")
            }
            FaultKind::Handler => format!(
                "the function `{label}` does not start: its `Handler` names nothing that its code has"
            ),
            FaultKind::Program => format!(
                "the function `{label}` does not start: its program is missing or cannot be executed"
            ),
            FaultKind::Extension => {
                format!("the function `{label}` does not start: an extension of a layer fails")
            }
            FaultKind::Loading => {
                format!("the function `{label}` does not start: its code fails while it is loaded")
            }
            FaultKind::Denied => format!("a call of the function `{label}` was denied"),
            FaultKind::Memory => format!("the function `{label}` ran out of memory"),
            FaultKind::Timeout => format!("the function `{label}` timed out"),
            FaultKind::Exit => format!("the process of the function `{label}` ended"),
            FaultKind::SlowStart => format!(
                "the function `{label}` is slow to start: its code was not loaded in time, and Lambda \
                 repeats that"
            ),
        };
        if self.detail.is_empty() {
            text
        } else {
            format!("{text}: {}", self.detail)
        }
    }

    /// Returns what helps; `None` if the detail says it.
    pub fn remedy(&self) -> Option<&'static str> {
        match self.kind {
            FaultKind::Import => Some(
                "package the module with the code (for Python packages, `requirements` of the artifact), \
                 and check that `Handler` names the file",
            ),
            FaultKind::Syntax => {
                Some("correct the code, or set `Runtime` to the version that it is written for")
            }
            FaultKind::Handler => {
                Some("set `Handler` to a file and a function of the code, such as `app.handler`")
            }
            FaultKind::Program => Some(
                "package an executable `bootstrap` for the function's architecture, or the files that \
                 its runtime needs",
            ),
            FaultKind::Loading => {
                Some("correct the code outside of the handler, or the variables that it reads")
            }
            FaultKind::Denied => Some("allow the action in the policy of the function's role"),
            FaultKind::Memory => Some("raise `MemorySize`"),
            FaultKind::Timeout => Some("raise `Timeout`, or find out what the function waits for"),
            FaultKind::Extension | FaultKind::Exit | FaultKind::SlowStart => None,
        }
    }
}

/// Returns the failure that a line shows by itself; `None` if it shows none.
pub(super) fn in_line(line: &str) -> Option<Fault> {
    if let Some(report) = init_report(line) {
        return match report.status {
            "timeout" if report.is_first => Some(Fault::new(FaultKind::SlowStart, "")),
            "timeout" => Some(Fault::new(FaultKind::Timeout, "")),
            "error" | "failure" => {
                let kind = kind_of_type(report.error).unwrap_or(FaultKind::Loading);
                Some(Fault::new(kind, ""))
            }
            _ => None,
        };
    }
    if let Some(reported) = reported(line)
        && let Some(kind) = kind_of_report(&reported, line)
    {
        return Some(match kind {
            FaultKind::Loading => Fault::new(kind, &reported.to_string()),
            _ => Fault::new(kind, &reported.message),
        });
    }
    by_text(line).or_else(|| denied(line))
}

/// Returns the error that a runtime reports in a line.
pub(super) fn reported(line: &str) -> Option<Reported> {
    python(line)
        .or_else(|| process(line))
        .or_else(|| json(line))
}

/// `[ERROR] TYPE: MESSAGE`. The function's own logger writes a tab behind the bracket.
fn python(line: &str) -> Option<Reported> {
    let rest = line.strip_prefix("[ERROR] ")?;
    let first = rest.lines().next().unwrap_or(rest);
    let (error, message) = first.split_once(':').unwrap_or((first, ""));
    let is_type = !error.is_empty() && !error.contains(char::is_whitespace);
    is_type.then(|| Reported {
        error: error.to_owned(),
        message: message.trim().to_owned(),
    })
}

/// `RequestId: ID Error: MESSAGE`, and the type on the next line.
fn process(line: &str) -> Option<Reported> {
    let rest = line.strip_prefix("RequestId: ")?;
    let (_, rest) = rest.split_once(" Error: ")?;
    let mut lines = rest.lines();
    let message = lines.next().unwrap_or_default().trim().to_owned();
    let error = lines.next().unwrap_or_default().trim().to_owned();
    Some(Reported { error, message })
}

/// An object with `errorType`, at the top or in `message` or `record`.
fn json(line: &str) -> Option<Reported> {
    if !line.contains("\"errorType\"") {
        return None;
    }
    let start = line.find('{')?;
    let mut values = serde_json::Deserializer::from_str(line.get(start..)?).into_iter::<Value>();
    let value = values.next()?.ok()?;
    let places = [&value, &value["message"], &value["record"]];
    let found = places.iter().find(|place| place["errorType"].is_string())?;
    let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
    Some(Reported {
        error: text("errorType"),
        message: text("errorMessage"),
    })
}

fn kind_of_report(reported: &Reported, line: &str) -> Option<FaultKind> {
    let text = &reported.message;
    if text.contains("signal: killed") {
        return Some(FaultKind::Memory);
    }
    // Before the first request, Node.js has no id of one.
    let is_loading = line.contains("\tundefined\tERROR\tUncaught Exception")
        || (line.starts_with("[ERROR] ") && line.contains(" in import_module"));
    kind_of_type(&reported.error).or_else(|| is_loading.then_some(FaultKind::Loading))
}

fn kind_of_type(error: &str) -> Option<FaultKind> {
    Some(match error {
        "Runtime.ImportModuleError" | "Init<LoadError>" => FaultKind::Import,
        "Runtime.UserCodeSyntaxError" | "Init<SyntaxError>" | "Init<UserCodeSyntaxError>" => {
            FaultKind::Syntax
        }
        "Runtime.HandlerNotFound"
        | "Runtime.MalformedHandlerName"
        | "Runtime.BuiltInModuleConflict"
        | "Runtime.UnsupportedHandlerSignature" => FaultKind::Handler,
        "Runtime.InvalidEntrypoint"
        | "Runtime.InvalidEntryPoint"
        | "Runtime.InvalidWorkingDir"
        | "Runtime.InvalidTaskConfig" => FaultKind::Program,
        "Runtime.OutOfMemory" => FaultKind::Memory,
        "Runtime.ExitError" => FaultKind::Exit,
        "Sandbox.Timedout" | "Sandbox.TimedOut" => FaultKind::Timeout,
        error if error.starts_with("Extension.") => FaultKind::Extension,
        error if error.starts_with("Init<") => FaultKind::Loading,
        _ => return None,
    })
}

/// What runtimes say without a type, by the beginning of the message or, if there is a second text, by
/// both anywhere in it.
const TEXTS: [(&str, &str, FaultKind); 19] = [
    ("fork/exec ", "", FaultKind::Program),
    ("Unable to import module '", "", FaultKind::Import),
    ("Syntax error in module '", "", FaultKind::Syntax),
    ("module initialization error", "", FaultKind::Loading),
    ("Init error when loading handler ", "", FaultKind::Loading),
    ("Class not found: ", "", FaultKind::Handler),
    ("No public method named ", "", FaultKind::Handler),
    ("Error loading method ", "", FaultKind::Handler),
    ("Error loading class ", "", FaultKind::Loading),
    (
        "Class ",
        " has no public zero-argument constructor",
        FaultKind::Handler,
    ),
    (
        "java.lang.UnsupportedClassVersionError",
        "has been compiled by a more recent version",
        FaultKind::Program,
    ),
    (
        "Could not find the specified handler assembly",
        "file name",
        FaultKind::Handler,
    ),
    ("Unable to load type '", "from assembly", FaultKind::Handler),
    ("Unable to find method '", "in type", FaultKind::Handler),
    ("Could not find the required '", ".json", FaultKind::Program),
    ("Couldn't find valid bootstrap", "", FaultKind::Program),
    ("Error: fork/exec ", "", FaultKind::Program),
    (
        "Error: Couldn't find valid bootstrap",
        "",
        FaultKind::Program,
    ),
    ("Runtime exited with error: ", "", FaultKind::Exit),
];

fn by_text(line: &str) -> Option<Fault> {
    let line = line.trim_start();
    let first = line.lines().next().unwrap_or(line);
    // Lambda's own messages begin with the id of the request, and with a time before that.
    let own = first
        .split_once(" Error: ")
        .filter(|_| first.starts_with("RequestId: "));
    let text = own.map_or(first, |(_, text)| text);
    if let Some(after) = text.find("Task timed out after ") {
        let detail = &text[after..];
        return Some(Fault::new(FaultKind::Timeout, detail));
    }
    let found = TEXTS.iter().find(|(start, part, _)| match *part {
        "" => text.starts_with(start),
        part => text.contains(start) && text.contains(part),
    });
    let (_, _, kind) = found?;
    Some(Fault::new(*kind, text))
}

/// Returns the denied call that a line reports: the action and the resource, or the operation.
fn denied(line: &str) -> Option<Fault> {
    let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\\' | ',' | ')' | '`');
    let word = |text: &str| {
        let text = text.trim_start_matches([' ', ':']);
        let word = text.split(is_end).next().unwrap_or_default();
        word.trim_end_matches(['.', ';']).to_owned()
    };
    if let Some((_, rest)) = line.split_once("not authorized to perform") {
        let action = word(rest);
        // An action has a service; other messages use the same words.
        if action.contains(':') {
            let resource = rest.split_once("on resource").map(|(_, rest)| word(rest));
            let detail = match resource.filter(|resource| !resource.is_empty()) {
                Some(resource) => format!("{action} on {resource}"),
                None => action,
            };
            return Some(Fault::new(FaultKind::Denied, &detail));
        }
    }
    let (_, rest) = line.split_once("An error occurred (AccessDenied")?;
    let (_, rest) = rest.split_once("when calling the ")?;
    Some(Fault::new(FaultKind::Denied, &word(rest)))
}

/// How a start ended.
struct InitReport<'l> {
    status: &'l str,
    error: &'l str,
    /// Whether it is the start before the first invocation, which Lambda repeats with that.
    is_first: bool,
}

fn init_report(line: &str) -> Option<InitReport<'_>> {
    let (status, error, phase) = if line.starts_with("INIT_REPORT ") {
        let field = |name: &str| {
            let (_, rest) = line.split_once(name)?;
            rest.split_whitespace().next()
        };
        (field("Status: "), field("Error Type: "), field("Phase: "))
    } else if line.contains("\"platform.initReport\"") {
        let field = |name: &str| {
            let (_, rest) = line.split_once(name)?;
            let (_, rest) = rest.split_once('"')?;
            rest.split('"').next()
        };
        (
            field("\"status\""),
            field("\"errorType\""),
            field("\"phase\""),
        )
    } else {
        return None;
    };
    Some(InitReport {
        status: status.unwrap_or_default(),
        error: error.unwrap_or_default(),
        is_first: phase != Some("invoke"),
    })
}

#[cfg(test)]
mod tests;
