//! The page of an operation's events: its timeline and its critical path.

use std::time::Duration;

use super::markup::{Attribute, Id, PageContext, Writer};
use super::page::{Article, Kind, PageKind, Tone};
use crate::cloudformation::chart::{Action, After, Bar, Basis, Chart, Outcome, Phase, Span};
use crate::cloudformation::stack::Stack;
use crate::cloudformation::status::Sentiment;
use crate::present::axis::{ticks, time};
use crate::present::human::count;
use crate::util::time::to_the_second;

/// The most failures that are shown at the top.
const FAILURES: usize = 5;

/// The most resources of a page, shared by its stacks. So it stays below 2 MB.
const ROWS: usize = 1_000;

/// The least distance of two ticks, as a part of the axis.
const TICK: f64 = 0.17;

/// Returns the page of the last operation on a stack. `left_out` are the templates that are not known, and
/// `chart` is `None` if there are no events of resources.
pub fn events(
    stack: &Stack,
    chart: Option<&Chart>,
    left_out: &[String],
    context: PageContext,
) -> Article {
    let mut article = Article::new(context, PageKind::Events, "Stack", &stack.name);
    let mut arn = stack.id.split(':').skip(3);
    let [region, account] = [(); 2].map(|()| arn.next().unwrap_or_default());
    article.fact("Status", stack.status.as_str());
    article.fact("Account", account);
    article.fact("Region", region);
    let Some(chart) = chart else {
        article.verdict(Tone::Calm, "There are no events of resources.");
        return article;
    };
    article.fact("Began", &to_the_second(chart.began));
    article.fact("Duration", &time(chart.until, chart.until));
    let (tone, sentence) = verdict(stack, chart);
    article.verdict(tone, &sentence);
    let failures = chart
        .bars
        .iter()
        .filter_map(|bar| Some((bar, bar.failure()?)));
    let failures: Vec<_> = failures.collect();
    for (bar, span) in failures.iter().take(FAILURES) {
        let reason = span
            .reason
            .as_deref()
            .unwrap_or("CloudFormation gives no reason");
        let what = span.action.as_str();
        let sentence = format!(
            "{} {}: {what} failed: {reason}",
            bar.resource_type,
            bar.path()
        );
        article.notice(Tone::Danger, &sentence.replace('`', "'"));
    }
    if let Some(more) = failures
        .len()
        .checked_sub(FAILURES)
        .filter(|more| *more > 0)
    {
        let more = count(more, "more resource");
        article.notice(Tone::Danger, &format!("{more} failed: see the timeline"));
    }
    for reason in left_out {
        let sentence = format!("{reason}; what its resources waited for is taken from the times");
        article.notice(Tone::Warning, &sentence.replace('`', "'"));
    }
    for bar in &chart.bars {
        article.kind(kind(bar), 1);
    }
    let page = Page {
        chart,
        ids: ids(chart, article.context()),
        on_path: chart.critical_path.resources(),
        shown: chart.most_important(ROWS / article.context().share()),
    };
    let steps = Some(page.on_path.len());
    article.section("critical-path", "Critical path", steps, |html| {
        page.write_path(html);
    });
    article.section("timeline", "Timeline", Some(chart.bars.len()), |html| {
        page.write_legend(html);
        page.write_timeline(html);
    });
    article
}

fn ids(chart: &Chart, context: &PageContext) -> Vec<Id> {
    let bars = chart.bars.iter().enumerate();
    let ids = bars.map(|(number, bar)| context.named_id("resource", &bar.path(), number));
    ids.collect()
}

/// Returns the sentence on the operation.
fn verdict(stack: &Stack, chart: &Chart) -> (Tone, String) {
    let duration = time(chart.until, chart.until);
    let resources = count(chart.bars.len(), "resource");
    if chart.is_running {
        let sentence = format!("Running for {duration} so far: {resources}.");
        return (Tone::Info, sentence);
    }
    let (tone, word) = match stack.status.sentiment() {
        Sentiment::Bad if stack.status.is_rolled_back() => (Tone::Danger, "Failed and rolled back"),
        Sentiment::Bad => (Tone::Danger, "Failed"),
        Sentiment::Good | Sentiment::Neutral => (Tone::Calm, "Succeeded"),
    };
    (tone, format!("{word} after {duration}: {resources}."))
}

/// Returns the kind by which a resource is filtered.
fn kind(bar: &Bar) -> Kind {
    if bar.is_replaced {
        return Kind::Replace;
    }
    match bar.spans.first().map(|span| span.action) {
        Some(Action::Create) => Kind::Add,
        Some(Action::Delete) => Kind::Remove,
        Some(Action::Import) => Kind::Import,
        Some(Action::Update | Action::Other) | None => Kind::Change,
    }
}

/// What the sections have in common.
struct Page<'a> {
    chart: &'a Chart,
    ids: Vec<Id>,
    /// The resources of the critical path, and how long each worked there.
    on_path: Vec<(usize, Duration)>,
    /// The resources that have a row, in their order.
    shown: Vec<usize>,
}

impl Page<'_> {
    fn until(&self) -> Duration {
        self.chart.until
    }

    fn time(&self, duration: Duration) -> String {
        time(duration, self.until())
    }

    /// Returns a time as a part of the axis in percent.
    fn percent(&self, at: Duration) -> f64 {
        let until = self.until().max(Duration::from_millis(1));
        at.div_duration_f64(until).min(1.0) * 100.0
    }

    fn is_on_path(&self, bar: usize) -> bool {
        self.on_path.iter().any(|(known, _)| *known == bar)
    }

    /// Adds the critical path: its sum, its steps and what would save most.
    fn write_path(&self, html: &mut Writer<'_>) {
        let path = &self.chart.critical_path;
        if self.on_path.is_empty() {
            return;
        }
        let (work, whole) = (self.time(path.work), self.time(self.until()));
        html.element("p", &[Attribute::Class("lead")], |html| {
            let resources = match self.on_path.len() {
                1 => "One resource worked".to_owned(),
                number => format!("{number} resources, one after the other, worked"),
            };
            html.text(&format!(
                "{resources} for {work} of the {whole} that the operation took."
            ));
            if let Some(saving) = path.saving {
                html.text(" Most would be saved at ");
                self.write_link(html, saving.bar);
                html.text(&format!(
                    ": the operation would be up to {} shorter if it took no time.",
                    self.time(saving.time)
                ));
            }
        });
        html.new_line();
        html.element("table", &[Attribute::Class("path-steps")], |html| {
            html.element("colgroup", &[], |html| {
                for class in ["", "", "number", "share"] {
                    html.void("col", &[Attribute::Class(class)]);
                }
            });
            html.element("thead", &[], |html| {
                html.element("tr", &[], |html| {
                    for (class, title) in [
                        ("", "Resource"),
                        ("optional", "Type"),
                        ("number", "Worked"),
                        ("optional", "Share"),
                    ] {
                        let attributes =
                            [Attribute::Fixed("scope", "col"), Attribute::Class(class)];
                        html.element("th", &attributes, |html| html.text(title));
                    }
                });
            });
            html.element("tbody", &[], |html| {
                for (bar, worked) in &self.on_path {
                    self.write_step(html, Some(*bar), *worked);
                }
                self.write_step(html, None, self.until().saturating_sub(path.work));
            });
        });
        html.new_line();
    }

    /// Adds a step of the critical path: of a resource, or of CloudFormation itself.
    fn write_step(&self, html: &mut Writer<'_>, bar: Option<usize>, worked: Duration) {
        let saves = self.chart.critical_path.saving.map(|saving| saving.bar);
        let is_best = bar.is_some() && bar == saves;
        let class = if is_best { "saves" } else { "" };
        html.element("tr", &[Attribute::Class(class)], |html| {
            html.element(
                "th",
                &[Attribute::Fixed("scope", "row")],
                |html| match bar {
                    Some(bar) => {
                        self.write_link(html, bar);
                        if is_best {
                            html.text(" ");
                            html.leaf("span", "tag warning", "saves most");
                        }
                    }
                    None => html.leaf("span", "muted", "CloudFormation itself"),
                },
            );
            let kind = bar.map(|bar| self.chart.bars[bar].resource_type.as_str());
            let class = [Attribute::Class("optional")];
            html.element("td", &class, |html| {
                html.leaf("span", "type", kind.unwrap_or_default());
            });
            let class = [Attribute::Class("number")];
            html.element("td", &class, |html| html.text(&self.time(worked)));
            let class = [Attribute::Class("optional track critical")];
            html.element("td", &class, |html| {
                picture(html, |html| {
                    let class = if bar.is_some() { "work" } else { "stable" };
                    rectangle(html, class, 0.0, self.percent(worked), BAR);
                });
            });
        });
        html.new_line();
    }

    /// Adds what the shapes mean.
    fn write_legend(&self, html: &mut Writer<'_>) {
        type Draw = fn(&mut Writer<'_>);
        let legend: [(&str, &str, Draw); 7] = [
            ("", "waits", |html| line(html, 0.0, 100.0)),
            ("", "works", |html| rectangle(html, "work", 0.0, 100.0, BAR)),
            ("critical", "works, on the critical path", |html| {
                rectangle(html, "work", 0.0, 100.0, BAR);
            }),
            ("", "becomes stable", |html| {
                rectangle(html, "stable", 0.0, 100.0, BAR);
            }),
            ("", "is rolled back or cleaned up", |html| {
                rectangle(html, "undo", 0.0, 100.0, THIN);
            }),
            ("", "fails", |html| circle(html, "failure", 50.0)),
            ("", "is cancelled", |html| circle(html, "cancelled", 50.0)),
        ];
        let spans = || self.chart.bars.iter().flat_map(|bar| &bar.spans);
        let is_used = [
            true,
            true,
            !self.on_path.is_empty(),
            spans().any(|span| span.configured.is_some()),
            spans().any(|span| span.phase != Phase::Forward),
            spans().any(|span| span.outcome == Outcome::Failed),
            spans().any(|span| span.outcome == Outcome::Cancelled),
        ];
        html.element("ul", &[Attribute::Class("swatches")], |html| {
            for ((class, words, draw), _) in legend.iter().zip(is_used).filter(|(_, used)| *used) {
                html.element("li", &[Attribute::Class(class)], |html| {
                    let attributes = [
                        Attribute::Class("swatch"),
                        Attribute::Fixed("aria-hidden", "true"),
                    ];
                    html.element("svg", &attributes, |html| draw(html));
                    html.text(words);
                });
            }
        });
        html.new_line();
    }

    /// Adds the table of all resources.
    fn write_timeline(&self, html: &mut Writer<'_>) {
        let marks = ticks(self.until(), |step, _| {
            step.div_duration_f64(self.until().max(Duration::from_millis(1))) >= TICK
        });
        html.element("table", &[Attribute::Class("timeline")], |html| {
            html.element("colgroup", &[], |html| {
                for class in ["resource", "", "waited", "worked", "result"] {
                    html.void("col", &[Attribute::Class(class)]);
                }
            });
            html.element("thead", &[], |html| {
                html.element("tr", &[], |html| {
                    heading(html, "", "Resource");
                    let attributes = [
                        Attribute::Fixed("scope", "col"),
                        Attribute::Class("axis"),
                        Attribute::Label("Time"),
                    ];
                    html.element("th", &attributes, |html| {
                        picture(html, |html| {
                            for (at, label) in &marks {
                                let at = self.percent(*at);
                                if at <= 92.0 {
                                    let attributes =
                                        [Attribute::Percent("x", at), Attribute::Fixed("y", "12")];
                                    html.element("text", &attributes, |html| html.text(label));
                                }
                            }
                        });
                    });
                    heading(html, "waited", "Waited");
                    heading(html, "number worked", "Worked");
                    heading(html, "result", "Result");
                });
            });
            html.new_line();
            html.element("tbody", &[], |html| {
                for number in &self.shown {
                    self.write_row(html, *number, &marks);
                    html.new_line();
                }
            });
        });
        html.new_line();
        if let Some(longest) = self.chart.longest_without(&self.shown) {
            let number = count(self.chart.bars.len() - self.shown.len(), "more resource");
            let sentence = format!("… and {number} that took at most {}.", self.time(longest));
            html.leaf("p", "lead", &sentence);
        }
    }

    fn write_row(&self, html: &mut Writer<'_>, number: usize, marks: &[(Duration, String)]) {
        let bar = &self.chart.bars[number];
        let after = bar.spans.first().and_then(|span| span.after);
        let is_on_path = self.is_on_path(number);
        let class = if is_on_path { "critical" } else { "" };
        let mut attributes = vec![
            Attribute::Id(&self.ids[number]),
            Attribute::Class(class),
            Attribute::Flag("data-find"),
            Attribute::Fixed("data-kind", kind(bar).name()),
        ];
        if let Some(after) = after {
            attributes.push(Attribute::Reference("data-after", &self.ids[after.bar]));
        }
        html.element("tr", &attributes, |html| {
            html.element("th", &[Attribute::Fixed("scope", "row")], |html| {
                html.element("span", &[Attribute::Class("what")], |html| {
                    html.leaf("b", "", &bar.path());
                    if is_on_path {
                        html.text(" ");
                        html.leaf("span", "critical tag", "critical");
                    }
                    html.leaf("span", "type", &bar.resource_type);
                });
            });
            html.element("td", &[Attribute::Class("track")], |html| {
                picture(html, |html| self.write_bar(html, bar, marks));
            });
            html.element("td", &[Attribute::Class("waited")], |html| {
                self.write_wait(html, bar, after);
            });
            html.element("td", &[Attribute::Class("number worked")], |html| {
                html.text(&self.time(bar.work(self.until())));
            });
            html.element("td", &[Attribute::Class("result")], |html| {
                write_result(html, bar);
            });
        });
    }

    /// Adds the bar of a resource, over the lines of the ticks.
    fn write_bar(&self, html: &mut Writer<'_>, bar: &Bar, marks: &[(Duration, String)]) {
        for (at, _) in marks {
            let at = self.percent(*at);
            let attributes = [
                Attribute::Class("tick"),
                Attribute::Percent("x1", at),
                Attribute::Percent("x2", at),
                Attribute::Fixed("y2", "100%"),
            ];
            html.element("line", &attributes, |_| {});
        }
        for span in &bar.spans {
            let end = span.end_or(self.until());
            let stable = span.configured.unwrap_or(end).min(end);
            let [waits, start, stable, end] =
                [span.waits_from, span.start, stable, end].map(|at| self.percent(at));
            if waits < start {
                line(html, waits, start);
            }
            if span.phase == Phase::Forward {
                rectangle(html, "work", start, stable, BAR);
                if stable < end {
                    rectangle(html, "stable", stable, end, BAR);
                }
            } else {
                rectangle(html, "undo", start, end, THIN);
            }
            match span.outcome {
                Outcome::Failed => circle(html, "failure", end),
                Outcome::Cancelled => circle(html, "cancelled", end),
                Outcome::Complete | Outcome::Skipped | Outcome::Open => {}
            }
        }
    }

    /// Adds how long a resource waited, and for what.
    fn write_wait(&self, html: &mut Writer<'_>, bar: &Bar, after: Option<After>) {
        html.text(&self.time(bar.wait()));
        let Some(after) = after else { return };
        let words = match after.basis {
            Basis::Template => " for ",
            Basis::Phase => " for the phase of ",
            Basis::Time => " perhaps for ",
        };
        html.text(words);
        self.write_link(html, after.bar);
    }

    /// Adds the name of a resource as a link to its row, if it has one.
    fn write_link(&self, html: &mut Writer<'_>, bar: usize) {
        let path = self.chart.bars[bar].path();
        if self.shown.binary_search(&bar).is_ok() {
            html.element("a", &[Attribute::Link(&self.ids[bar])], |html| {
                html.text(&path);
            });
        } else {
            html.text(&path);
        }
    }
}

/// Adds what was done with a resource and how it ended.
fn write_result(html: &mut Writer<'_>, bar: &Bar) {
    if bar.is_replaced {
        html.text("replaced: ");
    }
    for (number, span) in bar.spans.iter().enumerate() {
        if number > 0 {
            html.text(", then ");
        }
        let is_bad = matches!(span.outcome, Outcome::Failed);
        let class = if is_bad { "failed" } else { "" };
        html.element("span", &[Attribute::Class(class)], |html| {
            html.text(&result(span));
        });
    }
}

/// Returns what was done and how it ended.
fn result(span: &Span) -> String {
    let action = span.action.as_str();
    let start = if span.knows_start {
        ""
    } else {
        " (start not known)"
    };
    let text = match (span.outcome, span.action) {
        (Outcome::Complete, Action::Other) => "done".to_owned(),
        (Outcome::Complete, Action::Import) => "imported".to_owned(),
        (Outcome::Complete, _) => format!("{action}d"),
        (Outcome::Failed, _) => format!("{action} failed"),
        (Outcome::Cancelled, _) => format!("{action} cancelled"),
        (Outcome::Skipped, _) => "retained".to_owned(),
        (Outcome::Open, _) if span.end.is_some() => format!("{action}: no event of its end"),
        (Outcome::Open, _) => format!("{action} is running"),
    };
    text + start
}

/// The upper edge and the height of a bar in pixels.
const BAR: [f64; 2] = [4.0, 12.0];

/// The upper edge and the height of a thin bar in pixels.
const THIN: [f64; 2] = [7.0, 6.0];

fn heading(html: &mut Writer<'_>, class: &'static str, title: &str) {
    let attributes = [Attribute::Fixed("scope", "col"), Attribute::Class(class)];
    html.element("th", &attributes, |html| html.text(title));
}

/// Adds a picture that is as wide as its cell. The other cells say the same in words.
fn picture(html: &mut Writer<'_>, draw: impl FnOnce(&mut Writer<'_>)) {
    html.element("svg", &[Attribute::Fixed("aria-hidden", "true")], draw);
}

fn rectangle(html: &mut Writer<'_>, class: &'static str, from: f64, to: f64, place: [f64; 2]) {
    let attributes = [
        Attribute::Class(class),
        Attribute::Percent("x", from),
        Attribute::Percent("width", (to - from).max(0.0)),
        Attribute::Number("y", place[0]),
        Attribute::Number("height", place[1]),
    ];
    html.element("rect", &attributes, |_| {});
}

fn line(html: &mut Writer<'_>, from: f64, to: f64) {
    let attributes = [
        Attribute::Class("wait"),
        Attribute::Percent("x1", from),
        Attribute::Percent("x2", to),
        Attribute::Fixed("y1", "10"),
        Attribute::Fixed("y2", "10"),
    ];
    html.element("line", &attributes, |_| {});
}

fn circle(html: &mut Writer<'_>, class: &'static str, at: f64) {
    let attributes = [
        Attribute::Class(class),
        Attribute::Percent("cx", at),
        Attribute::Fixed("cy", "10"),
        Attribute::Fixed("r", "5"),
    ];
    html.element("circle", &attributes, |_| {});
}
