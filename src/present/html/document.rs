//! The document around the content of a page: its head, its style and its script.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::markup::{Attribute, Id, PageContext, Writer};
use crate::present::graph;

const STYLE: &str = concat!(include_str!("page.css"), include_str!("events.css"));
const SCRIPT: &str = concat!(include_str!("page.js"), include_str!("events.js"));

/// Returns a whole document.
pub(super) fn document(
    context: &PageContext,
    title: &str,
    head: impl FnOnce(&mut Writer<'_>),
    links: impl FnOnce(&mut Writer<'_>),
    body: impl FnOnce(&mut Writer<'_>),
) -> String {
    let mut html = Writer::new(context);
    let main = Id::fixed("content");
    html.element("html", &[Attribute::Fixed("lang", "en")], |html| {
        html.new_line();
        html.element("head", &[], |html| {
            html.void("meta", &[Attribute::Fixed("charset", "utf-8")]);
            html.new_line();
            html.policy(&policy());
            html.new_line();
            for (name, value) in [
                ("viewport", "width=device-width, initial-scale=1"),
                ("color-scheme", "light dark"),
                ("referrer", "no-referrer"),
                ("generator", "stackctl"),
            ] {
                let attributes = [
                    Attribute::Fixed("name", name),
                    Attribute::Fixed("content", value),
                ];
                html.void("meta", &attributes);
                html.new_line();
            }
            html.leaf("title", "", title);
            html.new_line();
            html.own_source("style", &style());
        });
        html.new_line();
        html.element("body", &[], |html| {
            let skip = [Attribute::Class("skip"), Attribute::Link(&main)];
            html.element("a", &skip, |html| html.text("Skip to the content"));
            html.new_line();
            html.element("header", &[Attribute::Class("head top")], head);
            html.new_line();
            let attributes = [Attribute::Class("contents"), Attribute::Label("Contents")];
            html.element("nav", &attributes, links);
            html.new_line();
            let attributes = [Attribute::Id(&main), Attribute::Fixed("tabindex", "-1")];
            html.element("main", &attributes, body);
            html.new_line();
            html.own_source("script", SCRIPT);
        });
    });
    format!("<!DOCTYPE html>\n{}\n", html.finish().as_str())
}

/// Returns the content security policy: the page's own style and script, and nothing else.
fn policy() -> String {
    let digest = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; \
         form-action 'none'",
        digest(&style()),
        digest(SCRIPT)
    )
}

/// Returns the style of the page and of the graph in it.
fn style() -> String {
    graph::style() + STYLE
}
