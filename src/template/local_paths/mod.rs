//! The local paths in a template: files and folders that have to be in S3 before a deployment.
//!
//! [`find`] returns them in the order of the text. [`reference`](mod@reference) writes what stands in
//! their place in the template that is sent. What a path stands for is decided by the resource type and
//! the property alone, by the [`table`]. A value that is a URL, a map or a function stays.

pub mod reference;
pub mod table;

use std::ops::Range;
use std::sync::Arc;

use super::Template;
use super::node::{Map, Member, Node, Value};
use super::syntax::place;
use crate::diagnostic::{Diagnostic, SourceFile};
use table::{GLOBAL_CODE, IMAGES, INCLUDE, REPOSITORY, ROWS, Row};

/// A local path in a template.
#[derive(Debug, Clone)]
pub struct LocalPath {
    /// The path as it is written.
    pub text: String,
    /// The byte range of the value.
    pub span: Range<usize>,
    /// The byte range that another value has to replace: with the tag and the header of a block scalar.
    pub replaced: Range<usize>,
    /// The property and what the path stands for.
    pub row: &'static Row,
    /// The resource; `None` if the path stands elsewhere.
    pub resource: Option<Owner>,
}

/// The resource that has a local path.
#[derive(Debug, Clone)]
pub struct Owner {
    /// The logical id.
    pub logical_id: String,
    /// The resource type.
    pub kind: String,
    /// `Metadata.BuildMethod`, by which AWS SAM builds the code.
    pub build_method: Option<String>,
    /// Whether `sam build` has written the resource.
    pub is_built: bool,
    /// Further edits that the shape [`Application`](table::Shape::Application) needs.
    pub application: Option<reference::Application>,
}

/// The local paths of a template.
#[derive(Debug, Default)]
pub struct Found {
    /// The paths in the order of the text.
    pub paths: Vec<LocalPath>,
    /// Paths that cannot be packaged.
    pub errors: Vec<Diagnostic>,
}

/// Returns the local paths of a template.
pub fn find(template: &Template) -> Found {
    let mut finder = Finder {
        source: template.source(),
        found: Found::default(),
    };
    let none = Loops::default();
    if let Some(resources) = template.section("Resources") {
        each(resources, &none, &mut |id, member, loops| {
            finder.resource(id, &member.node, loops);
        });
    }
    for row in REPOSITORY.iter().chain([&GLOBAL_CODE]) {
        finder.row(template.root(), row, None, &none);
    }
    let transform = template.root().get("Transform");
    for macro_call in transform.map(Node::elements).unwrap_or_default() {
        finder.include(macro_call, &none);
    }
    finder.includes(template.root(), &none);
    let mut found = finder.found;
    found.paths.sort_by_key(|path| path.span.start);
    found
}

/// The variables of the `Fn::ForEach` loops around a value.
#[derive(Debug, Clone, Default)]
struct Loops<'a>(Vec<&'a str>);

impl<'a> Loops<'a> {
    fn with(&self, variable: Option<&'a str>) -> Self {
        Self(self.0.iter().copied().chain(variable).collect())
    }

    /// Returns the first variable that a text contains: `${NAME}` or `&{NAME}`.
    fn used_in(&self, text: &str) -> Option<&'a str> {
        let is_used = |name: &&&str| {
            text.contains(&format!("${{{name}}}")) || text.contains(&format!("&{{{name}}}"))
        };
        self.0.iter().find(is_used).copied()
    }
}

/// Calls `visit` with every member of a map. The members of a loop's body are members of the map that
/// contains the loop.
fn each<'a>(
    map: &'a Map,
    loops: &Loops<'a>,
    visit: &mut impl FnMut(&'a str, &'a Member, &Loops<'a>),
) {
    for (key, member) in map {
        if !key.starts_with("Fn::ForEach::") {
            visit(key, member, loops);
            continue;
        }
        if let Some([variable, _, body]) = member.node.as_list()
            && let Some(body) = body.as_map()
        {
            each(body, &loops.with(variable.as_str()), visit);
        }
    }
}

struct Finder<'a> {
    source: &'a Arc<SourceFile>,
    found: Found,
}

impl Finder<'_> {
    fn resource(&mut self, logical_id: &str, node: &Node, loops: &Loops<'_>) {
        let (Some(kind), Some(properties)) = (
            node.get("Type").and_then(Node::as_str),
            node.get("Properties"),
        ) else {
            return;
        };
        let metadata = |name: &str| node.get("Metadata").and_then(|it| it.get(name));
        let build_method = metadata("BuildMethod").and_then(Node::as_str);
        let owner = Owner {
            logical_id: logical_id.to_owned(),
            kind: kind.to_owned(),
            build_method: build_method.map(str::to_owned),
            is_built: metadata("SamResourceId").is_some(),
            application: None,
        };
        for row in ROWS.iter().filter(|row| row.types.contains(&kind)) {
            let mut owner = owner.clone();
            if row.shape == table::Shape::Application {
                owner.application = reference::Application::of(node);
            }
            self.row(properties, row, Some(&owner), loops);
        }
        self.image(kind, properties);
    }

    /// Adds the paths that a property holds.
    fn row(&mut self, node: &Node, row: &'static Row, owner: Option<&Owner>, loops: &Loops<'_>) {
        let mut members = Vec::new();
        select(node, row.property, loops, &mut members);
        for (member, loops) in members {
            self.value(member, row, owner, &loops);
        }
    }

    fn value(
        &mut self,
        member: &Member,
        row: &'static Row,
        owner: Option<&Owner>,
        loops: &Loops<'_>,
    ) {
        let node = &member.node;
        let Some(text) = node.as_str().map(str::trim).filter(|it| is_local(it)) else {
            return;
        };
        if let Some(variable) = loops.used_in(text) {
            let message = format!(
                "the local path `{text}` contains the loop variable `{variable}`, so it names another \
                 file in each round, and a template can refer to one only"
            );
            let help = "write the resources one by one, or generate them with `{% for %}` in a template \
                        whose name ends in `.j2`";
            let at = place(self.source, node.span.clone(), "");
            let error = Diagnostic::error("loop-in-local-path", message, at);
            self.found.errors.push(error.help(help));
            return;
        }
        self.found.paths.push(LocalPath {
            text: text.to_owned(),
            span: node.span.clone(),
            replaced: replaced(&self.source.text, member),
            row,
            resource: owner.cloned(),
        });
    }

    /// Adds the files of every `AWS::Include` below a value.
    fn includes(&mut self, node: &Node, loops: &Loops<'_>) {
        match &node.value {
            Value::List(list) => {
                for node in list {
                    self.includes(node, loops);
                }
            }
            Value::Map(map) => {
                for (key, member) in map {
                    if key == "Fn::Transform" {
                        for macro_call in member.node.elements() {
                            self.include(macro_call, loops);
                        }
                    }
                    let variable = if key.starts_with("Fn::ForEach::") {
                        let list = member.node.as_list();
                        list.and_then(|list| list.first()?.as_str())
                    } else {
                        None
                    };
                    self.includes(&member.node, &loops.with(variable));
                }
            }
            _ => {}
        }
    }

    /// Adds the file of a macro call, if the macro is `AWS::Include`.
    fn include(&mut self, macro_call: &Node, loops: &Loops<'_>) {
        if macro_call.get("Name").and_then(Node::as_str) == Some("AWS::Include") {
            self.row(macro_call, &INCLUDE, None, loops);
        }
    }

    /// Reports an image that is not in a registry.
    fn image(&mut self, kind: &str, properties: &Node) {
        for (_, property) in IMAGES.iter().filter(|(known, _)| *known == kind) {
            let mut members = Vec::new();
            select(properties, property, &Loops::default(), &mut members);
            for (member, _) in &members {
                let Some(text) = member.node.as_str() else {
                    continue;
                };
                if !is_in_registry(text) {
                    let message =
                        format!("`{text}` is a local image, which stackctl does not push");
                    self.image_error(message, member.node.span.clone());
                }
            }
            let is_image = properties
                .as_map()
                .and_then(|map| map.get("PackageType"))
                .filter(|it| it.node.as_str() == Some("Image"));
            if let (Some(package_type), true, true) =
                (is_image, members.is_empty(), property.len() == 1)
            {
                let message = "the function is an image that nothing has built yet";
                self.image_error(message.to_owned(), package_type.node.span.clone());
            }
        }
    }

    fn image_error(&mut self, message: String, span: Range<usize>) {
        let error = Diagnostic::error("local-image", message, place(self.source, span, ""));
        self.found.errors.push(error.help(
            "build the image and push it to Amazon ECR, then set `ImageUri` to its URI there",
        ));
    }
}

/// Adds the members at a path below a value. `*` matches every key.
fn select<'a>(
    node: &'a Node,
    path: &[&str],
    loops: &Loops<'a>,
    selected: &mut Vec<(&'a Member, Loops<'a>)>,
) {
    let (Some(map), Some((step, rest))) = (node.as_map(), path.split_first()) else {
        return;
    };
    each(map, loops, &mut |key, member, loops| {
        if *step != "*" && *step != key {
            return;
        }
        if rest.is_empty() {
            selected.push((member, loops.clone()));
        } else {
            select(&member.node, rest, loops, selected);
        }
    });
}

/// Returns whether a text is a path of the project, not a URL, an ARN or a dynamic reference.
fn is_local(text: &str) -> bool {
    let has_scheme = text.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty()
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte))
    });
    !(text.is_empty() || has_scheme || text.starts_with("arn:") || text.contains("{{resolve:"))
}

/// Returns whether the name of an image contains a registry, such as that of Amazon ECR.
fn is_in_registry(image: &str) -> bool {
    image.contains("{{resolve:")
        || image
            .split_once('/')
            .is_some_and(|(registry, _)| registry.contains('.') || registry.contains(':'))
}

/// Returns the byte range that another value has to replace.
///
/// A tag such as `!!str` and the header of a block scalar stand before the value and apply to a scalar
/// alone. An anchor and comments stay.
fn replaced(text: &str, member: &Member) -> Range<usize> {
    let value = &member.node.span;
    let mut start = value.start;
    let between = text.get(member.key_span.end..value.start).unwrap_or("");
    let mut at = member.key_span.end;
    let mut is_after_space = false;
    let mut rest = between;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '#' if is_after_space => rest.find('\n').unwrap_or(rest.len()),
            '!' | '|' | '>' => {
                start = start.min(at);
                rest.find(char::is_whitespace).unwrap_or(rest.len())
            }
            '&' => rest.find(char::is_whitespace).unwrap_or(rest.len()),
            other => other.len_utf8(),
        };
        is_after_space = first.is_whitespace();
        at += length;
        rest = rest.get(length..).unwrap_or("");
    }
    start..value.end
}

#[cfg(test)]
mod tests;
