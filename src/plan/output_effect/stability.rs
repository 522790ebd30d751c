//! Whether a value that uses resources keeps its value in a deployment, and if not, why.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use indexmap::IndexMap;

use super::{Deployment, OutputEffects, output_effects};
use crate::cloudformation::change_set::{Action, Change, ChangeSet, Replacement};
use crate::plan::predict::Side;
use crate::template::evaluate::{Evaluated, Evaluator, Use};
use crate::template::reference::{Reference, ReferenceKind};
use crate::template::{STACK_TYPE, custom_resource, has_unversioned_reference, schema_table};

/// Attributes that a resource keeps until it is replaced, besides those that [`is_identity`] knows by
/// their names.
const KEPT: [(&str, &[&str]); 9] = [
    ("AWS::CloudFront::Distribution", &["DomainName"]),
    ("AWS::Cognito::UserPool", &["ProviderName", "ProviderURL"]),
    ("AWS::EC2::SecurityGroup", &["GroupId", "VpcId"]),
    ("AWS::EC2::VPC", &["CidrBlock", "DefaultSecurityGroup"]),
    (
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        &["CanonicalHostedZoneID", "DNSName", "LoadBalancerFullName"],
    ),
    ("AWS::RDS::DBCluster", &["Endpoint.Address"]),
    ("AWS::RDS::DBInstance", &["Endpoint.Address"]),
    (
        "AWS::S3::Bucket",
        &[
            "DomainName",
            "DualStackDomainName",
            "RegionalDomainName",
            "WebsiteURL",
        ],
    ),
    ("AWS::Serverless::Function", &["Arn"]),
];

/// What a deployment does to the values that outputs use.
pub(super) struct Stability<'a, 'e> {
    before: Option<&'e Evaluator<'a>>,
    after: &'e Evaluator<'a>,
    side: Side<'a>,
    set: &'a ChangeSet,
    references: HashMap<(&'a str, &'a str), Vec<Reference<'a>>>,
    /// What happens to the outputs of nested stacks, by logical id; `None` if that is not known.
    nested: RefCell<HashMap<&'a str, Option<OutputEffects>>>,
}

impl<'a, 'e> Stability<'a, 'e> {
    pub(super) fn new(
        before: Option<&'e Evaluator<'a>>,
        after: &'e Evaluator<'a>,
        side: Side<'a>,
        set: &'a ChangeSet,
    ) -> Self {
        let mut references: HashMap<_, Vec<Reference<'a>>> = HashMap::new();
        for reference in side.template.references() {
            if matches!(reference.section, "Outputs" | "Conditions") {
                let owner = (reference.section, reference.owner);
                references.entry(owner).or_default().push(reference);
            }
        }
        Self {
            before,
            after,
            side,
            set,
            references,
            nested: RefCell::default(),
        }
    }

    /// Returns the name of a macro that may change every part of the template.
    pub(super) fn macro_name(&self) -> Option<&'a str> {
        self.side.template.macro_name()
    }

    /// Returns whether the deployment may create outputs that the template does not declare by name.
    pub(super) fn has_unknown_outputs(&self) -> bool {
        self.side.template.may_have_other_outputs()
    }

    /// Returns why what a value uses may change; `None` if it stays.
    pub(super) fn cause(&self, used: &Use) -> Option<String> {
        let name = &used.resource;
        let mut changes = self.set.changes.iter();
        if let Some(change) = changes.find(|change| change.logical_id == *name) {
            return self.cause_of_change(change, used);
        }
        // A module or a transform creates resources whose logical ids begin with the written one.
        let declared = self.side.template.resource(name);
        let kind = declared.and_then(|resource| resource.kind());
        let is_expanded = kind.is_none_or(|kind| kind.ends_with("::MODULE"));
        let prefix = name.split('.').next().unwrap_or(name);
        let mut changes = self.set.changes.iter();
        let related = changes.find(|it| is_expanded && it.logical_id.starts_with(prefix));
        related.map(|change| format!("`{}` changes", change.logical_id))
    }

    fn cause_of_change(&self, change: &'a Change, used: &Use) -> Option<String> {
        let name = &change.logical_id;
        match &change.action {
            Action::Add => return Some(format!("`{name}` is created")),
            Action::Import => return Some(format!("`{name}` is imported")),
            Action::Remove => return Some(format!("`{name}` is removed")),
            Action::Dynamic | Action::Unknown(_) => return Some(format!("`{name}` may change")),
            Action::Modify | Action::SyncWithActual => {}
        }
        match &change.replacement {
            Some(Replacement::True) => return Some(format!("`{name}` is replaced")),
            Some(Replacement::False) => {}
            None if change.action == Action::SyncWithActual => {}
            None | Some(Replacement::Conditional | Replacement::Unknown(_)) => {
                return Some(format!("`{name}` may be replaced"));
            }
        }
        // Tags, metadata and policies are no attributes.
        let scope = &change.scope;
        if !scope.is_empty() && !scope.iter().any(|it| it == "Properties") {
            return None;
        }
        let kind = change.resource_type.as_str();
        let is_custom = custom_resource::is_custom(kind);
        match used.attribute.as_deref() {
            None if is_custom => Some(format!("the custom resource `{name}` is updated")),
            None => None,
            Some(attribute) if kind == STACK_TYPE => self.cause_in_nested(change, attribute),
            Some(attribute) if !is_custom && is_identity(kind, attribute) => None,
            Some(attribute) => Some(format!(
                "`{name}` is updated, so its `{attribute}` may change"
            )),
        }
    }

    /// Returns why an output of a nested stack may change.
    fn cause_in_nested(&self, change: &'a Change, attribute: &str) -> Option<String> {
        let name = change.logical_id.as_str();
        let mut nested = self.nested.borrow_mut();
        let effects = nested
            .entry(name)
            .or_insert_with(|| self.nested_effects(change));
        let output = attribute.strip_prefix("Outputs.");
        let effect = effects
            .as_ref()
            .zip(output)
            .and_then(|(effects, it)| effects.output(it));
        let Some(effect) = effect else {
            return Some(format!("the nested stack `{name}` is updated"));
        };
        let cause = effect.cause.as_deref()?;
        Some(format!(
            "the output `{}` of the nested stack `{name}`: {cause}",
            effect.name
        ))
    }

    /// Returns what happens to the outputs of a nested stack; `None` if that is not known.
    fn nested_effects(&self, change: &Change) -> Option<OutputEffects> {
        let set = self.set.nested_of(change)?;
        let [Some(old), Some(new)] = set.templates() else {
            return None;
        };
        let values = [self.before?, self.after].map(|it| passed(it, &change.logical_id));
        Some(output_effects(&Deployment {
            before: Some(Side::new(&old, &values[0])),
            outputs: None,
            after: Side::new(&new, &values[1]),
            change_set: Some(set),
        }))
    }

    /// Returns why an output may change although no resource that it uses does: by a value from outside
    /// the template and the plan.
    pub(super) fn outside_cause(&self, output: &str) -> Option<String> {
        let (parameters, conditions) = self.inputs(output);
        for parameter in parameters {
            if self
                .side
                .template
                .parameter(parameter)
                .is_some_and(|it| it.is_from_ssm())
            {
                return Some(format!(
                    "the parameter `{parameter}` is read from SSM again"
                ));
            }
            // What the evaluation does not know is a value that must not be shown.
            let unknown = format!("${{{parameter}}}");
            if matches!(self.after.reference(parameter), Evaluated::Unknown(it) if it.text == unknown)
            {
                return Some(format!(
                    "the value of the parameter `{parameter}` is not known"
                ));
            }
        }
        let template = self.side.template;
        let conditions = conditions.iter().filter_map(|name| {
            let section = template.section("Conditions")?;
            Some(&section.get(*name)?.node)
        });
        let declared = template.output(output)?;
        let mut cause = None;
        for node in conditions.chain([declared.entry.node]) {
            node.visit(&mut |node| {
                let Some((function, member)) = node.intrinsic() else {
                    return;
                };
                let first = member.node.elements().first();
                let found = match function {
                    "Fn::Transform" => Some("`Fn::Transform` computes it"),
                    "Fn::GetStackOutput" => Some("it uses the output of another stack"),
                    "Ref" | "Fn::GetAtt" if first.and_then(|it| it.as_str()).is_none() => {
                        Some("it refers to a computed name")
                    }
                    _ => None,
                };
                cause = cause.or(found);
            });
        }
        let value = declared.value().map(|node| self.after.value(node));
        if value.is_some_and(|it| has_unversioned_reference(&it.text())) {
            cause = cause.or(Some("it is a dynamic reference without a version"));
        }
        cause.map(str::to_owned)
    }

    /// Returns the first parameter that an output uses and whose value differs.
    pub(super) fn changed_parameter(&self, output: &str) -> Option<&'a str> {
        let before = self.before?;
        let (parameters, _) = self.inputs(output);
        let mut parameters = parameters.into_iter();
        parameters.find(|name| before.reference(name) != self.after.reference(name))
    }

    /// Returns the parameters and the conditions that an output uses, also through conditions.
    fn inputs(&self, output: &str) -> (BTreeSet<&'a str>, BTreeSet<&'a str>) {
        let mut parameters = BTreeSet::new();
        let mut conditions = BTreeSet::new();
        let mut waiting = vec![("Outputs", output)];
        while let Some((section, owner)) = waiting.pop() {
            let references = self.references.get(&(section, owner));
            for reference in references.into_iter().flatten() {
                let name = reference.target;
                match reference.kind {
                    ReferenceKind::Condition if conditions.insert(name) => {
                        waiting.push(("Conditions", name));
                    }
                    ReferenceKind::Ref | ReferenceKind::Sub
                        if self.side.template.parameter(name).is_some() =>
                    {
                        parameters.insert(name);
                    }
                    _ => {}
                }
            }
        }
        (parameters, conditions)
    }
}

/// Returns the known values that a template passes to a nested stack, and the pseudo parameters that
/// are the same there.
fn passed(evaluator: &Evaluator<'_>, nested: &str) -> IndexMap<String, String> {
    let mut values = IndexMap::new();
    for name in [
        "AWS::AccountId",
        "AWS::Partition",
        "AWS::Region",
        "AWS::URLSuffix",
    ] {
        if let Evaluated::Scalar(value) = evaluator.reference(name) {
            values.insert(name.to_owned(), value.into_owned());
        }
    }
    let template = evaluator.template();
    let resource = template
        .resource(nested)
        .and_then(|it| it.properties()?.get("Parameters"));
    let Some(Evaluated::Map(parameters)) = resource.map(|node| evaluator.value(node)) else {
        return values;
    };
    for (name, value) in parameters {
        if let Evaluated::Scalar(value) = value {
            values.insert(name.to_owned(), value.into_owned());
        }
    }
    values
}

/// Returns whether an attribute is part of the identity of its resource, so that it changes only if the
/// resource is replaced.
fn is_identity(kind: &str, attribute: &str) -> bool {
    let own = kind.rsplit("::").next().unwrap_or_default();
    let suffix = attribute.get(own.len()..).filter(|_| {
        attribute
            .get(..own.len())
            .is_some_and(|it| it.eq_ignore_ascii_case(own))
    });
    let is_listed = || {
        let kept = KEPT.iter().find(|(known, _)| *known == kind);
        kept.is_some_and(|(_, attributes)| attributes.contains(&attribute))
    };
    attribute == "Arn"
        || matches!(suffix, Some("Arn" | "ARN" | "Id" | "ID" | "Name" | "Url"))
        || schema_table::name_property(kind).is_some_and(|it| it.name == attribute)
        || is_listed()
}
