//! Encoded authorization failures, which EC2 and other services put into a reason.
//!
//! `sts:DecodeAuthorizationMessage` decodes the message into the action and the resource that are not
//! allowed. Without permission for that call, the reason stays encoded.

use serde_json::Value;

/// The text before the encoded message.
const MARK: &str = "ncoded authorization failure message: ";

/// Returns the encoded message in a reason; `None` if it has none.
pub fn encoded(reason: &str) -> Option<&str> {
    let start = reason.find(MARK)?.checked_add(MARK.len())?;
    let rest = reason.get(start..)?;
    let is_encoding =
        |character: char| character.is_ascii_alphanumeric() || "-_+/=".contains(character);
    let end = rest
        .find(|character| !is_encoding(character))
        .unwrap_or(rest.len());
    // A shorter text is not an encoded message.
    (end >= 20).then_some(&rest[..end])
}

/// Returns the reason with the encoded message replaced by its explanation; `None` if `decoded`, the
/// JSON from STS, does not contain it.
pub fn explained(reason: &str, decoded: &str) -> Option<String> {
    let message = encoded(reason)?;
    let document: Value = serde_json::from_str(decoded).ok()?;
    let context = &document["context"];
    let action = context["action"].as_str()?;
    let resource = context["resource"].as_str();
    let principal = context["principal"]["arn"].as_str();
    let mut explanation = format!(
        "{} is not authorized to perform: {action}",
        principal.unwrap_or("the caller")
    );
    if let Some(resource) = resource {
        explanation.push_str(&format!(" on resource: {resource}"));
    }
    explanation.push_str(if document["explicitDeny"].as_bool() == Some(true) {
        " with an explicit deny"
    } else {
        " because no policy allows it"
    });
    let (before, after) = reason.split_once(message)?;
    let before = before.get(..before.len().checked_sub(MARK.len())?.checked_sub(1)?)?;
    let before = before.trim_end().trim_end_matches('.');
    Some(format!("{before}: {explanation}{after}"))
}

#[cfg(test)]
mod tests {
    use super::{encoded, explained};

    const REASON: &str = "You are not authorized to perform this operation. Encoded authorization \
        failure message: 4GYwd8aZ-x_Kq0000000000000000 (Service: AmazonEC2; Status Code: 403)";

    #[test]
    fn an_encoded_message_is_replaced_by_its_explanation() {
        assert_eq!(encoded(REASON), Some("4GYwd8aZ-x_Kq0000000000000000"));
        let decoded = r#"{"allowed":false,"explicitDeny":false,"context":{
            "principal":{"arn":"arn:aws:iam::1:user/ann"},
            "action":"ec2:RunInstances","resource":"arn:aws:ec2:eu-west-1:1:instance/*"}}"#;
        assert_eq!(
            explained(REASON, decoded).as_deref(),
            Some(
                "You are not authorized to perform this operation: arn:aws:iam::1:user/ann is not \
                authorized to perform: ec2:RunInstances on resource: \
                arn:aws:ec2:eu-west-1:1:instance/* because no policy allows it (Service: AmazonEC2; \
                Status Code: 403)"
            )
        );
        let denied = decoded.replace("\"explicitDeny\":false", "\"explicitDeny\":true");
        let text = explained(REASON, &denied).unwrap_or_default();
        assert!(text.contains(" with an explicit deny "), "{text}");
        for nothing in ["", "{}", "[1]", "{\"context\":{\"action\":1}}"] {
            assert_eq!(explained(REASON, nothing), None);
        }
        assert_eq!(
            encoded("Encoded authorization failure message: short"),
            None
        );
        assert_eq!(encoded("nothing of the kind"), None);
    }
}
