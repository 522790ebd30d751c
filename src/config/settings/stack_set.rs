//! A stack set: the `stack_set` table of a stack.

use std::fmt;

use indexmap::IndexMap;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::config::manifest::checks;
use crate::config::manifest::node::{Entry, Table, Value, table};
use crate::diagnostic::Diagnostic;
use crate::util::suggest::nearest;

/// The accounts and regions that CloudFormation deploys the stack's template to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StackSetSettings {
    /// The accounts, 12 digits each. With `organizational_units`, those that `account_filter` is about.
    pub accounts: Vec<String>,
    /// The organizational units, `ou-…`, or the root of the organization, `r-…`.
    pub organizational_units: Vec<String>,
    /// How `accounts` count with `organizational_units`.
    pub account_filter: AccountFilter,
    /// The regions, in the order in which operations work.
    pub regions: Vec<String>,
    /// Who creates the roles.
    pub permissions: Permissions,
    /// How many targets may fail in each region before the operation ends.
    pub failure_tolerance: Option<Amount>,
    /// In how many targets an operation works at the same time.
    pub max_concurrent: Option<Amount>,
    /// Whether regions are done one after the other or at the same time.
    pub region_concurrency: Option<RegionConcurrency>,
    /// Whether failures lower the number of targets at the same time.
    pub concurrency_mode: Option<ConcurrencyMode>,
    /// Whether accounts that join an organizational unit get the stack.
    pub auto_deployment: Option<bool>,
    /// Whether the stacks stay in accounts that leave an organizational unit.
    pub retain_stacks_on_account_removal: bool,
    /// Whether operations that do not conflict run at the same time; without it, that stays as it is.
    pub managed_execution: Option<bool>,
    /// The ARN of the role that CloudFormation assumes here.
    pub administration_role: Option<String>,
    /// The name of the role that CloudFormation assumes in the targets.
    pub execution_role: Option<String>,
    /// Whether the caller is the management account or a delegated administrator.
    pub call_as: CallAs,
    /// The parameters with another value in some targets, by `ACCOUNT`, `REGION` or `ACCOUNT/REGION`;
    /// without the table, the values that the targets have stay.
    pub overrides: Option<IndexMap<String, IndexMap<String, String>>>,
    /// The buckets with the local code, by region.
    pub artifact_buckets: IndexMap<String, String>,
}

/// Who creates the roles of a stack set (`PermissionModel`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Permissions {
    /// The user creates them.
    #[default]
    SelfManaged,
    /// CloudFormation creates them, with AWS Organizations.
    ServiceManaged,
}

impl Permissions {
    /// Returns the name in the manifest and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SelfManaged => "self-managed",
            Self::ServiceManaged => "service-managed",
        }
    }
}

/// How accounts count beside organizational units (`AccountFilterType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountFilter {
    /// Only these accounts of the organizational units.
    #[default]
    Intersection,
    /// All accounts of the organizational units but these.
    Difference,
}

/// Who calls (`CallAs`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallAs {
    /// The account itself.
    #[default]
    #[serde(rename = "self")]
    Own,
    /// A delegated administrator of the organization.
    DelegatedAdmin,
}

/// Whether an operation works in one region after the other (`RegionConcurrencyType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegionConcurrency {
    /// One after the other, the default of the service.
    Sequential,
    /// All at the same time.
    Parallel,
}

/// How failures change the number of targets at the same time (`ConcurrencyMode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConcurrencyMode {
    /// At most one more than may still fail, the default of the service.
    Strict,
    /// Always as many as `max_concurrent` says.
    Soft,
}

/// A number of targets, or a percentage of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// So many in each region.
    Count(u32),
    /// So many percent of those in each region, 0 to 100.
    Percent(u32),
}

impl Amount {
    /// Returns the amount of a text such as `3` or `10%`; `None` if the text is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (is_percent, number) = checks::amount(text).ok()?;
        Some(if is_percent {
            Self::Percent(number)
        } else {
            Self::Count(number)
        })
    }

    fn is_zero(self) -> bool {
        matches!(self, Self::Count(0) | Self::Percent(0))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => count.fmt(f),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("not a number of targets"))
    }
}

impl StackSetSettings {
    /// Returns the parameters that have another value in a target: those of its region, overlaid by those
    /// of its account, overlaid by those of the two together.
    pub fn overrides_of(&self, account: &str, region: &str) -> IndexMap<String, String> {
        let tables = [
            region.to_owned(),
            account.to_owned(),
            format!("{account}/{region}"),
        ];
        let overrides = self.overrides.iter();
        let tables = tables
            .iter()
            .flat_map(|name| overrides.clone().filter_map(|all| all.get(name.as_str())));
        let values = tables.flatten();
        values
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

/// Returns what is wrong with the values of a stack set together.
pub(super) fn check(merged: &Table) -> Vec<Diagnostic> {
    let Some(set) = merged.get("stack_set") else {
        return Vec::new();
    };
    let Some(values) = table(merged, "stack_set") else {
        return Vec::new();
    };
    let here = || set.node.origin.place("");
    let is_service = text(values, "permissions") == Some("service-managed");
    let has = |key: &str| texts(values, key).next().is_some();
    let mut found = Vec::new();
    let mut needs = |key: &str, help: &str| {
        let message = format!("`stack_set` has no `{key}`");
        found.push(Diagnostic::error("missing-key", message, here()).help(help));
    };
    if !has("regions") {
        needs(
            "regions",
            "name the regions, in the order in which they are deployed: `regions = [\"eu-west-1\"]`",
        );
    }
    if is_service && !has("organizational_units") {
        needs(
            "organizational_units",
            "service-managed permissions deploy to organizational units: `organizational_units = [\"ou-ab12-34cd56ef\"]`",
        );
    }
    if !is_service && !has("accounts") {
        needs(
            "accounts",
            "name the accounts: `accounts = [\"123456789012\"]`",
        );
    }
    let only_service = [
        "organizational_units",
        "account_filter",
        "auto_deployment",
        "retain_stacks_on_account_removal",
        "call_as",
    ];
    let misplaced: &[&str] = if is_service {
        &["administration_role"]
    } else {
        &only_service
    };
    for key in misplaced {
        let Some(entry) = values.get(*key) else {
            continue;
        };
        let other = if is_service {
            "self-managed"
        } else {
            "service-managed"
        };
        let message = format!("`{key}` needs `permissions = \"{other}\"`");
        let problem = Diagnostic::error("misplaced-key", message, entry.key.place(""));
        found.push(problem.help("remove the key, or change the permissions"));
    }
    for key in ["accounts", "organizational_units", "regions"] {
        found.extend(twice(values, key));
    }
    if let Some(entry) = values.get("account_filter")
        && !has("accounts")
    {
        let message = "`account_filter` has no `accounts` to filter by";
        let problem = Diagnostic::error("missing-key", message, entry.key.place(""));
        found.push(problem.help("name the accounts, or remove the filter"));
    }
    if let Some(entry) = values.get("retain_stacks_on_account_removal")
        && !matches!(
            values.get("auto_deployment").map(|it| &it.node.value),
            Some(Value::Boolean(true))
        )
    {
        let message = "`retain_stacks_on_account_removal` needs `auto_deployment = true`";
        found.push(Diagnostic::error(
            "misplaced-key",
            message,
            entry.key.place(""),
        ));
    }
    if let Some(entry) = values.get("max_concurrent")
        && entry
            .node
            .scalar()
            .and_then(|it| Amount::parse(&it))
            .is_some_and(Amount::is_zero)
    {
        let message = "`max_concurrent` must be at least 1";
        let problem = Diagnostic::error("bad-amount", message, entry.node.origin.place(""));
        found.push(problem.help("`0` would deploy nothing"));
    }
    found.extend(unknown_targets(values));
    found
}

/// Returns an error for each item that stands twice in a list.
fn twice(values: &Table, key: &str) -> Vec<Diagnostic> {
    let Some(Value::List(items)) = values.get(key).map(|it| &it.node.value) else {
        return Vec::new();
    };
    let mut seen = std::collections::HashMap::new();
    let mut found = Vec::new();
    for item in items {
        let Value::String(text) = &item.value else {
            continue;
        };
        if let Some(first) = seen.insert(text, item) {
            let message = format!("`{key}` names `{text}` twice");
            let problem = Diagnostic::error("duplicate-target", message, item.origin.place(""));
            found.push(problem.at(first.origin.place("here too")));
        }
    }
    found
}

/// Returns an error for each table of overrides, and each bucket, that is for no target of the set.
fn unknown_targets(values: &Table) -> Vec<Diagnostic> {
    let holders: Vec<&str> = match text(values, "permissions") {
        Some("service-managed") => texts(values, "organizational_units").collect(),
        _ => texts(values, "accounts").collect(),
    };
    let regions: Vec<&str> = texts(values, "regions").collect();
    let mut found = Vec::new();
    for key in ["overrides", "artifact_buckets"] {
        for (name, entry) in table(values, key).into_iter().flatten() {
            let is_known = match name.split_once('/') {
                Some((holder, region)) => holders.contains(&holder) && regions.contains(&region),
                None if key == "overrides" => {
                    holders.contains(&name.as_str()) || regions.contains(&name.as_str())
                }
                None => regions.contains(&name.as_str()),
            };
            if is_known {
                continue;
            }
            let message = format!("`{key}.{name}` is for no target of the stack set");
            let problem = Diagnostic::error("unknown-target", message, entry.key.place(""));
            let known = holders.iter().chain(&regions).copied();
            found.push(match nearest(name, known) {
                Some(near) => problem.help(format!("did you mean `{near}`?")),
                None => problem.help("name an account or region that the stack set has"),
            });
        }
    }
    found
}

fn text<'t>(values: &'t Table, key: &str) -> Option<&'t str> {
    match &values.get(key)?.node.value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// Returns the texts of a list.
fn texts<'t>(values: &'t Table, key: &str) -> impl Iterator<Item = &'t str> {
    let items = match values.get(key).map(|it: &Entry| &it.node.value) {
        Some(Value::List(items)) => items.as_slice(),
        _ => &[],
    };
    items.iter().filter_map(|item| match &item.value {
        Value::String(text) => Some(text.as_str()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::StackSetSettings;

    #[test]
    fn the_more_exact_table_of_overrides_wins() {
        let table = |values: &[(&str, &str)]| {
            let values = values.iter();
            let values = values.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            values.collect::<IndexMap<_, _>>()
        };
        let settings = StackSetSettings {
            overrides: Some(IndexMap::from([
                ("1/eu".to_owned(), table(&[("A", "both")])),
                ("1".to_owned(), table(&[("A", "account"), ("B", "account")])),
                ("eu".to_owned(), table(&[("B", "region"), ("C", "region")])),
            ])),
            ..StackSetSettings::default()
        };
        let of = |account, region| {
            let mut values: Vec<_> = settings.overrides_of(account, region).into_iter().collect();
            values.sort();
            let values = values.iter().map(|(name, value)| format!("{name}={value}"));
            values.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(of("1", "eu"), "A=both B=account C=region");
        assert_eq!(of("1", "us"), "A=account B=account");
        assert_eq!(of("2", "eu"), "B=region C=region");
        assert_eq!(of("2", "us"), "");
        assert_eq!(StackSetSettings::default().overrides_of("1", "eu").len(), 0);
    }
}
