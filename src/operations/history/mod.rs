//! The records of a stack's deployments: reading them, and comparing two of them.

pub(crate) mod versions;

use futures_util::stream::{self, StreamExt};

use crate::aws::store::{Store, records};
use crate::error::{Error, Result};
use crate::operations::session::Session;
use crate::plan::record::history::{Entry, History};
use crate::plan::record::{Reading, Record, record_number, stack_prefix};

/// How many records are read at once.
const AT_ONCE: usize = 16;

/// Reads the newest records of the session's stack, at most `limit` and those with these numbers. A record
/// that cannot be read has the reason.
///
/// # Errors
///
/// If there is no artifact bucket, or it cannot be listed.
pub(crate) async fn read(
    session: &Session<'_>,
    store: &Store,
    limit: usize,
    numbers: &[u64],
) -> Result<History> {
    let settings = session.settings();
    let prefix = stack_prefix(&settings.project, &settings.stack_name);
    let keys = records::keys(store, &prefix).await?.unwrap_or_default();
    let keys: Vec<(u64, String)> = keys
        .into_iter()
        .filter_map(|key| Some((record_number(&settings.project, &key)?, key)))
        .collect();
    let older = keys.len().saturating_sub(limit);
    let keys = keys.into_iter().enumerate();
    let keys = keys.filter(|(index, (number, _))| *index >= older || numbers.contains(number));
    let entries: Vec<Entry> = stream::iter(keys)
        .map(async |(_, (number, key))| Entry {
            number,
            record: entry(session, store, number, &key).await,
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    Ok(History {
        entries,
        omitted: older,
    })
}

/// Returns the error for a history without records, with how to keep one.
pub(crate) fn nothing(session: &Session<'_>, store: &Store) -> Error {
    let name = &session.settings().stack_name;
    let error = Error::input(format!(
        "there is no record of a deployment of `{name}` in the bucket `{}`",
        store.bucket()
    ));
    match session.settings().history.enabled {
        Some(false) => error.hint("remove `enabled = false` from `[history]` to record deployments"),
        Some(true) => error.hint("the next deployment is recorded"),
        None => error.hint(
            "a deployment is recorded if the bucket exists; `enabled = true` in `[history]` creates it",
        ),
    }
}

async fn entry(
    session: &Session<'_>,
    store: &Store,
    number: u64,
    key: &str,
) -> std::result::Result<Box<Record>, String> {
    let settings = session.settings();
    let content = store.fetch(key).await.map_err(|error| error.to_string())?;
    let content = content.ok_or("it was deleted in the meantime")?;
    match Record::read(&content, &settings.project) {
        Ok(Reading::Record(record)) => {
            let is_own = record.number == number
                && record.stack == settings.stack_name
                && record.project == settings.project;
            if is_own {
                Ok(record)
            } else {
                Err("it is the record of another deployment".to_owned())
            }
        }
        Ok(Reading::Newer { schema, .. }) => {
            Err(format!("it is a `{schema}`, written by a newer stackctl"))
        }
        Err(error) => Err(error.to_string()),
    }
}
