//! The code of the functions, downloaded and unpacked for reading.
//!
//! It is unpacked into a temporary folder first, so that an interrupted command leaves nothing.

use std::io::Cursor;
use std::path::PathBuf;

use indexmap::IndexMap;
use tempfile::TempDir;

use super::CODE;
use super::snapshot::{Function, Snapshot};
use crate::artifact::unzip;
use crate::aws::Connection;
use crate::aws::functions::{Code, Functions};
use crate::error::{Error, Result};
use crate::operations::context::Context;
use crate::operations::init::folder::Folder;
use crate::present::Presenter;

/// The code of the functions, in a temporary folder.
#[derive(Debug)]
pub(super) struct Unpacked {
    /// `None` if no function has a zip.
    folder: Option<TempDir>,
    /// What became of each function's code, by the function's path.
    functions: IndexMap<String, Outcome>,
}

/// What became of the code of a function.
#[derive(Debug)]
enum Outcome {
    Unpacked(unzip::Unpacked),
    /// It is a container image.
    Image(String),
    /// It could not be read; the text says why.
    LeftOut(String),
}

/// Downloads and unpacks the code of every function.
///
/// # Errors
///
/// If there is no folder to write to. A function whose code cannot be read or unpacked is no error.
pub(super) async fn unpack(
    context: &Context,
    folder: &Folder<'_>,
    connection: &Connection,
    snapshot: &Snapshot,
) -> Result<Unpacked> {
    let mut unpacked = Unpacked {
        folder: None,
        functions: IndexMap::new(),
    };
    if snapshot.functions.is_empty() {
        return Ok(unpacked);
    }
    let temporary = folder.temporary()?;
    let functions = Functions::new(connection);
    let count = snapshot.functions.len();
    for (index, function) in snapshot.functions.iter().enumerate() {
        let step = format!(
            "reading the code of {} ({}/{count})",
            function.path,
            index + 1
        );
        context.presenter().progress(&step);
        // The temporary folder itself is closed to other users.
        let to = temporary.path().join(CODE).join(&function.path);
        let outcome = match read(context.presenter(), &functions, function, to).await {
            Ok(outcome) => outcome,
            Err(error) => Outcome::LeftOut(error.in_one_line()),
        };
        unpacked.functions.insert(function.path.clone(), outcome);
    }
    unpacked.folder = Some(temporary);
    Ok(unpacked)
}

async fn read(
    presenter: &Presenter,
    functions: &Functions,
    function: &Function,
    folder: PathBuf,
) -> Result<Outcome> {
    match functions.code(&function.name).await? {
        None => Ok(Outcome::LeftOut(
            "the caller lacks `lambda:GetFunction`".to_owned(),
        )),
        Some(Code::Image(uri)) => Ok(Outcome::Image(uri)),
        Some(Code::Zip { url, digest }) => {
            for secret in Functions::signatures(&url) {
                presenter.mask(&secret);
            }
            let zip = functions.download(&url, digest.as_deref());
            let zip = zip.await?;
            let unpack = move || unzip::unpack(Cursor::new(zip), &folder);
            let unpacked = tokio::task::spawn_blocking(unpack).await;
            let unpacked = unpacked.map_err(|error| Error::system("cannot unpack it", error))??;
            Ok(Outcome::Unpacked(unpacked))
        }
    }
}

impl Unpacked {
    /// Returns the folder of a function's code, relative to the manifest.
    pub(super) fn path(function: &str) -> String {
        format!("{CODE}/{function}")
    }

    /// Checks that the code of a function can be an artifact.
    ///
    /// # Errors
    ///
    /// If it is not there, or not all of it.
    pub(super) fn check(&self, function: &str) -> Result<()> {
        let reason = match self.functions.get(function) {
            Some(Outcome::Unpacked(code)) if code.files == 0 => "its zip has no files".to_owned(),
            Some(Outcome::Unpacked(code)) if code.links.is_empty() => return Ok(()),
            Some(Outcome::Unpacked(code)) => format!(
                "its zip has symlinks, which stackctl does not make: {}",
                code.links.join(", ")
            ),
            Some(Outcome::Image(uri)) => format!("it is the container image {uri}"),
            Some(Outcome::LeftOut(reason)) => reason.clone(),
            None => "it could not be read".to_owned(),
        };
        Err(Error::input(format!(
            "the code of {function} cannot be taken: {reason}"
        )))
    }

    /// Moves the code into the project and prints what there is.
    ///
    /// # Errors
    ///
    /// If it cannot be moved.
    pub(super) fn keep(self, folder: &Folder<'_>, presenter: &Presenter) -> Result<()> {
        if let Some(temporary) = &self.folder {
            folder.take(&temporary.path().join(CODE), CODE)?;
        }
        for (function, outcome) in &self.functions {
            let path = folder.shown(&Self::path(function));
            match outcome {
                Outcome::Unpacked(code) => {
                    let files = match code.files {
                        1 => "1 file".to_owned(),
                        count => format!("{count} files"),
                    };
                    presenter.note(&format!("wrote {path} ({files})"));
                    if !code.links.is_empty() {
                        presenter.warning(&format!(
                            "{path} lacks the symlinks of the zip: {}",
                            code.links.join(", ")
                        ));
                    }
                }
                Outcome::Image(uri) => presenter.note(&format!(
                    "the code of {function} is not in the project: it is the container image {uri}"
                )),
                Outcome::LeftOut(reason) => presenter.warning(&format!(
                    "the code of {function} is not in the project: {reason}"
                )),
            }
        }
        Ok(())
    }
}
