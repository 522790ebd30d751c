#![expect(
    clippy::unwrap_used,
    clippy::too_many_lines,
    reason = "a table of templates is long, and a test stops at the first surprise"
)]

mod combinations;

use indexmap::IndexMap;

use super::{Decision, Facts, Wanted, decide};
use crate::cloudformation::change_set::{Action, Change, Detail, Replacement};
use crate::cloudformation::function::{LiveCode, LiveFunction};
use crate::diagnostic::SourceFile;
use crate::plan::predict::{Side, predict};
use crate::template::Template;

/// A stack with two functions whose code is an artifact. `{one}` and `{two}` are the keys.
const STACK: &str = r#"
Resources:
  One:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: one
      Timeout: 3
      Role: !GetAtt Role.Arn
      Code: { S3Bucket: !Sub "artifacts-${AWS::AccountId}", S3Key: {one} }
  Two:
    Type: AWS::Lambda::Function
    Properties:
      Role: !GetAtt Role.Arn
      Code: { S3Bucket: artifacts, S3Key: {two} }
  Role:
    Type: AWS::IAM::Role
    Properties: { AssumeRolePolicyDocument: {}, Description: a role }
  Table:
    Type: AWS::DynamoDB::Table
    Properties: { BillingMode: PAY_PER_REQUEST }
  Permission:
    Type: AWS::Lambda::Permission
    Properties: { FunctionName: !GetAtt One.Arn, Action: lambda:InvokeFunction }
  Topic:
    Type: AWS::SNS::Topic
    Properties: { DisplayName: hello }
"#;

/// What a test says of a stack.
struct Case {
    before: String,
    after: String,
    processed: Option<String>,
    live: IndexMap<String, LiveFunction>,
}

impl Case {
    /// A stack of which nothing differs but the code of the functions. Each function runs the deployed code.
    fn new(template: &str) -> Self {
        let keys = |template: &str, version: &str| {
            let one = format!("demo/one/{version}.zip");
            let two = format!("demo/two/{version}.zip");
            template.replace("{one}", &one).replace("{two}", &two)
        };
        let live = ["One", "Two"].map(|id| (id.to_owned(), function(id, "old")));
        Self {
            before: keys(template, "old"),
            after: keys(template, "new"),
            processed: None,
            live: live.into_iter().collect(),
        }
    }

    /// The same with another text in the files.
    fn edit(mut self, old: &str, new: &str) -> Self {
        assert!(self.after.contains(old), "{old}");
        self.after = self.after.replacen(old, new, 1);
        self
    }

    fn live(mut self, id: &str, change: impl FnOnce(&mut LiveCode)) -> Self {
        change(self.live[id].code.as_mut().unwrap());
        self
    }

    fn decide(&self) -> Decision {
        self.with_changes(None)
    }

    fn with_changes(&self, changes: Option<&[Change]>) -> Decision {
        let (before, after) = (template(&self.before), template(&self.after));
        let values = IndexMap::from([("AWS::AccountId".to_owned(), "1".to_owned())]);
        let (before, after) = (Side::new(&before, &values), Side::new(&after, &values));
        let predicted = predict(Some(before), after);
        let processed = self.processed.as_deref().map(template);
        let is_plain = !before.template.has_transforms();
        let wanted: Vec<Wanted> = [("One", "one"), ("Two", "two")]
            .into_iter()
            .filter_map(|(id, artifact)| {
                let resource = after.template.resource(id)?;
                let code = after.template.function_code(resource)?;
                let versions = ["old", "new"].into_iter();
                let mut versions = versions.map(|it| (it, format!("demo/{artifact}/{it}.zip")));
                let (version, key) = versions.find(|(_, key)| code.contains_text(key))?;
                Some(Wanted {
                    logical_id: id.to_owned(),
                    key,
                    sha256: version.to_owned(),
                })
            })
            .collect();
        decide(&Facts {
            changes: changes.unwrap_or(&predicted),
            before,
            after,
            processed: processed.as_ref().or(is_plain.then_some(before.template)),
            live: &self.live,
            wanted: &wanted,
            protected_types: &["AWS::SSM::*".to_owned()],
            rest: &[],
        })
    }
}

fn function(id: &str, sha256: &str) -> LiveFunction {
    LiveFunction {
        name: id.to_lowercase(),
        code: Some(LiveCode {
            sha256: sha256.to_owned(),
            ..LiveCode::default()
        }),
    }
}

fn template(text: &str) -> Template {
    Template::parse(&SourceFile::new("t", text)).unwrap_or_else(|found| panic!("{found:?}\n{text}"))
}

/// Adds resources to the deployed template and to the files.
fn with(resources: &str) -> Case {
    Case::new(&format!("{STACK}{resources}"))
}

fn lines(decision: &Decision) -> String {
    format!(
        "{} | {}",
        decision.functions.join(" "),
        decision.others.join("; ")
    )
}

#[test]
fn functions_of_which_only_the_code_changes_are_swapped() {
    let both = Case::new(STACK);
    assert_eq!(lines(&both.decide()), "One Two | ");
    let one = Case::new(STACK).edit("demo/two/new.zip", "demo/two/old.zip");
    assert_eq!(lines(&one.decide()), "One | ");
    // The edit was undone: the template is the deployed one, and the function is not.
    let undone = Case::new(STACK)
        .edit("demo/one/new.zip", "demo/one/old.zip")
        .edit("demo/two/new.zip", "demo/two/old.zip")
        .live("Two", |code| code.sha256 = "new".to_owned());
    assert_eq!(lines(&undone.decide()), "Two | ");
    let done = Case::new(STACK)
        .live("One", |code| code.sha256 = "new".to_owned())
        .live("Two", |code| code.sha256 = "new".to_owned());
    assert_eq!(lines(&done.decide()), " | ");
}

#[test]
fn other_changes_need_a_deployment() {
    let cases = [
        (
            "Timeout: 3",
            "Timeout: 4",
            "Two | `One` needs a deployment: its `Timeout` changes too",
        ),
        (
            "Timeout: 3",
            "Layers: [a]",
            "Two | `One` needs a deployment: its `Timeout`, `Layers` change too",
        ),
        (
            "FunctionName: one",
            "FunctionName: eins",
            "no code is sent: `Permission` (AWS::Lambda::Permission) changes, and permissions are \
             deployed by CloudFormation alone",
        ),
        (
            "      FunctionName: one",
            "      FunctionName: one\n      Environment: { Variables: { A: b } }",
            "Two | `One` needs a deployment: its `Environment` changes too",
        ),
        (
            "  Two:\n    Type: AWS::Lambda::Function\n",
            "  Two:\n    Type: AWS::Lambda::Function\n    Metadata: { a: b }\n",
            "One | `Two` needs a deployment: its `Metadata` changes too",
        ),
        (
            "S3Bucket: artifacts,",
            "S3Bucket: others,",
            "One | `Two` needs a deployment: more of its code changes than the key of an artifact",
        ),
        (
            "DisplayName: hello",
            "DisplayName: bye",
            "One Two | `Topic` needs a deployment: the AWS::SNS::Topic changes",
        ),
        (
            "  Topic:",
            "  Second: { Type: AWS::SNS::Topic }\n  Topic:",
            "One Two | `Second` needs a deployment: the AWS::SNS::Topic is added",
        ),
        (
            "  Topic:\n    Type: AWS::SNS::Topic\n    Properties: { DisplayName: hello }\n",
            "",
            "One Two | `Topic` needs a deployment: the AWS::SNS::Topic is removed",
        ),
    ];
    for (old, new, expected) in cases {
        let found = Case::new(STACK).edit(old, new).decide();
        assert!(
            lines(&found).ends_with(expected),
            "{new}: {}",
            lines(&found)
        );
    }
}

#[test]
fn nothing_is_swapped_while_permissions_data_or_the_unknown_change() {
    let permissions = "permissions are deployed by CloudFormation alone";
    let data = "what stores data is deployed by CloudFormation alone";
    let unknown = "what changes in it is not known";
    let cases = [
        (
            "Description: a role",
            "Description: other",
            "`Role` (AWS::IAM::Role)",
            permissions,
        ),
        (
            "Action: lambda:InvokeFunction",
            "Action: '*'",
            "`Permission`",
            permissions,
        ),
        (
            "Role: !GetAtt Role.Arn",
            "Role: arn",
            "`One` (AWS::Lambda::Function)",
            permissions,
        ),
        (
            "PAY_PER_REQUEST",
            "PROVISIONED",
            "`Table` (AWS::DynamoDB::Table)",
            data,
        ),
        (
            "  Topic:",
            "  New: { Type: AWS::SQS::QueuePolicy }\n  Topic:",
            "`New` (AWS::SQS::QueuePolicy)",
            permissions,
        ),
        (
            "  Topic:",
            "  New: { Type: AWS::SSM::Parameter }\n  Topic:",
            "`New`",
            data,
        ),
        (
            "  Topic:",
            "  New: { Type: AWS::CloudFormation::Stack }\n  Topic:",
            "`New` (AWS::CloudFormation::Stack)",
            unknown,
        ),
        (
            "  Topic:",
            "  New: { Type: My::Own::Thing::MODULE }\n  Topic:",
            "`New`",
            unknown,
        ),
        (
            "  Topic:",
            "  New: { Type: AWS::EC2::SecurityGroupIngress }\n  Topic:",
            "`New`",
            permissions,
        ),
        (
            "  Topic:",
            "  Fn::ForEach::X: [A, [b], {}]\n  Topic:",
            "`Fn::ForEach::X`",
            "can compare",
        ),
        (
            "  Topic:\n    Type: AWS::SNS::Topic\n",
            "  Topic:\n    Type: AWS::SNS::Topic\n    Connectors: {}\n",
            "`Topic.Connectors`",
            "can compare",
        ),
        (
            "Resources:",
            "Hooks: {}\nResources:",
            "`Hooks`",
            "can compare",
        ),
        (
            "Resources:",
            "Transform: Mine\nResources:",
            "the macro `Mine`",
            "is not known",
        ),
        (
            "DisplayName: hello",
            "Fn::Transform: { Name: Mine }",
            "the macro `Mine`",
            "is not known",
        ),
    ];
    for (old, new, what, why) in cases {
        let found = Case::new(STACK).edit(old, new).decide();
        let [reason] = found.others.as_slice() else {
            panic!("{new}: {found:?}");
        };
        assert!(found.functions.is_empty(), "{new}: {found:?}");
        assert!(reason.starts_with("no code is sent: "), "{reason}");
        assert!(
            reason.contains(what) && reason.contains(why),
            "{new}: {reason}"
        );
    }
}

#[test]
fn functions_with_versions_are_not_swapped() {
    let version = "is a version of it";
    let cases = [
        (
            "  V:\n    Type: AWS::Lambda::Version\n    Properties: { FunctionName: !Ref One }\n",
            "One",
            version,
        ),
        (
            "  V:\n    Type: AWS::Lambda::Version\n    Properties: { FunctionName: !GetAtt Two.Arn }\n",
            "Two",
            version,
        ),
        (
            "  V:\n    Type: AWS::Lambda::Version\n    Properties: { FunctionName: one }\n",
            "One",
            version,
        ),
        (
            "  V:\n    Type: AWS::Lambda::Version\n    Properties: { FunctionName: !Sub '${One}' }\n",
            "One",
            version,
        ),
        (
            "  V:\n    Type: AWS::Lambda::Version\n    Properties: { FunctionName: !Sub '${Two.Arn}' }\n",
            "Two",
            version,
        ),
        // The name that CloudFormation made is known from the stack.
        (
            "  V:\n    Type: AWS::Lambda::Version\n    Properties: { FunctionName: two }\n",
            "Two",
            version,
        ),
        (
            "  V:\n    Type: AWS::Lambda::Alias\n    Properties: { FunctionName: !Sub 'arn:aws:lambda:eu-west-1:${AWS::AccountId}:function:one' }\n",
            "One",
            "is an alias of it",
        ),
        (
            "  V:\n    Type: AWS::Lambda::Alias\n    Properties: { FunctionName: !Join [':', [arn:aws:lambda:eu-west-1:1:function, !Ref Two]] }\n",
            "Two",
            "is an alias of it",
        ),
        (
            "  V:\n    Type: AWS::ApplicationAutoScaling::ScalableTarget\n    Properties: { ResourceId: !Sub 'function:${One}:live' }\n",
            "One",
            "scales its provisioned concurrency",
        ),
        (
            "  V:\n    Type: AWS::ApplicationAutoScaling::ScalableTarget\n    Properties: { ResourceId: 'function:one:live' }\n",
            "One",
            "scales its provisioned concurrency",
        ),
    ];
    for (resources, id, why) in cases {
        let found = with(resources).decide();
        let expected = format!("`{id}` needs a deployment: `V` {why}");
        assert_eq!(found.others, [expected], "{resources}");
        assert_eq!(found.functions.len(), 1, "{resources}");
    }
    // Whose version it is, nobody knows.
    let imported =
        "  V:\n    Type: AWS::Lambda::Version\n    Properties: { FunctionName: !ImportValue x }\n";
    let found = with(imported).decide();
    assert_eq!(
        (found.functions.len(), found.others.len()),
        (0, 2),
        "{found:?}"
    );
    let others = [
        "  V:\n    Type: AWS::Lambda::Version\n    Properties: { FunctionName: three }\n",
        "  V:\n    Type: AWS::Lambda::Version\n    Properties: { FunctionName: 'arn:aws:lambda:eu-west-1:1:function:three:7' }\n",
        "  V:\n    Type: AWS::ApplicationAutoScaling::ScalableTarget\n    Properties: { ResourceId: !Sub 'table/${Table}' }\n",
        "  V:\n    Type: AWS::ApplicationAutoScaling::ScalableTarget\n    Properties: { ResourceId: 'table/one' }\n",
    ];
    for resources in others {
        assert_eq!(
            lines(&with(resources).decide()),
            "One Two | ",
            "{resources}"
        );
    }
}

#[test]
fn the_processed_template_counts() {
    let sam = STACK.replace(
        "Resources:",
        "Transform: AWS::Serverless-2016-10-31\nResources:",
    );
    let unread = Case::new(&sam).decide();
    assert_eq!(
        (unread.functions.len(), unread.others.len()),
        (0, 2),
        "{unread:?}"
    );
    let mut read = Case::new(&sam);
    read.processed = Some(
        read.before
            .replace("Transform: AWS::Serverless-2016-10-31\n", ""),
    );
    assert_eq!(lines(&read.decide()), "One Two | ");
    let alias = "  OneAliaslive:\n    Type: AWS::Lambda::Alias\n    Properties: { FunctionName: !Ref One }\n";
    read.processed = read.processed.map(|it| it + alias);
    let expected = "Two | `One` needs a deployment: `OneAliaslive` is an alias of it";
    assert_eq!(lines(&read.decide()), expected);
}

#[test]
fn sam_functions_are_compared_with_their_globals() {
    let sam = r"
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: { Timeout: 3 }
Resources:
  One:
    Type: AWS::Serverless::Function
    Properties: { CodeUri: { Bucket: artifacts, Key: {one} } }
  Two:
    Type: AWS::Serverless::Function
    Properties: { CodeUri: { Bucket: artifacts, Key: {two} }, Handler: a.b }
";
    let case = |old: &str, new: &str| {
        let mut case = Case::new(sam).edit(old, new);
        case.processed = Some("Resources: { X: { Type: AWS::SNS::Topic } }".to_owned());
        lines(&case.decide())
    };
    assert_eq!(case("Timeout: 3", "Timeout: 3"), "One Two | ");
    assert_eq!(
        case("Handler: a.b", "Handler: a.c"),
        "One | `Two` needs a deployment: its `Handler` changes too"
    );
    let both = case("Timeout: 3", "Timeout: 4");
    assert!(
        both.starts_with(" | `One` needs a deployment: its `Timeout` changes too"),
        "{both}"
    );
    let policies = case("Handler: a.b", "Policies: AmazonS3FullAccess");
    assert!(policies.contains("no code is sent: `Two`"), "{policies}");
    let events = case("Handler: a.b", "Events: { E: { Type: Schedule } }");
    assert!(events.contains("permissions are deployed"), "{events}");
    for property in [
        "AutoPublishAlias: live",
        "DeploymentPreference: { Type: AllAtOnce }",
    ] {
        let published = Case::new(&sam.replace("Timeout: 3", property));
        let found = published.decide();
        assert_eq!(
            (found.functions.len(), found.others.len()),
            (0, 2),
            "{found:?}"
        );
    }
}

#[test]
fn signed_code_images_and_other_code_are_not_swapped() {
    let signed = Case::new(STACK).live("One", |code| code.is_signed = true);
    assert_eq!(
        lines(&signed.decide()),
        "Two | `One` needs a deployment: its code is signed"
    );
    let image = Case::new(STACK).live("One", |code| code.is_image = true);
    let expected = "Two | `One` needs a deployment: its code is a container image";
    assert_eq!(lines(&image.decide()), expected);
    let mut unread = Case::new(STACK);
    unread.live["One"].code = None;
    assert!(lines(&unread.decide()).starts_with("Two | `One` needs a deployment: its live code"));
    let inside = |property: &str| {
        let text = STACK.replace("FunctionName: one", property);
        lines(&Case::new(&text).decide())
    };
    assert!(inside("CodeSigningConfigArn: !Ref Topic").contains("must be signed"));
    assert_eq!(
        inside("CodeSigningConfigArn: !Ref AWS::NoValue"),
        "One Two | "
    );
    assert!(inside("PackageType: Image").contains("a container image"));
    assert_eq!(inside("PackageType: Zip"), "One Two | ");
    assert!(inside("CapacityProviderConfig: {}").contains("capacity provider"));
    let stored = STACK.replace(
        "S3Key: {one} }",
        "S3Key: {one}, S3ObjectStorageMode: REFERENCE }",
    );
    let found = lines(&Case::new(&stored).decide());
    assert!(
        found.contains("`One` needs a deployment: its code is more than"),
        "{found}"
    );
}

#[test]
fn a_change_set_says_the_same() {
    let change = |path: Option<&str>, name: &str| Change {
        logical_id: "One".to_owned(),
        resource_type: "AWS::Lambda::Function".to_owned(),
        replacement: Some(Replacement::False),
        scope: vec!["Properties".to_owned()],
        details: vec![Detail {
            attribute: Some("Properties".to_owned()),
            name: Some(name.to_owned()),
            path: path.map(str::to_owned),
            evaluation: Some("Static".to_owned()),
            ..Detail::default()
        }],
        ..Change::default()
    };
    let dependent = Change {
        logical_id: "Permission".to_owned(),
        resource_type: "AWS::Lambda::Permission".to_owned(),
        action: Action::Dynamic,
        details: vec![Detail {
            evaluation: Some("Dynamic".to_owned()),
            causing_entity: Some("One.Arn".to_owned()),
            ..Detail::default()
        }],
        ..Change::default()
    };
    let case = Case::new(STACK).edit("demo/two/new.zip", "demo/two/old.zip");
    let of = |changes: &[Change]| lines(&case.with_changes(Some(changes)));
    assert_eq!(
        of(&[change(Some("/Properties/Code/S3Key"), "Code")]),
        "One | "
    );
    assert_eq!(of(&[change(None, "Code"), dependent.clone()]), "One | ");
    let other = "`One` needs a deployment: its `Layers` changes";
    assert_eq!(of(&[change(None, "Layers")]), format!(" | {other}"));
    assert!(of(&[dependent]).starts_with(" | no code is sent: `Permission`"));
    let unknown = Change {
        details: Vec::new(),
        ..change(None, "Code")
    };
    assert!(of(&[unknown]).contains("what changes in it is not known"));
    let replaced = Change {
        replacement: Some(Replacement::Conditional),
        ..change(None, "Code")
    };
    assert!(of(&[replaced]).starts_with(" | `One` needs"));
    let tagged = Change {
        scope: vec!["Properties".to_owned(), "Tags".to_owned()],
        ..change(None, "Code")
    };
    assert!(of(&[tagged]).starts_with(" | `One` needs"));
}
