//! `stackctl.plan/1`: a plan with all data of CloudFormation's change set.

use schemars::JsonSchema;
use serde::Serialize;

use super::change_set::{ChangeEntry, ChangeSetEntry, change_set, changes};
use super::code::{CodeEntry, code};
use super::validation::{ValidationEntry, validation};
use crate::cloudformation::change_set::Summary;
use crate::cloudformation::refactor::Move;
use crate::plan::cause::Cause;
use crate::plan::deployed_code::CodeRevert;
use crate::plan::export_use::{ExportUse, Importer, Importers};
use crate::plan::provisional::ProvisionalInput;
use crate::plan::risk::{Guard, Risk};
use crate::plan::suggested_moves::SuggestedMove;
use crate::plan::{Operation, Plan, PlannedArtifact, ValueChange};

/// The JSON document of a plan.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PlanDocument<'a> {
    #[schemars(extend("const" = "stackctl.plan/1"))]
    schema: &'static str,
    account: &'a str,
    region: &'a str,
    endpoint: &'a str,
    stack: &'a str,
    environment: &'a str,
    operation: &'static str,
    has_changes: bool,
    prediction: Option<&'a str>,
    /// The mode of the deployment: `standard` or `express`.
    mode: &'static str,
    /// Whether CloudFormation's validations before the deployment are disabled.
    disable_validation: bool,
    capabilities: &'a [String],
    change_set: Option<ChangeSetEntry<'a>>,
    changes: Vec<ChangeEntry<'a>>,
    warnings: Vec<String>,
    validations: Vec<ValidationEntry<'a>>,
    artifacts: Vec<ArtifactEntry<'a>>,
    code: Vec<CodeEntry<'a>>,
    /// The functions that run other code than the deployed template names, and get that code again.
    code_reverts: Vec<CodeRevertEntry<'a>>,
    parameters: Vec<ValueEntry<'a>>,
    tags: Vec<ValueEntry<'a>>,
    settings: Vec<ValueEntry<'a>>,
    outputs: Vec<ValueEntry<'a>>,
    /// The parameters whose values another stack of the run changes, or may change, first; the plan is
    /// provisional if there are any.
    provisional: Vec<ProvisionalEntry<'a>>,
    /// The exports that change or may change and that somebody imports, or perhaps imports.
    exports: Vec<ExportEntry<'a>>,
    /// The differences that the service does not deploy; empty unless it finds no changes.
    ignored: &'a [String],
    risk: Vec<RiskEntry<'a>>,
    /// The resources that get a new logical id first; the changes are those that remain.
    moved: Vec<MoveEntry<'a>>,
    /// The likely renames among the changes.
    suggested_moves: Vec<SuggestedMoveEntry<'a>>,
    cause: Vec<CauseEntry>,
    summary: SummaryEntry,
}

/// A risk of the plan. `kind` and `severity` are stackctl's own values.
#[derive(Debug, Serialize, JsonSchema)]
struct RiskEntry<'a> {
    logical_id: &'a str,
    kind: &'static str,
    severity: &'static str,
    reason: &'a str,
    remedy: Option<&'a str>,
    /// The option that `apply` requires for the change; null if it requires none.
    allow: Option<&'static str>,
}

/// A resource that gets a new logical id by `stackctl refactor`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct MoveEntry<'a> {
    from: &'a str,
    to: &'a str,
    #[serde(rename = "type")]
    resource_type: &'a str,
    /// Null if it is not known.
    physical_id: Option<&'a str>,
}

/// A removed and an added resource that look like one.
#[derive(Debug, Serialize, JsonSchema)]
struct SuggestedMoveEntry<'a> {
    from: &'a str,
    to: &'a str,
    #[serde(rename = "type")]
    resource_type: &'a str,
    /// Whether another pair is as likely.
    ambiguous: bool,
    /// The properties that differ.
    differs: &'a [String],
    /// Why stack refactoring does not accept the rename.
    obstacle: Option<&'a str>,
}

/// The cause of a change to a property that nobody edited.
#[derive(Debug, Serialize, JsonSchema)]
struct CauseEntry {
    logical_id: String,
    property: String,
    source: String,
    entity: Option<String>,
    text: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ArtifactEntry<'a> {
    name: &'a str,
    key: &'a str,
    size: u64,
    deployed: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ValueEntry<'a> {
    name: &'a str,
    before: Option<&'a str>,
    after: Option<&'a str>,
}

/// A function that gets the code of the deployed template again.
#[derive(Debug, Serialize, JsonSchema)]
struct CodeRevertEntry<'a> {
    logical_id: &'a str,
    physical_id: &'a str,
    artifact: &'a str,
    key: &'a str,
    /// The SHA-256 in Base64 of the code that the deployed template names.
    code_sha256: &'a str,
    /// The SHA-256 in Base64 of the code that the function runs (`CodeSha256`).
    live_code_sha256: &'a str,
}

/// A parameter whose value another stack changes first.
#[derive(Debug, Serialize, JsonSchema)]
struct ProvisionalEntry<'a> {
    parameter: &'a str,
    /// The key in `[stacks]`.
    stack: &'a str,
    output: &'a str,
    /// `changes`, `may-change`, `unknown` if there is no value yet, or `offline` if nobody was asked.
    change: &'static str,
    before: Option<&'a str>,
    /// Null if it is not known.
    after: Option<&'a str>,
    cause: Option<&'a str>,
}

/// An export that changes or may change.
#[derive(Debug, Serialize, JsonSchema)]
struct ExportEntry<'a> {
    name: &'a str,
    output: &'a str,
    /// `changed`, `removed`, `may-change` or `may-be-removed`.
    change: &'static str,
    before: Option<&'a str>,
    /// Null if it is removed or not known.
    after: Option<&'a str>,
    cause: Option<&'a str>,
    /// The stacks that import it; null if that is unknown.
    importers: Option<Vec<ImporterEntry<'a>>>,
    /// Why the stacks that import it are unknown.
    unknown: Option<&'a str>,
    /// Whether CloudFormation certainly refuses the deployment, so that `apply` refuses it too.
    refused: bool,
}

/// A stack that imports an export.
#[derive(Debug, Serialize, JsonSchema)]
struct ImporterEntry<'a> {
    stack: &'a str,
    /// The key in `[stacks]`; null if the stack is not of this project.
    key: Option<&'a str>,
    /// Whether the deployed stack imports it. Otherwise its new template does.
    deployed: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct SummaryEntry {
    add: usize,
    change: usize,
    may_replace: usize,
    replace: usize,
    destroy: usize,
    import: usize,
    possible: usize,
    /// The functions that get the code of the deployed template again.
    restore: usize,
}

impl<'a> PlanDocument<'a> {
    /// Returns the document for a plan.
    pub fn of(plan: &'a Plan) -> Self {
        Self {
            schema: "stackctl.plan/1",
            account: &plan.target.account,
            region: &plan.target.region,
            endpoint: &plan.target.endpoint,
            stack: &plan.target.stack,
            environment: &plan.target.environment,
            operation: match plan.operation {
                Operation::Create => "create",
                Operation::Update => "update",
            },
            has_changes: !plan.is_empty(),
            prediction: plan.prediction.as_deref(),
            mode: plan.mode.as_str(),
            disable_validation: plan.skips_validation,
            capabilities: &plan.capabilities,
            change_set: plan.change_set.as_ref().map(change_set),
            changes: plan.change_set.as_ref().map(changes).unwrap_or_default(),
            warnings: plan.warnings(),
            validations: plan.validations.iter().map(validation).collect(),
            artifacts: plan.artifacts.iter().map(artifact).collect(),
            code: plan.code.iter().map(code).collect(),
            code_reverts: plan.code_reverts.iter().map(code_revert).collect(),
            parameters: plan.parameters.iter().map(value).collect(),
            tags: plan.tags.iter().map(value).collect(),
            settings: plan.settings.iter().map(value).collect(),
            outputs: plan.outputs.iter().map(value).collect(),
            provisional: plan.provisional.iter().map(provisional).collect(),
            exports: plan.exports.iter().map(export).collect(),
            ignored: &plan.ignored,
            risk: plan.assessment.risks.iter().map(risk).collect(),
            moved: plan.moved.iter().map(moved).collect(),
            suggested_moves: plan.suggested_moves.iter().map(suggested_move).collect(),
            cause: plan.causes().into_iter().map(cause).collect(),
            summary: summary(plan.summary(), plan.code_reverts.len()),
        }
    }
}

fn risk(risk: &Risk) -> RiskEntry<'_> {
    RiskEntry {
        logical_id: &risk.logical_id,
        kind: risk.kind.as_str(),
        severity: risk.severity.as_str(),
        reason: &risk.reason,
        remedy: risk.remedy.as_deref(),
        allow: risk.guard.map(Guard::option),
    }
}

pub(super) fn moved(moved: &Move) -> MoveEntry<'_> {
    MoveEntry {
        from: &moved.from,
        to: &moved.to,
        resource_type: &moved.resource_type,
        physical_id: moved.physical_id.as_deref(),
    }
}

fn suggested_move(suggested: &SuggestedMove) -> SuggestedMoveEntry<'_> {
    SuggestedMoveEntry {
        from: &suggested.from,
        to: &suggested.to,
        resource_type: &suggested.resource_type,
        ambiguous: suggested.is_ambiguous,
        differs: &suggested.differs,
        obstacle: suggested.obstacle.as_deref(),
    }
}

fn cause(cause: Cause) -> CauseEntry {
    CauseEntry {
        logical_id: cause.logical_id,
        property: cause.property,
        source: cause.source,
        entity: cause.entity,
        text: cause.text,
    }
}

fn artifact(artifact: &PlannedArtifact) -> ArtifactEntry<'_> {
    ArtifactEntry {
        name: &artifact.name,
        key: &artifact.key,
        size: artifact.size,
        deployed: artifact.deployed,
    }
}

fn code_revert(revert: &CodeRevert) -> CodeRevertEntry<'_> {
    CodeRevertEntry {
        logical_id: &revert.code.logical_id,
        physical_id: &revert.function,
        artifact: &revert.code.artifact,
        key: &revert.code.key,
        code_sha256: &revert.code.sha256,
        live_code_sha256: &revert.live,
    }
}

fn provisional(input: &ProvisionalInput) -> ProvisionalEntry<'_> {
    ProvisionalEntry {
        parameter: &input.parameter,
        stack: &input.stack,
        output: &input.output,
        change: input.as_str(),
        before: input.before.as_deref(),
        after: input.after(),
        cause: input.cause.as_deref(),
    }
}

fn export(used: &ExportUse) -> ExportEntry<'_> {
    let (importers, unknown) = match &used.importers {
        Importers::Known(importers) => (Some(importers.iter().map(importer).collect()), None),
        Importers::Unknown(reason) => (None, Some(reason.as_str())),
    };
    ExportEntry {
        name: &used.effect.name,
        output: &used.effect.output,
        change: used.effect.as_str(),
        before: used.effect.before.as_deref(),
        after: used.effect.after.as_deref(),
        cause: used.effect.cause.as_deref(),
        importers,
        unknown,
        refused: used.is_refused(),
    }
}

fn importer(importer: &Importer) -> ImporterEntry<'_> {
    ImporterEntry {
        stack: &importer.stack,
        key: importer.own.as_ref().map(|own| own.key.as_str()),
        deployed: importer.is_deployed,
    }
}

pub(super) fn value(value: &ValueChange) -> ValueEntry<'_> {
    ValueEntry {
        name: &value.name,
        before: value.before.as_deref(),
        after: value.after.as_deref(),
    }
}

fn summary(summary: Summary, restore: usize) -> SummaryEntry {
    let Summary {
        add,
        change,
        may_replace,
        replace,
        destroy,
        import,
        possible,
    } = summary;
    SummaryEntry {
        add,
        change,
        may_replace,
        replace,
        destroy,
        import,
        possible,
        restore,
    }
}
