//! CloudFormation's quotas, from "Understand CloudFormation quotas" in its user guide.

use super::Checks;
use crate::template::any;

/// The longest template, in bytes, that a request can carry; a longer one goes through S3.
pub const INLINE_BODY: usize = 51_200;

/// The longest template, in bytes, that CloudFormation takes at all.
pub const BODY: usize = 1_048_576;

/// How many entries a section may have.
const SECTIONS: [(&str, usize); 4] = [
    ("Resources", 500),
    ("Parameters", 200),
    ("Outputs", 200),
    ("Mappings", 200),
];

/// How many attributes a mapping may have.
const MAPPING_ATTRIBUTES: usize = 200;

/// How many characters a name may have.
const NAME: usize = 255;

/// How many bytes the description may have.
const DESCRIPTION: usize = 1_024;

/// How many dynamic references a template may have.
const DYNAMIC_REFERENCES: usize = 60;

pub(super) fn check(checks: &mut Checks<'_>) {
    let template = checks.template;
    let bytes = template.source().text.len();
    if bytes > BODY {
        let text = format!("the template has {bytes} bytes, and {BODY} are allowed");
        let found = checks.error("template-too-large", text, &(0..0));
        checks.push(found.help("move some resources to a stack of their own"));
    }
    for (section, allowed) in SECTIONS {
        let Some(map) = template.section(section) else {
            continue;
        };
        if let Some((_, first_too_many)) = map.get_index(allowed) {
            let text = format!(
                "{} entries in `{section}`, and {allowed} are allowed",
                map.len()
            );
            let found = checks.error("too-many-entries", text, &first_too_many.key_span);
            checks.push(found.help("move some to a stack of their own"));
        }
        for (name, member) in map {
            let length = name.chars().count();
            if length > NAME {
                let text = format!("a name of {length} characters, and {NAME} are allowed");
                checks.push(checks.error("name-too-long", text, &member.key_span));
            }
        }
    }
    for mapping in template.mappings() {
        let attributes = mapping.node.as_map().map_or(0, indexmap::IndexMap::len);
        if attributes > MAPPING_ATTRIBUTES {
            let text = format!("{attributes} attributes, and {MAPPING_ATTRIBUTES} are allowed");
            checks.push(checks.error("too-many-entries", text, mapping.name_span));
        }
    }
    if let Some(node) = template.root().get("Description") {
        let length = node.as_str().map_or(0, str::len);
        if length > DESCRIPTION {
            let text = format!("a description of {length} bytes, and {DESCRIPTION} are allowed");
            checks.push(checks.error("description-too-long", text, &node.span));
        }
    }
    let count = std::cell::Cell::new(0);
    any(template.root(), &|node| {
        let found = node
            .as_str()
            .map_or(0, |text| text.matches("{{resolve:").count());
        count.set(count.get() + found);
        false
    });
    if count.get() > DYNAMIC_REFERENCES {
        let text = format!(
            "{} dynamic references, and {DYNAMIC_REFERENCES} are allowed",
            count.get()
        );
        checks.push(checks.error("too-many-dynamic-references", text, &(0..0)));
    }
}
