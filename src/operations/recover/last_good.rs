//! Finding the last template that was deployed successfully, showing what it changes, and uploading it.
//!
//! After a failed update in EXPRESS mode, CloudFormation rolls nothing back: somebody has to send that
//! template again. The service does not promise to keep it: its template of the stack may be the one that
//! failed. So it counts only if it differs from the template of the change set that failed.

use indexmap::IndexMap;

use crate::artifact::digest::Digest;
use crate::aws::stack::StackService;
use crate::aws::store::{Object, ObjectState, Store, bucket};
use crate::cloudformation::recovery::Call;
use crate::cloudformation::recovery::history::History;
use crate::cloudformation::recovery::last_good::{LastGood, Source};
use crate::cloudformation::stack::{NO_ECHO, Stack};
use crate::config::cache;
use crate::config::secret::MASK;
use crate::diagnostic::SourceFile;
use crate::error::{Error, Result};
use crate::operations::history;
use crate::operations::history::versions::fetch_text;
use crate::operations::package_tree::template_key;
use crate::operations::session::Session;
use crate::plan::comparison::Comparison;
use crate::plan::last_deployed::LastDeployed;
use crate::plan::masking;
use crate::plan::predict::Side;
use crate::plan::record::history::TOLERANCE;
use crate::plan::values::ValueChange;
use crate::present::human;
use crate::template::Template;
use crate::template::render::INLINE_LIMIT;

/// How many of the newest records are read to find the last deployment that succeeded.
const NEWEST: usize = 50;

/// The equal lines around a difference inside a text.
const CONTEXT: usize = 2;

/// Returns the last template that succeeded; `None` if it is not known. `deployed` is the service's
/// template of the stack, `given` what the user named.
///
/// # Errors
///
/// If the given text is no template.
pub(crate) async fn find(
    session: &Session<'_>,
    (service, store): (&StackService, &Store),
    (stack, history): (&Stack, &History),
    deployed: Option<&str>,
    given: Option<&(String, String)>,
) -> Result<Option<LastGood>> {
    let attempted = match &history.token {
        // stackctl and other tools name the change set and the token alike.
        Some(token) => service.template_of_change_set(token).await,
        None => None,
    };
    let failed = attempted.as_deref().or(deployed);
    if let Some((name, text)) = given {
        let template = parse(name, text)?;
        let found = last_good(stack, Source::File(name.clone()), &template, None);
        return Ok(Some(with_failed(found, failed)));
    }
    match recorded(session, store, stack, history).await {
        Ok(Some(found)) => return Ok(Some(with_failed(found, failed))),
        Ok(None) => {}
        Err(error) => session.presenter().warning(&format!(
            "the template of the last success cannot be read from the history: {}",
            error.in_one_line()
        )),
    }
    if let Some(last) = cached(session, stack, history) {
        let source = Source::Cache(last.at);
        // It was written by this program, from a template that was deployed.
        if let Ok(template) = parse("the last deployed template", &last.template) {
            let found = last_good(stack, source, &template, Some(&last.parameters));
            return Ok(Some(with_failed(found, failed)));
        }
    }
    let is_other = |text: &&str| attempted.as_deref().is_some_and(|it| it != *text);
    // The service keeps no character outside ASCII.
    let kept = deployed.filter(is_other).filter(|text| !text.contains('?'));
    let template = kept.and_then(|text| parse("the deployed template", text).ok());
    let found = template.map(|template| last_good(stack, Source::Service, &template, None));
    Ok(found.map(|found| with_failed(found, failed)))
}

fn parse(name: &str, text: &str) -> Result<Template> {
    Template::parse_deployed(&SourceFile::new(name, text)).map_err(|found| {
        let message = format!("`{name}` is no template that CloudFormation can deploy");
        Error::input(message).with_diagnostics(found)
    })
}

fn with_failed(last_good: LastGood, failed: Option<&str>) -> LastGood {
    LastGood {
        failed: failed.map(str::to_owned),
        ..last_good
    }
}

/// Returns how a template is deployed: parameters keep the stack's values, except for those that were
/// different in the last deployment.
fn last_good(
    stack: &Stack,
    source: Source,
    template: &Template,
    deployed: Option<&IndexMap<String, String>>,
) -> LastGood {
    let mut parameters = IndexMap::new();
    for parameter in template.parameters() {
        let name = parameter.entry.name;
        let now = stack.parameters.get(name);
        let then = deployed.and_then(|deployed| deployed.get(name));
        let then = then.filter(|_| !parameter.no_echo() && !stack.is_masked(name));
        match (then, now) {
            (Some(then), now) if now != Some(then) => {
                parameters.insert(name.to_owned(), Some(then.clone()));
            }
            (_, Some(_)) => {
                parameters.insert(name.to_owned(), None);
            }
            // The default of the template.
            (_, None) => {}
        }
    }
    let mut capabilities = stack.capabilities.clone();
    for required in template.required_capabilities() {
        let name = required.as_str().to_owned();
        if !capabilities.contains(&name) {
            capabilities.push(name);
        }
    }
    LastGood {
        source,
        template: template.source().text.clone(),
        url: None,
        failed: None,
        parameters,
        capabilities,
    }
}

/// Returns the template of the record of the last deployment that succeeded; `None` if there is none.
async fn recorded(
    session: &Session<'_>,
    store: &Store,
    stack: &Stack,
    history: &History,
) -> Result<Option<LastGood>> {
    let records = history::read(session, store, NEWEST, &[]).await?;
    let Some(record) = records.last_success(stack, history.stable_at) else {
        return Ok(None);
    };
    let text = fetch_text(store, record, &record.template).await?;
    let source = Source::Record(record.number, record.ended);
    let template = parse(&source.to_string(), &text)?;
    let values = record.plain_parameters();
    Ok(Some(last_good(stack, source, &template, Some(&values))))
}

/// Returns the last deployment from this machine, if the stack had none since.
fn cached(session: &Session<'_>, stack: &Stack, history: &History) -> Option<LastDeployed> {
    let cache = cache::root(session.context().ambient()).ok()??;
    let last = LastDeployed::find(&cache, &stack.name, stack.account(), stack.region())?;
    let recorded = last.at.checked_add(TOLERANCE).ok()?;
    let is_current = [stack.created, history.stable_at]
        .into_iter()
        .flatten()
        .all(|time| time <= recorded);
    // A secret in it was masked, and nobody can put it back.
    let is_masked = [NO_ECHO, MASK]
        .iter()
        .any(|mask| last.template.contains(mask));
    (is_current && !is_masked).then_some(last)
}

/// Returns what a deployment of the last template that succeeded changes, against the one that failed;
/// `None` if either cannot be read.
pub(crate) fn comparison(
    session: &Session<'_>,
    stack: &Stack,
    last_good: &LastGood,
) -> Option<String> {
    let presenter = session.presenter();
    let mut before = parse("the template that failed", last_good.failed.as_deref()?).ok()?;
    let mut after = parse("the last template", &last_good.template).ok()?;
    for template in [&before, &after] {
        let declared = masking::declared(template);
        masking::learn(
            presenter.secrets(),
            &declared,
            &session.settings().parameters,
        );
    }
    masking::hide_defaults(&mut before, &mut after);
    let then = stack.values();
    let mut now = then.clone();
    let given = last_good.parameters.iter();
    let given = given.filter_map(|(name, value)| Some((name, value.as_ref()?)));
    now.extend(
        given
            .clone()
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    let names = [
        "the template that failed".to_owned(),
        last_good.source.to_string(),
    ];
    let sides = [Side::new(&before, &then), Side::new(&after, &now)];
    let comparison = Comparison {
        parameters: given
            .map(|(name, value)| ValueChange {
                name: name.clone(),
                before: stack.parameters.get(name).cloned(),
                after: Some(value.clone()),
            })
            .collect(),
        ..Comparison::of_templates(sides[0], sides[1], None, names)
    };
    let frame = human::diff::Frame {
        width: presenter.width(),
        context: CONTEXT,
    };
    Some(human::diff::diff(&comparison, frame))
}

/// Uploads the template of an update that is too large for the request.
///
/// # Errors
///
/// If S3 refuses a call.
pub(crate) async fn upload(session: &Session<'_>, store: &Store, calls: &mut [Call]) -> Result<()> {
    for call in calls {
        let Call::UpdateStack(update) = call else {
            continue;
        };
        if update.template.len() <= INLINE_LIMIT {
            continue;
        }
        let digest = Digest::of(&update.template);
        let key = template_key(&session.settings().project, &digest);
        let object = Object::template(&key, &digest, &update.template);
        let state = store.object_state(&key, &digest).await?;
        if state != ObjectState::Same {
            let presenter = session.presenter();
            bucket::ensure(store, |text| presenter.note(text)).await?;
            store.store(&object, state).await?;
        }
        update.url = Some(store.url(&key));
    }
    Ok(())
}
