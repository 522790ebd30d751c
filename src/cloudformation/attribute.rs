//! Values of `Ref` and `Fn::GetAtt` that follow from the physical id of a resource.
//!
//! The API does not return the attributes of a resource. For some types they have a documented form (the
//! template reference, "Return values"; the formats of ARNs in the service authorization reference). A
//! value that may have another form is left out.

/// The place of a resource: the parts of an ARN that its stack has too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Location<'a> {
    /// The partition, such as `aws`.
    pub partition: &'a str,
    /// The region.
    pub region: &'a str,
    /// The account.
    pub account: &'a str,
}

impl<'a> Location<'a> {
    /// Returns the location in an ARN; `None` if the text is not one.
    pub fn of_arn(arn: &'a str) -> Option<Self> {
        let mut parts = arn.split(':');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("arn"), Some(partition), Some(_)) => Some(Self {
                partition,
                region: parts.next()?,
                account: parts.next()?,
            }),
            _ => None,
        }
    }

    /// Returns an ARN in this location.
    fn arn(self, service: &str, resource: &str) -> String {
        let Self {
            partition,
            region,
            account,
        } = self;
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }

    /// Returns the ARN of a resource of IAM.
    fn iam(self, kind: &str, path: &str, name: &str) -> String {
        let Self {
            partition, account, ..
        } = self;
        format!("arn:{partition}:iam::{account}:{kind}{path}{name}")
    }

    /// Returns the domain of endpoints; `None` for partitions with other domains.
    fn domain(self) -> Option<&'static str> {
        match self.partition {
            "aws" | "aws-us-gov" => Some("amazonaws.com"),
            "aws-cn" => Some("amazonaws.com.cn"),
            _ => None,
        }
    }
}

/// Returns the value of `Ref`; `None` if it may differ from the physical id. The physical ids of some
/// types join several ids with `|`, and `Ref` may return one of them.
pub fn reference(physical_id: &str) -> Option<&str> {
    (!physical_id.is_empty() && !physical_id.contains('|')).then_some(physical_id)
}

/// Returns the value of an attribute; `None` if it does not follow from the physical id. `path` is the
/// path of a resource of IAM; `None` if it is not known.
pub fn attribute(
    kind: &str,
    physical_id: &str,
    attribute: &str,
    location: Location<'_>,
    path: Option<&str>,
) -> Option<String> {
    let id = reference(physical_id)?;
    let is_arn = id.starts_with("arn:");
    // Of an ARN, and of the URL of a queue.
    let last = || id.rsplit(['/', ':']).next().filter(|name| !name.is_empty());
    let arn = |service: &str, resource: &str| {
        (!is_arn).then(|| location.arn(service, &format!("{resource}{id}")))
    };
    let iam = |kind: &str| Some(location.iam(kind, path.filter(|_| !is_arn)?, id));
    let own = || Some(id.to_owned());
    match (kind, attribute) {
        ("AWS::S3::Bucket", "Arn") => Some(format!("arn:{}:s3:::{id}", location.partition)),
        ("AWS::S3::Bucket", "DomainName") => Some(format!("{id}.s3.{}", location.domain()?)),
        ("AWS::S3::Bucket", "RegionalDomainName") => Some(format!(
            "{id}.s3.{}.{}",
            location.region,
            location.domain()?
        )),
        ("AWS::DynamoDB::Table" | "AWS::DynamoDB::GlobalTable", "Arn") => arn("dynamodb", "table/"),
        ("AWS::SQS::Queue", "Arn") if id.contains("://") => Some(location.arn("sqs", last()?)),
        ("AWS::SQS::Queue", "QueueName") if id.contains("://") => last().map(str::to_owned),
        ("AWS::SNS::Topic", "TopicName") | ("AWS::StepFunctions::StateMachine", "Name")
            if is_arn =>
        {
            last().map(str::to_owned)
        }
        ("AWS::SNS::Topic", "TopicArn")
        | ("AWS::StepFunctions::StateMachine" | "AWS::IAM::ManagedPolicy", "Arn" | "PolicyArn")
        | ("AWS::SecretsManager::Secret", "Id")
            if is_arn =>
        {
            own()
        }
        ("AWS::SQS::Queue", "QueueUrl")
        | ("AWS::KMS::Key", "KeyId")
        | ("AWS::Cognito::UserPool", "UserPoolId")
        | ("AWS::EFS::FileSystem", "FileSystemId")
        | ("AWS::EC2::VPC", "VpcId")
        | ("AWS::EC2::Subnet", "SubnetId")
        | ("AWS::EC2::Instance", "InstanceId") => own(),
        ("AWS::EC2::SecurityGroup", "GroupId" | "Id") if id.starts_with("sg-") => own(),
        ("AWS::IAM::Role", "Arn") => iam("role"),
        ("AWS::IAM::User", "Arn") => iam("user"),
        ("AWS::IAM::Group", "Arn") => iam("group"),
        ("AWS::IAM::InstanceProfile", "Arn") => iam("instance-profile"),
        ("AWS::Lambda::Function", "Arn") => arn("lambda", "function:"),
        ("AWS::Logs::LogGroup", "Arn") => arn("logs", "log-group:").map(|arn| arn + ":*"),
        ("AWS::KMS::Key", "Arn") => arn("kms", "key/"),
        ("AWS::Kinesis::Stream", "Arn") => arn("kinesis", "stream/"),
        ("AWS::KinesisFirehose::DeliveryStream", "Arn") => arn("firehose", "deliverystream/"),
        ("AWS::CloudWatch::Alarm", "Arn") => arn("cloudwatch", "alarm:"),
        ("AWS::ECR::Repository", "Arn") => arn("ecr", "repository/"),
        ("AWS::ECS::Cluster", "Arn") => arn("ecs", "cluster/"),
        ("AWS::EFS::FileSystem", "Arn") => arn("elasticfilesystem", "file-system/"),
        ("AWS::Cognito::UserPool", "Arn") => arn("cognito-idp", "userpool/"),
        ("AWS::Cognito::UserPool", "ProviderName") => Some(format!(
            "cognito-idp.{}.{}/{id}",
            location.region,
            location.domain()?
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Location, attribute, reference};

    const LOCATION: Location<'_> = Location {
        partition: "aws",
        region: "eu-west-1",
        account: "123456789012",
    };

    #[test]
    fn attributes_follow_from_the_physical_id() {
        let cases = [
            ("AWS::S3::Bucket", "b", "Arn", "arn:aws:s3:::b"),
            ("AWS::S3::Bucket", "b", "DomainName", "b.s3.amazonaws.com"),
            (
                "AWS::S3::Bucket",
                "b",
                "RegionalDomainName",
                "b.s3.eu-west-1.amazonaws.com",
            ),
            (
                "AWS::DynamoDB::Table",
                "t",
                "Arn",
                "arn:aws:dynamodb:eu-west-1:123456789012:table/t",
            ),
            (
                "AWS::SQS::Queue",
                "https://sqs.eu-west-1.amazonaws.com/123456789012/q",
                "Arn",
                "arn:aws:sqs:eu-west-1:123456789012:q",
            ),
            (
                "AWS::SQS::Queue",
                "https://sqs/1/q.fifo",
                "QueueName",
                "q.fifo",
            ),
            ("AWS::SNS::Topic", "arn:aws:sns:r:1:t", "TopicName", "t"),
            (
                "AWS::SNS::Topic",
                "arn:aws:sns:r:1:t",
                "TopicArn",
                "arn:aws:sns:r:1:t",
            ),
            (
                "AWS::IAM::Role",
                "r",
                "Arn",
                "arn:aws:iam::123456789012:role/p/r",
            ),
            (
                "AWS::Logs::LogGroup",
                "/a/b",
                "Arn",
                "arn:aws:logs:eu-west-1:123456789012:log-group:/a/b:*",
            ),
            (
                "AWS::Lambda::Function",
                "f",
                "Arn",
                "arn:aws:lambda:eu-west-1:123456789012:function:f",
            ),
        ];
        for (kind, id, name, expected) in cases {
            let value = attribute(kind, id, name, LOCATION, Some("/p/"));
            assert_eq!(value.as_deref(), Some(expected), "{kind} {name}");
        }
    }

    #[test]
    fn a_value_of_another_form_is_not_known() {
        let unknown = [
            ("AWS::DynamoDB::Table", "t", "StreamArn"),
            (
                "AWS::DynamoDB::Table",
                "arn:aws:dynamodb:r:1:table/t",
                "Arn",
            ),
            ("AWS::IAM::Role", "r", "Arn"),
            ("AWS::SQS::Queue", "q", "Arn"),
            ("AWS::SNS::Topic", "t", "TopicName"),
            ("AWS::S3::Bucket", "a|b", "Arn"),
            ("AWS::EC2::SecurityGroup", "classic", "GroupId"),
            ("Custom::Thing", "id", "Arn"),
        ];
        for (kind, id, name) in unknown {
            let value = attribute(kind, id, name, LOCATION, None);
            assert_eq!(value, None, "{kind} {name}");
        }
        assert_eq!(reference("a|b"), None);
        assert_eq!(reference(""), None);
        assert_eq!(reference("a/b"), Some("a/b"));
        let china = Location::of_arn("arn:aws-cn:cloudformation:cn-north-1:1:stack/s/u")
            .unwrap_or(LOCATION);
        let name = attribute("AWS::S3::Bucket", "b", "DomainName", china, None);
        assert_eq!(name.as_deref(), Some("b.s3.amazonaws.com.cn"));
        assert_eq!(Location::of_arn("demo-dev"), None);
        assert_eq!(Location::of_arn(""), None);
    }
}
