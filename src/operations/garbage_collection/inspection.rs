//! Reading every text of the account that may refer to an object of the project.
//!
//! A stack that changes while it is read may show neither the template before the change nor the one
//! after it. So the list of stacks is read again after their texts, and a stack that changed in the
//! meantime is read again.

use std::collections::{BTreeSet, HashMap};

use crate::aws::lacks_permission;
use crate::aws::stack::inventory::{self, Read};
use crate::aws::stack::{ListedChangeSet, StackService, events, listing};
use crate::aws::store::{self, Store};
use crate::cloudformation::event::{self, Event};
use crate::cloudformation::stack::Stack;
use crate::cloudformation::status::StackStatus;
use crate::config::settings::Settings;
use crate::error::{ErrorKind, Result};
use crate::operations::session::Session;
use crate::plan::garbage::{self, Listing, References, Unknown, Version};
use crate::plan::record::{self, Outcome, Reading, Record};
use crate::present::human::count;
use futures_util::stream::{self, StreamExt, TryStreamExt};

/// How many texts are read at once.
const AT_ONCE: usize = 8;

/// How often the stacks are read until none of them changes in the meantime.
const ROUNDS: usize = 4;

/// The tag of the stacks of a project.
const PROJECT_TAG: &str = "stackctl:project";

/// What was read so far. A template is read again only if its stack has changed.
#[derive(Debug, Default)]
pub(super) struct Inspection {
    texts: HashMap<String, Found>,
}

/// What a text says about the project.
#[derive(Debug, Clone, Default)]
struct Found {
    digests: BTreeSet<String>,
    /// Whether it names the bucket or the beginning of the project's keys.
    names_project: bool,
    /// The operations that this text is the record of.
    operations: BTreeSet<String>,
    /// Whether it is the record of a deployment that succeeded.
    is_success: bool,
    /// The stacks that may go back to a template that cannot be read.
    going_back: Vec<GoingBack>,
    unknown: Vec<Unknown>,
}

/// A stack that may go back to the template before its last update.
#[derive(Debug, Clone)]
struct GoingBack {
    name: String,
    status: StackStatus,
    /// The client request token of the operation that deployed that template.
    operation: Option<String>,
}

impl Found {
    fn add(&mut self, text: &str, context: &Context<'_>) {
        let digests = context.listing.mentioned(text).into_iter();
        self.digests.extend(digests.map(str::to_owned));
        self.names_project |= text.contains(context.store.bucket())
            || text.contains(&format!("{}/", context.settings.project));
    }

    fn extend(&mut self, other: &Self) {
        self.digests.extend(other.digests.iter().cloned());
        self.names_project |= other.names_project;
        self.operations.extend(other.operations.iter().cloned());
        self.going_back.extend(other.going_back.iter().cloned());
        self.unknown.extend(other.unknown.iter().cloned());
    }

    fn add_denied(&mut self, what: &str, permission: &str) {
        let reason = format!("{what} may not be read (`{permission}`)");
        self.unknown.push(Unknown::Denied(reason));
    }
}

/// What a look reads.
struct Context<'c> {
    service: &'c StackService,
    store: &'c Store,
    settings: &'c Settings,
    listing: &'c Listing,
}

/// Returns the state of a stack. While it stays the same, so does the stack's template.
fn state(stack: &Stack) -> String {
    let updated = stack.updated.map_or(String::new(), |it| it.to_string());
    format!("{} {} {updated}", stack.id, stack.status)
}

impl Inspection {
    /// Returns what refers to the objects of a listing.
    ///
    /// # Errors
    ///
    /// If a call fails, other than for a missing permission to read a text.
    pub(super) async fn references<'l>(
        &mut self,
        session: &Session<'_>,
        service: &StackService,
        store: &Store,
        listing: &'l Listing,
    ) -> Result<References<'l>> {
        let settings = session.settings();
        let context = Context {
            service,
            store,
            settings,
            listing,
        };
        let keep = usize::try_from(settings.history.keep).unwrap_or(usize::MAX);
        let mut references = References::new(listing, keep);
        let presenter = session.presenter();
        let show = |text: &str| presenter.progress(&format!("reading {text}"));
        let mut found = self.stacks(&context, &show).await?;
        show("the stack sets");
        found.extend(&stack_sets(&context).await?);
        references.add_all(&found.digests);
        show("records and templates");
        found.extend(&self.objects(&context, &mut references).await?);
        for stack in &found.going_back {
            let operation = stack.operation.as_ref();
            let is_recorded = operation.is_some_and(|it| found.operations.contains(it));
            if !garbage::is_certain(&stack.status, is_recorded) {
                let (name, status) = (&stack.name, &stack.status);
                references.add_unknown(Unknown::Changing(format!(
                    "the stack `{name}` is {status}, and it is not known what it may go back to"
                )));
            }
        }
        found
            .unknown
            .into_iter()
            .for_each(|it| references.add_unknown(it));
        presenter.clear_progress();
        Ok(references)
    }

    /// Reads all stacks until none of them changes in the meantime.
    async fn stacks(&mut self, context: &Context<'_>, show: &impl Fn(&str)) -> Result<Found> {
        show("the stacks");
        let mut stacks = inventory::stacks(context.service).await?;
        let mut read: HashMap<String, (Found, Texts)> = HashMap::new();
        for _ in 0..ROUNDS {
            let unread = stacks.iter().filter(|it| !read.contains_key(&state(it)));
            let unread: Vec<_> = unread.collect();
            if unread.is_empty() {
                break;
            }
            show(&count(unread.len(), "stack"));
            let known = &self.texts;
            let results = stream::iter(unread)
                .map(async |stack| Ok((state(stack), read_stack(context, known, stack).await?)))
                .buffer_unordered(AT_ONCE)
                .try_collect::<Vec<_>>();
            let results: Result<Vec<_>> = results.await;
            read.extend(results?);
            stacks = inventory::stacks(context.service).await?;
        }
        let mut all = Found::default();
        for stack in &stacks {
            let Some((found, texts)) = read.remove(&state(stack)) else {
                let reason = format!("the stack `{}` changes while it is read", stack.name);
                all.unknown.push(Unknown::Changing(reason));
                continue;
            };
            all.extend(&found);
            // What was read of a stack that has changed since may be of both sides of the change.
            self.texts.extend(texts);
        }
        Ok(all)
    }

    /// Reads the kept records and templates in the bucket, and those to which they refer.
    async fn objects(
        &mut self,
        context: &Context<'_>,
        references: &mut References<'_>,
    ) -> Result<Found> {
        let mut all = Found::default();
        loop {
            let mut unread = references.take_unread();
            if unread.is_empty() {
                unread = references.take_older_records();
            }
            if unread.is_empty() {
                return Ok(all);
            }
            let known = &self.texts;
            let texts = stream::iter(unread)
                .map(async |version: &Version| {
                    // The content of a key never changes.
                    let found = match known.get(&version.key) {
                        Some(found) => found.clone(),
                        None => read_object(context, version).await?,
                    };
                    Ok((version.key.clone(), found))
                })
                .buffered(AT_ONCE)
                .try_collect::<Vec<_>>();
            let texts: Result<Vec<_>> = texts.await;
            for (key, found) in texts? {
                let is_kept = if found.is_success {
                    references.add_success(&key)
                } else {
                    references.keeps(&key)
                };
                if is_kept {
                    references.add_all(&found.digests);
                    all.extend(&found);
                } else {
                    all.unknown.extend(found.unknown.iter().cloned());
                }
                self.texts.insert(key, found);
            }
        }
    }
}

/// Texts by the names under which they are kept: the state of a stack, the ARN of a change set, or a key.
type Texts = Vec<(String, Found)>;

async fn read_object(context: &Context<'_>, version: &Version) -> Result<Found> {
    let mut found = Found::default();
    match store::garbage::text(context.store, version).await {
        Ok(Some(text)) => {
            found.add(&text, context);
            let record = Record::read(text.as_bytes(), &context.settings.project);
            if let Ok(Reading::Record(record)) = record {
                found.is_success = record.outcome == Outcome::Succeeded;
                found.operations.insert(record.operation_id);
            }
        }
        // Another run has deleted it since it was listed.
        Ok(None) => {}
        Err(error) if error.kind() == ErrorKind::Refused => {
            let permission = if version.is_latest {
                "s3:GetObject"
            } else {
                "s3:GetObjectVersion"
            };
            found.add_denied(&format!("`{}`", version.key), permission);
        }
        Err(error) => return Err(error),
    }
    Ok(found)
}

/// Reads the stack sets.
async fn stack_sets(context: &Context<'_>) -> Result<Found> {
    let mut found = Found::default();
    let names = match inventory::stack_sets(context.service).await? {
        Read::Known(names) => names,
        Read::Missing => Vec::new(),
        Read::Denied => {
            found.add_denied("the list of stack sets", "cloudformation:ListStackSets");
            return Ok(found);
        }
    };
    let texts = stream::iter(names)
        .map(async |name| {
            let read = inventory::stack_set_texts(context.service, &name).await?;
            Ok((name, read))
        })
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<_>>();
    let texts: Result<Vec<_>> = texts.await;
    for (name, read) in texts? {
        match read {
            Read::Known(texts) => texts.iter().for_each(|text| found.add(text, context)),
            Read::Missing => {}
            Read::Denied => {
                let what = format!("the stack set `{name}`");
                found.add_denied(&what, "cloudformation:DescribeStackSet");
            }
        }
    }
    Ok(found)
}

/// Reads everything that a stack was and may be made of.
async fn read_stack(
    context: &Context<'_>,
    known: &HashMap<String, Found>,
    stack: &Stack,
) -> Result<(Found, Texts)> {
    let mut found = Found::default();
    let mut texts = Texts::new();
    let values = stack.parameters.values();
    let outputs = stack.outputs.iter().map(|it| &it.value);
    let values = values.chain(outputs);
    values.for_each(|text| found.add(text, context));
    let name = &stack.name;
    let sets = match listing::change_sets(context.service, &stack.id).await {
        Ok(sets) => sets,
        Err(error) if lacks_permission(&error) => {
            let what = format!("the list of change sets of the stack `{name}`");
            found.add_denied(&what, "cloudformation:ListChangeSets");
            Vec::new()
        }
        Err(error) => return Err(error),
    };
    // A stack in review has change sets alone.
    let own = (stack.status != StackStatus::ReviewInProgress).then_some(None);
    for set in own.into_iter().chain(sets.iter().map(Some)) {
        let key = set.map_or_else(|| state(stack), |set| set.id.clone());
        let read = match known.get(&key) {
            Some(found) => found.clone(),
            None => read_templates(context, stack, set).await?,
        };
        found.extend(&read);
        texts.push((key, read));
    }
    let project = &context.settings.project;
    let is_related = !found.digests.is_empty()
        || found.names_project
        || stack.tags.get(PROJECT_TAG) == Some(project)
        || (context.listing).has_records(&record::stack_prefix(project, name));
    if stack.status.may_go_back() && is_related {
        found.going_back.push(GoingBack {
            name: name.clone(),
            status: stack.status.clone(),
            operation: last_success(context.service, stack).await?,
        });
    }
    Ok((found, texts))
}

/// Returns the client request token of the stack's last operation that succeeded; `None` if it is not
/// known.
async fn last_success(service: &StackService, stack: &Stack) -> Result<Option<String>> {
    let is_enough = |events: &[Event]| event::last_success(events).is_some();
    match events::until(service, &stack.id, is_enough).await {
        Ok(events) => Ok(event::last_success(&events).and_then(|it| it.token.clone())),
        Err(error) if lacks_permission(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads the templates of a stack or of one of its change sets, with the change set's parameters.
async fn read_templates(
    context: &Context<'_>,
    stack: &Stack,
    set: Option<&ListedChangeSet>,
) -> Result<Found> {
    let mut found = Found::default();
    let id = set.map(|it| it.id.as_str());
    let original = inventory::template(context.service, &stack.id, id, false).await?;
    // Only a transform makes another template.
    let is_transformed = !matches!(&original, Read::Known(text) if !text.contains("Transform"));
    let processed = if is_transformed && original != Read::Denied {
        Some(inventory::template(context.service, &stack.id, id, true).await?)
    } else {
        None
    };
    let values = match id {
        Some(id) => Some(inventory::change_set_values(context.service, id).await?),
        None => None,
    };
    let what = match set {
        Some(set) => format!(
            "the change set `{}` of the stack `{}`",
            set.name, stack.name
        ),
        None => format!("the stack `{}`", stack.name),
    };
    for template in [Some(original), processed].into_iter().flatten() {
        match template {
            Read::Known(text) => found.add(&text, context),
            // A change set that is gone was deleted or executed, which shows in the stack's state. One that
            // failed has no processed template.
            Read::Missing if set.is_some() => {}
            Read::Missing => {
                let reason = format!("the template of {what} is not there");
                found.unknown.push(Unknown::Changing(reason));
            }
            Read::Denied => {
                let what = format!("the template of {what}");
                found.add_denied(&what, "cloudformation:GetTemplate");
            }
        }
    }
    match values {
        Some(Read::Known(values)) => values.iter().for_each(|text| found.add(text, context)),
        Some(Read::Denied) => found.add_denied(&what, "cloudformation:DescribeChangeSet"),
        Some(Read::Missing) | None => {}
    }
    Ok(found)
}
