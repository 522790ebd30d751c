use super::{Moves, obstacles, rename, renamed};
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::template::Template;

fn parse(text: &str) -> Template {
    let parsed = Template::parse_deployed(&SourceFile::new("t", text));
    parsed.unwrap_or_else(|found| panic!("{found:?}\n{text}"))
}

fn moves(pairs: &[(&str, &str)]) -> Moves {
    let pairs = pairs.iter();
    pairs
        .map(|(old, new)| ((*old).to_owned(), (*new).to_owned()))
        .collect()
}

/// Returns the findings as `rule:line`.
fn lines(found: &[Diagnostic]) -> Vec<String> {
    let line = |found: &Diagnostic| {
        let place = found.places.first();
        place.map_or(0, |place| place.source.position(place.span.start).0)
    };
    found
        .iter()
        .map(|found| format!("{}:{}", found.rule, line(found)))
        .collect()
}

fn text(template: &str, pairs: &[(&str, &str)]) -> Result<String, Vec<String>> {
    let made = rename(&parse(template), &moves(pairs));
    made.map(|it| it.text).map_err(|found| lines(&found))
}

/// A template, the new ids by the old ones, and the findings.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);

const YAML: &str = r#"# The bucket `Old` and who uses it.
Parameters: {Size: {Type: String}}
Conditions:
  Old: !Equals [!Ref Size, Old]
Mappings: {Old: {Old: {Old: Old}}}
Resources:
  Old: # Old
    Type: AWS::S3::Bucket
    Metadata: {Old: !Ref Old}
  OldBucket: { Type: T, DependsOn: Old }
  "User" : # a comment
    Type: T
    DependsOn:   [ 'Old', "OldBucket", Old ]
    Condition: Old
    Properties:
      Old: Old
      A: !Ref Old   # Old
      B: !Ref "Old"
      C: {Ref: 'Old'}
      D: !GetAtt Old.Arn
      E: !GetAtt "Old.Arn"
      F: !GetAtt [Old, Arn]
      G: {Fn::GetAtt: Old.Outputs.Old}
      H:
        Fn::GetAtt:
        - Old
        - Old
      I: !Sub "${Old}-${ Old }-${Old.Arn}-${!Old}-${OldBucket}-$Old-${AWS::Region}"
      J: !Sub
        - ${Old}/${Other}/${Size}
        - Other: !GetAtt
            - Old
            - Arn
          Size: ${Old}
      K: !Sub ["${Old}", {Old: x}]
      L: |
        text ${Old}
      M: !Sub |
        first ${Old}
          second ${Old.Arn}
      N: !If [Old, !Ref Old, !FindInMap [Old, Old, Old]]
      O: !Join ["", [!Ref Old, Fn::Base64: !Ref Old]]
      P: >-
        Old
Outputs:
  Old:
    Condition: Old
    Value: !GetAtt Old.Arn
    Export: {Name: !Sub '${AWS::StackName}-${Old}'}
"#;

#[test]
fn only_the_ids_of_resources_change_in_yaml() {
    let made = text(YAML, &[("Old", "Files")]).unwrap_or_default();
    let pairs: Vec<(&str, &str)> = YAML.lines().zip(made.lines()).collect();
    let changed = pairs.iter().filter(|(old, new)| old != new);
    let changed: Vec<&str> = changed.map(|(_, new)| *new).collect();
    insta::assert_snapshot!(changed.join("\n"), @r#"
      Files: # Old
        Metadata: {Old: !Ref Files}
      OldBucket: { Type: T, DependsOn: Files }
        DependsOn:   [ 'Files', "OldBucket", Files ]
          A: !Ref Files   # Old
          B: !Ref "Files"
          C: {Ref: 'Files'}
          D: !GetAtt Files.Arn
          E: !GetAtt "Files.Arn"
          F: !GetAtt [Files, Arn]
          G: {Fn::GetAtt: Files.Outputs.Old}
            - Files
          I: !Sub "${Files}-${ Files }-${Files.Arn}-${!Old}-${OldBucket}-$Old-${AWS::Region}"
            - ${Files}/${Other}/${Size}
                - Files
            first ${Files}
              second ${Files.Arn}
          N: !If [Old, !Ref Files, !FindInMap [Old, Old, Old]]
          O: !Join ["", [!Ref Files, Fn::Base64: !Ref Files]]
        Value: !GetAtt Files.Arn
        Export: {Name: !Sub '${AWS::StackName}-${Files}'}
    "#);
    assert_eq!(pairs.len(), YAML.lines().count());
    assert_eq!(text(&made, &[("Files", "Old")]), Ok(YAML.to_owned()));
}

#[test]
fn only_the_ids_of_resources_change_in_json() {
    let json = "{\n\t\"Resources\": {\"Old\":{\"Type\":\"T\"},\n\"B\":{\"Type\":\"T\",\"DependsOn\":[\"Old\"],\
        \"Properties\":{\"Old\":\"Old\",\"A\":{\"Ref\":\"Old\"},\"C\":{\"Fn::GetAtt\":[\"Old\",\"Arn\"]},\
        \"D\":{\"Fn::GetAtt\":\"Old.Arn\"},\"E\":{\"Fn::Sub\":\"\\u00fc\\n${Old}${!Old}\"},\
        \"F\":{\"Fn::Sub\":[\"${Old.Arn}${X}\",{\"X\":{\"Ref\":\"Old\"}}]}}}},\n  \
        \"Outputs\":{\"Old\":{\"Value\":{\"Ref\":\"Old\"}}}}\n";
    let made = text(json, &[("Old", "No")]).unwrap_or_default();
    let expected = json
        .replace("\"Old\":{\"Type\"", "\"No\":{\"Type\"")
        .replace("[\"Old\"", "[\"No\"")
        .replace("{\"Ref\":\"Old\"}", "{\"Ref\":\"No\"}")
        .replace("\"Old.Arn\"", "\"No.Arn\"")
        .replace("${Old", "${No");
    assert_eq!(made, expected);
    assert_eq!(text(&made, &[("No", "Old")]), Ok(json.to_owned()));
}

#[test]
fn several_ids_change_at_once_and_words_of_yaml_get_quotes() {
    let yaml = "Resources:\n  A: {Type: T, P: !Ref B}\n  B: {Type: T}\n  C:\n    Type: T\n    \
        DependsOn: [A, B]\n    P: !Sub '${A}${B}'\n    Q: !GetAtt A.X\n    R: !GetAtt [A, X]\n";
    assert_eq!(
        text(yaml, &[("A", "Yes"), ("B", "123")]).as_deref(),
        Ok(
            "Resources:\n  \"Yes\": {Type: T, P: !Ref \"123\"}\n  \"123\": {Type: T}\n  C:\n    Type: T\n    \
            DependsOn: [\"Yes\", \"123\"]\n    P: !Sub '${Yes}${123}'\n    Q: !GetAtt Yes.X\n    \
            R: !GetAtt [\"Yes\", X]\n"
        )
    );
    // Two ids can be exchanged in the text.
    assert_eq!(
        text(yaml, &[("A", "B"), ("B", "A")]).as_deref(),
        Ok(
            "Resources:\n  B: {Type: T, P: !Ref A}\n  A: {Type: T}\n  C:\n    Type: T\n    \
            DependsOn: [B, A]\n    P: !Sub '${B}${A}'\n    Q: !GetAtt B.X\n    R: !GetAtt [B, X]\n"
        )
    );
}

#[test]
fn what_refactoring_does_not_accept_is_found_with_its_line() {
    let cases: [Case<'_>; 13] = [
        (
            "Resources:\n  A: {Type: T}\n",
            &[("B", "C")],
            &["rename-unknown:1"],
        ),
        (
            "Resources:\n  A: {Type: T}\n  B: {Type: T}\n",
            &[("A", "B")],
            &["rename-taken:3"],
        ),
        (
            "Parameters:\n  B: {Type: String}\nResources:\n  A: {Type: T}\n",
            &[("A", "B")],
            &["rename-taken:2"],
        ),
        (
            "Resources:\n  A:\n    Type: T\n    P: !Sub '${AWS::Region}-${AWS::StackName}'\n",
            &[("A", "B")],
            &["rename-pseudo-parameter:4"],
        ),
        (
            "Resources:\n  A:\n    Type: T\n    P: !Ref AWS::StackId\n    Q: !Ref AWS::NotificationARNs\n",
            &[("A", "B")],
            &["rename-pseudo-parameter:4", "rename-pseudo-parameter:5"],
        ),
        // Another resource may read them, and a moved one may read those that stacks share.
        (
            "Resources:\n  A: {Type: T, P: !Ref AWS::AccountId}\n  B: {Type: T, P: !Ref AWS::StackName}\n",
            &[("A", "C")],
            &[],
        ),
        (
            "Transform: AWS::Serverless-2016-10-31\nResources:\n  A: {Type: T}\n",
            &[("A", "B")],
            &["rename-transform:1"],
        ),
        (
            "Resources:\n  A: {Type: T}\n  B:\n    Type: T\n    Properties:\n      Fn::Transform: {Name: M}\n",
            &[("A", "C")],
            &["rename-transform:6"],
        ),
        (
            "Resources:\n  A: {Type: T}\n  Fn::ForEach::L:\n    - X\n    - [P, Q]\n    - R${X}: {Type: T}\n",
            &[("A", "C")],
            &["rename-transform:3"],
        ),
        (
            "Resources:\n  A: {Type: T}\n  B: {Type: T, P: !Ref \"\\u0041\"}\n",
            &[("A", "C")],
            &["rename-reference:3"],
        ),
        (
            "Resources:\n  A: {Type: T}\n  B: {Type: T, P: !Sub \"${A\\u0041} ${A}\"}\n  AA: {Type: T}\n",
            &[("A", "C")],
            &["rename-reference:1"],
        ),
        (
            "Resources:\n  A: {Type: T}\n  B: {Type: T, P: !Ref A}\n  A: {Type: U}\n",
            &[("A", "C")],
            &["rename-reference:2"],
        ),
        (
            "Resources:\n  123: {Type: T}\n  B:\n    Type: T\n    P: {Ref: 123}\n",
            &[("123", "C")],
            &["rename-reference:5"],
        ),
    ];
    for (template, pairs, expected) in cases {
        let found = text(template, pairs).err().unwrap_or_default();
        assert_eq!(found, expected, "{template}");
    }
}

#[test]
fn a_template_with_transforms_is_renamed_only_to_compare_it() {
    let template = parse("Transform: M\nResources:\n  A: {Type: T, P: !Ref AWS::StackName}\n");
    let moves = moves(&[("A", "B")]);
    assert_eq!(obstacles(&template, &moves).len(), 2);
    assert!(rename(&template, &moves).is_err());
    let text = renamed(&template, &moves).map(|it| it.text);
    let expected = "Transform: M\nResources:\n  B: {Type: T, P: !Ref AWS::StackName}\n";
    assert_eq!(text.as_deref(), Ok(expected));
}

#[test]
fn an_id_inside_another_language_is_noted_at_its_line() {
    let template = "Resources:\n  A: {Type: T}\n  B:\n    Type: T\n    Properties:\n      \
        Name: A\n      Script: |\n        cfn-signal --resource A\n        echo A\n      \
        Document: '{\"Resource\": \"A\"}'\n      Machine: 'call ${A.Arn}'\n      \
        Sub: !Sub 'run ${A} -r Apple'\n      Prose: the A team\n";
    let notes = rename(&parse(template), &moves(&[("A", "LongerName")])).map(|it| it.notes);
    let notes = notes.map(|notes| lines(&notes));
    let expected = ["rename-text:8", "rename-text:10", "rename-text:11"];
    assert_eq!(notes, Ok(expected.map(str::to_owned).to_vec()));
}
