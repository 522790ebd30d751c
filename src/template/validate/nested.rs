//! Checks what a template gives a nested template and reads from it.

use super::Checks;
use super::parameters::violation;
use crate::diagnostic::Diagnostic;
use crate::template::node::Node;
use crate::template::reference::{Reference, ReferenceKind};
use crate::template::{Resource, Template};

/// Returns the errors in the parameters that a nested stack gets, and in the references to its outputs.
///
/// `stack` is the nested stack in `parent`, and `child` is its template. Nothing is known of a child
/// that a macro of the account or an included file changes.
pub fn check_nested(parent: &Template, stack: &Resource<'_>, child: &Template) -> Vec<Diagnostic> {
    let mut checks = Checks::new(parent);
    let is_open = |name: &str| !name.starts_with("AWS::") || name == "AWS::Include";
    if child.transforms().any(is_open) {
        return checks.found;
    }
    check_parameters(&mut checks, stack, child);
    check_outputs(&mut checks, parent, stack, child);
    checks.found
}

fn check_parameters(checks: &mut Checks<'_>, stack: &Resource<'_>, child: &Template) {
    let properties = stack.properties().and_then(Node::as_map);
    let given = properties.and_then(|properties| properties.get("Parameters"));
    let values = given.and_then(|given| given.node.as_map());
    let is_computed = |key: &String| key.starts_with("Fn::") || key == "Ref";
    if given.is_some() && values.is_none_or(|values| values.keys().any(is_computed)) {
        return;
    }
    for (name, member) in values.into_iter().flatten() {
        let Some(parameter) = child.parameter(name) else {
            let text = format!("the nested template has no parameter `{name}`");
            let found = checks.error("unknown-parameter", text, &member.key_span);
            let names = child.parameters().map(|parameter| parameter.entry.name);
            checks.push(match checks.suggestion(name, names) {
                Some(suggestion) => found.help(suggestion),
                None => found,
            });
            continue;
        };
        let Some(value) = member.node.scalar() else {
            continue;
        };
        if let Some((message, node)) = violation(&parameter, &value) {
            let text = if parameter.no_echo() {
                format!("the value of the parameter `{name}` {message}")
            } else {
                format!("the value `{value}` of the parameter `{name}` {message}")
            };
            let found = checks.error("value-not-allowed", text, &member.node.span);
            let declared = super::place(child.source(), node.span.clone(), "declared here");
            checks.push(found.at(declared));
        }
    }
    for parameter in child.parameters() {
        let entry = parameter.entry;
        let is_given = values.is_some_and(|values| values.contains_key(entry.name));
        if !is_given && parameter.default().is_none() {
            let text = format!(
                "the nested stack `{}` gets no value for the parameter `{}`, which has no default",
                stack.logical_id(),
                entry.name
            );
            let span = given.map_or(stack.entry.name_span, |given| &given.key_span);
            let found = checks.error("missing-parameter", text, span);
            let declared = super::place(child.source(), entry.name_span.clone(), "declared here");
            checks.push(found.at(declared));
        }
    }
}

fn check_outputs(
    checks: &mut Checks<'_>,
    parent: &Template,
    stack: &Resource<'_>,
    child: &Template,
) {
    // A loop or an included file may add outputs.
    let outputs = child.section("Outputs");
    if outputs.is_some_and(|outputs| outputs.keys().any(|key| key.starts_with("Fn::"))) {
        return;
    }
    let is_of_stack = |reference: &Reference<'_>| {
        matches!(reference.kind, ReferenceKind::GetAtt | ReferenceKind::Sub)
            && reference.target == stack.logical_id()
    };
    for reference in parent.references().into_iter().filter(is_of_stack) {
        let output = reference
            .attribute
            .and_then(|it| it.strip_prefix("Outputs."));
        let Some(output) = output.filter(|name| !name.contains("${")) else {
            continue;
        };
        let mut names = child.outputs().map(|output| output.entry.name);
        if names.any(|name| name == output) {
            continue;
        }
        let text = format!("the nested template has no output `{output}`");
        let found = checks.error("unknown-output", text, &reference.span);
        let names = child.outputs().map(|output| output.entry.name);
        checks.push(match checks.suggestion(output, names) {
            Some(suggestion) => found.help(suggestion),
            None => found,
        });
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::check_nested;
    use crate::diagnostic::SourceFile;
    use crate::template::Template;

    const CHILD: &str = "Parameters:
  Size: { Type: Number, MaxValue: 3 }
  Name: { Type: String, Default: x }
Outputs:
  TopicArn: { Value: x }
";

    fn messages(child: &str, properties: &str, output: &str) -> Vec<String> {
        let parent = format!(
            "Resources:\n  N:\n    Type: AWS::CloudFormation::Stack\n    Properties: {{ TemplateURL: x{properties} }}\nOutputs:\n  A: {{ Value: {output} }}\n"
        );
        let parse = |text: &str| Template::parse(&SourceFile::new("t", text)).unwrap();
        let (parent, child) = (parse(&parent), parse(child));
        let stack = parent.resource("N").unwrap();
        let found = check_nested(&parent, &stack, &child).into_iter();
        found
            .map(|it| {
                let place = &it.places[0];
                let at = place.source.text.get(place.span.clone()).unwrap();
                format!("{at}: {}", it.message)
            })
            .collect()
    }

    #[test]
    fn parameters_and_outputs_have_to_fit_the_nested_template() {
        for (properties, output, expected) in [
            (
                ", Parameters: { Size: 2 }",
                "!GetAtt N.Outputs.TopicArn",
                &[][..],
            ),
            (
                ", Parameters: { Size: !Ref X, Name: y }",
                "!GetAtt N.Arn",
                &[],
            ),
            (", Parameters: !Ref X", "x", &[]),
            (
                "",
                "x",
                &[
                    "N: the nested stack `N` gets no value for the parameter `Size`, which has no default",
                ],
            ),
            (
                ", Parameters: { Siez: 2, Size: 4 }",
                "!Sub '${N.Outputs.TopicArm}'",
                &[
                    "Siez: the nested template has no parameter `Siez`",
                    "4: the value `4` of the parameter `Size` is more than 3",
                    "N: the nested template has no output `TopicArm`",
                ],
            ),
        ] {
            assert_eq!(
                messages(CHILD, properties, output),
                expected,
                "{properties}"
            );
        }
        let of_macro = format!("Transform: Mine\n{CHILD}");
        assert!(messages(&of_macro, "", "!GetAtt N.Outputs.X").is_empty());
    }
}
