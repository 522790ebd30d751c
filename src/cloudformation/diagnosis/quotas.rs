//! The command that lists the quotas of a resource's service.

/// The codes that Service Quotas has for the services of resource types, where the code is not the name in
/// lower case. The quotas of EC2's network types are those of the service `vpc`.
const CODES: [(&str, &str); 25] = [
    ("EC2::VPC", "vpc"),
    ("EC2::Subnet", "vpc"),
    ("EC2::InternetGateway", "vpc"),
    ("EC2::EgressOnlyInternetGateway", "vpc"),
    ("EC2::NatGateway", "vpc"),
    ("EC2::SecurityGroup", "vpc"),
    ("EC2::Route", "vpc"),
    ("EC2::NetworkAcl", "vpc"),
    ("EC2::NetworkInterface", "vpc"),
    ("EC2::FlowLog", "vpc"),
    ("ElasticLoadBalancing", "elasticloadbalancing"),
    ("ApiGateway", "apigateway"),
    ("ApplicationAutoScaling::", "application-autoscaling"),
    ("CertificateManager::", "acm"),
    ("CloudWatch::", "monitoring"),
    ("Cognito::", "cognito-idp"),
    ("DocDB::", "rds"),
    ("EFS::", "elasticfilesystem"),
    ("EMR::", "elasticmapreduce"),
    ("Elasticsearch::", "es"),
    ("KinesisFirehose::", "firehose"),
    ("MSK::", "kafka"),
    ("Neptune::", "rds"),
    ("OpenSearchService::", "es"),
    ("StepFunctions::", "states"),
];

/// The services whose code is their name in lower case.
const SAME: [&str; 37] = [
    "Amplify",
    "AppSync",
    "Athena",
    "AutoScaling",
    "Backup",
    "Batch",
    "Bedrock",
    "CloudFormation",
    "CloudFront",
    "CodeBuild",
    "CodePipeline",
    "DynamoDB",
    "EC2",
    "ECR",
    "ECS",
    "EKS",
    "ElastiCache",
    "Events",
    "Glue",
    "IAM",
    "KMS",
    "Kinesis",
    "Lambda",
    "Logs",
    "RDS",
    "Redshift",
    "RolesAnywhere",
    "Route53",
    "S3",
    "SES",
    "SNS",
    "SQS",
    "SSM",
    "SageMaker",
    "Scheduler",
    "SecretsManager",
    "WAFv2",
];

/// Returns the command that lists the quotas of the service of a resource type. For a service whose code is
/// not known, it is the command that lists the codes.
pub(super) fn command(kind: &str) -> String {
    let name = kind.strip_prefix("AWS::").unwrap_or_default();
    let own = CODES.iter().find(|(start, _)| name.starts_with(start));
    let service = name.split("::").next().unwrap_or_default();
    let same = || {
        SAME.contains(&service)
            .then(|| service.to_ascii_lowercase())
    };
    match own.map(|(_, code)| (*code).to_owned()).or_else(same) {
        Some(code) => format!("`aws service-quotas list-service-quotas --service-code {code}`"),
        None => "`aws service-quotas list-services` lists the codes of the services".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::command;

    #[test]
    fn the_command_names_the_service() {
        let cases = [
            ("AWS::Lambda::Function", "--service-code lambda`"),
            ("AWS::EC2::VPCEndpoint", "--service-code vpc`"),
            ("AWS::EC2::EIP", "--service-code ec2`"),
            ("AWS::StepFunctions::StateMachine", "--service-code states`"),
            (
                "AWS::ElasticLoadBalancingV2::Listener",
                "--service-code elasticloadbalancing`",
            ),
            ("AWS::Unheard::Of", "list-services` lists"),
            ("Custom::X", "list-services` lists"),
            ("", "list-services` lists"),
        ];
        for (kind, expected) in cases {
            assert!(
                command(kind).contains(expected),
                "{kind}: {}",
                command(kind)
            );
        }
    }
}
