//! The page about several stacks, with a table of them at the top.

use super::document::document;
use super::markup::{Attribute, Id, PageContext, Writer};
use super::page::{Article, Kind, PageKind, Tone, write_notice, write_tally, write_tools};
use crate::present::human::count;

/// One of several stacks of a page.
#[derive(Debug, Clone)]
pub struct StackArticle {
    /// Its key, after the environment if there are several.
    pub label: String,
    /// Its environment.
    pub environment: String,
    /// Its account; `None` if it is not known.
    pub account: Option<String>,
    /// Its region; `None` if it is not known.
    pub region: Option<String>,
    /// What is said about it; `None` if the command failed before.
    pub article: Option<Article>,
    /// Why the command failed for it.
    pub error: Option<String>,
}

/// Returns the page about several stacks, with a table of them at the top. `name` is the project and its
/// environments.
pub fn page_of_stacks(
    context: &PageContext,
    kind: PageKind,
    name: &str,
    stacks: &[StackArticle],
) -> String {
    let context = &context.clone().of_member(0, stacks.len());
    let ids: Vec<Id> = (0..stacks.len())
        .map(|number| context.clone().of_member(number, stacks.len()))
        .map(|context| context.section_id("stack"))
        .collect();
    let mut kinds: Vec<(Kind, usize)> = Vec::new();
    for (found, number) in stacks
        .iter()
        .filter_map(|it| it.article.as_ref())
        .flat_map(|it| &it.kinds)
    {
        match kinds.iter_mut().find(|(known, _)| known == found) {
            Some((_, sum)) => *sum += number,
            None => kinds.push((*found, *number)),
        }
    }
    kinds.sort_unstable_by_key(|(kind, _)| *kind);
    let title = format!("{}: {name}", kind.word());
    let head = |html: &mut Writer<'_>| {
        html.element("div", &[Attribute::Class("title")], |html| {
            let number = count(stacks.len(), "stack");
            html.leaf("p", "eyebrow", &format!("{} · {number}", kind.word()));
            html.leaf("h1", "name", name);
        });
        html.new_line();
        write_stack_table(html, stacks, &ids);
    };
    let links = |html: &mut Writer<'_>| {
        html.element("ul", &[], |html| {
            for (stack, id) in stacks.iter().zip(&ids) {
                html.element("li", &[], |html| {
                    html.element("a", &[Attribute::Link(id)], |html| html.text(&stack.label));
                    if let Some(article) = &stack.article {
                        article.write_links(html);
                    }
                });
            }
        });
    };
    document(context, &title, head, links, |html| {
        write_tools(html, &kinds);
        for (stack, id) in stacks.iter().zip(&ids) {
            let attributes = [
                Attribute::Class("stack"),
                Attribute::Id(id),
                Attribute::Fixed("tabindex", "-1"),
            ];
            html.element("article", &attributes, |html| {
                html.element("header", &[Attribute::Class("head")], |html| {
                    match &stack.article {
                        Some(article) => article.write_head(html, Some(&stack.label)),
                        None => html.leaf("h2", "name", &stack.label),
                    }
                    if let Some(error) = &stack.error {
                        write_notice(html, Tone::Danger, &format!("Failed: {error}"));
                    }
                });
                html.new_line();
                if let Some(article) = &stack.article {
                    article.write_sections(html);
                }
            });
            html.new_line();
        }
    })
}

/// Adds the table of several stacks.
fn write_stack_table(html: &mut Writer<'_>, stacks: &[StackArticle], ids: &[Id]) {
    const COLUMNS: [&str; 6] = [
        "Stack",
        "Environment",
        "Account",
        "Region",
        "Result",
        "Danger",
    ];
    html.element("div", &[Attribute::Class("scroll")], |html| {
        html.element("table", &[Attribute::Class("stacks")], |html| {
            html.element("thead", &[], |html| {
                html.element("tr", &[], |html| {
                    for title in COLUMNS {
                        html.element("th", &[Attribute::Fixed("scope", "col")], |html| {
                            html.text(title);
                        });
                    }
                });
            });
            html.element("tbody", &[], |html| {
                for (stack, id) in stacks.iter().zip(ids) {
                    html.element("tr", &[], |html| write_stack_row(html, stack, id));
                    html.new_line();
                }
            });
        });
    });
}

fn write_stack_row(html: &mut Writer<'_>, stack: &StackArticle, id: &Id) {
    html.element("th", &[Attribute::Fixed("scope", "row")], |html| {
        html.element("a", &[Attribute::Link(id)], |html| html.text(&stack.label));
    });
    html.leaf("td", "", &stack.environment);
    html.leaf("td", "", stack.account.as_deref().unwrap_or("–"));
    html.leaf("td", "", stack.region.as_deref().unwrap_or("–"));
    html.element("td", &[], |html| match (&stack.article, &stack.error) {
        (_, Some(error)) => {
            html.leaf("strong", "failed", "Failed:");
            html.text(" ");
            html.prose(error);
        }
        (Some(article), None) => html.text(&article.verdict),
        (None, None) => html.text("–"),
    });
    let [dangers, warnings] = stack.article.as_ref().map_or([0, 0], |it| it.risks);
    html.element("td", &[], |html| {
        html.element("ul", &[Attribute::Class("tallies")], |html| {
            write_tally(html, id, "tag danger", "danger", dangers);
            write_tally(html, id, "tag warning", "warning", warnings);
        });
    });
}
