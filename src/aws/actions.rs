//! The calls of stackctl to AWS, and the actions of IAM that they need: one table.
//!
//! The action of a call is often not the name of its operation: `HeadObject` needs `s3:GetObject`. The tests
//! of the command line check that the table has every call that a command makes, with that command.

/// What a call works on, which decides the ARN in a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum On {
    /// No resource, or one that only `*` covers.
    Anything,
    /// The stack. Its change sets count as the stack.
    Stack,
    /// The stack set.
    StackSet,
    /// The artifact bucket.
    Bucket,
    /// The project's objects in the artifact bucket.
    Object,
    /// The buckets of the stack.
    OwnBucket,
    /// The objects in the buckets of the stack.
    OwnObject,
    /// The functions of the stack.
    Function,
    /// The layers of the stack.
    Layer,
    /// The log groups of the stack's functions.
    LogGroup,
    /// The tables of the stack.
    Table,
    /// The SSM parameters whose values the project sends.
    Parameter,
    /// The secrets whose values the project sends.
    Secret,
    /// The role that CloudFormation assumes.
    ServiceRole,
    /// The roles of the profiles.
    ProfileRole,
    /// The caller's own user or role.
    Caller,
}

/// A call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// The name that requests to the service are signed for.
    pub service: &'static str,
    /// The operation.
    pub operation: &'static str,
    /// The actions that it needs; none if every caller may make it.
    pub actions: &'static [&'static str],
    /// What it works on.
    pub on: On,
    /// Whether it changes something.
    pub writes: bool,
    /// The commands that fail without it, separated by spaces.
    needed_by: &'static str,
    /// The commands that make it in some cases, or do less without it, separated by spaces.
    used_by: &'static str,
}

impl Call {
    /// Returns whether a command fails if the call is denied.
    pub fn is_needed_by(&self, command: &str) -> bool {
        let command = like(command);
        self.needed_by.split(' ').any(|it| it == command)
    }

    /// Returns whether a command makes the call, perhaps only in some cases.
    pub fn is_made_by(&self, command: &str) -> bool {
        let command = like(command);
        let mut others = self.used_by.split(' ');
        self.is_needed_by(command) || others.any(|it| it == command || it == EVERY)
    }
}

/// Returns the command of the table that makes the calls of a command.
fn like(command: &str) -> &str {
    match command {
        "graph" => "plan",
        "ci" | "watch" => "apply",
        other => other,
    }
}

/// The place of every command in a list of commands.
const EVERY: &str = "*";

/// Returns the call of an operation; `None` if stackctl does not make it.
pub fn find(service: &str, operation: &str) -> Option<&'static Call> {
    let mut calls = CALLS.iter();
    calls.find(|it| it.service == service && it.operation == operation)
}

/// Returns the calls of a command.
pub fn of_command(command: &str) -> impl Iterator<Item = &'static Call> {
    CALLS.iter().filter(move |it| it.is_made_by(command))
}

/// The commands that call AWS, in the order of their use.
pub const COMMANDS: [&str; 18] = [
    "plan", "apply", "diff", "drift", "status", "events", "outputs", "logs", "history", "rollback",
    "destroy", "recover", "cancel", "gc", "import", "orphan", "refactor", "verify",
];

/// Defines [`CALLS`], a call in two lines.
macro_rules! calls {
    ($($service:literal $operation:literal [$($action:literal)*] $on:ident $writes:literal
        $needed_by:literal $used_by:literal;)+) => {
        /// All calls. `PassRole` is none: CloudFormation checks it if the manifest names a role.
        pub const CALLS: &[Call] = &[$(Call {
            service: $service,
            operation: $operation,
            actions: &[$($action),*],
            on: On::$on,
            writes: $writes,
            needed_by: $needed_by,
            used_by: $used_by,
        }),+];
    };
}

// The service, the operation, its actions, what it works on, whether it changes something; then the commands
// that fail without it, and those that make it in some cases or do less without it.
calls! {
    "sts" "GetCallerIdentity" [] Anything false
        "" "*";
    "sts" "AssumeRole" ["sts:AssumeRole"] ProfileRole false
        "" "*";
    "sts" "AssumeRoleWithWebIdentity" [] Anything false
        "" "*";
    "sts" "DecodeAuthorizationMessage" ["sts:DecodeAuthorizationMessage"] Anything false
        "" "apply rollback orphan destroy recover cancel events drift";
    "cloudformation" "DescribeStacks" ["cloudformation:DescribeStacks"] Stack false
        "plan apply diff drift status events outputs logs rollback destroy recover cancel import orphan refactor verify ssh" "*";
    "cloudformation" "GetTemplate" ["cloudformation:GetTemplate"] Stack false
        "plan apply diff drift rollback destroy recover import orphan refactor" "*";
    "cloudformation" "GetTemplateSummary" ["cloudformation:GetTemplateSummary"] Stack false
        "import" "plan apply rollback orphan init";
    "cloudformation" "ListStackResources" ["cloudformation:ListStackResources"] Stack false
        "diff drift status logs destroy recover orphan refactor" "*";
    "cloudformation" "DescribeStackResources" ["cloudformation:DescribeStackResources"] Stack false
        "" "import init";
    "cloudformation" "DescribeStackEvents" ["cloudformation:DescribeStackEvents"] Stack false
        "apply events rollback destroy recover cancel orphan refactor" "*";
    "cloudformation" "DescribeEvents" ["cloudformation:DescribeEvents"] Stack false
        "" "*";
    "cloudformation" "ListStacks" ["cloudformation:ListStacks"] Anything false
        "gc" "*";
    "cloudformation" "ListImports" ["cloudformation:ListImports"] Anything false
        "" "plan apply rollback destroy orphan diff";
    "cloudformation" "CreateChangeSet" ["cloudformation:CreateChangeSet"] Stack true
        "plan apply rollback orphan" "recover";
    "cloudformation" "DescribeChangeSet" ["cloudformation:DescribeChangeSet"] Stack false
        "plan apply rollback orphan" "*";
    "cloudformation" "ListChangeSets" ["cloudformation:ListChangeSets"] Stack false
        "gc" "plan apply rollback orphan recover destroy cancel doctor";
    "cloudformation" "DeleteChangeSet" ["cloudformation:DeleteChangeSet"] Stack true
        "plan" "apply rollback orphan recover destroy cancel";
    "cloudformation" "ExecuteChangeSet" ["cloudformation:ExecuteChangeSet"] Stack true
        "apply rollback orphan" "recover";
    "cloudformation" "DeleteStack" ["cloudformation:DeleteStack"] Stack true
        "destroy" "plan apply rollback orphan recover cancel";
    "cloudformation" "UpdateStack" ["cloudformation:UpdateStack"] Stack true
        "" "recover";
    "cloudformation" "RollbackStack" ["cloudformation:RollbackStack"] Stack true
        "" "recover";
    "cloudformation" "ContinueUpdateRollback" ["cloudformation:ContinueUpdateRollback"] Stack true
        "" "recover";
    "cloudformation" "CancelUpdateStack" ["cloudformation:CancelUpdateStack"] Stack true
        "cancel" "apply rollback recover orphan";
    "cloudformation" "UpdateTerminationProtection" ["cloudformation:UpdateTerminationProtection"] Stack true
        "" "apply rollback orphan destroy recover";
    "cloudformation" "GetStackPolicy" ["cloudformation:GetStackPolicy"] Stack false
        "refactor" "plan apply diff rollback orphan init";
    "cloudformation" "SetStackPolicy" ["cloudformation:SetStackPolicy"] Stack true
        "" "apply rollback orphan";
    "cloudformation" "DetectStackDrift" ["cloudformation:DetectStackDrift" "cloudformation:DetectStackResourceDrift"] Stack false
        "drift" "diff recover plan apply";
    "cloudformation" "DescribeStackDriftDetectionStatus" ["cloudformation:DescribeStackDriftDetectionStatus"] Anything false
        "drift" "diff recover plan apply";
    "cloudformation" "DescribeStackResourceDrifts" ["cloudformation:DescribeStackResourceDrifts"] Stack false
        "drift" "diff recover plan apply";
    "cloudformation" "ListHookResults" ["cloudformation:ListHookResults"] Anything false
        "" "plan apply rollback orphan destroy recover cancel events";
    "cloudformation" "GetHookResult" ["cloudformation:GetHookResult"] Anything false
        "" "plan apply rollback orphan destroy recover cancel events";
    "cloudformation" "CreateStackRefactor" ["cloudformation:CreateStackRefactor"] Anything true
        "refactor" "plan";
    "cloudformation" "DescribeStackRefactor" ["cloudformation:DescribeStackRefactor"] Anything false
        "refactor" "plan";
    "cloudformation" "ListStackRefactorActions" ["cloudformation:ListStackRefactorActions"] Anything false
        "refactor" "plan";
    "cloudformation" "ExecuteStackRefactor" ["cloudformation:ExecuteStackRefactor"] Anything true
        "refactor" "";
    "cloudformation" "ListStackRefactors" ["cloudformation:ListStackRefactors"] Anything false
        "" "refactor";
    "cloudformation" "DescribeStackSet" ["cloudformation:DescribeStackSet"] StackSet false
        "plan apply diff drift status destroy" "gc";
    "cloudformation" "CreateStackSet" ["cloudformation:CreateStackSet"] StackSet true
        "" "apply";
    "cloudformation" "UpdateStackSet" ["cloudformation:UpdateStackSet"] StackSet true
        "apply" "";
    "cloudformation" "DeleteStackSet" ["cloudformation:DeleteStackSet"] StackSet true
        "destroy" "";
    "cloudformation" "CreateStackInstances" ["cloudformation:CreateStackInstances"] StackSet true
        "apply" "";
    "cloudformation" "UpdateStackInstances" ["cloudformation:UpdateStackInstances"] StackSet true
        "" "apply";
    "cloudformation" "DeleteStackInstances" ["cloudformation:DeleteStackInstances"] StackSet true
        "destroy" "apply";
    "cloudformation" "DetectStackSetDrift" ["cloudformation:DetectStackSetDrift"] StackSet false
        "drift" "";
    "cloudformation" "StopStackSetOperation" ["cloudformation:StopStackSetOperation"] StackSet true
        "" "apply destroy drift";
    "cloudformation" "DescribeStackSetOperation" ["cloudformation:DescribeStackSetOperation"] StackSet false
        "apply destroy drift" "plan status";
    "cloudformation" "ListStackSetOperations" ["cloudformation:ListStackSetOperations"] StackSet false
        "" "plan apply status destroy drift diff";
    "cloudformation" "ListStackSetOperationResults" ["cloudformation:ListStackSetOperationResults"] StackSet false
        "apply destroy drift" "plan status";
    "cloudformation" "ListStackInstances" ["cloudformation:ListStackInstances"] StackSet false
        "plan apply status destroy drift diff" "";
    "cloudformation" "DescribeStackInstance" ["cloudformation:DescribeStackInstance"] StackSet false
        "" "plan apply status drift diff destroy";
    "cloudformation" "ListStackSets" ["cloudformation:ListStackSets"] Anything false
        "gc" "";
    "s3" "HeadBucket" ["s3:ListBucket"] Bucket false
        "apply rollback" "*";
    "s3" "GetBucketVersioning" ["s3:GetBucketVersioning"] Bucket false
        "apply rollback gc" "*";
    "s3" "CreateBucket" ["s3:CreateBucket"] Bucket true
        "" "apply plan rollback orphan";
    "s3" "PutPublicAccessBlock" ["s3:PutBucketPublicAccessBlock"] Bucket true
        "" "apply plan rollback orphan";
    "s3" "PutBucketEncryption" ["s3:PutEncryptionConfiguration"] Bucket true
        "" "apply plan rollback orphan";
    "s3" "PutBucketPolicy" ["s3:PutBucketPolicy"] Bucket true
        "" "apply plan rollback orphan";
    "s3" "PutBucketTagging" ["s3:PutBucketTagging"] Bucket true
        "" "apply plan rollback orphan";
    "s3" "PutBucketVersioning" ["s3:PutBucketVersioning"] Bucket true
        "" "apply plan rollback orphan";
    "s3" "GetPublicAccessBlock" ["s3:GetBucketPublicAccessBlock"] Bucket false
        "" "doctor";
    "s3" "GetBucketEncryption" ["s3:GetEncryptionConfiguration"] Bucket false
        "" "doctor";
    "s3" "GetBucketPolicy" ["s3:GetBucketPolicy"] Bucket false
        "gc" "doctor";
    "s3" "HeadObject" ["s3:GetObject"] Object false
        "apply rollback" "plan diff orphan gc recover";
    "s3" "GetObject" ["s3:GetObject"] Object false
        "history rollback gc" "*";
    "s3" "PutObject" ["s3:PutObject"] Object true
        "apply rollback gc" "plan orphan refactor recover";
    "s3" "ListObjectsV2" ["s3:ListBucket"] Bucket false
        "history rollback gc" "*";
    "s3" "ListObjectVersions" ["s3:ListBucketVersions"] Bucket false
        "gc" "";
    "s3" "ListObjectVersions" ["s3:ListBucketVersions"] OwnBucket false
        "" "destroy recover";
    "s3" "GetBucketVersioning" ["s3:GetBucketVersioning"] OwnBucket false
        "" "destroy recover";
    "s3" "DeleteObject" ["s3:DeleteObject" "s3:DeleteObjectVersion"] Object true
        "gc" "apply rollback orphan";
    "s3" "DeleteObjects" ["s3:DeleteObject" "s3:DeleteObjectVersion"] OwnObject true
        "" "destroy";
    "s3" "DeleteObjects" ["s3:DeleteObject" "s3:DeleteObjectVersion"] Object true
        "gc" "";
    "s3" "PutObject" ["s3:PutObject"] OwnObject true
        "verify" "apply";
    "s3" "DeleteObject" ["s3:DeleteObject" "s3:DeleteObjectVersion"] OwnObject true
        "verify" "apply destroy";
    "dynamodb" "GetItem" ["dynamodb:GetItem"] Table false
        "verify" "apply";
    "dynamodb" "DeleteItem" ["dynamodb:DeleteItem"] Table true
        "verify" "apply";
    "lambda" "GetFunctionConfiguration" ["lambda:GetFunctionConfiguration"] Function false
        "" "apply rollback orphan logs verify status plan diff events init recover destroy";
    "lambda" "UpdateFunctionCode" ["lambda:UpdateFunctionCode"] Function true
        "" "apply rollback";
    "lambda" "GetFunction" ["lambda:GetFunction"] Function false
        "" "init plan apply diff rollback orphan gc";
    "lambda" "ListFunctions" ["lambda:ListFunctions"] Anything false
        "" "gc";
    "lambda" "ListLayers" ["lambda:ListLayers"] Anything false
        "" "gc";
    "lambda" "ListLayerVersions" ["lambda:ListLayerVersions"] Anything false
        "" "gc";
    "lambda" "GetLayerVersion" ["lambda:GetLayerVersion"] Layer false
        "" "gc";
    "logs" "FilterLogEvents" ["logs:FilterLogEvents"] LogGroup false
        "logs" "apply rollback verify events destroy recover orphan";
    "ssm" "GetParameter" ["ssm:GetParameter"] Parameter false
        "plan apply" "diff rollback orphan";
    "secretsmanager" "GetSecretValue" ["secretsmanager:GetSecretValue"] Secret false
        "plan apply" "diff rollback orphan";
    "iam" "SimulatePrincipalPolicy" ["iam:SimulatePrincipalPolicy"] Caller false
        "" "doctor";
    "iam" "GetRole" ["iam:GetRole"] Caller false
        "" "doctor";
    "iam" "PassRole" ["iam:PassRole"] ServiceRole true
        "plan apply rollback destroy orphan recover cancel" "";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{CALLS, COMMANDS, On, find, of_command};

    #[test]
    fn every_row_names_actions_and_commands() {
        let others = ["*", "doctor", "init", "ssh"];
        for call in CALLS {
            let words = [call.needed_by, call.used_by].map(|it| it.split_whitespace());
            for command in words.into_iter().flatten() {
                let is_known = COMMANDS.contains(&command) || others.contains(&command);
                assert!(is_known, "{}: {command}", call.operation);
            }
            for action in call.actions {
                let (service, name) = action.split_once(':').unwrap_or_default();
                assert_eq!(service, call.service, "{action}");
                assert!(name.starts_with(char::is_uppercase), "{action}");
            }
        }
        let rows: BTreeSet<_> = CALLS
            .iter()
            .map(|it| (it.service, it.operation, it.on))
            .collect();
        assert_eq!(rows.len(), CALLS.len(), "a row is there twice");
    }

    #[test]
    fn the_action_is_not_always_the_operation() {
        let actions = |operation| find("s3", operation).map(|it| it.actions);
        assert_eq!(actions("HeadObject"), Some(&["s3:GetObject"][..]));
        assert_eq!(
            actions("PutBucketEncryption"),
            Some(&["s3:PutEncryptionConfiguration"][..])
        );
        assert_eq!(actions("Nothing"), None);
    }

    #[test]
    fn a_command_that_reads_makes_no_call_that_writes() {
        for command in [
            "diff", "status", "events", "outputs", "logs", "import", "doctor", "ssh", "init",
        ] {
            let written = of_command(command).find(|it| it.writes && it.on != On::ServiceRole);
            assert_eq!(written.map(|it| it.operation), None, "{command}");
        }
    }
}
