//! Builders for the XML of CloudFormation, STS and S3.

/// Returns `<name>content</name>`. The content is XML.
pub(crate) fn element(name: &str, content: &str) -> String {
    format!("<{name}>{content}</{name}>")
}

/// Returns `<name>text</name>` with the text escaped.
pub(crate) fn text(name: &str, text: &str) -> String {
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        // A line break in XML is a line feed; every other one is escaped.
        .replace('\r', "&#xD;");
    element(name, &text)
}

/// Returns [`text`], or nothing if the value is empty.
pub(crate) fn optional(name: &str, value: &str) -> String {
    if value.is_empty() {
        String::new()
    } else {
        text(name, value)
    }
}

/// Returns a list of the Query protocol, with each item, which is XML, in a `<member>`.
pub(crate) fn members(name: &str, items: impl IntoIterator<Item = String>) -> String {
    let items: String = items
        .into_iter()
        .map(|item| element("member", &item))
        .collect();
    element(name, &items)
}

/// Returns a list of pairs such as `Parameters` or `Tags`.
pub(crate) fn pairs<'a>(
    name: &str,
    (key, value): (&str, &str),
    pairs: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> String {
    let pairs = pairs
        .into_iter()
        .map(|pair| text(key, pair.0) + &text(value, pair.1));
    members(name, pairs)
}

/// Returns the body of a response of the Query protocol.
pub(crate) fn query_response(operation: &str, result: &str) -> String {
    let result = element(&format!("{operation}Result"), result);
    let metadata = element("ResponseMetadata", &text("RequestId", REQUEST_ID));
    element(&format!("{operation}Response"), &(result + &metadata))
}

/// Returns the body of an error of the Query protocol.
pub(crate) fn query_error(code: &str, message: &str) -> String {
    let error = text("Type", "Sender") + &text("Code", code) + &text("Message", message);
    let error = element("Error", &error) + &text("RequestId", REQUEST_ID);
    element("ErrorResponse", &error)
}

/// Returns the body of an error of S3.
pub(crate) fn s3_error(code: &str, message: &str) -> String {
    let error = text("Code", code) + &text("Message", message) + &text("RequestId", REQUEST_ID);
    element("Error", &error)
}

/// The request id of every response.
pub(crate) const REQUEST_ID: &str = "00000000-0000-4000-8000-000000000000";
