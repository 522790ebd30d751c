//! Legal names: of a project after its folder, of an environment, of a variable for a secret.

/// The longest name that is taken from a folder. It leaves room for the environment and for names
/// that a template derives from the stack's, such as a function's (64 characters, `CreateFunction`).
const LONGEST_PROJECT: usize = 48;

/// The longest name of an environment, see `docs/manifest.md`.
const LONGEST_ENVIRONMENT: usize = 32;

/// Names of variables that most shells set. A secret must not be read from one of them by accident.
const RESERVED: [&str; 8] = ["AWS", "BASH", "GIT", "LC", "LD", "SSH", "STACKCTL", "XDG"];

/// Returns the name of a project in a folder of this name: letters, digits and hyphens, starting
/// with a letter, at most 48 characters.
pub(super) fn project(folder: &str) -> String {
    let name = hyphenated(folder, |c| c.is_ascii_alphanumeric());
    let name = match name.chars().next() {
        None => "project".to_owned(),
        Some(first) if first.is_ascii_alphabetic() => name,
        Some(_) => format!("project-{name}"),
    };
    shortened(&name, LONGEST_PROJECT)
}

/// Returns the name of an environment that another tool calls `name`. `local` is the emulator's.
pub(super) fn environment(name: &str) -> String {
    let lower = hyphenated(&name.to_lowercase(), |c| {
        c.is_ascii_lowercase() || c.is_ascii_digit()
    });
    let name = match lower.chars().next() {
        None => "env".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("env-{lower}"),
        Some(_) if lower == "local" => "local-aws".to_owned(),
        Some(_) => lower,
    };
    shortened(&name, LONGEST_ENVIRONMENT)
}

/// Returns the environment variable for the secret parameter `name`: `DbPassword` is read from
/// `DB_PASSWORD`. A name of one word, or one that other programs use, starts with the project's name.
pub(super) fn variable(name: &str, project: &str) -> String {
    let name = upper_snake(name);
    let first = name.split('_').next().unwrap_or_default();
    if first == name || RESERVED.contains(&first) {
        format!("{}_{name}", upper_snake(project))
    } else {
        name
    }
}

/// Replaces every run of other characters by one hyphen, with none at the ends.
fn hyphenated(text: &str, allowed: impl Fn(char) -> bool) -> String {
    let parts = text.split(|c| !allowed(c)).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-")
}

/// Cuts an ASCII text.
fn shortened(text: &str, longest: usize) -> String {
    let cut = text.get(..longest).unwrap_or(text);
    cut.trim_end_matches('-').to_owned()
}

fn upper_snake(name: &str) -> String {
    let mut words = String::new();
    let mut previous = '_';
    let mut characters = name.chars().peekable();
    while let Some(character) = characters.next() {
        let starts_word = character.is_ascii_uppercase()
            && (previous.is_ascii_lowercase()
                || previous.is_ascii_digit()
                || (previous.is_ascii_uppercase()
                    && characters.peek().is_some_and(char::is_ascii_lowercase)));
        if starts_word && previous != '_' {
            words.push('_');
        }
        let character = if character.is_ascii_alphanumeric() {
            character
        } else {
            '_'
        };
        if character != '_' || previous != '_' {
            words.push(character.to_ascii_uppercase());
        }
        previous = character;
    }
    words
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test")]

    use super::{environment, project, variable};
    use crate::config::manifest::checks;

    #[test]
    fn project_is_named_after_its_folder() {
        let long = "a".repeat(60);
        for (folder, expected) in [
            ("site", "site"),
            ("My-App", "My-App"),
            ("my_app", "my-app"),
            ("a  b..c-", "a-b-c"),
            ("3tier", "project-3tier"),
            ("über", "ber"),
            ("日本", "project"),
            ("", "project"),
            (&long, &long[..48]),
        ] {
            let name = project(folder);
            assert_eq!(name, expected, "{folder}");
            checks::project(&name).unwrap();
        }
    }

    #[test]
    fn environment_of_another_tool_gets_a_legal_name() {
        for (name, expected) in [
            ("prod", "prod"),
            ("Prod_EU", "prod-eu"),
            ("1", "env-1"),
            ("local", "local-aws"),
            ("---", "env"),
        ] {
            let legal = environment(name);
            assert_eq!(legal, expected, "{name}");
            checks::environment(&legal).unwrap();
        }
    }

    #[test]
    fn secret_has_a_variable_that_nothing_else_sets() {
        for (name, expected) in [
            ("DbPassword", "DB_PASSWORD"),
            ("DBPassword", "DB_PASSWORD"),
            ("apiKeyV2", "API_KEY_V2"),
            ("Path", "MY_SHOP_PATH"),
            ("Password", "MY_SHOP_PASSWORD"),
            ("AwsSecretKey", "MY_SHOP_AWS_SECRET_KEY"),
        ] {
            let variable = variable(name, "my-shop");
            assert_eq!(variable, expected, "{name}");
            checks::variable(&variable).unwrap();
        }
    }
}
