//! The present values of references to resources that leave a stack.
//!
//! A value that the command line gives counts first, then an output of the stack that carries it, then
//! what follows from the physical id.

use std::collections::BTreeMap;

use crate::cloudformation::attribute::{self, Location};
use crate::cloudformation::stack::{Resource, Stack};
use crate::template::evaluate::{Evaluated, Evaluator, Use};
use crate::template::orphan::Literal;

/// Returns the reference and the value of `ID=VALUE` or `ID.ATTRIBUTE=VALUE`. A JSON list of strings is
/// a list.
///
/// # Errors
///
/// If the text has another form.
pub(crate) fn given(text: &str) -> Result<(Use, Literal), String> {
    let form = || "the form is LOGICAL_ID=VALUE or LOGICAL_ID.ATTRIBUTE=VALUE".to_owned();
    let (name, value) = text.split_once('=').ok_or_else(form)?;
    let (resource, attribute) = match name.split_once('.') {
        Some((resource, attribute)) => (resource, Some(attribute)),
        None => (name, None),
    };
    let is_id = !resource.is_empty() && resource.bytes().all(|it| it.is_ascii_alphanumeric());
    if !is_id || attribute.is_some_and(str::is_empty) {
        return Err(form());
    }
    if value.is_empty() {
        return Err("the value is empty".to_owned());
    }
    let list = serde_json::from_str::<Vec<String>>(value);
    let value = list.map_or_else(|_| Literal::Text(value.to_owned()), Literal::List);
    let used = Use {
        resource: resource.to_owned(),
        attribute: attribute.map(str::to_owned),
    };
    Ok((used, value))
}

/// The present values of references.
pub(super) struct PresentValues<'a> {
    given: &'a [(Use, Literal)],
    outputs: BTreeMap<Use, String>,
    resources: &'a [Resource],
    location: Option<Location<'a>>,
    evaluator: &'a Evaluator<'a>,
}

impl<'a> PresentValues<'a> {
    /// Returns the values for a stack with these resources. `evaluator` has the deployed template.
    pub(super) fn new(
        stack: &'a Stack,
        resources: &'a [Resource],
        evaluator: &'a Evaluator<'a>,
        given: &'a [(Use, Literal)],
    ) -> Self {
        Self {
            given,
            outputs: of_outputs(stack, evaluator),
            resources,
            location: Location::of_arn(&stack.id),
            evaluator,
        }
    }

    /// Returns the value; `None` if it is not known.
    pub(super) fn get(&self, used: &Use) -> Option<Literal> {
        let given = self.given.iter().find(|(given, _)| given == used);
        let given = given.map(|(_, value)| value.clone());
        given.or_else(|| {
            let output = self.outputs.get(used).cloned();
            output.or_else(|| self.derived(used)).map(Literal::Text)
        })
    }

    /// Returns the value that follows from the physical id.
    fn derived(&self, used: &Use) -> Option<String> {
        let resource = self.resources.iter();
        let resource = resource.clone().find(|it| it.logical_id == used.resource)?;
        let id = resource.physical_id.as_deref()?;
        let Some(attribute) = &used.attribute else {
            return attribute::reference(id).map(str::to_owned);
        };
        let path = self.path(&used.resource);
        let kind = &resource.resource_type;
        attribute::attribute(kind, id, attribute, self.location?, path.as_deref())
    }

    /// Returns the path of a resource of IAM; `None` if it is not known.
    fn path(&self, logical_id: &str) -> Option<String> {
        let resource = self.evaluator.template().resource(logical_id)?;
        let Some(node) = resource.properties().and_then(|it| it.get("Path")) else {
            return Some("/".to_owned());
        };
        match self.evaluator.value(node) {
            Evaluated::Scalar(path) => Some(path.into_owned()),
            Evaluated::Nothing => Some("/".to_owned()),
            _ => None,
        }
    }
}

/// Returns the values that outputs carry, alone or between known texts.
fn of_outputs(stack: &Stack, evaluator: &Evaluator<'_>) -> BTreeMap<Use, String> {
    let outputs = evaluator.template().outputs().filter_map(|output| {
        let value = stack.output(output.entry.name)?;
        let Evaluated::Unknown(unknown) = evaluator.value(output.value()?) else {
            return None;
        };
        let mut all = unknown.uses.iter();
        let (Some(used), None) = (all.next(), all.next()) else {
            return None;
        };
        let placeholder = match &used.attribute {
            Some(attribute) => format!("${{{}.{attribute}}}", used.resource),
            None => format!("${{{}}}", used.resource),
        };
        let (before, after) = unknown.text.split_once(&placeholder)?;
        // Another unknown part, or a call around it, would hide the value.
        let is_plain = |text: &str| !text.contains("${");
        if !is_plain(before) || !is_plain(after) || !unknown.dependencies.is_empty() {
            return None;
        }
        let carried = value.strip_prefix(before)?.strip_suffix(after)?;
        (!carried.is_empty()).then(|| (used.clone(), carried.to_owned()))
    });
    outputs.collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use indexmap::IndexMap;

    use super::{PresentValues, given};
    use crate::cloudformation::stack::{Output, Resource, Stack};
    use crate::diagnostic::SourceFile;
    use crate::template::Template;
    use crate::template::evaluate::{Evaluator, Use};
    use crate::template::orphan::Literal;

    fn used(name: &str) -> Use {
        given(&format!("{name}=x")).unwrap().0
    }

    #[test]
    fn a_value_on_the_command_line_has_one_of_two_forms() {
        let text = |text: &str| Literal::Text(text.to_owned());
        assert_eq!(given("A=b=c").unwrap(), (used("A"), text("b=c")));
        let endpoint = given("Db.Endpoint.Address=h:1").unwrap();
        assert_eq!(endpoint.0.attribute.as_deref(), Some("Endpoint.Address"));
        let list = given(r#"Zone.NameServers=["a", "b"]"#).unwrap().1;
        assert_eq!(list, Literal::List(vec!["a".to_owned(), "b".to_owned()]));
        for text in ["", "A", "=x", "A.=x", "A-B.Arn=x", "A=", ".Arn=x"] {
            assert!(given(text).is_err(), "{text}");
        }
    }

    #[test]
    fn values_come_from_the_command_line_then_outputs_then_the_physical_id() {
        let template = "Parameters: {P: {Type: String}}\nResources:\n  \
            Table: {Type: AWS::DynamoDB::Table}\n  \
            Role: {Type: AWS::IAM::Role, Properties: {Path: !Ref P}}\n  \
            Other: {Type: AWS::IAM::Role}\n  \
            Thing: {Type: Custom::Thing}\n\
            Outputs:\n  \
            Stream: {Value: !GetAtt Table.StreamArn}\n  \
            Url: {Value: !Sub 'https://${Thing.Host}/${P}'}\n  \
            Two: {Value: !Sub '${Thing.A}${Thing.B}'}\n  \
            Call: {Value: !Select [0, !Split ['|', !GetAtt Thing.C]]}\n  \
            Missing: {Value: !GetAtt Thing.D}\n";
        let template = Template::parse(&SourceFile::new("t", template)).unwrap();
        let values = IndexMap::from([("P".to_owned(), "/p/".to_owned())]);
        let evaluator = Evaluator::new(&template, &values);
        let output = |name: &str, value: &str| Output {
            name: name.to_owned(),
            value: value.to_owned(),
            description: None,
            export: None,
        };
        let stack = Stack {
            id: "arn:aws:cloudformation:eu-west-1:1:stack/s/u".to_owned(),
            outputs: vec![
                output("Stream", "arn:stream"),
                output("Url", "https://host.x//p/"),
                output("Two", "ab"),
                output("Call", "c"),
            ],
            ..Stack::default()
        };
        let resource = |id: &str, kind: &str| Resource {
            logical_id: id.to_owned(),
            physical_id: Some(format!("{id}-1")),
            resource_type: kind.to_owned(),
            status: String::new(),
            reason: None,
        };
        let resources = [
            resource("Table", "AWS::DynamoDB::Table"),
            resource("Role", "AWS::IAM::Role"),
            resource("Other", "AWS::IAM::Role"),
            resource("Thing", "Custom::Thing"),
        ];
        let given = [given("Table=given").unwrap()];
        let known = PresentValues::new(&stack, &resources, &evaluator, &given);
        let value = |name: &str| match known.get(&used(name)) {
            Some(Literal::Text(text)) => text,
            other => format!("{other:?}"),
        };
        assert_eq!(value("Table"), "given");
        assert_eq!(value("Table.StreamArn"), "arn:stream");
        assert_eq!(value("Thing"), "Thing-1");
        assert_eq!(value("Thing.Host"), "host.x");
        assert_eq!(
            value("Table.Arn"),
            "arn:aws:dynamodb:eu-west-1:1:table/Table-1"
        );
        assert_eq!(value("Role.Arn"), "arn:aws:iam::1:role/p/Role-1");
        assert_eq!(value("Other.Arn"), "arn:aws:iam::1:role/Other-1");
        for name in ["Thing.A", "Thing.B", "Thing.C", "Thing.D", "Nothing"] {
            assert_eq!(value(name), "None", "{name}");
        }
    }
}
