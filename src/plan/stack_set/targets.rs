//! Which targets are added, updated and removed.

use indexmap::{IndexMap, IndexSet};

use super::{Removal, TargetAction, TargetEntry, Update};
use crate::cloudformation::stack_set::group::{Group, groups, naming};
use crate::cloudformation::stack_set::instance::{Instance, InstanceStatus};
use crate::cloudformation::stack_set::{AccountChoice, StackSet, Target};
use crate::config::settings::{AccountFilter, Permissions, StackSetSettings};

/// `CreateStackInstances` and the other operations take 50 organizational units.
const UNITS: usize = 50;

/// What happens to the targets of a stack set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TargetChanges {
    /// The update of the stack set and its instances; `None` if none is needed.
    pub update: Option<Update>,
    /// The instances that get other values of parameters.
    pub overrides: Vec<Group>,
    /// The instances that are added.
    pub added: Vec<Group>,
    /// The instances that are removed.
    pub removed: Vec<Removal>,
    /// Every target, in the order of the regions.
    pub entries: Vec<TargetEntry>,
}

/// What is known of a deployed stack set.
#[derive(Debug, Clone, Copy)]
pub struct Deployed<'a> {
    /// The stack set; `None` if there is none.
    pub set: Option<&'a StackSet>,
    /// Its instances.
    pub instances: &'a [Instance],
    /// The values of parameters that instances have instead of those of the stack set; `None` if the
    /// manifest says nothing of them.
    pub overrides: Option<&'a IndexMap<Target, IndexMap<String, String>>>,
}

/// An account or an organizational unit of an instance.
fn unit<'a>(instance: &'a Instance, settings: &StackSetSettings) -> &'a str {
    match (settings.permissions, &instance.organizational_unit) {
        (Permissions::ServiceManaged, Some(unit)) => unit,
        _ => &instance.target.account,
    }
}

/// Returns what happens to the targets. With `is_changed`, what the stack set says changes, so that every
/// instance has to be updated.
pub fn changes(
    settings: &StackSetSettings,
    deployed: Deployed<'_>,
    is_changed: bool,
) -> TargetChanges {
    let desired = desired(settings);
    let existing = existing(settings, deployed);
    let order = order(settings, existing.iter().map(|it| &*it.region));
    let missing: Vec<Target> = desired.difference(&existing).cloned().collect();
    let surplus: IndexSet<Target> = existing.difference(&desired).cloned().collect();

    let mut changes = TargetChanges::default();
    let mut kept = Vec::new();
    let mut gone = Vec::new();
    for instance in deployed.instances {
        let pair = Target::new(unit(instance, settings), &instance.target.region);
        if surplus.contains(&pair) || is_excluded(settings, &instance.target.account) {
            gone.push((instance, surplus.contains(&pair)));
        } else {
            kept.push(instance);
        }
    }

    changes.removed = removals(settings, &order, &gone, &surplus);
    let values = |it: &Target| settings.overrides_of(&it.account, &it.region);
    changes.added = groups(&missing, &order, values);
    for group in &mut changes.added {
        group.choice = choice(settings);
    }
    changes.added = in_batches(settings, changes.added);
    let joining = joining(settings, deployed.instances, &desired, &existing);
    changes.added.extend(joining.clone());

    let is_outdated = |it: &&Instance| {
        it.status != InstanceStatus::Inoperable
            && (is_changed || it.status != InstanceStatus::Current)
    };
    let outdated: Vec<Target> = kept
        .iter()
        .copied()
        .filter(is_outdated)
        .map(|it| it.target.clone())
        .collect();
    if deployed.set.is_some() && (is_changed || !outdated.is_empty()) {
        changes.update = Some(update(settings, deployed.instances, &outdated, &order));
    }

    let other_values = other_values(settings, deployed, &kept);
    changes.overrides = in_batches(settings, groups(&other_values, &order, values));

    let entry = |target: &Target, action, instance: Option<&Instance>| TargetEntry {
        target: target.clone(),
        action,
        status: instance.map(|it| match it.problem() {
            Some(problem) => problem.status,
            None => it.status.to_string(),
        }),
        reason: instance.and_then(|it| it.reason.clone()),
        organizational_unit: instance.and_then(|it| it.organizational_unit.clone()),
    };
    let is_updated = |instance: &Instance| {
        let pair = Target::new(unit(instance, settings), &instance.target.region);
        outdated.contains(&instance.target) || other_values.contains(&pair)
    };
    for instance in kept {
        let action = if is_updated(instance) {
            TargetAction::Update
        } else {
            TargetAction::Keep
        };
        changes
            .entries
            .push(entry(&instance.target, action, Some(instance)));
    }
    let joining = joining.iter().flat_map(|group| {
        let accounts = group.choice.iter().flat_map(|it| &it.accounts);
        let regions = &group.regions;
        accounts.flat_map(move |account| regions.iter().map(move |it| Target::new(account, it)))
    });
    for target in missing.iter().cloned().chain(joining) {
        changes
            .entries
            .push(entry(&target, TargetAction::Add, None));
    }
    for (instance, _) in gone {
        let action = if instance.status == InstanceStatus::Inoperable {
            TargetAction::Leave
        } else {
            TargetAction::Remove
        };
        changes
            .entries
            .push(entry(&instance.target, action, Some(instance)));
    }
    // A unit without accounts has no instances, and is removed all the same.
    for pair in &surplus {
        let has_instance = deployed
            .instances
            .iter()
            .any(|it| it.target.region == pair.region && unit(it, settings) == pair.account);
        if !has_instance {
            changes
                .entries
                .push(entry(pair, TargetAction::Remove, None));
        }
    }
    let rank = |region: &str| order.iter().position(|it| it == region);
    changes
        .entries
        .sort_by_key(|it| (rank(&it.target.region), it.target.account.clone()));
    changes
}

/// Returns the update of the stack set, for the outdated instances alone if a request can name them.
fn update(
    settings: &StackSetSettings,
    instances: &[Instance],
    outdated: &[Target],
    order: &[String],
) -> Update {
    let all = instances.iter().map(|it| it.target.clone()).collect();
    let only = naming(outdated, &all, order)
        .filter(|_| settings.permissions == Permissions::SelfManaged && !outdated.is_empty());
    let regions = match &only {
        Some(only) => only.regions.clone(),
        None => order.to_vec(),
    };
    Update { only, regions }
}

/// Returns the targets whose parameters have other values than the manifest says.
fn other_values(
    settings: &StackSetSettings,
    deployed: Deployed<'_>,
    kept: &[&Instance],
) -> Vec<Target> {
    let mut other = Vec::new();
    for instance in kept {
        let pair = Target::new(unit(instance, settings), &instance.target.region);
        let differs = deployed.overrides.is_some_and(|known| {
            let known = known.get(&instance.target).cloned().unwrap_or_default();
            known != settings.overrides_of(&pair.account, &pair.region)
        });
        if differs && instance.status != InstanceStatus::Inoperable && !other.contains(&pair) {
            other.push(pair);
        }
    }
    other
}

/// Returns whether the manifest says that an instance exists.
pub fn is_wanted(settings: &StackSetSettings, instance: &Instance) -> bool {
    let Target { account, region } = &instance.target;
    let unit = unit(instance, settings);
    settings.regions.contains(region)
        && units(settings).iter().any(|it| it == unit)
        && !is_excluded(settings, account)
}

/// Returns the accounts or organizational units of the manifest.
fn units(settings: &StackSetSettings) -> &[String] {
    match settings.permissions {
        Permissions::SelfManaged => &settings.accounts,
        Permissions::ServiceManaged => &settings.organizational_units,
    }
}

/// Returns the accounts or organizational units with the regions of the manifest.
fn desired(settings: &StackSetSettings) -> IndexSet<Target> {
    let units = units(settings);
    let pairs = settings.regions.iter();
    pairs
        .flat_map(|region| units.iter().map(move |unit| Target::new(unit, region)))
        .collect()
}

/// Returns the accounts or organizational units with the regions that the stack set has.
fn existing(settings: &StackSetSettings, deployed: Deployed<'_>) -> IndexSet<Target> {
    let instances = deployed.instances.iter();
    let mut pairs: IndexSet<Target> = instances
        .map(|it| Target::new(unit(it, settings), &it.target.region))
        .collect();
    if let (Permissions::ServiceManaged, Some(set)) = (settings.permissions, deployed.set) {
        for unit in &set.organizational_units {
            // Accounts may have left it, or none has joined it yet.
            if !pairs.iter().any(|pair| pair.account == *unit) {
                pairs.extend(set.regions.iter().map(|region| Target::new(unit, region)));
            }
        }
    }
    pairs
}

/// Returns the regions in the order of the manifest, then the others.
fn order<'a>(settings: &StackSetSettings, used: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut order: IndexSet<String> = settings.regions.iter().cloned().collect();
    order.extend(used.map(str::to_owned));
    order.into_iter().collect()
}

/// Returns whether the filter of the manifest leaves an account out.
fn is_excluded(settings: &StackSetSettings, account: &str) -> bool {
    let is_named = settings.accounts.iter().any(|it| it == account);
    settings.permissions == Permissions::ServiceManaged
        && !settings.accounts.is_empty()
        && match settings.account_filter {
            AccountFilter::Intersection => !is_named,
            AccountFilter::Difference => is_named,
        }
}

/// Returns which accounts of the organizational units the manifest means; `None` if all.
fn choice(settings: &StackSetSettings) -> Option<AccountChoice> {
    let is_filtered =
        settings.permissions == Permissions::ServiceManaged && !settings.accounts.is_empty();
    is_filtered.then(|| AccountChoice {
        filter: settings.account_filter,
        accounts: settings.accounts.clone(),
    })
}

/// Returns the accounts that the manifest's filter names and that no organizational unit has brought in yet,
/// as one request; none if all units are new.
fn joining(
    settings: &StackSetSettings,
    instances: &[Instance],
    desired: &IndexSet<Target>,
    existing: &IndexSet<Target>,
) -> Option<Group> {
    let names_accounts = settings.permissions == Permissions::ServiceManaged
        && settings.account_filter == AccountFilter::Intersection;
    let kept: Vec<Target> = desired.intersection(existing).cloned().collect();
    let accounts = settings.accounts.iter();
    let accounts: Vec<String> = accounts
        .filter(|account| !instances.iter().any(|it| it.target.account == **account))
        .cloned()
        .collect();
    if !names_accounts || kept.is_empty() || accounts.is_empty() {
        return None;
    }
    let units: IndexSet<String> = kept.iter().map(|it| it.account.clone()).collect();
    let regions = settings.regions.iter();
    let regions = regions.filter(|region| kept.iter().any(|it| it.region == **region));
    Some(Group {
        accounts: units.into_iter().collect(),
        regions: regions.cloned().collect(),
        choice: Some(AccountChoice {
            filter: AccountFilter::Intersection,
            accounts,
        }),
        overrides: IndexMap::new(),
    })
}

/// Returns the operations that remove instances: those that are inoperable first, since their stacks stay.
/// `gone` has the instances, and whether their whole pair of `surplus` is removed.
fn removals(
    settings: &StackSetSettings,
    order: &[String],
    gone: &[(&Instance, bool)],
    surplus: &IndexSet<Target>,
) -> Vec<Removal> {
    let is_inoperable = |it: &Instance| it.status == InstanceStatus::Inoperable;
    let left = gone.iter().filter(|(it, _)| is_inoperable(it));
    let left: Vec<&Instance> = left.map(|(it, _)| *it).collect();
    let mut removals = of_accounts(settings, order, &left, true);
    match settings.permissions {
        Permissions::SelfManaged => {
            let rest = gone.iter().filter(|(it, _)| !is_inoperable(it));
            let rest: Vec<&Instance> = rest.map(|(it, _)| *it).collect();
            removals.extend(of_accounts(settings, order, &rest, false));
        }
        Permissions::ServiceManaged => {
            let single = gone
                .iter()
                .filter(|(it, whole)| !whole && !is_inoperable(it));
            let single: Vec<&Instance> = single.map(|(it, _)| *it).collect();
            removals.extend(of_accounts(settings, order, &single, false));
            let pairs: Vec<Target> = surplus.iter().cloned().collect();
            let groups = in_batches(settings, groups(&pairs, order, |_| IndexMap::new()));
            removals.extend(groups.into_iter().map(|group| Removal {
                group,
                retains: false,
            }));
        }
    }
    removals
}

/// Returns the operations that remove exactly these instances.
pub fn of_accounts(
    settings: &StackSetSettings,
    order: &[String],
    instances: &[&Instance],
    retains: bool,
) -> Vec<Removal> {
    let mut by_unit: IndexMap<&str, Vec<Target>> = IndexMap::new();
    for instance in instances {
        let unit = match settings.permissions {
            Permissions::SelfManaged => "",
            Permissions::ServiceManaged => unit(instance, settings),
        };
        let targets = by_unit.entry(unit).or_default();
        targets.push(instance.target.clone());
    }
    let mut removals = Vec::new();
    for (unit, targets) in by_unit {
        for group in groups(&targets, order, |_| IndexMap::new()) {
            let group = match settings.permissions {
                Permissions::SelfManaged => group,
                Permissions::ServiceManaged => Group {
                    accounts: vec![unit.to_owned()],
                    choice: Some(AccountChoice {
                        filter: AccountFilter::Intersection,
                        accounts: group.accounts,
                    }),
                    ..group
                },
            };
            removals.push(Removal { group, retains });
        }
    }
    removals
}

/// Splits requests for more organizational units than one request takes.
fn in_batches(settings: &StackSetSettings, groups: Vec<Group>) -> Vec<Group> {
    if settings.permissions == Permissions::SelfManaged {
        return groups;
    }
    let split = groups.into_iter().flat_map(|group| {
        let batches: Vec<Group> = group
            .accounts
            .chunks(UNITS)
            .map(|units| Group {
                accounts: units.to_vec(),
                ..group.clone()
            })
            .collect();
        batches
    });
    split.collect()
}

#[cfg(test)]
mod tests;
