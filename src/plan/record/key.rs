//! The keys of records in the artifact bucket.
//!
//! The key of a record is `{project}/history/{stack}/{number}.json`. The number has eight digits, so that
//! a listing is in the order of the deployments. The name of the stack is escaped, so that no name can
//! leave the folder.

/// The digits of a number in a key.
const DIGITS: usize = 8;

/// Returns the beginning of the keys of all records of a project.
pub fn project_prefix(project: &str) -> String {
    format!("{}/history/", escaped(project))
}

/// Returns the beginning of the keys of all records of a stack.
pub fn stack_prefix(project: &str, stack: &str) -> String {
    format!("{}{}/", project_prefix(project), escaped(stack))
}

/// Returns the key of a record.
pub fn record_key(project: &str, stack: &str, number: u64) -> String {
    let prefix = stack_prefix(project, stack);
    format!("{prefix}{number:0DIGITS$}.json")
}

/// Returns the number in the key of a record; `None` if the key is not that of a record of this project,
/// of whatever stack.
pub fn record_number(project: &str, key: &str) -> Option<u64> {
    let rest = key.strip_prefix(&project_prefix(project))?;
    let (stack, file) = rest.split_once('/')?;
    let digits = file.strip_suffix(".json")?;
    let is_number = digits.len() >= DIGITS && digits.bytes().all(|it| it.is_ascii_digit());
    let number: u64 = digits.parse().ok().filter(|_| is_number)?;
    let is_own = !stack.is_empty() && number > 0 && format!("{number:0DIGITS$}") == digits;
    is_own.then_some(number)
}

/// Returns a name with every byte escaped that is no letter, digit or hyphen, as in a URL.
fn escaped(name: &str) -> String {
    let mut escaped = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    if escaped.is_empty() {
        // No name escapes to this, and it is no empty folder.
        return "%".to_owned();
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{record_key, record_number, stack_prefix};

    #[test]
    fn a_key_sorts_by_its_number() {
        assert_eq!(
            record_key("site", "site-dev", 7),
            "site/history/site-dev/00000007.json"
        );
        let mut keys: Vec<_> = [10, 9, 100, 1].map(|it| record_key("a", "b", it)).into();
        keys.sort_unstable();
        let numbers = keys.iter().filter_map(|key| record_number("a", key));
        assert_eq!(numbers.collect::<Vec<_>>(), [1, 9, 10, 100]);
    }

    #[test]
    fn no_name_leaves_the_folder_of_its_stack() {
        let names = [
            "a", "A", "a/b", "..", "../x", "", ".", "%", "a%2Fb", "ä", "a b", "a\n",
        ];
        let mut seen = Vec::new();
        for name in names {
            let key = record_key("site", name, 3);
            assert_eq!(key.matches('/').count(), 3, "{key}");
            assert!(key.starts_with(&stack_prefix("site", name)), "{key}");
            assert_eq!(record_number("site", &key), Some(3), "{key}");
            assert!(!seen.contains(&key), "{key}");
            seen.push(key);
        }
    }

    #[test]
    fn other_keys_are_no_records() {
        let keys = [
            "site/history/dev/0000001.json",
            "site/history/dev/000000001.json",
            "site/history/dev/00000000.json",
            "site/history/dev/+0000001.json",
            "site/history/dev/00000001.zip",
            "site/history/dev/x/00000001.json",
            "site/history/00000001.json",
            "site/history//00000001.json",
            "other/history/dev/00000001.json",
            "site/history/dev/99999999999999999999999.json",
            "",
        ];
        for key in keys {
            assert_eq!(record_number("site", key), None, "{key}");
        }
        let many = record_key("site", "dev", 123_456_789_012);
        assert_eq!(record_number("site", &many), Some(123_456_789_012));
    }
}
