//! Loss of stored data, and replacements that cannot succeed.

use super::{Guard, Kind, Risk, Severity, Subject};
use crate::cloudformation::deletion::DeletionOutcome;
use crate::cloudformation::stateful::stored_data;
use crate::plan::model::KNOWN_AFTER_APPLY;
use crate::template::policy::{Policy, deletion_policy, update_replace_policy};

/// The property that fixes the physical name, by type. CloudFormation creates the new resource before
/// it deletes the old one, so a replacement with the same name fails.
const NAMES: [(&str, &str); 40] = [
    ("AWS::ApiGateway::ApiKey", "Name"),
    ("AWS::ApplicationAutoScaling::ScalingPolicy", "PolicyName"),
    ("AWS::AutoScaling::AutoScalingGroup", "AutoScalingGroupName"),
    ("AWS::CloudWatch::Alarm", "AlarmName"),
    ("AWS::CloudWatch::Dashboard", "DashboardName"),
    ("AWS::CodeBuild::Project", "Name"),
    ("AWS::CodePipeline::Pipeline", "Name"),
    ("AWS::DynamoDB::GlobalTable", "TableName"),
    ("AWS::DynamoDB::Table", "TableName"),
    ("AWS::EC2::KeyPair", "KeyName"),
    ("AWS::EC2::LaunchTemplate", "LaunchTemplateName"),
    ("AWS::EC2::SecurityGroup", "GroupName"),
    ("AWS::ECR::Repository", "RepositoryName"),
    ("AWS::ECS::Cluster", "ClusterName"),
    ("AWS::ECS::Service", "ServiceName"),
    ("AWS::EKS::Cluster", "Name"),
    ("AWS::ElastiCache::CacheCluster", "ClusterName"),
    ("AWS::ElastiCache::ReplicationGroup", "ReplicationGroupId"),
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", "Name"),
    ("AWS::ElasticLoadBalancingV2::TargetGroup", "Name"),
    ("AWS::Events::EventBus", "Name"),
    ("AWS::Events::Rule", "Name"),
    ("AWS::IAM::Group", "GroupName"),
    ("AWS::IAM::InstanceProfile", "InstanceProfileName"),
    ("AWS::IAM::ManagedPolicy", "ManagedPolicyName"),
    ("AWS::IAM::Role", "RoleName"),
    ("AWS::IAM::User", "UserName"),
    ("AWS::KMS::Alias", "AliasName"),
    ("AWS::Kinesis::Stream", "Name"),
    ("AWS::Lambda::Function", "FunctionName"),
    ("AWS::Logs::LogGroup", "LogGroupName"),
    ("AWS::OpenSearchService::Domain", "DomainName"),
    ("AWS::RDS::DBCluster", "DBClusterIdentifier"),
    ("AWS::RDS::DBInstance", "DBInstanceIdentifier"),
    ("AWS::S3::Bucket", "BucketName"),
    ("AWS::SNS::Topic", "TopicName"),
    ("AWS::SQS::Queue", "QueueName"),
    ("AWS::SSM::Parameter", "Name"),
    ("AWS::SecretsManager::Secret", "Name"),
    ("AWS::StepFunctions::StateMachine", "StateMachineName"),
];

pub(super) fn risks(subject: &Subject<'_>, protected_types: &[String]) -> Vec<Risk> {
    let mut risks = Vec::new();
    let replaced = subject.is_certainly_replaced();
    if let Some(lost) = stored_data(subject.resource_type(), protected_types) {
        risks.extend(match replaced {
            Some(certain) => Some(replacement(subject, lost, certain)),
            None if subject.is_removed() => Some(removal(subject, lost)),
            None => None,
        });
    }
    if let Some(certain) = replaced {
        risks.extend(name_taken(subject, certain));
    }
    risks
}

fn removal(subject: &Subject<'_>, lost: &str) -> Risk {
    let risk = |severity, reason: String| subject.risk(Kind::Data, severity, reason);
    match outcome_of_removal(subject) {
        DeletionOutcome::Retained | DeletionOutcome::LeftBehind => risk(
            Severity::Note,
            format!("is removed from the stack but kept, with {lost} (DeletionPolicy)"),
        ),
        DeletionOutcome::Snapshotted => guarded(
            risk(
                Severity::Warning,
                format!("is deleted after a snapshot of {lost}"),
            ),
            Guard::Delete,
        ),
        DeletionOutcome::Unknown => guarded(
            risk(
                Severity::Danger,
                format!(
                    "may be deleted with {lost}: its `DeletionPolicy` is computed from a value that is not known"
                ),
            )
            .remedy("deploy `DeletionPolicy: Retain` first, then remove it"),
            Guard::Delete,
        ),
        DeletionOutcome::Deleted if subject.resource_type() == "AWS::S3::Bucket" => guarded(
            risk(
                Severity::Danger,
                format!("is deleted with {lost}; the deletion fails unless it is empty"),
            )
            .remedy("deploy `DeletionPolicy: Retain` first, then remove it"),
            Guard::Delete,
        ),
        DeletionOutcome::Deleted => guarded(
            risk(Severity::Danger, format!("is deleted with {lost}"))
                .remedy("deploy `DeletionPolicy: Retain` first, then remove it"),
            Guard::Delete,
        ),
    }
}

fn replacement(subject: &Subject<'_>, lost: &str, certain: bool) -> Risk {
    let is = if certain {
        "is replaced"
    } else {
        "may be replaced"
    };
    let (severity, reason) = match outcome_of_replacement(subject) {
        DeletionOutcome::Deleted => (
            Severity::Danger,
            format!("{is}: the old resource is deleted with {lost}"),
        ),
        DeletionOutcome::Unknown => (
            Severity::Danger,
            format!(
                "{is}: the old resource may be deleted with {lost}, because its `UpdateReplacePolicy` is \
                 computed from a value that is not known"
            ),
        ),
        DeletionOutcome::Snapshotted => (
            Severity::Warning,
            format!(
                "{is}: the old resource is deleted after a snapshot, the new one starts without {lost}"
            ),
        ),
        DeletionOutcome::Retained | DeletionOutcome::LeftBehind => (
            Severity::Warning,
            format!(
                "{is}: the old resource is kept outside the stack, the new one starts without {lost}"
            ),
        ),
    };
    let severity = if certain {
        severity
    } else {
        severity.min(Severity::Warning)
    };
    let mut risk = subject.risk(Kind::Data, severity, reason);
    if matches!(
        outcome_of_replacement(subject),
        DeletionOutcome::Deleted | DeletionOutcome::Unknown
    ) {
        risk = risk.remedy("add `UpdateReplacePolicy: Retain` to keep the old resource");
    }
    guarded(risk, Guard::Replace)
}

fn guarded(mut risk: Risk, guard: Guard) -> Risk {
    risk.guard = Some(guard);
    risk
}

/// Returns what happens to a removed resource, from the change set if it says so, otherwise from the
/// deployed template.
fn outcome_of_removal(subject: &Subject<'_>) -> DeletionOutcome {
    let deployed = || deletion_policy(subject.resource_type(), subject.model.before.as_ref(), None);
    let action = subject.change.policy_action.as_deref();
    DeletionOutcome::of(action.map_or_else(deployed, Policy::of_action))
}

/// Returns what happens to the old resource of a replacement.
fn outcome_of_replacement(subject: &Subject<'_>) -> DeletionOutcome {
    let model = subject.model;
    let declared = || {
        let resource = model.after.as_ref().or(model.before.as_ref());
        resource.map_or(Policy::Delete, |it| update_replace_policy(it, None))
    };
    let action = subject.change.policy_action.as_deref();
    DeletionOutcome::of(action.map_or_else(declared, Policy::of_action))
}

/// Returns the risk that a replacement fails because the new resource has the same name as the old
/// one.
fn name_taken(subject: &Subject<'_>, certain: bool) -> Option<Risk> {
    let (_, property) = NAMES
        .iter()
        .find(|(known, _)| *known == subject.resource_type())?;
    let [before, after] = subject.model.property(&[property]);
    if before? != after? {
        return None;
    }
    let name = after?.scalar();
    if name
        .as_ref()
        .is_some_and(|name| name.contains(KNOWN_AFTER_APPLY))
    {
        return None;
    }
    let what = match &name {
        Some(name) => {
            format!("its {property} is fixed to `{name}`, and the old resource still has that name")
        }
        None => format!("its {property} does not change, and the old resource still has that name"),
    };
    // An unchanged function may still return a different name.
    let (severity, fails) = if certain && name.is_some() {
        (Severity::Danger, "cannot be replaced")
    } else {
        (Severity::Warning, "probably cannot be replaced")
    };
    let risk = subject.risk(Kind::Impossible, severity, format!("{fails}: {what}"));
    Some(risk.remedy(format!(
        "change `{property}` in the same deployment, or remove it"
    )))
}
