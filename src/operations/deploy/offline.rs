//! `stackctl plan --offline`: a plan without credentials, network or emulator.
//!
//! It is predicted from the files and from the template that was last deployed from this machine; see
//! [`predict`]. Everything that a real plan checks in the files is checked here too.

use indexmap::IndexMap;

use super::deployment::Deployment;
use super::options::DeployOptions;
use super::{import, moves, online};
use crate::cloudformation::change_set::ChangeSet;
use crate::cloudformation::stack::{Stack, pseudo_parameters};
use crate::config::cache;
use crate::config::secret::Secrets;
use crate::config::settings::Settings;
use crate::diagnostic::SourceFile;
use crate::error::Result;
use crate::operations::build::{self, Build};
use crate::operations::lint;
use crate::operations::prepare::prepare_alone;
use crate::operations::resource_graph;
use crate::operations::session::Session;
use crate::plan::last_deployed::LastDeployed;
use crate::plan::output_effect::{self, output_effects};
use crate::plan::predict::{Side, predict};
use crate::plan::provisional::{self, InputChange, ProvisionalInput};
use crate::plan::resource_graph::add_moves;
use crate::plan::risk;
use crate::plan::suggested_moves::suggest;
use crate::plan::{NO_ENDPOINT, Operation, Plan, Target, ValueChange, masking, model, values};
use crate::template::Template;
use crate::util::time::to_the_second;

/// Returns the predicted plan.
///
/// # Errors
///
/// What is wrong with the files.
pub(crate) async fn plan(session: &Session<'_>, options: DeployOptions) -> Result<Plan> {
    let settings = session.settings();
    let wheels = prepare_alone(session).await?;
    let build = build::build(session, &wheels)?;
    lint::run(session, &build)?;
    let last = last_deployed(session)?;
    let parameters = build.plain_parameters(last.as_ref().map(|last| &last.parameters));
    let secrets = session.presenter().secrets();
    // The copy has no secrets, so the other side must have none. Older versions kept defaults.
    let body = masked(&build.body, secrets);
    let template = parse(&body).unwrap_or_else(|| build.template.clone());
    let mut deployed = last.as_ref().and_then(|last| {
        let text = masked(&last.template, secrets);
        Some((last, parse(&text)?, text == body))
    });
    let mut moved = Vec::new();
    if let Some((last, model, is_same)) = &mut deployed {
        let side = Side::new(model, &last.parameters);
        let found = moves::predicted(session, side, &build.template)?;
        if let Some((pending, renamed)) = found {
            *is_same = renamed.root() == template.root();
            (moved, *model) = (pending, renamed);
        }
    }
    let known = deployed.as_ref().map(|(last, ..)| *last);
    let with_pseudo = |parameters: &IndexMap<String, String>| {
        let mut values = parameters.clone();
        if let Some(last) = known {
            let name = &settings.stack_name;
            values.extend(pseudo_parameters(&last.account, &last.region, name));
        }
        values
    };
    let then = known
        .map(|last| with_pseudo(&last.parameters))
        .unwrap_or_default();
    let now = with_pseudo(&parameters);
    let before = deployed
        .as_ref()
        .map(|(_, template, _)| Side::new(template, &then));
    let after = Side::new(&template, &now);
    let mut changes = predict(before, after);
    moves::mark_imports(&mut changes, settings);
    let last = deployed.as_ref().map(|(last, ..)| *last);
    let parameter_changes = parameter_changes(last, &build, &parameters);
    let tags = tag_changes(last, settings);
    let same_template = deployed.as_ref().is_some_and(|(.., is_same)| *is_same);
    import::check_known(settings, &build.template, before.map(|it| it.template))?;
    let differs =
        !changes.is_empty() || !parameter_changes.is_empty() || !tags.is_empty() || !same_template;
    let deployed_model = before.map(|before| before.template);
    let mut models = model::models(&changes, deployed_model, Some(&build.template));
    model::evaluate(&mut models, [before, Some(after)]);
    let types = &settings.stack.protected_types;
    let assessment = risk::assess(&changes, &models, types);
    let suggested_moves = deployed_model.map_or_else(Vec::new, |deployed| {
        suggest(&changes, deployed, &build.template, types)
    });
    let change_set = differs.then(|| ChangeSet {
        changes,
        ..ChangeSet::default()
    });
    let effects = output_effects(&output_effect::Deployment {
        before,
        outputs: before.is_none().then_some(&[]),
        after,
        change_set: change_set.as_ref(),
    });
    let changes = change_set.as_ref();
    let mut graph = resource_graph::of_plan(&build, &now, settings, changes, deployed_model);
    add_moves(&mut graph, &moved);
    Ok(Plan {
        effects,
        graph,
        provisional: inputs(&build, last),
        target: target(last, settings),
        operation: match last {
            Some(_) => Operation::Update,
            None => Operation::Create,
        },
        prediction: Some(basis(last, &build)),
        capabilities: build.capabilities.clone(),
        artifacts: build.planned_artifacts(last.map_or("", |last| &last.template)),
        parameters: parameter_changes,
        tags,
        change_set,
        outputs: values::output_changes(deployed_model, &build.template),
        models,
        assessment,
        moved,
        suggested_moves,
        mode: options.mode,
        skips_validation: options.skips_validation,
        // The deployed zips and the functions cannot be read without a network.
        ..Plan::default()
    })
}

/// Returns the predicted plan of a deployment whose inputs do not all exist yet. It is compared with the
/// deployed stack.
pub(crate) fn without_inputs(
    deployment: &Deployment<'_>,
    inputs: Vec<ProvisionalInput>,
    options: DeployOptions,
) -> Plan {
    let [then, now] = deployment.values();
    let deployed = deployment.deployed_model();
    let before = deployed.map(|template| Side::new(template, &then));
    let after = Side::new(&deployment.build().template, &now);
    let mut changes = predict(before, after);
    moves::mark_imports(&mut changes, deployment.session().settings());
    let set = ChangeSet {
        changes,
        ..ChangeSet::default()
    };
    let unknown: Vec<ProvisionalInput> = inputs
        .iter()
        .filter(|it| it.is_unknown())
        .cloned()
        .collect();
    let stacks = provisional::stacks(&unknown).join(", ");
    let compared = match deployed {
        Some(_) => "compared with the deployed stack",
        None => "everything is new",
    };
    Plan {
        prediction: Some(format!(
            "{compared}; the values that come from {stacks} are not known yet"
        )),
        provisional: inputs,
        mode: options.mode,
        skips_validation: options.skips_validation,
        ..online::of(deployment, Some(set), Vec::new())
    }
}

/// Returns what was last deployed from this machine, if that is known.
fn last_deployed(session: &Session<'_>) -> Result<Option<LastDeployed>> {
    let settings = session.settings();
    let (account, region) = (settings.account.as_deref(), settings.region.as_deref());
    let cache = cache::root(session.context().ambient())?;
    Ok(cache.and_then(|cache| LastDeployed::find(&cache, &settings.stack_name, account, region)))
}

fn parse(text: &str) -> Option<Template> {
    let source = SourceFile::new("the deployed template", text);
    Template::parse_deployed(&source).ok()
}

/// Returns the target, as far as it is known.
fn target(last: Option<&LastDeployed>, settings: &Settings) -> Target {
    Target {
        account: last
            .map(|last| last.account.clone())
            .or_else(|| settings.account.clone())
            .unwrap_or_else(unknown),
        region: (settings.region.clone())
            .or_else(|| last.map(|last| last.region.clone()))
            .unwrap_or_else(unknown),
        endpoint: NO_ENDPOINT.to_owned(),
        stack: settings.stack_name.clone(),
        environment: settings.environment.clone(),
    }
}

/// Returns the name of an account or a region that is not known.
fn unknown() -> String {
    "unknown".to_owned()
}

/// Caches what was deployed for later offline plans. Nothing depends on it.
pub(crate) fn remember(deployment: &Deployment<'_>, stack: &Stack) {
    let session = deployment.session();
    let cache = match cache::root(session.context().ambient()) {
        Ok(cache) => cache,
        Err(error) => {
            session.presenter().warning(&error.to_string());
            return;
        }
    };
    // A stack that failed and was not rolled back has not been deployed as the files say.
    let has_failed = stack.status.as_str().ends_with("_FAILED");
    let Some(cache) = cache.filter(|_| stack.status.exists() && !has_failed) else {
        return;
    };
    let last = LastDeployed {
        account: deployment.identity().account.clone(),
        region: deployment.connection().region().to_owned(),
        stack: stack.name.clone(),
        at: jiff::Timestamp::now(),
        template: masked(&deployment.build().body, session.presenter().secrets()),
        parameters: deployment.build().plain_parameters(Some(&stack.parameters)),
        tags: Some(session.settings().tags.clone()),
    };
    if let Err(error) = last.store(&cache) {
        session.presenter().detail(&error.to_string());
    }
}

/// Replaces the template in the cache after a refactor of the stack, if one is there.
pub(crate) fn remember_template(deployment: &Deployment<'_>, template: &str) {
    let session = deployment.session();
    let Ok(Some(cache)) = cache::root(session.context().ambient()) else {
        return;
    };
    let account = &deployment.identity().account;
    let region = deployment.connection().region();
    let name = &session.settings().stack_name;
    if let Some(last) = LastDeployed::find(&cache, name, Some(account), Some(region)) {
        let last = LastDeployed {
            at: jiff::Timestamp::now(),
            template: masked(template, session.presenter().secrets()),
            ..last
        };
        if let Err(error) = last.store(&cache) {
            session.presenter().detail(&error.to_string());
        }
    }
}

/// Returns the parameters that take outputs of other stacks, with their values in the last deployment.
fn inputs(build: &Build, last: Option<&LastDeployed>) -> Vec<ProvisionalInput> {
    let inputs = build.parameters.iter().filter_map(|(name, value)| {
        let (stack, output) = value.stack_output()?;
        let known = last.and_then(|last| last.parameters.get(name));
        Some(ProvisionalInput {
            parameter: name.clone(),
            stack: stack.to_owned(),
            output: output.to_owned(),
            before: known.filter(|_| !build.is_no_echo(name)).cloned(),
            change: InputChange::Offline,
            cause: None,
        })
    });
    inputs.collect()
}

/// Returns the parameters that differ from those of the last deployment.
fn parameter_changes(
    last: Option<&LastDeployed>,
    build: &Build,
    parameters: &IndexMap<String, String>,
) -> Vec<ValueChange> {
    let desired = parameters.iter();
    let desired = desired.map(|(name, value)| (name, value.as_str()));
    let deployed = last.map(|last| &last.parameters);
    values::value_changes(deployed, &desired.collect(), |name| {
        !build.parameters.contains_key(name)
    })
}

/// Returns the tags that differ from those of the last deployment.
fn tag_changes(last: Option<&LastDeployed>, settings: &Settings) -> Vec<ValueChange> {
    // Older versions did not keep the tags.
    if last.is_some_and(|last| last.tags.is_none()) {
        return Vec::new();
    }
    let deployed = last.and_then(|last| last.tags.as_ref());
    let desired = settings.tags.iter();
    let desired = desired.map(|(name, value)| (name, value.as_str()));
    values::value_changes(deployed, &desired.collect(), |name| {
        !settings.tags.contains_key(name)
    })
}

/// Returns a template without the secrets in it: the defaults of parameters with `NoEcho`, and known
/// secrets, such as a value for a nested template.
fn masked(template: &str, secrets: &Secrets) -> String {
    let template = masking::without_defaults(template);
    let masked = if template.trim_start().starts_with('{') {
        secrets.redact_json(&template)
    } else {
        secrets.redact(&template)
    };
    masked.into_owned()
}

/// Returns what the prediction is based on, in one sentence.
fn basis(last: Option<&LastDeployed>, build: &Build) -> String {
    let compared = match last {
        Some(last) => format!(
            "compared with what was deployed from here to {}, {} at {}",
            last.account,
            last.region,
            to_the_second(last.at)
        ),
        None => "everything counts as new: this machine knows no earlier deployment".to_owned(),
    };
    let limits = if build.template.has_transforms() {
        "; what the transform makes of the template is unknown"
    } else if build.template.has_external_inputs()
        || build.has_outside_values()
        || build.unread_parameters().next().is_some()
    {
        "; values from outside the template may have changed"
    } else {
        ""
    };
    compared + limits
}
