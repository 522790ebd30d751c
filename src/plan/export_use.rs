//! Outputs and exports that a plan changes although others use them.
//!
//! CloudFormation refuses to change or to remove an export while another stack imports it, in the middle
//! of the update. The refusal is known at plan time: by `ListImports`, and by the templates of the
//! project's other stacks. A plan that certainly fails is not applied; the order that works is shown as
//! steps.

use super::output_effect::{Effect, OutputEffect};
use super::risk::{Kind, Risk, Severity};
use crate::util::suggest::quoted;

/// An export that the plan changes or removes, or may change or remove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportUse {
    /// What happens to the export.
    pub effect: OutputEffect,
    /// The stacks that import it.
    pub importers: Importers,
}

/// The stacks that import an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Importers {
    /// These, in the order of the service.
    Known(Vec<Importer>),
    /// The service did not list them, for this reason.
    Unknown(String),
}

/// A stack that imports an export, or that will.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Importer {
    /// The name of the stack.
    pub stack: String,
    /// Whether the stack imports the export now. Otherwise its new template does.
    pub is_deployed: bool,
    /// The stack of the project with its new template; `None` if another project has the stack.
    pub own: Option<OwnImporter>,
}

/// An importer that belongs to the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnImporter {
    /// The key in `[stacks]`.
    pub key: String,
    /// The command that applies it.
    pub apply: String,
    /// What its new template does.
    pub next: NextImport,
    /// Whether the manifest puts it after the stack that exports.
    pub comes_after: bool,
}

/// What the new template of an importer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextImport {
    /// It still imports the export.
    Keeps,
    /// It no longer imports it.
    Stops,
    /// It imports an export that is new in the same plan.
    TakesNew,
    /// The template cannot be read.
    Unknown,
}

/// An output of the plan that another stack of the project reads, but does not import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputReader {
    /// What happens to the output.
    pub effect: OutputEffect,
    /// The key of the stack that reads it.
    pub key: String,
    /// How it reads the output, such as `from_stack`.
    pub by: ReadBy,
}

/// How a stack reads the output of another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadBy {
    /// `from_stack` for this parameter.
    FromStack(String),
    /// `Fn::GetStackOutput` in the template.
    GetStackOutput,
}

impl ExportUse {
    /// Returns whether CloudFormation certainly refuses the plan because of this export.
    pub fn is_refused(&self) -> bool {
        let is_imported = match &self.importers {
            Importers::Known(importers) => importers.iter().any(|it| it.is_deployed),
            Importers::Unknown(_) => false,
        };
        is_imported && self.effect.is_certain
    }

    /// Returns what happens, as words that follow the name of the export.
    pub fn sentence(&self) -> String {
        let effect = &self.effect;
        let what = match (&effect.before, &effect.after, effect.effect) {
            (Some(before), Some(after), Effect::Changed) => {
                format!("{} from \"{before}\" to \"{after}\"", effect.words())
            }
            _ => effect.words().to_owned(),
        };
        let why = effect.cause.as_deref();
        let why = why.map_or_else(String::new, |why| format!(" ({why})"));
        let importers = match &self.importers {
            Importers::Unknown(reason) => {
                return format!("{what}{why}; whether a stack imports it is unknown: {reason}");
            }
            Importers::Known(importers) => importers,
        };
        let (now, then): (Vec<_>, Vec<_>) = importers.iter().partition(|it| it.is_deployed);
        if now.is_empty() {
            let names = quoted(then.iter().map(|it| it.stack.as_str()));
            return format!("{what}{why}, and the new template of {names} imports it");
        }
        let names = quoted(now.iter().map(|it| it.stack.as_str()));
        let (verb, then) = match (now.len(), effect.is_certain) {
            (1, true) => ("imports", "CloudFormation refuses the update"),
            (_, true) => ("import", "CloudFormation refuses the update"),
            (1, false) => ("imports", "CloudFormation refuses the update then"),
            (_, false) => ("import", "CloudFormation refuses the update then"),
        };
        format!("{what}{why}, and {names} {verb} it: {then}")
    }

    /// Returns the order that works, as steps. `exporter` is the key or the name of the stack that
    /// exports, and `apply` the command that applies it.
    pub fn steps(&self, exporter: &str, apply: &str) -> Vec<String> {
        let Importers::Known(importers) = &self.importers else {
            return Vec::new();
        };
        let name = &self.effect.name;
        let own = || importers.iter().filter_map(|it| it.own.as_ref());
        let takes_new = own().any(|it| it.next == NextImport::TakesNew);
        let mut steps = Vec::new();
        if takes_new {
            steps.push(format!(
                "keep the export `{name}` in `{exporter}` beside the new one, and run `{apply}`"
            ));
        }
        for importer in importers {
            let stack = &importer.stack;
            steps.push(match &importer.own {
                None => format!("change the stack `{stack}` so that it no longer imports `{name}`"),
                Some(own) => match own.next {
                    NextImport::Stops | NextImport::TakesNew => format!("run `{}`", own.apply),
                    NextImport::Keeps | NextImport::Unknown => format!(
                        "change `{}` so that it no longer imports `{name}`, and run `{}`",
                        own.key, own.apply
                    ),
                },
            });
        }
        steps.push(if takes_new {
            format!("remove `{name}` from `{exporter}`, and run `{apply}`")
        } else {
            format!("run `{apply}`")
        });
        steps
    }

    /// Returns the steps in one text, with a remark if the manifest has the other order.
    pub fn remedy(&self, exporter: &str, apply: &str) -> Option<String> {
        let Importers::Known(importers) = &self.importers else {
            return Some(
                "allow `cloudformation:ListImports`, or find out who imports it".to_owned(),
            );
        };
        let steps = self.steps(exporter, apply);
        let numbered = steps
            .iter()
            .zip(1..)
            .map(|(step, number)| format!("{number}. {step}"));
        let mut text = format!("in this order: {}", numbered.collect::<Vec<_>>().join("; "));
        let mut own = importers.iter().filter_map(|it| it.own.as_ref());
        let contradicts = |it: &&OwnImporter| it.comes_after && it.next == NextImport::Stops;
        if let Some(own) = own.find(contradicts) {
            text.push_str(&format!(
                "; `{}` comes after `{exporter}` in the manifest, so one `apply` of both has the wrong order",
                own.key
            ));
        }
        Some(text)
    }

    /// Returns the risk of the plan; `None` if nobody imports the export.
    pub fn risk(&self, exporter: &str, apply: &str) -> Option<Risk> {
        if matches!(&self.importers, Importers::Known(importers) if importers.is_empty()) {
            return None;
        }
        Some(Risk {
            logical_id: self.effect.name.clone(),
            kind: Kind::Export,
            severity: if self.is_refused() {
                Severity::Danger
            } else {
                Severity::Warning
            },
            reason: self.sentence(),
            remedy: self.remedy(exporter, apply),
            guard: None,
        })
    }
}

impl OutputReader {
    /// Returns the risk of the plan; `None` if the reader gets the new value with its next deployment.
    pub fn risk(&self) -> Option<Risk> {
        let effect = &self.effect;
        let what = effect.words();
        let key = &self.key;
        let is_removed = effect.effect == Effect::Removed;
        let (reason, remedy) = match &self.by {
            ReadBy::FromStack(_) if !is_removed => return None,
            ReadBy::FromStack(parameter) => (
                format!("{what}, and `{key}` takes its parameter `{parameter}` from it"),
                match &effect.renamed {
                    Some(name) => {
                        format!("write `output = \"{name}\"` at `{parameter}` of `{key}`")
                    }
                    None => format!("give `{parameter}` of `{key}` another value first"),
                },
            ),
            ReadBy::GetStackOutput if is_removed => (
                format!("{what}, and the template of `{key}` reads it with `Fn::GetStackOutput`"),
                format!("change the template of `{key}` first"),
            ),
            ReadBy::GetStackOutput => (
                format!("{what}, and the template of `{key}` reads it with `Fn::GetStackOutput`"),
                format!("apply `{key}` afterwards: it gets the new value only then"),
            ),
        };
        Some(Risk {
            logical_id: effect.name.clone(),
            kind: Kind::Output,
            severity: if is_removed {
                Severity::Warning
            } else {
                Severity::Note
            },
            reason,
            remedy: Some(remedy),
            guard: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{ExportUse, Importer, Importers, NextImport, OutputReader, OwnImporter, ReadBy};
    use crate::plan::output_effect::{Effect, OutputEffect};

    fn effect(effect: Effect, is_certain: bool) -> OutputEffect {
        OutputEffect {
            name: "vpc".to_owned(),
            output: "Vpc".to_owned(),
            effect,
            is_certain,
            before: None,
            after: None,
            renamed: None,
            cause: Some("`Vpc` is replaced".to_owned()),
        }
    }

    fn own(key: &str, next: NextImport, comes_after: bool) -> Importer {
        Importer {
            stack: format!("shop-{key}"),
            is_deployed: true,
            own: Some(OwnImporter {
                key: key.to_owned(),
                apply: format!("apply {key}"),
                next,
                comes_after,
            }),
        }
    }

    fn foreign(is_deployed: bool) -> Importer {
        Importer {
            stack: "other".to_owned(),
            is_deployed,
            own: None,
        }
    }

    /// Returns the severity, the sentence and the steps.
    fn shown(effect: OutputEffect, importers: Vec<Importer>) -> String {
        let used = ExportUse {
            effect,
            importers: Importers::Known(importers),
        };
        match used.risk("network", "apply network") {
            None => "nothing".to_owned(),
            Some(risk) => format!(
                "{} {}\n{}",
                risk.severity.as_str(),
                risk.reason,
                risk.remedy.unwrap_or_default()
            ),
        }
    }

    #[test]
    fn an_export_in_use_names_its_users_and_the_order_that_works() {
        let certain = || effect(Effect::Removed, true);
        assert_eq!(shown(certain(), Vec::new()), "nothing");
        insta::assert_snapshot!(shown(certain(), vec![own("app", NextImport::Stops, false)]), @r"
        danger is removed (`Vpc` is replaced), and `shop-app` imports it: CloudFormation refuses the update
        in this order: 1. run `apply app`; 2. run `apply network`
        ");
        insta::assert_snapshot!(shown(certain(), vec![own("app", NextImport::Stops, true)]), @r"
        danger is removed (`Vpc` is replaced), and `shop-app` imports it: CloudFormation refuses the update
        in this order: 1. run `apply app`; 2. run `apply network`; `app` comes after `network` in the manifest, so one `apply` of both has the wrong order
        ");
        insta::assert_snapshot!(shown(certain(), vec![own("app", NextImport::TakesNew, true)]), @r"
        danger is removed (`Vpc` is replaced), and `shop-app` imports it: CloudFormation refuses the update
        in this order: 1. keep the export `vpc` in `network` beside the new one, and run `apply network`; 2. run `apply app`; 3. remove `vpc` from `network`, and run `apply network`
        ");
        insta::assert_snapshot!(shown(effect(Effect::Changed, false), vec![own("app", NextImport::Keeps, true), foreign(true)]), @r"
        warning may change (`Vpc` is replaced), and `shop-app`, `other` import it: CloudFormation refuses the update then
        in this order: 1. change `app` so that it no longer imports `vpc`, and run `apply app`; 2. change the stack `other` so that it no longer imports `vpc`; 3. run `apply network`
        ");
        insta::assert_snapshot!(shown(certain(), vec![foreign(false)]), @r"
        warning is removed (`Vpc` is replaced), and the new template of `other` imports it
        in this order: 1. change the stack `other` so that it no longer imports `vpc`; 2. run `apply network`
        ");
        let changed = OutputEffect {
            before: Some("a".to_owned()),
            after: Some("b".to_owned()),
            ..effect(Effect::Changed, true)
        };
        insta::assert_snapshot!(shown(changed, vec![foreign(true)]), @r#"
        danger changes from "a" to "b" (`Vpc` is replaced), and `other` imports it: CloudFormation refuses the update
        in this order: 1. change the stack `other` so that it no longer imports `vpc`; 2. run `apply network`
        "#);
        let unknown = ExportUse {
            effect: certain(),
            importers: Importers::Unknown("not allowed".to_owned()),
        };
        assert!(!unknown.is_refused());
        assert_eq!(
            unknown.sentence(),
            "is removed (`Vpc` is replaced); whether a stack imports it is unknown: not allowed"
        );
    }

    #[test]
    fn readers_of_an_output_are_warned() {
        let shown = |effect: OutputEffect, by: ReadBy| {
            let reader = OutputReader {
                effect,
                key: "app".to_owned(),
                by,
            };
            let risk = reader.risk().map(|risk| {
                let severity = risk.severity.as_str();
                format!(
                    "{severity} {}; {}",
                    risk.reason,
                    risk.remedy.unwrap_or_default()
                )
            });
            risk.unwrap_or_default()
        };
        let from_stack = || ReadBy::FromStack("VpcId".to_owned());
        assert_eq!(shown(effect(Effect::Changed, true), from_stack()), "");
        assert_eq!(
            shown(effect(Effect::Removed, true), from_stack()),
            "warning is removed, and `app` takes its parameter `VpcId` from it; give `VpcId` of `app` another value first"
        );
        let renamed = OutputEffect {
            renamed: Some("Network".to_owned()),
            ..effect(Effect::Removed, true)
        };
        assert_eq!(
            shown(renamed, from_stack()),
            "warning is removed, and `app` takes its parameter `VpcId` from it; write `output = \"Network\"` at `VpcId` of `app`"
        );
        assert_eq!(
            shown(effect(Effect::Changed, false), ReadBy::GetStackOutput),
            "note may change, and the template of `app` reads it with `Fn::GetStackOutput`; apply `app` afterwards: it gets the new value only then"
        );
    }
}
