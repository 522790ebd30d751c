//! A list of changes, each of which opens, has an address and can be filtered.

use super::markup::{Attribute, Id, Markup, Writer};
use super::page::Kind;

/// A change in a list.
#[derive(Debug)]
pub(super) struct Item<'a> {
    /// Its address.
    pub(super) id: &'a Id,
    /// Its kind, by which it is filtered.
    pub(super) kind: Kind,
    /// The path of its resource in the graph; `None` if it concerns no resource.
    pub(super) of: Option<&'a str>,
    /// What it shows when it is open; `None` if there is nothing.
    pub(super) inside: Option<Markup>,
    /// Whether it is open at first.
    pub(super) is_open: bool,
}

impl Item<'_> {
    /// Adds the item. `head` adds what is shown behind its sign.
    pub(super) fn write(&self, html: &mut Writer<'_>, head: impl FnOnce(&mut Writer<'_>)) {
        let mut attributes = vec![
            Attribute::Class("change"),
            Attribute::Id(self.id),
            Attribute::Data("kind", self.kind.name()),
            Attribute::Flag("data-find"),
        ];
        attributes.extend(self.of.map(|path| Attribute::Data("of", path)));
        html.element("div", &attributes, |html| {
            let kind = self.kind;
            let head = |html: &mut Writer<'_>| {
                kind.write(html);
                html.text(" ");
                html.element("span", &[Attribute::Class("what")], head);
            };
            write_foldable(html, self.inside.as_ref(), self.is_open, head, true);
        });
        html.new_line();
    }
}

/// Adds a line that opens to show what is inside; without that, only the line.
pub(super) fn write_foldable(
    html: &mut Writer<'_>,
    inside: Option<&Markup>,
    is_open: bool,
    head: impl FnOnce(&mut Writer<'_>),
    is_indented: bool,
) {
    let Some(inside) = inside else {
        return html.element("div", &[Attribute::Class("bar")], |html| {
            html.element("span", &[], |_| {});
            head(html);
        });
    };
    let open = [Attribute::Flag("open")];
    let attributes = if is_open { &open[..] } else { &[] };
    html.element("details", attributes, |html| {
        html.element("summary", &[Attribute::Class("bar")], |html| {
            html.element("span", &[Attribute::Class("twist")], |_| {});
            head(html);
        });
        if is_indented {
            html.element("div", &[Attribute::Class("inside")], |html| {
                html.markup(inside);
            });
        } else {
            html.markup(inside);
        }
    });
}

/// Adds a list of items, and what is shown if the filter hides all of them.
pub(super) fn write_list(html: &mut Writer<'_>, items: impl FnOnce(&mut Writer<'_>)) {
    html.element("div", &[Attribute::Class("changes")], |html| {
        html.new_line();
        items(html);
    });
    html.new_line();
    let none = [Attribute::Class("empty none"), Attribute::Flag("hidden")];
    html.element("p", &none, |html| {
        html.text("No change here matches the filter.");
    });
    html.new_line();
}

/// Adds a sentence that says what a page leaves out.
pub(super) fn write_left_out(html: &mut Writer<'_>, sentence: Option<String>) {
    if let Some(sentence) = sentence {
        html.element("p", &[Attribute::Class("notice warning")], |html| {
            html.prose(&sentence);
        });
    }
}
