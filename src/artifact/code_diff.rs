//! The differences between the files of an artifact and the deployed version.
//!
//! CloudFormation only sees that the S3 key changes; the user wants to see the lines that change. The
//! deployed template contains the deployed key, and the key contains the digest of the zip, so equal
//! keys mean equal code.

use indexmap::IndexMap;

use crate::artifact::archive::ArchivedFile;
use crate::artifact::digest::Digest;

/// The change of the code of one artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeChange {
    /// The name of the artifact in the manifest.
    pub artifact: String,
    /// The deployed S3 key.
    pub before: String,
    /// The S3 key of the project's files.
    pub after: String,
    /// The files that differ, sorted by path; or the reason why they are not known.
    pub files: Result<Vec<FileChange>, String>,
}

/// A file that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// The path inside the zip.
    pub path: String,
    /// The deployed file; `None` if the file is added.
    pub before: Option<ArchivedFile>,
    /// The file in the project; `None` if the file is removed.
    pub after: Option<ArchivedFile>,
}

/// Returns the files that differ, sorted by path.
pub fn compare(
    mut before: IndexMap<String, ArchivedFile>,
    after: IndexMap<String, ArchivedFile>,
) -> Vec<FileChange> {
    let mut changes = Vec::new();
    for (path, after) in after {
        let before = before.swap_remove(&path);
        if before.as_ref() != Some(&after) {
            changes.push(FileChange {
                path,
                before,
                after: Some(after),
            });
        }
    }
    changes.extend(before.into_iter().map(|(path, before)| FileChange {
        path,
        before: Some(before),
        after: None,
    }));
    changes.sort_by(|one, other| one.path.cmp(&other.path));
    changes
}

/// Returns the deployed S3 key of an artifact: its first key in the text of the template.
pub fn deployed_key(template: &str, project: &str, artifact: &str) -> Option<String> {
    let prefix = format!("{project}/{artifact}/");
    keys(template, &prefix, ".zip").next()
}

/// Returns the S3 keys of the nested templates in the text of a template.
pub fn template_keys(template: &str, project: &str) -> Vec<String> {
    keys(template, &format!("{project}/templates/"), ".yaml").collect()
}

/// Returns the keys in a text: the prefix, a SHA-256 and the suffix.
fn keys(text: &str, prefix: &str, suffix: &str) -> impl Iterator<Item = String> {
    text.match_indices(prefix).filter_map(move |(start, _)| {
        let rest = text.get(start + prefix.len()..)?;
        let digest = rest.get(..Digest::DIGITS)?;
        let is_digest = digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_key = rest.get(Digest::DIGITS..)?.starts_with(suffix);
        (is_digest && is_key).then(|| format!("{prefix}{digest}{suffix}"))
    })
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::{compare, deployed_key, template_keys};
    use crate::artifact::archive::ArchivedFile;
    use crate::artifact::digest::Digest;

    fn files(files: &[(&str, &str)]) -> IndexMap<String, ArchivedFile> {
        let file = |text: &str| ArchivedFile {
            size: text.len() as u64,
            digest: Digest::of(text),
            text: Some(text.to_owned()),
        };
        files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), file(text)))
            .collect()
    }

    #[test]
    fn added_changed_and_removed_files_are_sorted_by_path() {
        let changes = compare(
            files(&[("same", "1"), ("removed", "1"), ("changed", "1")]),
            files(&[("changed", "2"), ("added", "1"), ("same", "1")]),
        );
        let shown: Vec<_> = changes
            .iter()
            .map(|file| {
                (
                    file.path.as_str(),
                    file.before.is_some(),
                    file.after.is_some(),
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("added", false, true),
                ("changed", true, true),
                ("removed", true, false)
            ]
        );
    }

    #[test]
    fn the_deployed_key_is_found_in_the_templates_text() {
        let digest = "0123456789abcdef".repeat(4);
        let text = format!("S3Key: 'demo/handler/short.zip'\nS3Key: demo/handler/{digest}.zip\n");
        assert_eq!(
            deployed_key(&text, "demo", "handler"),
            Some(format!("demo/handler/{digest}.zip"))
        );
        assert_eq!(deployed_key(&text, "demo", "other"), None);
        assert_eq!(deployed_key("demo/handler/é", "demo", "handler"), None);
        let text = format!("https://s3/b/demo/templates/{digest}.yaml demo/templates/x.yaml");
        assert_eq!(
            template_keys(&text, "demo"),
            [format!("demo/templates/{digest}.yaml")]
        );
    }
}
