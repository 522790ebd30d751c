//! Two deployments, read from their records, to be compared in the words of `diff`.

use std::io::Cursor;

use indexmap::IndexMap;

use crate::artifact::archive;
use crate::artifact::code_diff::{self, CodeChange, FileChange};
use crate::artifact::digest::Digest;
use crate::aws::store::Store;
use crate::cloudformation::stack::{NO_ECHO, pseudo_parameters};
use crate::config::secret::Secrets;
use crate::diagnostic::SourceFile;
use crate::error::{Error, Result};
use crate::plan::comparison::Comparison;
use crate::plan::predict::Side;
use crate::plan::record::{Record, StoredObject};
use crate::plan::{ValueChange, masking, values};
use crate::template::{Parameter, Template};

/// The template of a stack that does not exist.
const NOTHING: &str = "Resources: {}\n";

/// What two deployments sent.
#[derive(Debug)]
pub(crate) struct Versions {
    templates: [Template; 2],
    values: [IndexMap<String, String>; 2],
    code: Vec<CodeChange>,
    parameters: Vec<ValueChange>,
    tags: Vec<ValueChange>,
    settings: Vec<ValueChange>,
}

impl Versions {
    /// Reads the templates and the code of two deployments; without `before`, everything is new. The
    /// defaults of secret parameters are added to `secrets`, and masked.
    ///
    /// # Errors
    ///
    /// If a template is gone or has changed.
    pub(crate) async fn read(
        store: &Store,
        before: Option<&Record>,
        after: &Record,
        secrets: &Secrets,
    ) -> Result<Self> {
        let older = async {
            match before {
                Some(record) => template(store, record).await,
                None => parse("nothing".to_owned(), NOTHING.to_owned()),
            }
        };
        let (mut old, mut new) = tokio::try_join!(older, template(store, after))?;
        for template in [&old, &new] {
            masking::learn(secrets, &masking::declared(template), &IndexMap::new());
        }
        let values = [
            before.map_or_else(IndexMap::new, |record| known_values(record, &old)),
            known_values(after, &new),
        ];
        masking::hide_defaults(&mut old, &mut new);
        let desired = after.plain_parameters();
        let desired = desired.iter().map(|(name, value)| (name, value.as_str()));
        let deployed = before.map(Record::plain_parameters);
        let is_removed = |name: &String| !after.parameters.contains_key(name);
        let parameters = values::value_changes(deployed.as_ref(), &desired.collect(), is_removed);
        let tags = after
            .tags
            .iter()
            .map(|(name, value)| (name, value.as_str()));
        let tags = values::value_changes(before.map(|it| &it.tags), &tags.collect(), |name| {
            !after.tags.contains_key(name)
        });
        Ok(Self {
            code: code(store, before, after).await,
            settings: before.map_or_else(Vec::new, |before| settings(before, after)),
            templates: [old, new],
            values,
            parameters,
            tags,
        })
    }

    /// Returns the comparison.
    pub(crate) fn comparison(&self) -> Comparison<'_> {
        let [before, after] = &self.templates;
        let names = [before, after].map(|template| template.source().name.clone());
        let [then, now] = &self.values;
        let sides = [Side::new(before, then), Side::new(after, now)];
        Comparison {
            code: self.code.clone(),
            parameters: self.parameters.clone(),
            tags: self.tags.clone(),
            settings: self.settings.clone(),
            ..Comparison::of_templates(sides[0], sides[1], None, names)
        }
    }
}

/// Returns the bytes of an object to which a record refers. `what` names the object in errors.
///
/// # Errors
///
/// If the object is gone, or has another digest than the record says.
pub(crate) async fn fetch(
    store: &Store,
    record: &Record,
    object: &StoredObject,
    what: &str,
) -> Result<Vec<u8>> {
    let number = record.number;
    let content = store.fetch(&object.key).await?;
    let content = content.ok_or_else(|| {
        Error::refused(format!(
            "{what} of deployment {number} is no longer in the bucket: `{}`",
            object.key
        ))
        .hint("if the bucket has versions, restore the object there")
    })?;
    let digest = Digest::of(&content);
    if digest.hex() == object.sha256 {
        return Ok(content);
    }
    Err(Error::refused(format!(
        "{what} of deployment {number} has changed: `{}` has the SHA-256 {digest}, and the record says {}",
        object.key, object.sha256
    )))
}

/// Returns a template to which a record refers, as it was sent.
///
/// # Errors
///
/// Those of [`fetch`]; if it is not UTF-8.
pub(crate) async fn fetch_text(
    store: &Store,
    record: &Record,
    object: &StoredObject,
) -> Result<String> {
    let what = if object.name.is_empty() {
        "the template".to_owned()
    } else {
        format!("the nested template `{}`", object.name)
    };
    let content = fetch(store, record, object, &what).await?;
    String::from_utf8(content).map_err(|error| {
        Error::refused(format!(
            "{what} of deployment {} is not UTF-8",
            record.number
        ))
        .caused_by(error)
    })
}

async fn template(store: &Store, record: &Record) -> Result<Template> {
    let text = fetch_text(store, record, &record.template).await?;
    parse(format!("deployment {}", record.number), text)
}

fn parse(name: String, text: String) -> Result<Template> {
    let message = format!("the template of {name} cannot be read");
    Template::parse_deployed(&SourceFile::new(name, text))
        .map_err(|found| Error::input(message).with_diagnostics(found))
}

/// Returns the values with which a recorded template is evaluated. Secrets are masked.
fn known_values(record: &Record, template: &Template) -> IndexMap<String, String> {
    let mut values = record.plain_parameters();
    let secrets = template.parameters().filter(Parameter::no_echo);
    values.extend(secrets.map(|it| (it.entry.name.to_owned(), NO_ECHO.to_owned())));
    values.extend(pseudo_parameters(
        &record.account,
        &record.region,
        &record.stack,
    ));
    values
}

/// Returns what differs in the code of the artifacts that both deployments have.
async fn code(store: &Store, before: Option<&Record>, after: &Record) -> Vec<CodeChange> {
    let mut changes = Vec::new();
    let deployed = before.map_or(&[][..], |record| &record.artifacts);
    for artifact in &after.artifacts {
        let old = deployed.iter().find(|old| old.name == artifact.name);
        let Some((old, before)) = old.filter(|old| old.key != artifact.key).zip(before) else {
            continue;
        };
        let files = files(store, [(before, old), (after, artifact)]).await;
        changes.push(CodeChange {
            artifact: artifact.name.clone(),
            before: old.key.clone(),
            after: artifact.key.clone(),
            files: files.map_err(|error| error.to_string()),
        });
    }
    changes
}

async fn files(
    store: &Store,
    [old, new]: [(&Record, &StoredObject); 2],
) -> Result<Vec<FileChange>> {
    let zip = |(record, object)| fetch(store, record, object, "the zip");
    let (old, new) = tokio::try_join!(zip(old), zip(new))?;
    let read = |zip| archive::read(Cursor::new(zip));
    Ok(code_diff::compare(read(old)?, read(new)?))
}

fn settings(before: &Record, after: &Record) -> Vec<ValueChange> {
    let list = |names: &[String]| (!names.is_empty()).then(|| names.join(", "));
    let sides = [before, after].map(|record| {
        let settings = &record.settings;
        let minutes = settings.rollback_monitoring_minutes;
        [
            ("capabilities", list(&record.capabilities)),
            ("role_arn", settings.role_arn.clone()),
            ("notification_arns", list(&settings.notification_arns)),
            ("rollback_alarms", list(&settings.rollback_alarms)),
            (
                "rollback_monitoring_minutes",
                minutes.filter(|it| *it > 0).map(|it| it.to_string()),
            ),
        ]
    });
    let [before, after] = sides;
    let pairs = before.into_iter().zip(after);
    let changed = pairs.filter(|((_, before), (_, after))| before != after);
    changed
        .map(|((name, before), (_, after))| ValueChange {
            name: name.to_owned(),
            before,
            after,
        })
        .collect()
}
