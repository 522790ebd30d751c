//! A plan with every kind of change, at 80 and at 120 columns and as Markdown.

#![expect(clippy::too_many_lines, reason = "a whole plan is long")]

use crate::cloud::Cloud;
use crate::demo;
use crate::sandbox::Sandbox;

/// A change set with every kind of change.
const CHANGES: &str = include_str!("../data/rich-change-set.xml");

/// The change set of the nested stack.
const NESTED: &str = include_str!("../data/rich-nested-change-set.xml");

/// A finding of the service's checks.
const EVENTS: &str = "<DescribeEventsResponse><DescribeEventsResult><OperationEvents><member>\
    <EventId>1</EventId><EventType>VALIDATION_ERROR</EventType>\
    <LogicalResourceId>Bucket</LogicalResourceId><ResourceType>AWS::S3::Bucket</ResourceType>\
    <ValidationFailureMode>WARN</ValidationFailureMode>\
    <ValidationName>BUCKET_EMPTINESS_VALIDATION</ValidationName>\
    <ValidationStatus>FAILED</ValidationStatus>\
    <ValidationPath>/Resources/Bucket</ValidationPath>\
    <ValidationStatusReason>The bucket 'demo-data' is not empty.</ValidationStatusReason></member>\
    </OperationEvents></DescribeEventsResult></DescribeEventsResponse>";

/// Returns a deployed project whose next plan has every kind of change.
fn full() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = demo::deployed();
    demo::change_code(&sandbox);
    sandbox.write("handler/names.py", "NAMES = []\n");
    let manifest = demo::MANIFEST.replace("first", "second")
        + "\n[tags]\nowner = \"media\"\n\n[stack]\ntermination_protection = true\n";
    sandbox.write("manifest.toml", manifest);
    let outputs = "  HandlerName:\n    Value: !Ref Handler\n";
    sandbox.append("stack.yaml.j2", outputs);
    cloud
        .on("DescribeChangeSet")
        .only(|call| call.parameter("ChangeSetName").contains("stackctl-tmp-"))
        .reply_xml(CHANGES);
    cloud
        .on("DescribeChangeSet")
        .only(|call| call.parameter("ChangeSetName").contains("/nested/"))
        .reply_xml(NESTED);
    cloud.on("DescribeEvents").reply_xml(EVENTS);
    (sandbox, cloud)
}

#[test]
fn full_plan_at_80_columns() {
    let (sandbox, _cloud) = full();
    let plan = sandbox.env("COLUMNS", "80").run(&["plan"]).expect_code(0);
    insta::assert_snapshot!(plan, @r#"
    --- stdout
    Stack        demo-dev (environment dev)
    [HEADER]

    Danger
      DANGER   Queue is deleted with its waiting messages
               fix: deploy `DeletionPolicy: Retain` first, then remove it
      DANGER   Table is replaced: the old resource is deleted with its items
               fix: add `UpdateReplacePolicy: Retain` to keep the old resource
      DANGER   Table cannot be replaced: its TableName is fixed to
               `FileMetadata-dev`, and the old resource still has that name
               fix: change `TableName` in the same deployment, or remove it
      DANGER   SshGroup allows inbound tcp 22 from 0.0.0.0/0, which is everyone
               (was: tcp 22 from 203.0.113.7/32)
               fix: allow only the address range that needs access
      DANGER   Policy now allows AWS:demo-dev-Role-1A2B3C to do s3:* on every
               resource if Bool: aws:SecureTransport: "true"
      DANGER   Child/Cache is replaced: the old resource is deleted with its cache
               fix: add `UpdateReplacePolicy: Retain` to keep the old resource

    Permissions in policies that change
      - Allow
          action    dynamodb:PutItem
          resource  arn:aws:dynamodb:eu-west-1:123456789012:table/FileMetadata-dev
          principal AWS:demo-dev-Role-1A2B3C
      + Allow
          action    dynamodb:DeleteItem, dynamodb:PutItem
          resource  *
          principal AWS:demo-dev-Role-1A2B3C
      + Allow
          action    s3:*
          resource  *
          principal AWS:demo-dev-Role-1A2B3C
          condition Bool: aws:SecureTransport: "true"

      ~ Alarm         AWS::CloudWatch::Alarm
          ~ Threshold: "1" → "5"
          + AlarmActions[0]: "arn:aws:sns:eu-west-1:123456789012:c"

      ~ Child         AWS::CloudFormation::Stack
          ~ TemplateURL
        -/+ Cache  AWS::ElastiCache::CacheCluster
              # is replaced, policy ReplaceAndDelete
              ~ Engine: "memcached" → "redis" # forces replacement
          + Topic  AWS::SNS::Topic

      ~ Handler       AWS::Lambda::Function
          ~ Code.S3Key: "demo/handler/old.zip" → "demo/handler/new.zip"
          ~ Environment.Variables.TABLE # because `Table` is replaced
              - "FileMetadata-dev"
              + (known after apply)
          ~ MemorySize: "128" → "256" # because parameter `Memory` changed
          ~ Tags.0.Value = "images" → "media"

      ~ Instance      AWS::EC2::Instance # may be replaced
          ~ UserData # may force replacement
                #!/bin/bash
                set -eu
              - dnf install -y jq
              + dnf install -y jq python3
                echo ready

      ↺ Logs          AWS::Logs::LogGroup # drift is reverted
          ~ RetentionInDays: "7" → "30" # because the live value has drifted

     <- Old           AWS::S3::Bucket # is imported

      ~ Policy        AWS::IAM::Policy
          + PolicyDocument.Statement[1]
              + Effect: Allow
              + Action: s3:*
              + Resource: "*"
              + Condition:
              +   Bool:
              +     aws:SecureTransport: "true"
          + PolicyDocument.Statement[Table].Action[1]: "dynamodb:DeleteItem"
          ~ PolicyDocument.Statement[Table].Resource
              - "arn:aws:dynamodb:eu-west-1:123456789012:table/FileMetadata-dev"
              + "*"

      - Queue         AWS::SQS::Queue

      ~ SshGroup      AWS::EC2::SecurityGroup
          + SecurityGroupIngress[tcp 22 0.0.0.0/0]
              + IpProtocol: tcp
              + FromPort: 22
              + ToPort: 22
              + CidrIp: 0.0.0.0/0

      + Subscription  AWS::SNS::Subscription
          + Endpoint: "ops@example.com"
          + Protocol: "email"
          + TopicArn: (known after apply)

    -/+ Table         AWS::DynamoDB::Table # is replaced, policy ReplaceAndDelete
          ~ KeySchema[fileName].AttributeName # forces replacement
              - "fileName"
              + "name"
          ~ AttributeDefinitions[fileName].AttributeName: "fileName" → "name"

    May change, depending on other resources (not counted):
      ? Topic  AWS::SNS::Topic
          because `Key.Arn` may change

    Code
      ~ handler  e008281b3bf1 → 8efd238f82cc, 2 files
          ~ app.py
                def handler(event, context):
              -     return 1
              +     return 2
          + names.py (11 bytes)

    Tags
          + owner: "media"

    Outputs
          + HandlerName: "${Handler}"

    Stack settings
          ~ termination_protection: "false" → "true"

    Service checks
      warning: `Bucket`: The bucket 'demo-data' is not empty.
        (BUCKET_EMPTINESS_VALIDATION)
        stack.yaml.j2:2:3

    Plan: 2 to add, 7 to change (1 may be replaced), 2 to replace, 1 to destroy, 1 to import (1 more may change).
    --- exit 0
    "#);
}

/// The plan at 120 columns is the plan at 80 columns but for these lines.
#[test]
fn full_plan_at_120_columns() {
    let (sandbox, _cloud) = full();
    let narrow = sandbox.env("COLUMNS", "80");
    let at_80_columns = narrow.run(&["plan"]).expect_code(0);
    let wide = narrow.env("COLUMNS", "120");
    let at_120_columns = wide.run(&["plan"]).expect_code(0);
    let difference = at_120_columns.difference_from(&at_80_columns);
    insta::assert_snapshot!(difference, @r#"
    @@
    -  DANGER   Table cannot be replaced: its TableName is fixed to
    -           `FileMetadata-dev`, and the old resource still has that name
    +  DANGER   Table cannot be replaced: its TableName is fixed to `FileMetadata-dev`, and the old resource still has that
    +           name
    @@
    -  DANGER   SshGroup allows inbound tcp 22 from 0.0.0.0/0, which is everyone
    -           (was: tcp 22 from 203.0.113.7/32)
    +  DANGER   SshGroup allows inbound tcp 22 from 0.0.0.0/0, which is everyone (was: tcp 22 from 203.0.113.7/32)
    @@
    -  DANGER   Policy now allows AWS:demo-dev-Role-1A2B3C to do s3:* on every
    -           resource if Bool: aws:SecureTransport: "true"
    +  DANGER   Policy now allows AWS:demo-dev-Role-1A2B3C to do s3:* on every resource if Bool: aws:SecureTransport: "true"
    @@
    -    -/+ Cache  AWS::ElastiCache::CacheCluster
    -          # is replaced, policy ReplaceAndDelete
    +    -/+ Cache  AWS::ElastiCache::CacheCluster # is replaced, policy ReplaceAndDelete
    @@
    -      ~ Environment.Variables.TABLE # because `Table` is replaced
    -          - "FileMetadata-dev"
    -          + (known after apply)
    +      ~ Environment.Variables.TABLE: "FileMetadata-dev" → (known after apply) # because `Table` is replaced
    @@
    -      ~ PolicyDocument.Statement[Table].Resource
    -          - "arn:aws:dynamodb:eu-west-1:123456789012:table/FileMetadata-dev"
    -          + "*"
    +      ~ PolicyDocument.Statement[Table].Resource: "arn:aws:dynamodb:eu-west-1:123456789012:table/FileMetadata-dev" → "*"
    @@
    -      ~ KeySchema[fileName].AttributeName # forces replacement
    -          - "fileName"
    -          + "name"
    +      ~ KeySchema[fileName].AttributeName: "fileName" → "name" # forces replacement
    @@
    -  warning: `Bucket`: The bucket 'demo-data' is not empty.
    -    (BUCKET_EMPTINESS_VALIDATION)
    +  warning: `Bucket`: The bucket 'demo-data' is not empty. (BUCKET_EMPTINESS_VALIDATION)
    "#);
}

#[test]
fn full_plan_as_markdown() {
    let (sandbox, _cloud) = full();
    let plan = sandbox
        .run(&["plan", "--format", "markdown"])
        .expect_code(0);
    insta::assert_snapshot!(plan, @r#"
    --- stdout
    <!-- stackctl:plan demo-dev -->
    <b>Plan: 2 to add, 7 to change (1 may be replaced), 2 to replace, 1 to destroy, 1 to import (1 more may change).</b>

    Stack <code>demo-dev</code>, environment <code>dev</code>, account <code>123456789012</code>, region <code>eu-west-1</code>

    <details open><summary>Danger</summary>

    - **DANGER** <b>Queue</b> is deleted with its waiting messages<br>fix: deploy <code>DeletionPolicy: Retain</code> first, then remove it
    - **DANGER** <b>Table</b> is replaced: the old resource is deleted with its items<br>fix: add <code>UpdateReplacePolicy: Retain</code> to keep the old resource
    - **DANGER** <b>Table</b> cannot be replaced: its TableName is fixed to <code>FileMetadata-dev</code>, and the old resource still has that name<br>fix: change <code>TableName</code> in the same deployment, or remove it
    - **DANGER** <b>SshGroup</b> allows inbound tcp 22 from 0.0.0.0/0, which is everyone (was: tcp 22 from 203.0.113.7/32)<br>fix: allow only the address range that needs access
    - **DANGER** <b>Policy</b> now allows AWS:demo-dev-Role-1A2B3C to do s3:&#42; on every resource if Bool: aws:SecureTransport: "true"
    - **DANGER** <b>Child/Cache</b> is replaced: the old resource is deleted with its cache<br>fix: add <code>UpdateReplacePolicy: Retain</code> to keep the old resource

    </details>

    <details open><summary>Permissions in policies that change</summary>

    | | effect | action | resource | principal | condition |
    | --- | --- | --- | --- | --- | --- |
    | \- | Allow | dynamodb:PutItem | arn:aws:dynamodb:eu-west-1:123456789012:table/FileMetadata-dev | AWS:demo-dev-Role-1A2B3C |  |
    | \+ | Allow | dynamodb:DeleteItem<br>dynamodb:PutItem | &#42; | AWS:demo-dev-Role-1A2B3C |  |
    | \+ | Allow | s3:&#42; | &#42; | AWS:demo-dev-Role-1A2B3C | Bool: aws:SecureTransport: "true" |

    </details>

    <details><summary><code>~</code> <b>Alarm</b> AWS::CloudWatch::Alarm</summary>

    ```diff
    - Threshold: 1
    + Threshold: 5
    + AlarmActions[0]: arn:aws:sns:eu-west-1:123456789012:c
    ```

    </details>

    <details><summary><code>~</code> <b>Child</b> AWS::CloudFormation::Stack</summary>

    ```diff
    ! TemplateURL
    ```

    </details>

    <details><summary><code>~</code> <b>Handler</b> AWS::Lambda::Function</summary>

    ```diff
    - Code.S3Key: demo/handler/old.zip
    + Code.S3Key: demo/handler/new.zip
    - Environment.Variables.TABLE: FileMetadata-dev
    + Environment.Variables.TABLE: (known after apply)
    # because `Table` is replaced
    - MemorySize: 128
    + MemorySize: 256
    # because parameter `Memory` changed
    - Tags.0.Value: images
    + Tags.0.Value: media
    ```

    </details>

    <details><summary><code>~</code> <b>Instance</b> AWS::EC2::Instance, may be replaced</summary>

    ```diff
      UserData:
        #!/bin/bash
        set -eu
    -   dnf install -y jq
    +   dnf install -y jq python3
        echo ready
    # may force replacement
    ```

    </details>

    <details><summary><code>↺</code> <b>Logs</b> AWS::Logs::LogGroup, drift is reverted</summary>

    ```diff
    - RetentionInDays: 7
    + RetentionInDays: 30
    # because the live value has drifted
    ```

    </details>

    <code>&lt;-</code> <b>Old</b> AWS::S3::Bucket, is imported

    <details><summary><code>~</code> <b>Policy</b> AWS::IAM::Policy</summary>

    ```diff
      PolicyDocument.Statement[1]:
    +   Effect: Allow
    +   Action: s3:*
    +   Resource: "*"
    +   Condition:
    +     Bool:
    +       aws:SecureTransport: "true"
    + PolicyDocument.Statement[Table].Action[1]: dynamodb:DeleteItem
    - PolicyDocument.Statement[Table].Resource: arn:aws:dynamodb:eu-west-1:123456789012:table/FileMetadata-dev
    + PolicyDocument.Statement[Table].Resource: *
    ```

    </details>

    <code>-</code> <b>Queue</b> AWS::SQS::Queue

    <details><summary><code>~</code> <b>SshGroup</b> AWS::EC2::SecurityGroup</summary>

    ```diff
      SecurityGroupIngress[tcp 22 0.0.0.0/0]:
    +   IpProtocol: tcp
    +   FromPort: 22
    +   ToPort: 22
    +   CidrIp: 0.0.0.0/0
    ```

    </details>

    <code>+</code> <b>Subscription</b> AWS::SNS::Subscription

    <details open><summary><code>-/+</code> <b>Table</b> AWS::DynamoDB::Table, is replaced, policy ReplaceAndDelete</summary>

    ```diff
    - KeySchema[fileName].AttributeName: fileName
    + KeySchema[fileName].AttributeName: name
    # forces replacement
    - AttributeDefinitions[fileName].AttributeName: fileName
    + AttributeDefinitions[fileName].AttributeName: name
    ```

    </details>

    <details open><summary><code>-/+</code> <b>Child/Cache</b> AWS::ElastiCache::CacheCluster, is replaced, policy ReplaceAndDelete</summary>

    ```diff
    - Engine: memcached
    + Engine: redis
    # forces replacement
    ```

    </details>

    <code>+</code> <b>Child/Topic</b> AWS::SNS::Topic

    <details><summary>May change, depending on other resources (not counted)</summary>

    ```diff
    ? Topic AWS::SNS::Topic, because `Key.Arn` may change
    ```

    </details>

    <details><summary>Service checks</summary>

    ```diff
    ! `Bucket`: The bucket 'demo-data' is not empty. (BUCKET_EMPTINESS_VALIDATION) (stack.yaml.j2:2:3)
    ```

    </details>

    <details><summary>Code <b>handler</b>: <code>~</code> app.py</summary>

    ```diff
      def handler(event, context):
    -     return 1
    +     return 2
    ```

    </details>

    Code <b>handler</b>: <code>+</code> names.py (11 bytes)

    <details><summary>Outputs</summary>

    ```diff
    + HandlerName: ${Handler}
    ```

    </details>

    <details><summary>Tags</summary>

    ```diff
    + owner: media
    ```

    </details>

    <details><summary>Stack settings</summary>

    ```diff
    - termination_protection: false
    + termination_protection: true
    ```

    </details>
    --- exit 0
    "#);
}

#[test]
fn only_values_exceed_the_terminal_width() {
    for columns in [80, 120] {
        let (sandbox, _cloud) = full();
        let sandbox = sandbox.env("COLUMNS", &columns.to_string());
        let plan = sandbox.run(&["plan", "-v"]).expect_code(0);
        plan.expect_stdout("Plan: 2 to add, 7 to change");
        assert!(
            !plan.stdout.contains('\u{1b}'),
            "no colour in a pipe: {plan}"
        );
        // Values are never truncated: keys, ARNs, quoted texts. The summary is one line.
        let is_value = |line: &&str| {
            line.contains(".zip")
                || line.starts_with("Plan: ")
                || line.contains("arn:")
                || line.contains('"')
        };
        let lines = plan.stdout.lines().filter(|line| !is_value(line));
        let too_wide: Vec<_> = lines
            .filter(|line| line.chars().count() > columns)
            .collect();
        assert_eq!(too_wide, [""; 0], "at {columns} columns");
    }
}
