//! Taking known secrets out of a text, whatever form they stand in: pure.
//!
//! A value does not always stand as it was given. JSON escapes it, a context inside a JSON document
//! is escaped twice and a policy inside that three times, and a value of several lines may be shown
//! line by line.

use super::Secret;

/// What stands in a secret's place.
const MASK: &str = "(secret)";
/// How many characters a secret has at least that is taken out of a text where it is a word.
const SHORTEST_WORD: usize = 4;
/// How many characters a secret has at least that is taken out wherever it stands.
const SHORTEST_PART: usize = 8;
/// A line of a secret that is shorter than this is too common a text to be taken out everywhere.
const SHORTEST_LINE: usize = 6;
/// How often a value may have been put into a JSON string: a policy in a context in a document.
const ESCAPES: usize = 3;

/// Takes secrets out of texts.
///
/// Those of at least eight characters are found wherever they stand, shorter ones of at least four
/// where no letter, digit, `-` or `_` is beside them. Still shorter ones, and `true` and `false`,
/// are left alone: they are masked by their place or not at all.
#[derive(Debug)]
pub struct Redactor {
    forms: Vec<Form>,
}

impl Redactor {
    /// Returns what takes these secrets out.
    pub fn new(secrets: &[Secret]) -> Self {
        let mut forms: Vec<Form> = secrets
            .iter()
            .flat_map(|secret| forms(secret.expose()))
            .collect();
        // The longest first: a part that is taken out would leave the rest of a longer one behind.
        forms.sort_by(|one, other| {
            let lengths = other.text.len().cmp(&one.text.len());
            lengths.then_with(|| one.text.cmp(&other.text))
        });
        forms.dedup();
        Self { forms }
    }

    /// Returns the text without the secrets; `None` where there are none in it.
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

/// One form in which a secret may stand in a text.
#[derive(Debug, PartialEq, Eq)]
struct Form {
    text: String,
    /// Whether it counts only where it is a word of its own.
    is_word: bool,
}

/// Returns the forms in which a secret may stand in a text; none of them is empty.
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

/// Returns a text as it stands between the quotes of a JSON string.
fn json_escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted
        .get(1..quoted.len().saturating_sub(1))
        .unwrap_or_default()
        .to_owned()
}

/// Returns the text with a mask wherever the word stands alone.
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
    fn a_secret_is_found_in_every_form() {
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
    fn the_longer_of_two_secrets_leaves_nothing_behind() {
        let secrets = [Secret::new("pass"), Secret::new("passphrase")];
        assert_eq!(
            redact("a passphrase, a pass", &secrets),
            "a (secret), a (secret)"
        );
    }

    #[test]
    fn what_is_too_short_to_be_recognized_takes_nothing_out() {
        let secrets = ["", "a\nb", "abc", "true"].map(Secret::new);
        assert_eq!(redact("a true abc and b", &secrets), "a true abc and b");
    }

    #[test]
    fn a_short_secret_is_taken_out_only_where_it_is_a_word() {
        let secrets = [Secret::new("demo12")];
        assert_eq!(
            redact("\"demo12\" u:demo12@h demo123 my-demo12 demo12", &secrets),
            "\"(secret)\" u:(secret)@h demo123 my-demo12 (secret)"
        );
    }
}
