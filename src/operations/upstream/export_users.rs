//! Who uses the exports and outputs that a plan changes: the stacks that import them, by `ListImports`
//! and by the templates of the project, and the stacks of the project that read the outputs otherwise.
//!
//! Nothing is called or read if the plan leaves the values alone.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::rc::Rc;

use futures_util::stream::{self, StreamExt as _};
use indexmap::IndexMap;

use super::project_stacks::{ProjectStacks, is_same_place, template_of, values_of};
use crate::aws::stack::exports;
use crate::cloudformation::stack::{name_of, pseudo_parameters};
use crate::config::settings::{ParameterValue, Settings};
use crate::error::{Error, Result};
use crate::operations::deploy::deployment::Deployment;
use crate::operations::session::Session;
use crate::plan::Plan;
use crate::plan::export_use::{
    ExportUse, Importer, Importers, NextImport, OutputReader, OwnImporter, ReadBy,
};
use crate::plan::output_effect::{Effect, OutputEffect};
use crate::plan::risk::Risk;
use crate::template::Template;
use crate::template::evaluate::{Evaluated, Evaluator};

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
        .map(|(key, settings)| Other::new(session, key, settings))
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
    plan.assessment.risks.splice(0..0, risks);
    plan.assessment
        .risks
        .sort_by_key(|risk| Reverse(risk.severity));
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
    template: Option<Rc<Template>>,
}

impl<'s> Other<'s> {
    fn new(session: &Session<'_>, key: &'s str, settings: &'s Settings) -> Self {
        Self {
            key,
            settings,
            is_here: is_same_place(session.settings(), settings),
            template: template_of(session, settings),
        }
    }
}

/// What a template imports.
struct Imports {
    names: BTreeSet<String>,
    /// Whether it also imports something whose name is not known.
    has_unknown: bool,
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
        let imports = self.imports(other);
        let next = match imports {
            None => NextImport::Unknown,
            Some(imports) if imports.names.contains(export) => NextImport::Keeps,
            Some(imports) if !imports.names.is_disjoint(&self.added) => NextImport::TakesNew,
            Some(imports) if imports.has_unknown => NextImport::Unknown,
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

    /// Returns what the new template of a stack imports; `None` if it cannot be read.
    fn imports(&self, other: &Other<'_>) -> Option<Imports> {
        let template = other.template.as_deref()?;
        let values = self.values(other, template);
        let evaluator = Evaluator::new(template, &values);
        let mut imports = Imports {
            names: BTreeSet::new(),
            has_unknown: template.has_transforms(),
        };
        template.root().visit(&mut |node| {
            if let Some(("Fn::ImportValue", member)) = node.intrinsic() {
                match evaluator.value(&member.node) {
                    Evaluated::Scalar(name) => {
                        imports.names.insert(name.into_owned());
                    }
                    _ => imports.has_unknown = true,
                }
            }
        });
        Some(imports)
    }

    fn values(&self, other: &Other<'_>, template: &Template) -> IndexMap<String, String> {
        let account = &self.deployment.identity().account;
        let region = self.deployment.connection().region();
        let mut values = values_of(other.settings, template);
        values.extend(pseudo_parameters(account, region, &other.settings.stack_name));
        values
    }

    /// Returns the stacks of the project that read an output without importing it.
    fn readers(&self, effect: &OutputEffect) -> Vec<OutputReader> {
        let own = self.deployment.session().settings();
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
                if let ParameterValue::FromStack { stack, output, .. } = value
                    && Some(stack) == own.stack_key.as_ref()
                    && *output == effect.name
                {
                    push(ReadBy::FromStack(parameter.clone()));
                }
            }
            if self.reads_output(other, &own.stack_name, &effect.name) {
                push(ReadBy::GetStackOutput);
            }
        }
        readers
    }

    /// Returns whether a template reads an output with `Fn::GetStackOutput`.
    fn reads_output(&self, other: &Other<'_>, stack: &str, output: &str) -> bool {
        let Some(template) = other.template.as_deref() else {
            return false;
        };
        let values = self.values(other, template);
        let evaluator = Evaluator::new(template, &values);
        let mut reads = false;
        template.root().visit(&mut |node| {
            let Some(("Fn::GetStackOutput", member)) = node.intrinsic() else {
                return;
            };
            let is = |key: &str, expected: &str| {
                let value = member.node.get(key).map(|node| evaluator.value(node));
                match value {
                    Some(Evaluated::Scalar(text)) => text == expected || name_of(&text) == expected,
                    _ => false,
                }
            };
            reads |= is("StackName", stack) && is("OutputName", output);
        });
        reads
    }
}
