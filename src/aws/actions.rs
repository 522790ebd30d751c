//! The calls of stackctl to AWS, and the commands that make them: one table.
//!
//! The action of a call is often not the name of its operation: `HeadObject` needs `s3:GetObject`. So the actions
//! are those of AWS's [`service_reference`]. The tests of the command line check that the table has every call
//! that a command makes, with that command.

use super::service_reference;
use super::unneeded_actions::UNNEEDED;

/// What an action works on, which decides the ARN in a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum On {
    /// No resource, or one that only `*` covers.
    Anything,
    /// The stack, its nested stacks, and its change sets.
    Stack,
    /// All stacks of the account and region.
    EveryStack,
    /// The stack set, with its targets.
    StackSet,
    /// All stack sets of the account and region.
    EveryStackSet,
    /// The artifact bucket.
    Bucket,
    /// The project's objects in the artifact bucket.
    Object,
    /// The versions of the project's objects in the artifact bucket.
    ObjectVersion,
    /// The buckets of the stack.
    OwnBucket,
    /// The objects in the buckets of the stack, and their versions.
    OwnObject,
    /// The functions of the stack.
    Function,
    /// All functions of the account and region.
    EveryFunction,
    /// All layers of the account and region.
    EveryLayer,
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
    /// The role that CloudFormation assumes for a stack set.
    AdministrationRole,
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
    /// What it works on.
    pub on: On,
    /// Whether it changes something.
    pub writes: bool,
    /// The commands that fail without it, separated by spaces.
    needed_by: &'static str,
    /// The commands that make it in some cases, or do less without it, separated by spaces.
    used_by: &'static str,
}

/// An action that a call needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// The action, such as `s3:GetObject`.
    pub action: &'static str,
    /// What it works on.
    pub on: On,
}

impl Call {
    /// Returns the actions that it needs, each with what it works on; none if every caller may make it.
    pub fn permissions(&self) -> impl Iterator<Item = Permission> + use<> {
        let call = *self;
        let named = service_reference::actions(call.service, call.operation);
        named
            .iter()
            .map(String::as_str)
            .filter(move |action| call.needs(action))
            .map(move |action| Permission {
                action,
                on: call.on_of(action),
            })
    }

    fn needs(&self, action: &str) -> bool {
        let mut unneeded = UNNEEDED.iter();
        let is_unneeded = unneeded.any(|it| it.operation == self.operation && it.action == action);
        let is_of_version = action.ends_with("ObjectVersion");
        match self.on {
            On::Object => !is_unneeded && !is_of_version,
            On::ObjectVersion => is_of_version,
            _ => !is_unneeded,
        }
    }

    /// Returns what an action of the call works on: a role is passed to the operation of something else.
    fn on_of(&self, action: &str) -> On {
        match (action, self.on) {
            ("iam:PassRole", On::StackSet) => On::AdministrationRole,
            ("iam:PassRole", _) => On::ServiceRole,
            (_, on) => on,
        }
    }

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
    ($($service:literal $operation:literal $on:ident $writes:literal
        $needed_by:literal $used_by:literal;)+) => {
        /// All calls.
        pub const CALLS: &[Call] = &[$(Call {
            service: $service,
            operation: $operation,
            on: On::$on,
            writes: $writes,
            needed_by: $needed_by,
            used_by: $used_by,
        }),+];
    };
}

// The service, the operation, what it works on, whether it changes something; then the commands
// that fail without it, and those that make it in some cases or do less without it.
calls! {
    "sts" "GetCallerIdentity" Anything false
        "" "*";
    "sts" "AssumeRole" ProfileRole false
        "" "*";
    "sts" "AssumeRoleWithWebIdentity" Anything false
        "" "*";
    "sts" "DecodeAuthorizationMessage" Anything false
        "" "apply rollback orphan destroy recover cancel events drift";
    "cloudformation" "DescribeStacks" Stack false
        "plan apply diff drift status events outputs logs rollback destroy recover cancel import orphan refactor verify ssh" "doctor history init";
    "cloudformation" "DescribeStacks" EveryStack false
        "gc" "";
    "cloudformation" "GetTemplate" Stack false
        "plan apply diff drift rollback destroy recover import orphan refactor" "events init logs outputs status verify";
    "cloudformation" "GetTemplate" EveryStack false
        "gc" "";
    "cloudformation" "GetTemplateSummary" Anything false
        "import" "orphan";
    "cloudformation" "ListStackResources" Stack false
        "diff drift status logs destroy recover orphan refactor" "apply doctor init plan rollback verify ssh";
    "cloudformation" "DescribeStackResources" EveryStack false
        "" "import init";
    "cloudformation" "DescribeStackEvents" Stack false
        "plan apply events rollback destroy recover cancel orphan refactor" "";
    "cloudformation" "DescribeStackEvents" EveryStack false
        "gc" "";
    "cloudformation" "DescribeEvents" Stack false
        "" "plan apply rollback orphan recover destroy cancel refactor";
    "cloudformation" "ListStacks" Anything false
        "gc" "events";
    "cloudformation" "ListImports" Anything false
        "" "plan apply rollback destroy orphan diff";
    "cloudformation" "CreateChangeSet" Stack true
        "plan apply rollback orphan" "recover";
    "cloudformation" "DescribeChangeSet" Stack false
        "plan apply rollback orphan" "recover";
    "cloudformation" "DescribeChangeSet" EveryStack false
        "gc" "";
    "cloudformation" "ListChangeSets" Stack false
        "" "plan apply rollback orphan recover destroy cancel doctor";
    "cloudformation" "ListChangeSets" EveryStack false
        "gc" "";
    "cloudformation" "DeleteChangeSet" Stack true
        "plan" "apply rollback orphan recover destroy cancel";
    "cloudformation" "ExecuteChangeSet" Stack true
        "apply rollback orphan" "recover";
    "cloudformation" "DeleteStack" Stack true
        "destroy" "plan apply rollback orphan recover cancel";
    "cloudformation" "UpdateStack" Stack true
        "" "recover";
    "cloudformation" "RollbackStack" Stack true
        "" "recover";
    "cloudformation" "ContinueUpdateRollback" Stack true
        "" "recover";
    "cloudformation" "CancelUpdateStack" Stack true
        "cancel" "apply rollback recover orphan";
    "cloudformation" "UpdateTerminationProtection" Stack true
        "" "apply rollback orphan destroy recover";
    "cloudformation" "GetStackPolicy" Stack false
        "refactor" "plan apply diff rollback orphan init";
    "cloudformation" "SetStackPolicy" Stack true
        "" "apply rollback orphan";
    "cloudformation" "DetectStackDrift" Stack false
        "drift" "diff recover plan apply";
    "cloudformation" "DescribeStackDriftDetectionStatus" Anything false
        "drift" "diff recover plan apply";
    "cloudformation" "DescribeStackResourceDrifts" Stack false
        "drift" "diff recover plan apply";
    "cloudformation" "ListHookResults" Stack false
        "" "plan apply rollback orphan destroy recover cancel events";
    "cloudformation" "GetHookResult" Anything false
        "" "plan apply rollback orphan destroy recover cancel events";
    "cloudformation" "CreateStackRefactor" Stack true
        "refactor" "";
    "cloudformation" "DescribeStackRefactor" Stack false
        "refactor" "";
    "cloudformation" "ListStackRefactorActions" Stack false
        "refactor" "";
    "cloudformation" "ExecuteStackRefactor" Stack true
        "refactor" "";
    "cloudformation" "ListStackRefactors" Anything false
        "" "refactor";
    "cloudformation" "DescribeStackSet" StackSet false
        "plan apply diff drift status destroy" "";
    "cloudformation" "DescribeStackSet" EveryStackSet false
        "gc" "";
    "cloudformation" "CreateStackSet" StackSet true
        "" "apply";
    "cloudformation" "UpdateStackSet" StackSet true
        "apply" "";
    "cloudformation" "DeleteStackSet" StackSet true
        "destroy" "";
    "cloudformation" "CreateStackInstances" StackSet true
        "apply" "";
    "cloudformation" "UpdateStackInstances" StackSet true
        "" "apply";
    "cloudformation" "DeleteStackInstances" StackSet true
        "destroy" "apply";
    "cloudformation" "DetectStackSetDrift" StackSet false
        "drift" "";
    "cloudformation" "StopStackSetOperation" StackSet true
        "" "apply destroy drift";
    "cloudformation" "DescribeStackSetOperation" StackSet false
        "apply destroy drift" "plan status";
    "cloudformation" "ListStackSetOperations" StackSet false
        "" "plan apply status destroy drift diff";
    "cloudformation" "ListStackSetOperationResults" StackSet false
        "apply destroy drift" "plan status";
    "cloudformation" "ListStackInstances" StackSet false
        "plan apply status destroy drift diff" "";
    "cloudformation" "DescribeStackInstance" StackSet false
        "" "plan apply status drift diff destroy";
    "cloudformation" "ListStackSets" Anything false
        "gc" "";
    "s3" "HeadBucket" Bucket false
        "apply rollback" "doctor gc plan orphan recover refactor";
    "s3" "GetBucketVersioning" Bucket false
        "apply rollback gc" "doctor plan orphan recover refactor";
    "s3" "CreateBucket" Bucket true
        "" "apply plan rollback orphan";
    "s3" "PutPublicAccessBlock" Bucket true
        "" "apply plan rollback orphan";
    "s3" "PutBucketEncryption" Bucket true
        "" "apply plan rollback orphan";
    "s3" "PutBucketPolicy" Bucket true
        "" "apply plan rollback orphan";
    "s3" "PutBucketTagging" Bucket true
        "" "apply plan rollback orphan";
    "s3" "PutBucketVersioning" Bucket true
        "" "apply plan rollback orphan";
    "s3" "GetPublicAccessBlock" Bucket false
        "" "doctor";
    "s3" "GetBucketEncryption" Bucket false
        "" "doctor";
    "s3" "GetBucketPolicy" Bucket false
        "gc" "doctor";
    "s3" "HeadObject" Object false
        "apply rollback" "plan diff orphan gc recover";
    "s3" "GetObject" Object false
        "history rollback gc" "plan apply diff orphan recover";
    "s3" "GetObject" ObjectVersion false
        "gc" "";
    "s3" "PutObject" Object true
        "apply rollback gc" "plan orphan refactor recover";
    "s3" "ListObjectsV2" Bucket false
        "history rollback gc" "plan apply orphan recover";
    "s3" "ListObjectVersions" Bucket false
        "gc" "";
    "s3" "ListObjectVersions" OwnBucket false
        "" "destroy recover";
    "s3" "GetBucketVersioning" OwnBucket false
        "" "destroy recover";
    "s3" "DeleteObjects" OwnObject true
        "" "destroy";
    "s3" "DeleteObjects" Object true
        "gc" "";
    "s3" "DeleteObjects" ObjectVersion true
        "gc" "";
    "s3" "PutObject" OwnObject true
        "verify" "apply";
    "s3" "DeleteObject" Object true
        "" "gc";
    "s3" "DeleteObject" OwnObject true
        "verify" "apply destroy";
    "dynamodb" "GetItem" Table false
        "verify" "apply";
    "dynamodb" "DeleteItem" Table true
        "verify" "apply";
    "lambda" "GetFunctionConfiguration" Function false
        "" "apply rollback orphan logs verify status plan diff events init recover destroy";
    "lambda" "UpdateFunctionCode" Function true
        "" "apply rollback";
    "lambda" "GetFunction" Function false
        "" "init plan apply diff rollback orphan";
    "lambda" "GetFunction" EveryFunction false
        "" "gc";
    "lambda" "ListFunctions" Anything false
        "" "gc";
    "lambda" "ListLayers" Anything false
        "" "gc";
    "lambda" "ListLayerVersions" Anything false
        "" "gc";
    "lambda" "GetLayerVersion" EveryLayer false
        "" "gc";
    "logs" "FilterLogEvents" LogGroup false
        "logs" "apply rollback verify events destroy recover orphan";
    "ssm" "GetParameter" Parameter false
        "plan apply" "diff rollback orphan";
    "secretsmanager" "GetSecretValue" Secret false
        "plan apply" "diff rollback orphan";
    "iam" "SimulatePrincipalPolicy" Caller false
        "" "doctor";
    "iam" "GetRole" Caller false
        "" "doctor";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{
        CALLS, COMMANDS, Call, On, Permission, UNNEEDED, find, of_command, service_reference,
    };

    #[test]
    fn every_row_names_actions_and_commands() {
        let others = ["*", "doctor", "init", "ssh"];
        for call in CALLS {
            let words = [call.needed_by, call.used_by].map(|it| it.split_whitespace());
            for command in words.into_iter().flatten() {
                let is_known = COMMANDS.contains(&command) || others.contains(&command);
                assert!(is_known, "{}: {command}", call.operation);
            }
        }
        let rows: BTreeSet<_> = CALLS
            .iter()
            .map(|it| (it.service, it.operation, it.on))
            .collect();
        assert_eq!(rows.len(), CALLS.len(), "a row is there twice");
    }

    fn needed(service: &str, operation: &str) -> Vec<(&'static str, On)> {
        let call = find(service, operation).into_iter();
        let permissions = call.flat_map(Call::permissions);
        permissions.map(|it| (it.action, it.on)).collect()
    }

    #[test]
    fn the_actions_are_those_of_the_service_reference() {
        assert_eq!(needed("s3", "HeadObject"), [("s3:GetObject", On::Object)]);
        assert_eq!(
            needed("s3", "PutBucketEncryption"),
            [("s3:PutEncryptionConfiguration", On::Bucket)]
        );
        assert_eq!(
            needed("cloudformation", "CreateChangeSet"),
            [
                ("cloudformation:CreateChangeSet", On::Stack),
                ("cloudformation:TagResource", On::Stack),
                ("cloudformation:UntagResource", On::Stack),
                ("iam:PassRole", On::ServiceRole),
            ]
        );
        let [.., role] = needed("cloudformation", "CreateStackSet")[..] else {
            panic!("no action");
        };
        assert_eq!(role, ("iam:PassRole", On::AdministrationRole));
        assert_eq!(needed("sts", "GetCallerIdentity"), []);
        assert!(find("s3", "Nothing").is_none());
    }

    #[test]
    fn the_service_reference_has_every_call() {
        for call in CALLS {
            let named = service_reference::actions(call.service, call.operation);
            // It needs no credentials, so it is in no policy.
            let is_public = call.operation == "AssumeRoleWithWebIdentity";
            assert_eq!(named.is_empty(), is_public, "{}", call.operation);
        }
        for it in UNNEEDED {
            let mut calls = CALLS.iter().filter(|call| call.operation == it.operation);
            let is_named = calls.any(|call| {
                let named = service_reference::actions(call.service, call.operation);
                named.iter().any(|action| action == it.action)
            });
            assert!(is_named, "{} {}", it.operation, it.action);
        }
    }

    #[test]
    fn an_action_works_on_what_the_service_reference_names() {
        for call in CALLS {
            for Permission { action, on } in call.permissions() {
                let types = service_reference::resource_types(action);
                let known: &[&str] = match on {
                    On::Anything => continue,
                    On::Stack | On::EveryStack => &["stack"],
                    On::StackSet | On::EveryStackSet => &["stackset"],
                    On::Bucket | On::OwnBucket => &["bucket"],
                    On::Object | On::ObjectVersion | On::OwnObject => &["object"],
                    On::Function | On::EveryFunction => &["function"],
                    On::EveryLayer => &["layerVersion"],
                    On::LogGroup => &["log-group"],
                    On::Table => &["table"],
                    On::Parameter => &["parameter"],
                    On::Secret => &["Secret"],
                    On::ServiceRole | On::AdministrationRole | On::ProfileRole => &["role"],
                    On::Caller => &["role", "user"],
                };
                let is_known = types.iter().any(|it| known.contains(&it.as_str()));
                assert!(types.is_empty() || is_known, "{action}: {types:?}");
            }
        }
    }

    #[test]
    fn a_command_that_reads_makes_no_call_that_writes() {
        for command in [
            "diff", "status", "events", "outputs", "logs", "import", "doctor", "ssh", "init",
        ] {
            let written = of_command(command).find(|it| it.writes);
            assert_eq!(written.map(|it| it.operation), None, "{command}");
        }
    }
}
