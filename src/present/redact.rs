//! Taking known secrets out of a text, whatever form they stand in: pure.
//!
//! A value does not always stand as it was given. JSON escapes it, a context inside a JSON document
//! is escaped twice, and a value of several lines may be shown line by line.

use crate::secret::Secret;

/// What stands in a secret's place.
const MASK: &str = "(secret)";
/// A line of a secret that is shorter than this is too common a text to be taken out everywhere.
const SHORTEST_LINE: usize = 6;

/// Returns the text without the secrets.
pub(super) fn redact(text: &str, secrets: &[Secret]) -> String {
    let mut forms: Vec<String> = secrets
        .iter()
        .flat_map(|secret| forms(secret.expose()))
        .collect();
    // The longest first: a part that is taken out would leave the rest of a longer one behind.
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    forms.dedup();
    forms
        .iter()
        .fold(text.to_owned(), |text, form| text.replace(form, MASK))
}

/// Returns the forms in which a secret may stand in a text; none of them is empty.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned()];
    let lines = secret
        .lines()
        .map(str::trim)
        .filter(|line| line.len() >= SHORTEST_LINE);
    forms.extend(lines.map(str::to_owned));
    let escaped: Vec<String> = forms.iter().map(|form| json_escaped(form)).collect();
    let twice: Vec<String> = escaped.iter().map(|form| json_escaped(form)).collect();
    forms.extend(escaped);
    forms.extend(twice);
    forms.retain(|form| !form.is_empty());
    forms
}

/// Returns a text as it stands between the quotes of a JSON string.
fn json_escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted
        .get(1..quoted.len().saturating_sub(1))
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::redact;
    use crate::secret::Secret;

    #[test]
    fn a_secret_is_found_in_every_form() {
        let secret = "key \"one\"\nsecond-line\n";
        let once = serde_json::json!({ "value": secret }).to_string();
        let twice = serde_json::json!({ "context": once }).to_string();
        let by_line = "  - key \"one\"\n  + second-line\n".to_owned();
        for text in [secret.to_owned(), once, twice, by_line] {
            let shown = redact(&text, &[Secret::new(secret)]);
            assert!(
                !shown.contains("one") && !shown.contains("second"),
                "{shown}"
            );
            assert!(shown.contains("(secret)"), "{shown}");
        }
    }

    #[test]
    fn the_longer_of_two_secrets_leaves_nothing_behind() {
        let secrets = [Secret::new("pass"), Secret::new("passphrase")];
        assert_eq!(
            redact("a passphrase, a pass", &secrets),
            "a (secret), a (secret)"
        );
    }

    #[test]
    fn short_lines_and_empty_secrets_take_nothing_out() {
        let secrets = [Secret::new(""), Secret::new("a\nb")];
        assert_eq!(redact("a and b", &secrets), "a and b");
    }
}
