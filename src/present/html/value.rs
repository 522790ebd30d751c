//! Old and new values, and the tree of changed properties.

use super::lines;
use super::markup::{Attribute, Writer};

/// The highest number of characters of both values in one line.
const ONE_LINE: usize = 72;
/// The highest number of characters of a value that is not shown as a text of lines.
const SHORT: usize = 300;

/// A changed value with its name and what is to be said about it.
#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    /// The path or the name.
    pub(super) name: String,
    /// The value before; `None` if there is none or if it is not known.
    pub(super) before: Option<String>,
    /// The value after; `None` if there is none or if it is not known.
    pub(super) after: Option<String>,
    /// A remark behind the values.
    pub(super) remark: Option<String>,
    /// Notes below the name.
    pub(super) notes: Vec<String>,
}

impl Row {
    /// Returns whether the values need the whole width.
    fn is_wide(&self) -> bool {
        let values = [&self.before, &self.after];
        values.into_iter().flatten().any(|value| is_long(value))
    }

    /// Adds the name, the values and the notes. `name` is the part of the name that is not shown above.
    fn write(&self, html: &mut Writer<'_>, name: &str, is_found: bool) {
        let class = if self.is_wide() {
            "property wide"
        } else {
            "property"
        };
        let attributes = [Attribute::Class(class), Attribute::Flag("data-find")];
        let attributes = if is_found {
            &attributes[..]
        } else {
            &attributes[..1]
        };
        html.element("div", attributes, |html| {
            html.element("div", &[], |html| {
                html.leaf("span", "path", name);
                for note in &self.notes {
                    html.element("span", &[Attribute::Class("note")], |html| html.prose(note));
                }
            });
            html.element("div", &[Attribute::Class("value")], |html| {
                write_values(
                    html,
                    self.before.as_deref(),
                    self.after.as_deref(),
                    self.remark.as_deref(),
                );
            });
        });
        html.new_line();
    }
}

/// Adds an old and a new value: beside each other if they are short, else as a difference of lines.
pub(super) fn write_values(
    html: &mut Writer<'_>,
    before: Option<&str>,
    after: Option<&str>,
    remark: Option<&str>,
) {
    let is_lines = [before, after].into_iter().flatten().any(is_long);
    if is_lines {
        lines::write(html, before, after);
        if let Some(remark) = remark {
            html.leaf("p", "muted", remark);
        }
        return;
    }
    let context = html.context();
    let masked = [before, after].map(|value| value.map(|value| context.masked(value)));
    let [before, after] = masked.each_ref().map(Option::as_deref);
    let length: usize = [before, after]
        .into_iter()
        .flatten()
        .map(|it| it.chars().count())
        .sum();
    let (class, ends) = match (before, after) {
        (Some(old), Some(new)) if length > ONE_LINE => {
            ("pair stacked", lines::equal_ends(old, new))
        }
        _ => ("pair", None),
    };
    html.element("div", &[Attribute::Class(class)], |html| {
        let write = |html: &mut Writer<'_>, name, value: &str| {
            html.element(name, &[], |html| match ends {
                Some(ends) => lines::write_marked(html, value, ends),
                // An empty value would not be seen.
                None if value.is_empty() => html.text("\"\""),
                None => html.text(value),
            });
        };
        if let Some(before) = before {
            write(html, "del", before);
        }
        if before.is_some() && after.is_some() {
            html.text(" ");
            html.leaf("span", "arrow", "→");
            html.text(" ");
        }
        if let Some(after) = after {
            write(html, "ins", after);
        }
        if let Some(remark) = remark {
            html.text(" ");
            html.leaf("span", "remark", remark);
        }
    });
}

fn is_long(value: &str) -> bool {
    value.contains(['\n', '\r']) || value.chars().nth(SHORT).is_some()
}

/// Adds values one below the other, each of which is found by the search.
pub(super) fn write_list(html: &mut Writer<'_>, rows: &[Row]) {
    if rows.is_empty() {
        return;
    }
    html.element("div", &[Attribute::Class("properties")], |html| {
        for row in rows {
            row.write(html, &row.name, true);
        }
    });
}

/// Adds changed properties as a tree: properties that follow each other and are in the same value are in
/// one group below its path.
pub(super) fn write_tree(html: &mut Writer<'_>, rows: &[Row]) {
    if rows.is_empty() {
        return;
    }
    // A part of a secret would not be found.
    let masked = rows.iter().map(|row| Row {
        name: html.context().masked(&row.name).into_owned(),
        ..row.clone()
    });
    let masked: Vec<Row> = masked.collect();
    html.element("div", &[Attribute::Class("properties")], |html| {
        let mut rest = masked.as_slice();
        while let Some(first) = rest.first() {
            let top = first_step(&first.name);
            let length = rest
                .iter()
                .take_while(|row| first_step(&row.name) == top)
                .count();
            let (group, others) = rest.split_at(length);
            rest = others;
            let common = common_path(group);
            if group.len() == 1 || common.is_empty() {
                for row in group {
                    row.write(html, &row.name, false);
                }
                continue;
            }
            html.element("div", &[Attribute::Class("group")], |html| {
                html.leaf("span", "path", common);
                html.element("div", &[Attribute::Class("properties")], |html| {
                    for row in group {
                        let name = row.name.get(common.len() + 1..).unwrap_or(&row.name);
                        row.write(html, name, false);
                    }
                });
            });
        }
    });
}

fn first_step(path: &str) -> &str {
    path.split('.').next().unwrap_or(path)
}

/// Returns the steps that all paths begin with and that none of them ends with; empty if there are none.
fn common_path(rows: &[Row]) -> &str {
    let Some(first) = rows.first() else {
        return "";
    };
    let mut common = first.name.rfind('.').map_or("", |end| &first.name[..end]);
    for row in rows {
        let is_below = |common: &str| {
            let rest = row.name.strip_prefix(common);
            rest.is_some_and(|rest| rest.len() > 1 && rest.starts_with('.'))
        };
        while !common.is_empty() && !is_below(common) {
            common = common.rfind('.').map_or("", |end| &common[..end]);
        }
    }
    common
}

#[cfg(test)]
mod tests {
    use super::{Row, common_path, write_tree, write_values};
    use crate::present::html::markup::{PageContext, Writer};

    fn rows(names: &[&str]) -> Vec<Row> {
        let row = |name: &&str| Row {
            name: (*name).to_owned(),
            ..Row::default()
        };
        names.iter().map(row).collect()
    }

    #[test]
    fn the_common_path_ends_before_the_last_step() {
        for (names, common) in [
            (&["A.b.c", "A.b.d"][..], "A.b"),
            (&["A.b", "A.b.c"], "A"),
            (&["A", "A.b"], ""),
            (&["A.b", "A.b"], "A"),
            (&["A.bc", "A.b"], "A"),
            (&["A.é.x", "A.é.y"], "A.é"),
            (&["A.", "A.b"], ""),
        ] {
            assert_eq!(common_path(&rows(names)), common, "{names:?}");
        }
    }

    #[test]
    fn properties_of_one_value_are_a_group() {
        let context = PageContext::default();
        let mut html = Writer::new(&context);
        write_tree(&mut html, &rows(&["A.b.c", "A.b.d", "E"]));
        let html = html.finish();
        let html = html.as_str();
        assert!(html.contains("<span class=\"path\">A.b</span>"), "{html}");
        assert!(html.contains("<span class=\"path\">c</span>"), "{html}");
        assert!(html.contains("<span class=\"path\">E</span>"), "{html}");
    }

    #[test]
    fn short_values_are_in_one_line() {
        let shown = |before, after| {
            let context = PageContext::default();
            let mut html = Writer::new(&context);
            write_values(&mut html, before, after, Some("(later)"));
            html.finish().as_str().to_owned()
        };
        assert_eq!(
            shown(Some("a"), Some("")),
            "<div class=\"pair\"><del>a</del> <span class=\"arrow\">→</span> <ins>&quot;&quot;</ins> \
             <span class=\"remark\">(later)</span></div>"
        );
        let (one, other) = ("x".repeat(60) + "1", "x".repeat(60) + "2");
        let html = shown(Some(&one), Some(&other));
        assert!(html.contains("pair stacked"), "{html}");
        assert!(html.contains("<mark>1</mark></del>"), "{html}");
        assert!(shown(Some("a\nb"), Some("a\nc")).contains("diff split"));
    }
}
