//! Checks whether an output of one template can be the value of a parameter of another one.

use super::parameters::violation;
use crate::template::evaluate::{Evaluated, Evaluator};
use crate::template::node::{Node, Value};
use crate::template::{Output, Parameter, Template};

/// The types of parameters that take an identifier, the resource that it identifies, and the attribute that
/// has it besides `Ref`.
const IDENTIFIERS: [(&str, &str, &str); 7] = [
    ("AWS::EC2::Instance::Id", "AWS::EC2::Instance", "InstanceId"),
    ("AWS::EC2::KeyPair::KeyName", "AWS::EC2::KeyPair", ""),
    (
        "AWS::EC2::SecurityGroup::Id",
        "AWS::EC2::SecurityGroup",
        "GroupId",
    ),
    ("AWS::EC2::Subnet::Id", "AWS::EC2::Subnet", "SubnetId"),
    ("AWS::EC2::VPC::Id", "AWS::EC2::VPC", "VpcId"),
    ("AWS::EC2::Volume::Id", "AWS::EC2::Volume", "VolumeId"),
    (
        "AWS::Route53::HostedZone::Id",
        "AWS::Route53::HostedZone",
        "Id",
    ),
];

/// Why an output cannot be a value of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// What is wrong, completing a sentence that begins with the output.
    pub message: String,
    /// Whether it is certain.
    pub is_certain: bool,
}

/// Returns why an output cannot be the value of a parameter; `None` if it can be, as far as that is known
/// before anything is deployed. `evaluator` evaluates the template of the output.
pub fn misfit<'a>(
    output: &Output<'a>,
    evaluator: &Evaluator<'a>,
    parameter: &Parameter<'_>,
) -> Option<Misfit> {
    let certain = |message: String| {
        Some(Misfit {
            message,
            is_certain: true,
        })
    };
    if let Some(condition) = output.condition()
        && evaluator.condition(condition) == Some(false)
    {
        return certain(format!(
            "does not exist: its condition `{condition}` does not hold"
        ));
    }
    let value = output.value()?;
    let kind = parameter.kind()?;
    if let Evaluated::Scalar(text) = evaluator.value(value) {
        let (message, _) = violation(parameter, &text)?;
        return certain(if parameter.no_echo() {
            message
        } else {
            format!("is `{text}`, which {message}")
        });
    }
    let element = kind
        .strip_prefix("List<")
        .and_then(|it| it.strip_suffix('>'));
    let taken = element.unwrap_or(kind);
    let is_identifier = IDENTIFIERS.iter().any(|(kind, ..)| *kind == taken);
    if !is_identifier && taken != "Number" {
        return None;
    }
    if element.is_none() && joins_several(value) {
        return certain(format!("is a list, and the parameter is one `{taken}`"));
    }
    let (resource, identified) = identified(evaluator.template(), value)?;
    if identified == Some(taken) {
        return None;
    }
    Some(Misfit {
        message: format!(
            "identifies a resource of the type {resource}, and the parameter takes `{kind}`"
        ),
        is_certain: identified.is_some(),
    })
}

/// Returns whether a value is a list of at least two texts, joined with commas.
fn joins_several(value: &Node) -> bool {
    let Some(("Fn::Join", member)) = value.intrinsic() else {
        return false;
    };
    match member.node.as_list() {
        Some([delimiter, list]) => {
            delimiter.as_str().is_some_and(|it| it.contains(','))
                && matches!(&list.value, Value::List(items) if items.len() > 1)
        }
        _ => false,
    }
}

/// Returns the type of the resource that a value identifies, and the type of the parameters that take such a
/// value, if there is one. Returns `None` if the value may identify anything.
fn identified<'a>(template: &'a Template, value: &Node) -> Option<(&'a str, Option<&'static str>)> {
    let (function, member) = value.intrinsic()?;
    let kind_of = |id: &str| template.resource(id)?.kind();
    match function {
        "Ref" => {
            let kind = kind_of(member.node.as_str()?)?;
            let known = IDENTIFIERS
                .iter()
                .find(|(_, resource, _)| *resource == kind);
            // What a custom resource or a module returns is up to its author.
            let is_open = !kind.starts_with("AWS::") || kind.starts_with("AWS::CloudFormation::");
            (!is_open || known.is_some()).then(|| (kind, known.map(|(kind, ..)| *kind)))
        }
        "Fn::GetAtt" => {
            let (id, attribute) = match &member.node.value {
                Value::List(parts) => match parts.as_slice() {
                    [id, attribute] => (id.as_str()?, attribute.as_str()?),
                    _ => return None,
                },
                _ => member.node.as_str()?.split_once('.')?,
            };
            let kind = kind_of(id)?;
            let known = IDENTIFIERS
                .iter()
                .find(|(_, resource, has)| *resource == kind && *has == attribute)?;
            Some((kind, Some(known.0)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test")]

    use indexmap::IndexMap;

    use super::misfit;
    use crate::diagnostic::SourceFile;
    use crate::template::Template;
    use crate::template::evaluate::Evaluator;

    fn template(text: &str) -> Template {
        Template::parse(&SourceFile::new("t.yaml", text)).unwrap()
    }

    /// Returns what is wrong with an output of this value for a parameter of this declaration.
    fn found(value: &str, parameter: &str) -> String {
        let upstream = template(&format!(
            "Parameters:\n  Size: {{Type: String, Default: large}}\n  Secret: {{Type: String, NoEcho: true}}\n\
             Conditions: {{Never: !Equals [a, b], Maybe: !Equals [!Ref Secret, b]}}\n\
             Resources:\n  Vpc: {{Type: AWS::EC2::VPC}}\n  Net: {{Type: AWS::EC2::Subnet}}\n  \
             Topic: {{Type: AWS::SNS::Topic}}\n  Own: {{Type: Custom::Vpc}}\n\
             Outputs:\n  Out: {{Value: {value}}}\n"
        ));
        let values = IndexMap::from([("Secret".to_owned(), "****".to_owned())]);
        let evaluator = Evaluator::new(&upstream, &values);
        let reader = template(&format!(
            "Parameters:\n  P: {{{parameter}}}\nResources: {{T: {{Type: AWS::SNS::Topic}}}}\n"
        ));
        let output = upstream.outputs().next().unwrap();
        misfit(&output, &evaluator, &reader.parameter("P").unwrap()).map_or_else(
            String::new,
            |it| {
                format!(
                    "{}{}",
                    if it.is_certain { "" } else { "perhaps " },
                    it.message
                )
            },
        )
    }

    #[test]
    fn what_an_output_is_must_fit_the_parameter() {
        for (value, parameter, expected) in [
            ("!Ref Vpc", "Type: AWS::EC2::VPC::Id", ""),
            ("!GetAtt Vpc.VpcId", "Type: AWS::EC2::VPC::Id", ""),
            (
                "!GetAtt [Net, SubnetId]",
                "Type: AWS::EC2::VPC::Id",
                "identifies a resource of the type AWS::EC2::Subnet, and the parameter takes `AWS::EC2::VPC::Id`",
            ),
            ("!Ref Net", "Type: 'List<AWS::EC2::Subnet::Id>'", ""),
            (
                "!Join [',', [!Ref Net, !Ref Net]]",
                "Type: 'List<AWS::EC2::Subnet::Id>'",
                "",
            ),
            (
                "!Join [',', [!Ref Net, !Ref Net]]",
                "Type: AWS::EC2::Subnet::Id",
                "is a list, and the parameter is one `AWS::EC2::Subnet::Id`",
            ),
            (
                "!Join [',', [!Ref Net, !Ref Net]]",
                "Type: CommaDelimitedList",
                "",
            ),
            ("!Join [',', [!Ref Net, !Ref Net]]", "Type: String", ""),
            (
                "!Join ['-', [!Ref Net, !Ref Net]]",
                "Type: AWS::EC2::Subnet::Id",
                "",
            ),
            (
                "!Ref Net",
                "Type: 'List<AWS::EC2::VPC::Id>'",
                "identifies a resource of the type AWS::EC2::Subnet, and the parameter takes `List<AWS::EC2::VPC::Id>`",
            ),
            (
                "!Ref Topic",
                "Type: AWS::EC2::VPC::Id",
                "perhaps identifies a resource of the type AWS::SNS::Topic, and the parameter takes `AWS::EC2::VPC::Id`",
            ),
            (
                "!Ref Topic",
                "Type: Number",
                "perhaps identifies a resource of the type AWS::SNS::Topic, and the parameter takes `Number`",
            ),
            ("!Ref Topic", "Type: String", ""),
            ("!Ref Own", "Type: AWS::EC2::VPC::Id", ""),
            ("!GetAtt Topic.TopicName", "Type: Number", ""),
            ("!ImportValue x", "Type: Number", ""),
            (
                "!Ref Size",
                "Type: Number",
                "is `large`, which is not a number",
            ),
            (
                "!Sub '${Size}-1'",
                "Type: String, AllowedValues: [a, b]",
                "is `large-1`, which is not one of a, b",
            ),
            (
                "!Ref Size",
                "Type: String, NoEcho: true, MaxLength: 2",
                "has more than 2 characters",
            ),
            ("!Ref Secret", "Type: Number", ""),
            ("7", "Type: Number", ""),
            ("'1,2'", "Type: 'List<Number>'", ""),
            (
                "x}, Condition: Never, Export: {Name: y",
                "Type: String",
                "does not exist: its condition `Never` does not hold",
            ),
            ("x}, Condition: Maybe, Export: {Name: y", "Type: String", ""),
        ] {
            // A condition stands beside the value.
            let value = value
                .replace("}, Condition", ", Condition")
                .replace(", Export: {Name: y", "");
            assert_eq!(
                found(&value, parameter),
                expected,
                "{value} for {parameter}"
            );
        }
    }
}
