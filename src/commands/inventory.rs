//! What a deletion would meet: the resources of the stack and of those inside it, what buckets hold,
//! which exports are in use.

use std::pin::Pin;

use super::session::Session;
use crate::aws::Connection;
use crate::aws::stack::StackService;
use crate::aws::store::Store;
use crate::destruction::{Destruction, Doomed, UsedExport, fates};
use crate::diagnostic::SourceFile;
use crate::error::{ErrorKind, Result};
use crate::stack::Stack;
use crate::template::Template;

/// Returns what the deletion of a stack would do. `retain` names resources that are to be left behind,
/// `empty` buckets that are to be emptied first.
///
/// Where something may not be looked at, that is said, and CloudFormation will find it.
pub(super) async fn take(
    session: &Session<'_>,
    connection: &Connection,
    store: &Store,
    stack: &Stack,
    [retain, empty]: [&[String]; 2],
) -> Result<Destruction> {
    let reader = Reader {
        session,
        connection,
        retain,
    };
    let (resources, exports) = tokio::try_join!(
        reader.resources(stack.id.clone(), String::new()),
        exports(session, connection, stack)
    )?;
    let mut destruction = Destruction { resources, exports };
    look_into_buckets(session, store, &mut destruction).await?;
    for doomed in &mut destruction.resources {
        doomed.emptied = empty.contains(&doomed.path);
    }
    Ok(destruction)
}

struct Reader<'a> {
    session: &'a Session<'a>,
    connection: &'a Connection,
    retain: &'a [String],
}

impl Reader<'_> {
    /// Returns the resources of a stack, each nested stack that is deleted followed by its own.
    fn resources(
        &self,
        stack_id: String,
        within: String,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<Doomed>>> + '_>> {
        Box::pin(async move {
            let service = StackService::new(self.connection, stack_id);
            let (resources, template) =
                tokio::try_join!(service.resources(), service.processed_template())?;
            let template = template.and_then(|text| {
                Template::parse(&SourceFile::new("the deployed template", text)).ok()
            });
            let types = &self.session.settings.stack.protected_types;
            let own = fates(resources, template.as_ref(), &within, self.retain, types);
            let mut all = Vec::new();
            for doomed in own {
                let inside = doomed.is_deleted_stack();
                let nested = doomed.resource.physical_id.clone().filter(|_| inside);
                let path = doomed.path.clone();
                all.push(doomed);
                if let Some(nested) = nested {
                    all.extend(self.resources(nested, path).await?);
                }
            }
            Ok(all)
        })
    }
}

async fn exports(
    session: &Session<'_>,
    connection: &Connection,
    stack: &Stack,
) -> Result<Vec<UsedExport>> {
    let service = StackService::new(connection, &stack.name);
    let mut used = Vec::new();
    for name in stack.outputs.iter().filter_map(|it| it.export.as_ref()) {
        match service.importers(name).await? {
            Some(importers) if importers.is_empty() => {}
            Some(importers) => used.push(UsedExport {
                name: name.clone(),
                importers,
            }),
            None => {
                session.presenter().warning(
                    "whether other stacks import the exports cannot be read: the caller lacks \
                     `cloudformation:ListImports`",
                );
                break;
            }
        }
    }
    Ok(used)
}

async fn look_into_buckets(
    session: &Session<'_>,
    store: &Store,
    destruction: &mut Destruction,
) -> Result<()> {
    let buckets: Vec<(String, String)> = destruction
        .buckets()
        .filter_map(|doomed| Some((doomed.path.clone(), doomed.resource.physical_id.clone()?)))
        .collect();
    for (path, bucket) in buckets {
        let contents = match store.contents(&bucket).await {
            Ok(contents) => contents,
            Err(error) if error.kind() == ErrorKind::Refused => {
                let presenter = session.presenter();
                presenter.warning(&format!("whether {path} is empty is not known: {error}"));
                continue;
            }
            Err(error) => return Err(error),
        };
        let mut all = destruction.resources.iter_mut();
        if let Some(doomed) = all.find(|doomed| doomed.path == path) {
            doomed.contents = contents;
        }
    }
    Ok(())
}
