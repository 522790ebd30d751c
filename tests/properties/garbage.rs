//! No deployment fails because of a garbage collection beside it.
//!
//! A model of a bucket and of CloudFormation runs deployments and garbage collections at the same time,
//! one call after the other in any order: first looks, uploads, change sets, second looks, executions,
//! and CloudFormation's own reads, also those of a rollback. What each of them decides is decided by the
//! program's own functions. CloudFormation returns the template of a running update or the one before it,
//! records may be lost, and garbage collections may be killed after any call.

mod world;

use jiff::Timestamp;
use proptest::prelude::*;
use stackctl::plan::garbage::announcement::{self, Announcement, Concern, WORK};
use stackctl::plan::garbage::{
    Collection, Entry, Listing, References, Unknown, Version, is_certain,
};

use world::{CHILDREN, Running, Source, Stack, World, keys_of, text_of, zip};

const PROJECT: &str = "site";
const STACKS: usize = 2;
const ZIPS: usize = 4;
const KEEP: usize = 2;

/// The next call of a deployment.
#[derive(Debug, Clone)]
enum ApplyStep {
    /// Looks for announcements, and for the objects at a time.
    Check {
        is_fresh: bool,
        concern: Option<Concern>,
        missing: Option<(Vec<String>, Timestamp)>,
    },
    Upload {
        is_fresh: bool,
        missing: Vec<String>,
    },
    UploadZips,
    Create,
    Execute,
    Done,
}

#[derive(Debug, Clone)]
struct Apply {
    stack: usize,
    source: Source,
    step: ApplyStep,
    set: usize,
    /// Whether CloudFormation has read the template and its change set exists.
    has_change_set: bool,
}

const CHECK_FRESH: ApplyStep = ApplyStep::Check {
    is_fresh: true,
    concern: None,
    missing: None,
};
const CHECK_AGAIN: ApplyStep = ApplyStep::Check {
    is_fresh: false,
    concern: None,
    missing: None,
};

impl Apply {
    fn keys(&self, is_fresh: bool) -> Vec<String> {
        if is_fresh {
            self.source.child.iter().cloned().collect()
        } else {
            keys_of(Some(&self.source))
        }
    }

    /// Returns the next step of a look, of which these answers are known.
    fn check(
        &self,
        world: &mut World,
        choice: usize,
        is_fresh: bool,
        known: (Option<Concern>, Option<(Vec<String>, Timestamp)>),
    ) -> ApplyStep {
        let keys = self.keys(is_fresh);
        let is_missing = |key: &String| !world.is_there(key, is_fresh);
        match known {
            // Both are asked at the same time, and answered in any order.
            (None, None) if choice.is_multiple_of(2) => ApplyStep::Check {
                is_fresh,
                concern: Some(world.concern(&keys)),
                missing: None,
            },
            (None, None) => ApplyStep::Check {
                is_fresh,
                concern: None,
                missing: Some((keys.into_iter().filter(is_missing).collect(), world.time())),
            },
            (None, Some((missing, looked))) => match world.concern(&keys) {
                Concern::Nothing if announcement::is_recent(Some(looked), Some(world.time())) => {
                    ApplyStep::Upload { is_fresh, missing }
                }
                concern => ApplyStep::Check {
                    is_fresh,
                    concern: Some(concern.max(Concern::Ended)),
                    missing: None,
                },
            },
            (Some(Concern::Nothing), _) => {
                let missing = keys.into_iter().filter(is_missing).collect();
                ApplyStep::Upload { is_fresh, missing }
            }
            // It waits, and looks at its objects after that.
            (Some(_), _) => match world.concern(&keys) {
                Concern::Running => {
                    world.waited += 1;
                    self.step.clone()
                }
                _ => ApplyStep::Check {
                    is_fresh,
                    concern: Some(Concern::Nothing),
                    missing: None,
                },
            },
        }
    }

    fn step(&mut self, world: &mut World, choice: usize) {
        self.step = match self.step.clone() {
            ApplyStep::Check {
                is_fresh,
                concern,
                missing,
            } => self.check(world, choice, is_fresh, (concern, missing)),
            ApplyStep::Upload {
                is_fresh,
                mut missing,
            } => {
                if let Some(key) = missing.pop() {
                    world.write(&key, false);
                    if is_fresh && missing.is_empty() {
                        ApplyStep::Check {
                            is_fresh,
                            concern: None,
                            missing: None,
                        }
                    } else {
                        ApplyStep::Upload { is_fresh, missing }
                    }
                } else if is_fresh {
                    ApplyStep::UploadZips
                } else {
                    ApplyStep::Execute
                }
            }
            ApplyStep::UploadZips => {
                let keys = self.keys(false).into_iter();
                let mut missing =
                    keys.filter(|key| !world.is_there(key, false) && key.ends_with("zip"));
                match missing.next() {
                    Some(key) => {
                        world.write(&key, false);
                        ApplyStep::UploadZips
                    }
                    None => ApplyStep::Create,
                }
            }
            ApplyStep::Create => {
                if let Some(child) = self.source.child.clone() {
                    world.read(&child, "CreateChangeSet");
                }
                let stack = &mut world.stacks[self.stack];
                if stack.running.is_some() || stack.is_failed {
                    // It is refused.
                    self.step = ApplyStep::Done;
                    return;
                }
                stack.change_sets.insert(self.set, self.source.clone());
                self.has_change_set = true;
                CHECK_AGAIN
            }
            ApplyStep::Execute => {
                let stack = &mut world.stacks[self.stack];
                let is_there = stack.change_sets.contains_key(&self.set);
                if is_there && stack.running.is_none() && !stack.is_failed {
                    stack.change_sets.clear();
                    stack.updates += 1;
                    stack.running = Some(Running {
                        before: stack.deployed.clone(),
                        after: self.source.clone(),
                        reads: keys_of(Some(&self.source)),
                        is_rolling_back: false,
                        token: self.set,
                    });
                    world.executed += 1;
                } else {
                    stack.change_sets.remove(&self.set);
                }
                ApplyStep::Done
            }
            ApplyStep::Done => ApplyStep::Done,
        };
    }
}

/// The next call of a garbage collection.
#[derive(Debug, Clone)]
enum Call {
    List,
    Stacks,
    Template(usize),
    ChangeSets(usize),
    StacksAgain,
    Announce,
    Mark(Vec<Entry>),
    Versions(Vec<Version>),
    Markers(Vec<Version>),
    End,
    Done,
}

#[derive(Debug)]
struct Gc {
    call: Call,
    key: String,
    listing: Listing,
    listed: Timestamp,
    states: Vec<(String, usize)>,
    texts: Vec<String>,
    shown: Option<Collection>,
    announced: Option<i64>,
    delete: Vec<Entry>,
}

impl Gc {
    fn new(world: &mut World) -> Self {
        Self {
            call: Call::List,
            key: announcement::key(PROJECT, &format!("stackctl-gc-{}", world.next())),
            listing: Listing::default(),
            listed: world.time(),
            states: Vec::new(),
            texts: Vec::new(),
            shown: None,
            announced: None,
            delete: Vec::new(),
        }
    }

    fn is_in_time(&self, world: &World) -> bool {
        self.announced
            .is_none_or(|begun| world.now - begun < WORK.as_secs().cast_signed())
    }

    fn step(&mut self, world: &mut World, choice: usize) {
        self.call = match std::mem::replace(&mut self.call, Call::Done) {
            Call::List => {
                self.listing = world.listing();
                self.listed = world.time();
                Call::Stacks
            }
            Call::Stacks => {
                self.states = world.stacks.iter().map(Stack::state).collect();
                self.texts.clear();
                Call::ChangeSets(0)
            }
            Call::ChangeSets(stack) => {
                let sets = world.stacks[stack].change_sets.values();
                self.texts.extend(sets.map(Source::text));
                Call::Template(stack)
            }
            Call::Template(stack) => {
                let state = &world.stacks[stack];
                let shown = match &state.running {
                    Some(running) if choice.is_multiple_of(2) || running.before.is_none() => {
                        Some(&running.after)
                    }
                    _ => state.deployed.as_ref(),
                };
                self.texts.extend(shown.map(Source::text));
                if stack + 1 < world.stacks.len() {
                    Call::ChangeSets(stack + 1)
                } else {
                    Call::StacksAgain
                }
            }
            Call::StacksAgain => {
                let now: Vec<_> = world.stacks.iter().map(Stack::state).collect();
                if now == self.states || choice.is_multiple_of(5) {
                    self.decide(world, now == self.states)
                } else {
                    Call::Stacks
                }
            }
            Call::Announce => {
                let shown = self.shown.clone().unwrap_or_default();
                let announced = Announcement::new(shown.removed());
                world
                    .contents
                    .insert(self.key.clone(), announced.to_json().unwrap());
                world.write(&self.key.clone(), false);
                self.announced = Some(world.now);
                Call::List
            }
            Call::Mark(mut entries) => match entries.pop() {
                Some(_) if !self.is_in_time(world) => Call::End,
                Some(entry) => {
                    world.write(&entry.key, true);
                    world.marked += 1;
                    Call::Mark(entries)
                }
                None => {
                    let versions = self.delete.iter().flat_map(|it| &it.versions);
                    Call::Versions(versions.filter(|it| !it.is_marker).cloned().collect())
                }
            },
            Call::Versions(mut versions) => match versions.pop() {
                Some(_) if !self.is_in_time(world) => Call::End,
                Some(version) => {
                    world.delete(&version);
                    world.deleted += 1;
                    Call::Versions(versions)
                }
                None => {
                    let versions = self.delete.iter().flat_map(|it| &it.versions);
                    Call::Markers(versions.filter(|it| it.is_marker).cloned().collect())
                }
            },
            Call::Markers(mut markers) => match markers.pop() {
                Some(_) if !self.is_in_time(world) => Call::End,
                Some(marker) => {
                    world.delete(&marker);
                    Call::Markers(markers)
                }
                None => Call::End,
            },
            Call::End => {
                let shown = self.shown.clone().unwrap_or_default();
                let ended = Announcement::new(shown.removed()).ended();
                world
                    .contents
                    .insert(self.key.clone(), ended.to_json().unwrap());
                world.write(&self.key.clone(), false);
                Call::Done
            }
            Call::Done => Call::Done,
        };
    }

    fn decide(&mut self, world: &mut World, is_stable: bool) -> Call {
        let mut references = References::new(&self.listing, KEEP);
        for text in &self.texts {
            references.add(text);
        }
        let mut records = Vec::new();
        loop {
            let unread = references.take_unread();
            if unread.is_empty() {
                break;
            }
            for version in unread {
                let text = text_of(&version.key, &world.contents);
                references.add(&text);
                records.push(text);
            }
        }
        if !is_stable {
            references.add_unknown(Unknown::Changing("a stack".to_owned()));
        }
        for stack in &world.stacks {
            let token = stack.last_success.map(|token| format!("token {token} "));
            let is_recorded =
                token.is_some_and(|token| records.iter().any(|it| it.starts_with(&token)));
            if !is_certain(&stack.status(), is_recorded) {
                references.add_unknown(Unknown::Changing("a stack".to_owned()));
            }
        }
        let collection = Collection::new(&self.listing, &references, self.listed);
        let Some(shown) = &self.shown else {
            let is_empty = collection.is_empty();
            self.shown = Some(collection);
            return if is_empty { Call::Done } else { Call::Announce };
        };
        let collection = collection.within(shown);
        for marker in collection.unmark.iter().flat_map(|it| &it.versions) {
            world.delete(marker);
        }
        self.delete = collection.delete;
        self.delete.extend(collection.announcements);
        Call::Mark(collection.mark)
    }
}

/// Runs deployments and garbage collections beside each other. Each choice decides who goes on.
fn run(choices: &[u32]) -> World {
    let mut world = World {
        stacks: vec![Stack::default(); STACKS],
        ..World::default()
    };
    let mut applies: Vec<Apply> = Vec::new();
    let mut collections: Vec<Gc> = Vec::new();
    for choice in choices {
        let choice = usize::try_from(*choice).unwrap();
        let (who, rest) = (choice % 16, choice / 16);
        world.now += i64::try_from(rest % 4).unwrap();
        // A deployment reads its templates within minutes, however long the others take.
        let is_patient = applies.iter().all(|it| it.has_change_set);
        match who {
            0 if is_patient => world.now += [60, 700, 3_700][rest % 3],
            1 if applies.len() < 3 => {
                let source = Source {
                    child: (rest % 3 == 0).then(|| CHILDREN[rest / 3 % ZIPS].0.clone()),
                    zips: [zip(rest / 16 % ZIPS)].into(),
                };
                let set = world.next();
                let step = CHECK_FRESH;
                let stack = rest % STACKS;
                applies.push(Apply {
                    stack,
                    source,
                    step,
                    set,
                    has_change_set: false,
                });
            }
            2 if collections.len() < 2 => {
                let new = Gc::new(&mut world);
                collections.push(new);
            }
            // It is killed.
            3 if rest % 8 == 0 => drop(collections.pop()),
            4 | 5 => world.advance(rest % STACKS, rest / STACKS),
            6 => world.recover(rest % STACKS),
            7..=10 => {
                let count = applies.len().max(1);
                if let Some(apply) = applies.get_mut(rest % count) {
                    apply.step(&mut world, rest / 4);
                }
            }
            _ => {
                let count = collections.len().max(1);
                if let Some(collection) = collections.get_mut(rest % count) {
                    collection.step(&mut world, rest / 2);
                }
            }
        }
        applies.retain(|it| !matches!(it.step, ApplyStep::Done));
        collections.retain(|it| !matches!(it.call, Call::Done));
        if !world.failures.is_empty() {
            break;
        }
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 300,
        max_shrink_iters: 500,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_deployment_misses_an_object_during_garbage_collections(
        choices in prop::collection::vec(any::<u32>(), 300..900),
    ) {
        let world = run(&choices);
        prop_assert!(world.failures.is_empty(), "{:?}", world.failures);
    }
}

#[test]
fn the_model_marks_deletes_executes_and_waits() {
    let mut random = 1_u64;
    let choices: Vec<u32> = std::iter::repeat_with(|| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(random >> 32).unwrap()
    })
    .take(6_000)
    .collect();
    let world = run(&choices);
    assert!(world.failures.is_empty(), "{:?}", world.failures);
    let counts = [world.marked, world.deleted, world.executed, world.waited];
    assert!(counts.iter().all(|count| *count > 3), "{counts:?}");
}
