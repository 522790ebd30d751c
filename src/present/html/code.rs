//! The changed files of artifacts, side by side.

use super::item::{write_foldable, write_left_out};
use super::limits::Room;
use super::lines;
use super::markup::{Attribute, Writer};
use super::page::Kind;
use crate::artifact::code_diff::{CodeChange, FileChange};
use crate::plan::PlannedArtifact;
use crate::plan::deployed_code::CodeRevert;
use crate::present::human::{count, size};
use crate::present::words;

/// The number of digits of a digest that are shown.
const SHORT: usize = 12;
/// The highest number of files that are all open at first.
const FEW: usize = 6;

/// Adds the changed files of each artifact, and the artifacts that are new.
pub(super) fn write(
    html: &mut Writer<'_>,
    changes: &[CodeChange],
    new: &[&PlannedArtifact],
    command: &str,
) {
    let mut room = Room::of_code(html.context().share());
    let files: usize = changes.iter().flat_map(|it| &it.files).map(Vec::len).sum();
    for change in changes {
        write_artifact(html, change, files <= FEW, &mut room);
    }
    for artifact in new {
        let attributes = [Attribute::Class("file"), Attribute::Flag("data-find")];
        html.element("div", &attributes, |html| {
            let head = |html: &mut Writer<'_>| {
                Kind::Add.write(html);
                html.element("span", &[Attribute::Class("what")], |html| {
                    html.leaf("b", "", &artifact.name);
                    html.text(" ");
                    html.leaf("span", "path", &artifact.key);
                    html.text(" ");
                    html.leaf("span", "muted", &size(artifact.size));
                });
            };
            write_foldable(html, None, false, head, false);
        });
        html.new_line();
    }
    write_left_out(html, room.left_out(command));
}

/// Adds the functions that get the code of the deployed template again.
pub(super) fn write_reverts(html: &mut Writer<'_>, reverts: &[CodeRevert]) {
    for revert in reverts {
        let attributes = [Attribute::Class("file"), Attribute::Flag("data-find")];
        html.element("div", &attributes, |html| {
            let head = |html: &mut Writer<'_>| {
                Kind::Drift.write(html);
                html.text(" ");
                html.element("span", &[Attribute::Class("what")], |html| {
                    html.text(&words::of_code_revert(revert));
                    html.text(" ");
                    let change = format!("{} → {}", revert.live, revert.code.key);
                    html.leaf("span", "path muted", &change);
                });
            };
            write_foldable(html, None, false, head, false);
        });
        html.new_line();
    }
}

fn write_artifact(html: &mut Writer<'_>, change: &CodeChange, is_few: bool, room: &mut Room) {
    let [_, _, sub] = html.context().heading();
    html.element(sub, &[Attribute::Class("sub")], |html| {
        html.text(&change.artifact);
        html.text(" ");
        let files = match &change.files {
            Ok(files) if files.is_empty() => "the same files".to_owned(),
            Ok(files) => count(files.len(), "file"),
            Err(_) => "unknown files".to_owned(),
        };
        // A part of a secret would not be found.
        let context = html.context();
        let [before, after] = [&change.before, &change.after].map(|key| context.masked(key));
        let (before, after) = (short(&before), short(&after));
        html.leaf("span", "count", &format!("{before} → {after}, {files}"));
    });
    match &change.files {
        Ok(files) => {
            for file in files {
                write_file(html, file, is_few, room);
                html.new_line();
            }
        }
        Err(reason) => html.element("p", &[Attribute::Class("lead")], |html| {
            html.text("The deployed files are unknown: ");
            html.prose(reason);
        }),
    }
}

fn write_file(html: &mut Writer<'_>, file: &FileChange, is_few: bool, room: &mut Room) {
    let (kind, sizes) = match (&file.before, &file.after) {
        (Some(before), Some(after)) => {
            let sizes = format!("{} → {}", size(before.size), size(after.size));
            (Kind::Change, sizes)
        }
        (None, Some(after)) => (Kind::Add, size(after.size)),
        (Some(before), None) => (Kind::Remove, size(before.size)),
        (None, None) => return,
    };
    let texts = [&file.before, &file.after].map(|it| it.as_ref().map(|it| it.text.as_deref()));
    let inside = match texts {
        [Some(Some(before)), Some(Some(after))] => Some([Some(before), Some(after)]),
        [None, Some(Some(after))] if !after.is_empty() => Some([None, Some(after)]),
        _ => None,
    };
    let inside = inside.filter(|_| room.has_any());
    let inside = inside.and_then(|[before, after]| {
        let mut inside = Writer::new(html.context());
        lines::write(&mut inside, before, after);
        let inside = inside.finish();
        room.take(inside.len()).then_some(inside)
    });
    let head = |html: &mut Writer<'_>| {
        kind.write(html);
        html.text(" ");
        html.element("span", &[Attribute::Class("what")], |html| {
            html.leaf("span", "path", &file.path);
            html.text(" ");
            html.leaf("span", "muted", &sizes);
        });
    };
    let attributes = [Attribute::Class("file"), Attribute::Flag("data-find")];
    html.element("div", &attributes, |html| {
        let is_open = is_few && kind == Kind::Change;
        write_foldable(html, inside.as_ref(), is_open, head, false);
    });
}

/// Returns the first digits of the digest in a key.
fn short(key: &str) -> &str {
    let name = key.rsplit('/').next().unwrap_or(key);
    name.get(..SHORT).unwrap_or(name)
}
