//! The stacks that one command works on, each with a context of its own, and what they print.

use std::collections::BTreeSet;
use std::rc::Rc;

use serde_json::{Map, Value};
use unicode_width::UnicodeWidthStr as _;

use super::layout::Layout;
use crate::error::{Error, Result};
use crate::operations::context::{Context, OpenedTarget};
use crate::present::html::stacks::{StackArticle, page_of_stacks};
use crate::present::human;
use crate::present::json::stacks::{ErrorEntry, StackEntry, StacksDocument, merged_sarif};
use crate::present::markdown::stacks::{StackText, stacks};
use crate::present::output::{MemberOutput, Part};

/// The commands that plan each stack, so that the plan of one can depend on the plan of another.
const PLANS: [&str; 3] = ["apply", "graph", "plan"];

/// The stacks that one command works on, in the order of the graph.
#[derive(Debug)]
pub(crate) struct Group<'a> {
    context: &'a Context,
    command: &'static str,
    layout: Layout,
    members: Vec<Rc<Context>>,
    /// How many of them have printed their output.
    printed: usize,
    /// Whether something was printed.
    has_printed: bool,
    /// The hint on how to go on after an interruption, if the command has one of its own.
    resume: Option<String>,
    /// What is printed at the end, in the order of the stacks.
    entries: Vec<StackEntry>,
    texts: Vec<StackText>,
    articles: Vec<StackArticle>,
}

impl<'a> Group<'a> {
    /// Begins to work on these stacks. `command` is the name of the command.
    pub(crate) fn begin(
        context: &'a Context,
        command: &'static str,
        layout: Layout,
        targets: Vec<OpenedTarget>,
    ) -> Self {
        let labels = labels(&targets);
        if PLANS.contains(&command) {
            let keys = targets.iter().filter_map(OpenedTarget::key);
            context.upstream().announce(keys);
        }
        let presenter = context.presenter();
        presenter.begin_stacks(&labels);
        let kind = match layout {
            Layout::Lines => MemberOutput::Lines,
            _ => MemberOutput::Kept,
        };
        let longest = labels.iter().map(|label| label.width()).max().unwrap_or(0);
        let members = targets.into_iter().zip(&labels).enumerate();
        let members = members.map(|(row, (mut target, label))| {
            let mut names = Map::new();
            names.insert("stack".to_owned(), Value::from(target.stack.clone()));
            let environment = target.settings.environment.clone();
            names.insert("environment".to_owned(), Value::from(environment));
            target.label = Some(label.clone());
            let presenter = presenter.of_stack((row, label, longest), kind, names);
            Rc::new(context.for_target(target, presenter))
        });
        let members = members.collect();
        Self {
            context,
            command,
            layout,
            members,
            printed: 0,
            has_printed: false,
            resume: None,
            entries: Vec::new(),
            texts: Vec::new(),
            articles: Vec::new(),
        }
    }

    /// Returns the same group, if a part of its output was printed already.
    #[must_use]
    pub(crate) fn after_plans(self) -> Self {
        Self {
            has_printed: true,
            ..self
        }
    }

    /// Returns the same group with this hint on how to go on after an interruption.
    #[must_use]
    pub(crate) fn resuming_with(self, hint: String) -> Self {
        Self {
            resume: Some(hint),
            ..self
        }
    }

    /// Returns the hint on how to go on after an interruption.
    pub(super) fn resume(&self) -> String {
        self.resume.clone().unwrap_or_else(|| {
            let running = self.command_for_all("events --follow");
            format!("what runs in CloudFormation continues; follow it with `{running}`")
        })
    }

    /// Returns the context of the whole command.
    pub(crate) fn context(&self) -> &'a Context {
        self.context
    }

    /// Returns the name of the command.
    pub(crate) fn command(&self) -> &'static str {
        self.command
    }

    /// Returns the context of each stack.
    pub(crate) fn members(&self) -> &[Rc<Context>] {
        &self.members
    }

    /// Returns a command line that works on all of these stacks, for hints.
    pub(crate) fn command_for_all(&self, command: &str) -> String {
        let targets = || self.members.iter().filter_map(|member| member.target());
        let stacks: Vec<&str> = distinct(targets().filter_map(|target| target.stack.as_deref()));
        let environments = distinct(targets().map(|target| target.settings.environment.as_str()));
        self.context.command_for(command, &stacks, &environments)
    }

    /// Prints the output of a stack if that of all stacks before it was printed: `results` are how the
    /// command ended for each; `None` if it has not. Nothing is printed while a question is open.
    pub(crate) fn print(&mut self, results: &[Option<Result<u8>>]) {
        while !self.context.presenter().is_asking()
            && let Some(Some(result)) = results.get(self.printed)
            && let Some(member) = self.members.get(self.printed)
        {
            let member = Rc::clone(member);
            self.printed += 1;
            self.print_member(&member, result);
        }
    }

    /// Prints what is printed at the end.
    ///
    /// # Errors
    ///
    /// If a document cannot be written.
    pub(crate) fn finish(&mut self, results: &[Option<Result<u8>>]) -> Result<()> {
        self.print(results);
        let presenter = self.context.presenter();
        match self.layout {
            Layout::Json(kind) => {
                let entries = std::mem::take(&mut self.entries);
                presenter.json(&StacksDocument::of(kind, entries))
            }
            Layout::Sarif => {
                let entries = std::mem::take(&mut self.entries);
                let logs: Vec<Value> = entries.into_iter().filter_map(|it| it.document).collect();
                // Without a log, nothing was checked.
                if logs.is_empty() {
                    return Ok(());
                }
                presenter.json(&merged_sarif(logs))
            }
            Layout::Markdown => {
                presenter.comment(stacks(self.command, &self.name(), &self.texts));
                Ok(())
            }
            Layout::Html(kind) => {
                let context = presenter.page_context();
                let page = page_of_stacks(&context, kind, &self.name(), &self.articles);
                presenter.page_document(kind, &page);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Returns the project and the environments, which name a comment in all runs.
    pub(crate) fn name(&self) -> String {
        let targets = || self.members.iter().filter_map(|member| member.target());
        let projects = distinct(targets().map(|target| target.settings.project.as_str()));
        let environments = distinct(targets().map(|target| target.settings.environment.as_str()));
        let words: Vec<&str> = projects.into_iter().chain(environments).collect();
        words.join(" ")
    }

    fn print_member(&mut self, member: &Context, result: &Result<u8>) {
        let parts = member.presenter().take_output();
        let error = result.as_ref().err();
        match self.layout {
            Layout::Json(_) | Layout::Sarif => {
                let mut documents = parts.into_iter().filter_map(|part| match part {
                    Part::Document(document) => Some(document),
                    _ => None,
                });
                let document = documents.next();
                self.entries.push(StackEntry {
                    exit_code: match result {
                        Ok(code) => *code,
                        Err(error) => error.kind().exit_code(),
                    },
                    error: error.map(ErrorEntry::of),
                    document,
                    ..entry(member)
                });
            }
            Layout::Markdown => self.texts.push(StackText {
                label: member.label().to_owned(),
                comment: parts.into_iter().find_map(|part| match part {
                    Part::Comment(comment) => Some(comment),
                    _ => None,
                }),
                error: error.map(Error::in_one_line),
            }),
            Layout::Html(_) => {
                let entry = entry(member);
                let article = parts.into_iter().find_map(|part| match part {
                    Part::Page(article) => Some(*article),
                    _ => None,
                });
                self.articles.push(StackArticle {
                    label: member.label().to_owned(),
                    environment: entry.environment,
                    account: entry.account,
                    region: entry.region,
                    article,
                    error: error.map(Error::in_one_line),
                });
            }
            Layout::Lines => {}
            Layout::Templates => self.print_template(member, parts),
            Layout::Blocks | Layout::PlacedBlocks => self.print_block(member, parts),
        }
    }

    fn print_block(&mut self, member: &Context, parts: Vec<Part>) {
        if parts.iter().all(Part::is_empty) {
            return;
        }
        let place = member.place();
        let mut facts = Vec::new();
        if let (Layout::Blocks, Some(target)) = (self.layout, member.target()) {
            facts.push(target.settings.stack_name.clone());
            facts.push(target.settings.environment.clone());
            facts.extend(place.account);
            facts.extend(place.region);
        }
        let facts: Vec<&str> = facts.iter().map(String::as_str).collect();
        let heading = human::stacks::heading(member.label(), &facts);
        let gap = if self.has_printed { "\n" } else { "" };
        self.has_printed = true;
        self.context.presenter().data(&format!("{gap}{heading}"));
        for part in parts {
            self.context.presenter().part(part);
        }
    }

    fn print_template(&self, member: &Context, parts: Vec<Part>) {
        let Some(target) = member.target().filter(|_| !parts.is_empty()) else {
            return;
        };
        let path = target.project.shown(&target.settings.template);
        let text = texts(parts);
        // A template may begin its document itself.
        let begins = text
            .lines()
            .any(|line| line == "---" || line.starts_with("--- "));
        let start = if begins { "" } else { "---\n" };
        let comment = one_comment(&format!("{}: {path}", member.label()));
        let end = if text.ends_with('\n') { "" } else { "\n" };
        let document = format!("{comment}{start}{text}{end}");
        self.context.presenter().exact_data(&document);
    }
}

/// Returns what a document says about one stack, without how the command ended for it.
pub(super) fn entry(member: &Context) -> StackEntry {
    let place = member.place();
    let target = member.target();
    StackEntry {
        stack: target.and_then(|target| target.stack.clone()),
        environment: target.map_or_else(String::new, |it| it.settings.environment.clone()),
        account: place.account,
        region: place.region,
        ..StackEntry::default()
    }
}

/// Returns a comment of YAML on one line.
fn one_comment(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    format!("# {line}\n")
}

fn texts(parts: Vec<Part>) -> String {
    let texts = parts.into_iter().map(|part| match part {
        Part::Text(text) | Part::Exact(text) => text,
        Part::Comment(comment) => comment.text,
        Part::Document(document) => document.to_string(),
        Part::Page(_) => String::new(),
    });
    texts.collect()
}

/// Returns each name once, in the order of the first.
pub(super) fn distinct<'t>(names: impl Iterator<Item = &'t str>) -> Vec<&'t str> {
    let mut seen = BTreeSet::new();
    names.filter(|name| seen.insert(*name)).collect()
}

/// Returns what tells the targets apart: the stack's key, after the environment if there are several.
fn labels(targets: &[OpenedTarget]) -> Vec<String> {
    let environments = targets.iter().map(|it| it.settings.environment.as_str());
    let has_one = distinct(environments).len() == 1;
    let labels = targets.iter().map(|target| {
        let environment = &target.settings.environment;
        match &target.stack {
            None => environment.clone(),
            Some(stack) if has_one => stack.clone(),
            Some(stack) => format!("{environment}/{stack}"),
        }
    });
    labels.collect()
}

/// Returns the first target of each artifact bucket, as far as the settings tell the buckets apart.
pub(crate) fn of_distinct_buckets(targets: Vec<OpenedTarget>) -> Vec<OpenedTarget> {
    let mut seen = BTreeSet::new();
    let mut kept = targets;
    kept.retain(|target| {
        let settings = &target.settings;
        let emulator = settings.emulator.then(|| settings.environment.clone());
        seen.insert((
            settings.artifact_bucket.clone(),
            settings.account.clone(),
            settings.region.clone(),
            settings.profile.clone(),
            emulator,
        ))
    });
    kept
}
