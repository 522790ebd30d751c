//! Versions of Python packages and the comparisons of markers with them (PEP 440).

use std::cmp::Ordering;

/// A version.
#[derive(Debug, Clone)]
pub(super) struct Version {
    epoch: u64,
    release: Vec<u64>,
    pre: Option<(Phase, u64)>,
    post: Option<u64>,
    dev: Option<u64>,
    /// The parts behind `+`; empty if there are none.
    local: Vec<LocalPart>,
}

/// The phase of a pre-release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Alpha,
    Beta,
    Candidate,
}

/// A part of a local version. A number is later than any text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum LocalPart {
    Text(String),
    Number(u64),
}

/// The place of a pre-release or a development release among those of its release.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Order<T> {
    First,
    At(T),
    Last,
}

impl Version {
    /// Reads a version in any of its spellings; `None` if the text is no version.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let text = text.strip_prefix('v').unwrap_or(&text);
        let (public, local) = match text.split_once('+') {
            Some((public, local)) => (public, Some(local)),
            None => (text, None),
        };
        let mut scanner = Scanner(public);
        let mut first = scanner.number()?;
        let mut epoch = 0;
        if scanner.take("!") {
            epoch = first;
            first = scanner.number()?;
        }
        let mut release = vec![first];
        while let Some(number) = scanner.attempt(|it| it.take(".").then(|| it.number())?) {
            release.push(number);
        }
        let pre = scanner.attempt(|it| {
            it.separator();
            let phase = it.phase()?;
            it.separator();
            Some((phase, it.number().unwrap_or(0)))
        });
        let post = scanner
            .attempt(|it| it.take("-").then(|| it.number())?)
            .or_else(|| scanner.suffix(&["post", "rev", "r"]));
        let dev = scanner.suffix(&["dev"]);
        if !scanner.0.is_empty() {
            return None;
        }
        let local = match local {
            None => Vec::new(),
            Some(text) => text
                .split(['.', '-', '_'])
                .map(LocalPart::parse)
                .collect::<Option<_>>()?,
        };
        Some(Self {
            epoch,
            release,
            pre,
            post,
            dev,
            local,
        })
    }

    /// Compares two versions, without their local parts if `public`.
    fn compare(&self, other: &Self, public: bool) -> Ordering {
        let local = |version: &Self| {
            let parts = if public {
                &[]
            } else {
                version.local.as_slice()
            };
            parts.to_vec()
        };
        let key = |version: &Self| {
            let pre = match (version.pre, version.post, version.dev) {
                (Some(pre), _, _) => Order::At(pre),
                (None, None, Some(_)) => Order::First,
                (None, _, _) => Order::Last,
            };
            let dev = version.dev.map_or(Order::Last, Order::At);
            // `None` is less than any number.
            (pre, version.post, dev, local(version))
        };
        self.compare_release(other)
            .then_with(|| key(self).cmp(&key(other)))
    }

    fn compare_release(&self, other: &Self) -> Ordering {
        let trimmed = |version: &Self| {
            let length = version.release.iter().rposition(|it| *it != 0);
            version
                .release
                .iter()
                .take(length.map_or(0, |it| it + 1))
                .copied()
                .collect::<Vec<_>>()
        };
        (self.epoch, trimmed(self)).cmp(&(other.epoch, trimmed(other)))
    }

    fn is_prerelease(&self) -> bool {
        self.pre.is_some() || self.dev.is_some()
    }

    /// Returns whether the first numbers of the release are `prefix`.
    fn starts_with(&self, epoch: u64, prefix: &[u64]) -> bool {
        let own = self.release.iter().copied().chain(std::iter::repeat(0));
        self.epoch == epoch && own.take(prefix.len()).eq(prefix.iter().copied())
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.compare(other, false) == Ordering::Equal
    }
}

impl LocalPart {
    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        Some(
            text.parse()
                .map_or_else(|_| Self::Text(text.to_owned()), Self::Number),
        )
    }
}

/// Returns whether `version` satisfies `operator` and `wanted`, such as `>=` and `3.9`, where
/// pre-releases count as any other version. Returns `None` if `wanted` is not what the operator
/// compares with.
pub(super) fn satisfies(version: &Version, operator: &str, wanted: &str) -> Option<bool> {
    if let ("==" | "!=", Some(prefix)) = (operator, wanted.trim().strip_suffix(".*")) {
        let prefix = Version::parse(prefix)?;
        if prefix.is_prerelease() || prefix.post.is_some() || !prefix.local.is_empty() {
            return None;
        }
        let equal = version.starts_with(prefix.epoch, &prefix.release);
        return Some(equal == (operator == "=="));
    }
    let wanted = Version::parse(wanted)?;
    // Only `==` and `!=` may name a local version.
    let is_equality = matches!(operator, "==" | "!=");
    if !wanted.local.is_empty() && !is_equality {
        return None;
    }
    let order = version.compare(&wanted, !is_equality || wanted.local.is_empty());
    let same_release = version.compare_release(&wanted) == Ordering::Equal;
    Some(match operator {
        "==" => order == Ordering::Equal,
        "!=" => order != Ordering::Equal,
        "<=" => order != Ordering::Greater,
        ">=" => order != Ordering::Less,
        // `<2` does not admit `2rc1`, and `>2` neither `2.post1` nor `2+local`.
        "<" => {
            let is_its_own = same_release && version.is_prerelease() && !wanted.is_prerelease();
            order == Ordering::Less && !is_its_own
        }
        ">" => {
            let is_its_own = same_release
                && (!version.local.is_empty() || version.post.is_some() && wanted.post.is_none());
            order == Ordering::Greater && !is_its_own
        }
        "~=" => {
            let (_, prefix) = wanted
                .release
                .split_last()
                .filter(|(_, it)| !it.is_empty())?;
            order != Ordering::Less && version.starts_with(wanted.epoch, prefix)
        }
        _ => return None,
    })
}

/// The rest of a text that is being read.
struct Scanner<'a>(&'a str);

impl Scanner<'_> {
    fn take(&mut self, word: &str) -> bool {
        let rest = self.0.strip_prefix(word);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn number(&mut self) -> Option<u64> {
        let digits = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let number = self.0.get(..digits)?.parse().ok()?;
        self.0 = self.0.get(digits..)?;
        Some(number)
    }

    fn separator(&mut self) {
        let _ = self.take(".") || self.take("-") || self.take("_");
    }

    fn phase(&mut self) -> Option<Phase> {
        // A longer name comes before the name that it begins with.
        const NAMES: [(&str, Phase); 8] = [
            ("alpha", Phase::Alpha),
            ("a", Phase::Alpha),
            ("beta", Phase::Beta),
            ("b", Phase::Beta),
            ("preview", Phase::Candidate),
            ("pre", Phase::Candidate),
            ("rc", Phase::Candidate),
            ("c", Phase::Candidate),
        ];
        NAMES
            .iter()
            .find(|(name, _)| self.take(name))
            .map(|(_, phase)| *phase)
    }

    /// Reads a suffix such as `.post1` or `dev`.
    fn suffix(&mut self, names: &[&str]) -> Option<u64> {
        self.attempt(|it| {
            it.separator();
            if !names.iter().any(|name| it.take(name)) {
                return None;
            }
            it.separator();
            Some(it.number().unwrap_or(0))
        })
    }

    /// Reads with `read`, and stays where it is if that returns nothing.
    fn attempt<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let before = self.0;
        let result = read(self);
        if result.is_none() {
            self.0 = before;
        }
        result
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test")]

    use super::{Version, satisfies};

    #[test]
    fn versions_are_ordered_as_pep_440_says() {
        let ordered = [
            "1.0.dev1",
            "1.0a1.dev1",
            "1.0a1",
            "1.0a1.post1",
            "1.0b1",
            "1.0rc1",
            "1.0",
            "1.0+a",
            "1.0+1",
            "1.0+1.a",
            "1.0.post1.dev1",
            "1.0.post1",
            "1.0.1",
            "1.2",
            "1.10",
            "2",
            "1!0.1",
        ]
        .map(|text| Version::parse(text).unwrap());
        for (index, one) in ordered.iter().enumerate() {
            for (other_index, other) in ordered.iter().enumerate() {
                assert_eq!(
                    one.compare(other, false),
                    index.cmp(&other_index),
                    "{one:?} {other:?}"
                );
            }
        }
    }

    #[test]
    fn spellings_of_one_version_are_equal() {
        for (one, other) in [
            ("1.0", "1"),
            ("v1.0", "1.0.0"),
            ("1.0-alpha.1", "1.0a1"),
            ("1.0c1", "1.0rc1"),
            ("1.0_PRE2", "1.0rc2"),
            ("1.0-1", "1.0.post1"),
            ("1.0.rev3", "1.0.post3"),
            ("1.0dev", "1.0.dev0"),
            ("1.0+Ubuntu-1", "1.0+ubuntu.1"),
            ("0!1", "1"),
        ] {
            assert_eq!(Version::parse(one).unwrap(), Version::parse(other).unwrap());
        }
        for text in [
            "",
            "x",
            "1.",
            "1..2",
            "1.0+",
            "1.0 2",
            "1.0a1b2",
            "99999999999999999999",
        ] {
            assert!(Version::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn comparisons_follow_pep_440() {
        for (version, operator, wanted, expected) in [
            ("3.12", ">=", "3.9", Some(true)),
            ("3.9", ">=", "3.10", Some(false)),
            ("3.12.5", "==", "3.12.*", Some(true)),
            ("3.12", "!=", "3.12.*", Some(false)),
            ("3.12", "==", "3.12.0.*", Some(true)),
            ("2.0rc1", "<", "2.0", Some(false)),
            ("2.0rc1", "<", "2.0rc2", Some(true)),
            ("2.0.post1", ">", "2.0", Some(false)),
            ("2.0+l", ">", "2.0", Some(false)),
            ("2.0+l", "==", "2.0", Some(true)),
            ("2.0", "==", "2.0+l", Some(false)),
            ("2.5", "~=", "2.2", Some(true)),
            ("3.0", "~=", "2.2", Some(false)),
            ("2.2.9", "~=", "2.2.0", Some(true)),
            ("2.5", "~=", "2", None),
            ("2.5", ">=", "2.*", None),
            ("2.5", ">=", "linux", None),
            ("3.11.0", "<=", "3.11.0a6", Some(false)),
        ] {
            let version = Version::parse(version).unwrap();
            assert_eq!(
                satisfies(&version, operator, wanted),
                expected,
                "{version:?} {operator} {wanted}"
            );
        }
    }
}
