//! Reading what the deletion of a stack would do: its resources and those of nested stacks, what buckets
//! hold, and which exports are in use.

use crate::aws::stack::exports;
use crate::aws::store::empty;
use std::pin::Pin;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use indexmap::IndexMap;

use super::session::Session;
use crate::aws::Connection;
use crate::aws::stack::StackService;
use crate::aws::store::Store;
use crate::cloudformation::deletion::{
    DeletionPlan, ResourceDeletion, UsedExport, resource_deletions,
};
use crate::cloudformation::stack::{Stack, name_of};
use crate::diagnostic::SourceFile;
use crate::error::{ErrorKind, Result};
use crate::template::Template;
use crate::template::evaluate::Evaluator;
use crate::template::policy::has_computed_policies;

/// How many nested stacks are read at once.
const AT_ONCE: usize = 8;

/// Returns what the deletion of a stack would do. `retain` names resources that are to be left behind,
/// `empty` buckets that are to be emptied first.
///
/// If the caller may not read something, a warning says so, and CloudFormation will find it.
///
/// # Errors
///
/// If a call fails for another reason.
pub(crate) async fn make(
    session: &Session<'_>,
    connection: &Connection,
    store: &Store,
    stack: &Stack,
    [retain, empty]: [&[String]; 2],
) -> Result<DeletionPlan> {
    let reader = Reader {
        session,
        connection,
        retain,
    };
    let whole = Inside {
        path: String::new(),
        above: vec![stack.id.clone()],
    };
    let known = Some(stack.values());
    let resources = reader.resources(stack.id.clone(), known, whole).await?;
    let exports = exports(session, connection, stack, &resources).await?;
    let mut deletion_plan = DeletionPlan { resources, exports };
    look_into_buckets(session, store, &mut deletion_plan).await?;
    for deletion in &mut deletion_plan.resources {
        deletion.emptied = empty.contains(&deletion.path);
    }
    Ok(deletion_plan)
}

/// The place of a nested stack.
struct Inside {
    /// The logical ids that lead to it.
    path: String,
    /// The ids of the stacks that contain it, and its own. A stack that seems to be inside itself is not
    /// read again.
    above: Vec<String>,
}

struct Reader<'a> {
    session: &'a Session<'a>,
    connection: &'a Connection,
    retain: &'a [String],
}

impl Reader<'_> {
    /// Returns the resources of a stack. A nested stack that is deleted is followed by its resources.
    /// `values` are those of the stack's parameters; `None` if they were not read.
    fn resources(
        &self,
        stack_id: String,
        values: Option<IndexMap<String, String>>,
        within: Inside,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<ResourceDeletion>>> + '_>> {
        Box::pin(async move {
            let service = StackService::new(self.connection, stack_id);
            let (resources, template) =
                tokio::try_join!(service.resources(), service.processed_template())?;
            let template = template.and_then(|text| {
                Template::parse_deployed(&SourceFile::new("the deployed template", text)).ok()
            });
            let types = &self.session.settings().stack.protected_types;
            let is_computed = template
                .as_ref()
                .is_some_and(|it| has_computed_policies(it.resources().map(|it| it.entry.node)));
            let values = match values {
                Some(values) => values,
                None if is_computed => {
                    let stack = service.describe().await?;
                    stack.map(|stack| stack.values()).unwrap_or_default()
                }
                None => IndexMap::new(),
            };
            let deployed = (template.as_ref()).map(|template| Evaluator::new(template, &values));
            let deployed = deployed.as_ref();
            let own = resource_deletions(resources, deployed, &within.path, self.retain, types);
            let with_nested = async |deletion: ResourceDeletion| {
                let nested = deletion.deleted_stack();
                let nested = nested.filter(|id| within.above.iter().all(|it| it != id));
                let inside = match nested {
                    Some(nested) => {
                        let place = Inside {
                            path: deletion.path.clone(),
                            above: [within.above.as_slice(), &[nested.to_owned()]].concat(),
                        };
                        self.resources(nested.to_owned(), None, place).await?
                    }
                    None => Vec::new(),
                };
                Ok([vec![deletion], inside].concat())
            };
            let all = stream::iter(own).map(with_nested).buffered(AT_ONCE);
            Ok(all.try_collect::<Vec<_>>().await?.concat())
        })
    }
}

/// Returns the exports of a stack, and of the nested stacks that are deleted with it, that other
/// stacks import.
async fn exports(
    session: &Session<'_>,
    connection: &Connection,
    stack: &Stack,
    resources: &[ResourceDeletion],
) -> Result<Vec<UsedExport>> {
    let service = StackService::new(connection, &stack.name);
    let nested: Vec<&str> = resources
        .iter()
        .filter_map(ResourceDeletion::deleted_stack)
        .collect();
    let inside = stream::iter(&nested).map(|id| service.describe_by(id));
    let inside: Vec<Option<Stack>> = inside.buffered(AT_ONCE).try_collect().await?;
    let mut outputs = stack.outputs.clone();
    outputs.extend(inside.into_iter().flatten().flat_map(|it| it.outputs));
    let mut used = Vec::new();
    for name in outputs.into_iter().filter_map(|it| it.export) {
        let Some(mut importers) = exports::importers(&service, &name).await? else {
            session.presenter().warning(
                "whether other stacks import the exports cannot be read: the caller lacks \
                 `cloudformation:ListImports`",
            );
            break;
        };
        // A nested stack is deleted with the stack; it cannot be destroyed first.
        importers.retain(|name| !nested.iter().any(|id| name_of(id) == name));
        if !importers.is_empty() {
            used.push(UsedExport { name, importers });
        }
    }
    Ok(used)
}

async fn look_into_buckets(
    session: &Session<'_>,
    store: &Store,
    deletion_plan: &mut DeletionPlan,
) -> Result<()> {
    let buckets: Vec<(String, String)> = deletion_plan
        .buckets()
        .filter_map(|deletion| {
            Some((
                deletion.path.clone(),
                deletion.resource.physical_id.clone()?,
            ))
        })
        .collect();
    for (path, bucket) in buckets {
        let contents = match empty::contents(store, &bucket).await {
            Ok(contents) => contents,
            Err(error) if error.kind() == ErrorKind::Refused => {
                let presenter = session.presenter();
                presenter.warning(&format!("whether {path} is empty is unknown: {error}"));
                continue;
            }
            Err(error) => return Err(error),
        };
        let mut all = deletion_plan.resources.iter_mut();
        if let Some(deletion) = all.find(|deletion| deletion.path == path) {
            deletion.contents = contents;
        }
    }
    Ok(())
}
