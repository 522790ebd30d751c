//! What a zip is made of: the files of an artifact's folder and those of its Python packages.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use crate::artifact::digest::Digest;
use crate::artifact::requirements::{Wheel, WheelFile};
use crate::config::project::{ArtifactFiles, UNZIPPED_LIMIT};
use crate::error::{Error, Result};
use crate::util::regular_file;

/// The entries of a zip.
#[derive(Debug)]
pub(super) struct Contents<'a> {
    /// The entries, sorted by the bytes of their paths.
    pub(super) entries: Vec<Entry<'a>>,
    /// The total size of the files in bytes; at most [`UNZIPPED_LIMIT`].
    pub(super) size: u64,
}

/// An entry of a zip.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) path: &'a str,
    pub(super) size: u64,
    pub(super) mode: u32,
    pub(super) source: Source<'a>,
}

/// Where the content of an entry is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source<'a> {
    /// A file of the artifact's folder.
    File(&'a Path),
    /// A file of a wheel.
    Wheel(&'a Wheel, &'a WheelFile),
}

impl<'a> Contents<'a> {
    /// Returns the entries of an artifact's zip. A file that several sources have with the same content
    /// is one entry.
    ///
    /// # Errors
    ///
    /// If two sources have different files at one path, or one has a file where another has a folder;
    /// if the files are larger than [`UNZIPPED_LIMIT`]; or if a file cannot be read.
    pub(super) fn of(files: &'a ArtifactFiles, wheels: &'a [Wheel]) -> Result<Self> {
        let own = files.files.iter().map(|file| Entry {
            path: &file.path,
            size: file.size,
            mode: file.mode,
            source: Source::File(&file.file),
        });
        let mut contents = Self {
            entries: own.collect(),
            size: files.size,
        };
        if !wheels.is_empty() {
            contents.add(&files.name, wheels)?;
        }
        Ok(contents)
    }

    fn add(&mut self, artifact: &str, wheels: &'a [Wheel]) -> Result<()> {
        let mut places: HashMap<&str, Entry<'a>> = self
            .entries
            .iter()
            .map(|entry| (entry.path, *entry))
            .collect();
        let mut conflicts = Vec::new();
        for wheel in wheels {
            for file in &wheel.files {
                let entry = Entry {
                    path: &file.path,
                    size: file.size,
                    mode: file.mode,
                    source: Source::Wheel(wheel, file),
                };
                match places.get(entry.path) {
                    None => {
                        places.insert(entry.path, entry);
                        self.entries.push(entry);
                        self.size = self.size.saturating_add(entry.size);
                    }
                    Some(known) if known.has_content_of(&entry)? => {}
                    Some(known) => conflicts.push((*known, entry)),
                }
            }
        }
        self.entries.sort_by_key(|entry| entry.path);
        for entry in &self.entries {
            let mut folders = entry
                .path
                .match_indices('/')
                .filter_map(|(end, _)| entry.path.get(..end));
            let file = folders.find_map(|folder| places.get(folder));
            conflicts.extend(file.map(|file| (*file, *entry)));
        }
        if let Some((one, other)) = conflicts.first() {
            return Err(conflict(artifact, one, other, conflicts.len()));
        }
        if self.size > UNZIPPED_LIMIT {
            return Err(too_large(artifact, self.size, wheels));
        }
        Ok(())
    }
}

impl Entry<'_> {
    fn has_content_of(&self, other: &Self) -> Result<bool> {
        Ok(self.size == other.size && self.digest()? == other.digest()?)
    }

    fn digest(&self) -> Result<Digest> {
        match self.source {
            Source::Wheel(wheel, file) => wheel.digest(file),
            Source::File(path) => regular_file::open(path)
                .map_err(io::Error::from)
                .and_then(Digest::of_reader)
                .map_err(|error| Error::system(format!("cannot read `{}`", path.display()), error)),
        }
    }

    /// Returns the source, as a part of a sentence.
    fn owner(&self) -> String {
        match self.source {
            Source::File(_) => "its folder".to_owned(),
            Source::Wheel(wheel, _) => format!("`{}`", wheel.file_name),
        }
    }
}

fn conflict(artifact: &str, one: &Entry<'_>, other: &Entry<'_>, count: usize) -> Error {
    let what = if one.path == other.path {
        format!("`{}` with different content", one.path)
    } else {
        format!("the file `{}` and the folder of `{}`", one.path, other.path)
    };
    let more = match count {
        1 => String::new(),
        count => format!(", and {} more such files", count - 1),
    };
    let error = Error::input(format!(
        "the artifact `{artifact}` gets from {} and from {} {what}{more}",
        one.owner(),
        other.owner()
    ));
    match (one.source, other.source) {
        (Source::Wheel(..), Source::Wheel(..)) => error.hint(
            "a function can have only one of them: pin one of the packages, or other versions",
        ),
        _ => error.hint("remove the file from the folder, or leave it out with `exclude`"),
    }
}

/// Returns the error for an artifact over the limit, with its largest packages.
fn too_large(artifact: &str, size: u64, wheels: &[Wheel]) -> Error {
    let mut sizes: Vec<(u64, &str)> = wheels
        .iter()
        .map(|wheel| {
            (
                wheel.files.iter().map(|file| file.size).sum(),
                wheel.package.as_str(),
            )
        })
        .collect();
    sizes.sort_by_key(|(size, package)| (std::cmp::Reverse(*size), *package));
    let largest: Vec<_> = sizes
        .iter()
        .take(3)
        .map(|(size, package)| format!("`{package}` ({size} bytes)"))
        .collect();
    Error::input(format!(
        "the artifact `{artifact}` has {size} bytes with its Python packages, over Lambda's limit of \
         {UNZIPPED_LIMIT} bytes unzipped"
    ))
    .hint(format!("the largest packages are {}", largest.join(", ")))
}

#[cfg(test)]
mod tests;
