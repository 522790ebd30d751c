//! `stackctl validate`: checks the manifest, the template and the parameters; needs no credentials.

use super::{Context, Exit};
use crate::diagnostic::Diagnostic;
use crate::error::{Error, Result};
use crate::operations::examine::{examine, is_wrong, stack_policy};
use crate::operations::graph::layout::Layout;
use crate::operations::lint as lint_operation;
use crate::operations::prepare;
use crate::operations::session::Session;
use crate::operations::upstream::{input_types, shared_parameters};
use crate::present::human::count;
use crate::present::json::findings::FindingsDocument;
use crate::present::json::sarif::SarifDocument;
use crate::present::json::stacks::Kind;
use crate::template::lint;
use crate::template::render::{RenderedTemplate, TEMPLATE_LIMIT};

/// The arguments of `stackctl validate`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The form of the findings
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
    /// Run the `build` commands of the artifacts, which are code of the project
    #[arg(long)]
    build: bool,
}

impl Args {
    /// Returns how the output of several stacks is put together.
    pub(crate) fn layout(&self) -> Layout {
        match self.format {
            Format::Human => Layout::Blocks,
            Format::Json => Layout::Json(Kind::Validate),
            Format::Sarif => Layout::Sarif,
        }
    }
}

/// The form of the findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Text for people
    Human,
    /// One JSON document with a `schema` field
    Json,
    /// SARIF 2.1.0, which code hosts show next to the lines
    Sarif,
}

/// Shows every finding; fails if one of them keeps the template from being deployed.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let session = Session::open(context)?;
    let presenter = session.presenter();
    let (project, settings) = (session.project(), session.settings());
    stack_policy(project, settings)?;
    let artifacts = prepare::artifacts(&session, args.build).await?;
    let (packaged, checked) = examine(project, settings, artifacts, presenter.secrets())?;
    let mut findings = checked.findings;
    if let Some(template) = &checked.template {
        findings.extend(input_types::check(&session, template)?);
        findings.extend(shared_parameters::check(&session)?);
    }
    // A text that is no template has one fault, which a linter would only repeat.
    if let (Some(packaged), Some(_)) = (&packaged, &checked.template) {
        let children = packaged.children.iter().map(|child| &child.rendered);
        for rendered in [&packaged.root].into_iter().chain(children) {
            let (linter, found) = match lint_one(&session, rendered).await {
                // What is wrong with the template may be why the linter failed.
                Err(error) if is_wrong(&findings) => {
                    presenter.warning(&error.to_string());
                    continue;
                }
                linted => linted?,
            };
            findings = lint::merge(findings, found);
            presenter.note_once(&linter);
        }
    }
    match args.format {
        Format::Json => presenter.json(&FindingsDocument::of(&findings))?,
        Format::Sarif => presenter.json(&SarifDocument::of(&findings))?,
        Format::Human => presenter.diagnostics(&findings),
    }
    let name = session.settings().template.display();
    if is_wrong(&findings) {
        return Err(Error::input(format!(
            "`{name}` is not a valid CloudFormation template"
        )));
    }
    let resources = checked
        .template
        .map_or(0, |template| template.resources().count());
    let nested = packaged.as_ref().map_or(0, |it| it.children.len());
    let nested = match nested {
        0 => String::new(),
        nested => format!("{}, ", count(nested, "nested template")),
    };
    presenter.note(&format!(
        "`{name}` is valid for `{}`: {}, {nested}{}, {} bytes.",
        session.settings().environment,
        count(resources, "resource"),
        count(findings.len(), "warning"),
        packaged.map_or(0, |it| it.root.text().len())
    ));
    Ok(Exit::Done)
}

/// Lints one template. Returns what linted it, as a sentence, and the findings.
async fn lint_one(
    session: &Session<'_>,
    rendered: &RenderedTemplate,
) -> Result<(String, Vec<Diagnostic>)> {
    let presenter = session.presenter();
    let subject = lint_operation::subject(session, rendered)?;
    if !lint::IS_BUILT_IN && !subject.policies.is_empty() {
        presenter.warning(
            "the Guard policies are not checked: only a stackctl with the feature `lint` can",
        );
    }
    if rendered.text().len() > TEMPLATE_LIMIT {
        // CloudFormation refuses it anyway, and a linter would take minutes.
        let why = "Not linted: the template is larger than CloudFormation accepts.";
        return Ok((why.to_owned(), Vec::new()));
    }
    presenter.progress("linting the template");
    Ok(match lint_operation::on_thread(subject).await? {
        Some(report) => {
            let linter = format!("Linted by {}.", report.linter);
            let found = lint_operation::located(session.settings(), report, rendered);
            (linter, found)
        }
        None => (
            "Not linted: cfn-lint is not installed.".to_owned(),
            Vec::new(),
        ),
    })
}
