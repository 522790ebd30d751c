//! The table of known causes, which is data: `known.toml`, beside this file, describes its columns.

use std::sync::LazyLock;

use serde::Deserialize;

/// A cause that is recognised by its words.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Known {
    pub(super) category: String,
    pub(super) says: Vec<String>,
    #[serde(default)]
    pub(super) types: Vec<String>,
    #[serde(default)]
    pub(super) during: String,
    #[serde(default)]
    pub(super) properties: Vec<String>,
    pub(super) hint: String,
    #[serde(default)]
    pub(super) run: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    cause: Vec<Known>,
}

/// The rows in their order. A test holds the file to its form, so that nothing is lost here.
pub(super) static KNOWN: LazyLock<Vec<Known>> = LazyLock::new(|| read().unwrap_or_default().cause);

fn read() -> Result<Table, toml::de::Error> {
    toml::from_str(include_str!("known.toml"))
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::cloudformation::diagnosis::pattern::gaps;

    #[test]
    fn every_row_is_complete_and_its_hint_can_be_filled() {
        let rows = read().unwrap_or_else(|error| panic!("{error}")).cause;
        assert!(rows.len() > 50, "{}", rows.len());
        for row in rows {
            let name = row.category;
            assert!(!name.is_empty() && !row.hint.is_empty() && !row.says.is_empty());
            let is_kebab = |c: char| c.is_ascii_lowercase() || c == '-';
            assert!(name.chars().all(is_kebab), "{name}");
            for text in [&row.hint, &row.run] {
                for gap in gaps(text) {
                    let known = ["logical_id", "type"].contains(&gap)
                        || row.says.iter().all(|pattern| gaps(pattern).contains(&gap));
                    assert!(known, "{name}: {gap} in {text:?}");
                }
            }
            assert!(!row.hint.ends_with('.'), "{}", row.hint);
            assert!(
                ["", "CREATE", "UPDATE", "DELETE"].contains(&row.during.as_str()),
                "{name}"
            );
        }
    }
}
