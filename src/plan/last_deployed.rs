//! The template that was last deployed from this machine, for plans without a network.
//!
//! After each deployment, `apply` saves the template in the cache folder. `plan --offline` compares
//! the files with it. Nothing else uses the copy, so it may be deleted. It contains no secrets: the
//! defaults of parameters with `NoEcho` are masked, and only plain parameters are saved.

use std::fs;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::artifact::digest::Digest;
use crate::config::cache;
use crate::error::Result;
use crate::util::regular_file;

/// The largest record that is read, in bytes: the template with its parameters, and JSON may need up to
/// six bytes for a character.
const LIMIT: u64 = 8 * 1024 * 1024;

/// A deployment: its target, its template and its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastDeployed {
    /// The account, 12 digits.
    pub account: String,
    /// The region.
    pub region: String,
    /// The stack's name.
    pub stack: String,
    /// The time of the deployment.
    pub at: Timestamp,
    /// The template that was sent, with masked defaults of its parameters with `NoEcho`.
    pub template: String,
    /// The parameters that are not secret.
    pub parameters: IndexMap<String, String>,
    /// The stack's tags; `None` if an older version, which did not save them, wrote the file.
    #[serde(default)]
    pub tags: Option<IndexMap<String, String>>,
}

impl LastDeployed {
    /// Saves this in the cache folder and replaces what was saved for the same stack.
    ///
    /// # Errors
    ///
    /// If the folder cannot be written.
    pub fn store(&self, cache: &Path) -> Result<()> {
        cache::store(&self.path(cache), self)
    }

    /// Returns what was last deployed to a stack; `None` if nothing is saved. If several accounts or
    /// regions match, returns the newest. Files that cannot be read are skipped.
    pub fn find(
        cache: &Path,
        stack: &str,
        account: Option<&str>,
        region: Option<&str>,
    ) -> Option<Self> {
        let entries = fs::read_dir(folder(cache)).ok()?.flatten();
        let saved = entries.filter_map(|entry| {
            let text = regular_file::read(&entry.path(), LIMIT).ok()?;
            serde_json::from_slice::<Self>(&text).ok()
        });
        let matches = |saved: &Self| {
            saved.stack == stack
                && account.is_none_or(|account| account == saved.account)
                && region.is_none_or(|region| region == saved.region)
        };
        saved.filter(matches).max_by_key(|saved| saved.at)
    }

    fn path(&self, cache: &Path) -> PathBuf {
        let place = format!("{}\n{}\n{}", self.account, self.region, self.stack);
        folder(cache).join(format!("{}.json", Digest::of(place)))
    }
}

fn folder(cache: &Path) -> PathBuf {
    cache.join("deployed")
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a failed assertion is what a test is for"
)]
mod tests {
    use indexmap::IndexMap;
    use jiff::Timestamp;

    use super::LastDeployed;

    fn deployed(region: &str, second: i64) -> LastDeployed {
        LastDeployed {
            account: "123456789012".to_owned(),
            region: region.to_owned(),
            stack: "demo".to_owned(),
            at: Timestamp::from_second(second).unwrap(),
            template: "Resources: {}".to_owned(),
            parameters: IndexMap::new(),
            tags: None,
        }
    }

    #[test]
    fn find_returns_the_newest_deployment_that_matches() {
        let cache = tempfile::tempdir().unwrap();
        let find =
            |stack, account, region| LastDeployed::find(cache.path(), stack, account, region);
        assert_eq!(find("demo", None, None), None);
        for (region, second) in [("eu-west-1", 1), ("us-east-1", 3), ("eu-west-1", 2)] {
            deployed(region, second).store(cache.path()).unwrap();
        }
        assert_eq!(find("demo", None, None), Some(deployed("us-east-1", 3)));
        assert_eq!(
            find("demo", None, Some("eu-west-1")),
            Some(deployed("eu-west-1", 2))
        );
        assert_eq!(find("demo", Some("210987654321"), None), None);
        assert_eq!(find("other", None, None), None);
        std::fs::write(cache.path().join("deployed/x.json"), "{").unwrap();
        assert_eq!(find("demo", None, None), Some(deployed("us-east-1", 3)));
    }
}
