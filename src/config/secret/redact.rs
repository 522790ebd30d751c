//! Replaces known secrets in a text, in every form in which they may be written.
//!
//! JSON escapes a secret; a JSON document inside a JSON string escapes it twice, and a policy inside
//! that document three times. A secret of several lines may be shown line by line.

use super::Secret;

/// The text that replaces a secret.
const MASK: &str = "(secret)";
/// The minimum length, in characters, of a secret that is replaced as a whole word.
const SHORTEST_WORD: usize = 4;
/// The minimum length, in characters, of a secret that is replaced inside words too.
const SHORTEST_PART: usize = 8;
/// The minimum length, in characters, of a line of a secret that is replaced by itself.
const SHORTEST_LINE: usize = 6;
/// How many times a secret may be escaped: a policy in a JSON document in a JSON string.
const ESCAPES: usize = 3;

/// Replaces secrets in texts.
///
/// A secret of at least eight characters is replaced everywhere. A secret of four to seven characters
/// is replaced only if no letter, digit, `-` or `_` is next to it. Shorter secrets, `true` and `false`
/// are not replaced.
#[derive(Debug)]
pub struct Redactor {
    forms: Vec<Form>,
}

impl Redactor {
    /// Returns a redactor for these secrets.
    pub fn new(secrets: &[Secret]) -> Self {
        let mut forms: Vec<Form> = secrets
            .iter()
            .flat_map(|secret| forms(secret.expose()))
            .collect();
        // The longest first: otherwise, replacing a part would leave the rest of a longer secret.
        forms.sort_by(|one, other| {
            let lengths = other.text.len().cmp(&one.text.len());
            lengths.then_with(|| one.text.cmp(&other.text))
        });
        forms.dedup();
        Self { forms }
    }

    /// Returns the text without the secrets; `None` if the text contains no secret.
    pub fn redact(&self, text: &str) -> Option<String> {
        let mut shown: Option<String> = None;
        for form in &self.forms {
            let current = shown.as_deref().unwrap_or(text);
            if !current.contains(&form.text) {
                continue;
            }
            shown = Some(if form.is_word {
                without_word(current, &form.text)
            } else {
                current.replace(&form.text, MASK)
            });
        }
        shown
    }
}

/// One form in which a secret may be written.
#[derive(Debug, PartialEq, Eq)]
struct Form {
    text: String,
    /// Whether it is replaced only as a whole word.
    is_word: bool,
}

/// Returns the forms in which a secret may be written; none of them is empty.
fn forms(secret: &str) -> Vec<Form> {
    let length = secret.chars().count();
    if length < SHORTEST_WORD || ["true", "false"].contains(&secret) {
        return Vec::new();
    }
    let is_word = length < SHORTEST_PART;
    let lines = secret
        .lines()
        .map(str::trim)
        .filter(|line| line.chars().count() >= SHORTEST_LINE);
    let mut forms: Vec<Form> = Vec::new();
    for part in [secret, secret.trim()].into_iter().chain(lines) {
        let mut text = part.to_owned();
        for _ in 0..=ESCAPES {
            let escaped = json_escaped(&text);
            if !text.is_empty() {
                forms.push(Form { text, is_word });
            }
            text = escaped;
        }
    }
    forms
}

/// Returns a text as the content of a JSON string, without the quotes.
fn json_escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted
        .get(1..quoted.len().saturating_sub(1))
        .unwrap_or_default()
        .to_owned()
}

/// Returns the text with every whole-word occurrence of `word` replaced.
fn without_word(text: &str, word: &str) -> String {
    let is_inside = |character: Option<char>| {
        character.is_some_and(|it| it.is_alphanumeric() || it == '-' || it == '_')
    };
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(word) {
        shown.push_str(before);
        let previous = shown.chars().next_back();
        let is_alone = !is_inside(previous) && !is_inside(after.chars().next());
        shown.push_str(if is_alone { MASK } else { word });
        rest = after;
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::Redactor;
    use crate::config::secret::Secret;

    fn redact(text: &str, secrets: &[Secret]) -> String {
        let redactor = Redactor::new(secrets);
        redactor.redact(text).unwrap_or_else(|| text.to_owned())
    }

    #[test]
    fn a_secret_is_replaced_in_every_form() {
        let secret = "key \"one\"\nsecond-line\n";
        let once = serde_json::json!({ "value": secret }).to_string();
        let twice = serde_json::json!({ "context": once }).to_string();
        let thrice = serde_json::json!({ "document": twice }).to_string();
        let by_line = "  - key \"one\"\n  + second-line\n".to_owned();
        for text in [secret.to_owned(), once, twice, thrice, by_line] {
            let shown = redact(&text, &[Secret::new(secret)]);
            assert!(
                !shown.contains("one") && !shown.contains("second"),
                "{shown}"
            );
            assert!(shown.contains("(secret)"), "{shown}");
        }
    }

    #[test]
    fn a_secret_that_contains_another_is_replaced_completely() {
        let secrets = [Secret::new("pass"), Secret::new("passphrase")];
        assert_eq!(
            redact("a passphrase, a pass", &secrets),
            "a (secret), a (secret)"
        );
    }

    #[test]
    fn secrets_that_are_too_short_are_not_replaced() {
        let secrets = ["", "a\nb", "abc", "true"].map(Secret::new);
        assert_eq!(redact("a true abc and b", &secrets), "a true abc and b");
    }

    #[test]
    fn a_short_secret_is_replaced_only_as_a_whole_word() {
        let secrets = [Secret::new("demo12")];
        assert_eq!(
            redact("\"demo12\" u:demo12@h demo123 my-demo12 demo12", &secrets),
            "\"(secret)\" u:(secret)@h demo123 my-demo12 (secret)"
        );
    }
}
