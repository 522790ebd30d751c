//! Masks secret values in the responses of CloudFormation.
//!
//! CloudFormation masks a `NoEcho` parameter only in lists of parameters, and only as long as the
//! parameter has `NoEcho`. A change set that removes `NoEcho` contains the value, and contexts,
//! metadata and outputs contain values that are derived from it. The templates show where secrets are:
//! if a property refers to a secret parameter, or to a secret of another service, its value is secret.
//! A parameter is secret if either template has `NoEcho` for it, if its value is from the environment
//! or from a service, if CloudFormation masks it, or, in a nested stack, if the parent passes a secret to it.
//!
//! The values are masked in the change set before it is used. The functions return the masked values,
//! so that other texts can be redacted too.

mod declared;
mod drift;
mod places;

use indexmap::IndexMap;
use serde_json::Value;

use crate::cloudformation::change_set::{Change, ChangeSet, Detail};
use crate::cloudformation::stack::{NO_ECHO, Stack};
use crate::config::secret::{Redactor, Secret, Secrets};
use crate::config::settings::ParameterValue;
use crate::template::node::Node;
use crate::template::{Parameter, Template, json};
pub use declared::{
    Declared, declared, declared_in, hide_defaults, learn, literals, nested_in, without_defaults,
};
pub use drift::{hide_drift, secrets_passed_to};
use places::{Hidden, Places, is_literal};

/// Returns the defaults of a template's `NoEcho` parameters.
pub fn defaults(template: &Template) -> Vec<Secret> {
    let secret = template.parameters().filter(Parameter::no_echo);
    let defaults = secret.filter_map(|it| Some(it.default()?.scalar()?.into_owned()));
    defaults.map(Secret::new).collect()
}

/// Returns the names of the parameters whose values come from the environment or from a service of AWS.
/// None of the values is printed, whatever the template declares.
pub fn from_outside(
    parameters: &IndexMap<String, ParameterValue>,
) -> impl Iterator<Item = &String> {
    let from_outside = parameters
        .iter()
        .filter(|(_, value)| value.is_from_outside());
    from_outside.map(|(name, _)| name)
}

/// Masks the values of the parameters of a stack or stack set that come from outside the project, as
/// CloudFormation masks those with `NoEcho`. Adds them to the secrets.
pub fn hide_parameters(
    parameters: &mut IndexMap<String, String>,
    given: &IndexMap<String, ParameterValue>,
    secrets: &Secrets,
) {
    for name in from_outside(given) {
        if let Some(value) = parameters.get_mut(name)
            && value != NO_ECHO
        {
            secrets.add(&Secret::new(std::mem::replace(value, NO_ECHO.to_owned())));
        }
    }
}

/// Returns the secrets among the parameters of a request: the values from outside the project, and the
/// manifest's values of `NoEcho` parameters.
pub fn sent(template: &Template, parameters: &IndexMap<String, ParameterValue>) -> Vec<Secret> {
    let secrets = parameters.iter().filter_map(|(name, value)| match value {
        ParameterValue::Plain(_) | ParameterValue::FromStack { secret: None, .. } => {
            let parameter = template.parameter(name)?;
            let value = value.plain().filter(|_| parameter.no_echo())?;
            Some(Secret::new(value.to_owned()))
        }
        value => value.secret().cloned(),
    });
    secrets.collect()
}

/// Masks the outputs of a stack whose definition in the template refers to a secret.
pub fn hide_outputs(stack: &mut Stack, template: &Template) {
    let mut places = Places::default();
    places.add_template(template);
    for name in stack.masked_parameters() {
        places.add(name.clone());
    }
    let mut hidden = Hidden::default();
    for output in &mut stack.outputs {
        let defined = template.outputs().find(|it| it.entry.name == output.name);
        if let Some(written) = defined.and_then(|defined| defined.value()) {
            places.hide_text(written, &mut output.value, &mut hidden);
        }
    }
}

/// Masks the secrets in a change set and returns all secret values, including `known`.
///
/// `templates` are the deployed template and the new one. `parameters` are further secret parameters.
/// `known` are secret values, which are masked everywhere.
pub fn hide<'a>(
    change_set: &mut ChangeSet,
    templates: [Option<&Template>; 2],
    parameters: impl IntoIterator<Item = &'a String>,
    known: &[Secret],
) -> Vec<Secret> {
    let mut places = Places::default();
    for name in parameters {
        places.add(name.clone());
    }
    let mut hidden = Hidden::default();
    hide_in_set(change_set, templates, places, &mut hidden);
    let found = hidden.values.into_iter().map(Secret::new);
    let all: Vec<Secret> = known.iter().cloned().chain(found).collect();
    if !all.is_empty() {
        redact_set(change_set, &Redactor::new(&all));
    }
    all
}

fn hide_in_set(
    set: &mut ChangeSet,
    templates: [Option<&Template>; 2],
    mut places: Places,
    hidden: &mut Hidden,
) {
    for template in templates.into_iter().flatten() {
        places.add_template(template);
        for default in defaults(template) {
            hidden.hide(&mut default.expose().to_owned());
        }
    }
    for parameter in &mut set.parameters {
        if parameter.value.as_deref() == Some(NO_ECHO) {
            places.add(parameter.name.clone());
        }
        if places.is_parameter(&parameter.name) {
            let values = [&mut parameter.value, &mut parameter.resolved_value];
            for value in values.into_iter().flatten() {
                hidden.hide(value);
            }
        }
    }
    for nested in &mut set.nested {
        let change = set
            .changes
            .iter()
            .find(|change| change.nested_change_set.as_deref() == Some(&nested.id));
        let inner = change.map_or_else(Places::default, |change| {
            passed_on(change, templates, &places)
        });
        let [deployed, new] = nested.templates();
        hide_in_set(nested, [deployed.as_ref(), new.as_ref()], inner, hidden);
    }
    for change in &mut set.changes {
        hide_in_change(change, templates, &places, hidden);
    }
}

/// Returns the parameters of a nested stack to which its parent passes a secret.
fn passed_on(change: &Change, templates: [Option<&Template>; 2], places: &Places) -> Places {
    let mut inner = Places::default();
    for template in templates.into_iter().flatten() {
        let resource = template.resource(&change.logical_id);
        let parameters = resource
            .and_then(|resource| resource.properties()?.get("Parameters")?.as_map())
            .into_iter()
            .flatten();
        for (name, member) in parameters {
            if places.is_secret(&member.node) {
                inner.add(name.clone());
            }
        }
    }
    inner
}

fn hide_in_change(
    change: &mut Change,
    templates: [Option<&Template>; 2],
    places: &Places,
    hidden: &mut Hidden,
) {
    let resources = templates.map(|template| {
        let resource = template?.resource(&change.logical_id)?;
        Some(resource.entry.node)
    });
    // Each side uses its own template. If that is missing or lacks the resource, it uses the other.
    let [before, after] = [resources[0].or(resources[1]), resources[1].or(resources[0])];
    let actual = [&change.before_context, &change.after_context]
        .map(|context| json::editable_document(context.as_deref()?));
    for detail in &mut change.details {
        hide_in_detail(detail, [before, after], &actual, places, hidden);
    }
    let contexts = [
        (&mut change.before_context, before),
        (&mut change.previous_deployment_context, before),
        (&mut change.after_context, after),
    ];
    for (context, written) in contexts {
        let (Some(context), Some(written)) = (context, written) else {
            continue;
        };
        let Some(mut actual) =
            json::editable_document(context).filter(|_| places.is_secret(written))
        else {
            continue;
        };
        places.hide(written, &mut actual, hidden);
        *context = actual.to_string();
    }
}

fn hide_in_detail(
    detail: &mut Detail,
    resources: [Option<&Node>; 2],
    actual: &[Option<Value>; 2],
    places: &Places,
    hidden: &mut Hidden,
) {
    let path = detail.steps();
    let is_caused_by_secret = detail
        .causing_entity
        .as_deref()
        .is_some_and(|entity| places.is_parameter(entity));
    let drift = detail.drift.as_mut();
    let (previous, live) = drift.map_or((None, None), |drift| {
        (drift.previous.as_mut(), drift.actual.as_mut())
    });
    let values = [
        (detail.before.as_mut(), 0),
        (previous, 0),
        (live, 0),
        (detail.after.as_mut(), 1),
    ];
    for (value, side) in values {
        let Some(value) = value else { continue };
        let Some(resource) = resources[side] else {
            // Without a template, only the cause shows whether the value is secret.
            if is_caused_by_secret {
                hidden.hide(value);
            }
            continue;
        };
        let written = Places::at(resource, &path, actual[side].as_ref());
        let text = Value::from(value.as_str());
        if written.iter().any(|written| is_literal(written, &text)) {
            continue;
        }
        for written in written {
            places.hide_text(written, value, hidden);
        }
    }
}

/// Redacts known values in a change set, including JSON texts that escape them differently.
fn redact_set(set: &mut ChangeSet, redactor: &Redactor) {
    for change in &mut set.changes {
        let contexts = [
            &mut change.before_context,
            &mut change.after_context,
            &mut change.previous_deployment_context,
        ];
        for context in contexts.into_iter().flatten() {
            redact_text(context, redactor);
        }
        for detail in &mut change.details {
            let values = [detail.before.as_mut(), detail.after.as_mut()];
            let drift = detail
                .drift
                .iter_mut()
                .flat_map(|drift| [drift.previous.as_mut(), drift.actual.as_mut()]);
            for value in values.into_iter().chain(drift).flatten() {
                redact_text(value, redactor);
            }
        }
    }
    for nested in &mut set.nested {
        redact_set(nested, redactor);
    }
}

/// Redacts known values in a text and returns whether there were any.
fn redact_text(text: &mut String, redactor: &Redactor) -> bool {
    let shown = match json::editable_document(text) {
        Some(mut inner) => redact_value(&mut inner, redactor).then(|| inner.to_string()),
        None => redactor.redact(text),
    };
    let found = shown.is_some();
    if let Some(shown) = shown {
        *text = shown;
    }
    found
}

/// Redacts known values in JSON and returns whether there were any.
fn redact_value(value: &mut Value, redactor: &Redactor) -> bool {
    let redact_member = |found: bool, member: &mut Value| redact_value(member, redactor) || found;
    match value {
        Value::Object(members) => members.values_mut().fold(false, redact_member),
        Value::Array(elements) => elements.iter_mut().fold(false, redact_member),
        Value::String(text) => redact_text(text, redactor),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
