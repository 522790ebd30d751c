//! What one process knows of the stacks whose outputs it reads. All contexts of the process share it, so
//! that each stack is read once, and so that a plan can wait for the plans that it depends on.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use tokio::sync::{OnceCell, watch};

use crate::cloudformation::stack::Stack;
use crate::config::settings::Settings;
use crate::error::Result;
use crate::plan::output_effect::OutputEffects;
use crate::template::Template;

/// The environment and the key in `[stacks]`.
pub(crate) type Key = (String, String);

/// What a process knows of several stacks.
#[derive(Debug, Default)]
pub(crate) struct Upstream {
    stacks: RefCell<HashMap<Key, Rc<Known>>>,
    /// The settings of all stacks, by environment.
    settings: RefCell<HashMap<String, Rc<Vec<Settings>>>>,
    /// The templates of the files; `None` if one cannot be read.
    templates: RefCell<HashMap<Key, Option<Rc<Template>>>>,
}

/// A stack as it was read.
#[derive(Debug, Clone)]
pub(crate) struct ReadStack {
    /// The stack; `None` if there is none of that name.
    pub(crate) stack: Option<Stack>,
    /// The names of the outputs whose values are secrets.
    pub(crate) secrets: BTreeSet<String>,
}

/// What the plan of a stack does to its outputs, as far as this run makes one.
#[derive(Debug, Clone)]
pub(crate) enum Planned {
    /// This run does not plan the stack, or its plan was executed.
    NotChosen,
    /// Its plan does this.
    Does(Rc<OutputEffects>),
    /// It could not be planned.
    Failed,
}

/// What is known of one stack.
#[derive(Debug)]
struct Known {
    /// Fills with the first answer of the service.
    read: OnceCell<Rc<ReadStack>>,
    /// `None` as long as the stack is being planned.
    planned: watch::Sender<Option<Planned>>,
    /// Becomes `true` with the first answer that the stack's own command has got.
    is_published: watch::Sender<bool>,
}

impl Known {
    fn new(planned: Option<Planned>) -> Rc<Self> {
        Rc::new(Self {
            read: OnceCell::new(),
            planned: watch::Sender::new(planned),
            is_published: watch::Sender::new(false),
        })
    }
}

impl Upstream {
    /// Returns the settings of all stacks of an environment, which `resolve` resolves the first time.
    ///
    /// # Errors
    ///
    /// Those of `resolve`.
    pub(crate) fn settings(
        &self,
        environment: &str,
        resolve: impl FnOnce() -> Result<Vec<Settings>>,
    ) -> Result<Rc<Vec<Settings>>> {
        if let Some(known) = self.settings.borrow().get(environment) {
            return Ok(Rc::clone(known));
        }
        let resolved = Rc::new(resolve()?);
        let mut settings = self.settings.borrow_mut();
        settings.insert(environment.to_owned(), Rc::clone(&resolved));
        Ok(resolved)
    }

    /// Returns the template of a stack as the files have it, which `render` renders the first time.
    pub(crate) fn template(
        &self,
        key: Key,
        render: impl FnOnce() -> Option<Template>,
    ) -> Option<Rc<Template>> {
        if let Some(known) = self.templates.borrow().get(&key) {
            return known.clone();
        }
        let rendered = render().map(Rc::new);
        self.templates.borrow_mut().insert(key, rendered.clone());
        rendered
    }

    /// Remembers that this run plans these stacks, so that others wait for their plans.
    pub(crate) fn announce(&self, keys: impl IntoIterator<Item = Key>) {
        let mut stacks = self.stacks.borrow_mut();
        for key in keys {
            stacks.insert(key, Known::new(None));
        }
    }

    /// Returns whether this run plans the stack and has not executed the plan.
    pub(crate) fn is_expected(&self, key: &Key) -> bool {
        let known = self.stacks.borrow().get(key).cloned();
        known.is_some_and(|known| !matches!(*known.planned.borrow(), Some(Planned::NotChosen)))
    }

    /// The stack was planned.
    pub(crate) fn planned(&self, key: &Key, effects: &OutputEffects) {
        let effects = Planned::Does(Rc::new(effects.clone()));
        if let Some(known) = self.stacks.borrow().get(key) {
            known.planned.send_replace(Some(effects));
        }
    }

    /// The command of the stack has ended. Without a plan, none will come.
    pub(crate) fn ended(&self, key: &Key) {
        if let Some(known) = self.stacks.borrow().get(key) {
            known.planned.send_if_modified(|planned| {
                let is_open = planned.is_none();
                planned.get_or_insert(Planned::Failed);
                is_open
            });
        }
    }

    /// The plan of the stack was executed, and this is the stack now. `secrets` are the outputs whose
    /// values are secrets.
    pub(crate) fn applied(&self, key: &Key, stack: Stack, secrets: BTreeSet<String>) {
        let known = Known::new(Some(Planned::NotChosen));
        let read = ReadStack {
            stack: Some(stack),
            secrets,
        };
        // The cell is new.
        let _ = known.read.set(Rc::new(read));
        self.stacks.borrow_mut().insert(key.clone(), known);
    }

    /// The stack's own command has read it.
    pub(crate) fn publish(&self, key: &Key, read: impl FnOnce() -> ReadStack) {
        let known = self.stacks.borrow().get(key).cloned();
        let Some(known) = known.filter(|known| !known.read.initialized()) else {
            return;
        };
        // Another stack may be reading it at the same time; the first answer counts.
        let _ = known.read.set(Rc::new(read()));
        known.is_published.send_replace(true);
    }

    /// Waits for the plan of the stack, if this run makes one.
    pub(crate) async fn plan_of(&self, key: &Key) -> Planned {
        let known = self.stacks.borrow().get(key).cloned();
        let Some(known) = known else {
            return Planned::NotChosen;
        };
        let mut planned = known.planned.subscribe();
        // The sender lives as long as `known`.
        let found = planned.wait_for(Option::is_some).await;
        let found = found.ok().and_then(|planned| planned.clone());
        found.unwrap_or(Planned::Failed)
    }

    /// Returns the stack as this process has read it first. If its own command is about to read it, waits
    /// for that; otherwise calls `read`, once for all who ask at the same time.
    ///
    /// # Errors
    ///
    /// Those of `read`.
    pub(crate) async fn read(
        &self,
        key: &Key,
        read: impl AsyncFnOnce() -> Result<ReadStack>,
    ) -> Result<Rc<ReadStack>> {
        let known = {
            let mut stacks = self.stacks.borrow_mut();
            let new = || Known::new(Some(Planned::NotChosen));
            Rc::clone(stacks.entry(key.clone()).or_insert_with(new))
        };
        let mut published = known.is_published.subscribe();
        let mut planned = known.planned.subscribe();
        tokio::select! {
            // A command that ends without an answer cannot be waited for.
            _ = planned.wait_for(Option::is_some) => {}
            _ = published.wait_for(|is_published| *is_published) => {}
        }
        let read = known
            .read
            .get_or_try_init(async || read().await.map(Rc::new));
        read.await.cloned()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::collections::BTreeSet;

    use super::{Key, Planned, ReadStack, Upstream};
    use crate::cloudformation::stack::Stack;
    use crate::error::Error;
    use crate::plan::output_effect::OutputEffects;

    fn key() -> Key {
        ("prod".to_owned(), "network".to_owned())
    }

    fn stack(name: &str) -> ReadStack {
        ReadStack {
            stack: Some(Stack {
                name: name.to_owned(),
                ..Stack::default()
            }),
            secrets: BTreeSet::new(),
        }
    }

    fn name(read: &ReadStack) -> &str {
        read.stack.as_ref().map_or("", |stack| &stack.name)
    }

    #[tokio::test]
    async fn a_stack_is_read_once_unless_that_fails() {
        let upstream = Upstream::default();
        let calls = Cell::new(0);
        let key = key();
        let fetch = async || {
            calls.set(calls.get() + 1);
            tokio::task::yield_now().await;
            if calls.get() == 1 {
                return Err(Error::input("no"));
            }
            Ok(stack("read"))
        };
        let read = || upstream.read(&key, &fetch);
        assert!(read().await.is_err());
        let (one, other) = tokio::join!(read(), read());
        assert!(one.is_ok_and(|it| name(&it) == "read") && other.is_ok());
        assert_eq!(calls.get(), 2);
        assert!(!upstream.is_expected(&key));
        assert!(matches!(upstream.plan_of(&key).await, Planned::NotChosen));
        upstream.applied(
            &key,
            stack("applied").stack.unwrap_or_default(),
            BTreeSet::new(),
        );
        assert!(read().await.is_ok_and(|it| name(&it) == "applied"));
        assert_eq!(calls.get(), 2);
    }

    #[tokio::test]
    async fn a_stack_of_the_run_is_read_by_its_own_command() {
        let (upstream, key) = (Upstream::default(), key());
        upstream.announce([key.clone()]);
        assert!(upstream.is_expected(&key));
        let others = upstream.read(&key, async || Ok(stack("other")));
        let own = async { upstream.publish(&key, || stack("own")) };
        let (read, ()) = tokio::join!(others, own);
        assert!(read.is_ok_and(|it| name(&it) == "own"));
        let plan = async { upstream.planned(&key, &OutputEffects::default()) };
        let (planned, ()) = tokio::join!(upstream.plan_of(&key), plan);
        assert!(matches!(planned, Planned::Does(_)));
        upstream.ended(&key);
        assert!(matches!(upstream.plan_of(&key).await, Planned::Does(_)));
    }

    #[tokio::test]
    async fn nobody_waits_for_a_command_that_has_failed() {
        let (upstream, key) = (Upstream::default(), key());
        upstream.announce([key.clone()]);
        let waiting = async {
            let read = upstream.read(&key, async || Ok(stack("other"))).await;
            (read, upstream.plan_of(&key).await)
        };
        let end = async { upstream.ended(&key) };
        let ((read, planned), ()) = tokio::join!(waiting, end);
        assert!(read.is_ok_and(|it| name(&it) == "other"));
        assert!(matches!(planned, Planned::Failed));
        assert!(upstream.is_expected(&key));
    }
}
