//! The risks of a plan, the permissions that change, and the findings of CloudFormation's checks.

use super::change::Changes;
use super::markup::{Attribute, Writer};
use crate::cloudformation::change_set::validation::LocatedValidation;
use crate::plan::risk::access::{Names, StatementChange};
use crate::plan::risk::{Assessment, Kind, Risk, Severity};
use crate::present::human::count;

/// Returns the risks that are shown as dangers. The table of permissions already has every permission, so
/// only dangerous ones are repeated.
pub(super) fn shown(assessment: &Assessment) -> Vec<&Risk> {
    let risks = assessment.risks.iter();
    risks
        .filter(|risk| risk.severity > Severity::Note)
        .filter(|risk| risk.kind != Kind::Permission || risk.severity == Severity::Danger)
        .collect()
}

/// Adds risks, the most severe first, each with a link to the change.
pub(super) fn write_risks(html: &mut Writer<'_>, risks: &[&Risk], changes: &Changes<'_>) {
    if risks.is_empty() {
        return;
    }
    html.element("ul", &[Attribute::Class("risks")], |html| {
        for risk in risks {
            let (class, word) = match risk.severity {
                Severity::Danger => ("risk danger", "DANGER"),
                Severity::Warning => ("risk warning", "WARNING"),
                Severity::Note => ("risk note", "NOTE"),
            };
            html.element("li", &[Attribute::Class(class)], |html| {
                html.leaf("strong", "level", word);
                html.text(" ");
                html.element("div", &[], |html| write_risk(html, risk, changes));
            });
            html.new_line();
        }
    });
}

fn write_risk(html: &mut Writer<'_>, risk: &Risk, changes: &Changes<'_>) {
    html.element("p", &[], |html| {
        match changes.id_of(&risk.logical_id) {
            Some(id) => html.element("a", &[Attribute::Link(id)], |html| {
                html.leaf("b", "", &risk.logical_id);
            }),
            None => html.leaf("b", "", &risk.logical_id),
        }
        html.text(" ");
        html.prose(&risk.reason);
    });
    let guard = risk.guard.map(crate::plan::risk::Guard::option);
    if let Some(remedy) = &risk.remedy {
        html.element("p", &[Attribute::Class("fix")], |html| {
            html.leaf("b", "", "Fix:");
            html.text(" ");
            html.prose(remedy);
        });
    }
    if let Some(option) = guard {
        html.element("p", &[Attribute::Class("fix")], |html| {
            html.leaf("b", "", "Refused without:");
            html.text(" ");
            html.leaf("code", "", &format!("{option} {}", risk.logical_id));
        });
    }
}

/// Adds the notes: what is worth knowing of new or retained resources.
pub(super) fn write_notes(html: &mut Writer<'_>, assessment: &Assessment, changes: &Changes<'_>) {
    let risks = assessment.risks.iter();
    let notes: Vec<&Risk> = risks.filter(|it| it.severity == Severity::Note).collect();
    if notes.is_empty() {
        return;
    }
    html.element("details", &[], |html| {
        let notes_count = count(notes.len(), "note");
        let title = format!("{notes_count} on access and roles of new or retained resources");
        html.leaf("summary", "muted", &title);
        write_risks(html, &notes, changes);
    });
}

/// Adds the table of statements that are added to policies or removed from them.
pub(super) fn write_permissions(
    html: &mut Writer<'_>,
    statements: &[StatementChange],
    changes: &Changes<'_>,
) {
    if statements.is_empty() {
        return;
    }
    let is_risky = statements
        .iter()
        .any(|it| it.severity > Severity::Note || !it.is_added);
    if is_risky {
        return write_statements(html, statements, changes);
    }
    html.element("details", &[], |html| {
        let title = format!("{} of new resources", count(statements.len(), "statement"));
        html.leaf("summary", "muted", &title);
        write_statements(html, statements, changes);
    });
}

fn write_statements(html: &mut Writer<'_>, statements: &[StatementChange], changes: &Changes<'_>) {
    const COLUMNS: [&str; 7] = [
        "",
        "Resource",
        "Effect",
        "Actions",
        "On",
        "Principals",
        "Condition",
    ];
    html.element("div", &[Attribute::Class("scroll")], |html| {
        html.element("table", &[Attribute::Class("permissions")], |html| {
            html.element("thead", &[], |html| {
                html.element("tr", &[], |html| {
                    for title in COLUMNS {
                        let attributes = [Attribute::Fixed("scope", "col")];
                        html.element("th", &attributes, |html| match title {
                            "" => html.leaf("span", "visually-hidden", "Added or removed"),
                            _ => html.text(title),
                        });
                    }
                });
            });
            html.element("tbody", &[], |html| {
                for statement in statements {
                    html.element("tr", &[], |html| write_statement(html, statement, changes));
                    html.new_line();
                }
            });
        });
    });
}

fn write_statement(html: &mut Writer<'_>, change: &StatementChange, changes: &Changes<'_>) {
    let statement = &change.statement;
    let (class, sign) = if change.is_added {
        ("sign add", "+")
    } else {
        ("sign remove", "-")
    };
    html.element("td", &[], |html| html.leaf("span", class, sign));
    html.element("td", &[], |html| match changes.id_of(&change.logical_id) {
        Some(id) => html.element("a", &[Attribute::Link(id)], |html| {
            html.text(&change.logical_id);
        }),
        None => html.text(&change.logical_id),
    });
    let effect = if statement.is_managed_policy {
        "policy"
    } else {
        &statement.effect
    };
    html.element("td", &[], |html| {
        html.text(effect);
        match change.severity {
            Severity::Danger => {
                html.text(" ");
                html.leaf("span", "tag danger", "DANGER");
            }
            Severity::Warning => {
                html.text(" ");
                html.leaf("span", "tag warning", "WARNING");
            }
            Severity::Note => {}
        }
    });
    for names in [
        &statement.actions,
        &statement.resources,
        &statement.principals,
    ] {
        html.element("td", &[], |html| write_names(html, names));
    }
    html.element("td", &[], |html| {
        if let Some(condition) = &statement.condition {
            html.leaf("code", "", condition);
        }
    });
}

fn write_names(html: &mut Writer<'_>, names: &Names) {
    if names.not {
        html.text("all but ");
    }
    for (number, name) in names.values.iter().enumerate() {
        if number > 0 {
            html.void("br", &[]);
        }
        html.leaf("span", "code", name);
    }
}

/// Adds the findings of CloudFormation's own checks, each with its place in the template. Those that
/// prevent the deployment come first.
pub(super) fn write_checks(
    html: &mut Writer<'_>,
    findings: &[LocatedValidation],
    changes: &Changes<'_>,
) {
    if findings.is_empty() {
        return;
    }
    let (fatal, warnings): (Vec<_>, Vec<_>) =
        findings.iter().partition(|it| it.validation.is_fatal());
    html.element("ul", &[Attribute::Class("risks")], |html| {
        for finding in fatal.into_iter().chain(warnings) {
            let (class, word) = if finding.validation.is_fatal() {
                ("risk danger", "FAIL")
            } else {
                ("risk warning", "WARN")
            };
            html.element("li", &[Attribute::Class(class)], |html| {
                html.leaf("strong", "level", word);
                html.text(" ");
                html.element("div", &[], |html| write_check(html, finding, changes));
            });
            html.new_line();
        }
    });
}

fn write_check(html: &mut Writer<'_>, finding: &LocatedValidation, changes: &Changes<'_>) {
    let nested = finding.nested_in.join("/");
    html.element("p", &[], |html| {
        if !nested.is_empty() {
            html.text("Nested stack ");
            html.leaf("code", "", &nested);
            html.text(": ");
        }
        html.prose(&finding.validation.message());
    });
    for place in &finding.places {
        let (line, column) = place.source.position(place.span.start);
        html.element("p", &[Attribute::Class("fix")], |html| {
            let name = &place.source.name;
            html.leaf("code", "", &format!("{name}:{line}:{column}"));
            if !place.label.is_empty() {
                html.text(" ");
                html.text(&place.label);
            }
        });
    }
    let logical_id = finding.validation.logical_id.as_deref();
    let path = logical_id.map(|id| match nested.as_str() {
        "" => id.to_owned(),
        nested => format!("{nested}/{id}"),
    });
    if let Some(id) = path.and_then(|path| changes.id_of(&path)) {
        html.element("p", &[Attribute::Class("fix")], |html| {
            html.element("a", &[Attribute::Link(id)], |html| html.text("The change"));
        });
    }
}
