//! `stackctl.orphan/1`: what takes resources out of a stack.

use schemars::JsonSchema;
use serde::Serialize;

use crate::cloudformation::orphan::{OrphanPlan, OrphanedResource};
use crate::cloudformation::stack::Stack;
use crate::plan::masking;
use crate::template::orphan::{Literal, LostReference, Outcome};

/// The JSON document of what takes resources out of a stack.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OrphanDocument<'a> {
    #[schemars(extend("const" = "stackctl.orphan/1"))]
    schema: &'static str,
    stack: &'a str,
    id: &'a str,
    resources: Vec<ResourceEntry<'a>>,
    references: Vec<ReferenceEntry<'a>>,
    templates: Templates,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ResourceEntry<'a> {
    logical_id: &'a str,
    #[serde(rename = "type")]
    resource_type: &'a str,
    physical_id: &'a str,
    /// Whether the deployed template retains it already.
    retained: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ReferenceEntry<'a> {
    section: &'a str,
    owner: &'a str,
    path: &'a [String],
    resource: &'a str,
    /// Null for a `Ref` and for an entry of `DependsOn`.
    attribute: Option<&'a str>,
    /// A text or a list; null for an entry of `DependsOn`, which is removed.
    value: Option<Value<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
enum Value<'a> {
    Text(&'a str),
    List(&'a [String]),
}

#[derive(Debug, Serialize, JsonSchema)]
struct Templates {
    deployed: String,
    /// Null if the resources are retained already.
    retaining: Option<String>,
    without: String,
}

impl<'a> OrphanDocument<'a> {
    /// Returns the document for a stack.
    pub fn of(stack: &'a Stack, plan: &'a OrphanPlan) -> Self {
        Self {
            schema: "stackctl.orphan/1",
            stack: &stack.name,
            id: &stack.id,
            resources: plan.resources.iter().map(resource).collect(),
            references: plan.references.iter().map(reference).collect(),
            templates: Templates {
                deployed: masking::without_defaults(&plan.deployed),
                retaining: (plan.needs_retain())
                    .then(|| masking::without_defaults(&plan.retaining)),
                without: masking::without_defaults(&plan.without),
            },
        }
    }
}

fn resource(resource: &OrphanedResource) -> ResourceEntry<'_> {
    ResourceEntry {
        logical_id: &resource.logical_id,
        resource_type: &resource.resource_type,
        physical_id: &resource.physical_id,
        retained: resource.is_retained,
    }
}

fn reference(reference: &LostReference) -> ReferenceEntry<'_> {
    ReferenceEntry {
        section: &reference.section,
        owner: &reference.owner,
        path: &reference.path,
        resource: &reference.used.resource,
        attribute: reference.used.attribute.as_deref(),
        value: match &reference.outcome {
            Outcome::Replaced(Literal::Text(text)) => Some(Value::Text(text)),
            Outcome::Replaced(Literal::List(list)) => Some(Value::List(list)),
            Outcome::Dropped | Outcome::Unknown => None,
        },
    }
}
