//! Protections that a change turns off: encryption, logging, versioning, backups, deletion
//! protection, private access.
//!
//! The table lists the properties for each type. A rule matches if a protection was on before and is
//! not on after, or if a property gets a value that gives access.

use std::borrow::Cow;

use super::{Kind, Risk, Severity, Subject};
use crate::plan::model::KNOWN_AFTER_APPLY;
use crate::template::node::Node;
use crate::template::policy::{self, Policy};

/// When a rule matches.
#[derive(Clone, Copy)]
enum When {
    /// The property is removed.
    Removed,
    /// The property had this value before and does not have it after.
    NoLonger(&'static str),
    /// The property has one of these values after and had none of them before.
    Becomes(&'static [&'static str]),
}

struct Rule {
    resource_type: &'static str,
    /// The path below `Properties`.
    path: &'static [&'static str],
    when: When,
    kind: Kind,
    severity: Severity,
    reason: &'static str,
}

const fn warning(
    resource_type: &'static str,
    path: &'static [&'static str],
    when: When,
    reason: &'static str,
) -> Rule {
    Rule {
        resource_type,
        path,
        when,
        kind: Kind::Protection,
        severity: Severity::Warning,
        reason,
    }
}

const fn danger(
    resource_type: &'static str,
    path: &'static [&'static str],
    when: When,
    reason: &'static str,
) -> Rule {
    Rule {
        severity: Severity::Danger,
        ..warning(resource_type, path, when, reason)
    }
}

const fn public(
    resource_type: &'static str,
    path: &'static [&'static str],
    when: When,
    reason: &'static str,
) -> Rule {
    Rule {
        kind: Kind::Public,
        ..danger(resource_type, path, when, reason)
    }
}

const OFF: When = When::NoLonger("true");
const BUCKET: &str = "AWS::S3::Bucket";
const TABLE: &str = "AWS::DynamoDB::Table";
const INSTANCE: &str = "AWS::RDS::DBInstance";
const CLUSTER: &str = "AWS::RDS::DBCluster";
const BLOCK: &str = "PublicAccessBlockConfiguration";

#[rustfmt::skip]
const RULES: &[Rule] = &[
    public(BUCKET, &[BLOCK, "BlockPublicAcls"], OFF, "no longer blocks public ACLs"),
    public(BUCKET, &[BLOCK, "BlockPublicPolicy"], OFF, "no longer blocks public bucket policies"),
    public(BUCKET, &[BLOCK, "IgnorePublicAcls"], OFF, "no longer ignores public ACLs"),
    public(BUCKET, &[BLOCK, "RestrictPublicBuckets"], OFF, "no longer restricts public access"),
    public(BUCKET, &[BLOCK, "BlockPublicAcls"], When::Becomes(&["false"]), "allows public ACLs"),
    public(BUCKET, &[BLOCK, "BlockPublicPolicy"], When::Becomes(&["false"]), "allows public bucket policies"),
    public(BUCKET, &["AccessControl"], When::Becomes(&["PublicRead", "PublicReadWrite"]), "can be read by everyone"),
    warning(BUCKET, &["AccessControl"], When::Becomes(&["AuthenticatedRead"]), "can be read by every AWS account"),
    warning(BUCKET, &["BucketEncryption"], When::Removed, "loses its own encryption setting"),
    danger(BUCKET, &["VersioningConfiguration", "Status"], When::NoLonger("Enabled"), "no longer keeps versions: overwritten objects are lost"),
    warning(BUCKET, &["LoggingConfiguration"], When::Removed, "no longer logs access"),
    warning(BUCKET, &["ReplicationConfiguration"], When::Removed, "is no longer replicated"),
    warning(BUCKET, &["ObjectLockConfiguration"], When::Removed, "loses its object lock"),
    danger(TABLE, &["PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"], OFF, "loses its point-in-time recovery and all restore points"),
    warning(TABLE, &["SSESpecification", "SSEEnabled"], OFF, "is no longer encrypted with a KMS key"),
    danger(TABLE, &["DeletionProtectionEnabled"], OFF, "loses its deletion protection"),
    danger(INSTANCE, &["DeletionProtection"], OFF, "loses its deletion protection"),
    danger(INSTANCE, &["StorageEncrypted"], OFF, "is no longer encrypted"),
    danger(INSTANCE, &["BackupRetentionPeriod"], When::Becomes(&["0"]), "no longer keeps automatic backups"),
    public(INSTANCE, &["PubliclyAccessible"], When::Becomes(&["true"]), "becomes reachable at a public address"),
    warning(INSTANCE, &["MultiAZ"], OFF, "no longer has a standby"),
    danger(CLUSTER, &["DeletionProtection"], OFF, "loses its deletion protection"),
    danger(CLUSTER, &["StorageEncrypted"], OFF, "is no longer encrypted"),
    warning("AWS::DocDB::DBCluster", &["DeletionProtection"], OFF, "loses its deletion protection"),
    warning("AWS::Neptune::DBCluster", &["DeletionProtection"], OFF, "loses its deletion protection"),
    warning("AWS::Cognito::UserPool", &["DeletionProtection"], When::NoLonger("ACTIVE"), "loses its deletion protection"),
    danger("AWS::EFS::FileSystem", &["Encrypted"], OFF, "is no longer encrypted"),
    warning("AWS::EFS::FileSystem", &["BackupPolicy", "Status"], When::NoLonger("ENABLED"), "is no longer backed up"),
    danger("AWS::EC2::Volume", &["Encrypted"], OFF, "is no longer encrypted"),
    warning("AWS::EC2::Instance", &["MetadataOptions", "HttpTokens"], When::NoLonger("required"), "accepts IMDSv1 again"),
    warning("AWS::EC2::Instance", &["DisableApiTermination"], OFF, "loses its termination protection"),
    warning("AWS::EC2::Subnet", &["MapPublicIpOnLaunch"], When::Becomes(&["true"]), "gives instances public addresses"),
    warning("AWS::SQS::Queue", &["KmsMasterKeyId"], When::Removed, "is no longer encrypted with its own key"),
    warning("AWS::SQS::Queue", &["SqsManagedSseEnabled"], OFF, "is no longer encrypted"),
    warning("AWS::SQS::Queue", &["RedrivePolicy"], When::Removed, "no longer has a dead-letter queue"),
    warning("AWS::SNS::Topic", &["KmsMasterKeyId"], When::Removed, "is no longer encrypted"),
    warning("AWS::Kinesis::Stream", &["StreamEncryption"], When::Removed, "is no longer encrypted"),
    warning("AWS::Logs::LogGroup", &["KmsKeyId"], When::Removed, "is no longer encrypted with its own key"),
    warning("AWS::Lambda::Function", &["DeadLetterConfig"], When::Removed, "no longer has a dead-letter queue"),
    public("AWS::Lambda::Url", &["AuthType"], When::Becomes(&["NONE"]), "can be called by everyone without credentials"),
    public("AWS::ApiGateway::Method", &["AuthorizationType"], When::Becomes(&["NONE"]), "can be called without authorization"),
    public("AWS::ApiGatewayV2::Route", &["AuthorizationType"], When::Becomes(&["NONE"]), "can be called without authorization"),
    danger("AWS::CloudTrail::Trail", &["IsLogging"], OFF, "stops logging"),
    warning("AWS::CloudTrail::Trail", &["EnableLogFileValidation"], OFF, "no longer validates its log files"),
    warning("AWS::KMS::Key", &["EnableKeyRotation"], OFF, "is no longer rotated"),
    danger("AWS::KMS::Key", &["Enabled"], OFF, "is disabled: data that it encrypts cannot be read"),
    warning("AWS::ECR::Repository", &["ImageTagMutability"], When::NoLonger("IMMUTABLE"), "allows image tags to be overwritten"),
    danger("AWS::OpenSearchService::Domain", &["EncryptionAtRestOptions", "Enabled"], OFF, "is no longer encrypted"),
    danger("AWS::Redshift::Cluster", &["Encrypted"], OFF, "is no longer encrypted"),
    public("AWS::Redshift::Cluster", &["PubliclyAccessible"], When::Becomes(&["true"]), "becomes reachable at a public address"),
    warning("AWS::ElastiCache::ReplicationGroup", &["AtRestEncryptionEnabled"], OFF, "is no longer encrypted at rest"),
    warning("AWS::ElastiCache::ReplicationGroup", &["TransitEncryptionEnabled"], OFF, "is no longer encrypted in transit"),
    public("AWS::EKS::Cluster", &["ResourcesVpcConfig", "EndpointPublicAccess"], When::Becomes(&["true"]), "becomes reachable at a public endpoint"),
];

/// Types whose resources protect other resources, with the reason of the risk if one is removed.
const PROTECTIVE_TYPES: [(&str, &str); 8] = [
    (
        "AWS::CloudTrail::Trail",
        "is removed: its events are no longer logged",
    ),
    (
        "AWS::Config::ConfigRule",
        "is removed: its rule is no longer checked",
    ),
    (
        "AWS::EC2::FlowLog",
        "is removed: the traffic is no longer logged",
    ),
    (
        "AWS::GuardDuty::Detector",
        "is removed: threats are no longer detected",
    ),
    (
        "AWS::S3::BucketPolicy",
        "is removed with its Deny statements, such as the denial of access without TLS",
    ),
    (
        "AWS::WAFv2::WebACLAssociation",
        "is removed: requests are no longer filtered",
    ),
    (
        "AWS::CloudWatch::Alarm",
        "is removed: it no longer sends notifications",
    ),
    (
        "AWS::Backup::BackupSelection",
        "is removed: its resources are no longer backed up",
    ),
];

pub(super) fn risks(subject: &Subject<'_>) -> Vec<Risk> {
    if subject.is_removed() {
        let protective = PROTECTIVE_TYPES
            .iter()
            .find(|(known, _)| *known == subject.resource_type());
        return protective
            .map(|(_, reason)| subject.risk(Kind::Protection, Severity::Warning, *reason))
            .into_iter()
            .collect();
    }
    let mut risks: Vec<Risk> = RULES
        .iter()
        .filter(|rule| rule.resource_type == subject.resource_type() && rule.matches(subject))
        .map(|rule| subject.risk(rule.kind, rule.severity, rule.reason))
        .collect();
    for name in ["DeletionPolicy", "UpdateReplacePolicy"] {
        let (Some(before), Some(after)) = (&subject.model.before, &subject.model.after) else {
            continue;
        };
        let [old, new] =
            [before, after].map(|side| policy::stated(side, name, None).unwrap_or(Policy::Delete));
        let loses = match (old, new) {
            // The same computation of an unknown value.
            (Policy::Unknown, Policy::Unknown) if before.get(name) == after.get(name) => continue,
            (old, Policy::Unknown) if old != Policy::Delete => "may lose",
            (Policy::Unknown, new) if !new.keeps() => "may lose",
            (old, new) if old.keeps() && !new.keeps() => "loses",
            _ => continue,
        };
        let reason = format!("{loses} its `{name}`");
        risks.push(subject.risk(Kind::Protection, Severity::Warning, reason));
    }
    risks
}

impl Rule {
    fn matches(&self, subject: &Subject<'_>) -> bool {
        let [before, after] = subject.model.property(self.path);
        if subject.model.after.is_none() {
            return false;
        }
        let text = |side: Option<&Node>| side.and_then(|node| node.scalar().map(Cow::into_owned));
        let is_unknown = |node: &Node| {
            let scalar = node.scalar();
            scalar.is_none_or(|text| text.contains(KNOWN_AFTER_APPLY))
        };
        match self.when {
            When::Removed => before.is_some() && after.is_none(),
            When::NoLonger(value) => {
                text(before).as_deref() == Some(value)
                    && !after.is_some_and(is_unknown)
                    && text(after).as_deref() != Some(value)
            }
            When::Becomes(values) => {
                let is =
                    |side: Option<String>| side.is_some_and(|text| values.contains(&text.as_str()));
                // The rule with `NoLonger` covers a property that was `true`.
                is(text(after)) && !is(text(before)) && !(values == ["false"] && before.is_some())
            }
        }
    }
}
