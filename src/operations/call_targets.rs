//! What the calls for a stack work on, as ARNs.

use std::collections::BTreeMap;

use crate::aws::actions::{On, Permission};
use crate::aws::place::Place;
use crate::aws::service_reference::resource_types;
use crate::cloudformation::stack_set::administration_role;
use crate::config::settings::{ParameterValue, ServiceSource, Settings};

/// What a stack has that the calls work on.
pub(crate) struct CallTargets<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) place: &'a Place,
    /// The name of the artifact bucket.
    pub(crate) bucket: String,
    /// The names of the stack's resources. Names may have `*` for any text.
    pub(crate) names: ResourceNames,
}

/// The names of the resources of a stack that the calls work on.
#[derive(Debug, Default)]
pub(crate) struct ResourceNames {
    /// The nested stacks.
    pub(crate) stacks: Vec<String>,
    pub(crate) functions: Vec<String>,
    pub(crate) log_groups: Vec<String>,
    pub(crate) buckets: Vec<String>,
    pub(crate) tables: Vec<String>,
}

impl CallTargets<'_> {
    /// Returns the ARNs of each kind, in which `*` stands for any text. A kind of which the stack has nothing is
    /// left out.
    pub(crate) fn arns(&self) -> BTreeMap<On, Vec<String>> {
        let (settings, place) = (self.settings, self.place);
        let bucket = place.bucket(&self.bucket);
        let objects = vec![format!("{bucket}/{}/*", settings.project)];
        let mut arns = BTreeMap::from([
            (On::Anything, vec!["*".to_owned()]),
            (On::EveryStack, vec![place.stack("*")]),
            (On::EveryStackSet, vec![place.stack_set("*")]),
            (On::EveryFunction, vec![place.function("*")]),
            (On::EveryLayer, vec![place.regional("lambda", "layer:*")]),
            (On::Object, objects.clone()),
            (On::ObjectVersion, objects),
            (On::Bucket, vec![bucket]),
        ]);
        let name = &settings.stack_name;
        if let Some(set) = &settings.stack_set {
            arns.insert(On::StackSet, vec![place.stack_set(name)]);
            let permissions = set.permissions;
            let role = administration_role(permissions, set.administration_role.as_deref());
            arns.extend(role.map(|it| (On::AdministrationRole, vec![place.role(it)])));
        } else {
            let nested = self.names.stacks.iter().map(|it| place.stack(it));
            let stacks = [place.stack(name)].into_iter().chain(nested);
            arns.insert(On::Stack, stacks.collect());
        }
        let mut add = |on: On, names: &[String], arn: &dyn Fn(&str) -> String| {
            if !names.is_empty() {
                arns.insert(on, names.iter().map(|it| arn(it)).collect());
            }
        };
        let names = &self.names;
        add(On::Function, &names.functions, &|it| place.function(it));
        add(On::LogGroup, &names.log_groups, &|it| place.log_group(it));
        add(On::OwnBucket, &names.buckets, &|it| place.bucket(it));
        add(On::OwnObject, &names.buckets, &|it| {
            format!("{}/*", place.bucket(it))
        });
        add(On::Table, &names.tables, &|it| place.table(it));
        let (parameters, secrets) = sources(settings);
        add(On::Parameter, &parameters, &|it| place.parameter(it));
        add(On::Secret, &secrets, &|it| place.secret(it));
        let role: Vec<String> = settings.stack.role_arn.iter().cloned().collect();
        add(On::ServiceRole, &role, &str::to_owned);
        arns
    }

    /// Returns the ARNs on which an action is needed, of those of each kind. A few actions need more than what the
    /// call names, and one that no resource can be named for needs `*`.
    pub(crate) fn of_permission(
        &self,
        permission: Permission,
        arns: &BTreeMap<On, Vec<String>>,
    ) -> Vec<String> {
        let Some(known) = arns.get(&permission.on) else {
            return Vec::new();
        };
        let types = resource_types(permission.action);
        if types.is_empty() {
            return vec!["*".to_owned()];
        }
        let further: &[(&str, String)] = match permission.on {
            On::Stack | On::EveryStack => &[("changeset", "changeSet/stackctl-*/*".to_owned())],
            On::StackSet => &[
                (
                    "stackset-target",
                    format!("stackset-target/{}:*", self.settings.stack_name),
                ),
                ("type", "type/resource/*".to_owned()),
            ],
            _ => &[],
        };
        let further = further
            .iter()
            .filter(|(kind, _)| types.iter().any(|it| it == kind))
            .map(|(_, rest)| self.place.regional("cloudformation", rest));
        known.iter().cloned().chain(further).collect()
    }
}

/// Returns the SSM parameters and the secrets whose values are sent.
fn sources(settings: &Settings) -> (Vec<String>, Vec<String>) {
    let (mut parameters, mut secrets) = (Vec::new(), Vec::new());
    for value in settings.parameters.values() {
        if let ParameterValue::FromService { source, .. } = value {
            match source {
                ServiceSource::Ssm(id) => parameters.push(id.clone()),
                ServiceSource::Secret(_) => secrets.push(source.id().to_owned()),
            }
        }
    }
    (parameters, secrets)
}
