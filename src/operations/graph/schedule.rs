//! Who may go: the state of each stack of a run, and what that allows the others.
//!
//! A stack is planned, shown and deployed. It is planned after the stacks that it needs, since their
//! plans say whether its inputs change; it is shown in the order of the graph; it is deployed after
//! consent, and after the stacks that it needs. What needs a stack that failed is not begun, and the
//! rest goes on. A deletion has the same course with the graph reversed.

/// The state of one stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It is read and planned.
    Planning,
    /// It was planned. `changes` is whether its deployment may change what others read from it.
    Planned { changes: bool },
    /// Its plan was shown.
    Shown { changes: bool },
    /// It is being deployed.
    Running,
    /// It is as it should be.
    Done,
    /// Its plan or its deployment failed or was refused.
    Failed,
    /// It was not begun, because this stack was not done.
    NotBegun { because: usize },
}

/// Whether a stack may take its next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Turn<T> {
    /// Not yet.
    Wait,
    /// Now.
    Go(T),
    /// Never, because this stack was not done.
    Never { because: usize },
    /// Never, because nothing more is begun.
    Stopped,
}

/// The stacks of one run.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    /// The stacks that each stack needs. Each one is before it.
    needs: Vec<Vec<usize>>,
    stages: Vec<Stage>,
    /// How many stacks are deployed at once.
    jobs: usize,
    /// Whether the user has agreed to what was shown.
    agreed: bool,
    /// Whether nothing more is begun.
    stopped: bool,
}

impl Schedule {
    /// Returns the schedule of stacks in the order of the graph: each needs only stacks before it.
    pub(crate) fn new(needs: Vec<Vec<usize>>, jobs: usize) -> Self {
        Self {
            stages: vec![Stage::Planning; needs.len()],
            needs,
            jobs: jobs.max(1),
            agreed: false,
            stopped: false,
        }
    }

    /// Returns the state of each stack.
    pub(crate) fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// Returns whether a stack may be planned with what it needs: those of the stacks that it needs which
    /// may change what it reads from them.
    pub(crate) fn turn_to_plan(&self, stack: usize) -> Turn<Vec<usize>> {
        if self.stopped {
            return Turn::Stopped;
        }
        if let Some(because) = self.obstacle(stack) {
            return Turn::Never { because };
        }
        let mut changing = Vec::new();
        for &needed in &self.needs[stack] {
            match self.stages[needed] {
                Stage::Planning => return Turn::Wait,
                Stage::Planned { changes: true } | Stage::Shown { changes: true } => {
                    changing.push(needed);
                }
                _ => {}
            }
        }
        Turn::Go(changing)
    }

    /// A stack was planned.
    pub(crate) fn planned(&mut self, stack: usize, changes: bool) {
        self.stages[stack] = Stage::Planned { changes };
    }

    /// Returns whether the plan of a stack is the next to be shown.
    pub(crate) fn turn_to_show(&self, stack: usize) -> Turn<()> {
        let is_shown = |stage: &Stage| !matches!(stage, Stage::Planning | Stage::Planned { .. });
        if self.stopped {
            Turn::Stopped
        } else if let Some(because) = self.obstacle(stack) {
            Turn::Never { because }
        } else if self.stages[..stack].iter().all(is_shown) {
            Turn::Go(())
        } else {
            Turn::Wait
        }
    }

    /// The plan of a stack was shown.
    pub(crate) fn shown(&mut self, stack: usize) {
        if let Stage::Planned { changes } = self.stages[stack] {
            self.stages[stack] = Stage::Shown { changes };
        }
    }

    /// Returns whether every plan was shown, or cannot be.
    pub(crate) fn is_shown(&self) -> bool {
        let is_shown = |stage: &Stage| !matches!(stage, Stage::Planning | Stage::Planned { .. });
        self.stages.iter().all(is_shown)
    }

    /// The user has agreed to what was shown.
    pub(crate) fn agree(&mut self) {
        self.agreed = true;
    }

    /// Nothing more is begun; what runs goes on.
    pub(crate) fn stop(&mut self) {
        self.stopped = true;
    }

    /// Returns whether everything that a stack needs is done.
    pub(crate) fn turn_to_begin(&self, stack: usize) -> Turn<()> {
        if self.stopped {
            return Turn::Stopped;
        }
        if let Some(because) = self.obstacle(stack) {
            return Turn::Never { because };
        }
        let mut needed = self.needs[stack].iter();
        if self.agreed && needed.all(|it| self.stages[*it] == Stage::Done) {
            Turn::Go(())
        } else {
            Turn::Wait
        }
    }

    /// Returns whether a stack may be deployed, and lets it run if so: everything that it needs is done,
    /// and fewer others run than may run at once.
    pub(crate) fn turn_to_run(&mut self, stack: usize) -> Turn<()> {
        let turn = self.turn_to_begin(stack);
        let running = self.stages.iter().filter(|it| **it == Stage::Running);
        if turn != Turn::Go(()) {
            return turn;
        }
        if running.count() >= self.jobs {
            return Turn::Wait;
        }
        self.stages[stack] = Stage::Running;
        turn
    }

    /// A stack is done or has failed.
    pub(crate) fn ended(&mut self, stack: usize, done: bool) {
        self.stages[stack] = if done { Stage::Done } else { Stage::Failed };
    }

    /// A stack was not begun, because this one was not done.
    pub(crate) fn not_begun(&mut self, stack: usize, because: usize) {
        self.stages[stack] = Stage::NotBegun { because };
    }

    /// Returns the stack that failed and keeps this one from being begun.
    fn obstacle(&self, stack: usize) -> Option<usize> {
        let mut needed = self.needs[stack].iter();
        needed.find_map(|&needed| match self.stages[needed] {
            Stage::Failed => Some(needed),
            Stage::NotBegun { because } => Some(because),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Schedule, Stage, Turn};

    /// A diamond: 1 and 2 need 0, and 3 needs both.
    fn diamond(jobs: usize) -> Schedule {
        Schedule::new(vec![vec![], vec![0], vec![0], vec![1, 2]], jobs)
    }

    fn show_all(schedule: &mut Schedule) {
        for stack in 0..schedule.stages().len() {
            schedule.planned(stack, true);
            assert_eq!(schedule.turn_to_show(stack), Turn::Go(()));
            schedule.shown(stack);
        }
        assert!(schedule.is_shown());
    }

    #[test]
    fn a_plan_waits_for_the_plans_of_what_it_needs_and_learns_which_of_them_change() {
        let mut schedule = diamond(4);
        assert_eq!(schedule.turn_to_plan(0), Turn::Go(vec![]));
        assert_eq!(schedule.turn_to_plan(1), Turn::Wait);
        schedule.planned(0, false);
        assert_eq!(schedule.turn_to_plan(1), Turn::Go(vec![]));
        schedule.planned(1, true);
        assert_eq!(schedule.turn_to_plan(3), Turn::Wait);
        schedule.planned(2, false);
        assert_eq!(schedule.turn_to_plan(3), Turn::Go(vec![1]));
    }

    #[test]
    fn plans_are_shown_in_the_order_of_the_graph() {
        let mut schedule = diamond(4);
        schedule.planned(0, true);
        schedule.planned(2, true);
        assert_eq!(schedule.turn_to_show(0), Turn::Go(()));
        assert_eq!(schedule.turn_to_show(2), Turn::Wait);
        schedule.shown(0);
        assert_eq!(schedule.turn_to_show(2), Turn::Wait, "1 is not planned");
        schedule.ended(1, false);
        assert_eq!(schedule.turn_to_show(2), Turn::Go(()));
        assert_eq!(schedule.turn_to_show(3), Turn::Never { because: 1 });
        assert!(!schedule.is_shown());
        schedule.shown(2);
        schedule.not_begun(3, 1);
        assert!(schedule.is_shown());
    }

    #[test]
    fn nothing_begins_before_consent_and_before_what_it_needs() {
        let mut schedule = diamond(1);
        show_all(&mut schedule);
        assert_eq!(schedule.turn_to_begin(0), Turn::Wait);
        schedule.agree();
        assert_eq!(schedule.turn_to_run(1), Turn::Wait);
        assert_eq!(schedule.turn_to_run(0), Turn::Go(()));
        schedule.ended(0, true);
        assert_eq!(schedule.turn_to_begin(2), Turn::Go(()));
        assert_eq!(schedule.turn_to_run(1), Turn::Go(()));
        assert_eq!(schedule.turn_to_run(2), Turn::Wait, "one at once");
        schedule.ended(1, false);
        assert_eq!(schedule.turn_to_run(2), Turn::Go(()));
        assert_eq!(schedule.turn_to_run(3), Turn::Never { because: 1 });
    }

    #[test]
    fn the_first_failure_is_named_along_the_graph() {
        let mut schedule = Schedule::new(vec![vec![], vec![0], vec![1]], 4);
        schedule.ended(0, false);
        assert_eq!(schedule.turn_to_plan(1), Turn::Never { because: 0 });
        schedule.not_begun(1, 0);
        assert_eq!(schedule.turn_to_plan(2), Turn::Never { because: 0 });
    }

    #[test]
    fn after_a_stop_nothing_begins() {
        let mut schedule = diamond(4);
        show_all(&mut schedule);
        schedule.agree();
        assert_eq!(schedule.turn_to_run(0), Turn::Go(()));
        schedule.stop();
        schedule.ended(0, true);
        assert_eq!(schedule.turn_to_begin(1), Turn::Stopped);
        assert_eq!(schedule.turn_to_plan(1), Turn::Stopped);
    }

    /// Graphs in which each stack needs some of those before it, and what happens to each stack.
    fn graphs() -> impl Strategy<Value = (Vec<Vec<usize>>, Vec<u8>, usize)> {
        (1_usize..12).prop_flat_map(|size| {
            let needs = (0..size)
                .map(|stack| {
                    proptest::sample::subsequence((0..stack).collect::<Vec<_>>(), 0..=stack)
                })
                .collect::<Vec<_>>();
            (needs, prop::collection::vec(0_u8..8, size), 1_usize..5)
        })
    }

    proptest! {
        #[test]
        fn whatever_fails_each_stack_runs_once_after_what_it_needs(
            (needs, outcomes, jobs) in graphs(),
            picks in prop::collection::vec(any::<prop::sample::Index>(), 0..80),
        ) {
            let size = needs.len();
            let mut schedule = Schedule::new(needs.clone(), jobs);
            let mut runs = vec![0; size];
            let picks = picks.into_iter().map(|pick| pick.index(size));
            let rest = (0..size).cycle().take(6 * size * size);
            let fails_to_plan = |stack: usize| outcomes[stack] == 0;
            let fails_to_run = |stack: usize| outcomes[stack] == 1;
            // In any order, each stack takes the step that it may take.
            for stack in picks.chain(rest) {
                if schedule.is_shown() {
                    schedule.agree();
                }
                let turn = match schedule.stages()[stack] {
                    Stage::Planning => match schedule.turn_to_plan(stack) {
                        Turn::Go(_) if fails_to_plan(stack) => {
                            schedule.ended(stack, false);
                            continue;
                        }
                        Turn::Go(_) => {
                            schedule.planned(stack, true);
                            continue;
                        }
                        Turn::Wait => Turn::Wait,
                        Turn::Never { because } => Turn::Never { because },
                        Turn::Stopped => Turn::Stopped,
                    },
                    Stage::Planned { .. } => {
                        let turn = schedule.turn_to_show(stack);
                        if turn == Turn::Go(()) {
                            schedule.shown(stack);
                        }
                        turn
                    }
                    Stage::Shown { .. } => {
                        let turn = schedule.turn_to_run(stack);
                        if turn == Turn::Go(()) {
                            runs[stack] += 1;
                            prop_assert!(needs[stack].iter().all(|it| schedule.stages()[*it] == Stage::Done));
                            let running = schedule.stages().iter().filter(|it| **it == Stage::Running);
                            prop_assert!(running.count() <= jobs);
                        }
                        turn
                    }
                    Stage::Running => {
                        schedule.ended(stack, !fails_to_run(stack));
                        continue;
                    }
                    Stage::Done | Stage::Failed | Stage::NotBegun { .. } => continue,
                };
                if let Turn::Never { because } = turn {
                    prop_assert_eq!(schedule.stages()[because], Stage::Failed);
                    schedule.not_begun(stack, because);
                }
            }
            let mut failed = vec![false; size];
            for stack in 0..size {
                let blocked = needs[stack].iter().any(|it| failed[*it]);
                failed[stack] = blocked || fails_to_plan(stack) || fails_to_run(stack);
                let expected = usize::from(!blocked && !fails_to_plan(stack));
                prop_assert_eq!(runs[stack], expected, "stack {}", stack);
                prop_assert_eq!(schedule.stages()[stack] == Stage::Done, !failed[stack]);
            }
        }
    }
}
