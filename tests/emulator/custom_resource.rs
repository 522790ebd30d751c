//! A stack with a custom resource whose function fails or waits, as the manifest says.

use crate::project::{Project, ROLE};

/// The resource `Custom` fails at the requests that `fails_at` names, such as `Update`, and waits until
/// the file `waits_for` exists. The emulator runs the function as a process of this machine, so the
/// function sees the file.
///
/// CloudFormation undoes an update with the old properties. A resource that is to fail at the rollback
/// too must have been created with `Update` in `fails_at`.
const RESOURCES: &str = r#"  Topic:
    Type: AWS::SNS::Topic
    Properties:
      DisplayName: "{{ vars.version }}"
  Function:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: "{{ project }}-custom"
      Runtime: python3.13
      Handler: index.handler
      Timeout: 60
      Role: !GetAtt Role.Arn
      Code:
        ZipFile: |
          import json, os, time, urllib.request
          def handler(event, context):
              print("handling", event["RequestType"])
              properties = event["ResourceProperties"]
              while properties["WaitsFor"] and not os.path.exists(properties["WaitsFor"]):
                  time.sleep(0.02)
              fails = event["RequestType"] in properties["FailsAt"]
              body = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
              body |= {"Status": "FAILED" if fails else "SUCCESS", "PhysicalResourceId": "custom"}
              body |= {"Reason": "injected by " + event["RequestType"]}
              request = urllib.request.Request(
                  event["ResponseURL"], json.dumps(body).encode(), {"content-type": ""}, method="PUT")
              urllib.request.urlopen(request, timeout=5)
  Custom:
    Type: Custom::Resource
    DependsOn: Topic
    Properties:
      ServiceToken: !GetAtt Function.Arn
      FailsAt: "{{ vars.fails_at }}"
      WaitsFor: "{{ vars.waits_for }}"
      Version: "{{ vars.version }}"
Outputs:
  Custom:
    Value: !Ref Custom
"#;

/// Returns a project whose custom resource fails at these requests.
pub(crate) fn failing_at(requests: &str) -> Project {
    Project::of_template(
        &format!("Resources:\n{ROLE}{RESOURCES}"),
        &format!("version = \"1\"\nfails_at = \"{requests}\"\nwaits_for = \"\""),
    )
}

/// Returns a project whose custom resource waits until the project has a file of this name.
pub(crate) fn waiting_for(file: &str) -> Project {
    let project = failing_at("");
    let path = project.path(file).display().to_string();
    project.set_var("waits_for", "", &path);
    project
}
