//! `kill -9` at any moment of an `apply`: the next `apply` succeeds.
//!
//! The moments are calls, not times. The proxy holds a call before the server sees it, before the
//! client gets the response, or just after that, and then the process is killed. So the moments
//! cover all phases on any machine. `KILL_SEED` repeats a run.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::fault_injection::ProxiedProject;
use crate::proxy::{Moment, Proxy, Rule};

/// How many applies are killed.
const KILLS: usize = 50;
/// How many run concurrently.
const AT_ONCE: usize = 6;

/// The moment at which an apply is killed.
#[derive(Debug, Clone, Copy)]
struct Kill {
    /// Whether the stack exists before.
    updates: bool,
    call: usize,
    moment: Moment,
}

/// Pseudorandom numbers, the same for the same seed.
struct Random(u64);

impl Random {
    /// Returns a number below a limit (the generator `SplitMix64`).
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).unwrap()
    }
}

#[test]
fn apply_succeeds_after_a_killed_apply() {
    let seed = match std::env::var("KILL_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => RandomState::new().build_hasher().finish(),
    };
    let kills = kills(&mut Random(seed));
    let next = AtomicUsize::new(0);
    let (landed, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(kill) = kills.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match attempt(*kill) {
                        Ok(killed) => landed.fetch_add(usize::from(killed), Ordering::Relaxed),
                        Err(failure) => {
                            let failure = format!("{kill:?}: {failure}");
                            failures.lock().unwrap().push(failure);
                            0
                        }
                    };
                }
            });
        }
    });
    let landed = landed.into_inner();
    // This bypasses the test harness, which prints the output only of a failed test.
    let message = format!("{landed} of {KILLS} applies were killed in time; KILL_SEED={seed}\n");
    std::io::stderr().write_all(message.as_bytes()).unwrap();
    let failures = failures.into_inner().unwrap();
    assert!(
        failures.is_empty(),
        "KILL_SEED={seed}: {} kills:\n{}",
        failures.len(),
        failures.join("\n\n")
    );
    assert!(landed > KILLS * 9 / 10, "KILL_SEED={seed}");
}

/// Returns moments in all phases of a creation and an update.
fn kills(random: &mut Random) -> Vec<Kill> {
    let project = ProxiedProject::new();
    let lengths = ["first", "second"].map(|name| {
        project.write(name, name.len().to_string().as_str());
        let proxy = project.proxy(Rule::Nothing);
        project.run(&proxy, &["apply", "--yes"]).expect_code(0);
        proxy.passed().len()
    });
    let moments = [Moment::Before, Moment::Between, Moment::After];
    let kill = |number: usize| {
        let updates = number % 2 == 1;
        Kill {
            updates,
            call: random.below(lengths[usize::from(updates)]),
            moment: moments[random.below(moments.len())],
        }
    };
    (0..KILLS).map(kill).collect()
}

/// Kills an apply and runs another one. Returns whether the first was killed before its own end.
fn attempt(kill: Kill) -> Result<bool, String> {
    let project = ProxiedProject::new();
    if kill.updates {
        project.deploy();
        project.write("second", "2");
    }
    let proxy = project.proxy(Rule::Stop(kill.call, kill.moment));
    let mut applying = project.spawn(&proxy, &["apply", "--yes"]);
    let killed = proxy.wait_until_stopped(|| applying.has_ended());
    // Dropping the child kills it with SIGKILL.
    drop(applying);
    let executed = proxy.accepted("ExecuteChangeSet");
    drop(proxy);

    let healthy = project.proxy(Rule::Nothing);
    let second = project.run(&healthy, &["apply", "--yes", "--wait"]);
    let fail = |what: String| Err(format!("{what}\nthe next apply:\n{second}"));
    if second.code() != 0 || second.stderr.contains("panicked") {
        return fail("it failed".to_owned());
    }
    let executed = executed + healthy.accepted("ExecuteChangeSet");
    if executed != 1 {
        return fail(format!("executed {executed} times"));
    }
    let mut wrong = project.wrong(true);
    let files = project.temporary_leftovers();
    wrong.extend(files.iter().map(|path| path.display().to_string()));
    if !is_up_to_date(&project, &healthy) {
        wrong.push("the files differ from what is deployed".to_owned());
    }
    if !wrong.is_empty() {
        return fail(format!("{wrong:?}"));
    }
    Ok(killed)
}

fn is_up_to_date(project: &ProxiedProject, proxy: &Proxy) -> bool {
    project.run(proxy, &["diff", "--exit-code"]).code() == 0
}
