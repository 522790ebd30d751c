//! The deployment of what an earlier deployment sent: its template, its artifacts and its values.
//!
//! Nothing of the project's files is read. The objects are read back from the artifact bucket and checked
//! by their digests. A value that was not recorded stays as it is in the stack.

use std::sync::Arc;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use indexmap::IndexMap;

use super::deployed::{Deployed, Values};
use super::deployment::Deployment;
use super::{service_values, stack_settings};
use crate::artifact::digest::Digest;
use crate::artifact::package::{Artifact, PlainFile};
use crate::aws::store::Store;
use crate::cloudformation::stack::Stack;
use crate::cloudformation::status::StackStatus;
use crate::config::origin::Origin;
use crate::config::secret::MASK;
use crate::config::settings::{ParameterValue, Settings, StackSettings};
use crate::diagnostic::SourceFile;
use crate::error::{Error, Result};
use crate::operations::build::{Build, SentObjects};
use crate::operations::context::listen;
use crate::operations::history;
use crate::operations::history::versions::{fetch, fetch_text};
use crate::operations::package_tree::{ChildTemplate, UploadedFile};
use crate::operations::session::Session;
use crate::plan::Plan;
use crate::plan::record::history::History;
use crate::plan::record::{Outcome, Record, RecordedParameter};
use crate::template::render::RenderedTemplate;
use crate::template::{Parameter, Template};
use crate::util::interrupt::Interrupt;
use crate::util::time::to_the_second;

/// How many of the newest records are read to find the one to deploy.
const NEWEST: usize = 200;
/// How many objects are read at once.
const AT_ONCE: usize = 4;

/// What a rollback begins with: the stack as it is now, and the records.
#[derive(Debug)]
pub(crate) struct Beginning {
    interrupt: Interrupt,
    deployed: Deployed,
    store: Store,
    history: History,
}

impl Beginning {
    /// Connects, and reads the stack and the records. `to` is the number that the command line names.
    ///
    /// # Errors
    ///
    /// Refused if the credentials belong to another account than the manifest allows; if the records
    /// cannot be read, or there are none.
    pub(crate) async fn read(session: &Session<'_>, to: Option<u64>) -> Result<Self> {
        let interrupt = listen(session.context())?;
        let deployed = interrupt
            .guard(Deployed::read(session, Values::None))
            .await?;
        let account = &deployed.identity.account;
        let store = Store::new(&deployed.connection, session.settings(), account);
        let numbers: Vec<u64> = to.into_iter().collect();
        let read = history::read(session, &store, NEWEST, &numbers);
        let history = interrupt.guard(read).await?;
        if history.entries.is_empty() {
            return Err(history::nothing(session, &store));
        }
        Ok(Self {
            interrupt,
            deployed,
            store,
            history,
        })
    }

    /// Returns the record to deploy: the one with the number that the command line names, else the last
    /// one that succeeded before the present one.
    ///
    /// # Errors
    ///
    /// Refused if there is no such record, or its deployment failed.
    pub(crate) fn target(&self, session: &Session<'_>, to: Option<u64>) -> Result<Record> {
        let list = || format!("`{}` lists the deployments", session.command("history"));
        let Some(number) = to else {
            let target = self.history.rollback_target(self.stack());
            return target.cloned().ok_or_else(|| {
                Error::refused(
                    "no earlier deployment has succeeded: there is nothing to go back to",
                )
                .hint(list())
            });
        };
        let entry = self.history.entry(number).ok_or_else(|| {
            Error::input(format!("there is no record of deployment {number}")).hint(list())
        })?;
        let record = entry.record.as_ref().map_err(|reason| {
            Error::refused(format!(
                "the record of deployment {number} cannot be read: {reason}"
            ))
        })?;
        match record.outcome {
            Outcome::Succeeded | Outcome::Unknown => Ok((**record).clone()),
            Outcome::RolledBack | Outcome::Failed => Err(Error::refused(format!(
                "deployment {number} did not succeed, so the stack never was what it describes"
            ))
            .hint(list())),
        }
    }

    /// Returns the settings with which a record is deployed: its tags, and the settings that the stack has
    /// now; those of the record if there is no stack.
    pub(crate) fn settings(&self, session: &Session<'_>, record: &Record) -> Settings {
        let stack = existing(self.stack());
        let mut settings = session.settings().clone();
        settings.tags = tags(record, stack);
        settings.import.clear();
        // The smoke test belongs to the files.
        settings.verify = None;
        let recorded = &record.settings;
        settings.stack = match stack {
            Some(stack) => stack_settings::kept(settings.stack, stack),
            None => StackSettings {
                role_arn: recorded.role_arn.clone(),
                notification_arns: recorded.notification_arns.clone(),
                rollback_alarms: recorded.rollback_alarms.clone(),
                rollback_monitoring_minutes: recorded.rollback_monitoring_minutes,
                policy: None,
                ..settings.stack
            },
        };
        settings
    }

    /// Returns the deployment of a record. `session` has [the settings](Self::settings) of the record.
    ///
    /// # Errors
    ///
    /// Refused if an object of the deployment is gone or has changed; if a parameter has no value.
    pub(crate) async fn deployment<'a>(
        self,
        session: &'a Session<'a>,
        record: &'a Record,
    ) -> Result<Deployment<'a>> {
        if record.region != self.deployed.connection.region() {
            return Err(Error::refused(format!(
                "deployment {} was in {}, and this run uses {}",
                record.number,
                record.region,
                self.deployed.connection.region()
            )));
        }
        let read = build(&self.store, record);
        let mut build = self.interrupt.guard(read).await?;
        let stack = self.deployed.state.stack.as_ref();
        build.parameters = parameters(&build.template, record, session.settings(), stack)?;
        build.check_variables()?;
        let read = service_values::read(session, &self.deployed.connection, &build.parameters);
        let read = self.interrupt.guard(read).await?;
        build.set_service_values(read.values);
        let (interrupt, deployed) = (self.interrupt, self.deployed);
        Ok(Deployment::of_record(
            session, interrupt, build, deployed, record,
        ))
    }

    fn stack(&self) -> Option<&Stack> {
        self.deployed.state.stack.as_ref()
    }
}

/// Prints what a rollback does not bring back. Does nothing for another deployment.
pub(crate) fn explain(deployment: &Deployment<'_>, plan: &Plan) {
    let Some(record) = deployment.rollback() else {
        return;
    };
    let build = deployment.build();
    let presenter = deployment.session().presenter();
    if plan.is_empty() {
        let number = record.number;
        presenter.note(&format!(
            "\nThe stack is what deployment {number} describes."
        ));
        return;
    }
    let mut lines = vec![format!(
        "This deploys again what deployment {} sent on {}. Data does not roll back.",
        record.number,
        to_the_second(record.started)
    )];
    if record.outcome == Outcome::Unknown {
        lines.push("Nobody followed that deployment to its end: it may have failed.".to_owned());
    }
    let kept = build.parameters.keys().map(String::as_str);
    let kept: Vec<&str> = kept.filter(|it| build.keeps_value(it)).collect();
    if !kept.is_empty() {
        let kept = kept.join(", ");
        lines.push(format!(
            "Parameters that keep the value that the stack has now: {kept}."
        ));
    }
    let is_given = |name: &&str| record.withheld().any(|it| it == *name);
    let given = build.parameters.keys().map(String::as_str).filter(is_given);
    let given: Vec<&str> = given.filter(|name| !build.keeps_value(name)).collect();
    if !given.is_empty() {
        let given = given.join(", ");
        lines.push(format!(
            "Parameters with the value that is given now: {given}."
        ));
    }
    let todays = lookups(&build.template);
    if !todays.is_empty() {
        let todays = todays.join(", ");
        lines.push(format!(
            "Values that are looked up again, as they are today: {todays}."
        ));
    }
    presenter.note(&format!("\n{}", lines.join("\n")));
}

/// Returns the parameters from SSM and the dynamic references of a template, whose values may have changed
/// since.
fn lookups(template: &Template) -> Vec<String> {
    let parameters = template.parameters().filter(Parameter::is_from_ssm);
    let mut found: Vec<String> = parameters.map(|it| it.entry.name.to_owned()).collect();
    let references = template.unversioned_references().into_iter();
    found.extend(references.map(|it| format!("`{it}`")));
    found
}

/// Reads what a record refers to.
async fn build(store: &Store, record: &Record) -> Result<Build> {
    let text = fetch_text(store, record, &record.template);
    let children = stream::iter(&record.templates).map(Ok);
    let children = children.map_ok(async |object| {
        let text = fetch_text(store, record, object).await?;
        let source = SourceFile::new(&*object.name, &*text);
        let template = Template::parse_deployed(&source).map_err(|found| {
            Error::refused(format!(
                "the nested template `{}` cannot be read",
                object.name
            ))
            .with_diagnostics(found)
        })?;
        Ok(ChildTemplate {
            shown: object.name.clone(),
            rendered: RenderedTemplate::finished(&source),
            template,
            digest: Digest::of(&text),
            body: text,
            key: object.key.clone(),
        })
    });
    let children = children.try_buffered(AT_ONCE).try_collect::<Vec<_>>();
    let artifacts = stream::iter(&record.artifacts).map(Ok);
    let artifacts = artifacts.map_ok(async |object| {
        let what = format!("the zip of `{}`", object.name);
        let zip = fetch(store, record, object, &what).await?;
        let artifact = Artifact::uploaded(&object.name, &object.key, &zip)?;
        Ok((object.name.clone(), artifact))
    });
    let artifacts = artifacts
        .try_buffered(AT_ONCE)
        .try_collect::<IndexMap<_, _>>();
    let files = stream::iter(&record.files).map(Ok);
    let files = files.map_ok(async |object| {
        let what = format!("the file `{}`", object.name);
        let content = fetch(store, record, object, &what).await?;
        Ok(UploadedFile {
            file: PlainFile::uploaded(&object.key, &content)?,
            shown: object.name.clone(),
            // It is in the bucket, so it is only looked for; once is enough.
            is_read_by_plan: false,
        })
    });
    let files = files.try_buffered(AT_ONCE).try_collect::<Vec<_>>();
    let (text, children, artifacts, files) = tokio::try_join!(text, children, artifacts, files)?;
    let source: Arc<SourceFile> = SourceFile::new(
        format!("the template of deployment {}", record.number),
        text,
    );
    let objects = SentObjects {
        artifacts,
        children,
        files,
        capabilities: record.capabilities.clone(),
    };
    Build::sent(&source, objects)
}

/// Returns the value of every parameter: the one that the command line gives, else the recorded one, else
/// the one that the stack has, else the one that the manifest gives.
fn parameters(
    template: &Template,
    record: &Record,
    settings: &Settings,
    stack: Option<&Stack>,
) -> Result<IndexMap<String, ParameterValue>> {
    // The empty stack that a failed creation leaves is deleted, and its values with it.
    let stack = existing(stack).filter(|it| it.status != StackStatus::RollbackComplete);
    let mut values = IndexMap::new();
    let mut missing = Vec::new();
    for parameter in template.parameters() {
        let name = parameter.entry.name;
        let given = settings.parameters.get(name);
        let given = given.filter(|it| !matches!(it, ParameterValue::Previous { .. }));
        let origin = settings.origins.get(&format!("parameters.{name}"));
        let is_on_command_line = matches!(origin, Origin::Flag { .. });
        let has_previous = stack.is_some_and(|it| it.parameters.contains_key(name));
        let value = match record.parameters.get(name) {
            _ if is_on_command_line && given.is_some() => given.cloned(),
            Some(RecordedParameter::Plain(value)) => Some(ParameterValue::Plain(value.clone())),
            Some(RecordedParameter::Withheld { .. }) | None if has_previous => {
                Some(ParameterValue::Previous { use_previous: true })
            }
            _ if given.is_some() => given.cloned(),
            None if parameter.default().is_some() => None,
            _ => {
                missing.push(name);
                None
            }
        };
        if let Some(value) = value {
            values.insert(name.to_owned(), value);
        }
    }
    if missing.is_empty() {
        return Ok(values);
    }
    let reason = match stack {
        Some(_) => "the stack has no such parameter now",
        None => "there is no stack that has it",
    };
    Err(Error::input(format!(
        "these parameters need a value, which is not recorded, and {reason}: {}",
        missing.join(", ")
    ))
    .hint(format!(
        "give each on the command line or in `[parameters]` of the manifest: \
         `--set 'parameters={{ {} = {{ from_env = \"VARIABLE\" }} }}'`",
        missing.first().unwrap_or(&"")
    )))
}

/// Returns the tags of a record. One that contained a secret has the value that the stack has now.
fn tags(record: &Record, stack: Option<&Stack>) -> IndexMap<String, String> {
    let tags = record.tags.iter().filter_map(|(name, value)| {
        let value = match stack {
            _ if !value.contains(MASK) => value.clone(),
            Some(stack) => stack.tags.get(name)?.clone(),
            None => return None,
        };
        Some((name.clone(), value))
    });
    tags.collect()
}

fn existing(stack: Option<&Stack>) -> Option<&Stack> {
    stack.filter(|stack| stack.status.exists())
}
