//! Warns of resource types, properties and attributes that do not exist, with the most similar name.
//!
//! The names come from the resource provider schemas. AWS adds types and properties every week, so an
//! unknown name is a warning, and only names that the schemas list completely are checked: maps with
//! free keys, policy documents and the types of other publishers are not. Missing and read-only
//! properties are not reported.

use std::collections::{BTreeSet, HashMap};

use super::Checks;
use super::similar_type::similar_type;
use crate::diagnostic::{Diagnostic, SHOWN};
use crate::template::node::{Map, Node, Value};
use crate::template::reference::ReferenceKind;
use crate::template::schema_table::names::{self, Level, Property, TypeNames};
use crate::util::suggest::quoted;

const UNKNOWN_TYPE: &str = "unknown-resource-type";
const UNKNOWN_PROPERTY: &str = "unknown-property";
const UNKNOWN_ATTRIBUTE: &str = "unknown-attribute";

/// The longest list of names in a message.
const LISTED: usize = 10;

/// The prefix of the types that the SAM transform replaces.
const SAM: &str = "AWS::Serverless::";

/// Returns whether a finding is one of these warnings.
pub(crate) fn is_unknown_name(finding: &Diagnostic) -> bool {
    [UNKNOWN_TYPE, UNKNOWN_PROPERTY, UNKNOWN_ATTRIBUTE].contains(&finding.rule.as_ref())
}

pub(super) fn check(checks: &mut Checks<'_>) {
    let template = checks.template;
    if checks.transforms.rewrites() {
        // A macro may replace any name, unlike the transforms of AWS.
        return;
    }
    let mut types = Types::default();
    if let Some(globals) = template.section("Globals") {
        self::globals(checks, globals);
    }
    if let Some(map) = template.section("Resources") {
        resources(checks, &mut types, map);
    }
    attributes(checks, &mut types);
}

/// The types of a template, each looked up once.
#[derive(Default)]
struct Types<'a> {
    known: HashMap<&'a str, Option<TypeNames>>,
    similar: HashMap<&'a str, Option<&'static str>>,
}

impl<'a> Types<'a> {
    fn get(&mut self, kind: &'a str) -> Option<&TypeNames> {
        let known = self.known.entry(kind);
        known.or_insert_with(|| names::of(kind)).as_ref()
    }

    /// Returns the most similar known type.
    fn similar(&mut self, kind: &'a str) -> Option<&'static str> {
        // Nobody reads a suggestion for each of hundreds of types.
        let is_shown = self.similar.len() < SHOWN;
        let similar = self.similar.entry(kind);
        *similar.or_insert_with(|| is_shown.then(|| similar_type(kind)).flatten())
    }
}

/// Checks the properties of SAM resources in the `Globals` section.
fn globals(checks: &mut Checks<'_>, globals: &Map) {
    for (name, member) in globals {
        let kind = format!("{SAM}{name}");
        if let Some(names) = names::of(&kind) {
            let mut path = Path::new("Globals");
            path.steps.push(name);
            properties(checks, names.properties(), &member.node, &mut path);
        } else if !name.starts_with("Fn::") {
            let text = format!("`Globals` has no section `{name}`");
            let found = checks.warning(UNKNOWN_PROPERTY, text, &member.key_span);
            let sections = names::types().filter_map(|kind| kind.strip_prefix(SAM));
            // The types come from a map without an order.
            let sections: BTreeSet<&str> = sections.collect();
            checks.push(match checks.suggestion(name, sections) {
                Some(suggestion) => found.help(suggestion),
                None => found,
            });
        }
    }
}

fn resources<'a>(checks: &mut Checks<'a>, types: &mut Types<'a>, map: &'a Map) {
    if map.contains_key("Fn::Transform") {
        return;
    }
    for (name, member) in map {
        if let Some(body) = loop_body(name, &member.node) {
            if let Some(map) = body.as_map() {
                resources(checks, types, map);
            }
        } else if !name.starts_with("Fn::") && member.node.get("Fn::Transform").is_none() {
            resource(checks, types, &member.node);
        }
    }
}

fn resource<'a>(checks: &mut Checks<'a>, types: &mut Types<'a>, node: &'a Node) {
    let Some(type_node) = node.get("Type") else {
        return;
    };
    let Some(kind) = type_node.as_str() else {
        return;
    };
    let Some(names) = types.get(kind) else {
        return unknown_type(checks, types, kind, type_node);
    };
    if let Some(node) = node.get("Properties") {
        properties(checks, names.properties(), node, &mut Path::new(kind));
    }
}

fn unknown_type<'a>(
    checks: &mut Checks<'a>,
    types: &mut Types<'a>,
    kind: &'a str,
    type_node: &Node,
) {
    // A name without `::` is an error of its own.
    if !kind.contains("::") || is_free(kind) {
        return;
    }
    let similar = types.similar(kind);
    if similar.is_none() && !kind.starts_with("AWS::") {
        return;
    }
    let text = format!("`{kind}` is not a known resource type");
    let found = checks.warning(UNKNOWN_TYPE, text, &type_node.span);
    let similar = similar.map(|similar| format!("did you mean `{similar}`?"));
    checks.push(found.help(similar.unwrap_or_else(|| newer(UNKNOWN_TYPE))));
}

/// Returns whether a type is a custom resource, a module, or computed.
fn is_free(kind: &str) -> bool {
    kind.starts_with("Custom::") || kind.ends_with("::MODULE") || is_computed(kind)
}

/// Returns whether a name contains a variable of a loop.
fn is_computed(name: &str) -> bool {
    name.contains("${") || name.contains("&{")
}

/// The place of a map in a resource, for messages.
struct Path<'a> {
    kind: &'a str,
    steps: Vec<&'a str>,
}

impl<'a> Path<'a> {
    fn new(kind: &'a str) -> Self {
        let steps = Vec::new();
        Self { kind, steps }
    }

    fn describe(&self) -> String {
        if self.steps.is_empty() {
            format!("`{}`", self.kind)
        } else {
            format!("`{}` of `{}`", self.steps.join("."), self.kind)
        }
    }
}

/// Checks the names in a map, or in the maps of a list.
fn properties<'n>(checks: &mut Checks<'_>, level: Level<'_>, node: &'n Node, path: &mut Path<'n>) {
    match &node.value {
        Value::List(list) => {
            for node in list {
                properties(checks, level, node, path);
            }
        }
        // A macro reads the map and may replace it.
        Value::Map(map) if !map.contains_key("Fn::Transform") => {
            if let Some(("Fn::If", branches)) = node.intrinsic() {
                for branch in branches.node.as_list().into_iter().flatten().skip(1) {
                    properties(checks, level, branch, path);
                }
            } else if map.len() > 1 || !map.contains_key("Ref") {
                members(checks, level, map, path);
            }
        }
        _ => {}
    }
}

fn members<'n>(checks: &mut Checks<'_>, level: Level<'_>, map: &'n Map, path: &mut Path<'n>) {
    for (name, member) in map {
        if let Some(body) = loop_body(name, &member.node) {
            properties(checks, level, body, path);
            continue;
        }
        if name.starts_with("Fn::") || is_computed(name) {
            continue;
        }
        match level.property(name) {
            Property::Known => {}
            Property::Nested(below) => {
                path.steps.push(name);
                properties(checks, below, &member.node, path);
                path.steps.pop();
            }
            Property::Unknown => {
                let text = format!("{} has no property `{name}`", path.describe());
                let found = checks.warning(UNKNOWN_PROPERTY, text, &member.key_span);
                let known: Vec<&str> = level.names().filter(|name| *name != "*").collect();
                let advice = checks
                    .suggestion(name, known.iter().copied())
                    .unwrap_or_else(|| {
                        if known.is_empty() || known.len() > LISTED {
                            newer(UNKNOWN_PROPERTY)
                        } else {
                            format!("the known properties are {}", quoted(known))
                        }
                    });
                checks.push(found.help(advice));
            }
        }
    }
}

/// Returns how to ignore a warning about a name that is newer than the schemas.
fn newer(rule: &str) -> String {
    format!("if the name is newer than stackctl, ignore it: `[lint] ignore = [\"{rule}\"]`")
}

/// Returns the body of an `Fn::ForEach` loop.
fn loop_body<'n>(name: &str, node: &'n Node) -> Option<&'n Node> {
    let body = |node: &'n Node| node.as_list()?.get(2);
    name.starts_with("Fn::ForEach::").then(|| body(node))?
}

fn attributes<'a>(checks: &mut Checks<'a>, types: &mut Types<'a>) {
    let template = checks.template;
    for reference in template.references() {
        let is_attribute = matches!(reference.kind, ReferenceKind::GetAtt | ReferenceKind::Sub);
        let Some(attribute) = reference.attribute.filter(|_| is_attribute) else {
            continue;
        };
        let resource = template.resource(reference.target);
        let Some(kind) = resource.and_then(|resource| resource.kind()) else {
            continue;
        };
        // The outputs of a nested stack have names of its own.
        let is_output = attribute.starts_with("Outputs.");
        if kind.starts_with(SAM) || is_output || is_computed(attribute) {
            continue;
        }
        let Some(names) = types.get(kind) else {
            continue;
        };
        // Some old schemas list no attributes.
        if names.attributes().next().is_none() || names.may_have_attribute(attribute) {
            continue;
        }
        let advice = checks.suggestion(attribute, names.attributes());
        let advice = advice.unwrap_or_else(|| newer(UNKNOWN_ATTRIBUTE));
        let text = format!("`{kind}` has no attribute `{attribute}`");
        let found = checks.warning(UNKNOWN_ATTRIBUTE, text, &reference.span);
        checks.push(found.help(advice));
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::SourceFile;
    use crate::template::Template;
    use crate::template::tests::show;
    use crate::template::validate::validate;
    use insta::assert_snapshot;

    fn check(text: &str) -> String {
        let template = Template::parse(&SourceFile::new("stack.yaml", text));
        template.map_or_else(|found| show(&found), |template| show(&validate(&template)))
    }

    /// Checks a resource with these properties.
    fn check_properties(kind: &str, properties: &str) -> String {
        check(&format!(
            "Transform: AWS::LanguageExtensions\nConditions: {{C: !Equals [a, b]}}\nResources:\n  R:\n    Type: {kind}\n    Properties: {properties}\n"
        ))
    }

    #[test]
    fn unknown_types_cause_a_warning() {
        assert_snapshot!(check(
            "Resources:\n  A: {Type: AWS::S3::Buckt}\n  B: {Type: 'aws::sns::topic'}\n  C: {Type: AWS::S3::Zebra}\n",
        ), @r#"
            unknown-resource-type: `AWS::S3::Buckt` is not a known resource type at 2:13 "AWS::S3::Buckt"
              help: did you mean `AWS::S3::Bucket`?
            unknown-resource-type: `aws::sns::topic` is not a known resource type at 3:13 "'aws::sns::topic'"
              help: did you mean `AWS::SNS::Topic`?
            unknown-resource-type: `AWS::S3::Zebra` is not a known resource type at 4:13 "AWS::S3::Zebra"
              help: if the name is newer than stackctl, ignore it: `[lint] ignore = ["unknown-resource-type"]`
            "#);
        assert_eq!(
            check(
                "Transform: AWS::LanguageExtensions\nResources:\n  A: {Type: Custom::Buckt}\n  B: {Type: AWS::CloudFormation::CustomResource, Properties: {ServiceToken: x, Y: z}}\n  C: {Type: Mine::S3::Bucket::MODULE, Properties: {X: y}}\n  D: {Type: Mongo::Atlas::Cluster, Properties: {X: y}}\n  Fn::ForEach::L: [X, [a], {'T${X}': {Type: 'AWS::${X}::Topic', Properties: {Y: z}}}]\n"
            ),
            ""
        );
    }

    #[test]
    fn unknown_properties_cause_a_warning_at_their_level() {
        assert_snapshot!(check_properties(
            "AWS::S3::Bucket",
            "\n      BucketNme: a\n      bucketName: b\n      Zebra: c\n      VersioningConfiguration: {Zebra: Enabled}\n      CorsConfiguration: {CorsRules: [{MaxAge: 1}, {MaxAges: 1}]}\n      Tags: {Key: a, Value: b}\n",
        ), @r#"
            unknown-property: `AWS::S3::Bucket` has no property `BucketNme` at 7:7 "BucketNme"
              help: did you mean `BucketName`?
            unknown-property: `AWS::S3::Bucket` has no property `bucketName` at 8:7 "bucketName"
              help: did you mean `BucketName`?
            unknown-property: `AWS::S3::Bucket` has no property `Zebra` at 9:7 "Zebra"
              help: if the name is newer than stackctl, ignore it: `[lint] ignore = ["unknown-property"]`
            unknown-property: `VersioningConfiguration` of `AWS::S3::Bucket` has no property `Zebra` at 10:33 "Zebra"
              help: the known properties are `Status`
            unknown-property: `CorsConfiguration.CorsRules` of `AWS::S3::Bucket` has no property `MaxAges` at 11:53 "MaxAges"
              help: did you mean `MaxAge`?
            "#);
        assert_snapshot!(check_properties(
            "AWS::S3::Bucket",
            "\n      VersioningConfiguration: !If [C, {Sttus: Enabled}, !If [C, {Status: Suspended}, !Ref AWS::NoValue]]\n      Tags: [!If [C, {Kee: a}, !Ref AWS::NoValue]]\n      Fn::ForEach::L: [X, [a], {BuketName: !Ref X, '${X}Name': y}]\n",
        ), @r#"
            unknown-property: `VersioningConfiguration` of `AWS::S3::Bucket` has no property `Sttus` at 7:41 "Sttus"
              help: did you mean `Status`?
            unknown-property: `Tags` of `AWS::S3::Bucket` has no property `Kee` at 8:23 "Kee"
              help: did you mean `Key`?
            unknown-property: `AWS::S3::Bucket` has no property `BuketName` at 9:33 "BuketName"
              help: did you mean `BucketName`?
            "#);
    }

    #[test]
    fn names_that_are_not_listed_completely_cause_no_warning() {
        for (kind, properties) in [
            (
                "AWS::IAM::Role",
                "{AssumeRolePolicyDocument: {Anything: x}, Policies: [{PolicyName: x, PolicyDocument: {Statment: x}}]}",
            ),
            (
                "AWS::Lambda::Function",
                "{Code: x, Environment: {Variables: {Anything: x}}}",
            ),
            (
                "AWS::S3::Bucket",
                "{Arn: x, VersioningConfiguration: !Sub '${AWS::Region}'}",
            ),
            ("AWS::S3::Bucket", "{Zebra: x, 'Fn::Transform': {Name: M}}"),
            (
                "AWS::S3::Bucket",
                "{VersioningConfiguration: {Zebra: x, 'Fn::Transform': {Name: M}}}",
            ),
            (
                "AWS::S3::Bucket",
                "{'Fn::Transform': {Name: AWS::Include, Parameters: {Location: x}}}",
            ),
            (
                "AWS::StepFunctions::StateMachine",
                "{RoleArn: x, Definition: {Statz: {}}, DefinitionSubstitutions: {Any: x}}",
            ),
            ("AWS::SSM::Document", "{Content: {any: x}}"),
            (
                "AWS::CloudFormation::Stack",
                "{TemplateURL: x, Parameters: {Any: x}}",
            ),
        ] {
            assert_eq!(
                check_properties(kind, properties),
                "",
                "{kind} {properties}"
            );
        }
    }

    #[test]
    fn the_names_of_sam_types_and_globals_are_known() {
        assert_snapshot!(check(
            "Transform: AWS::Serverless-2016-10-31\nGlobals: {Function: {Tmeout: 3, Runtime: python3.13}, Functon: {}}\nResources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUrl: .\n      Events: {Up: {Type: S3, Properties: {Bukket: x}}}\n",
        ), @r#"
            unknown-property: `Function` of `Globals` has no property `Tmeout` at 2:22 "Tmeout"
              help: did you mean `Timeout`?
            unknown-property: `Globals` has no section `Functon` at 2:55 "Functon"
              help: did you mean `Function`?
            unknown-property: `AWS::Serverless::Function` has no property `CodeUrl` at 7:7 "CodeUrl"
              help: did you mean `CodeUri`?
            unknown-property: `Events.Up.Properties` of `AWS::Serverless::Function` has no property `Bukket` at 8:44 "Bukket"
              help: did you mean `Bucket`?
            "#);
    }

    #[test]
    fn macros_may_replace_any_name() {
        for transform in [
            "Mine",
            "[AWS::Serverless-2016-10-31, Mine]",
            "{Name: Mine}",
            "!Ref X",
        ] {
            let text = format!(
                "Transform: {transform}\nParameters: {{X: {{Type: String}}}}\nResources: {{A: {{Type: AWS::S3::Buckt}}, B: {{Type: AWS::S3::Bucket, Properties: {{Zebra: x}}}}}}\n"
            );
            assert_eq!(check(&text), "", "{transform}");
        }
    }

    #[test]
    fn unknown_attributes_cause_a_warning() {
        assert_snapshot!(check(
            "Resources:\n  B: {Type: AWS::S3::Bucket}\n  D: {Type: AWS::RDS::DBInstance}\n  N: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: x}}\n  X: {Type: Custom::X}\nOutputs:\n  A: {Value: !GetAtt B.Arm}\n  B: {Value: !Sub 'x ${D.Endpoint.Adress}'}\n  C: {Value: !GetAtt B.Arn}\n  D: {Value: !GetAtt D.Endpoint.Address}\n  E: {Value: !GetAtt N.Outputs.Any}\n  F: {Value: !GetAtt X.Any}\n  G: {Value: !GetAtt B.BucketName}\n",
        ), @r#"
            unknown-attribute: `AWS::S3::Bucket` has no attribute `Arm` at 7:22 "B"
              help: did you mean `Arn`?
            unknown-attribute: `AWS::RDS::DBInstance` has no attribute `Endpoint.Adress` at 8:24 "D"
              help: did you mean `Endpoint.Address`?
            "#);
    }
}
