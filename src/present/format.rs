//! The output formats of the commands, with their names on the command line.

use clap::ValueEnum;

use super::json::plan::PlanDocument;
use super::json::stack_set::StackSetPlanDocument;
use super::{Presenter, graph, html, human, markdown};
use crate::error::Result;
use crate::plan::Plan;
use crate::plan::resource_graph::ResourceGraph;
use crate::plan::stack_set::StackSetPlan;

/// When to color the output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Always, also into pipes and files
    Always,
    /// Never
    Never,
}

/// The format of a command's output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text for people
    #[default]
    Human,
    /// One JSON document with a `schema` field
    Json,
}

/// The format of events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum EventsFormat {
    /// Text for people
    #[default]
    Human,
    /// One JSON document with a `schema` field; with --follow one object per line
    Json,
    /// The last operation as a page for a browser, which needs no network: `> events.html`
    Html,
}

/// The format of a plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    /// Text for people
    #[default]
    Human,
    /// One JSON document with a `schema` field
    Json,
    /// A pull request comment of at most 65,536 characters
    Markdown,
    /// A page for a browser, which needs no network: `> plan.html`
    Html,
}

/// The format of a resource graph.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// Lines for people: each resource with what it refers to
    #[default]
    Human,
    /// A Mermaid flowchart, which code hosts show as a picture
    Mermaid,
    /// The language of Graphviz
    Dot,
    /// A picture, for light and dark
    Svg,
}

impl GraphFormat {
    /// Writes a graph to stdout in this format. `title` says what the graph shows.
    pub(crate) fn print(self, resources: &ResourceGraph, title: &str, presenter: &Presenter) {
        match self {
            Self::Human => presenter.data(&graph::text(resources, presenter.width())),
            Self::Mermaid => presenter.exact_data(&graph::mermaid(resources)),
            Self::Dot => presenter.exact_data(&graph::dot(resources)),
            Self::Svg => {
                let usage = graph::Usage::Standalone;
                presenter.exact_data(&graph::svg(resources, title, usage));
            }
        }
    }
}

impl PlanFormat {
    /// Writes a plan to stdout in this format.
    ///
    /// # Errors
    ///
    /// If the plan cannot be serialized as JSON.
    pub(crate) fn print(self, plan: &Plan, presenter: &Presenter) -> Result<()> {
        match self {
            Self::Human => presenter.data(&human::plan::plan(
                plan,
                presenter.is_verbose(),
                presenter.width(),
            )),
            Self::Json => presenter.json(&PlanDocument::of(plan))?,
            Self::Markdown => presenter.comment(markdown::plan(plan)),
            Self::Html => presenter.page(html::plan::plan(plan, presenter.page_context())),
        }
        Ok(())
    }

    /// Writes the plan of a stack set to stdout in this format.
    ///
    /// # Errors
    ///
    /// If the plan cannot be serialized as JSON.
    pub(crate) fn print_stack_set(self, plan: &StackSetPlan, presenter: &Presenter) -> Result<()> {
        match self {
            Self::Human => presenter.data(&human::stack_set::stack_set_plan(
                plan,
                presenter.is_verbose(),
                presenter.width(),
            )),
            Self::Json => presenter.json(&StackSetPlanDocument::of(plan))?,
            Self::Markdown => presenter.comment(markdown::stack_set::plan(plan)),
            Self::Html => presenter.page(html::stack_set::plan(plan, presenter.page_context())),
        }
        Ok(())
    }
}
