use indexmap::IndexMap;

use super::{Deployment, OutputEffect, output_effects};
use crate::cloudformation::change_set::{Action, Change, ChangeSet, Replacement};
use crate::cloudformation::stack::Output;
use crate::diagnostic::SourceFile;
use crate::plan::predict::{Side, predict};
use crate::template::Template;

fn template(text: &str) -> Template {
    Template::parse(&SourceFile::new("t", text)).unwrap_or_else(|found| panic!("{found:?}\n{text}"))
}

fn values(pairs: &[(&str, &str)]) -> IndexMap<String, String> {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// Returns an effect in one line: name, effect, values, the new name, cause.
fn line(effect: &OutputEffect) -> String {
    let mut line = format!("{} {}", effect.name, effect.as_str());
    let value = |value: &Option<String>| value.as_deref().unwrap_or("?").to_owned();
    line.push_str(&format!(
        " {} > {}",
        value(&effect.before),
        value(&effect.after)
    ));
    if let Some(renamed) = &effect.renamed {
        line.push_str(&format!(" = {renamed}"));
    }
    let cause = effect.cause.as_deref();
    line + &cause.map_or_else(String::new, |cause| format!(": {cause}"))
}

/// A deployed output: name, value, and the export, if it has one.
type Actual<'a> = (&'a str, &'a str, &'a str);

fn deployed(actual: &[Actual<'_>]) -> Vec<Output> {
    let outputs = actual.iter().map(|(name, value, export)| Output {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
        description: None,
        export: (!export.is_empty()).then(|| (*export).to_owned()),
    });
    outputs.collect()
}

/// Returns the effects of a deployment with these changes: on the outputs, then on the exports.
fn lines_of(
    [before, after]: [&str; 2],
    [then, now]: [&[(&str, &str)]; 2],
    actual: &[Actual<'_>],
    set: &ChangeSet,
) -> Vec<String> {
    let (before, after) = (template(before), template(after));
    let (then, now) = (values(then), values(now));
    let outputs = deployed(actual);
    let effects = output_effects(&Deployment {
        before: Some(Side::new(&before, &then)),
        outputs: Some(&outputs),
        after: Side::new(&after, &now),
        change_set: Some(set),
    });
    let exports = effects
        .exports
        .iter()
        .map(|it| format!("export {}", line(it)));
    effects.outputs.iter().map(line).chain(exports).collect()
}

/// As [`lines_of`], with the changes that are predicted.
fn lines(
    [before, after]: [&str; 2],
    [then, now]: [&[(&str, &str)]; 2],
    actual: &[Actual<'_>],
) -> Vec<String> {
    let (old, new) = (template(before), template(after));
    let sides = [values(then), values(now)];
    let changes = predict(Some(Side::new(&old, &sides[0])), Side::new(&new, &sides[1]));
    let set = ChangeSet {
        changes,
        ..ChangeSet::default()
    };
    lines_of([before, after], [then, now], actual, &set)
}

fn modify(logical_id: &str, kind: &str, replacement: Option<Replacement>) -> Change {
    Change {
        logical_id: logical_id.to_owned(),
        resource_type: kind.to_owned(),
        replacement,
        scope: vec!["Properties".to_owned()],
        ..Change::default()
    }
}

const PARAMETERS: &str = "
Parameters:
  Env: {Type: String, Default: dev}
  Secret: {Type: String, NoEcho: true, Default: s}
  Image: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /image}
Mappings:
  Sizes: {dev: {Size: small}, prod: {Size: large}}
Conditions:
  Prod: !Equals [!Ref Env, prod]
  Hidden: !Equals [!Ref Secret, x]
Resources:
  Vpc: {Type: 'AWS::EC2::VPC', Properties: {CidrBlock: 10.0.0.0/16}}
  Fn: {Type: 'AWS::Lambda::Function', Properties: {Code: {ZipFile: a}}}
Outputs:
";

/// Returns the effects if only a parameter or only the value of the output `X` changes.
fn value(old: &str, new: &str, actual: &str, now: &[(&str, &str)]) -> String {
    let [before, after] = [old, new].map(|it| format!("{PARAMETERS}  X: {{Value: {it}}}\n"));
    lines(
        [&before, &after],
        [&[("Secret", "****")], now],
        &[("X", actual, "")],
    )
    .join("\n")
}

#[test]
fn known_values_are_compared_with_the_deployed_ones() {
    let prod = [("Env", "prod"), ("Secret", "****")];
    for (expression, actual, expected) in [
        (
            "!Ref Env",
            "dev",
            "X changed dev > prod: the parameter `Env` changes",
        ),
        (
            "!Sub 'a-${Env}'",
            "a-dev",
            "X changed a-dev > a-prod: the parameter `Env` changes",
        ),
        (
            "!Join ['-', [a, !Ref Env]]",
            "a-dev",
            "X changed a-dev > a-prod: the parameter `Env` changes",
        ),
        (
            "!FindInMap [Sizes, !Ref Env, Size]",
            "small",
            "X changed small > large: the parameter `Env` changes",
        ),
        (
            "!If [Prod, yes it is, no]",
            "false",
            "X changed false > yes it is: the parameter `Env` changes",
        ),
        (
            "!If [Prod, !Ref 'AWS::NoValue', a]",
            "a",
            "X removed a > ?: its value is `AWS::NoValue`",
        ),
        (
            "!If [Prod, !Ref Vpc, a]",
            "a",
            "X may-change a > ?: its definition changes",
        ),
        ("literal", "literal", "X unchanged literal > literal"),
        (
            "!Sub '${Env}-${Vpc}'",
            "dev-vpc-1",
            "X may-change dev-vpc-1 > ?: its definition changes",
        ),
    ] {
        assert_eq!(
            value(expression, expression, actual, &prod),
            expected,
            "{expression}"
        );
    }
}

#[test]
fn an_edited_definition_may_still_have_the_same_value() {
    let same = [("Secret", "****")];
    for (old, new, actual, expected) in [
        ("a", "b", "a", "X changed a > b: its definition changes"),
        ("a", "!Sub a", "a", "X unchanged a > a"),
        // The definition is another one, and the value is the same.
        ("!Ref Vpc", "vpc-1", "vpc-1", "X unchanged vpc-1 > vpc-1"),
        (
            "!Ref Vpc",
            "!Sub '${Vpc}'",
            "vpc-1",
            "X unchanged vpc-1 > vpc-1",
        ),
        (
            "!Ref Vpc",
            "!Ref Fn",
            "vpc-1",
            "X may-change vpc-1 > ?: its definition changes",
        ),
        (
            "!Ref Vpc",
            "vpc-2",
            "vpc-1",
            "X changed vpc-1 > vpc-2: its definition changes",
        ),
        (
            "a",
            "a",
            "z",
            "X changed z > a: the deployed value is not that of the template",
        ),
        (
            "!Ref Secret",
            "!Ref Secret",
            "****",
            "X may-change **** > ?: the value of the parameter `Secret` is not known",
        ),
        (
            "!If [Hidden, a, b]",
            "!If [Hidden, a, b]",
            "b",
            "X may-change b > ?: the value of the parameter `Secret` is not known",
        ),
        (
            "!Ref Image",
            "!Ref Image",
            "ami-1",
            "X may-change ami-1 > ?: the parameter `Image` is read from SSM again",
        ),
        (
            "'{{resolve:ssm:/a}}'",
            "'{{resolve:ssm:/a}}'",
            "v",
            "X may-change v > ?: it is a dynamic reference without a version",
        ),
        (
            "'{{resolve:ssm:/a:3}}'",
            "'{{resolve:ssm:/a:3}}'",
            "v",
            "X unchanged v > v",
        ),
        (
            "'{{resolve:ssm:/a:3}}'",
            "'{{resolve:ssm:/a:4}}'",
            "v",
            "X may-change v > ?: its definition changes",
        ),
        ("!ImportValue a", "!ImportValue a", "v", "X unchanged v > v"),
        (
            "{'Fn::Transform': {Name: M}}",
            "{'Fn::Transform': {Name: M}}",
            "v",
            "X may-change v > ?: `Fn::Transform` computes it",
        ),
        (
            "{'Fn::GetStackOutput': {StackName: s, OutputName: o}}",
            "{'Fn::GetStackOutput': {StackName: s, OutputName: o}}",
            "v",
            "X may-change v > ?: it uses the output of another stack",
        ),
        (
            "{Ref: !Sub 'V${Env}'}",
            "{Ref: !Sub 'V${Env}'}",
            "v",
            "X may-change v > ?: it refers to a computed name",
        ),
    ] {
        assert_eq!(value(old, new, actual, &same), expected, "{old} {new}");
    }
}

/// Returns the effect on an output with this value if these resources change.
fn used(expression: &str, changes: Vec<Change>) -> String {
    let text = format!("{PARAMETERS}  X: {{Value: {expression}}}\n");
    let set = ChangeSet {
        changes,
        ..ChangeSet::default()
    };
    let secret: &[(&str, &str)] = &[("Secret", "****")];
    let found = lines_of([&text, &text], [secret, secret], &[("X", "v", "")], &set);
    found.join("\n").replace("X may-change v > ?: ", "may: ")
}

#[test]
fn a_value_of_a_resource_may_change_with_the_resource() {
    const FN: &str = "AWS::Lambda::Function";
    const VPC: &str = "AWS::EC2::VPC";
    let replaced = |it| vec![modify("Vpc", VPC, it)];
    let in_place = || vec![modify("Fn", FN, Some(Replacement::False))];
    let action = |action| {
        vec![Change {
            action,
            ..modify("Vpc", VPC, None)
        }]
    };
    let tags = vec![Change {
        scope: vec!["Tags".to_owned()],
        ..modify("Fn", FN, Some(Replacement::False))
    }];
    for (expression, changes, expected) in [
        (
            "!Ref Vpc",
            replaced(Some(Replacement::True)),
            "may: `Vpc` is replaced",
        ),
        (
            "!GetAtt Vpc.CidrBlock",
            replaced(Some(Replacement::True)),
            "may: `Vpc` is replaced",
        ),
        (
            "!Sub 'a ${Vpc} b'",
            replaced(Some(Replacement::Conditional)),
            "may: `Vpc` may be replaced",
        ),
        (
            "!Join ['', [!Ref Vpc]]",
            replaced(None),
            "may: `Vpc` may be replaced",
        ),
        ("!Ref Vpc", action(Action::Add), "may: `Vpc` is created"),
        ("!Ref Vpc", action(Action::Dynamic), "may: `Vpc` may change"),
        ("!Ref Vpc", action(Action::Import), "may: `Vpc` is imported"),
        (
            "!Ref Vpc",
            action(Action::Unknown("New".to_owned())),
            "may: `Vpc` may change",
        ),
        (
            "!Ref Vpc",
            replaced(Some(Replacement::False)),
            "X unchanged v > v",
        ),
        ("!Ref Vpc", in_place(), "X unchanged v > v"),
        ("!Ref Fn", in_place(), "X unchanged v > v"),
        ("!GetAtt Fn.Arn", in_place(), "X unchanged v > v"),
        (
            "!GetAtt Fn.SnapStartResponse.ApplyOn",
            in_place(),
            "may: `Fn` is updated, so its `SnapStartResponse.ApplyOn` may change",
        ),
        (
            "!GetAtt Fn.SnapStartResponse.ApplyOn",
            tags,
            "X unchanged v > v",
        ),
        (
            "!Select [0, !Split ['-', !Ref Vpc]]",
            replaced(Some(Replacement::True)),
            "may: `Vpc` is replaced",
        ),
        (
            "!If [Hidden, !Ref Vpc, a]",
            replaced(Some(Replacement::True)),
            "may: `Vpc` is replaced",
        ),
    ] {
        assert_eq!(used(expression, changes), expected, "{expression}");
    }
    let custom = vec![modify("Vpc", "Custom::Thing", Some(Replacement::False))];
    assert_eq!(
        used("!Ref Vpc", custom.clone()),
        "may: the custom resource `Vpc` is updated"
    );
    assert_eq!(
        used("!GetAtt Vpc.Arn", custom),
        "may: `Vpc` is updated, so its `Arn` may change"
    );
    // The transform or the module creates what the template does not name.
    let version = vec![Change {
        action: Action::Add,
        ..modify("FooVersion1", "AWS::Lambda::Version", None)
    }];
    assert_eq!(
        used("!Ref Foo.Version", version),
        "may: `FooVersion1` changes"
    );
}

#[test]
fn outputs_are_added_removed_and_renamed() {
    let old = format!(
        "{PARAMETERS}  A: {{Value: !Ref Vpc}}\n  B: {{Value: b}}\n  C: {{Value: c, Condition: Prod}}\n  D: {{Value: d, Condition: Hidden}}\n"
    );
    let new = format!(
        "{PARAMETERS}  A2: {{Value: !Ref Vpc}}\n  N: {{Value: n}}\n  C: {{Value: c, Condition: Prod}}\n  D: {{Value: d, Condition: Hidden}}\n"
    );
    let actual = [("A", "vpc-1", ""), ("B", "b", ""), ("D", "d", "")];
    let found = lines(
        [&old, &new],
        [
            &[("Secret", "****")],
            &[("Env", "prod"), ("Secret", "****")],
        ],
        &actual,
    );
    insta::assert_snapshot!(found.join("\n"), @r"
    A2 added ? > ?: it is new
    N added ? > n: it is new
    C added ? > c: it is new
    D may-be-removed d > ?: the condition `Hidden` is not known before the deployment
    A removed vpc-1 > ? = A2: it is renamed to `A2`
    B removed b > ?: the template no longer has it
    ");
    let actual = [("A2", "v", ""), ("N", "n", ""), ("C", "c", "")];
    let back = lines([&new, &new], [&[("Env", "prod")], &[]], &actual);
    insta::assert_snapshot!(back.join("\n"), @r"
    A2 unchanged v > v
    N unchanged n > n
    C removed c > ?: the condition `Prod` does not hold
    ");
}

#[test]
fn exports_follow_their_names() {
    let outputs = |text: &str| format!("{PARAMETERS}{text}");
    let old = outputs(
        "  A: {Value: !Ref Vpc, Export: {Name: !Sub '${Env}-vpc'}}\n  B: {Value: b, Export: {Name: b}}\n  \
         C: {Value: c, Export: {Name: c}}\n  D: {Value: d, Export: {Name: d}}\n  E: {Value: !Ref Vpc, Export: {Name: e}}\n  \
         F: {Value: f, Export: {Name: !Sub 'f-${Secret}'}}\n",
    );
    let new = outputs(
        "  A: {Value: !Ref Vpc, Export: {Name: !Sub '${Env}-vpc'}}\n  B: {Value: b2, Export: {Name: b}}\n  \
         C: {Value: c}\n  D2: {Value: d, Export: {Name: d}}\n  E: {Value: !Ref Vpc, Export: {Name: e}}\n  \
         N: {Value: n, Export: {Name: n}}\n",
    );
    let actual = [
        ("A", "vpc-1", "dev-vpc"),
        ("B", "b", "b"),
        ("C", "c", "c"),
        ("D", "d", "d"),
        ("E", "vpc-1", "e"),
    ];
    let exports = |found: Vec<String>| {
        let found = found.into_iter().filter(|it| it.starts_with("export"));
        found.collect::<Vec<_>>().join("\n")
    };
    let found = lines([&old, &new], [&[], &[("Env", "prod")]], &actual);
    insta::assert_snapshot!(exports(found), @r"
    export dev-vpc removed vpc-1 > ? = prod-vpc: it is renamed to `prod-vpc`
    export b changed b > b2: its definition changes
    export c removed c > ?: the output `C` is no longer exported
    export e unchanged vpc-1 > vpc-1
    export d unchanged d > d
    export prod-vpc added ? > ?: it is new
    export n added ? > n: it is new
    ");
    let unknown = outputs("  A: {Value: !Ref Vpc, Export: {Name: !Sub 'x-${Secret}'}}\n");
    let secret = [("Secret", "****")];
    let found = lines([&old, &unknown], [&secret, &secret], &actual[..1]);
    insta::assert_snapshot!(exports(found), @"export dev-vpc may-be-removed vpc-1 > ?: the export name of `A` is not known before the deployment");
}

#[test]
fn a_macro_or_a_loop_makes_everything_possible() {
    let text = "Transform: [AWS::Serverless-2016-10-31]\nResources: {R: {Type: T}}\nOutputs: {X: {Value: a, Export: {Name: e}}}\n";
    let set = ChangeSet {
        changes: vec![modify("R", "T", Some(Replacement::True))],
        ..ChangeSet::default()
    };
    let actual = [("X", "a", "e"), ("Y", "y", "")];
    let of = |text: &str| lines_of([text, text], [&[], &[]], &actual, &set).join("\n");
    insta::assert_snapshot!(of(text), @r"
    X unchanged a > a
    Y removed y > ?: the template no longer has it
    export e unchanged a > a
    ");
    insta::assert_snapshot!(of(&text.replace("AWS::Serverless-2016-10-31", "Mine")), @r"
    X may-change a > ?: the macro `Mine` may change it
    Y may-be-removed y > ?: the macro `Mine` may remove it
    export e may-change a > ?: the macro `Mine` may change it
    ");
    let loops = text.replace("{X: ", "{'Fn::ForEach::L': [A, [b], {}], X: ");
    let includes = format!("{text}Fn::Transform: {{Name: AWS::Include}}\n");
    for text in [loops, includes] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(of(&text), @r"
            X unchanged a > a
            Y may-be-removed y > ?: a loop or a transform creates the outputs
            export e unchanged a > a
            ");
        }
    }
}

#[test]
fn outputs_of_nested_stacks_are_followed() {
    let text = "
Parameters: {Env: {Type: String, Default: dev}}
Resources:
  Nested: {Type: 'AWS::CloudFormation::Stack', Properties: {TemplateURL: u, Parameters: {Env: !Ref Env}}}
Outputs:
  A: {Value: !GetAtt Nested.Outputs.Vpc}
  B: {Value: !GetAtt Nested.Outputs.Name}
  C: {Value: !GetAtt Nested.Outputs.Missing}
  D: {Value: !GetAtt Nested.Outputs.Fixed}
";
    let nested = "
Parameters: {Env: {Type: String}}
Resources: {Vpc: {Type: 'AWS::EC2::VPC'}}
Outputs:
  Vpc: {Value: !Ref Vpc}
  Name: {Value: !Sub 'a-${Env}'}
  Fixed: {Value: x}
";
    let set = |template: Option<&str>, now: Vec<Change>| ChangeSet {
        changes: vec![Change {
            nested_change_set: Some("n".to_owned()),
            ..modify(
                "Nested",
                "AWS::CloudFormation::Stack",
                Some(Replacement::False),
            )
        }],
        nested: vec![ChangeSet {
            id: "n".to_owned(),
            changes: now,
            template: template.map(str::to_owned),
            deployed_template: template.map(str::to_owned),
            ..ChangeSet::default()
        }],
        ..ChangeSet::default()
    };
    let actual = [
        ("A", "vpc", ""),
        ("B", "a-dev", ""),
        ("C", "c", ""),
        ("D", "x", ""),
    ];
    let of = |now: &[(&str, &str)], set: &ChangeSet| {
        lines_of([text, text], [&[], now], &actual, set).join("\n")
    };
    let replaced = || vec![modify("Vpc", "AWS::EC2::VPC", Some(Replacement::True))];
    insta::assert_snapshot!(of(&[("Env", "prod")], &set(Some(nested), replaced())), @r"
    A may-change vpc > ?: the output `Vpc` of the nested stack `Nested`: `Vpc` is replaced
    B may-change a-dev > ?: the output `Name` of the nested stack `Nested`: the parameter `Env` changes
    C may-change c > ?: the nested stack `Nested` is updated
    D unchanged x > x
    ");
    insta::assert_snapshot!(of(&[], &set(Some(nested), Vec::new())), @r"
    A unchanged vpc > vpc
    B unchanged a-dev > a-dev
    C may-change c > ?: the nested stack `Nested` is updated
    D unchanged x > x
    ");
    insta::assert_snapshot!(of(&[], &set(None, Vec::new())), @r"
    A may-change vpc > ?: the nested stack `Nested` is updated
    B may-change a-dev > ?: the nested stack `Nested` is updated
    C may-change c > ?: the nested stack `Nested` is updated
    D may-change x > ?: the nested stack `Nested` is updated
    ");
}

#[test]
fn nothing_changes_without_a_deployment() {
    let text = format!("{PARAMETERS}  X: {{Value: !Ref Image, Export: {{Name: e}}}}\n");
    let template = template(&text);
    let none = IndexMap::new();
    let outputs = deployed(&[("X", "v", "e")]);
    let effects = output_effects(&Deployment {
        before: None,
        outputs: Some(&outputs),
        after: Side::new(&template, &none),
        change_set: None,
    });
    let lines: Vec<String> = effects
        .outputs
        .iter()
        .chain(&effects.exports)
        .map(line)
        .collect();
    assert_eq!(lines, ["X unchanged v > v", "e unchanged v > v"]);
    // The deployed template cannot be read.
    let set = ChangeSet::default();
    let effects = output_effects(&Deployment {
        before: None,
        outputs: Some(&outputs),
        after: Side::new(&template, &none),
        change_set: Some(&set),
    });
    assert_eq!(
        line(&effects.outputs[0]),
        "X may-change v > ?: its definition changes"
    );
    // A new stack.
    let effects = output_effects(&Deployment {
        before: None,
        outputs: Some(&[]),
        after: Side::new(&template, &none),
        change_set: Some(&set),
    });
    assert_eq!(line(&effects.outputs[0]), "X added ? > ?: it is new");
}
