#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use indexmap::IndexMap;
use insta::assert_snapshot;

use crate::error::Result;
use crate::template::Template;
use crate::template::node::{Node, Value};
use crate::template::render::tests::{located, project, show, try_render};
use crate::template::render::{RenderedTemplate, render};

const BUCKET: &str = "stackctl-artifacts-${AWS::AccountId}-${AWS::Region}";

/// Returns the rendered text with `BUCKET` in the place of the default bucket. Every text must be a
/// template in which the name stands in `Fn::Sub` only.
fn bucket(properties: &str) -> String {
    let rendered = in_resource(properties).unwrap_or_else(|error| {
        panic!(
            "{:?}",
            error.diagnostics().iter().map(show).collect::<String>()
        )
    });
    let template = Template::parse(rendered.source()).unwrap();
    assert_substituted(template.root());
    rendered.text()[PREFIX.len()..].replace(BUCKET, "BUCKET")
}

const PREFIX: &str = "Resources:\n  A:\n    Type: T\n    Properties:\n";

fn in_resource(properties: &str) -> Result<RenderedTemplate> {
    try_render(&format!("{PREFIX}{properties}"), &[])
}

fn assert_substituted(node: &Node) {
    if node.get("Fn::Sub").is_some() {
        return;
    }
    match &node.value {
        Value::Map(map) => {
            map.values()
                .for_each(|member| assert_substituted(&member.node));
        }
        Value::List(list) => list.iter().for_each(assert_substituted),
        _ => assert!(!node.contains_text("${AWS::AccountId}"), "{node:?}"),
    }
}

#[test]
fn the_default_bucket_is_a_plain_value_wherever_a_function_can_stand() {
    for (written, expected) in [
        (
            "      B: {{ artifact_bucket }}\n",
            "      B: !Sub 'BUCKET'\n",
        ),
        (
            "      B: \"{{ artifact_bucket }}\"\n",
            "      B: !Sub \"BUCKET\"\n",
        ),
        (
            "      B: '{{ artifact_bucket }}' # c\n",
            "      B: !Sub 'BUCKET' # c\n",
        ),
        (
            "      B: arn:aws:s3:::{{ artifact_bucket }}/it's\n",
            "      B: !Sub 'arn:aws:s3:::BUCKET/it''s'\n",
        ),
        (
            "      B: [{{ artifact_bucket }}, {C: {{ artifact_bucket }}}]\n",
            "      B: [!Sub 'BUCKET', {C: !Sub 'BUCKET'}]\n",
        ),
        (
            "      B: !Join ['', [s3, \"{{ artifact_bucket }}\", x]]\n",
            "      B: !Join ['', [s3, !Sub \"BUCKET\", x]]\n",
        ),
        (
            "      B: !If [C, {{ artifact_bucket }}, !Ref D]\n",
            "      B: !If [C, !Sub 'BUCKET', !Ref D]\n",
        ),
        (
            "      B:\n        Fn::Base64: |\n          cp s3://{{ artifact_bucket }} ${HOME} ${!X}\n      C: 1\n",
            "      B:\n        Fn::Base64: !Sub |\n          cp s3://BUCKET ${!HOME} ${!!X}\n      C: 1\n",
        ),
        (
            "      B: >- # why | not\n        a {{ artifact_bucket }}\n",
            "      B: !Sub >- # why | not\n        a BUCKET\n",
        ),
        (
            "      - - |2-\n          {{ artifact_bucket }}\n",
            "      - - !Sub |2-\n          BUCKET\n",
        ),
        (
            "      B: a {{ artifact_bucket }}\n        b\n",
            "      B: !Sub a BUCKET\n        b\n",
        ),
        (
            "      B: \"{{ artifact_bucket }}-${Env}\"\n",
            "      B: !Sub \"BUCKET-${!Env}\"\n",
        ),
        (
            "      B: !Sub \"{{ artifact_bucket }}\"\n",
            "      B: !Sub \"BUCKET\"\n",
        ),
        (
            "      B: !Sub ['${X}{{ artifact_bucket }}', {X: \"{{ artifact_bucket }}\"}]\n",
            "      B: !Sub ['${X}BUCKET', {X: !Sub \"BUCKET\"}]\n",
        ),
        (
            "      B: {{ '!Sub ' if '${' in artifact_bucket }}{{ artifact_bucket | tojson }}\n",
            "      B: !Sub \"BUCKET\"\n",
        ),
        (
            "      # {{ artifact_bucket }}\n      B: 1\n",
            "      # BUCKET\n      B: 1\n",
        ),
    ] {
        assert_eq!(bucket(written), expected, "{written}");
    }
}

#[test]
fn the_default_bucket_in_json_is_a_function_too() {
    let rendered = try_render(
        r#"{"Resources":{"A":{"Type":"T","Properties":{"B":"s3://{{ artifact_bucket }}/${x}"}}}}"#,
        &[],
    )
    .unwrap();
    assert_eq!(
        rendered.text().replace(BUCKET, "BUCKET"),
        r#"{"Resources":{"A":{"Type":"T","Properties":{"B":{"Fn::Sub": "s3://BUCKET/${!x}"}}}}}"#
    );
    assert_eq!(
        located(&rendered, "${!x}"),
        "templates/stack.yaml.j2:1:77 «${x}» -"
    );
}

#[test]
fn where_no_function_can_stand_the_default_bucket_is_an_error() {
    let failure = |text: &str| {
        let error = try_render(text, &[]).unwrap_err();
        error.diagnostics().iter().map(show).collect::<String>()
    };
    for text in [
        "Description: \"{{ artifact_bucket }}\"\n",
        "Parameters: {P: {Type: String, Default: \"{{ artifact_bucket }}\"}}\n",
        "Mappings: {M: {K: {V: \"{{ artifact_bucket }}\"}}}\n",
        "Resources: {\"{{ artifact_bucket }}\": {Type: T}}\n",
        "Resources: {A: {Type: \"{{ artifact_bucket }}\"}}\n",
        "Resources: {A: {Type: T, Properties: {\"x{{ artifact_bucket }}\": 1}}}\n",
        "Resources: {A: {Type: T, Properties: {B: !GetAtt \"{{ artifact_bucket }}.Arn\"}}}\n",
        "Outputs: {O: {Description: \"{{ artifact_bucket }}\", Value: 1}}\n",
    ] {
        assert!(failure(text).starts_with("artifact-bucket: "), "{text}");
    }
    assert_snapshot!(failure("Resources:\n  A: {Type: T}\nDescription: of {{ artifact_bucket }}\n"), @"
    artifact-bucket: `artifact_bucket` contains `${AWS::AccountId}`, and no `!Sub` can stand here to replace it
      templates/stack.yaml.j2:3:14 «of {{ artifact_bucket»
      help: set `artifact_bucket` in the manifest to the name of a bucket
    ");
    assert_snapshot!(
        failure(&format!("{PREFIX}      B: !Base64 \"x{{{{ artifact_bucket }}}}\"\n")),
        @r#"
    artifact-bucket: `artifact_bucket` needs `!Sub`, and `!Base64` is in its place
      templates/stack.yaml.j2:5:18 «"x{{ artifact_bucket }}"»
      help: write `Fn::Base64: !Sub …` instead of `!Base64 …`
    "#
    );
}

#[test]
fn places_behind_an_insertion_are_mapped() {
    let rendered =
        in_resource("      B: {{ artifact_bucket }}\n      C: '{{ vars.days }}'\n").unwrap();
    assert_eq!(
        located(&rendered, "30"),
        "templates/stack.yaml.j2:6:14 «vars.days» vars.days"
    );
    assert_eq!(
        located(&rendered, "!Sub 'stackctl"),
        "templates/stack.yaml.j2:5:13 «artifact_bucket» artifact_bucket"
    );
    let (_folder, template, mut settings) =
        project("Description: '{{ artifact_bucket }} ${x}'\n", &[]);
    settings.artifact_bucket = Some("mine".into());
    let rendered = render(&template, &settings, &IndexMap::new()).unwrap();
    assert_eq!(rendered.text(), "Description: 'mine ${x}'\n");
}
