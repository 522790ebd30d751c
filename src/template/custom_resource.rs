//! Custom resources: which resources are, and which function provides them.

use super::Template;

/// Returns whether a function of the user provides resources of this type.
pub fn is_custom(kind: &str) -> bool {
    kind.starts_with("Custom::") || kind == "AWS::CloudFormation::CustomResource"
}

/// Returns the function that provides a custom resource: its logical id, or its ARN if the template has
/// that; `None` if the template does not say it.
pub fn function_of<'t>(template: &'t Template, logical_id: &str) -> Option<&'t str> {
    let resource = template.resource(logical_id)?;
    let token = template.property(resource, "ServiceToken")?;
    if let Some(text) = token.as_str() {
        return text.starts_with("arn:").then_some(text);
    }
    let mut references = template.references().into_iter();
    let inside = references.find(|reference| {
        token.span.start <= reference.span.start && reference.span.end <= token.span.end
    })?;
    // A parameter has a value that is not known here.
    template.resource(inside.target).map(|_| inside.target)
}

#[cfg(test)]
mod tests {
    use super::{function_of, is_custom};
    use crate::diagnostic::SourceFile;
    use crate::template::Template;

    #[test]
    fn a_custom_resource_names_its_function() {
        let text = "Parameters:\n  P: {Type: String}\nResources:\n  F: {Type: AWS::Lambda::Function}\n  \
                    A: {Type: Custom::A, Properties: {ServiceToken: !GetAtt F.Arn, X: !Ref P}}\n  \
                    B: {Type: Custom::B, Properties: {ServiceToken: !Sub '${F.Arn}:live'}}\n  \
                    C: {Type: Custom::C, Properties: {ServiceToken: 'arn:aws:lambda:r:1:function:f'}}\n  \
                    D: {Type: Custom::D, Properties: {ServiceToken: !Ref P}}\n  \
                    E: {Type: Custom::E}\n";
        let parsed = Template::parse(&SourceFile::new("t.yaml", text));
        let functions = ["A", "B", "C", "D", "E", "None"].map(|id| {
            let template = parsed.as_ref().ok();
            template.and_then(|template| function_of(template, id))
        });
        let arn = Some("arn:aws:lambda:r:1:function:f");
        assert_eq!(functions, [Some("F"), Some("F"), arn, None, None, None]);
    }

    #[test]
    fn types_of_custom_resources() {
        for (kind, expected) in [
            ("Custom::Thing", true),
            ("AWS::CloudFormation::CustomResource", true),
            ("AWS::CloudFormation::Stack", false),
            ("CustomThing", false),
        ] {
            assert_eq!(is_custom(kind), expected, "{kind}");
        }
    }
}
