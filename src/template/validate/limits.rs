//! Checks CloudFormation's quotas: "Understand CloudFormation quotas" in the user guide.

use std::collections::HashSet;

use super::Checks;
use crate::diagnostic::Severity;
use crate::template::node::Value;
use crate::template::render::TEMPLATE_LIMIT;

/// The maximum number of entries in a section.
const SECTIONS: [(&str, usize); 4] = [
    ("Resources", 500),
    ("Parameters", 200),
    ("Outputs", 200),
    ("Mappings", 200),
];

/// The maximum number of attributes in a mapping.
const MAPPING_ATTRIBUTES: usize = 200;

/// The maximum length of a name, in characters.
const NAME: usize = 255;

/// The maximum length of the description, in bytes.
const DESCRIPTION: usize = 1_024;

/// The maximum number of dynamic references in a template.
const DYNAMIC_REFERENCES: usize = 60;

pub(super) fn check(checks: &mut Checks<'_>) {
    let template = checks.template;
    let bytes = template.source().text.len();
    if bytes > TEMPLATE_LIMIT {
        let text = format!("the template has {bytes} bytes; at most {TEMPLATE_LIMIT} are allowed");
        let found = checks.error("template-too-large", text, &(0..0));
        checks.push(found.help("move some resources to another stack"));
    }
    for (section, allowed) in SECTIONS {
        let Some(map) = template.section(section) else {
            continue;
        };
        if let Some((_, first_too_many)) = map.get_index(allowed) {
            let text = format!(
                "`{section}` has {} entries; at most {allowed} are allowed",
                map.len()
            );
            let found = checks.error("too-many-entries", text, &first_too_many.key_span);
            checks.push(found.help("move some of them to another stack"));
        }
        for (name, member) in map {
            let length = name.chars().count();
            if length > NAME {
                let text = format!("the name has {length} characters; at most {NAME} are allowed");
                checks.push(checks.error("name-too-long", text, &member.key_span));
            }
        }
    }
    for mapping in template.mappings() {
        let attributes = mapping.node.as_map().map_or(0, indexmap::IndexMap::len);
        if attributes > MAPPING_ATTRIBUTES {
            let text = format!(
                "the mapping has {attributes} attributes; at most {MAPPING_ATTRIBUTES} are allowed"
            );
            checks.push(checks.error("too-many-entries", text, mapping.name_span));
        }
    }
    if let Some(node) = template.root().get("Description") {
        let length = node.as_str().map_or(0, str::len);
        if length > DESCRIPTION {
            let text =
                format!("the description has {length} bytes; at most {DESCRIPTION} are allowed");
            checks.push(checks.error("description-too-long", text, &node.span));
        }
    }
    dynamic_references(checks);
}

/// Checks the number of dynamic references that reach a resource. Those in mappings reach one only by
/// `Fn::FindInMap`, a few of them at a time.
fn dynamic_references(checks: &mut Checks<'_>) {
    let (mut count, mut different, mut first_too_many) = (0, HashSet::new(), None);
    for resource in checks.template.resources() {
        let Some(properties) = resource.properties() else {
            continue;
        };
        properties.visit(&mut |node| {
            let Value::String(text) = &node.value else {
                return;
            };
            for reference in text.split("{{resolve:").skip(1) {
                count += 1;
                different.insert(reference.split("}}").next().unwrap_or(reference));
                if count > DYNAMIC_REFERENCES {
                    first_too_many.get_or_insert(node);
                }
            }
        });
    }
    let Some(node) = first_too_many else { return };
    let text = format!(
        "the resources have {count} dynamic references; at most {DYNAMIC_REFERENCES} are allowed"
    );
    let mut found = checks.error("too-many-dynamic-references", text, &node.span);
    if different.len() <= DYNAMIC_REFERENCES {
        // It is not documented whether CloudFormation counts equal references once.
        found.severity = Severity::Warning;
    }
    checks.push(found.help("move some of the resources to another stack"));
}
