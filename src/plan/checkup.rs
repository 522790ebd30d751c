//! What `doctor` found: whether what a deployment needs is in place, one check for each thing.

use crate::error::Error;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is in place.
    Ok,
    /// It may be a problem, or prevents only a part of the commands.
    Warning,
    /// It prevents deployments.
    Failed,
    /// It was not checked.
    Skipped,
}

impl Verdict {
    /// All verdicts, in the order of the summary.
    pub const ALL: [Self; 4] = [Self::Ok, Self::Warning, Self::Failed, Self::Skipped];

    /// Returns its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// What a check is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// The project's files.
    Project,
    /// The credentials, the account and the way to AWS.
    Account,
    /// The stack.
    Stack,
    /// The artifact bucket.
    Bucket,
    /// What the caller may do.
    Permissions,
    /// The local environment.
    Local,
    /// The programs and folders of this machine.
    Machine,
}

impl Topic {
    /// All topics, in the order of the output.
    pub const ALL: [Self; 7] = [
        Self::Project,
        Self::Account,
        Self::Stack,
        Self::Bucket,
        Self::Permissions,
        Self::Local,
        Self::Machine,
    ];

    /// Returns its title.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Project => "Project",
            Self::Account => "AWS account",
            Self::Stack => "Stack",
            Self::Bucket => "Artifact bucket",
            Self::Permissions => "Permissions",
            Self::Local => "Local environment",
            Self::Machine => "This machine",
        }
    }

    /// Returns its name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Account => "account",
            Self::Stack => "stack",
            Self::Bucket => "bucket",
            Self::Permissions => "permissions",
            Self::Local => "local",
            Self::Machine => "machine",
        }
    }
}

/// A check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What it is about.
    pub topic: Topic,
    /// Its name, the same in each run.
    pub name: String,
    /// How it ended.
    pub verdict: Verdict,
    /// What was found, in a sentence.
    pub summary: String,
    /// More about it, each in a line.
    pub details: Vec<String>,
    /// What helps: commands, or places to edit. None if nothing is wrong.
    pub remedies: Vec<String>,
}

impl Check {
    /// Returns a check that found what it looked for.
    pub fn ok(topic: Topic, name: &str, summary: impl Into<String>) -> Self {
        Self::new(topic, name, Verdict::Ok, summary)
    }

    /// Returns a check that found something to look at.
    pub fn warning(topic: Topic, name: &str, summary: impl Into<String>) -> Self {
        Self::new(topic, name, Verdict::Warning, summary)
    }

    /// Returns a check that failed.
    pub fn failed(topic: Topic, name: &str, summary: impl Into<String>) -> Self {
        Self::new(topic, name, Verdict::Failed, summary)
    }

    /// Returns a check that was not made, and why.
    pub fn skipped(topic: Topic, name: &str, reason: impl Into<String>) -> Self {
        Self::new(topic, name, Verdict::Skipped, reason)
    }

    /// Returns a check that failed with an error: its message and causes, its places, and its hints.
    pub fn of_error(topic: Topic, name: &str, error: &Error) -> Self {
        let text = error.in_one_line();
        let mut lines = text.lines().map(str::trim);
        let mut check = Self::failed(topic, name, lines.next().unwrap_or_default());
        // Such as the last lines of another program's output.
        check.details.extend(lines.map(str::to_owned));
        for diagnostic in error.diagnostics() {
            let place = diagnostic.places.first().map(|place| {
                let (line, column) = place.source.position(place.span.start);
                format!("{}:{line}:{column}: ", place.source.name)
            });
            let place = place.unwrap_or_default();
            check.details.push(format!("{place}{}", diagnostic.message));
            check.remedies.extend(diagnostic.help.iter().cloned());
        }
        check.remedies.extend(error.hints().iter().cloned());
        check
    }

    fn new(topic: Topic, name: &str, verdict: Verdict, summary: impl Into<String>) -> Self {
        Self {
            topic,
            name: name.to_owned(),
            verdict,
            summary: summary.into(),
            details: Vec::new(),
            remedies: Vec::new(),
        }
    }

    /// Adds a line.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.details.push(detail.into());
        self
    }

    /// Adds what helps.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedies.push(remedy.into());
        self
    }

    /// Makes a failure a warning, for what prevents only a part of the commands.
    #[must_use]
    pub fn at_most_warning(mut self) -> Self {
        if self.verdict == Verdict::Failed {
            self.verdict = Verdict::Warning;
        }
        self
    }
}

/// The checks of the account, in their order.
const OF_ACCOUNT: [&str; 6] = [
    "credentials",
    "expiry",
    "account",
    "region",
    "endpoint",
    "clock",
];

/// All checks of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checkup {
    /// The project; `None` if its manifest could not be read.
    pub project: Option<String>,
    /// The environment.
    pub environment: Option<String>,
    /// The stack's name.
    pub stack: Option<String>,
    /// The account of the credentials.
    pub account: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// The checks, by topic.
    pub checks: Vec<Check>,
}

impl Checkup {
    /// Returns how many checks ended so.
    pub fn count(&self, verdict: Verdict) -> usize {
        let checks = self.checks.iter();
        checks.filter(|check| check.verdict == verdict).count()
    }

    /// Returns the worst verdict: failed, a warning, or ok.
    pub fn verdict(&self) -> Verdict {
        let worst = [Verdict::Failed, Verdict::Warning];
        let mut worst = worst.into_iter().filter(|it| self.count(*it) > 0);
        worst.next().unwrap_or(Verdict::Ok)
    }

    /// Puts the checks into the order of their topics. Those of the account, which are made in different
    /// places, have an order of their own.
    pub fn sort(&mut self) {
        let place = |topic| Topic::ALL.iter().position(|it| *it == topic);
        let in_account = |check: &Check| match check.topic {
            Topic::Account => OF_ACCOUNT.iter().position(|it| *it == check.name),
            _ => None,
        };
        self.checks
            .sort_by_key(|check| (place(check.topic), in_account(check)));
    }
}

#[cfg(test)]
mod tests {
    use super::{Check, Checkup, Topic, Verdict};
    use crate::error::Error;

    #[test]
    fn an_error_gives_its_lines_and_its_hints() {
        let error = Error::input("no Python:\n  a is 3.8\n  b does not run").hint("install one");
        let check = Check::of_error(Topic::Machine, "python", &error);
        assert_eq!(check.verdict, Verdict::Failed);
        assert_eq!(check.summary, "no Python:");
        assert_eq!(check.details, ["a is 3.8", "b does not run"]);
        assert_eq!(check.remedies, ["install one"]);
        assert_eq!(check.at_most_warning().verdict, Verdict::Warning);
    }

    #[test]
    fn the_worst_verdict_counts_and_a_skipped_check_does_not() {
        let mut checkup = Checkup::default();
        assert_eq!(checkup.verdict(), Verdict::Ok);
        for (check, expected) in [
            (Check::skipped(Topic::Machine, "a", ""), Verdict::Ok),
            (Check::ok(Topic::Stack, "b", ""), Verdict::Ok),
            (Check::warning(Topic::Stack, "c", ""), Verdict::Warning),
            (Check::failed(Topic::Project, "d", ""), Verdict::Failed),
            (Check::ok(Topic::Account, "clock", ""), Verdict::Failed),
            (
                Check::ok(Topic::Account, "credentials", ""),
                Verdict::Failed,
            ),
        ] {
            checkup.checks.push(check);
            assert_eq!(checkup.verdict(), expected);
        }
        checkup.sort();
        let names: Vec<_> = checkup.checks.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["d", "credentials", "clock", "b", "c", "a"]);
    }
}
