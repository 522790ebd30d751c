//! The JSON Schemas of all documents, for programs that read them. They are generated from the types that
//! are written, so that both say the same. `docs/schemas` has a copy of each.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

use super::checkup::CheckupDocument;
use super::config::ConfigDocument;
use super::deletion::DeletionDocument;
use super::diff::DiffDocument;
use super::drift::DriftDocument;
use super::event::{EventLine, EventsDocument};
use super::findings::FindingsDocument;
use super::garbage::GarbageDocument;
use super::history::HistoryDocument;
use super::import::ImportDocument;
use super::local::LocalDocument;
use super::log::LogEntry;
use super::orphan::OrphanDocument;
use super::package::PackageDocument;
use super::plan::PlanDocument;
use super::recovery::RecoveryDocument;
use super::refactor::RefactorDocument;
use super::stack::{OutputsDocument, StatusDocument};
use super::stack_set::{
    StackSetDeletionDocument, StackSetDocument, StackSetDriftDocument, StackSetPlanDocument,
};
use super::stacks::{Kind, StacksDocument};
use super::verify::VerifyDocument;
use super::version::VersionDocument;
use super::watch::WatchEntry;
use crate::plan::plan_file::PlanFile;
use crate::plan::plan_file::of_stacks::PlanFiles;
use crate::plan::record::Record;

/// Every document. A new one gets a line here, and its type derives `JsonSchema` and gives its `schema` field
/// the name as a constant. `STACKCTL_UPDATE_DOCS=1 cargo test --test cli published_schemas` writes the copy
/// in `docs/schemas`.
pub const DOCUMENTS: &[Document] = &[
    Document::of::<ConfigDocument>("stackctl.config/1"),
    Document::of_stacks(Kind::Config, &[part::<ConfigDocument>]),
    Document::of::<DeletionDocument>("stackctl.destroy/1"),
    Document::of_stacks(
        Kind::Destroy,
        &[part::<DeletionDocument>, part::<StackSetDeletionDocument>],
    ),
    Document::of::<DiffDocument>("stackctl.diff/1"),
    Document::of_stacks(Kind::Diff, &[part::<DiffDocument>]),
    Document::of::<CheckupDocument>("stackctl.doctor/1"),
    Document::of_stacks(Kind::Doctor, &[part::<CheckupDocument>]),
    Document::of::<DriftDocument>("stackctl.drift/1"),
    Document::of_stacks(
        Kind::Drift,
        &[part::<DriftDocument>, part::<StackSetDriftDocument>],
    ),
    Document::line::<EventLine>("stackctl.event/1"),
    Document::of::<EventsDocument>("stackctl.events/1"),
    Document::of_stacks(Kind::Events, &[part::<EventsDocument>]),
    Document::of::<GarbageDocument>("stackctl.gc/1"),
    Document::of_stacks(Kind::Gc, &[part::<GarbageDocument>]),
    Document::of::<HistoryDocument>("stackctl.history/1"),
    Document::of_stacks(Kind::History, &[part::<HistoryDocument>]),
    Document::of::<ImportDocument>("stackctl.import/1"),
    Document::of::<LocalDocument>("stackctl.local/1"),
    Document::line::<LogEntry>("stackctl.log/1"),
    Document::of::<OrphanDocument>("stackctl.orphan/1"),
    Document::of::<OutputsDocument>("stackctl.outputs/1"),
    Document::of_stacks(Kind::Outputs, &[part::<OutputsDocument>]),
    Document::of::<PackageDocument>("stackctl.package/1"),
    Document::of_stacks(Kind::Package, &[part::<PackageDocument>]),
    Document::of::<PlanDocument>("stackctl.plan/1"),
    Document::of_stacks(
        Kind::Plan,
        &[part::<PlanDocument>, part::<StackSetPlanDocument>],
    ),
    Document::of::<PlanFile>("stackctl.plan-file/1"),
    Document::of::<PlanFiles>("stackctl.plan-files/1"),
    Document::of::<Record>("stackctl.record/1"),
    Document::of::<RecoveryDocument>("stackctl.recovery/1"),
    Document::of::<RefactorDocument>("stackctl.refactor/1"),
    Document::of::<StackSetDocument>("stackctl.stack-set/1"),
    Document::of::<StackSetDeletionDocument>("stackctl.stack-set-destroy/1"),
    Document::of::<StackSetDriftDocument>("stackctl.stack-set-drift/1"),
    Document::of::<StackSetPlanDocument>("stackctl.stack-set-plan/1"),
    Document::of::<StatusDocument>("stackctl.status/1"),
    Document::of_stacks(
        Kind::Status,
        &[part::<StatusDocument>, part::<StackSetDocument>],
    ),
    Document::of::<FindingsDocument>("stackctl.validate/1"),
    Document::of_stacks(Kind::Validate, &[part::<FindingsDocument>]),
    Document::of::<VerifyDocument>("stackctl.verify/1"),
    Document::of::<VersionDocument>("stackctl.version/1"),
    Document::line::<WatchEntry>("stackctl.watch/1"),
];

/// Adds the schema of a type to a generator, and returns it.
type Generate = fn(&mut SchemaGenerator) -> Schema;

/// A kind of JSON document.
#[derive(Debug)]
pub struct Document {
    /// Its name and version, such as `stackctl.plan/1`.
    pub name: &'static str,
    shape: Shape,
}

#[derive(Debug)]
enum Shape {
    /// One document.
    Whole(Generate),
    /// One document on each line. Those of several stacks name their stack.
    Line(Generate),
    /// One document that holds those of several stacks: one of these.
    OfStacks(&'static [Generate]),
}

impl Document {
    const fn of<T: JsonSchema>(name: &'static str) -> Self {
        Self {
            name,
            shape: Shape::Whole(SchemaGenerator::root_schema_for::<T>),
        }
    }

    const fn line<T: JsonSchema>(name: &'static str) -> Self {
        Self {
            name,
            shape: Shape::Line(SchemaGenerator::root_schema_for::<T>),
        }
    }

    const fn of_stacks(kind: Kind, documents: &'static [Generate]) -> Self {
        Self {
            name: kind.schema(),
            shape: Shape::OfStacks(documents),
        }
    }

    /// Returns the document with this name: `stackctl.plan/1`, `plan/1` or `plan`, which is its latest version.
    pub fn find(name: &str) -> Option<&'static Self> {
        let named = |it: &&Self| it.name == name || it.short_name() == name || it.kind() == name;
        DOCUMENTS.iter().rfind(named)
    }

    /// Returns the name without its version, such as `plan`.
    pub fn kind(&self) -> &'static str {
        let name = self.short_name();
        name.split_once('/').map_or(name, |(kind, _)| kind)
    }

    fn short_name(&self) -> &'static str {
        self.name.strip_prefix("stackctl.").unwrap_or(self.name)
    }

    /// Returns the name of the file in `docs/schemas`, such as `plan-1.schema.json`.
    pub fn file_name(&self) -> String {
        format!("{}.schema.json", self.short_name().replace('/', "-"))
    }

    /// Returns the JSON Schema (2020-12).
    pub fn schema(&self) -> Schema {
        let settings = SchemaSettings::draft2020_12().for_serialize();
        let mut generator = settings.into_generator();
        let mut schema = match self.shape {
            Shape::Whole(generate) => Value::from(generate(&mut generator)),
            Shape::Line(generate) => {
                let mut schema = Value::from(generate(&mut generator));
                schema["properties"]["stack"] = json!({
                    "description": "The stack's key in `[stacks]`, if there are several stacks.",
                    "type": ["string", "null"],
                });
                schema["properties"]["environment"] = json!({
                    "description": "The environment, if there are several stacks.",
                    "type": "string",
                });
                schema
            }
            Shape::OfStacks(documents) => {
                let documents = documents.iter().map(|it| Value::from(it(&mut generator)));
                let mut choices: Vec<Value> = documents.collect();
                choices.push(json!({ "type": "null" }));
                let mut schema = Value::from(generator.root_schema_for::<StacksDocument>());
                let document = &mut schema["$defs"]["StackEntry"]["properties"]["document"];
                let description = document["description"].take();
                *document = json!({ "description": description, "anyOf": choices });
                schema["properties"]["schema"]["const"] = self.name.into();
                schema
            }
        };
        schema["title"] = self.name.into();
        match schema {
            Value::Object(schema) => Schema::from(schema),
            _ => Schema::default(),
        }
    }
}

/// Adds the schema of a type to those to which others refer, and returns the reference.
fn part<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use serde_json::Value;

    use super::{DOCUMENTS, Document};

    #[test]
    fn every_schema_requires_its_name() {
        for document in DOCUMENTS {
            let schema = Value::from(document.schema());
            let name = document.name;
            assert_eq!(
                schema["properties"]["schema"]["const"], name,
                "the field `schema` needs #[schemars(extend(\"const\" = \"{name}\"))]"
            );
            assert_eq!(schema["title"], name);
            let required = schema["required"].as_array().unwrap();
            assert!(required.contains(&"schema".into()), "{name}");
        }
    }

    #[test]
    fn names_are_unique_and_sorted() {
        let names: Vec<&str> = DOCUMENTS.iter().map(|it| it.name).collect();
        let mut unique = names.clone();
        unique.dedup();
        assert_eq!(unique, names);
        for document in DOCUMENTS {
            assert_eq!(Document::find(document.name).unwrap().name, document.name);
            assert_eq!(
                Document::find(document.kind()).unwrap().kind(),
                document.kind()
            );
        }
        assert!(Document::find("").is_none());
        assert!(Document::find("stackctl").is_none());
    }

    #[test]
    fn documents_of_several_stacks_hold_those_of_one() {
        let schema = Document::find("plans").unwrap().schema();
        let schema = Value::from(schema);
        let entry = &schema["$defs"]["StackEntry"]["properties"]["document"];
        assert_eq!(entry["anyOf"][0]["$ref"], "#/$defs/PlanDocument");
        assert_eq!(entry["anyOf"][1]["$ref"], "#/$defs/StackSetPlanDocument");
        assert_eq!(entry["anyOf"][2]["type"], "null");
        assert_eq!(
            schema["$defs"]["PlanDocument"]["properties"]["schema"]["const"],
            "stackctl.plan/1"
        );
    }

    #[test]
    fn lines_may_name_their_stack() {
        let schema = Document::find("event").unwrap().schema();
        let schema = Value::from(schema);
        assert!(schema["properties"]["stack"].is_object());
        let required = schema["required"].as_array().unwrap();
        assert!(!required.contains(&"stack".into()));
    }
}
