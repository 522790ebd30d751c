//! JSON pointers (RFC 6901), which CloudFormation uses for the path of a value in a resource:
//! `/Properties/Environment/Variables/NAME`.
//!
//! In a step `~1` means `/`, and `~0` means `~`. A step of digits is the index of a list or a key of a
//! map, depending on the value that the pointer is applied to.

/// Returns the steps of a pointer, unescaped. Empty steps are left out.
pub fn steps(pointer: &str) -> Vec<String> {
    let steps = pointer.split('/').filter(|step| !step.is_empty());
    steps
        // In this order: `~01` is the key `~1`.
        .map(|step| step.replace("~1", "/").replace("~0", "~"))
        .collect()
}

/// Returns the pointer with these steps.
pub fn of<S: AsRef<str>>(steps: impl IntoIterator<Item = S>) -> String {
    let mut pointer = String::new();
    for step in steps {
        pointer.push('/');
        pointer.push_str(&step.as_ref().replace('~', "~0").replace('/', "~1"));
    }
    pointer
}

/// Returns whether a step may be the index of a list.
pub fn is_index(step: &str) -> bool {
    !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::{is_index, of, steps};

    #[test]
    fn every_key_survives_being_a_step() {
        for keys in [
            &[][..],
            &["Properties", "Tags", "0", "Value"],
            &["application/json", "/", "//", "a/", "/b"],
            &["~", "~~", "~0", "~1", "~01", "~10", "/~", "~/"],
            &["80", "007", "0", "-", "*"],
            &["é ü", "a.b", "a\"b", "%2F", "\\", " ", "😀"],
        ] {
            let pointer = of(keys);
            assert_eq!(steps(&pointer), keys, "{pointer}");
            assert_eq!(of(steps(&pointer)), pointer);
        }
    }

    #[test]
    fn the_escapes_are_those_of_the_standard() {
        assert_eq!(of(["application/json"]), "/application~1json");
        assert_eq!(of(["~1"]), "/~01");
        assert_eq!(
            steps("/a~1b/c~0d/~01/~10/~"),
            ["a/b", "c~d", "~1", "/0", "~"]
        );
        assert_eq!(of([""; 0]), "");
    }

    #[test]
    fn a_pointer_may_lack_its_first_slash_or_have_one_more() {
        for pointer in ["/a/b", "a/b", "/a/b/", "/a//b"] {
            assert_eq!(steps(pointer), ["a", "b"], "{pointer}");
        }
        for pointer in ["", "/", "//"] {
            assert!(steps(pointer).is_empty(), "{pointer}");
        }
    }

    #[test]
    fn digits_may_be_an_index() {
        assert!(["0", "80", "007"].into_iter().all(is_index));
        assert!(
            !["", "-1", "1a", "1.5", "*", "²", "١"]
                .into_iter()
                .any(is_index)
        );
    }
}
