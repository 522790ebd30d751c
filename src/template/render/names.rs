//! The names of files, which decide whether a file is rendered.

/// The ends of the names of the files that are rendered.
const RENDERED: [&str; 3] = [".j2", ".jinja", ".jinja2"];

/// Returns whether a file of this name is rendered.
pub(crate) fn is_rendered(name: &str) -> bool {
    RENDERED.iter().any(|ending| name.ends_with(ending))
}

/// Returns the name of a file without its folder.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}
