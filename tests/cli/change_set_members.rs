//! The JSON plan of a change set that has every member of the API model.

use serde_json::Value;

use crate::demo;

/// Every member of the API, with enumeration values that this version does not know.
const EVERYTHING: &str = "<DescribeChangeSetResponse><DescribeChangeSetResult>\
    <ChangeSetName>everything</ChangeSetName>\
    <ChangeSetId>arn:aws:cloudformation:eu-west-1:123456789012:changeSet/root/1</ChangeSetId>\
    <StackId>arn:stack</StackId><StackName>demo-dev</StackName><Description>all of it</Description>\
    <CreationTime>2025-06-01T12:00:00.000Z</CreationTime>\
    <Status>CREATE_COMPLETE</Status><ExecutionStatus>AVAILABLE</ExecutionStatus>\
    <StatusReason>Only executable from the root change set.</StatusReason>\
    <Parameters><member><ParameterKey>Image</ParameterKey><ParameterValue>/ami</ParameterValue>\
    <ResolvedValue>ami-1</ResolvedValue><UsePreviousValue>true</UsePreviousValue></member></Parameters>\
    <Tags><member><Key>team</Key><Value>media</Value></member></Tags>\
    <Capabilities><member>CAPABILITY_NEW</member></Capabilities>\
    <NotificationARNs><member>arn:topic</member></NotificationARNs>\
    <RollbackConfiguration><MonitoringTimeInMinutes>5</MonitoringTimeInMinutes><RollbackTriggers>\
    <member><Arn>arn:alarm</Arn><Type>AWS::CloudWatch::Alarm</Type></member></RollbackTriggers>\
    </RollbackConfiguration><OnStackFailure>NEW_WAY</OnStackFailure>\
    <ImportExistingResources>true</ImportExistingResources>\
    <IncludeNestedStacks>true</IncludeNestedStacks>\
    <ParentChangeSetId>arn:parent</ParentChangeSetId><RootChangeSetId>arn:root</RootChangeSetId>\
    <StackDriftStatus>NEW_DRIFT</StackDriftStatus><DeploymentMode>NEW_MODE</DeploymentMode>\
    <DeploymentConfig><Mode>EXPRESS</Mode><DisableRollback>true</DisableRollback></DeploymentConfig>\
    <Changes><member><Type>Resource</Type><HookInvocationCount>2</HookInvocationCount>\
    <ResourceChange><PolicyAction>NewPolicy</PolicyAction><Action>NewAction</Action>\
    <LogicalResourceId>Queue</LogicalResourceId><PhysicalResourceId>q-1</PhysicalResourceId>\
    <ResourceType>AWS::SQS::Queue</ResourceType><Replacement>Perhaps</Replacement>\
    <Scope><member>NewScope</member></Scope><ResourceDriftStatus>MODIFIED</ResourceDriftStatus>\
    <ResourceDriftIgnoredAttributes><member><Path>/Properties/Secret</Path>\
    <Reason>NEW_REASON</Reason></member></ResourceDriftIgnoredAttributes>\
    <ModuleInfo><TypeHierarchy>A::MODULE/B::MODULE</TypeHierarchy>\
    <LogicalIdHierarchy>A/B</LogicalIdHierarchy></ModuleInfo>\
    <BeforeContext>{before}</BeforeContext><AfterContext>{after}</AfterContext>\
    <PreviousDeploymentContext>{previous}</PreviousDeploymentContext>\
    <Details><member><Target><Attribute>NewAttribute</Attribute><Name>Delay</Name>\
    <RequiresRecreation>NewWord</RequiresRecreation><Path>/Properties/Delay</Path>\
    <BeforeValue>1</BeforeValue><AfterValue>3</AfterValue>\
    <BeforeValueFrom>ACTUAL_STATE</BeforeValueFrom><AfterValueFrom>NEW_PLACE</AfterValueFrom>\
    <Drift><PreviousValue>2</PreviousValue><ActualValue>1</ActualValue>\
    <DriftDetectionTimestamp>2025-06-01T12:00:00.000Z</DriftDetectionTimestamp></Drift>\
    <AttributeChangeType>SyncWithActual</AttributeChangeType></Target>\
    <Evaluation>NewEvaluation</Evaluation><ChangeSource>NewSource</ChangeSource>\
    <CausingEntity>Other</CausingEntity></member></Details></ResourceChange></member>\
    <member><Type>NewKind</Type></member></Changes>\
    </DescribeChangeSetResult></DescribeChangeSetResponse>";

fn plan() -> Value {
    let (sandbox, cloud) = demo::in_cloud();
    cloud.on("DescribeChangeSet").reply_xml(EVERYTHING);
    sandbox.json(&["plan"])
}

#[test]
fn json_plan_contains_every_member_of_a_change_set() {
    let plan = plan();
    insta::assert_snapshot!(format!("{:#}", plan["change_set"]), @r#"
    {
      "id": "arn:aws:cloudformation:eu-west-1:123456789012:changeSet/root/1",
      "name": "everything",
      "stack_id": "arn:stack",
      "stack_name": "demo-dev",
      "description": "all of it",
      "created": "2025-06-01T12:00:00Z",
      "status": "CREATE_COMPLETE",
      "execution_status": "AVAILABLE",
      "reason": "Only executable from the root change set.",
      "warnings": [
        "the change set has a change of the kind `NewKind`, which this version cannot show"
      ],
      "parameters": [
        {
          "name": "Image",
          "value": "/ami",
          "resolved_value": "ami-1",
          "uses_previous_value": true
        }
      ],
      "tags": [
        {
          "name": "team",
          "value": "media"
        }
      ],
      "capabilities": [
        "CAPABILITY_NEW"
      ],
      "notification_arns": [
        "arn:topic"
      ],
      "rollback": {
        "triggers": [
          {
            "arn": "arn:alarm",
            "type": "AWS::CloudWatch::Alarm"
          }
        ],
        "monitoring_minutes": 5
      },
      "on_stack_failure": "NEW_WAY",
      "imports_existing": true,
      "includes_nested": true,
      "parent_id": "arn:parent",
      "root_id": "arn:root",
      "drift_status": "NEW_DRIFT",
      "deployment_mode": "NEW_MODE",
      "deployment": {
        "mode": "EXPRESS",
        "disable_rollback": true
      }
    }
    "#);
}

#[test]
fn json_plan_contains_every_member_of_a_change() {
    let plan = plan();
    insta::assert_snapshot!(format!("{:#}", plan["changes"]), @r#"
    [
      {
        "logical_id": "Queue",
        "physical_id": "q-1",
        "type": "AWS::SQS::Queue",
        "action": "NewAction",
        "policy_action": "NewPolicy",
        "replacement": "Perhaps",
        "scope": [
          "NewScope"
        ],
        "details": [
          {
            "path": "/Properties/Delay",
            "attribute": "NewAttribute",
            "name": "Delay",
            "before": "1",
            "after": "3",
            "before_from": "ACTUAL_STATE",
            "after_from": "NEW_PLACE",
            "drift": {
              "previous": "2",
              "actual": "1",
              "detected": "2025-06-01T12:00:00Z"
            },
            "attribute_change": "SyncWithActual",
            "requires_recreation": "NewWord",
            "evaluation": "NewEvaluation",
            "change_source": "NewSource",
            "causing_entity": "Other"
          }
        ],
        "before_context": "{before}",
        "after_context": "{after}",
        "previous_deployment_context": "{previous}",
        "drift_status": "MODIFIED",
        "ignored_drift": [
          {
            "path": "/Properties/Secret",
            "reason": "NEW_REASON"
          }
        ],
        "module": {
          "types": "A::MODULE/B::MODULE",
          "logical_ids": "A/B"
        },
        "hook_invocations": 2,
        "nested_change_set": null,
        "nested": null
      }
    ]
    "#);
}

#[test]
fn secret_parameter_value_from_the_service_is_masked() {
    let (sandbox, cloud) = demo::in_cloud();
    let parameter = "Parameters:\n  Image:\n    Type: String\n    NoEcho: true\n    Default: x\n";
    sandbox.append("stack.yaml.j2", parameter);
    cloud.on("DescribeChangeSet").reply_xml(EVERYTHING);
    let finished = sandbox.run(&["plan", "--format", "json"]);
    let shown = &finished.json()["change_set"]["parameters"][0];
    assert_eq!(shown["value"], "****", "{finished}");
    assert!(!finished.to_string().contains("ami-1"), "{finished}");
}
