//! The record of a deployment, written at its end.
//!
//! A convenience: no deployment fails because its record cannot be written. What the record needs from
//! the artifact bucket is read while CloudFormation works, so that only the record itself is written
//! at the end.

use std::error::Error as _;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinHandle;

use super::deployment::Deployment;
use super::git_state;
use super::pending_change_set::PendingChangeSet;
use crate::artifact::digest::Digest;
use crate::aws::store::records::{self, Created};
use crate::aws::store::{Object, ObjectState, Store, bucket};
use crate::cloudformation::stack::Stack;
use crate::config::settings::DeploymentMode;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::package_tree::template_key;
use crate::plan::record::mentions::Mentions;
use crate::plan::record::{
    GitState, Outcome, Record, RecordedParameter, RecordedSettings, StoredObject, record_key,
    record_number, stack_prefix,
};
use crate::plan::{Operation, Plan};
use crate::present::Presenter;
use crate::template::render::INLINE_LIMIT;

/// How long the end of a deployment waits for its record.
const LIMIT: Duration = Duration::from_secs(20);
/// How long a user waits for it who has interrupted the command.
const LIMIT_INTERRUPTED: Duration = Duration::from_secs(4);

/// How many nested templates are read at most.
const MOST_NESTED: usize = 200;

/// How many numbers are tried: one for each deployment that ends at the same time.
const RACES: u64 = 20;

/// What the artifact bucket says before the end of the deployment.
#[derive(Debug)]
enum Place {
    /// There is no bucket.
    NoBucket,
    /// The bucket has the text of the template. The next number of a record, and the objects that the
    /// templates name besides those of the build.
    Ready(u64, Mentions),
}

/// The record of a deployment that is running.
#[derive(Debug)]
pub(crate) struct Recording<'a> {
    presenter: &'a Presenter,
    store: Store,
    body: String,
    record: Record,
    git: JoinHandle<Option<GitState>>,
    place: JoinHandle<Result<Place>>,
    /// Whether a bucket is created for the record.
    creates_bucket: bool,
    /// Whether the user learns that there is no record.
    is_expected: bool,
}

impl<'a> Recording<'a> {
    /// Begins the record of a change set that is being executed since `started`; `None` if the manifest
    /// wants none.
    pub(crate) fn begin(
        deployment: &Deployment<'a>,
        pending: &PendingChangeSet,
        plan: &Plan,
        started: Timestamp,
    ) -> Option<Self> {
        let session = deployment.session();
        let enabled = session.settings().history.enabled;
        if enabled == Some(false) {
            return None;
        }
        let build = deployment.build();
        let record = draft(deployment, pending, plan, started);
        let store = deployment.store();
        let (folder, ambient) = (session.project().root(), session.context().ambient());
        let (folder, ambient) = (folder.to_owned(), ambient.clone());
        let of_code = deployment.rollback().map(|record| record.git.clone());
        let git = tokio::task::spawn_blocking(move || {
            // The code of a rollback is not that of the files.
            of_code.unwrap_or_else(|| git_state::read(&folder, &ambient))
        });
        let uses_bucket = !record.artifacts.is_empty()
            || !record.files.is_empty()
            || !record.templates.is_empty()
            || build.body.len() > INLINE_LIMIT;
        let place = find_place(
            store.clone(),
            record.clone(),
            build.body.clone(),
            uses_bucket,
        );
        Some(Self {
            presenter: session.presenter(),
            store,
            body: build.body.clone(),
            record,
            git,
            place: tokio::spawn(place),
            creates_bucket: enabled == Some(true),
            is_expected: uses_bucket || enabled == Some(true),
        })
    }

    /// Writes the record of a deployment that has succeeded.
    pub(crate) async fn succeeded(mut self, stack: &Stack) {
        self.record.outcome = Outcome::Succeeded;
        self.record.status = Some(stack.status.to_string());
        self.record.updated = stack.updated.or(stack.created);
        self.write(LIMIT).await;
    }

    /// Writes the record of a deployment that has failed; `ended` is `None` if the stack is gone.
    pub(crate) async fn failed(mut self, ended: Option<&Stack>, error: &Error) {
        self.record.outcome = match error.kind() {
            ErrorKind::RolledBack => Outcome::RolledBack,
            _ => Outcome::Failed,
        };
        let status = ended.map(|stack| stack.status.to_string());
        self.record.status = status.or_else(|| Some("DELETE_COMPLETE".to_owned()));
        self.record.updated = ended.and_then(|stack| stack.updated.or(stack.created));
        self.record.cause = Some(cause(error));
        self.write(LIMIT).await;
    }

    /// Writes the record of a deployment whose end is not known, because of this error.
    pub(crate) async fn unknown(mut self, error: &Error) {
        self.record.cause = Some(cause(error));
        let limit = match error.kind() {
            ErrorKind::Interrupted => LIMIT_INTERRUPTED,
            _ => LIMIT,
        };
        self.write(limit).await;
    }

    async fn write(mut self, limit: Duration) {
        self.record.ended = Timestamp::now();
        let (presenter, is_expected) = (self.presenter, self.is_expected);
        let written = tokio::time::timeout(limit, self.try_write()).await;
        let written = written.unwrap_or_else(|_| {
            let seconds = limit.as_secs();
            let message = format!("no answer for {seconds} seconds");
            Err(Error::new(ErrorKind::Service, message))
        });
        match written {
            Ok(Some(number)) => presenter.detail(&format!("recorded as deployment {number}")),
            Ok(None) => presenter.detail(&format!(
                "not recorded: there is no artifact bucket `{}`",
                self.store.bucket()
            )),
            Err(error) => {
                let mut text = format!("this deployment is not in the history: {error}");
                if let Some(source) = error.source() {
                    text.push_str(&format!(": {source}"));
                }
                if is_expected {
                    presenter.warning(&text);
                } else {
                    presenter.detail(&text);
                }
            }
        }
    }

    /// Writes the record under the next free number and returns that; `None` if there is no bucket.
    async fn try_write(&mut self) -> Result<Option<u64>> {
        let stopped = |error| Error::system("the work for the record was stopped", error);
        self.record.git = (&mut self.git).await.map_err(stopped)?;
        let first = match (&mut self.place).await.map_err(stopped)?? {
            Place::Ready(number, mentions) => {
                self.record.templates.extend(mentions.templates);
                self.record.artifacts.extend(mentions.artifacts);
                self.record.files.extend(mentions.files);
                number
            }
            Place::NoBucket if !self.creates_bucket => return Ok(None),
            Place::NoBucket => {
                let presenter = self.presenter;
                bucket::ensure(&self.store, |text| presenter.note(text)).await?;
                store_template(&self.store, &self.record, &self.body).await?;
                1
            }
        };
        for number in first..first.saturating_add(RACES) {
            self.record.number = number;
            let json = self.record.to_json()?;
            let json = self.presenter.secrets().redact_json(&json).into_owned();
            let key = record_key(&self.record.project, &self.record.stack, number);
            let digest = Digest::of(&json);
            let object = Object::record(&key, &digest, &json);
            if records::create(&self.store, &object).await? == Created::Created {
                return Ok(Some(number));
            }
        }
        Err(Error::new(
            ErrorKind::Service,
            format!("{RACES} other deployments were recorded at the same time"),
        ))
    }
}

/// Finds the next number, and stores the text of the template. If the deployment does not use the bucket,
/// nothing is sent before it is known that the bucket exists.
async fn find_place(
    store: Store,
    record: Record,
    body: String,
    uses_bucket: bool,
) -> Result<Place> {
    let prefix = stack_prefix(&record.project, &record.stack);
    let listed = records::keys(&store, &prefix);
    let keys = if uses_bucket {
        let stored = store_template(&store, &record, &body);
        let (keys, stored) = tokio::join!(listed, stored);
        let keys = keys?;
        stored?;
        keys
    } else {
        let keys = listed.await?;
        if keys.is_some() {
            store_template(&store, &record, &body).await?;
        }
        keys
    };
    let Some(keys) = keys else {
        return Ok(Place::NoBucket);
    };
    let numbers = keys
        .iter()
        .filter_map(|key| record_number(&record.project, key));
    let number = numbers.max().unwrap_or(0).saturating_add(1);
    let mentions = mentions(&store, &record, &body).await;
    Ok(Place::Ready(number, mentions))
}

/// Returns the objects that the templates name and that the record does not have: those of a deployed
/// template that an import sends again. A nested template that cannot be read names nothing.
async fn mentions(store: &Store, record: &Record, body: &str) -> Mentions {
    let known = record.keys();
    let is_new = |it: &StoredObject| !known.contains(it.key.as_str());
    let new_in = |text: &str| {
        let mut found = Mentions::of(text, &record.project);
        found.templates.retain(is_new);
        found.artifacts.retain(is_new);
        found.files.retain(is_new);
        found
    };
    let mut all = new_in(body);
    let mut read = 0;
    while let Some(template) = all.templates.get(read).filter(|_| read < MOST_NESTED) {
        let text = store.fetch(&template.key).await;
        let text = text
            .ok()
            .flatten()
            .and_then(|it| String::from_utf8(it).ok());
        all.extend(new_in(&text.unwrap_or_default()));
        read += 1;
    }
    // Each after its own children.
    all.templates.reverse();
    all
}

/// Stores the exact text of the template, unless the bucket has it.
async fn store_template(store: &Store, record: &Record, body: &str) -> Result<()> {
    let digest = Digest::of(body);
    let object = Object::template(&record.template.key, &digest, body);
    store.store(&object, ObjectState::Nothing).await.map(drop)
}

/// Returns the record of a deployment whose outcome is not known yet.
fn draft(
    deployment: &Deployment<'_>,
    pending: &PendingChangeSet,
    plan: &Plan,
    started: Timestamp,
) -> Record {
    let (session, build) = (deployment.session(), deployment.build());
    let settings = session.settings();
    let stack = deployment.stack().filter(|stack| stack.status.exists());
    let digest = Digest::of(&build.body);
    let artifacts = build.artifacts.values().filter(|it| build.uses(it));
    let shown = build.plain_parameters(stack.map(|stack| &stack.parameters));
    let secrets = session.presenter().secrets();
    let parameters = build.parameters.keys().map(|name| {
        let value = shown.get(name).cloned();
        // With a mask in it, it would be another value.
        let value = value.filter(|value| secrets.redact(value) == *value);
        let withheld = || RecordedParameter::Withheld {
            withheld: "secret".to_owned(),
        };
        let value = value.map_or_else(withheld, RecordedParameter::Plain);
        (name.clone(), value)
    });
    Record {
        schema: Record::schema(),
        number: 0,
        stackctl: env!("CARGO_PKG_VERSION").to_owned(),
        project: settings.project.clone(),
        environment: settings.environment.clone(),
        account: deployment.identity().account.clone(),
        region: deployment.connection().region().to_owned(),
        stack: settings.stack_name.clone(),
        stack_id: pending.stack_id().to_owned(),
        operation: match deployment.operation() {
            _ if !build.imports.is_empty() => "import",
            Operation::Create => "create",
            Operation::Update => "update",
        }
        .to_owned(),
        deployment_mode: (plan.mode == DeploymentMode::Express).then(|| "express".to_owned()),
        operation_id: pending.change_set().name.clone(),
        rollback_to: deployment.rollback().map(|record| record.number),
        started,
        ended: started,
        caller: deployment.identity().arn.clone(),
        outcome: Outcome::Unknown,
        status: None,
        cause: None,
        updated_before: stack.and_then(|stack| stack.updated.or(stack.created)),
        updated: None,
        git: None,
        template: StoredObject {
            name: String::new(),
            key: template_key(&settings.project, &digest),
            sha256: digest.hex(),
            size: build.body.len() as u64,
        },
        templates: build
            .children
            .iter()
            .map(|child| StoredObject {
                name: child.shown.clone(),
                key: child.key.clone(),
                sha256: child.digest.hex(),
                size: child.body.len() as u64,
            })
            .collect(),
        artifacts: artifacts
            .map(|artifact| StoredObject {
                name: artifact.name.clone(),
                key: artifact.key.clone(),
                sha256: artifact.digest.hex(),
                size: artifact.size,
            })
            .collect(),
        files: build
            .files
            .iter()
            .map(|file| StoredObject {
                name: file.shown.clone(),
                key: file.file.key.clone(),
                sha256: file.file.digest.hex(),
                size: file.file.size,
            })
            .collect(),
        parameters: parameters.collect(),
        tags: settings.tags.clone(),
        capabilities: build.capabilities.clone(),
        settings: RecordedSettings {
            role_arn: settings.stack.role_arn.clone(),
            notification_arns: settings.stack.notification_arns.clone(),
            rollback_alarms: settings.stack.rollback_alarms.clone(),
            alarm_types: deployment.alarm_types(),
            rollback_monitoring_minutes: settings.stack.rollback_monitoring_minutes,
        },
        summary: plan.summary().into(),
    }
}

/// Returns the first cause of an error, or the error itself if it has none.
fn cause(error: &Error) -> String {
    match error.source() {
        Some(source) => source.to_string(),
        None => error.to_string(),
    }
}
