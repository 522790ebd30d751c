//! Suggestions in messages: the word that the user probably meant, and lists of known words.

/// The longest word that is compared, in bytes. The time of a comparison grows with the square of it.
pub const LONGEST: usize = 256;

/// Returns the known word nearest to `word`, if one is near enough to have been meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LONGEST {
        return None;
    }
    known
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST)
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(similarity, _)| *similarity >= 0.8)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}

/// Joins words for a message: `` `a`, `b`, `c` ``.
pub fn quoted<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

/// Joins at most `shown` texts for a message and counts the others: `a, b and 3 more`.
pub fn join_first(texts: impl ExactSizeIterator<Item = String>, shown: usize) -> String {
    let more = match texts.len().saturating_sub(shown) {
        0 => String::new(),
        number => format!(" and {number} more"),
    };
    let texts: Vec<String> = texts.take(shown).collect();
    texts.join(", ") + &more
}

#[cfg(test)]
mod tests {
    use super::{join_first, nearest, quoted};

    #[test]
    fn texts_that_are_too_many_are_counted() {
        let texts = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(join_first(texts.clone().into_iter(), 3), "a, b, c");
        assert_eq!(join_first(texts.into_iter(), 1), "a and 2 more");
    }

    #[test]
    fn a_word_is_suggested_only_where_it_is_near() {
        let known = ["region", "profile", "project"];
        assert_eq!(nearest("regon", known), Some("region"));
        assert_eq!(nearest("projekt", known), Some("project"));
        assert_eq!(nearest("zzz", known), None);
        assert_eq!(quoted(known), "`region`, `profile`, `project`");
    }
}
