//! The request for a change set.

use aws_sdk_cloudformation::operation::create_change_set::builders::CreateChangeSetFluentBuilder;
use aws_sdk_cloudformation::types::{
    Capability, ChangeSetType, DeploymentConfig, DeploymentConfigMode, DeploymentMode as DriftMode,
    OnStackFailure, Parameter, ResourceToImport, RollbackConfiguration, RollbackTrigger, Tag,
};
use indexmap::IndexMap;

use crate::config::settings::{DeploymentMode, ParameterValue, StackSettings};

/// The type of a simple alarm.
pub(super) const ALARM_TYPE: &str = "AWS::CloudWatch::Alarm";

/// Where CloudFormation finds the template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateSource {
    /// In the request; at most 51,200 bytes (`CreateChangeSet`).
    Body(String),
    /// In S3; at most 1 MB (`CreateChangeSet`).
    Url(String),
}

impl TemplateSource {
    /// Returns the body and the URL, one of which is `None`.
    pub(in crate::aws) fn parts(&self) -> (Option<String>, Option<String>) {
        match self {
            Self::Body(body) => (Some(body.clone()), None),
            Self::Url(url) => (None, Some(url.clone())),
        }
    }
}

/// What a change set is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To create a stack.
    Create {
        /// Whether the stack is deleted again if its creation fails.
        deletes_on_failure: bool,
    },
    /// To update a stack.
    Update,
    /// To import existing resources, into a stack that may not exist yet.
    Import,
}

/// An existing resource that an import takes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedResource {
    /// The logical id that it gets.
    pub logical_id: String,
    /// Its type, such as `AWS::S3::Bucket`.
    pub resource_type: String,
    /// The properties that identify it, and their values.
    pub identifier: IndexMap<String, String>,
}

/// The request for a change set.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a member of the request"
)]
pub struct ChangeSetRequest<'a> {
    /// The change set's name.
    pub name: &'a str,
    /// The change set's description.
    pub description: &'a str,
    /// What it is for.
    pub purpose: Purpose,
    /// The resources that an import takes over.
    pub imports: &'a [ImportedResource],
    /// Whether resources that exist already become part of the stack.
    pub imports_existing: bool,
    /// Whether nested stacks get change sets of their own, so that their changes are shown.
    pub includes_nested: bool,
    /// Whether the change set also compares the live resources and reverts drift.
    pub reverts_drift: bool,
    /// The mode in which the change set is executed.
    pub mode: DeploymentMode,
    /// Whether rollback is disabled. It counts only in EXPRESS mode: otherwise, the execution says it.
    pub disables_rollback: bool,
    /// Whether CloudFormation's validations before the deployment are disabled.
    pub skips_validation: bool,
    /// The template.
    pub template: TemplateSource,
    /// All parameters. One without a value keeps its previous value.
    pub parameters: &'a IndexMap<String, ParameterValue>,
    /// All tags.
    pub tags: &'a IndexMap<String, String>,
    /// The capabilities.
    pub capabilities: &'a [String],
    /// The types of the alarms that are no simple ones, by ARN.
    pub alarm_types: &'a IndexMap<String, String>,
    /// The stack's settings.
    pub settings: &'a StackSettings,
}

impl ChangeSetRequest<'_> {
    pub(super) fn fill(
        &self,
        builder: CreateChangeSetFluentBuilder,
    ) -> CreateChangeSetFluentBuilder {
        let (body, url) = self.template.parts();
        let capabilities = self
            .capabilities
            .iter()
            .map(|name| Capability::from(name.as_str()));
        let tags = self
            .tags
            .iter()
            .map(|(key, value)| Tag::builder().key(key).value(value).build());
        let (kind, deletes) = match self.purpose {
            Purpose::Create { deletes_on_failure } => (ChangeSetType::Create, deletes_on_failure),
            Purpose::Update => (ChangeSetType::Update, false),
            Purpose::Import => (ChangeSetType::Import, false),
        };
        builder
            .change_set_type(kind)
            .change_set_name(self.name)
            .client_token(self.name)
            .set_template_body(body)
            .set_template_url(url)
            .set_parameters(Some(self.parameters.iter().filter_map(parameter).collect()))
            .set_tags(Some(tags.collect()))
            .set_capabilities(Some(capabilities.collect()))
            .set_on_stack_failure(deletes.then_some(OnStackFailure::Delete))
            .set_resources_to_import((!self.imports.is_empty()).then(|| self.imports()))
            .set_import_existing_resources(self.imports_existing.then_some(true))
            .set_include_nested_stacks(self.includes_nested.then_some(true))
            .set_deployment_mode(self.reverts_drift.then_some(DriftMode::RevertDrift))
            .set_deployment_config(deployment_config(self.mode, self.disables_rollback))
            .set_disable_validation(self.skips_validation.then_some(true))
            .set_role_arn(self.settings.role_arn.clone())
            .set_notification_arns(Some(self.settings.notification_arns.clone()))
            .set_rollback_configuration(Some(self.rollback_configuration()))
            .description(self.description)
    }

    fn imports(&self) -> Vec<ResourceToImport> {
        let imports = self.imports.iter().map(|import| {
            ResourceToImport::builder()
                .logical_resource_id(&import.logical_id)
                .resource_type(&import.resource_type)
                .set_resource_identifier(Some(import.identifier.clone().into_iter().collect()))
                .build()
        });
        imports.collect()
    }

    fn rollback_configuration(&self) -> RollbackConfiguration {
        let triggers = self.settings.rollback_alarms.iter().map(|arn| {
            let kind = self.alarm_types.get(arn);
            RollbackTrigger::builder()
                .arn(arn)
                .r#type(kind.map_or(ALARM_TYPE, String::as_str))
                .build()
        });
        let minutes = self.settings.rollback_monitoring_minutes;
        RollbackConfiguration::builder()
            .set_rollback_triggers(Some(triggers.collect()))
            .set_monitoring_time_in_minutes(minutes.and_then(|minutes| i32::try_from(minutes).ok()))
            .build()
    }
}

/// Returns the configuration of an operation in this mode; `None` for the standard mode, in which an
/// operation needs none.
///
/// In EXPRESS mode, CloudFormation disables rollback if the configuration does not say otherwise.
pub(super) fn deployment_config(
    mode: DeploymentMode,
    disables_rollback: bool,
) -> Option<DeploymentConfig> {
    let config = DeploymentConfig::builder()
        .mode(DeploymentConfigMode::Express)
        .disable_rollback(disables_rollback);
    (mode == DeploymentMode::Express).then(|| config.build())
}

/// Returns the parameter that is sent; `None` if its value is not known.
pub(in crate::aws) fn parameter((name, value): (&String, &ParameterValue)) -> Option<Parameter> {
    let parameter = Parameter::builder().parameter_key(name);
    let parameter = match value {
        ParameterValue::Previous { .. } => parameter.use_previous_value(true),
        ParameterValue::Plain(value)
        | ParameterValue::FromStack {
            value: Some(value), ..
        } => parameter.parameter_value(value),
        value => parameter.parameter_value(value.secret()?.expose()),
    };
    Some(parameter.build())
}
