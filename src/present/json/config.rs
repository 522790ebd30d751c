//! `stackctl.config/1`: all settings and their sources.

use schemars::JsonSchema;
use serde::Serialize;

use crate::config::settings::Row;

/// The JSON document of the settings.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ConfigDocument<'a> {
    #[schemars(extend("const" = "stackctl.config/1"))]
    schema: &'static str,
    settings: Vec<SettingEntry<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct SettingEntry<'a> {
    key: &'a str,
    /// `null` if the setting is not set.
    value: Option<&'a str>,
    source: &'a str,
}

impl<'a> ConfigDocument<'a> {
    /// Returns the document for these rows.
    pub fn of(rows: &'a [Row]) -> Self {
        Self {
            schema: "stackctl.config/1",
            settings: rows
                .iter()
                .map(|row| SettingEntry {
                    key: &row.key,
                    value: row.value.as_deref(),
                    source: &row.origin,
                })
                .collect(),
        }
    }
}
