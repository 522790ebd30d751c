//! Who uses the exports and outputs that a plan changes: the stacks that import them, by `ListImports`
//! and by the templates of the project, and the stacks of the project that read the outputs otherwise.
//!
//! Nothing is called or read if the plan leaves the values alone.

use std::collections::BTreeSet;

use futures_util::stream::{self, StreamExt as _};

use super::project_stacks::{ProjectStacks, is_same_place, template_of, values_of};
use crate::aws::stack::exports;
use crate::cloudformation::stack::{name_of, pseudo_parameters};
use crate::config::settings::Settings;
use crate::error::{Error, Result};
use crate::operations::deploy::deployment::Deployment;
use crate::operations::session::Session;
use crate::plan::Plan;
use crate::plan::export_use::{
    ExportUse, Importer, Importers, NextImport, OutputReader, OwnImporter, ReadBy,
};
use crate::plan::output_effect::{Effect, OutputEffect};
use crate::plan::risk::{Assessment, Risk};
use crate::plan::stack_reads::StackReads;
use crate::template::evaluate::Evaluator;

/// How many exports are looked up at once.
const AT_ONCE: usize = 4;

/// Adds the users of what a plan changes to the plan, and the risks for them.
///
/// # Errors
///
/// Only if the user interrupts: what the service does not answer is unknown.
pub(crate) async fn find(deployment: &Deployment<'_>, plan: &mut Plan) -> Result<()> {
    let endangered: Vec<OutputEffect> = plan.effects.endangered_exports().cloned().collect();
    let outputs = plan.effects.outputs.iter();
    let outputs: Vec<OutputEffect> = outputs.filter(|it| it.affects_users()).cloned().collect();
    if endangered.is_empty() && outputs.is_empty() {
        return Ok(());
    }
    let session = deployment.session();
    // What is wrong with another stack is no error of this one.
    let project = ProjectStacks::of(session).unwrap_or_default();
    let own = session.settings().stack_key.as_deref().unwrap_or_default();
    let others: Vec<Other<'_>> = project
        .others(own)
        .map(|(key, settings)| Other::new(deployment, key, settings))
        .collect();
    let added = plan
        .effects
        .exports
        .iter()
        .filter(|it| it.effect == Effect::Added);
    let search = Search {
        deployment,
        project: &project,
        others: &others,
        added: added.map(|it| it.name.clone()).collect(),
    };
    let uses = stream::iter(endangered).map(async |effect| search.uses(effect).await);
    let uses = async { Ok(uses.buffered(AT_ONCE).collect::<Vec<_>>().await) };
    let uses: Vec<ExportUse> = deployment.interrupt().guard(uses).await?;
    let apply = session.command("apply");
    let exporter = if own.is_empty() {
        &session.settings().stack_name
    } else {
        own
    };
    let mut risks: Vec<Risk> = uses
        .iter()
        .filter_map(|it| it.risk(exporter, &apply))
        .collect();
    let readers = outputs.iter().flat_map(|effect| search.readers(effect));
    risks.extend(readers.filter_map(|reader| reader.risk()));
    plan.exports = uses;
    plan.exports
        .retain(|it| it.importers != Importers::Known(Vec::new()));
    let of_changes = std::mem::take(&mut plan.assessment);
    let of_outputs = Assessment {
        risks,
        ..Assessment::default()
    };
    plan.assessment = of_outputs.with(of_changes);
    Ok(())
}

/// Refuses a plan that CloudFormation certainly refuses because of an export.
///
/// # Errors
///
/// Refused if there is such an export, with the order that works.
pub(crate) fn check(session: &Session<'_>, plan: &Plan) -> Result<()> {
    let refused: Vec<&ExportUse> = plan.exports.iter().filter(|it| it.is_refused()).collect();
    if refused.is_empty() {
        return Ok(());
    }
    let sentences = refused
        .iter()
        .map(|it| format!("the export `{}` {}", it.effect.name, it.sentence()));
    let sentences: Vec<String> = sentences.collect();
    let settings = session.settings();
    let exporter = settings
        .stack_key
        .as_deref()
        .unwrap_or(&settings.stack_name);
    let apply = session.command("apply");
    let mut hints: Vec<String> = refused
        .iter()
        .filter_map(|it| it.remedy(exporter, &apply))
        .collect();
    hints.dedup();
    let error = Error::refused(format!("not applied: {}", sentences.join("; ")));
    Err(hints.into_iter().fold(error, Error::hint))
}

/// Another stack of the project.
struct Other<'s> {
    key: &'s str,
    settings: &'s Settings,
    /// Whether it is in the account and region of the plan's stack, so that it can import its exports.
    is_here: bool,
    /// What its new template reads of other stacks; `None` if the template cannot be read.
    reads: Option<StackReads>,
}

impl<'s> Other<'s> {
    fn new(deployment: &Deployment<'_>, key: &'s str, settings: &'s Settings) -> Self {
        let session = deployment.session();
        let template = template_of(session, settings);
        Self {
            key,
            settings,
            is_here: is_same_place(session.settings(), settings),
            reads: template.map(|template| {
                let mut values = values_of(settings, &template);
                values.extend(pseudo_parameters(
                    &deployment.identity().account,
                    deployment.connection().region(),
                    &settings.stack_name,
                ));
                StackReads::of(&Evaluator::new(&template, &values))
            }),
        }
    }
}

struct Search<'a, 'd> {
    deployment: &'a Deployment<'d>,
    project: &'a ProjectStacks,
    others: &'a [Other<'a>],
    /// The exports that are new in the plan.
    added: BTreeSet<String>,
}

impl Search<'_, '_> {
    async fn uses(&self, effect: OutputEffect) -> ExportUse {
        let importers = match exports::importers(self.deployment.service(), &effect.name).await {
            Ok(Some(names)) => Importers::Known(self.importers(&effect, &names)),
            Ok(None) => {
                let reason = "the caller lacks `cloudformation:ListImports`";
                Importers::Unknown(reason.to_owned())
            }
            Err(error) => Importers::Unknown(error.in_one_line()),
        };
        ExportUse { effect, importers }
    }

    fn importers(&self, effect: &OutputEffect, names: &[String]) -> Vec<Importer> {
        let deployed = names.iter().map(|name| {
            let name = name_of(name);
            let mut here = self.others.iter().filter(|it| it.is_here);
            let other = here.find(|it| it.settings.stack_name == name);
            Importer {
                stack: name.to_owned(),
                is_deployed: true,
                own: other.map(|other| self.own(other, &effect.name)),
            }
        });
        let mut importers: Vec<Importer> = deployed.collect();
        // A template that is not deployed yet cannot import what is gone by then.
        let here = self
            .others
            .iter()
            .filter(|it| it.is_here && effect.effect == Effect::Removed);
        for other in here {
            let name = &other.settings.stack_name;
            let own = self.own(other, &effect.name);
            if own.next == NextImport::Keeps && importers.iter().all(|it| it.stack != *name) {
                importers.push(Importer {
                    stack: name.clone(),
                    is_deployed: false,
                    own: Some(own),
                });
            }
        }
        importers
    }

    fn own(&self, other: &Other<'_>, export: &str) -> OwnImporter {
        let session = self.deployment.session();
        let environment = session.settings().environment.as_str();
        let exporter = session.settings().stack_key.as_deref().unwrap_or_default();
        let next = match &other.reads {
            None => NextImport::Unknown,
            Some(reads) if reads.exports.contains(export) => NextImport::Keeps,
            Some(reads) if !reads.exports.is_disjoint(&self.added) => NextImport::TakesNew,
            Some(reads) if reads.has_unknown => NextImport::Unknown,
            Some(_) => NextImport::Stops,
        };
        OwnImporter {
            key: other.key.to_owned(),
            apply: session
                .context()
                .command_for("apply", &[other.key], &[environment]),
            next,
            comes_after: self.project.comes_after(other.key, exporter),
        }
    }

    /// Returns the stacks of the project that read an output without importing it.
    fn readers(&self, effect: &OutputEffect) -> Vec<OutputReader> {
        let own = self.deployment.session().settings();
        let output = (own.stack_name.clone(), effect.name.clone());
        let input = own.stack_key.as_deref().map(|key| (key, &*effect.name));
        let mut readers = Vec::new();
        for other in self.others {
            let mut push = |by| {
                readers.push(OutputReader {
                    effect: effect.clone(),
                    key: other.key.to_owned(),
                    by,
                });
            };
            for (parameter, value) in &other.settings.parameters {
                if input.is_some() && value.stack_output() == input {
                    push(ReadBy::FromStack(parameter.clone()));
                }
            }
            let reads = other.reads.as_ref();
            if reads.is_some_and(|reads| reads.outputs.contains(&output)) {
                push(ReadBy::GetStackOutput);
            }
        }
        readers
    }
}
