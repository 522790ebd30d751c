//! Deleting from the artifact bucket what no stack needs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::fault_injection::{Part, ProxiedProject};
use crate::killed::{self, Random};
use crate::matrix;
use crate::proxy::{Moment, Rule};
use crate::sandbox::Finished;

/// How many records are kept.
const KEEP: usize = 2;
/// The deployments that fail, of six.
const FAILING: [usize; 3] = [2, 5, 6];
/// How many runs are killed.
const KILLS: usize = 20;
/// Longer than a marked object keeps its content.
const HOUR: Duration = Duration::from_mins(61);
/// Shorter than that.
const NOT_YET: Duration = Duration::from_mins(50);
/// Longer than a deployment waits for a run that was killed.
const LEASE: Duration = Duration::from_mins(11);

/// Writes the files of a deployment.
fn write(project: &ProxiedProject, number: usize, part: Part) {
    project.write_with(&format!("name-{number}"), &number.to_string(), part);
    project.keep_records(KEEP);
}

/// Runs `gc` when S3's clock is this far ahead.
fn gc(project: &ProxiedProject, ahead: Duration) -> Finished {
    let proxy = project.proxy(Rule::Nothing);
    proxy.set_s3_ahead(ahead);
    project.run(&proxy, &["gc", "--yes"])
}

/// Returns the keys that were added.
fn added(project: &ProxiedProject, before: &BTreeSet<String>) -> BTreeSet<String> {
    let [contents, _] = project.artifacts();
    contents.difference(before).cloned().collect()
}

#[test]
fn exactly_what_neither_the_stack_nor_a_kept_record_needs_is_deleted_an_hour_later() {
    let project = ProxiedProject::new();
    let proxy = project.proxy(Rule::Nothing);
    let (mut deployed, mut objects) = (BTreeMap::new(), BTreeMap::new());
    let mut all = BTreeSet::new();
    for number in 1..=6 {
        let fails = FAILING.contains(&number);
        let part = if fails {
            Part::Failure
        } else {
            Part::Protection
        };
        write(&project, number, part);
        let applied = project.run(&proxy, &["apply", "--yes"]);
        applied.expect_code(if fails { 3 } else { 0 });
        let new = added(&project, &all);
        let zips = new.iter().filter(|key| key.contains("/handler/"));
        assert_eq!(zips.count(), 1, "{number}: {new:?}");
        all.extend(new.iter().cloned());
        objects.insert(number, new);
        deployed.insert(number, project.deployed());
    }
    // The newest two failed, so the newest two that succeeded are kept too.
    let needed: BTreeSet<String> = [3, 4, 5, 6]
        .iter()
        .flat_map(|it| objects[it].clone())
        .collect();
    let garbage: BTreeSet<String> = all.difference(&needed).cloned().collect();

    // New templates are left alone. The rest is marked, and keeps its content for an hour.
    let (templates, others): (BTreeSet<String>, BTreeSet<String>) = garbage
        .into_iter()
        .partition(|key| key.contains("/templates/"));
    for ahead in [Duration::ZERO, NOT_YET] {
        gc(&project, ahead).expect_code(0);
        assert_eq!(project.artifacts(), [all.clone(), others.clone()]);
    }
    gc(&project, HOUR).expect_code(0);
    let left = all.difference(&others).cloned().collect();
    assert_eq!(project.artifacts(), [left, templates]);
    gc(&project, HOUR).expect_code(0);
    assert_eq!(project.artifacts(), [needed, BTreeSet::new()]);
    assert!(project.deployed() == deployed[&4]);

    for number in [3, 4, 3] {
        let to = number.to_string();
        let back = project.run(&proxy, &["rollback", "--to", &to, "--yes"]);
        let back = back.expect_code(0);
        assert!(project.deployed() == deployed[&number], "{number}: {back}");
    }
}

#[test]
fn runs_that_are_killed_during_deployments_lose_nothing() {
    let seed = killed::seed();
    let mut random = Random(seed);
    let project = ProxiedProject::new();
    // What each deployment added to the bucket.
    let mut objects = Vec::new();
    let mut calls = 0;
    let mut before = BTreeSet::new();
    for number in 1..=KEEP {
        let proxy = project.proxy(Rule::Nothing);
        write(&project, number, Part::Protection);
        project.run(&proxy, &["apply", "--yes"]).expect_code(0);
        let new = added(&project, &before);
        before.extend(new.iter().cloned());
        objects.push(new);
        calls = proxy.passed().len();
    }
    let proxy = project.proxy(Rule::Nothing);
    project.put_garbage(0);
    project.run(&proxy, &["gc", "--yes"]).expect_code(0);
    let length = proxy.passed().len();

    let (mut landed, mut previous) = (0, project.deployed());
    let moments = [Moment::Before, Moment::Between, Moment::After];
    for number in 1..=KILLS {
        project.put_garbage(number);
        // Every other run deletes; a deployment runs during some of those that mark.
        let deletes = number % 2 == 0;
        let [before, _] = project.artifacts();
        let mut deployment = (number % 4 == 1).then(|| {
            previous = project.deployed();
            write(&project, 100 + number, Part::Protection);
            let proxy = project.proxy(Rule::Nothing);
            let applying = project.spawn(&proxy, &["apply", "--yes"]);
            (proxy, applying)
        });
        if let Some((proxy, applying)) = &mut deployment {
            let at = random.below(calls);
            applying.wait_until("its calls", || proxy.passed().len() >= at);
        }
        let stop = Rule::Stop(random.below(length), moments[random.below(moments.len())]);
        let proxy = project.proxy(stop);
        if deletes {
            proxy.set_s3_ahead(HOUR);
        }
        let mut running = project.spawn(&proxy, &["gc", "--yes"]);
        landed += usize::from(proxy.wait_until_stopped(|| running.has_ended()));
        running.kill();
        proxy.wait_until_idle();
        if let Some((proxy, applying)) = deployment {
            proxy.set_s3_ahead(LEASE);
            applying.wait().expect_code(0);
            objects.push(added(&project, &before));
        }
    }
    matrix::report(&format!(
        "{landed} of {KILLS} garbage collections were killed in time; KILL_SEED={seed}"
    ));
    assert!(landed > KILLS / 2, "KILL_SEED={seed}");

    // The next run gives back what is needed, and deletes all the rest an hour later.
    gc(&project, Duration::ZERO).expect_code(0);
    let needed: BTreeSet<String> = objects.iter().rev().take(KEEP).flatten().cloned().collect();
    let [contents, marked] = project.artifacts();
    let missing: Vec<_> = needed
        .iter()
        .filter(|it| !contents.contains(*it) || marked.contains(*it))
        .collect();
    assert!(missing.is_empty(), "KILL_SEED={seed}: {missing:?}");
    // The second one deletes the templates, which are not marked while they are new.
    gc(&project, HOUR).expect_code(0);
    gc(&project, HOUR).expect_code(0);
    assert_eq!(
        project.artifacts(),
        [needed, BTreeSet::new()],
        "KILL_SEED={seed}"
    );

    project.run(&proxy, &["rollback", "--yes"]).expect_code(0);
    assert!(project.deployed() == previous, "KILL_SEED={seed}");
    write(&project, 200, Part::Protection);
    project.run(&proxy, &["apply", "--yes"]).expect_code(0);
    assert!(project.wrong(true).is_empty(), "KILL_SEED={seed}");
}
