#![expect(clippy::unwrap_used, reason = "tests")]

use indexmap::IndexMap;

use super::{Literal, Outcome, Removal, retained, without};
use crate::diagnostic::SourceFile;
use crate::template::Template;
use crate::template::evaluate::{Evaluator, Use};

fn parse(text: &str) -> Template {
    Template::parse_deployed(&SourceFile::new("t", text)).unwrap()
}

/// Removes the resources `Table` and `Topic`. The value of everything but `StreamArn` is known.
fn removed(text: &str) -> Removal {
    let template = parse(text);
    let values = IndexMap::from([("Attribute".to_owned(), "Arn".to_owned())]);
    let evaluator = Evaluator::new(&template, &values);
    let value = |used: &Use| match used.attribute.as_deref() {
        None => Some(Literal::Text(format!("{}-1", used.resource.to_lowercase()))),
        Some("Arn") => Some(Literal::Text("arn:aws:x:::t/1".to_owned())),
        Some("Names") => Some(Literal::List(vec!["a".to_owned(), "b".to_owned()])),
        Some("Odd") => Some(Literal::Text("${x}: \"y\"\n#".to_owned())),
        Some(_) => None,
    };
    without(&evaluator, &["Table", "Topic"], &value)
}

fn summary(removal: &Removal, text: &str) -> String {
    let lines = removal.references.iter().map(|it| {
        let attribute = it.used.attribute.as_deref().map(|it| format!(".{it}"));
        let outcome = match &it.outcome {
            Outcome::Replaced(value) => value.written(),
            Outcome::Dropped => "dropped".to_owned(),
            Outcome::Unknown => "unknown".to_owned(),
        };
        format!(
            "{}/{} {}: {}{} = {outcome} `{}`\n",
            it.section,
            it.owner,
            it.path.join("/"),
            it.used.resource,
            attribute.unwrap_or_default(),
            text.get(it.span.clone()).unwrap()
        )
    });
    lines.collect()
}

const YAML: &str = r#"# the stack
Parameters:
  Attribute: { Type: String }
Resources:
  # the items
  # of the shop
  Table:
    Type: AWS::DynamoDB::Table # kept
    Properties:
      Tags: [{ Key: topic, Value: !Ref Topic }]

  # reads them
  Reader:
    Type: AWS::Lambda::Function
    DependsOn: [Table, Role, Topic]
    Metadata: { Of: !Ref Table }
    Properties:
      # the table
      Environment:
        Variables:
          TABLE: !Ref Table # its name
          ARN:
            Fn::GetAtt: [Table, Arn]
          LONG:
            Fn::GetAtt:
              - Table
              - Arn
          TEXT:
            Ref: Table
          COMPUTED: !GetAtt [Table, !Ref Attribute]
          OTHER: !Ref Role
          LIST: !Join [",", [!Ref Table, { Ref: Role }]]
      Code:
        ZipFile: !Sub |
          a = "${Table}" # ${!Table} ${Role} ${ Table.Arn }
          b = "${AWS::Region}"
      Description: !Sub
        - "${Table} and ${Own}"
        - Own: !GetAtt Table.Arn
          Table: !Ref Topic
      Names: !GetAtt Table.Names
  Role:
    Type: AWS::IAM::Role
    DependsOn:
      - Topic
      - Reader
    Properties:
      Policies:
      - Ref: Topic
      - !If [Never, !Ref Topic, Fn::Sub: "x-${Topic}"]
  Topic: { Type: AWS::SNS::Topic }
  Last:
    Type: T
    DependsOn: Table
Outputs:
  Name: { Value: !Ref Table, Export: { Name: !Sub "${Table}-x" } }
"#;

#[test]
fn references_become_values_and_the_rest_of_a_text_stays() {
    let removal = removed(YAML);
    insta::assert_snapshot!(removal.text, @r#"
    # the stack
    Parameters:
      Attribute: { Type: String }
    Resources:
      # reads them
      Reader:
        Type: AWS::Lambda::Function
        DependsOn: [Role]
        Metadata: { Of: "table-1" }
        Properties:
          # the table
          Environment:
            Variables:
              TABLE: "table-1" # its name
              ARN:
                "arn:aws:x:::t/1"
              LONG:
                "arn:aws:x:::t/1"
              TEXT:
                "table-1"
              COMPUTED: "arn:aws:x:::t/1"
              OTHER: !Ref Role
              LIST: !Join [",", ["table-1", { Ref: Role }]]
          Code:
            ZipFile: !Sub |
              a = "table-1" # ${!Table} ${Role} arn:aws:x:::t/1
              b = "${AWS::Region}"
          Description: !Sub
            - "${Table} and ${Own}"
            - Own: "arn:aws:x:::t/1"
              Table: "topic-1"
          Names: ["a", "b"]
      Role:
        Type: AWS::IAM::Role
        DependsOn:
          - Reader
        Properties:
          Policies:
          - "topic-1"
          - !If [Never, "topic-1", Fn::Sub: "x-topic-1"]
      Last:
        Type: T
    Outputs:
      Name: { Value: "table-1", Export: { Name: !Sub "table-1-x" } }
    "#);
    insta::assert_snapshot!(summary(&removal, YAML), @r#"
    Resources/Reader DependsOn: Table = dropped `Table`
    Resources/Reader DependsOn: Topic = dropped `Topic`
    Resources/Reader Metadata: Table = "table-1" `!Ref Table`
    Resources/Reader Properties/Environment: Table = "table-1" `!Ref Table`
    Resources/Reader Properties/Environment: Table.Arn = "arn:aws:x:::t/1" `Fn::GetAtt: [Table, Arn]`
    Resources/Reader Properties/Environment: Table.Arn = "arn:aws:x:::t/1" `Fn::GetAtt:
                  - Table
                  - Arn`
    Resources/Reader Properties/Environment: Table = "table-1" `Ref: Table`
    Resources/Reader Properties/Environment: Table.Arn = "arn:aws:x:::t/1" `!GetAtt [Table, !Ref Attribute]`
    Resources/Reader Properties/Environment: Table = "table-1" `!Ref Table`
    Resources/Reader Properties/Code: Table = "table-1" `${Table}`
    Resources/Reader Properties/Code: Table.Arn = "arn:aws:x:::t/1" `${ Table.Arn }`
    Resources/Reader Properties/Description: Table.Arn = "arn:aws:x:::t/1" `!GetAtt Table.Arn`
    Resources/Reader Properties/Description: Topic = "topic-1" `!Ref Topic`
    Resources/Reader Properties/Names: Table.Names = ["a", "b"] `!GetAtt Table.Names`
    Resources/Role DependsOn: Topic = dropped `Topic`
    Resources/Role Properties/Policies: Topic = "topic-1" `Ref: Topic`
    Resources/Role Properties/Policies: Topic = "topic-1" `!Ref Topic`
    Resources/Role Properties/Policies: Topic = "topic-1" `${Topic}`
    Resources/Last DependsOn: Table = dropped `Table`
    Outputs/Name : Table = "table-1" `!Ref Table`
    Outputs/Name : Table = "table-1" `${Table}`
    "#);
    assert_eq!(
        parse(&removal.text)
            .references()
            .iter()
            .filter(|it| it.target == "Table")
            .count(),
        0
    );
}

#[test]
fn json_keeps_its_layout() {
    let text = r#"{
  "Resources": {
    "Topic": {"Type": "AWS::SNS::Topic"},
    "Queue": {
      "Type": "AWS::SQS::Queue",
      "DependsOn": ["Other", "Topic", "Table"],
      "Properties": {"QueueName": {"Fn::Sub": "q-${Topic}"}, "A": {"Fn::GetAtt": "Table.Arn"}}
    },
    "Other": {"DependsOn": "Table", "Type": "T", "Properties": {"B": [{"Ref": "Table"}, {"Fn::GetAtt": ["Table", "Arn"]}]}},
    "Table": {
      "Type": "AWS::DynamoDB::Table"
    }
  }
}
"#;
    let removal = removed(text);
    insta::assert_snapshot!(removal.text, @r#"
    {
      "Resources": {
        "Queue": {
          "Type": "AWS::SQS::Queue",
          "DependsOn": ["Other"],
          "Properties": {"QueueName": {"Fn::Sub": "q-topic-1"}, "A": "arn:aws:x:::t/1"}
        },
        "Other": {"Type": "T", "Properties": {"B": ["table-1", "arn:aws:x:::t/1"]}}
      }
    }
    "#);
    assert!(
        !removal
            .references
            .iter()
            .any(|it| it.outcome == Outcome::Unknown)
    );
}

#[test]
fn unknown_values_stay_and_are_named() {
    let text = "Resources:\n  Table: {Type: T}\n  A: {Type: T, Properties: {S: !GetAtt Table.StreamArn, T: !Sub '${Table.Names}'}}\n";
    let removal = removed(text);
    insta::assert_snapshot!(summary(&removal, text), @"
    Resources/A Properties/S: Table.StreamArn = unknown `!GetAtt Table.StreamArn`
    Resources/A Properties/T: Table.Names = unknown `${Table.Names}`
    ");
}

#[test]
fn a_text_that_cannot_be_edited_is_written_as_yaml() {
    let text = "Resources:\n  Table: {Type: T}\n  A:\n    Type: T\n    Properties:\n      # gone\n      V: !Sub 'x ${Table.Odd}'\n      W: !GetAtt Table.Odd\n";
    let removal = removed(text);
    insta::assert_snapshot!(removal.text, @r#"
    Resources:
      A:
        Type: T
        Properties:
          V:
            Fn::Sub: |-
              x ${!x}: "y"
              #
          W: |-
            ${x}: "y"
            #
    "#);
}

#[test]
fn resources_in_loops_lose_their_references_too() {
    let text = "Transform: AWS::LanguageExtensions\nResources:\n  Table: {Type: T}\n  Fn::ForEach::L:\n    - N\n    - [a, b]\n    - A${N}:\n        Type: T\n        DependsOn: [Table]\n        Properties: {V: !Ref Table, W: !Ref N}\n";
    let removal = removed(text);
    insta::assert_snapshot!(removal.text, @r#"
    Transform: AWS::LanguageExtensions
    Resources:
      Fn::ForEach::L:
        - N
        - [a, b]
        - A${N}:
            Type: T
            Properties: {V: "table-1", W: !Ref N}
    "#);
}

#[test]
fn resources_are_retained_in_every_layout() {
    let shown = |text: &str, ids: &[&str]| {
        let template = parse(text);
        let out = retained(&template, ids);
        let again = parse(&out);
        for id in ids {
            let resource = again.resource(id).unwrap();
            for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
                let node = resource.attribute(policy).unwrap();
                assert_eq!(node.as_str(), Some("Retain"), "{out}");
            }
        }
        out
    };
    let yaml = "Resources:\n  A:\n    # its type\n    Type: T # t\n    Properties: {}\n  B: { Type: T }\n  C:\n    Type: T\n    DeletionPolicy: !If [X, Delete, Retain] # d\n  D:\n    Type: T\n    UpdateReplacePolicy:\n      Fn::If: [X, Delete, Retain]\n";
    insta::assert_snapshot!(shown(yaml, &["A", "B", "C", "D"]), @r#"
    Resources:
      A:
        # its type
        Type: T # t
        DeletionPolicy: Retain
        UpdateReplacePolicy: Retain
        Properties: {}
      B: { "DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain", Type: T }
      C:
        Type: T
        UpdateReplacePolicy: Retain
        DeletionPolicy: "Retain" # d
      D:
        Type: T
        DeletionPolicy: Retain
        UpdateReplacePolicy:
          "Retain"
    "#);
    let json = "{\n  \"Resources\": {\n    \"A\": {\n      \"Type\": \"T\",\n      \"Properties\": {}\n    },\n    \"B\": {\"Type\": \"T\"},\n    \"C\": {\"Type\": \"T\", \"DeletionPolicy\": \"Snapshot\"}\n  }\n}\n";
    insta::assert_snapshot!(shown(json, &["A", "B", "C"]), @r#"
    {
      "Resources": {
        "A": {
          "Type": "T",
          "DeletionPolicy": "Retain",
          "UpdateReplacePolicy": "Retain",
          "Properties": {}
        },
        "B": {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain", "Type": "T"},
        "C": {"Type": "T", "UpdateReplacePolicy": "Retain", "DeletionPolicy": "Retain"}
      }
    }
    "#);
    insta::assert_snapshot!(shown("Resources:\r\n  A:\r\n    Type: T\r\n    Properties: {}\r\n", &["A"]).replace('\r', "~"), @"
    Resources:~
      A:~
        Type: T~
        DeletionPolicy: Retain~
        UpdateReplacePolicy: Retain~
        Properties: {}~
    ");
    insta::assert_snapshot!(shown("Resources:\n  ? A\n  : ? Type\n    : T\n# gr\u{fc}n\n", &["A"]), @"
    Resources:
      A:
        Type: T
        DeletionPolicy: Retain
        UpdateReplacePolicy: Retain
    ");
}
