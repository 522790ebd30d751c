//! The graph of the resources, colored by what happens to them.

use super::markup::{Attribute, Id, Writer};
use crate::plan::resource_graph::{Node, ResourceGraph};

/// The most bytes of the picture, shared by the stacks of the page.
const MOST: usize = 600_000;

/// Adds the graph. `link` returns the change to which a resource leads. The buttons are hidden until the
/// script shows them.
pub(super) fn write(
    html: &mut Writer<'_>,
    graph: &ResourceGraph,
    link: &dyn Fn(&Node) -> Option<Id>,
) {
    // A single resource refers to nothing.
    if graph.nodes().len() < 2 {
        return;
    }
    let mut picture = Writer::new(html.context());
    let limit = MOST / html.context().share();
    if picture
        .graph(graph, "Resource graph", link, limit)
        .is_none()
    {
        html.element("p", &[Attribute::Class("notice calm")], |html| {
            html.prose(
                "The graph is left out, because it is too large for the page or contains a secret: \
                 `stackctl graph --plan` draws it.",
            );
        });
        return;
    }
    let picture = picture.finish();
    html.element("figure", &[Attribute::Class("picture")], |html| {
        let attributes = [Attribute::Class("controls"), Attribute::Flag("hidden")];
        html.element("div", &attributes, |html| {
            for (action, label, sign) in [
                ("out", "Smaller", "−"),
                ("in", "Larger", "+"),
                ("fit", "Show all", "Show all"),
            ] {
                let attributes = [
                    Attribute::Fixed("type", "button"),
                    Attribute::Class("plain"),
                    Attribute::Data("action", action),
                    Attribute::Label(label),
                ];
                html.element("button", &attributes, |html| html.text(sign));
            }
            html.leaf(
                "p",
                "",
                "Drag to move, Ctrl and wheel to zoom, click a resource to see its change",
            );
        });
        html.new_line();
        html.element("div", &[Attribute::Class("stage")], |html| {
            html.markup(&picture);
        });
    });
}
