//! The keys and values of `--set KEY=VALUE`, read off the manifest's table of keys.

use crate::cli::completion::Named;
use crate::config::manifest::keys::{KEYS, Key, Kind};
use crate::config::manifest::{Manifest, Scope};

/// Returns the words that may complete a setting of which `typed` is the start. `names` returns the names
/// that the project has in the table at a path, such as `parameters`, and `values` the values of the key at
/// a path that has no fixed ones.
pub(super) fn settings(
    manifest: &Manifest,
    typed: &str,
    names: &dyn Fn(&[&str]) -> Vec<Named>,
    values: &dyn Fn(&[&str]) -> Vec<Named>,
) -> Vec<Named> {
    let key = typed.split_once('=').map_or(typed, |(key, _)| key);
    let mut path: Vec<&str> = key.split('.').collect();
    let last = path.pop().unwrap_or_default();
    let Some(table) = Table::at(&path) else {
        return Vec::new();
    };
    if key.len() < typed.len() {
        let fixed = table.member(last).map(fixed_values).unwrap_or_default();
        path.push(last);
        let found = if fixed.is_empty() {
            values(&path)
        } else {
            fixed
        };
        let full = |named: Named| Named {
            text: format!("{key}={}", named.text),
            ..named
        };
        return found.into_iter().map(full).collect();
    }
    let before = path
        .iter()
        .flat_map(|step| [*step, "."])
        .collect::<String>();
    let is_single = manifest.stacks().is_empty();
    let members = table.members(&path, names);
    let members = members.filter(|(name, ..)| !(is_single && path.is_empty() && name == "stacks"));
    let start = |(name, kind, description): (String, &Kind, String)| {
        let end = match kind {
            Kind::Table(_) | Kind::Map(_) => '.',
            _ => '=',
        };
        Named::start(format!("{before}{name}{end}"), &description)
    };
    members.map(start).collect()
}

/// A table of settings.
enum Table {
    /// The keys that a layer admits.
    Layer(Scope),
    /// `stacks`, whose members are layers.
    Stacks,
    Keys(&'static [Key]),
    Names(&'static Kind),
}

/// What a key below `stacks` is.
static STACK: Kind = Kind::Table(KEYS);

impl Table {
    /// Returns the table at a path; `None` if there is none.
    fn at(path: &[&str]) -> Option<Self> {
        let (scope, rest) = match path {
            ["stacks"] => return Some(Self::Stacks),
            ["stacks", _, rest @ ..] => (Scope::StackOverride, rest),
            rest => (Scope::Override, rest),
        };
        let mut table = Self::Layer(scope);
        for step in rest {
            table = match table.member(step)? {
                Kind::Table(keys) => Self::Keys(keys),
                Kind::Map(names) => Self::Names(&names.value),
                _ => return None,
            };
        }
        Some(table)
    }

    fn member(&self, name: &str) -> Option<&'static Kind> {
        let of = |mut keys: std::slice::Iter<'static, Key>| {
            keys.find(|key| key.name == name).map(|key| &key.kind)
        };
        match self {
            Self::Layer(scope) => {
                let key = KEYS.iter().find(|key| key.name == name);
                key.filter(|key| scope.admits(key)).map(|key| &key.kind)
            }
            Self::Stacks => Some(&STACK),
            Self::Keys(keys) => of(keys.iter()),
            Self::Names(kind) => Some(kind),
        }
    }

    /// Returns the members: their names, what they are, and their descriptions.
    fn members(
        &self,
        path: &[&str],
        names: &dyn Fn(&[&str]) -> Vec<Named>,
    ) -> impl Iterator<Item = (String, &'static Kind, String)> {
        let of_user = |kind: &'static Kind| {
            let found = names(path).into_iter();
            found
                .map(move |it| (it.text, kind, it.description))
                .collect()
        };
        let key = |key: &'static Key| (key.name.to_owned(), &key.kind, key.description.to_owned());
        let mut members: Vec<_> = match self {
            Self::Layer(scope) => {
                let admitted = KEYS.iter().filter(|key| scope.admits(key));
                admitted.map(key).collect()
            }
            Self::Keys(keys) => keys.iter().map(key).collect(),
            Self::Stacks => of_user(&STACK),
            Self::Names(kind) => of_user(kind),
        };
        if matches!(self, Self::Layer(Scope::Override)) {
            let description = "The keys of one stack".to_owned();
            members.push(("stacks".to_owned(), &STACK, description));
        }
        members.into_iter()
    }
}

/// Returns the values that a key accepts, if they are fixed.
fn fixed_values(kind: &Kind) -> Vec<Named> {
    let words = |words: &[&str]| {
        let words = words.iter();
        words.map(|word| Named::new(word, String::new())).collect()
    };
    match kind {
        Kind::Flag => words(&["true", "false"]),
        Kind::Severity => words(&["error", "warning", "note"]),
        Kind::Text(_, limits) => limits
            .pattern
            .map(alternatives)
            .map_or_else(Vec::new, |it| words(&it)),
        _ => Vec::new(),
    }
}

/// Returns the words of a pattern that is only a list of words, such as `^(x86_64|arm64)$`.
fn alternatives(pattern: &str) -> Vec<&str> {
    let list = pattern
        .strip_prefix("^(")
        .and_then(|it| it.strip_suffix(")$"));
    let words: Vec<&str> = list.map_or_else(Vec::new, |list| list.split('|').collect());
    let is_word = |word: &&str| {
        let mut letters = word.chars();
        letters.all(|it| it.is_ascii_alphanumeric() || it == '-' || it == '_')
    };
    if words.iter().all(is_word) {
        words
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::alternatives;

    #[test]
    fn a_list_of_words_is_one() {
        assert_eq!(alternatives("^(x86_64|arm64)$"), ["x86_64", "arm64"]);
        assert!(alternatives(r"^3\.(9|1[0-4])$").is_empty());
        assert!(alternatives("^(a|b.*)$").is_empty());
        assert!(alternatives("^[a-z]+$").is_empty());
    }
}
