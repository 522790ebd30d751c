#![expect(clippy::unwrap_used, reason = "a test")]

use indexmap::IndexMap;

use super::pattern::is_match;
use super::{LogGroup, LogPermission, log_permission};
use crate::diagnostic::SourceFile;
use crate::template::Template;
use crate::template::evaluate::Evaluator;

const LAMBDA: &str = "AWS::Lambda::Function";
const SAM: &str = "AWS::Serverless::Function";
const GROUP: &str = "/aws/lambda/demo";

/// Returns in a few words what a template says of its function: `may`, `unknown`, or what it lacks.
fn answer(text: &str, exists: bool) -> String {
    let template = Template::parse(&SourceFile::new("t.yaml", text)).unwrap();
    let values = [
        ("AWS::Region", "eu-west-1"),
        ("AWS::AccountId", "123456789012"),
        ("AWS::Partition", "aws"),
        ("Group", GROUP),
    ];
    let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let values = IndexMap::from(values);
    let group = LogGroup {
        name: GROUP,
        region: "eu-west-1",
        account: "123456789012",
        exists,
    };
    match log_permission(&Evaluator::new(&template, &values), "F", group) {
        LogPermission::Granted(role) => format!("may by {}", role.unwrap_or_default()),
        LogPermission::Unknown => "unknown".to_owned(),
        LogPermission::Lacking(missing) => {
            let actions = missing.actions.iter();
            let actions: Vec<&str> = actions.filter_map(|it| it.strip_prefix("logs:")).collect();
            format!("{}:{} {}", missing.role, missing.line, actions.join(" "))
        }
    }
}

/// Returns what the template says if the role has these properties, with more resources.
fn with_role(properties: &str, more: &str) -> String {
    answer(
        &format!(
            "Parameters:\n  Group: {{Type: String}}\nResources:\n  F:\n    Type: AWS::Lambda::Function\n    \
             Properties:\n      Role: !GetAtt R.Arn\n  R:\n    Type: AWS::IAM::Role\n    \
             Properties: {properties}\n{more}"
        ),
        true,
    )
}

/// Returns what the template says if the role has one statement.
fn with_statement(statement: &str) -> String {
    with_role(
        &format!("{{Policies: [{{PolicyName: p, PolicyDocument: {{Statement: {statement}}}}}]}}"),
        "  Logs: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Ref Group}}\n  \
         Others: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: other}}\n  \
         Table: {Type: AWS::DynamoDB::Table}\n",
    )
}

const BOTH: &str = "R:8 CreateLogStream PutLogEvents";

#[test]
fn statements_are_evaluated() {
    for (statement, expected) in [
        ("[]", BOTH),
        ("{Effect: Allow, Action: '*', Resource: '*'}", "may by R"),
        (
            "{Effect: Allow, Action: 'LOGS:*', Resource: '*'}",
            "may by R",
        ),
        (
            "{Effect: Allow, Action: ['logs:Create*', 'logs:Put?ogEvents'], Resource: ['*']}",
            "may by R",
        ),
        (
            "{Effect: Allow, Action: 'logs:CreateLogStream', Resource: '*'}",
            "R:8 PutLogEvents",
        ),
        ("{Effect: Allow, Action: 'dynamodb:*', Resource: '*'}", BOTH),
        (
            "{Effect: Allow, Action: 'dynamodb:*', Resource: !GetAtt Table.Arn}",
            BOTH,
        ),
        (
            "{Effect: Allow, NotAction: 'iam:*', Resource: '*'}",
            "may by R",
        ),
        (
            "{Effect: Allow, NotAction: 'logs:Put*', Resource: '*'}",
            "R:8 PutLogEvents",
        ),
        (
            "{Effect: Allow, Action: 'logs:*', Resource: !Sub 'arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${Group}:*'}",
            "may by R",
        ),
        (
            "{Effect: Allow, Action: 'logs:*', Resource: 'arn:aws:logs:*:*:*'}",
            "may by R",
        ),
        (
            "{Effect: Allow, Action: 'logs:*', Resource: !Sub 'arn:aws:logs:us-east-1:${AWS::AccountId}:*'}",
            BOTH,
        ),
        (
            "{Effect: Allow, Action: 'logs:*', Resource: 'arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/other:*'}",
            BOTH,
        ),
        (
            "{Effect: Allow, Action: 'logs:*', Resource: 'arn:aws:dynamodb:*:*:table/x'}",
            BOTH,
        ),
        (
            "{Effect: Allow, Action: 'logs:*', Resource: !GetAtt Logs.Arn}",
            "may by R",
        ),
        (
            "{Effect: Allow, Action: 'logs:*', Resource: !GetAtt Others.Arn}",
            BOTH,
        ),
        // These leave a doubt.
        (
            "{Effect: Allow, Action: 'logs:*', Resource: 'arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/demo'}",
            "unknown",
        ),
        (
            "{Effect: Allow, Action: 'logs:*', Resource: !Ref Unknown}",
            "unknown",
        ),
        (
            "{Effect: Allow, Action: 'logs:*', Resource: '*', Condition: {Bool: {'aws:SecureTransport': true}}}",
            "unknown",
        ),
        // A denial counts more.
        (
            "[{Effect: Allow, Action: '*', Resource: '*'}, {Effect: Deny, Action: 'logs:PutLogEvents', Resource: '*'}]",
            "R:8 PutLogEvents",
        ),
        (
            "[{Effect: Allow, Action: '*', Resource: '*'}, {Effect: Deny, Action: '*', Resource: '*', Condition: {}}]",
            "unknown",
        ),
        (
            "[{Effect: Allow, Action: '*', Resource: '*'}, {Effect: Deny, Action: 's3:*', Resource: '*'}]",
            "may by R",
        ),
    ] {
        assert_eq!(with_statement(statement), expected, "{statement}");
    }
}

#[test]
fn policies_outside_of_the_role_count() {
    let all = "{Statement: {Effect: Allow, Action: 'logs:*', Resource: '*'}}";
    let basic = "service-role/AWSLambdaBasicExecutionRole";
    for (properties, more, expected) in [
        ("{}", String::new(), BOTH),
        (
            &*format!("{{ManagedPolicyArns: ['arn:aws:iam::aws:policy/{basic}']}}"),
            String::new(),
            "may by R",
        ),
        (
            &format!(
                "{{ManagedPolicyArns: [!Sub 'arn:${{AWS::Partition}}:iam::aws:policy/{basic}']}}"
            ),
            String::new(),
            "may by R",
        ),
        (
            "{ManagedPolicyArns: ['arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess']}",
            String::new(),
            BOTH,
        ),
        (
            "{ManagedPolicyArns: ['arn:aws:iam::aws:policy/AmazonDynamoDBFullAccess']}",
            String::new(),
            "unknown",
        ),
        (
            "{ManagedPolicyArns: ['arn:aws:iam::123456789012:policy/AWSLambdaBasicExecutionRole']}",
            String::new(),
            "unknown",
        ),
        (
            "{ManagedPolicyArns: [!Ref M]}",
            format!(
                "  M: {{Type: AWS::IAM::ManagedPolicy, Properties: {{PolicyDocument: {all}}}}}\n"
            ),
            "may by R",
        ),
        (
            "{PermissionsBoundary: 'arn:aws:iam::1:policy/b', Policies: [{PolicyDocument: {Statement: {Effect: Allow, Action: '*', Resource: '*'}}}]}",
            String::new(),
            "unknown",
        ),
        (
            "{}",
            format!(
                "  P: {{Type: AWS::IAM::Policy, Properties: {{Roles: [!Ref R], PolicyDocument: {all}}}}}\n"
            ),
            "may by R",
        ),
        (
            "{}",
            format!(
                "  P: {{Type: AWS::IAM::RolePolicy, Properties: {{RoleName: !Ref R, PolicyDocument: {all}}}}}\n"
            ),
            "may by R",
        ),
        (
            "{RoleName: mine}",
            format!(
                "  P: {{Type: AWS::IAM::Policy, Properties: {{Roles: [mine], PolicyDocument: {all}}}}}\n"
            ),
            "may by R",
        ),
        (
            "{RoleName: mine}",
            format!(
                "  P: {{Type: AWS::IAM::Policy, Properties: {{Roles: [other], PolicyDocument: {all}}}}}\n"
            ),
            BOTH,
        ),
        (
            "{}",
            format!(
                "  Q: {{Type: AWS::IAM::Role}}\n  \
                 P: {{Type: AWS::IAM::Policy, Properties: {{Roles: [!Ref Q], PolicyDocument: {all}}}}}\n"
            ),
            BOTH,
        ),
        (
            "{}",
            format!(
                "  P: {{Type: AWS::IAM::Policy, Condition: Off, Properties: {{Roles: [!Ref R], PolicyDocument: {all}}}}}\n\
                 Conditions: {{Off: !Equals [a, b]}}\n"
            ),
            BOTH,
        ),
    ] {
        assert_eq!(
            with_role(properties, &more),
            expected,
            "{properties} {more}"
        );
    }
}

#[test]
fn role_must_be_in_the_template() {
    let function = |kind: &str, properties: &str| {
        let text = format!(
            "Resources:\n  F:\n    Type: {kind}\n    Properties: {properties}\n  R:\n    Type: AWS::IAM::Role\n"
        );
        answer(&text, false)
    };
    let all = "R:5 CreateLogStream PutLogEvents CreateLogGroup";
    for (kind, properties, expected) in [
        (LAMBDA, "{Role: !GetAtt R.Arn}", all),
        (LAMBDA, "{Role: !Sub '${R.Arn}'}", all),
        (LAMBDA, "{Role: {'Fn::GetAtt': [R, Arn]}}", all),
        (LAMBDA, "{Role: 'arn:aws:iam::1:role/x'}", "unknown"),
        (LAMBDA, "{Role: !Ref R}", "unknown"),
        (LAMBDA, "{Role: !ImportValue x}", "unknown"),
        (LAMBDA, "{}", "unknown"),
        (SAM, "{}", "may by "),
        (
            SAM,
            "{PermissionsBoundary: 'arn:aws:iam::1:policy/b'}",
            "unknown",
        ),
        (SAM, "{Role: !GetAtt R.Arn}", all),
    ] {
        assert_eq!(function(kind, properties), expected, "{kind} {properties}");
    }
    let macros = "Transform: Mine\nResources:\n  F: {Type: AWS::Lambda::Function, Properties: {Role: !GetAtt R.Arn}}\n  R: {Type: AWS::IAM::Role}\n";
    assert_eq!(answer(macros, true), "unknown");
    assert_eq!(
        answer("Resources: {R: {Type: AWS::IAM::Role}}\n", true),
        "unknown"
    );
}

#[test]
fn patterns_match_as_those_of_iam() {
    for (pattern, text, expected) in [
        ("*", "", true),
        ("a*c", "abbc", true),
        ("a*c", "abcb", false),
        ("*b*d", "abcbd", true),
        ("a?c", "abc", true),
        ("a?c", "ac", false),
        ("abc", "abc", true),
        ("abc", "abcd", false),
        ("", "a", false),
        ("a**", "a", true),
    ] {
        assert_eq!(is_match(pattern, text), expected, "{pattern} {text}");
    }
}
