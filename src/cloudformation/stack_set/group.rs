//! The targets of one request: a request is for every named account in every named region.

use indexmap::{IndexMap, IndexSet};

use super::{AccountChoice, Target};

/// The targets of one request, and the values that they get instead of those of the stack set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    /// The accounts, 12 digits each, or the ids of organizational units.
    pub accounts: Vec<String>,
    /// The regions, in the order in which the operation works.
    pub regions: Vec<String>,
    /// Which accounts of the organizational units; `None` means all, or that `accounts` has accounts.
    pub choice: Option<AccountChoice>,
    /// The parameters with another value than in the stack set.
    pub overrides: IndexMap<String, String>,
}

impl Group {
    /// Returns the targets: every account in every region.
    pub fn targets(&self) -> impl Iterator<Item = Target> {
        self.regions.iter().flat_map(|region| {
            let accounts = self.accounts.iter();
            accounts.map(move |account| Target::new(account, region))
        })
    }
}

/// The values that an account has in some regions.
type ValuesAndRegions = (IndexMap<String, String>, Vec<String>);

/// Returns the fewest requests, as far as a simple rule finds them, that are for exactly these targets:
/// accounts with the same regions and the same values share one.
///
/// The accounts are in the order of the targets, and the regions in the order of `regions`.
pub fn groups(
    targets: &[Target],
    regions: &[String],
    overrides: impl Fn(&Target) -> IndexMap<String, String>,
) -> Vec<Group> {
    let rank = |region: &String| regions.iter().position(|it| it == region);
    let mut by_account: IndexMap<&str, Vec<ValuesAndRegions>> = IndexMap::new();
    for target in targets {
        let values = overrides(target);
        let parts = by_account.entry(&target.account).or_default();
        match parts.iter_mut().find(|(known, _)| *known == values) {
            Some((_, known)) if !known.contains(&target.region) => {
                known.push(target.region.clone());
            }
            Some(_) => {}
            None => parts.push((values, vec![target.region.clone()])),
        }
    }
    let mut groups: Vec<Group> = Vec::new();
    for (account, parts) in by_account {
        for (overrides, mut regions) in parts {
            regions.sort_by_key(|region| rank(region).unwrap_or(usize::MAX));
            let same = groups
                .iter_mut()
                .find(|it| it.regions == regions && it.overrides == overrides);
            match same {
                Some(group) => group.accounts.push(account.to_owned()),
                None => groups.push(Group {
                    accounts: vec![account.to_owned()],
                    regions,
                    choice: None,
                    overrides,
                }),
            }
        }
    }
    groups
}

/// Returns the accounts and regions that a request has to name so that it is for all of `targets`, and
/// for no others but instances that exist; `None` if it has to be for all instances.
///
/// A request that names an instance which does not exist is refused.
pub fn naming(
    targets: &[Target],
    existing: &IndexSet<Target>,
    regions: &[String],
) -> Option<Group> {
    let accounts: IndexSet<&String> = targets.iter().map(|it| &it.account).collect();
    let group = Group {
        accounts: accounts.into_iter().cloned().collect(),
        regions: regions_of(targets, regions),
        ..Group::default()
    };
    let named: IndexSet<Target> = group.targets().collect();
    let is_exact = named.iter().all(|target| existing.contains(target));
    (is_exact && named.len() < existing.len()).then_some(group)
}

/// Returns the regions of targets, in the order of `regions`, then the others.
pub fn regions_of<'a>(
    targets: impl IntoIterator<Item = &'a Target>,
    regions: &[String],
) -> Vec<String> {
    let used: IndexSet<&String> = targets.into_iter().map(|it| &it.region).collect();
    let ordered = regions.iter().filter(|region| used.contains(region));
    let others = used.iter().copied().filter(|it| !regions.contains(it));
    ordered.chain(others).cloned().collect()
}

#[cfg(test)]
mod tests {
    use indexmap::{IndexMap, IndexSet};

    use super::{Group, groups, naming};
    use crate::cloudformation::stack_set::Target;

    fn targets(names: &str) -> Vec<Target> {
        let pairs = names.split_whitespace().map(|name| name.split_once('/'));
        pairs
            .flatten()
            .map(|(account, region)| Target::new(account, region))
            .collect()
    }

    fn regions() -> Vec<String> {
        ["eu", "us", "ap"].map(str::to_owned).to_vec()
    }

    fn shown(groups: &[Group]) -> Vec<String> {
        let shown = groups.iter().map(|it| {
            let values: Vec<_> = it
                .overrides
                .iter()
                .map(|(k, v)| format!(" {k}={v}"))
                .collect();
            format!(
                "{}×{}{}",
                it.accounts.join("+"),
                it.regions.join("+"),
                values.concat()
            )
        });
        shown.collect()
    }

    #[test]
    fn accounts_with_the_same_regions_share_a_request() {
        for (names, expected) in [
            ("", Vec::<&str>::new()),
            ("1/us 1/eu 2/eu 2/us", vec!["1+2×eu+us"]),
            ("1/eu 2/us", vec!["1×eu", "2×us"]),
            ("1/eu 1/us 2/us 3/us 3/eu", vec!["1+3×eu+us", "2×us"]),
            // Twice the same, and a region that the manifest does not have.
            ("1/eu 1/eu 1/xx", vec!["1×eu+xx"]),
        ] {
            let found = groups(&targets(names), &regions(), |_| IndexMap::new());
            assert_eq!(shown(&found), expected, "{names}");
            let all: IndexSet<Target> = found.iter().flat_map(Group::targets).collect();
            let expected: IndexSet<Target> = targets(names).into_iter().collect();
            assert_eq!(all, expected, "{names}");
        }
    }

    #[test]
    fn targets_with_other_values_get_a_request_of_their_own() {
        let found = groups(
            &targets("1/eu 1/us 2/eu 2/us 3/eu 3/us"),
            &regions(),
            |it| {
                let value = match (&*it.account, &*it.region) {
                    ("1", _) => "one",
                    (_, "us") => "us",
                    _ => return IndexMap::new(),
                };
                IndexMap::from([("Size".to_owned(), value.to_owned())])
            },
        );
        assert_eq!(
            shown(&found),
            ["1×eu+us Size=one", "2+3×eu", "2+3×us Size=us"]
        );
    }

    #[test]
    fn a_request_names_no_instance_that_does_not_exist() {
        for (chosen, existing, expected) in [
            ("1/eu 1/us", "1/eu 1/us 2/eu", Some("1×eu+us")),
            // All of them: nothing is named.
            ("1/eu 1/us", "1/eu 1/us", None),
            // `2/us` does not exist.
            ("1/us 2/eu", "1/eu 1/us 2/eu", None),
            // `2/us` exists and needs nothing, which does no harm.
            ("1/us 2/eu", "1/eu 1/us 2/eu 2/us 3/eu", Some("1+2×eu+us")),
        ] {
            let existing = targets(existing).into_iter().collect();
            let found = naming(&targets(chosen), &existing, &regions());
            let found = found.map(|group| shown(&[group]).concat());
            assert_eq!(found.as_deref(), expected, "{chosen}");
        }
    }
}
