//! The objects of the artifact bucket that the text of a template names.
//!
//! A deployment that sends a template that was deployed before, such as an import, does not build the
//! artifacts that the template names. Their keys contain their digests, so the text says all that a
//! record needs.

use super::StoredObject;
use crate::artifact::digest::Digest;

/// The objects of a project that a template names, each once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mentions {
    /// The nested templates.
    pub templates: Vec<StoredObject>,
    /// The zips.
    pub artifacts: Vec<StoredObject>,
    /// The other files.
    pub files: Vec<StoredObject>,
}

impl Mentions {
    /// Returns the objects of a project that a text names.
    pub fn of(text: &str, project: &str) -> Self {
        let mut mentions = Self::default();
        let prefix = format!("{project}/");
        for (start, _) in text.match_indices(&prefix) {
            let before = text.get(..start).and_then(|text| text.chars().next_back());
            let is_longer =
                before.is_some_and(|it| it.is_ascii_alphanumeric() || "-_".contains(it));
            let rest = text.get(start..).unwrap_or_default();
            if let Some(object) = object(rest, &prefix).filter(|_| !is_longer) {
                mentions.add(object, &prefix);
            }
        }
        mentions
    }

    /// Adds the objects of another text.
    pub fn extend(&mut self, other: Self) {
        let pairs = [
            (&mut self.templates, other.templates),
            (&mut self.artifacts, other.artifacts),
            (&mut self.files, other.files),
        ];
        for (own, others) in pairs {
            for object in others {
                if !own.contains(&object) {
                    own.push(object);
                }
            }
        }
    }

    fn add(&mut self, object: StoredObject, prefix: &str) {
        let folder = object.key.strip_prefix(prefix).unwrap_or_default();
        let list = if folder.starts_with("templates/") {
            &mut self.templates
        } else if folder.starts_with("files/") {
            &mut self.files
        } else if folder.strip_suffix(".zip").is_some() && !folder.starts_with("history/") {
            &mut self.artifacts
        } else {
            return;
        };
        if !list.contains(&object) {
            list.push(object);
        }
    }
}

/// Returns the object whose key a text begins with: a folder, a SHA-256, and perhaps an extension.
fn object(text: &str, prefix: &str) -> Option<StoredObject> {
    let is_part = |it: char| it.is_ascii_alphanumeric() || "/._-".contains(it);
    let end = text.find(|it| !is_part(it)).unwrap_or(text.len());
    let path = text.get(prefix.len()..end)?;
    let mut start = 0;
    for segment in path.split('/') {
        let is_digest = segment.len() >= Digest::DIGITS
            && segment
                .bytes()
                .take(Digest::DIGITS)
                .all(|it| it.is_ascii_hexdigit());
        let extension = if is_digest {
            segment.get(Digest::DIGITS..)?
        } else {
            ""
        };
        if is_digest && (extension.is_empty() || extension.starts_with('.')) {
            let folder = path.get(..start)?.strip_suffix('/')?;
            // The end of a sentence is no extension.
            let file = segment.trim_end_matches('.');
            return Some(StoredObject {
                name: folder.to_owned(),
                key: format!("{prefix}{folder}/{file}"),
                sha256: segment.get(..Digest::DIGITS)?.to_owned(),
                size: 0,
            });
        }
        start += segment.len() + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::Mentions;

    #[test]
    fn objects_are_found_wherever_they_are_written() {
        let [one, two] = ["0123456789abcdef".repeat(4), "fedcba9876543210".repeat(4)];
        let text = format!(
            "a: site/handler/{one}.zip\nb: 'site/src/lone.py/{two}.zip'\n\
             c: https://s3.eu-west-1.amazonaws.com/bucket/site/templates/{one}.yaml\n\
             d: !Sub \"s3://${{AWS::AccountId}}/site/files/{two}.json\"\ne: site/files/{one}\n\
             f: site/handler/{one}.zip\n# It was site/files/{one}. Not any more"
        );
        let found = Mentions::of(&text, "site");
        let keys = |list: &[super::StoredObject]| -> Vec<String> {
            list.iter().map(|it| it.key.clone()).collect()
        };
        assert_eq!(
            keys(&found.artifacts),
            [
                format!("site/handler/{one}.zip"),
                format!("site/src/lone.py/{two}.zip")
            ]
        );
        assert_eq!(found.artifacts.first().map(|it| &*it.name), Some("handler"));
        assert_eq!(
            keys(&found.templates),
            [format!("site/templates/{one}.yaml")]
        );
        assert_eq!(
            keys(&found.files),
            [
                format!("site/files/{two}.json"),
                format!("site/files/{one}")
            ]
        );
        let mut twice = found.clone();
        twice.extend(found.clone());
        assert_eq!(twice, found);
    }

    #[test]
    fn other_texts_name_no_object() {
        let digest = "0123456789abcdef".repeat(4);
        let texts = [
            format!("other/handler/{digest}.zip"),
            format!("my-site/handler/{digest}.zip"),
            format!("site/{digest}.zip"),
            format!("site/handler/{digest}0.zip"),
            format!("site/handler/{}.zip", &digest[1..]),
            format!("site/handler/{digest}.jar"),
            format!("site/history/dev/{digest}.zip"),
            format!("site/hand ler/{digest}.zip"),
            "site/".to_owned(),
            "site/é/x".to_owned(),
        ];
        for text in texts {
            assert_eq!(Mentions::of(&text, "site"), Mentions::default(), "{text}");
        }
    }
}
