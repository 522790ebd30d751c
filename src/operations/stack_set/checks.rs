//! What a stack set cannot deploy, and what the user should know before one is deployed.

use crate::cloudformation::stack_set;
use crate::cloudformation::stack_set::instance::{Instance, InstanceStatus};
use crate::config::settings::{CallAs, Permissions, StackSetSettings};
use crate::error::{Error, Result};
use crate::operations::build::Build;
use crate::operations::session::Session;
use crate::plan::stack_set::{StackSetPlan, TargetAction};
use crate::present::human;
use crate::template::Template;

/// Refuses what no stack set deploys, before any call.
///
/// # Errors
///
/// If the template or the manifest cannot be deployed by a stack set.
pub(super) fn check(session: &Session<'_>, build: &Build) -> Result<()> {
    let Some(settings) = &session.settings().stack_set else {
        return Ok(());
    };
    check_transforms(settings, &build.template)?;
    check_code(session, settings, build)?;
    let unknown = settings.overrides.iter().flatten();
    for (target, values) in unknown {
        if let Some(name) = values
            .keys()
            .find(|it| build.template.parameter(it).is_none())
        {
            return Err(Error::input(format!(
                "the override of `{target}` names the parameter `{name}`, which the template does not have"
            )));
        }
    }
    let stack = &session.settings().stack;
    let ignored = [
        ("policy", stack.policy.is_some()),
        ("role_arn", stack.role_arn.is_some()),
        ("notification_arns", !stack.notification_arns.is_empty()),
        ("rollback_alarms", !stack.rollback_alarms.is_empty()),
        (
            "termination_protection",
            stack.termination_protection == Some(true),
        ),
    ];
    if let Some((key, _)) = ignored.iter().find(|(_, is_given)| *is_given) {
        return Err(Error::input(format!(
            "`stack.{key}` has no effect on a stack set: its stacks have no such setting"
        ))
        .hint("remove the key from the stack's table"));
    }
    if !session.settings().import.is_empty() || !session.settings().moved.is_empty() {
        return Err(Error::input(
            "a stack set neither imports nor renames resources: `import` and `moved` are for single stacks",
        ));
    }
    Ok(())
}

/// Refuses templates that the execution role which CloudFormation creates cannot deploy.
fn check_transforms(settings: &StackSetSettings, template: &Template) -> Result<()> {
    let role = settings.execution_role.as_deref();
    let is_own = settings.permissions == Permissions::SelfManaged
        || stack_set::execution_role(settings.permissions, role).is_some();
    let what = if template.has_transforms() {
        "a transform or a macro"
    } else if template.has_nested_stacks() {
        "a nested stack"
    } else {
        return Ok(());
    };
    if is_own {
        return Ok(());
    }
    Err(Error::input(format!(
        "the template has {what}, which CloudFormation's own execution role (`{}*`) cannot deploy",
        stack_set::SERVICE_EXECUTION_ROLE
    ))
    .hint("name a role that exists in every target: `execution_role = \"NAME\"` in `stack_set`")
    .hint("or use `permissions = \"self-managed\"`"))
}

/// Refuses local code, which the targets could not read.
fn check_code(session: &Session<'_>, settings: &StackSetSettings, build: &Build) -> Result<()> {
    let used = build.artifacts.values().filter(|it| build.uses(it));
    let names: Vec<String> = used.map(|it| format!("`{}`", it.name)).collect();
    let what = if !names.is_empty() {
        format!("the artifact {}", names.join(", "))
    } else if !build.children.is_empty() {
        "a nested template of the project".to_owned()
    } else if !build.files.is_empty() || !build.assets.files.is_empty() {
        "a file of the project".to_owned()
    } else {
        return Ok(());
    };
    let project = &session.settings().project;
    Err(Error::input(format!(
        "the template refers to {what}, which the targets of a stack set cannot read"
    ))
    .hint(
        "upload it to a bucket in each region that the targets can read, and name it in the template \
         as a parameter or by `${AWS::Region}`",
    )
    .hint(format!(
        "each bucket's policy needs this statement:\n{}",
        statement(project, settings)
    )))
}

/// Returns the statement of a bucket policy that lets the targets read the project's objects.
fn statement(project: &str, settings: &StackSetSettings) -> String {
    let resource = format!("arn:aws:s3:::BUCKET/{project}/*");
    let principal = match settings.permissions {
        Permissions::SelfManaged => {
            let roots = settings.accounts.iter();
            let roots: Vec<String> = roots
                .map(|account| format!("arn:aws:iam::{account}:root"))
                .collect();
            serde_json::json!({
                "Effect": "Allow",
                "Principal": { "AWS": roots },
                "Action": "s3:GetObject",
                "Resource": resource,
            })
        }
        Permissions::ServiceManaged => serde_json::json!({
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": resource,
            "Condition": { "StringEquals": { "aws:PrincipalOrgID": "ORGANIZATION" } },
        }),
    };
    format!("{principal:#}")
}

/// Returns what the user should know about a plan for these instances. With `marks_all`, CloudFormation
/// marks every instance. `account` is that of the stack set.
pub(super) fn warnings(
    (settings, account): (&StackSetSettings, &String),
    instances: &[Instance],
    plan: &StackSetPlan,
    marks_all: bool,
) -> Vec<String> {
    let mut warnings = Vec::new();
    let left_out = match &plan.targets.update {
        Some(update) if marks_all => update.only.as_ref().map_or(0, |only| {
            let named = only.accounts.len() * only.regions.len();
            instances.len().saturating_sub(named)
        }),
        _ => 0,
    };
    if left_out > 0 {
        warnings.push(format!(
            "CloudFormation marks every instance OUTDATED when the template or a parameter changes, also the \
             {} that this update leaves out and that are removed after it",
            human::count(left_out, "instance")
        ));
    }
    for instance in instances {
        if instance.status != InstanceStatus::Inoperable {
            continue;
        }
        let mut entries = plan.targets.entries.iter();
        let is_left =
            entries.any(|it| it.action == TargetAction::Leave && it.target == instance.target);
        let reason = instance.reason.as_deref().unwrap_or("no reason is given");
        warnings.push(if is_left {
            format!(
                "{} is INOPERABLE ({reason}): its instance is removed and its stack stays",
                instance.target
            )
        } else {
            format!(
                "{} is INOPERABLE ({reason}): no update reaches it until its instance is removed",
                instance.target
            )
        });
    }
    let is_management =
        settings.permissions == Permissions::ServiceManaged && settings.call_as == CallAs::Own;
    if is_management && settings.accounts.contains(account) {
        warnings.push(format!(
            "{account} is the management account, which gets no instance with service-managed permissions"
        ));
    }
    warnings
}
