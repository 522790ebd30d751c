//! The requests that change a stack set. Each but the creation is an operation with an id of ours.

use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudformation::types as sdk;
use indexmap::IndexMap;

use super::StackSetService;
use crate::aws::fault;
use crate::aws::stack::{TemplateSource, parameter};
use crate::cloudformation::stack_set::group::Group;
use crate::config::settings::{
    AccountFilter, Amount, ConcurrencyMode, ParameterValue, Permissions, RegionConcurrency,
    StackSetSettings,
};
use crate::error::{Error, Result};

/// What a stack set says: everything that is sent when it is created or updated.
#[derive(Debug)]
pub struct Definition<'a> {
    /// The description.
    pub description: String,
    /// The template.
    pub template: TemplateSource,
    /// All parameters. One without a value keeps its previous value.
    pub parameters: &'a IndexMap<String, ParameterValue>,
    /// All tags.
    pub tags: &'a IndexMap<String, String>,
    /// The capabilities.
    pub capabilities: &'a [String],
}

/// The request for an operation.
#[derive(Debug)]
pub enum Request<'a> {
    /// Update the stack set and its instances.
    Update {
        /// What the stack set says.
        definition: &'a Definition<'a>,
        /// The instances that are updated; `None` means all.
        only: Option<&'a Group>,
        /// The regions of the updated instances, in the order in which the operation works.
        regions: &'a [String],
        /// Whether the permission model changes, which the service accepts without instances alone.
        changes_permissions: bool,
    },
    /// Give instances other values of parameters than the stack set has.
    Override(&'a Group),
    /// Add instances.
    Add(&'a Group),
    /// Remove instances.
    Remove {
        /// The instances.
        group: &'a Group,
        /// Whether their stacks are left behind.
        retains: bool,
    },
    /// Detect the drift of all instances.
    DetectDrift {
        /// The regions of the instances, in the order in which the operation works.
        regions: &'a [String],
    },
}

impl Request<'_> {
    /// Returns what it does: a text that completes "cannot … the stack set".
    fn doing(&self) -> &'static str {
        match self {
            Self::Update { .. } => "update",
            Self::Override(_) => "update instances of",
            Self::Add(_) => "add instances to",
            Self::Remove { .. } => "remove instances from",
            Self::DetectDrift { .. } => "detect the drift of",
        }
    }
}

/// The answer to a request.
#[derive(Debug)]
pub enum Sent {
    /// It was accepted. The operation has this id: ours, unless the endpoint is not AWS's.
    Accepted(String),
    /// The service knows an operation of this id: an earlier attempt arrived.
    Known,
    /// Another operation is running, or the same one, which an earlier attempt has begun.
    Busy(Error),
    /// The answer is lost, so that the request may have arrived, or the service was not able to answer.
    Lost(Error),
}

/// Creates the stack set without instances. The token makes a repeated request harmless.
///
/// # Errors
///
/// If the service refuses it.
pub async fn create(
    service: &StackSetService,
    definition: &Definition<'_>,
    settings: &StackSetSettings,
    token: &str,
) -> Result<()> {
    let (body, url) = definition.template.parts();
    let request = service
        .client
        .create_stack_set()
        .stack_set_name(&service.name)
        .description(&definition.description)
        .set_template_body(body)
        .set_template_url(url)
        .set_parameters(Some(parameters(definition.parameters)))
        .set_tags(Some(tags(definition.tags)))
        .set_capabilities(Some(capabilities(definition.capabilities)))
        .permission_model(permission_model(settings.permissions))
        .set_administration_role_arn(settings.administration_role.clone())
        .set_execution_role_name(settings.execution_role.clone())
        .set_auto_deployment(auto_deployment(settings))
        .set_managed_execution(managed_execution(settings))
        .set_call_as(service.call_as())
        .client_request_token(token);
    let sent = request.send().await;
    sent.map(|_| ())
        .map_err(|error| service.fault("create", &error))
}

/// Requests an operation with this id. A request with the id of an operation that exists has no effect.
///
/// # Errors
///
/// If the service refuses the request.
pub async fn request(
    service: &StackSetService,
    request: &Request<'_>,
    settings: &StackSetSettings,
    id: &str,
) -> Result<Sent> {
    let client = &service.client;
    let (name, call_as) = (&service.name, service.call_as());
    let doing = request.doing();
    match request {
        Request::Update {
            definition,
            only,
            regions,
            changes_permissions,
        } => {
            let (body, url) = definition.template.parts();
            let permissions = changes_permissions.then(|| permission_model(settings.permissions));
            let request = client
                .update_stack_set()
                .stack_set_name(name)
                .operation_id(id)
                .description(&definition.description)
                .set_template_body(body)
                .set_template_url(url)
                .set_parameters(Some(parameters(definition.parameters)))
                .set_tags(Some(tags(definition.tags)))
                .set_capabilities(Some(capabilities(definition.capabilities)))
                .operation_preferences(preferences(settings, regions))
                .set_permission_model(permissions)
                .set_administration_role_arn(settings.administration_role.clone())
                .set_execution_role_name(settings.execution_role.clone())
                .set_auto_deployment(auto_deployment(settings))
                .set_managed_execution(managed_execution(settings))
                .set_accounts(only.map(|it| it.accounts.clone()))
                .set_regions(only.map(|it| it.regions.clone()))
                .set_call_as(call_as);
            let sent = request.send().await;
            sent_answer(service, id, doing, sent.map(|it| it.operation_id))
        }
        Request::Override(group) => {
            let (accounts, targets) = targets(group, settings);
            let request = client
                .update_stack_instances()
                .stack_set_name(name)
                .operation_id(id)
                .set_accounts(accounts)
                .set_deployment_targets(targets)
                .set_regions(Some(group.regions.clone()))
                .set_parameter_overrides(Some(overrides(&group.overrides)))
                .operation_preferences(preferences(settings, &group.regions))
                .set_call_as(call_as);
            let sent = request.send().await;
            sent_answer(service, id, doing, sent.map(|it| it.operation_id))
        }
        Request::Add(group) => {
            let (accounts, targets) = targets(group, settings);
            let values = (!group.overrides.is_empty()).then(|| overrides(&group.overrides));
            let request = client
                .create_stack_instances()
                .stack_set_name(name)
                .operation_id(id)
                .set_accounts(accounts)
                .set_deployment_targets(targets)
                .set_regions(Some(group.regions.clone()))
                .set_parameter_overrides(values)
                .operation_preferences(preferences(settings, &group.regions))
                .set_call_as(call_as);
            let sent = request.send().await;
            sent_answer(service, id, doing, sent.map(|it| it.operation_id))
        }
        Request::Remove { group, retains } => {
            let (accounts, targets) = targets(group, settings);
            let request = client
                .delete_stack_instances()
                .stack_set_name(name)
                .operation_id(id)
                .set_accounts(accounts)
                .set_deployment_targets(targets)
                .set_regions(Some(group.regions.clone()))
                .retain_stacks(*retains)
                .operation_preferences(preferences(settings, &group.regions))
                .set_call_as(call_as);
            let sent = request.send().await;
            sent_answer(service, id, doing, sent.map(|it| it.operation_id))
        }
        Request::DetectDrift { regions } => {
            let request = client
                .detect_stack_set_drift()
                .stack_set_name(name)
                .operation_id(id)
                .operation_preferences(preferences(settings, regions))
                .set_call_as(call_as);
            let sent = request.send().await;
            sent_answer(service, id, doing, sent.map(|it| it.operation_id))
        }
    }
}

/// Returns the answer to a request with this id. `doing` is [what it does](Request::doing).
fn sent_answer<E>(
    service: &StackSetService,
    id: &str,
    doing: &str,
    sent: std::result::Result<Option<String>, SdkError<E>>,
) -> Result<Sent>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let error = match sent {
        Ok(answered) => {
            let answered = answered.filter(|it| !it.is_empty());
            return Ok(Sent::Accepted(answered.unwrap_or_else(|| id.to_owned())));
        }
        Err(error) => error,
    };
    if fault::has_code(&error, "OperationIdAlreadyExistsException") {
        return Ok(Sent::Known);
    }
    let is_busy = fault::has_code(&error, "OperationInProgressException");
    let is_lost = fault::is_lost(&error) || fault::is_throttled(&error);
    let failed = service.fault(doing, &error);
    match (is_busy, is_lost) {
        (true, _) => Ok(Sent::Busy(failed)),
        (_, true) => Ok(Sent::Lost(failed)),
        _ => Err(failed),
    }
}

fn parameters(parameters: &IndexMap<String, ParameterValue>) -> Vec<sdk::Parameter> {
    parameters.iter().filter_map(parameter).collect()
}

fn overrides(overrides: &IndexMap<String, String>) -> Vec<sdk::Parameter> {
    let overrides = overrides.iter().map(|(name, value)| {
        let parameter = sdk::Parameter::builder().parameter_key(name);
        parameter.parameter_value(value).build()
    });
    overrides.collect()
}

fn tags(tags: &IndexMap<String, String>) -> Vec<sdk::Tag> {
    let tags = tags.iter();
    tags.map(|(key, value)| sdk::Tag::builder().key(key).value(value).build())
        .collect()
}

fn capabilities(capabilities: &[String]) -> Vec<sdk::Capability> {
    let names = capabilities.iter().map(String::as_str);
    names.map(sdk::Capability::from).collect()
}

fn permission_model(permissions: Permissions) -> sdk::PermissionModels {
    match permissions {
        Permissions::SelfManaged => sdk::PermissionModels::SelfManaged,
        Permissions::ServiceManaged => sdk::PermissionModels::ServiceManaged,
    }
}

/// Returns the setting for accounts that join an organizational unit; `None` with self-managed
/// permissions, which have none.
fn auto_deployment(settings: &StackSetSettings) -> Option<sdk::AutoDeployment> {
    let enabled = settings.auto_deployment.unwrap_or_default();
    let retains = settings.retain_stacks_on_account_removal;
    let setting = sdk::AutoDeployment::builder().enabled(enabled);
    // The service accepts the second member only if the first is true.
    let setting = setting.set_retain_stacks_on_account_removal(enabled.then_some(retains));
    (settings.permissions == Permissions::ServiceManaged).then(|| setting.build())
}

fn managed_execution(settings: &StackSetSettings) -> Option<sdk::ManagedExecution> {
    let active = settings.managed_execution?;
    Some(sdk::ManagedExecution::builder().active(active).build())
}

/// Returns the accounts, or the organizational units with their filter.
fn targets(
    group: &Group,
    settings: &StackSetSettings,
) -> (Option<Vec<String>>, Option<sdk::DeploymentTargets>) {
    let accounts = group.accounts.clone();
    if settings.permissions == Permissions::SelfManaged {
        return (Some(accounts), None);
    }
    let targets = sdk::DeploymentTargets::builder().set_organizational_unit_ids(Some(accounts));
    let targets = match &group.choice {
        None => targets,
        Some(choice) => targets
            .set_accounts(Some(choice.accounts.clone()))
            .account_filter_type(match choice.filter {
                AccountFilter::Intersection => sdk::AccountFilterType::Intersection,
                AccountFilter::Difference => sdk::AccountFilterType::Difference,
            }),
    };
    (None, Some(targets.build()))
}

/// Returns how an operation works through its targets, in these regions.
fn preferences(
    settings: &StackSetSettings,
    regions: &[String],
) -> sdk::StackSetOperationPreferences {
    let number = |number: u32| i32::try_from(number).ok();
    let amount = |amount: Option<Amount>| match amount {
        None => (None, None),
        Some(Amount::Count(count)) => (number(count), None),
        Some(Amount::Percent(percent)) => (None, number(percent)),
    };
    let (tolerance, tolerance_percent) = amount(settings.failure_tolerance);
    let (concurrent, concurrent_percent) = amount(settings.max_concurrent);
    sdk::StackSetOperationPreferences::builder()
        .set_region_order((!regions.is_empty()).then(|| regions.to_vec()))
        .set_region_concurrency_type(settings.region_concurrency.map(|it| match it {
            RegionConcurrency::Sequential => sdk::RegionConcurrencyType::Sequential,
            RegionConcurrency::Parallel => sdk::RegionConcurrencyType::Parallel,
        }))
        .set_failure_tolerance_count(tolerance)
        .set_failure_tolerance_percentage(tolerance_percent)
        .set_max_concurrent_count(concurrent)
        .set_max_concurrent_percentage(concurrent_percent)
        .set_concurrency_mode(settings.concurrency_mode.map(|it| match it {
            ConcurrencyMode::Strict => sdk::ConcurrencyMode::StrictFailureTolerance,
            ConcurrencyMode::Soft => sdk::ConcurrencyMode::SoftFailureTolerance,
        }))
        .build()
}
