//! A project for a stack that is deployed, made by whatever tool.
//!
//! The template is the one that was deployed, the manifest has the stack's own values, and the code of
//! the functions is there to be read. Then the project is compared with the stack: a plan would show no
//! change, or each difference is named. Everything here only reads from the account.

mod code;
mod lost;
mod manifest;
mod proof;
mod snapshot;
mod taken;

use std::path::Path;
use std::sync::Arc;

use super::existing::source;
use super::folder::Folder;
use crate::cloudformation::stack::name_of;
use crate::config::manifest::checks;
use crate::config::project::{MANIFEST, Project};
use crate::diagnostic::SourceFile;
use crate::error::{Error, Result};
use crate::operations::context::{Context, listen};
use crate::operations::session::Session;
use crate::template::Template;
use crate::util::shell_word::quote;
use lost::Origin;
use snapshot::Snapshot;

/// The folder for the functions' code.
const CODE: &str = "code";
/// The folder for the templates of nested stacks.
const NESTED: &str = "nested";
/// The file of the stack policy.
const POLICY: &str = "stack-policy.json";

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    /// The stack's name or ARN.
    pub(crate) stack: &'a str,
    /// A file with the template, if `GetTemplate` has lost characters of it.
    pub(crate) template: Option<&'a Path>,
    /// The functions whose code becomes an artifact, by logical id.
    pub(crate) take_code: &'a [String],
}

/// The template of the new project.
struct Adopted {
    /// The path, relative to the manifest.
    path: String,
    text: Arc<SourceFile>,
    template: Template,
    /// How the text is related to the deployed one.
    origin: Origin,
    /// Whether the file exists already.
    exists: bool,
}

/// Writes a project for a stack to a folder, and compares the two.
///
/// # Errors
///
/// Refused, before anything is written, if a file exists, and for a stack that cannot be adopted. If a
/// call that the project needs fails, if a function whose code is to be taken has none, or if a file
/// cannot be written. What is wrong with the template, after the project was written.
pub(crate) async fn write(context: &Context, folder: &Path, request: Request<'_>) -> Result<()> {
    let presenter = context.presenter();
    let folder = Folder::new(context, folder)?;
    refuse_existing(&folder, &[MANIFEST])?;
    let session = planned_session(context, &folder, request.stack)?;
    let interrupt = listen(context)?;
    presenter.progress("reading the stack");
    let read = async {
        let connection = session.connect().await?;
        let snapshot = Snapshot::read(&session, &connection, request.stack).await?;
        let adopted = adopted(context, &folder, &snapshot, request.template)?;
        refuse_existing(&folder, &new_files(&snapshot, &adopted))?;
        taken::check(&snapshot, &adopted.template, request.take_code)?;
        let unpacked = code::unpack(context, &folder, &connection, &snapshot).await?;
        Ok::<_, Error>((connection, snapshot, adopted, unpacked))
    };
    let (connection, snapshot, adopted, unpacked) = interrupt.guard(read).await?;
    presenter.clear_progress();
    let adopted = taken::take(adopted, &unpacked, request.take_code)?;
    let draft = manifest::draft(
        &folder,
        &session,
        &connection,
        &snapshot,
        &adopted,
        request.take_code,
    );
    let project = draft.project.clone();
    let manifest = manifest::text(&draft, &adopted);
    drop(draft);

    folder.create()?;
    if !adopted.exists {
        folder.write(&adopted.path, adopted.text.text.as_bytes())?;
    }
    if let Some(policy) = &snapshot.policy {
        folder.write(POLICY, policy.as_bytes())?;
    }
    for nested in &snapshot.nested {
        folder.write(&nested.file(), nested.text.as_bytes())?;
    }
    unpacked.keep(&folder, presenter)?;
    folder.write(MANIFEST, manifest.as_bytes())?;
    folder.report_project(&project);
    for left_out in &snapshot.left_out {
        presenter.warning(left_out);
    }
    report_lost(context, &folder, &snapshot, &adopted, request.stack);
    proof::show(context, &folder, &adopted, request.take_code).await
}

/// Returns a session that connects as the new project will.
fn planned_session<'a>(
    context: &'a Context,
    folder: &Folder<'_>,
    stack: &str,
) -> Result<Session<'a>> {
    let name = name_of(stack);
    checks::final_stack_name(name).map_err(|fault| {
        let error = Error::input(format!("the stack's name `{name}` {}", fault.message));
        fault.help.iter().fold(error, Error::hint)
    })?;
    let mut manifest = format!(
        "project = \"{}\"\nstack_name = \"{name}\"\n",
        folder.project()
    );
    let region = stack.split(':').nth(3);
    if let Some(region) = region.filter(|it| checks::region(it).is_ok()) {
        manifest.push_str(&format!("region = \"{region}\"\n"));
    }
    let environment = context.environment();
    if let Some(environment) = environment.filter(|it| checks::environment(it).is_ok()) {
        manifest.push_str(&format!("[environments.{environment}]\n"));
    }
    let root = folder.path("");
    let project = Project::planned(&root, manifest);
    let session = Session::of(context, project, environment.map(str::to_owned))?;
    if session.settings().emulator && !root.is_dir() {
        let shown = folder.named().display();
        return Err(Error::input(format!(
            "`{shown}` does not exist, so its local environment has no stack"
        ))
        .hint(
            "each folder has its own local environment: name the folder that deployed the stack",
        ));
    }
    Ok(session)
}

/// Refuses to overwrite files or to write into folders that exist.
fn refuse_existing<T: AsRef<str>>(folder: &Folder<'_>, files: &[T]) -> Result<()> {
    let files = files.iter().map(AsRef::as_ref);
    let existing: Vec<String> = files
        .filter(|file| folder.has(file))
        .map(|file| format!("`{}`", folder.shown(file)))
        .collect();
    let what = match existing.len() {
        0 => return Ok(()),
        1 => "a file that exists",
        _ => "files that exist",
    };
    Err(Error::refused(format!(
        "init would overwrite {what}: {}",
        existing.join(", ")
    ))
    .hint("name a new folder: `stackctl init --from-stack NAME DIR`"))
}

/// Returns the files and folders that are written besides the manifest.
fn new_files(snapshot: &Snapshot, adopted: &Adopted) -> Vec<String> {
    let mut files = Vec::new();
    if !adopted.exists {
        files.push(adopted.path.clone());
    }
    if snapshot.policy.is_some() {
        files.push(POLICY.to_owned());
    }
    if !snapshot.nested.is_empty() {
        files.push(NESTED.to_owned());
    }
    if !snapshot.functions.is_empty() {
        files.push(CODE.to_owned());
    }
    files
}

/// Returns the template: the deployed one, or the one in the file that the user names.
fn adopted(
    context: &Context,
    folder: &Folder<'_>,
    snapshot: &Snapshot,
    file: Option<&Path>,
) -> Result<Adopted> {
    let deployed = &snapshot.template;
    let Some(file) = file else {
        let path = template_file("template", deployed);
        let text = SourceFile::new(path.clone(), deployed.clone());
        let template = parse(&text)?;
        return Ok(Adopted {
            path,
            origin: Origin::of_deployed(&template),
            text,
            template,
            exists: false,
        });
    };
    let source = source::open(context, folder, file)?;
    let Some(template) = source.template else {
        return Err(Error::input(format!(
            "`{}` has to be rendered, and a stack has a rendered template",
            file.display()
        ))
        .hint("leave out `--from`: `--from-stack` then writes the deployed template"));
    };
    let text = Arc::clone(template.source());
    Ok(Adopted {
        path: source.path,
        origin: Origin::of_file(&text.text, deployed),
        text,
        template,
        exists: true,
    })
}

/// Returns the file for a deployed template: `path` with the extension for its syntax.
fn template_file(path: &str, text: &str) -> String {
    let is_json = text.trim_start().starts_with('{');
    format!("{path}.{}", if is_json { "json" } else { "yaml" })
}

fn parse(text: &Arc<SourceFile>) -> Result<Template> {
    Template::parse_deployed(text).map_err(|found| {
        Error::input("the deployed template cannot be read").with_diagnostics(found)
    })
}

/// Prints where characters may be lost, and how to give them.
fn report_lost(
    context: &Context,
    folder: &Folder<'_>,
    snapshot: &Snapshot,
    adopted: &Adopted,
    stack: &str,
) {
    let presenter = context.presenter();
    let Origin::Deployed { lost } = &adopted.origin else {
        return;
    };
    let Some(text) = lost::warning(&adopted.text, lost) else {
        return;
    };
    presenter.warning(&text);
    presenter.hint(&format!(
        "correct these lines in {} before you change the stack, or give the file that was deployed: \
         `stackctl init --from-stack {} --from FILE`",
        folder.shown(&adopted.path),
        quote(match &*snapshot.stack.name {
            "" => stack,
            name => name,
        })
    ));
}
