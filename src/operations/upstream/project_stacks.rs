//! The stacks of the project in one environment, and what their templates say.

use std::rc::Rc;

use indexmap::IndexMap;

use super::known::Key;
use crate::artifact::package::Artifact;
use crate::config::manifest;
use crate::config::settings::{Selection, Settings, StackGraph, choose};
use crate::error::Result;
use crate::operations::session::Session;
use crate::template::evaluate::NO_ECHO;
use crate::template::{Parameter, Template, render};

/// The stacks of the project in the environment of a session, in the order of the graph. A project
/// without `[stacks]` has none.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProjectStacks {
    stacks: Rc<Vec<Settings>>,
}

impl ProjectStacks {
    /// Returns the stacks of the project. Nothing is sent anywhere.
    ///
    /// # Errors
    ///
    /// What is wrong with the settings of one of them.
    pub(crate) fn of(session: &Session<'_>) -> Result<Self> {
        if session.settings().stack_key.is_none() {
            return Ok(Self::default());
        }
        let context = session.context();
        let environment = session.settings().environment.clone();
        let stacks = context.upstream().settings(&environment, || {
            let mut overrides = context.overrides_for(Some(environment.clone()));
            overrides.stack = None;
            let manifest = manifest::parse(session.project().manifest());
            let targets = choose(
                &manifest,
                &Selection::default(),
                &overrides,
                context.ambient(),
            )?;
            Ok(targets.into_iter().map(|target| target.settings).collect())
        })?;
        for parameter in stacks.iter().flat_map(|it| it.parameters.values()) {
            if let Some(secret) = parameter.secret() {
                session.presenter().secrets().add(secret);
            }
        }
        Ok(Self { stacks })
    }

    /// Returns the stack with this key in `[stacks]`.
    pub(crate) fn with_key(&self, key: &str) -> Option<&Settings> {
        let mut stacks = self.stacks.iter();
        stacks.find(|settings| settings.stack_key.as_deref() == Some(key))
    }

    /// Returns the other stacks, each with its key.
    pub(crate) fn others(&self, key: &str) -> impl Iterator<Item = (&str, &Settings)> {
        self.all().filter(move |(other, _)| *other != key)
    }

    /// Returns whether a stack needs another one, also through others.
    pub(crate) fn comes_after(&self, key: &str, first: &str) -> bool {
        let stacks = self.all();
        let needs = stacks.map(|(key, it)| (key, it.needs.iter().map(String::as_str)));
        StackGraph::new(needs).is_ok_and(|graph| graph.dependants(first).contains(&key))
    }

    /// Returns the key of the first stack.
    pub(crate) fn first(&self) -> Option<&str> {
        self.all().next().map(|(key, _)| key)
    }

    /// Returns all stacks, each with its key.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &Settings)> {
        let stacks = self.stacks.iter();
        stacks.filter_map(|settings| Some((settings.stack_key.as_deref()?, settings)))
    }
}

/// Returns whether two stacks are in one account and region, as far as the settings say.
pub(crate) fn is_same_place(one: &Settings, other: &Settings) -> bool {
    one.emulator == other.emulator
        && one.profile == other.profile
        && one.region == other.region
        && one.account == other.account
}

/// Returns what the process knows a stack of the session's environment by.
pub(crate) fn key_of(session: &Session<'_>, stack: &str) -> Key {
    (session.settings().environment.clone(), stack.to_owned())
}

/// Returns the template of a stack of `[stacks]` as the files have it, with other keys of artifacts; `None`
/// if it cannot be read. The process reads it once.
pub(crate) fn template_of(session: &Session<'_>, settings: &Settings) -> Option<Rc<Template>> {
    let key = key_of(session, settings.stack_key.as_deref()?);
    let upstream = session.context().upstream();
    upstream.template(key, || read_template(session, settings))
}

fn read_template(session: &Session<'_>, settings: &Settings) -> Option<Template> {
    let mut settings = settings.clone();
    session.project().add_default_artifact(&mut settings);
    let artifacts = settings.artifacts.keys().map(|name| {
        let artifact = Artifact::not_built(&settings.project, name).ok()?;
        Some((name.clone(), artifact))
    });
    let artifacts = artifacts.collect::<Option<IndexMap<_, _>>>()?;
    let folder = session.project().template(&settings.template).ok()?;
    let rendered = render::render(&folder, &settings, &artifacts).ok()?;
    Template::parse(rendered.source()).ok()
}

/// Returns the values of a template's parameters. A secret is masked, and so is a value that is not known
/// before the deployment: without a value, the parameter would have its default.
pub(crate) fn values_of(settings: &Settings, template: &Template) -> IndexMap<String, String> {
    let given = settings.parameters.iter();
    let given = given.map(|(name, value)| (name.as_str(), value.plain().unwrap_or(NO_ECHO)));
    let secrets = template.parameters().filter(Parameter::no_echo);
    let secrets = secrets.map(|parameter| (parameter.entry.name, NO_ECHO));
    let values = given.chain(secrets);
    values
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
