//! What one rendering may cost. A template comes from a repository, which may be a stranger's.
//!
//! The engine counts its steps and the bytes that it creates, and stops if they exceed [`FUEL`]. It does
//! not count the elements of a list that is doubled again and again. So the rendering runs on its own
//! thread, and the command ends with an error after [`TIME`]. The thread itself ends only with the
//! process.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::TEMPLATE_LIMIT;

/// The rule of an error about one of these limits.
pub(super) const LIMIT: &str = "template-limit";

/// The rule of an error about [`TIME`].
pub(super) const TIMED_OUT: &str = "template-timeout";

/// The most work of one rendering, in the engine's unit: one instruction, or 64 bytes that it creates.
///
/// Measured: an output of 1 MB takes 60,000 units if most of it is plain text, and 500,000 if loops print
/// each line of it. The example takes 631.
pub(super) const FUEL: u64 = 700_000;

/// The longest time of one rendering. Measured: a debug build does 1,000,000 units of [`FUEL`] in 0.9 seconds, a
/// release build in less than 0.2. The rest is for a busy machine.
pub(super) const TIME: Duration = Duration::from_millis(1500);

/// The largest text that a rendering may return, in bytes: twice what CloudFormation accepts, because
/// the comments of a text that is not ASCII are not sent.
pub(super) const OUTPUT: usize = 2 * TEMPLATE_LIMIT;

/// The most operators in one expression, and the most `elif` tags in one source. The engine's functions
/// call themselves for each of them; measured: with up to 3,000 bytes of the stack.
pub(super) const DEPTH: usize = 10_000;

/// The sizes of the thread's stack in bytes; the first that the system grants is used. It grants memory
/// only for the part that is used.
///
/// The engine's functions on a list call themselves for each level of the list. [`FUEL`] suffices for a
/// list of 600,000 levels; measured: each takes up to 1,100 bytes of the stack in a debug build.
const STACK: [usize; 2] = [1024 * 1024 * 1024, 64 * 1024 * 1024];

/// Why a rendering has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopped {
    /// It took longer than [`TIME`].
    TimedOut,
    /// Its thread could not start, or ended without a result.
    Failed,
}

/// Runs `render` on its own thread and waits for it, at most for [`TIME`].
///
/// If it takes longer, its thread runs until the process ends.
pub(super) fn run<T: Send + 'static>(
    render: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Stopped> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let work = Arc::new(Mutex::new(Some(move || {
        // Nobody receives a result that comes too late.
        let _ = sender.send(render());
    })));
    let started = STACK.iter().any(|size| {
        let work = Arc::clone(&work);
        let thread = thread::Builder::new().stack_size(*size).spawn(move || {
            let work = work.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(work) = work {
                work();
            }
        });
        thread.is_ok()
    });
    if !started {
        return Err(Stopped::Failed);
    }
    // The sender is dropped if the rendering panics.
    drop(work);
    receiver.recv_timeout(TIME).map_err(|error| match error {
        RecvTimeoutError::Timeout => Stopped::TimedOut,
        RecvTimeoutError::Disconnected => Stopped::Failed,
    })
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;
    use std::time::{Duration, Instant};

    use super::super::tests::{failure, text};
    use super::{DEPTH, OUTPUT, Stopped, TIME, run};

    /// Returns a template that assigns to `ns.l` again and again, then prints an expression.
    fn grown(times: usize, assigned: &str, printed: &str) -> String {
        format!(
            "{{% set ns = namespace(l=[1], s='text') %}}{{% for i in range({times}) %}}\
             {{% set {assigned} %}}{{% endfor %}}\nA: {{{{ {printed} }}}}\n"
        )
    }

    #[test]
    fn work_without_end_stops_at_its_place() {
        let stops = "template-limit: the rendering needs too many steps or too much memory";
        for (template, line) in [
            (grown(40, "ns.s = ns.s ~ ns.s", "1"), 1),
            (grown(1, "ns.l = 1", "'x' * 10 ** 10"), 2),
            (grown(1, "ns.l = 1", "'a\\nb' | indent(10 ** 9)"), 2),
            (grown(1, "ns.l = 1", "'%1000000000d' | format(1)"), 2),
            (
                grown(1, "ns.l = 1", "('\\n' * 60000000) | lines | length"),
                2,
            ),
            (grown(1, "ns.l = 1", "([1] * 100000000) | sum"), 2),
            (
                "{% for a in range(100000) %}\n{% for b in range(100000) %}x{% endfor %}\n\
                 {% endfor %}"
                    .to_owned(),
                2,
            ),
            (
                "{% macro m(n) %}\n{% if n < 60 %}{{ m(n + 1) }}{{ m(n + 1) }}{% endif %}\n\
                 {% endmacro %}{{ m(1) }}"
                    .to_owned(),
                2,
            ),
        ] {
            let found = failure(&template);
            assert!(found.starts_with(stops), "{template}\n{found}");
            let place = format!("templates/stack.yaml.j2:{line}:");
            assert!(found.contains(&place), "{template}\n{found}");
        }
    }

    #[test]
    fn what_the_engine_does_not_count_stops_in_time() {
        let begin = Instant::now();
        insta::assert_snapshot!(failure(&grown(40, "ns.l = [ns.l, ns.l]", "ns.l | tojson")), @"
        template-timeout: the rendering takes longer than 1.5 seconds
          templates/stack.yaml.j2:1:1 «»
          help: look for a loop or a list that grows without end
        ");
        assert!(begin.elapsed() < 3 * TIME);
    }

    #[test]
    fn a_deep_list_is_no_stack_overflow() {
        let deep = |printed| grown(20_000, "ns.l = [[[[[[[[[[ns.l]]]]]]]]]]", printed);
        assert_eq!(text(&deep("1")), "\nA: 1\n");
        assert_eq!(text(&deep("ns.l | string | length")), "\nA: 400003\n");
    }

    #[test]
    fn an_expression_and_a_chain_of_branches_have_a_limited_depth() {
        for part in [
            "-",
            "not ",
            "1 + ",
            "1 ~ ",
            "2 ** ",
            "1 if 1 else ",
            "1 and ",
            "1 in ",
            "1 == ",
        ] {
            let found = failure(&format!("A: {{{{ {}1 }}}}", part.repeat(DEPTH + 1)));
            let expected =
                format!("template-limit: the expression has more than {DEPTH} operators");
            assert!(found.starts_with(&expected), "{part}: {found}");
        }
        for part in [".a", "[0]", "()", "|int", " is defined"] {
            let found = failure(&format!("{{% set x = a{} %}}", part.repeat(DEPTH + 1)));
            assert!(found.contains("operators"), "{part}: {found}");
        }
        let branches = "{% elif false %}".repeat(DEPTH + 1);
        let found = failure(&format!("{{% if false %}}{branches}{{% endif %}}"));
        assert!(found.contains("`elif`"), "{found}");
        // Data and texts are not operators.
        let data = format!(
            "{{% set x = [{}] %}}{{{{ x | length }}}}",
            "'-+', 1, ".repeat(DEPTH)
        );
        assert_eq!(text(&data), (2 * DEPTH).to_string());
        let branches = "{% elif false %}".repeat(1000);
        assert_eq!(
            text(&format!(
                "{{% if false %}}{branches}{{% else %}}1{{% endif %}}"
            )),
            "1"
        );
    }

    #[test]
    fn a_large_template_stays_within_the_limits() {
        let lines = "{% for i in range(500) %}R{{ i }}:\n{% for p in range(60) %}  P{{ p }}: \
                     '{{ i }} of {{ vars.days }} and {{ p * i }}'\n{% endfor %}{% endfor %}";
        assert!(text(lines).len() > 700_000);
        let found = failure(&format!("{{{{ 'x' * {} }}}}", OUTPUT + 1));
        assert!(
            found.contains("the rendered text has 2097153 bytes"),
            "{found}"
        );
    }

    #[test]
    fn a_rendering_that_does_not_end_is_left_alone() {
        let begin = Instant::now();
        assert_eq!(run(|| sleep(Duration::MAX)), Err(Stopped::TimedOut));
        assert!(begin.elapsed() < 2 * TIME);
        assert_eq!(run(|| 7), Ok(7));
    }
}
