//! Checks what the sections `Conditions` and `Rules` may contain.
//!
//! CloudFormation evaluates both before it creates anything.

use super::Checks;
use crate::template::node::{Member, Node, Value};

/// The functions that CloudFormation cannot evaluate in a condition, and whether it certainly refuses
/// them: `Template error: Cannot use Fn::ImportValue in Conditions`.
const NOT_IN_CONDITIONS: [(&str, bool); 7] = [
    ("Fn::Base64", false),
    ("Fn::Cidr", false),
    ("Fn::GetAZs", false),
    ("Fn::GetAtt", true),
    ("Fn::GetStackOutput", false),
    ("Fn::If", false),
    ("Fn::ImportValue", true),
];

/// The functions that rules do not have, and whether CloudFormation certainly refuses them. The source
/// is "Rules section: rule-specific intrinsic functions" in the user guide.
const NOT_IN_RULES: [(&str, bool); 16] = [
    ("Condition", true),
    ("Fn::Base64", true),
    ("Fn::Cidr", true),
    ("Fn::FindInMap", false),
    ("Fn::GetAZs", true),
    ("Fn::GetAtt", true),
    ("Fn::GetStackOutput", true),
    ("Fn::If", true),
    ("Fn::ImportValue", true),
    ("Fn::Join", false),
    ("Fn::Length", false),
    ("Fn::Select", false),
    ("Fn::Split", false),
    ("Fn::Sub", false),
    ("Fn::ToJsonString", false),
    ("Fn::Transform", false),
];

pub(super) fn check(checks: &mut Checks<'_>) {
    for (section, forbidden) in [
        ("Conditions", NOT_IN_CONDITIONS.as_slice()),
        ("Rules", NOT_IN_RULES.as_slice()),
    ] {
        let entries = checks.template.section(section);
        for member in entries.into_iter().flat_map(indexmap::IndexMap::values) {
            walk(checks, section, forbidden, &member.node);
        }
    }
}

fn walk(checks: &mut Checks<'_>, section: &str, forbidden: &[(&str, bool)], node: &Node) {
    match &node.value {
        Value::List(list) => {
            for node in list {
                walk(checks, section, forbidden, node);
            }
        }
        Value::Map(map) => {
            for (key, member) in map {
                let found = forbidden.iter().find(|(name, _)| name == key);
                if let Some((_, certain)) = found.filter(|_| map.len() == 1) {
                    report(checks, section, key, *certain, member);
                }
                walk(checks, section, forbidden, &member.node);
            }
        }
        _ => {}
    }
}

fn report(checks: &mut Checks<'_>, section: &str, name: &str, certain: bool, member: &Member) {
    let text = format!("`{name}` is not allowed in the `{section}` section");
    let found = if certain {
        checks.mistake("function-not-allowed", text, &member.key_span)
    } else {
        checks.warning("function-not-allowed", text, &member.key_span)
    };
    checks.push(found.help(match (section, name) {
        ("Rules", "Condition") => "rules are evaluated before conditions: repeat the comparison here",
        ("Rules", _) => {
            "use `Fn::And`, `Fn::Or`, `Fn::Not`, `Fn::Equals`, `Fn::Contains`, `Fn::EachMemberEquals`, \
             `Fn::EachMemberIn`, `Fn::RefAll`, `Fn::ValueOf`, `Fn::ValueOfAll` and `Ref`"
        }
        _ => "conditions are evaluated before any resource exists: compare parameters",
    }));
}
