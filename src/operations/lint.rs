//! The linter beside a command: started when the template is rendered, heard before anything is
//! written.
//!
//! AWS's own rules run on a thread of their own while the network waits. Without them `plan` and
//! `apply` do not lint: starting another program costs a second, which `validate` alone may take.

use indexmap::IndexMap;
use tokio::sync::oneshot;

use super::build::is_wrong;
use super::session::Session;
use crate::config::settings::ParameterValue;
use crate::diagnostic::Diagnostic;
use crate::error::{Error, Result};
use crate::template::lint::{self, Report, Subject};
use crate::template::render::RenderedTemplate;

/// A linter at work.
#[derive(Debug)]
pub(crate) struct Linting(oneshot::Receiver<Result<Option<Report>>>);

impl Session<'_> {
    /// Returns what the linter is asked about a rendered template.
    ///
    /// # Errors
    ///
    /// Where a policy of the project cannot be read.
    pub(crate) fn lint_subject(&self, rendered: &RenderedTemplate) -> Result<Subject> {
        let settings = &self.settings;
        let plain = settings.parameters.iter().filter_map(|(name, value)| {
            let ParameterValue::Plain(value) = value else {
                return None;
            };
            Some((name.clone(), value.clone()))
        });
        Ok(Subject {
            source: rendered.source().clone(),
            region: settings.region.clone(),
            parameters: plain.collect::<IndexMap<_, _>>(),
            policies: self.project.policies()?,
            settings: settings.lint.clone(),
            root: self.project.root().to_path_buf(),
        })
    }

    /// Starts the linter where it is part of this program.
    pub(crate) fn start_linting(&self, rendered: &RenderedTemplate) -> Result<Option<Linting>> {
        if !lint::IS_BUILT_IN {
            return Ok(None);
        }
        let subject = self.lint_subject(rendered)?;
        let (answer, heard) = oneshot::channel();
        std::thread::spawn(move || {
            // Nobody may be waiting any more: then nobody wants to know.
            let _ = answer.send(lint::lint(&subject));
        });
        Ok(Some(Linting(heard)))
    }

    /// Waits for the linter and shows what it found.
    ///
    /// # Errors
    ///
    /// Where the linter failed, or found an error.
    pub(crate) async fn finish_linting(
        &self,
        linting: Linting,
        rendered: &RenderedTemplate,
    ) -> Result<()> {
        match linting.0.await {
            Ok(answer) => self.apply_findings(answer?, rendered),
            Err(_) => Err(Error::input("the linter ended without an answer")),
        }
    }

    /// Runs the linter where it is part of this program and shows what it found.
    ///
    /// # Errors
    ///
    /// Where the linter failed, or found an error.
    pub(crate) fn lint(&self, rendered: &RenderedTemplate) -> Result<()> {
        if !lint::IS_BUILT_IN {
            return Ok(());
        }
        self.apply_findings(lint::lint(&self.lint_subject(rendered)?)?, rendered)
    }

    /// Returns the linter's findings at their places in the template and the manifest.
    pub(crate) fn located(&self, report: Report, rendered: &RenderedTemplate) -> Vec<Diagnostic> {
        let origins = &self.settings.origins;
        let findings = report.findings.into_iter();
        findings
            .map(|finding| rendered.translate(finding, origins))
            .collect()
    }

    fn apply_findings(&self, report: Option<Report>, rendered: &RenderedTemplate) -> Result<()> {
        let Some(report) = report else {
            return Ok(());
        };
        let name = self.settings.template.display();
        let linter = report.linter.clone();
        let findings = self.located(report, rendered);
        if !is_wrong(&findings) {
            self.presenter().diagnostics(&findings);
            return Ok(());
        }
        Err(Error::input(format!("{linter} found errors in `{name}`"))
            .with_diagnostics(findings)
            .hint(
                "correct them, or name their rules in the manifest: `[lint] ignore = [\"RULE\"]`",
            ))
    }
}
