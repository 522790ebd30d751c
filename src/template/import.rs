//! The template of an import: what is deployed, and the resources that the stack takes over.
//!
//! An import may change nothing else (CloudFormation, "resource import"), so everything but the new
//! resources is the deployed template. `GetTemplate` returns `?` for every character outside ASCII;
//! where the project's own template has the true text at the same place, that text is used.

use std::ops::Range;

use super::node::{Map, Member, Node, Value};
use super::reference::ReferenceKind;
use super::{Template, emit, lost};
use crate::diagnostic::Diagnostic;

/// Returns the text of the template that imports these resources of `files` into a stack. `deployed` is
/// the template of that stack; `None` if there is no stack yet. `is_exact` states that no character of
/// `deployed` was lost.
///
/// # Errors
///
/// If a resource has no `DeletionPolicy`, which an import requires; if it refers to something that the
/// stack does not have; if a text of `deployed` may have lost characters. The places are in the text of
/// `files` or `deployed`.
pub fn template(
    deployed: Option<&Template>,
    files: &Template,
    ids: &[&str],
    is_exact: bool,
) -> Result<String, Vec<Diagnostic>> {
    let mut found = Vec::new();
    let mut root = match deployed {
        Some(deployed) => {
            let mut root = deployed.root().clone();
            if !is_exact {
                let lost = lost::restore(&mut root, files.root()).into_iter();
                found.extend(lost.map(|span| lost_text(deployed, span)));
            }
            root
        }
        None => without_rest(files.root()),
    };
    check_resources(&root, files, ids, &mut found);
    if !found.is_empty() {
        return Err(found);
    }
    let added = files
        .resources()
        .filter(|it| ids.contains(&it.logical_id()));
    let added: Vec<(String, Member)> = added
        .filter_map(|resource| {
            let (id, member) = files
                .section("Resources")?
                .get_key_value(resource.logical_id())?;
            Some((id.clone(), member.clone()))
        })
        .collect();
    if let Some(resources) = resources(&mut root) {
        resources.extend(added);
    }
    Ok(emit::to_yaml(&root))
}

/// Returns the sections of a template that a resource may use, with an empty `Resources` section. A new
/// stack may hold nothing but what it imports, and an import cannot add outputs.
fn without_rest(root: &Node) -> Node {
    let mut root = root.clone();
    if let Value::Map(map) = &mut root.value {
        map.retain(|section, _| section != "Outputs");
    }
    if let Some(resources) = resources(&mut root) {
        resources.clear();
    }
    root
}

fn resources(root: &mut Node) -> Option<&mut Map> {
    match &mut root.at_mut(&["Resources"])?.value {
        Value::Map(resources) => Some(resources),
        _ => None,
    }
}

/// Finds what an import does not accept in the resources.
fn check_resources(root: &Node, files: &Template, ids: &[&str], found: &mut Vec<Diagnostic>) {
    for id in ids {
        let Some(resource) = files.resource(id) else {
            continue;
        };
        if resource.attribute("DeletionPolicy").is_none() {
            let problem = Diagnostic::error(
                "import-without-policy",
                format!("CloudFormation imports `{id}` only if it has a `DeletionPolicy`"),
                files.place(resource.entry.name_span.clone()),
            );
            found.push(problem.help("write `DeletionPolicy: Retain` in the resource"));
        }
    }
    let has = |section: &str, name: &str| {
        let names = root.get(section).and_then(Node::as_map);
        names.is_some_and(|names| names.contains_key(name))
    };
    for reference in files.references() {
        if reference.section != "Resources" || !ids.contains(&reference.owner) {
            continue;
        }
        let target = reference.target;
        let is_there = match reference.kind {
            ReferenceKind::Condition => has("Conditions", target),
            ReferenceKind::FindInMap => has("Mappings", target),
            _ => {
                target.starts_with("AWS::")
                    || has("Parameters", target)
                    || has("Resources", target)
                    || ids.contains(&target)
            }
        };
        if !is_there {
            let owner = reference.owner;
            let problem = Diagnostic::error(
                "import-reference",
                format!("`{owner}` uses `{target}`, which the deployed template does not have"),
                files.place(reference.span.clone()),
            );
            found.push(problem.help(format!(
                "an import adds nothing else to the stack: deploy `{target}` first, without the entry \
                 `{owner}` in `[import]` and without that resource, or import `{owner}` without it"
            )));
        }
    }
}

fn lost_text(deployed: &Template, span: Range<usize>) -> Diagnostic {
    lost::problem(deployed, span).help(
        "write the true text at the same place of the project's template: the import then sends that \
         text",
    )
}

#[cfg(test)]
mod tests {
    use super::template;
    use crate::diagnostic::SourceFile;
    use crate::template::Template;

    const FILES: &str = "Parameters: {P: {Type: String}}\n\
        Resources:\n  \
          Old: {Type: T, Properties: {Note: Grüße}}\n  \
          New: {Type: T, DeletionPolicy: Retain, Properties: {A: !Ref Old, B: !Ref P}}\n  \
          Bare: {Type: T, Properties: {A: !GetAtt Later.Arn}}\n  \
          Later: {Type: T}\n\
        Outputs: {O: {Value: !Ref New}}\n";

    fn parse(text: &str) -> Template {
        let parsed = Template::parse(&SourceFile::new("t", text));
        parsed.unwrap_or_else(|found| panic!("{found:?}"))
    }

    fn made(deployed: Option<&str>, ids: &[&str], is_exact: bool) -> Result<String, Vec<String>> {
        let deployed = deployed.map(parse);
        template(deployed.as_ref(), &parse(FILES), ids, is_exact).map_err(|found| {
            let found = found.into_iter().map(|found| {
                let line = found
                    .places
                    .first()
                    .map_or(0, |place| place.source.position(place.span.start).0);
                format!("{}:{line}", found.rule)
            });
            found.collect()
        })
    }

    #[test]
    fn only_the_named_resources_are_added_to_the_deployed_template() {
        let deployed = "Parameters: {P: {Type: String}}\nResources: {Old: {Type: T}}\n";
        let text = made(Some(deployed), &["New"], false);
        let expected = "Parameters: {P: {Type: String}}\nResources:\n  Old: {Type: T}\n  \
            New: {Type: T, DeletionPolicy: Retain, Properties: {A: !Ref Old, B: !Ref P}}\n";
        assert_eq!(
            text.map(|text| parse(&text).root().clone()),
            Ok(parse(expected).root().clone())
        );
    }

    #[test]
    fn a_new_stack_holds_nothing_but_what_it_imports() {
        let found = made(None, &["New"], false);
        assert_eq!(found, Err(vec!["import-reference:4".to_owned()]));
        let text = made(None, &["New", "Old"], false);
        assert_eq!(text, Err(vec!["import-without-policy:3".to_owned()]));
    }

    #[test]
    fn what_the_stack_lacks_is_named() {
        let deployed = "Resources: {Old: {Type: T}}";
        assert_eq!(
            made(Some(deployed), &["New", "Bare"], false),
            Err(vec![
                "import-without-policy:5".to_owned(),
                "import-reference:4".to_owned(),
                "import-reference:5".to_owned(),
            ])
        );
    }

    #[test]
    fn lost_characters_come_back_from_the_project() {
        let deployed = |note: &str| {
            format!(
                "Parameters: {{P: {{Type: String}}}}\nResources: {{Old: {{Type: T, Properties: {{Note: \"{note}\"}}}}}}\n"
            )
        };
        let text = made(Some(&deployed("Gr??e")), &["New"], false);
        let note = text.map(|text| {
            let template = parse(&text);
            let old = template
                .resource("Old")
                .and_then(|old| old.properties()?.get("Note").cloned());
            old.and_then(|note| note.as_str().map(str::to_owned))
        });
        assert_eq!(note, Ok(Some("Grüße".to_owned())));
        // The text of another template is no evidence.
        let lost = Err(vec!["lost-characters:2".to_owned()]);
        assert_eq!(made(Some(&deployed("Gr?e")), &["New"], false), lost);
        assert!(made(Some(&deployed("Gr?e")), &["New"], true).is_ok());
    }
}
