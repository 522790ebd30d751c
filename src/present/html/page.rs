//! One self-contained page: what is common to the pages of plans, differences and events.
//!
//! A page needs no network and loads nothing: its style and its script are inside it, and its content
//! security policy allows these two by their digests and nothing else. Without the script it is a
//! readable page: everything is there, and what needs the script stays hidden. An [`Article`] is what the
//! page says about one stack.

use super::document::document;
use super::markup::{Attribute, Id, Markup, PageContext, Writer};
use crate::present::human::count;

/// What a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageKind {
    /// A plan.
    Plan,
    /// The differences between what is deployed and the files.
    Diff,
    /// The events of an operation.
    Events,
}

impl PageKind {
    /// Returns a name for a file with the page.
    pub const fn file(self) -> &'static str {
        match self {
            Self::Plan => "plan.html",
            Self::Diff => "diff.html",
            Self::Events => "events.html",
        }
    }

    /// Returns the word above the name of the stack.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Plan => "Plan",
            Self::Diff => "Differences",
            Self::Events => "Events",
        }
    }
}

/// How much a reader has to care.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Tone {
    /// Nothing to do.
    #[default]
    Calm,
    /// Something changes, or should be known.
    Info,
    /// Something should be checked.
    Warning,
    /// Something is lost, or failed.
    Danger,
}

/// A kind of change. Its name is the value of `data-kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Something is added.
    Add,
    /// Something changes in place.
    Change,
    /// A resource is replaced.
    Replace,
    /// Something is removed.
    Remove,
    /// A resource is imported.
    Import,
    /// Drift is reverted or adopted.
    Drift,
    /// Something may change.
    Maybe,
}

impl Kind {
    /// Returns the name, which is the value of `data-kind` and a word in the address of the page.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Change => "change",
            Self::Replace => "replace",
            Self::Remove => "remove",
            Self::Import => "import",
            Self::Drift => "drift",
            Self::Maybe => "maybe",
        }
    }

    /// Returns the sign.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Change => "~",
            Self::Replace => "-/+",
            Self::Remove => "-",
            Self::Import => "<-",
            Self::Drift => "↺",
            Self::Maybe => "?",
        }
    }

    /// Returns what happens.
    const fn words(self) -> &'static str {
        match self {
            Self::Add => "is added",
            Self::Change => "changes in place",
            Self::Replace => "is replaced",
            Self::Remove => "is removed",
            Self::Import => "is imported",
            Self::Drift => "has drifted",
            Self::Maybe => "may change",
        }
    }

    /// Returns the classes of the sign.
    const fn badge(self) -> &'static str {
        match self {
            Self::Add => "sign add",
            Self::Change => "sign change",
            Self::Replace => "sign replace",
            Self::Remove => "sign remove",
            Self::Import => "sign import",
            Self::Drift => "sign drift",
            Self::Maybe => "sign maybe",
        }
    }

    /// Adds the sign with its color. The word for it is its title.
    pub(super) fn write(self, html: &mut Writer<'_>) {
        let attributes = [
            Attribute::Class(self.badge()),
            Attribute::Title(self.words()),
        ];
        html.element("span", &attributes, |sign| sign.text(self.sign()));
    }
}

/// What a page says about one stack.
#[derive(Debug, Clone)]
pub struct Article {
    context: PageContext,
    kind: PageKind,
    name: String,
    heading: &'static str,
    facts: Vec<(&'static str, String)>,
    pub(super) verdict: String,
    tone: Tone,
    /// The number of dangers and of warnings.
    pub(super) risks: [usize; 2],
    /// The number of checks of the service that prevent the deployment.
    failed_checks: usize,
    pub(super) kinds: Vec<(Kind, usize)>,
    notices: Vec<(Tone, String)>,
    sections: Vec<Section>,
}

/// A section of an article.
#[derive(Debug, Clone)]
struct Section {
    id: Id,
    title: &'static str,
    count: Option<usize>,
    body: Markup,
}

impl Article {
    /// Returns an article about a stack. `heading` is the word for the stack, such as `New stack`.
    pub fn new(context: PageContext, kind: PageKind, heading: &'static str, name: &str) -> Self {
        Self {
            context,
            kind,
            name: name.to_owned(),
            heading,
            facts: Vec::new(),
            verdict: String::new(),
            tone: Tone::Calm,
            risks: [0, 0],
            failed_checks: 0,
            kinds: Vec::new(),
            notices: Vec::new(),
            sections: Vec::new(),
        }
    }

    /// Returns what the page shows.
    pub fn page_kind(&self) -> PageKind {
        self.kind
    }

    /// Returns what is common to the page.
    pub fn context(&self) -> &PageContext {
        &self.context
    }

    /// Adds a fact about the stack, such as its region. An empty fact is left out.
    pub fn fact(&mut self, name: &'static str, value: &str) {
        if !value.is_empty() {
            self.facts.push((name, value.to_owned()));
        }
    }

    /// Sets the sentence that says how it is, and how much a reader has to care.
    pub fn verdict(&mut self, tone: Tone, sentence: &str) {
        self.raise(tone);
        sentence.clone_into(&mut self.verdict);
    }

    /// Sets the number of dangers and of warnings. They are in the section `danger`.
    pub fn risks(&mut self, dangers: usize, warnings: usize) {
        self.risks = [dangers, warnings];
        if dangers > 0 {
            self.raise(Tone::Danger);
        } else if warnings > 0 {
            self.raise(Tone::Warning);
        }
    }

    /// Sets the number of checks of the service that prevent the deployment. They are in the section
    /// `checks`.
    pub fn failed_checks(&mut self, number: usize) {
        self.failed_checks = number;
        if number > 0 {
            self.raise(Tone::Danger);
        }
    }

    /// Raises how much a reader has to care.
    pub fn raise(&mut self, tone: Tone) {
        self.tone = self.tone.max(tone);
    }

    /// Adds a number of changes of a kind, which can be filtered.
    pub fn kind(&mut self, kind: Kind, number: usize) {
        match self.kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, sum)) => *sum += number,
            None => self.kinds.push((kind, number)),
        }
    }

    /// Adds a sentence that a reader must know before the rest. The text between backticks is code.
    pub fn notice(&mut self, tone: Tone, sentence: &str) {
        self.notices.push((tone, sentence.to_owned()));
    }

    /// Adds a section, which is left out if nothing is written into it. `name` is its id, and `count` the
    /// number of things in it.
    pub fn section(
        &mut self,
        name: &'static str,
        title: &'static str,
        count: Option<usize>,
        write: impl FnOnce(&mut Writer<'_>),
    ) {
        let id = self.context.section_id(name);
        let mut html = Writer::new(&self.context);
        write(&mut html);
        let body = html.finish();
        if !body.is_empty() {
            self.sections.push(Section {
                id,
                title,
                count,
                body,
            });
        }
    }

    /// Returns how many bytes the sections have.
    pub fn len(&self) -> usize {
        self.sections.iter().map(|it| it.body.len()).sum()
    }

    /// Returns whether there is no section.
    pub fn is_empty(&self) -> bool {
        self.sections.is_empty()
    }

    /// Adds the name, the facts, the verdict and the notices. `label` is what tells the stack apart from
    /// the others of the page.
    pub(super) fn write_head(&self, html: &mut Writer<'_>, label: Option<&str>) {
        let [heading, ..] = self.context.heading();
        html.element("div", &[Attribute::Class("title")], |html| {
            let eyebrow = match label {
                Some(label) => format!("{} {label}", self.heading),
                None => format!("{} · {}", self.kind.word(), self.heading.to_lowercase()),
            };
            html.leaf("p", "eyebrow", &eyebrow);
            html.leaf(heading, "name", &self.name);
        });
        html.new_line();
        if !self.facts.is_empty() {
            html.element("dl", &[Attribute::Class("facts")], |html| {
                for (name, value) in &self.facts {
                    html.element("div", &[], |html| {
                        html.leaf("dt", "", name);
                        html.leaf("dd", "", value);
                    });
                }
            });
            html.new_line();
        }
        self.write_verdict(html);
        for (tone, sentence) in &self.notices {
            write_notice(html, *tone, sentence);
        }
    }

    /// Adds the sentence that says how it is, and the number of risks.
    fn write_verdict(&self, html: &mut Writer<'_>) {
        let class = match self.tone {
            Tone::Calm => "verdict calm",
            Tone::Info => "verdict info",
            Tone::Warning => "verdict warning",
            Tone::Danger => "verdict danger",
        };
        html.element("div", &[Attribute::Class(class)], |html| {
            html.leaf("p", "sentence", &self.verdict);
            let [dangers, warnings] = self.risks;
            if dangers + warnings + self.failed_checks > 0 {
                let id = self.context.section_id("danger");
                let checks = self.context.section_id("checks");
                html.element("ul", &[Attribute::Class("tallies")], |html| {
                    let failed = self.failed_checks;
                    write_tally(html, &checks, "tag danger", "failed check", failed);
                    write_tally(html, &id, "tag danger", "danger", dangers);
                    write_tally(html, &id, "tag warning", "warning", warnings);
                });
            }
        });
        html.new_line();
    }

    /// Adds the sections.
    pub(super) fn write_sections(&self, html: &mut Writer<'_>) {
        let [_, heading, _] = self.context.heading();
        for section in &self.sections {
            let attributes = [
                Attribute::Class("section"),
                Attribute::Id(&section.id),
                Attribute::Fixed("tabindex", "-1"),
            ];
            html.element("section", &attributes, |html| {
                html.element(heading, &[Attribute::Class("heading")], |html| {
                    html.text(section.title);
                    if let Some(count) = section.count {
                        html.text(" ");
                        html.leaf("span", "count", &count.to_string());
                    }
                });
                html.new_line();
                html.markup(&section.body);
            });
            html.new_line();
        }
    }

    /// Adds the links to the sections.
    pub(super) fn write_links(&self, html: &mut Writer<'_>) {
        html.element("ul", &[], |html| {
            for section in &self.sections {
                html.element("li", &[], |html| {
                    html.element("a", &[Attribute::Link(&section.id)], |html| {
                        html.leaf("span", "", section.title);
                        if let Some(count) = section.count {
                            html.text(" ");
                            html.leaf("span", "count", &count.to_string());
                        }
                    });
                });
            }
        });
    }
}

/// Returns the page about one stack.
pub fn page(article: &Article) -> String {
    let context = &article.context;
    let title = format!("{}: {}", article.kind.word(), article.name);
    document(
        context,
        &title,
        |html| article.write_head(html, None),
        |html| article.write_links(html),
        |html| {
            write_tools(html, &article.kinds);
            html.element("article", &[Attribute::Class("stack")], |html| {
                article.write_sections(html);
            });
        },
    )
}

/// Adds a sentence that stands out.
pub(super) fn write_notice(html: &mut Writer<'_>, tone: Tone, sentence: &str) {
    let class = match tone {
        Tone::Calm => "notice calm",
        Tone::Info => "notice info",
        Tone::Warning => "notice warning",
        Tone::Danger => "notice danger",
    };
    html.element("p", &[Attribute::Class(class)], |html| html.prose(sentence));
    html.new_line();
}

/// Adds the number of risks of a kind, as a link to them.
pub(super) fn write_tally(
    html: &mut Writer<'_>,
    id: &Id,
    class: &'static str,
    noun: &str,
    number: usize,
) {
    if number > 0 {
        html.element("li", &[], |html| {
            html.element(
                "a",
                &[Attribute::Class(class), Attribute::Link(id)],
                |html| {
                    html.text(&count(number, noun));
                },
            );
        });
    }
}

/// Adds the search and the filter. They are hidden until the script shows them.
pub(super) fn write_tools(html: &mut Writer<'_>, kinds: &[(Kind, usize)]) {
    let total: usize = kinds.iter().map(|(_, number)| number).sum();
    if total == 0 {
        return;
    }
    let attributes = [
        Attribute::Class("tools"),
        Attribute::Fixed("role", "search"),
        Attribute::Label("Filter the changes"),
        Attribute::Flag("hidden"),
    ];
    html.element("div", &attributes, |html| {
        html.element("label", &[Attribute::Class("find")], |html| {
            html.leaf("span", "visually-hidden", "Search");
            html.void(
                "input",
                &[
                    Attribute::Fixed("type", "search"),
                    Attribute::Fixed("id", "search"),
                    Attribute::Fixed("placeholder", "Search"),
                    Attribute::Fixed("autocomplete", "off"),
                    Attribute::Fixed("spellcheck", "false"),
                    Attribute::Fixed("aria-keyshortcuts", "/"),
                ],
            );
            html.element("kbd", &[Attribute::Fixed("aria-hidden", "true")], |html| {
                html.text("/");
            });
        });
        let group = [
            Attribute::Class("kinds"),
            Attribute::Fixed("role", "group"),
            Attribute::Label("Kinds of change"),
        ];
        html.element("div", &group, |html| {
            for (kind, number) in kinds.iter().filter(|(_, number)| *number > 0) {
                let attributes = [
                    Attribute::Fixed("type", "button"),
                    Attribute::Class("chip"),
                    Attribute::Data("filter", kind.name()),
                    Attribute::Fixed("aria-pressed", "false"),
                ];
                html.element("button", &attributes, |html| {
                    kind.write(html);
                    html.text(kind.name());
                    html.text(" ");
                    html.leaf("span", "count", &number.to_string());
                });
            }
        });
        html.element("div", &[Attribute::Class("ends")], |html| {
            let attributes = [
                Attribute::Fixed("id", "found"),
                Attribute::Fixed("role", "status"),
            ];
            html.element("span", &attributes, |_| {});
            let attributes = [
                Attribute::Fixed("type", "button"),
                Attribute::Fixed("id", "expand"),
                Attribute::Class("plain"),
            ];
            html.element("button", &attributes, |html| html.text("Expand all"));
        });
    });
    html.new_line();
}
