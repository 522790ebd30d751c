//! The rules for the values of a stack set.

use super::{Checked, Fault, account, region, suggest};

/// A number of targets, or a percentage of them: whether it is a percentage, and the number.
pub(crate) fn amount(text: &str) -> Checked<(bool, u32)> {
    let fault = |message: &str| {
        Fault::new("bad-amount", message)
            .help("write a number of targets such as `3`, or a percentage such as `\"10%\"`")
    };
    let (digits, is_percent) = match text.strip_suffix('%') {
        Some(digits) => (digits, true),
        None => (text, false),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(fault("is neither a number nor a percentage"));
    }
    match digits.parse() {
        Ok(number) if is_percent && number > 100 => Err(fault("is more than 100%")),
        // The API takes 32 bits with a sign.
        Ok(number) if i32::try_from(number).is_ok() => Ok((is_percent, number)),
        _ => Err(fault("is too large")),
    }
}

/// The id of an organizational unit, or of the organization's root (`DeploymentTargets`).
pub(crate) fn organizational_unit(text: &str) -> Checked<()> {
    let is_part = |part: &str, least: usize| {
        let shaped = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        (least..=32).contains(&part.len()) && part.bytes().all(shaped)
    };
    let is_unit = text.strip_prefix("ou-").and_then(|it| it.split_once('-'));
    let is_unit = is_unit.is_some_and(|(root, unit)| is_part(root, 4) && is_part(unit, 8));
    if is_unit || text.strip_prefix("r-").is_some_and(|root| is_part(root, 4)) {
        return Ok(());
    }
    let fault = Fault::new(
        "bad-organizational-unit",
        "is not an organizational unit's id",
    );
    Err(fault.help("ids look like `ou-ab12-34cd56ef`, and that of the root like `r-ab12`"))
}

/// A target of overrides: an account or an organizational unit, a region, or both.
pub(crate) fn override_target(text: &str) -> Checked<()> {
    let is_holder = |text: &str| account(text).is_ok() || organizational_unit(text).is_ok();
    let is_right = match text.split_once('/') {
        Some((holder, place)) => is_holder(holder) && region(place).is_ok(),
        None => is_holder(text) || region(text).is_ok(),
    };
    if is_right {
        return Ok(());
    }
    let fault = Fault::new("bad-target", "is not a target");
    Err(fault.help(
        "write `ACCOUNT`, `REGION` or `ACCOUNT/REGION`, such as `\"123456789012/eu-west-1\"`",
    ))
}

/// How accounts count beside organizational units.
pub(crate) fn account_filter(text: &str) -> Checked<()> {
    one_of(
        text,
        ["intersection", "difference"],
        "is not a filter of accounts",
    )
}

/// Who calls.
pub(crate) fn call_as(text: &str) -> Checked<()> {
    one_of(
        text,
        ["self", "delegated-admin"],
        "is not a role of the caller",
    )
}

/// Whether an operation works in one region after the other.
pub(crate) fn region_concurrency(text: &str) -> Checked<()> {
    one_of(
        text,
        ["sequential", "parallel"],
        "is not an order of regions",
    )
}

/// How failures change the number of targets at the same time.
pub(crate) fn concurrency_mode(text: &str) -> Checked<()> {
    one_of(text, ["strict", "soft"], "is not a concurrency mode")
}

/// A role's name (`ExecutionRoleName`: letters, digits and `_+=,.@-`, at most 64 characters).
pub(crate) fn role_name(text: &str) -> Checked<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if (1..=64).contains(&text.len()) && text.chars().all(allowed) {
        return Ok(());
    }
    let fault = Fault::new("bad-role", "is not a role's name");
    Err(if text.starts_with("arn:") {
        let name = text.rsplit('/').next().unwrap_or_default();
        fault.help(format!(
            "the role has the same name in every target: write `{name}`"
        ))
    } else {
        fault.help("a name is letters, digits and `_+=,.@-`, at most 64 characters")
    })
}

fn one_of<const N: usize>(text: &str, known: [&'static str; N], message: &str) -> Checked<()> {
    if known.contains(&text) {
        return Ok(());
    }
    let fault = Fault::new("bad-value", message);
    let lower = text.to_ascii_lowercase().replace('_', "-");
    Err(suggest(fault, &lower, known, "values"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::{amount, organizational_unit, override_target, role_name};

    #[test]
    fn an_amount_is_a_number_or_a_percentage() {
        for (text, expected) in [
            ("0", Some((false, 0))),
            ("12", Some((false, 12))),
            ("10%", Some((true, 10))),
            ("100%", Some((true, 100))),
            ("101%", None),
            ("%", None),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1.5", None),
            ("1 %", None),
            ("2147483648", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(amount(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn targets_are_accounts_units_and_regions() {
        for text in ["ou-ab12-34cd56ef", "r-ab12"] {
            assert!(organizational_unit(text).is_ok(), "{text}");
        }
        for text in [
            "ou-ab12",
            "ou-ab12-34CD56EF",
            "ou-a-34cd56ef",
            "r-",
            "123456789012",
            "",
        ] {
            assert!(organizational_unit(text).is_err(), "{text}");
        }
        for text in [
            "123456789012",
            "eu-west-1",
            "123456789012/eu-west-1",
            "ou-ab12-34cd56ef/eu-west-1",
        ] {
            assert!(override_target(text).is_ok(), "{text}");
        }
        for text in [
            "eu-west-1/123456789012",
            "123456789012/",
            "/",
            "all",
            "1234/eu-west-1",
        ] {
            assert!(override_target(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_role_is_named_and_not_its_arn() {
        assert!(role_name("Deploy_1+=,.@-").is_ok());
        let fault = role_name("arn:aws:iam::123456789012:role/path/Deploy").unwrap_err();
        assert!(fault.help[0].contains("`Deploy`"), "{:?}", fault.help);
        assert!(role_name("").is_err());
        assert!(role_name(&"x".repeat(65)).is_err());
    }
}
