//! Properties that guard something, and what it means when they fall: encryption, logging,
//! versioning, backups, deletion protection, private access.
//!
//! The table says for each type which property guards what. A rule fires where the guard was up
//! before and is not after, or where a value that opens something is new.

use std::borrow::Cow;

use super::{Kind, Risk, Severity, Subject};
use crate::plan::model::KNOWN_AFTER_APPLY;
use crate::template::node::Node;

/// When a rule fires.
#[derive(Clone, Copy)]
enum When {
    /// The property was there and is gone.
    Gone,
    /// The property had this value, and has not any more.
    No(&'static str),
    /// The property has one of these values, and had not before.
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

const fn dropped(
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

const fn grave(
    resource_type: &'static str,
    path: &'static [&'static str],
    when: When,
    reason: &'static str,
) -> Rule {
    Rule {
        severity: Severity::Danger,
        ..dropped(resource_type, path, when, reason)
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
        ..grave(resource_type, path, when, reason)
    }
}

const UP: When = When::No("true");
const BUCKET: &str = "AWS::S3::Bucket";
const TABLE: &str = "AWS::DynamoDB::Table";
const INSTANCE: &str = "AWS::RDS::DBInstance";
const CLUSTER: &str = "AWS::RDS::DBCluster";
const BLOCK: &str = "PublicAccessBlockConfiguration";

#[rustfmt::skip]
const RULES: &[Rule] = &[
    public(BUCKET, &[BLOCK, "BlockPublicAcls"], UP, "no longer blocks public ACLs"),
    public(BUCKET, &[BLOCK, "BlockPublicPolicy"], UP, "no longer blocks public bucket policies"),
    public(BUCKET, &[BLOCK, "IgnorePublicAcls"], UP, "no longer ignores public ACLs"),
    public(BUCKET, &[BLOCK, "RestrictPublicBuckets"], UP, "no longer restricts public access"),
    public(BUCKET, &[BLOCK, "BlockPublicAcls"], When::Becomes(&["false"]), "allows public ACLs"),
    public(BUCKET, &[BLOCK, "BlockPublicPolicy"], When::Becomes(&["false"]), "allows public bucket policies"),
    public(BUCKET, &["AccessControl"], When::Becomes(&["PublicRead", "PublicReadWrite"]), "can be read by everybody"),
    dropped(BUCKET, &["AccessControl"], When::Becomes(&["AuthenticatedRead"]), "can be read by every AWS account"),
    dropped(BUCKET, &["BucketEncryption"], When::Gone, "loses its own encryption setting"),
    grave(BUCKET, &["VersioningConfiguration", "Status"], When::No("Enabled"), "keeps no versions any more: what is overwritten is lost"),
    dropped(BUCKET, &["LoggingConfiguration"], When::Gone, "no longer logs access"),
    dropped(BUCKET, &["ReplicationConfiguration"], When::Gone, "is no longer replicated"),
    dropped(BUCKET, &["ObjectLockConfiguration"], When::Gone, "loses its object lock"),
    grave(TABLE, &["PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"], UP, "loses its point-in-time recovery, with all restore points"),
    dropped(TABLE, &["SSESpecification", "SSEEnabled"], UP, "is no longer encrypted with a KMS key"),
    grave(TABLE, &["DeletionProtectionEnabled"], UP, "loses its deletion protection"),
    grave(INSTANCE, &["DeletionProtection"], UP, "loses its deletion protection"),
    grave(INSTANCE, &["StorageEncrypted"], UP, "is no longer encrypted"),
    grave(INSTANCE, &["BackupRetentionPeriod"], When::Becomes(&["0"]), "keeps no automatic backups"),
    public(INSTANCE, &["PubliclyAccessible"], When::Becomes(&["true"]), "gets a public address"),
    dropped(INSTANCE, &["MultiAZ"], UP, "has no standby any more"),
    grave(CLUSTER, &["DeletionProtection"], UP, "loses its deletion protection"),
    grave(CLUSTER, &["StorageEncrypted"], UP, "is no longer encrypted"),
    dropped("AWS::DocDB::DBCluster", &["DeletionProtection"], UP, "loses its deletion protection"),
    dropped("AWS::Neptune::DBCluster", &["DeletionProtection"], UP, "loses its deletion protection"),
    dropped("AWS::Cognito::UserPool", &["DeletionProtection"], When::No("ACTIVE"), "loses its deletion protection"),
    grave("AWS::EFS::FileSystem", &["Encrypted"], UP, "is no longer encrypted"),
    dropped("AWS::EFS::FileSystem", &["BackupPolicy", "Status"], When::No("ENABLED"), "is no longer backed up"),
    grave("AWS::EC2::Volume", &["Encrypted"], UP, "is no longer encrypted"),
    dropped("AWS::EC2::Instance", &["MetadataOptions", "HttpTokens"], When::No("required"), "accepts IMDSv1 again"),
    dropped("AWS::EC2::Instance", &["DisableApiTermination"], UP, "loses its termination protection"),
    dropped("AWS::EC2::Subnet", &["MapPublicIpOnLaunch"], When::Becomes(&["true"]), "gives instances public addresses"),
    dropped("AWS::SQS::Queue", &["KmsMasterKeyId"], When::Gone, "is no longer encrypted with its own key"),
    dropped("AWS::SQS::Queue", &["SqsManagedSseEnabled"], UP, "is no longer encrypted"),
    dropped("AWS::SQS::Queue", &["RedrivePolicy"], When::Gone, "has no dead-letter queue any more"),
    dropped("AWS::SNS::Topic", &["KmsMasterKeyId"], When::Gone, "is no longer encrypted"),
    dropped("AWS::Kinesis::Stream", &["StreamEncryption"], When::Gone, "is no longer encrypted"),
    dropped("AWS::Logs::LogGroup", &["KmsKeyId"], When::Gone, "is no longer encrypted with its own key"),
    dropped("AWS::Lambda::Function", &["DeadLetterConfig"], When::Gone, "has no dead-letter queue any more"),
    public("AWS::Lambda::Url", &["AuthType"], When::Becomes(&["NONE"]), "can be called by everybody without credentials"),
    public("AWS::ApiGateway::Method", &["AuthorizationType"], When::Becomes(&["NONE"]), "can be called without authorization"),
    public("AWS::ApiGatewayV2::Route", &["AuthorizationType"], When::Becomes(&["NONE"]), "can be called without authorization"),
    grave("AWS::CloudTrail::Trail", &["IsLogging"], UP, "stops logging"),
    dropped("AWS::CloudTrail::Trail", &["EnableLogFileValidation"], UP, "no longer validates its log files"),
    dropped("AWS::KMS::Key", &["EnableKeyRotation"], UP, "is no longer rotated"),
    grave("AWS::KMS::Key", &["Enabled"], UP, "is disabled: what it encrypts cannot be read"),
    dropped("AWS::ECR::Repository", &["ImageTagMutability"], When::No("IMMUTABLE"), "lets its tags be overwritten"),
    grave("AWS::OpenSearchService::Domain", &["EncryptionAtRestOptions", "Enabled"], UP, "is no longer encrypted"),
    grave("AWS::Redshift::Cluster", &["Encrypted"], UP, "is no longer encrypted"),
    public("AWS::Redshift::Cluster", &["PubliclyAccessible"], When::Becomes(&["true"]), "gets a public address"),
    dropped("AWS::ElastiCache::ReplicationGroup", &["AtRestEncryptionEnabled"], UP, "is no longer encrypted at rest"),
    dropped("AWS::ElastiCache::ReplicationGroup", &["TransitEncryptionEnabled"], UP, "is no longer encrypted in transit"),
    public("AWS::EKS::Cluster", &["ResourcesVpcConfig", "EndpointPublicAccess"], When::Becomes(&["true"]), "gets a public endpoint"),
];

/// Resources that guard others by being there.
const GUARDIANS: [(&str, &str); 8] = [
    (
        "AWS::CloudTrail::Trail",
        "is removed: its events are logged no more",
    ),
    (
        "AWS::Config::ConfigRule",
        "is removed: nothing checks its rule any more",
    ),
    (
        "AWS::EC2::FlowLog",
        "is removed: the traffic is logged no more",
    ),
    ("AWS::GuardDuty::Detector", "is removed: threats go unseen"),
    (
        "AWS::S3::BucketPolicy",
        "is removed, with what it denies, such as access without TLS",
    ),
    (
        "AWS::WAFv2::WebACLAssociation",
        "is removed: requests pass unfiltered",
    ),
    ("AWS::CloudWatch::Alarm", "is removed: nobody is alarmed"),
    ("AWS::Backup::BackupSelection", "is removed: backups end"),
];

pub(super) fn risks(subject: &Subject<'_>) -> Vec<Risk> {
    if subject.is_removed() {
        let guardian = GUARDIANS
            .iter()
            .find(|(known, _)| *known == subject.resource_type());
        return guardian
            .map(|(_, reason)| subject.risk(Kind::Protection, Severity::Warning, *reason))
            .into_iter()
            .collect();
    }
    let mut risks: Vec<Risk> = RULES
        .iter()
        .filter(|rule| rule.resource_type == subject.resource_type() && rule.fires(subject))
        .map(|rule| subject.risk(rule.kind, rule.severity, rule.reason))
        .collect();
    for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
        let [before, after] = subject.model.attribute(policy);
        let keeps = |side: Option<&str>| side.is_some_and(|policy| policy != "Delete");
        if keeps(before) && !keeps(after) && subject.model.after.is_some() {
            let reason = format!("loses its `{policy}`");
            risks.push(subject.risk(Kind::Protection, Severity::Warning, reason));
        }
    }
    risks
}

impl Rule {
    fn fires(&self, subject: &Subject<'_>) -> bool {
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
            When::Gone => before.is_some() && after.is_none(),
            When::No(up) => {
                text(before).as_deref() == Some(up)
                    && !after.is_some_and(is_unknown)
                    && text(after).as_deref() != Some(up)
            }
            When::Becomes(values) => {
                let is =
                    |side: Option<String>| side.is_some_and(|text| values.contains(&text.as_str()));
                // A guard that was up is told by its own rule.
                is(text(after)) && !is(text(before)) && !(values == ["false"] && before.is_some())
            }
        }
    }
}
