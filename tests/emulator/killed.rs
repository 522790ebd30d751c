//! A `plan`, an `apply`, a `rollback`, a `history` and a `destroy` that end at any moment: by `kill -9`, SIGTERM or SIGHUP.
//!
//! After a kill, the next run succeeds. After a signal, nothing of the run's own is left besides, and
//! the next run succeeds too.
//!
//! The moments are calls, not times. The proxy holds a call before the server sees it, before the
//! client gets the response, or just after that, and then the process ends. So the moments cover all
//! phases on any machine. `KILL_SEED` repeats a run.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

use crate::fault_injection::{Part, ProxiedProject};
use crate::matrix;
use crate::proxy::{Moment, Proxy, Rule};
use crate::sandbox::Running;

/// How many commands are killed.
const KILLS: usize = 50;
/// How many of those that use the records of deployments are killed besides.
const KILLS_OF_RECORDS: usize = 20;
/// How many commands each of the other signals ends.
const SIGNALS: usize = 20;
/// How many run concurrently.
const AT_ONCE: usize = 8;

/// A command that ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Command {
    /// `apply` of a new stack.
    Create,
    /// `apply` of a change.
    Update,
    /// `plan` of a new stack.
    PlanNew,
    /// `plan` of a change.
    PlanChange,
    /// `destroy`.
    Destroy,
    /// `rollback` to the first of two deployments.
    Rollback,
    /// `history` of the second of two deployments.
    History,
}

impl Command {
    const ALL: [Self; 7] = [
        Self::Create,
        Self::Update,
        Self::PlanNew,
        Self::PlanChange,
        Self::Destroy,
        Self::Rollback,
        Self::History,
    ];
    /// The commands that use the records of deployments.
    const OF_RECORDS: [Self; 2] = [Self::Rollback, Self::History];
    const OTHERS: [Self; 5] = [
        Self::Create,
        Self::Update,
        Self::PlanNew,
        Self::PlanChange,
        Self::Destroy,
    ];

    fn project(self) -> ProxiedProject {
        let project = ProxiedProject::new();
        match self {
            Self::Create | Self::PlanNew => {}
            Self::Update | Self::PlanChange => {
                project.deploy();
                project.write("second", "2");
            }
            Self::Rollback | Self::History => {
                project.deploy();
                project.write("second", "2");
                project.deploy();
                // The files of the first deployment.
                project.write("first", "1");
            }
            Self::Destroy => {
                project.write_with("first", "1", Part::Nothing);
                project.deploy();
            }
        }
        project
    }

    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Create | Self::Update => &["apply", "--yes"],
            Self::PlanNew | Self::PlanChange => &["plan"],
            Self::Destroy => &["destroy", "--yes"],
            Self::Rollback => &["rollback", "--to", "1", "--yes"],
            Self::History => &["history", "2"],
        }
    }

    /// Returns the command that a user runs next.
    fn next(self) -> &'static [&'static str] {
        match self {
            Self::Create | Self::Update => &["apply", "--yes", "--wait"],
            Self::Rollback => &["rollback", "--to", "1", "--yes", "--wait"],
            _ => self.arguments(),
        }
    }

    fn applies(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::Rollback)
    }
}

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Kill,
    Terminate,
    HangUp,
}

/// The moment at which a command ends.
#[derive(Debug, Clone, Copy)]
struct Case {
    command: Command,
    end: End,
    call: usize,
    moment: Moment,
}

/// Pseudorandom numbers, the same for the same seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// Returns a number below a limit (the generator `SplitMix64`).
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).unwrap()
    }
}

/// Returns `KILL_SEED`, or another number each time.
pub(crate) fn seed() -> u64 {
    match std::env::var("KILL_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => RandomState::new().build_hasher().finish(),
    }
}

#[test]
fn next_run_succeeds_after_a_run_that_ended_at_any_moment() {
    let seed = seed();
    let cases = cases(&mut Random(seed));
    let (mut landed, mut failures) = (0, Vec::new());
    let attempts = matrix::map(&cases, AT_ONCE, |case| attempt(*case));
    for (case, attempt) in cases.iter().zip(attempts) {
        match attempt {
            Ok(in_time) => landed += usize::from(in_time),
            Err(failure) => failures.push(format!("{case:?}: {failure}")),
        }
    }
    let count = cases.len();
    matrix::report(&format!(
        "{landed} of {count} commands ended in time ({} by kill -9, {SIGNALS} each by SIGTERM and \
         SIGHUP); KILL_SEED={seed}",
        KILLS + KILLS_OF_RECORDS
    ));
    assert!(
        failures.is_empty(),
        "KILL_SEED={seed}: {} of {count}:\n{}",
        failures.len(),
        failures.join("\n\n")
    );
    assert!(landed > count * 9 / 10, "KILL_SEED={seed}");
}

/// Returns moments in all phases of each command.
fn cases(random: &mut Random) -> Vec<Case> {
    let lengths = Command::ALL.map(|command| {
        let project = command.project();
        let proxy = project.proxy(Rule::Nothing);
        project.run(&proxy, command.arguments()).expect_code(0);
        (command, proxy.passed().len())
    });
    let lengths = HashMap::from(lengths);
    let moments = [Moment::Before, Moment::Between, Moment::After];
    let (others, of_records) = (&Command::OTHERS[..], &Command::OF_RECORDS[..]);
    let ends = [
        (End::Kill, KILLS, others),
        (End::Kill, KILLS_OF_RECORDS, of_records),
        (End::Terminate, SIGNALS, others),
        (End::HangUp, SIGNALS, others),
    ];
    let mut cases = Vec::new();
    for (end, count, commands) in ends {
        for number in 0..count {
            let command = commands[number % commands.len()];
            cases.push(Case {
                command,
                end,
                call: random.below(lengths[&command]),
                moment: moments[random.below(moments.len())],
            });
        }
    }
    cases
}

/// Ends a command and runs the next one. Returns whether the first had not ended by itself.
fn attempt(case: Case) -> Result<bool, String> {
    let command = case.command;
    let project = command.project();
    let proxy = project.proxy(Rule::Stop(case.call, case.moment));
    let mut running = project.spawn(&proxy, command.arguments());
    let in_time = proxy.wait_until_stopped(|| running.has_ended());
    let ended = end(case.end, in_time, running);
    proxy.wait_until_idle();
    let executed = proxy.accepted("ExecuteChangeSet");
    drop(proxy);

    let fail = |what: String| Err(format!("{what}\nthe first run: {ended}"));
    if ended.contains("panicked") {
        return fail("it panicked".to_owned());
    }
    // A signal leaves nothing of the run's own behind.
    let own = project.own_leftovers();
    if case.end != End::Kill && !own.is_empty() {
        return fail(format!("it left {own:?}"));
    }
    let healthy = project.proxy(Rule::Nothing);
    let second = project.run(&healthy, command.next());
    let fail = |what: String| {
        Err(format!(
            "{what}\nthe first run: {ended}\nthe next:\n{second}"
        ))
    };
    if second.code() != 0 || second.stderr.contains("panicked") {
        return fail("it failed".to_owned());
    }
    let executed = executed + healthy.accepted("ExecuteChangeSet");
    if executed != usize::from(command.applies()) {
        return fail(format!("executed {executed} times"));
    }
    let mut wrong = match command {
        Command::Create | Command::Update | Command::Rollback => {
            project.wrong(case.end == End::Kill)
        }
        Command::Destroy => project.left(),
        Command::PlanNew | Command::PlanChange | Command::History => Vec::new(),
    };
    if case.end != End::Kill {
        wrong.extend(project.own_leftovers());
    }
    let files = project.temporary_leftovers();
    wrong.extend(files.iter().map(|path| path.display().to_string()));
    if command.applies() && !is_up_to_date(&project, &healthy) {
        wrong.push("the files differ from what is deployed".to_owned());
    }
    if !wrong.is_empty() {
        return fail(format!("{wrong:?}"));
    }
    Ok(in_time)
}

/// Ends the process and returns what it wrote.
fn end(how: End, in_time: bool, mut running: Running) -> String {
    match how {
        End::Kill => {
            // Dropping the child kills it with SIGKILL.
            drop(running);
            return String::new();
        }
        End::Terminate if in_time && !running.has_ended() => {
            running.terminate();
        }
        End::HangUp if in_time && !running.has_ended() => {
            running.hang_up();
        }
        _ => {}
    }
    running.wait().to_string()
}

fn is_up_to_date(project: &ProxiedProject, proxy: &Proxy) -> bool {
    project.run(proxy, &["diff", "--exit-code"]).code() == 0
}
