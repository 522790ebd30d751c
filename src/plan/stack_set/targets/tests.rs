//! Which operations lead from what is deployed to what the manifest says.

use indexmap::IndexMap;

use super::{Deployed, TargetChanges, changes};
use crate::cloudformation::stack_set::group::Group;
use crate::cloudformation::stack_set::instance::{Instance, InstanceStatus};
use crate::cloudformation::stack_set::{StackSet, Target};
use crate::config::settings::{AccountFilter, Permissions, StackSetSettings};

fn list(names: &str) -> Vec<String> {
    names.split_whitespace().map(str::to_owned).collect()
}

/// Returns settings for accounts, or for organizational units if their names begin with `ou`.
fn settings(units: &str, regions: &str) -> StackSetSettings {
    let is_service = units.starts_with("ou");
    StackSetSettings {
        accounts: if is_service { Vec::new() } else { list(units) },
        organizational_units: if is_service { list(units) } else { Vec::new() },
        regions: list(regions),
        permissions: if is_service {
            Permissions::ServiceManaged
        } else {
            Permissions::SelfManaged
        },
        ..StackSetSettings::default()
    }
}

/// Returns instances such as `1/eu`, `1/eu:OUTDATED` and `ou-a:1/eu`.
fn instances(names: &str) -> Vec<Instance> {
    let instances = names.split_whitespace().map(|name| {
        let (unit, name) = match name.strip_prefix("ou-") {
            Some(rest) => {
                let (unit, name) = rest.split_once(':').unwrap_or_default();
                (Some(format!("ou-{unit}")), name)
            }
            None => (None, name),
        };
        let (target, status) = name.split_once(':').unwrap_or((name, "CURRENT"));
        let (account, region) = target.split_once('/').unwrap_or_default();
        Instance {
            target: Target::new(account, region),
            stack_id: None,
            status: InstanceStatus::from_wire(status),
            detailed_status: None,
            reason: None,
            organizational_unit: unit,
            drift: None,
        }
    });
    instances.collect()
}

fn group(group: &Group) -> String {
    let choice = group.choice.as_ref().map_or_else(String::new, |choice| {
        let sign = match choice.filter {
            AccountFilter::Intersection => "∩",
            AccountFilter::Difference => "−",
        };
        format!("{sign}{}", choice.accounts.join("+"))
    });
    let values = group.overrides.iter().map(|(k, v)| format!(" {k}={v}"));
    let values: String = values.collect();
    format!(
        "{}{choice}×{}{values}",
        group.accounts.join("+"),
        group.regions.join("+")
    )
}

/// Returns the operations in one line.
fn line(changes: &TargetChanges) -> String {
    let mut words = Vec::new();
    if let Some(update) = &changes.update {
        let only = update.only.as_ref();
        words.push(format!("~{}", only.map_or_else(|| "all".to_owned(), group)));
    }
    words.extend(changes.overrides.iter().map(|it| format!("={}", group(it))));
    words.extend(changes.added.iter().map(|it| format!("+{}", group(it))));
    words.extend(changes.removed.iter().map(|it| {
        let sign = if it.retains { "!" } else { "-" };
        format!("{sign}{}", group(&it.group))
    }));
    words.join(" ")
}

fn planned(settings: &StackSetSettings, deployed: &str, is_changed: bool) -> TargetChanges {
    let instances = instances(deployed);
    let set = StackSet::default();
    let deployed = Deployed {
        set: Some(&set),
        instances: &instances,
        overrides: None,
    };
    changes(settings, deployed, is_changed)
}

#[test]
fn the_operations_of_self_managed_permissions() {
    for (accounts, regions, deployed, is_changed, expected) in [
        ("1 2", "eu us", "", false, "+1+2×eu+us"),
        ("1 2", "eu us", "1/eu 2/eu 1/us 2/us", false, ""),
        ("1 2", "eu us", "1/eu 2/eu 1/us 2/us", true, "~all"),
        // A region and an account more.
        ("1 2", "eu us", "1/eu 2/eu", false, "+1+2×us"),
        ("1 2", "eu us", "1/eu 1/us", true, "~all +2×eu+us"),
        // The order of the manifest, not of the service.
        ("1", "us eu", "", false, "+1×us+eu"),
        // What goes is not updated before, if a request can say so.
        ("1", "eu", "1/eu 2/eu 2/us", true, "~1×eu -2×eu+us"),
        ("1 2", "eu", "1/eu 2/eu 1/us 2/us", true, "~1+2×eu -1+2×us"),
        // What failed is tried again, and nothing else is touched.
        ("1 2", "eu", "1/eu 2/eu:OUTDATED", false, "~2×eu"),
        (
            "1 2",
            "eu us",
            "1/eu:OUTDATED 2/eu 1/us 2/us:OUTDATED",
            false,
            "~all",
        ),
        // A status that this version does not know is not the one that it should be.
        ("1", "eu", "1/eu:NEW", false, "~all"),
        // Inoperable: no update helps, and the stack of one that goes stays.
        ("1 2", "eu", "1/eu 2/eu:INOPERABLE", false, ""),
        ("1", "eu", "1/eu 2/eu:INOPERABLE 3/eu", false, "!2×eu -3×eu"),
        // Everything goes.
        ("3", "ap", "1/eu 2/us", true, "~all +3×ap -1×eu -2×us"),
    ] {
        let changes = planned(&settings(accounts, regions), deployed, is_changed);
        assert_eq!(
            line(&changes),
            expected,
            "{accounts} × {regions} on {deployed}"
        );
    }
}

#[test]
fn the_operations_of_service_managed_permissions() {
    let all = "ou-a:1/eu ou-a:2/eu ou-b:3/eu";
    for (units, regions, deployed, is_changed, expected) in [
        ("ou-a ou-b", "eu", "", false, "+ou-a+ou-b×eu"),
        ("ou-a ou-b", "eu", all, false, ""),
        ("ou-a ou-b", "eu", all, true, "~all"),
        ("ou-a ou-b", "eu us", all, false, "+ou-a+ou-b×us"),
        ("ou-a", "eu", all, false, "-ou-b×eu"),
        // Accounts cannot be named together with the automatic deployment, so all are updated.
        ("ou-a", "eu", all, true, "~all -ou-b×eu"),
        // The stack of an inoperable instance stays, then the unit goes.
        (
            "ou-a",
            "eu",
            "ou-a:1/eu ou-b:3/eu:INOPERABLE ou-b:4/eu",
            false,
            "!ou-b∩3×eu -ou-b×eu",
        ),
    ] {
        let changes = planned(&settings(units, regions), deployed, is_changed);
        assert_eq!(
            line(&changes),
            expected,
            "{units} × {regions} on {deployed}"
        );
    }
}

#[test]
fn a_filter_adds_and_removes_accounts_of_units_that_stay() {
    let deployed = "ou-a:1/eu ou-a:2/eu";
    for (filter, accounts, expected) in [
        (AccountFilter::Intersection, "1 2", ""),
        (AccountFilter::Intersection, "1", "-ou-a∩2×eu"),
        (AccountFilter::Intersection, "1 2 5", "+ou-a∩5×eu"),
        (AccountFilter::Difference, "9", ""),
        (AccountFilter::Difference, "2", "-ou-a∩2×eu"),
    ] {
        let settings = StackSetSettings {
            accounts: list(accounts),
            account_filter: filter,
            ..settings("ou-a", "eu")
        };
        let changes = planned(&settings, deployed, false);
        assert_eq!(line(&changes), expected, "{filter:?} {accounts}");
    }
    let settings = StackSetSettings {
        accounts: list("1"),
        account_filter: AccountFilter::Difference,
        ..settings("ou-a", "eu")
    };
    assert_eq!(line(&planned(&settings, "", false)), "+ou-a−1×eu");
}

#[test]
fn a_unit_without_accounts_is_not_added_again_and_can_be_removed() {
    let set = StackSet {
        organizational_units: list("ou-a ou-empty"),
        regions: list("eu"),
        ..StackSet::default()
    };
    let instances = instances("ou-a:1/eu");
    let deployed = Deployed {
        set: Some(&set),
        instances: &instances,
        overrides: None,
    };
    let changes_of = |units| changes(&settings(units, "eu"), deployed, false);
    assert_eq!(line(&changes_of("ou-a ou-empty")), "");
    let removed = changes_of("ou-a");
    assert_eq!(line(&removed), "-ou-empty×eu");
    let shown = removed.entries.iter();
    let shown: Vec<_> = shown
        .map(|it| format!("{} {}", it.action.as_str(), it.target))
        .collect();
    assert_eq!(shown, ["keep 1/eu", "remove ou-empty/eu"]);
}

#[test]
fn more_than_fifty_units_are_several_requests() {
    let units: Vec<String> = (0..101).map(|number| format!("ou-{number}")).collect();
    let changes = planned(&settings(&units.join(" "), "eu us"), "", false);
    let sizes: Vec<usize> = changes.added.iter().map(|it| it.accounts.len()).collect();
    assert_eq!(sizes, [50, 50, 1]);
}

#[test]
fn values_of_a_target_are_set_only_if_they_differ() {
    let table = |name: &str, value: &str| {
        let values = IndexMap::from([("Size".to_owned(), value.to_owned())]);
        (name.to_owned(), values)
    };
    let settings = StackSetSettings {
        overrides: Some(IndexMap::from([table("2", "large"), table("3/us", "huge")])),
        ..settings("1 2 3", "eu us")
    };
    let instances = instances("1/eu 1/us 2/eu 2/us 3/eu");
    let known = IndexMap::from([
        (Target::new("1", "us"), table("", "old").1),
        (Target::new("2", "us"), table("", "large").1),
        (Target::new("3", "eu"), IndexMap::new()),
    ]);
    let set = StackSet::default();
    let deployed = Deployed {
        set: Some(&set),
        instances: &instances,
        overrides: Some(&known),
    };
    let changes = changes(&settings, deployed, false);
    assert_eq!(line(&changes), "=1×us =2×eu Size=large +3×us Size=huge");
    let updated = changes.entries.iter();
    let updated = updated.filter(|it| it.action == super::TargetAction::Update);
    let updated: Vec<_> = updated.map(|it| it.target.to_string()).collect();
    assert_eq!(updated, ["2/eu", "1/us"]);
}
