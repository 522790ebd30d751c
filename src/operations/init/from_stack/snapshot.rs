//! The state of a stack in AWS, as far as a project needs it.

use std::collections::{BTreeSet, VecDeque};

use crate::aws::stack::{StackService, policy};
use crate::aws::{Connection, Identity, lacks_permission};
use crate::cloudformation::stack::{Resource, Stack, name_of};
use crate::cloudformation::status::StackStatus;
use crate::diagnostic::SourceFile;
use crate::error::{Error, Result};
use crate::operations::session::Session;
use crate::template::node::Node;
use crate::template::{STACK_TYPE, Template};

use super::{NESTED, template_file};

/// The type of a function.
const FUNCTION_TYPE: &str = "AWS::Lambda::Function";

/// How deep nested stacks are read; CloudFormation documents no limit.
const DEEPEST: usize = 16;

/// The state of a stack in AWS.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) identity: Identity,
    pub(super) stack: Stack,
    /// The template as it was deployed, as far as `GetTemplate` keeps it.
    pub(super) template: String,
    /// The stack policy, as it was set.
    pub(super) policy: Option<String>,
    pub(super) nested: Vec<NestedStack>,
    pub(super) functions: Vec<Function>,
    /// The functions whose code is in a template.
    pub(super) inline: Vec<String>,
    /// The number of resources; `None` if they could not be read.
    pub(super) resources: Option<usize>,
    /// What could not be read: sentences.
    pub(super) left_out: Vec<String>,
}

/// A nested stack.
#[derive(Debug)]
pub(super) struct NestedStack {
    /// Its logical id, behind those of the stacks that it is in: `Parent/Child`.
    pub(super) path: String,
    pub(super) text: String,
}

/// A function with a zip.
#[derive(Debug)]
pub(super) struct Function {
    /// Its logical id, behind those of the nested stacks that it is in.
    pub(super) path: String,
    /// Its name.
    pub(super) name: String,
}

impl NestedStack {
    /// Returns the file for its template.
    pub(super) fn file(&self) -> String {
        template_file(&format!("{NESTED}/{}", self.path), &self.text)
    }
}

impl Snapshot {
    /// Reads a stack.
    ///
    /// # Errors
    ///
    /// Refused for a stack that has no template of its own, is nested, or is changing. If a call fails;
    /// a missing permission for the policy, the resources, nested templates or functions leaves out that
    /// part.
    pub(super) async fn read(
        session: &Session<'_>,
        connection: &Connection,
        named: &str,
    ) -> Result<Self> {
        let service = StackService::new(connection, named);
        let (identity, stack, template, policy) = tokio::try_join!(
            connection.identity(),
            service.describe(),
            service.template(),
            async { Ok(policy::read(&service).await) }
        )?;
        session.check_account(&identity)?;
        let stack = adoptable(stack, session, connection, &identity)?;
        let template = template
            .ok_or_else(|| Error::refused(format!("the stack `{}` has no template", stack.name)))?;
        let mut left_out = Vec::new();
        let policy = match policy {
            Ok(policy) => policy,
            Err(error) if lacks_permission(&error) => {
                left_out.push(
                    "the stack policy is not in the project: the caller lacks \
                     `cloudformation:GetStackPolicy`"
                        .to_owned(),
                );
                None
            }
            Err(error) => return Err(error),
        };
        let mut snapshot = Self {
            identity,
            stack,
            template,
            policy,
            nested: Vec::new(),
            functions: Vec::new(),
            inline: Vec::new(),
            resources: None,
            left_out,
        };
        snapshot.read_resources(connection, service).await?;
        Ok(snapshot)
    }

    /// Reads the resources of the stack and of its nested stacks.
    async fn read_resources(&mut self, connection: &Connection, root: StackService) -> Result<()> {
        // A stack is nested in one other, whatever a server answers.
        let mut known = BTreeSet::from([self.stack.id.clone()]);
        let mut waiting = VecDeque::from([(root, String::new(), self.template.clone(), 0)]);
        while let Some((service, prefix, text, depth)) = waiting.pop_front() {
            let resources = match service.resources().await {
                Ok(resources) => resources,
                Err(error) if lacks_permission(&error) => {
                    self.left_out.push(
                        "the code of the functions and the templates of nested stacks are not in the \
                         project: the caller lacks `cloudformation:ListStackResources`"
                            .to_owned(),
                    );
                    return Ok(());
                }
                Err(error) => return Err(error),
            };
            let alive = resources
                .iter()
                .filter(|resource| resource.status != "DELETE_COMPLETE");
            let alive: Vec<&Resource> = alive.collect();
            if depth == 0 {
                self.resources = Some(alive.len());
            }
            let template = Template::parse_deployed(&SourceFile::new("deployed", &text)).ok();
            for resource in alive {
                let (id, physical) = (&resource.logical_id, resource.physical_id.as_deref());
                let Some(physical) = physical.filter(|_| is_plain(id)) else {
                    continue;
                };
                let path = format!("{prefix}{id}");
                match &*resource.resource_type {
                    FUNCTION_TYPE if is_inline(template.as_ref(), id) => self.inline.push(path),
                    FUNCTION_TYPE => self.functions.push(Function {
                        path,
                        name: physical.to_owned(),
                    }),
                    STACK_TYPE if depth < DEEPEST && known.insert(physical.to_owned()) => {
                        let child = StackService::new(connection, physical);
                        let Some(text) = self.nested_template(&child, &path).await? else {
                            continue;
                        };
                        self.nested.push(NestedStack {
                            path: path.clone(),
                            text: text.clone(),
                        });
                        waiting.push_back((child, format!("{path}/"), text, depth + 1));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    async fn nested_template(
        &mut self,
        service: &StackService,
        path: &str,
    ) -> Result<Option<String>> {
        let reason = match service.template().await {
            Ok(Some(text)) => return Ok(Some(text)),
            Ok(None) => "the stack does not exist",
            Err(error) if lacks_permission(&error) => {
                "the caller lacks `cloudformation:GetTemplate` for it"
            }
            Err(error) => return Err(error),
        };
        self.left_out.push(format!(
            "the template of the nested stack {path} is not in the project: {reason}"
        ));
        Ok(None)
    }
}

/// Returns the stack if a project can be written for it.
fn adoptable(
    stack: Option<Stack>,
    session: &Session<'_>,
    connection: &Connection,
    identity: &Identity,
) -> Result<Stack> {
    let name = &session.settings().stack_name;
    let account = &identity.account;
    let stack = stack.filter(|stack| stack.status.exists()).ok_or_else(|| {
        Error::input(format!(
            "there is no stack `{name}` in the account {account}, region {}",
            connection.region()
        ))
        .hint("choose another region with --region, or other credentials with --profile")
    })?;
    if let Some(root) = stack.root_id.as_deref().filter(|root| *root != stack.id) {
        let root = name_of(root);
        return Err(Error::refused(format!(
            "the stack `{name}` is nested in `{root}`, and only that stack may change it"
        ))
        .hint(format!("`stackctl init --from-stack {root}`")));
    }
    match &stack.status {
        status if !status.is_terminal() => Err(Error::refused(format!(
            "the stack `{name}` is {status}: an operation is running"
        ))
        .hint("run the command again after it has ended")),
        StackStatus::RollbackComplete => Err(Error::refused(format!(
            "the stack `{name}` is {}: its creation failed, and it has no resources",
            stack.status
        ))
        .hint("delete it, and deploy its template with a project of its own: `stackctl init --from FILE`")),
        _ => Ok(stack),
    }
}

/// Returns whether an id can be the name of a file. CloudFormation takes letters and digits only.
fn is_plain(id: &str) -> bool {
    !id.is_empty() && id.chars().all(|it| it.is_ascii_alphanumeric())
}

/// Returns whether the code of a function is in the template itself.
fn is_inline(template: Option<&Template>, id: &str) -> bool {
    let resource = template.and_then(|template| template.resource(id));
    let properties = resource.and_then(|resource| resource.properties());
    properties.is_some_and(|properties| {
        let code = properties.get("Code");
        code.and_then(|code: &Node| code.get("ZipFile")).is_some()
            || properties.get("InlineCode").is_some()
    })
}
