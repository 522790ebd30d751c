#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ipnet::IpNet;

use super::*;

/// Holds that all of these pass a check.
fn right<T>(check: impl Fn(&str) -> Checked<T>, texts: &[&str]) {
    for text in texts {
        if let Err(fault) = check(text) {
            panic!("`{text}` {}", fault.message);
        }
    }
}

/// Holds that these fail a check, each with a message and help that contain these words.
fn wrong<T>(check: impl Fn(&str) -> Checked<T>, cases: &[(&str, &str, &str)]) {
    for (text, message, help) in cases {
        let fault = check(text)
            .err()
            .unwrap_or_else(|| panic!("`{text}` passes"));
        assert!(
            fault.message.contains(message),
            "`{text}` {}",
            fault.message
        );
        let remedy = fault.help.join("\n");
        assert!(remedy.contains(help), "`{text}`: {remedy}");
    }
}

#[test]
fn networks() {
    right(
        cidr,
        &[
            "203.0.113.7/32",
            "10.0.0.0/8",
            "2001:db8::/64",
            "::1/128",
            "0.0.0.0/0",
        ],
    );
    wrong(
        cidr,
        &[
            ("203.0.113.7/24", "host bits set", "`203.0.113.0/24`"),
            ("203.0.113.7/24", "host bits set", "`203.0.113.7/32`"),
            ("2001:db8::1/64", "host bits set", "`2001:db8::/64`"),
            ("203.0.113.7/33", "prefix length `33`", "from 0 to 32"),
            ("2001:db8::/129", "prefix length `129`", "from 0 to 128"),
            ("203.0.113.7/", "prefix length ``", "from 0 to 32"),
            (
                "203.0.113.7",
                "an address, not a network",
                "`203.0.113.7/32`",
            ),
            (
                "2001:db8::7",
                "an address, not a network",
                "`2001:db8::7/128`",
            ),
            ("203.0.113/24", "not a network", "look like"),
            ("203.0.113.300/32", "not a network", "look like"),
            ("home", "not a network", "look like"),
            ("", "not a network", "look like"),
        ],
    );
}

#[test]
fn the_world_is_seen_in_pieces_too() {
    let world = |texts: &[&str]| {
        let networks: Vec<IpNet> = texts.iter().map(|text| text.parse().unwrap()).collect();
        world(&networks).map(|network| network.to_string())
    };
    for open in [
        &["0.0.0.0/0"][..],
        &["::/0"],
        &["10.0.0.0/8", "::/0"],
        &["0.0.0.0/1", "128.0.0.0/1"],
        &["128.0.0.0/1"],
        &["2000::/3"],
    ] {
        assert!(world(open).is_some(), "{open:?}");
    }
    for own in [
        &["10.0.0.0/8"][..],
        &["203.0.113.7/32", "198.51.100.0/24"],
        &["2001:db8::/32"],
        &[],
    ] {
        assert_eq!(world(own), None, "{own:?}");
    }
}

#[test]
fn names() {
    right(project, &["file-metadata", "A", "a1"]);
    wrong(
        project,
        &[
            ("", "is empty", "letters, digits and hyphens"),
            ("file metadata", "may not contain ` `", "letters"),
            ("file_metadata", "may not contain `_`", "letters"),
            ("1file", "may not start with `1`", "starting with a letter"),
            ("-file", "may not start with `-`", "starting with a letter"),
            ("größe", "may not contain `ö`", "letters"),
            (&"a".repeat(129), "has 129 characters", "at most 128"),
        ],
    );
    right(environment, &["dev", "eu-1"]);
    wrong(
        environment,
        &[
            ("Prod", "may not contain `P`", "lower-case"),
            ("prod_eu", "may not contain `_`", "lower-case"),
            (&"a".repeat(33), "has 33 characters", "at most 32"),
        ],
    );
    right(artifact, &["handler", "my_handler-2"]);
    wrong(artifact, &[("../x", "may not contain `.`", "letters")]);
    right(parameter, &["DbPassword", "A1"]);
    wrong(
        parameter,
        &[("Db_Password", "is not", "letters and digits")],
    );
    right(user, &["ec2-user", "admin"]);
    wrong(
        user,
        &[
            ("-oProxyCommand=id", "not a login name", "ec2-user"),
            ("a b", "not a login name", ""),
        ],
    );
    right(variable, &["DB_PASSWORD", "_x1"]);
    wrong(
        variable,
        &[("$DB", "not an environment variable", "without `$`")],
    );
    right(key_pair, &["ops", "my key"]);
    wrong(
        key_pair,
        &[("clé", "not a key pair", "ASCII"), (" ", "is empty", "")],
    );
}

#[test]
fn stack_names() {
    right(
        stack_name,
        &["{project}-{environment}", "fixed", "x{environment}"],
    );
    wrong(
        stack_name,
        &[
            (
                "{projct}-x",
                "unknown placeholder `{projct}`",
                "`{project}`",
            ),
            ("{region}", "unknown placeholder", "the placeholders are"),
            ("{project", "without its `}`", ""),
            (
                "{project}_x",
                "may not contain `_`",
                "letters, digits and hyphens",
            ),
            ("-{project}", "may not start with `-`", ""),
            ("", "is empty", ""),
        ],
    );
}

#[test]
fn accounts_and_regions() {
    right(account, &["123456789012", "000000000000"]);
    wrong(
        account,
        &[
            ("1234-5678-9012", "not an AWS account id", "`123456789012`"),
            ("12345", "not an AWS account id", "here are 5"),
            ("١٢٣٤٥٦٧٨٩٠١٢", "not an AWS account id", "12 digits"),
        ],
    );
    right(
        region,
        &[
            "eu-west-1",
            "us-gov-west-1",
            "ap-southeast-5",
            "eusc-de-east-1",
            "us-isob-east-1",
        ],
    );
    wrong(
        region,
        &[
            (
                "eu-west-1a",
                "not an AWS region",
                "its region is `eu-west-1`",
            ),
            ("EU-WEST-1", "not an AWS region", "did you mean `eu-west-1`"),
            ("eu_west_1", "not an AWS region", "did you mean `eu-west-1`"),
            ("ireland", "not an AWS region", "look like"),
            ("eu-1", "not an AWS region", "look like"),
            ("", "not an AWS region", "look like"),
            ("eu-west-1.evil.example", "not an AWS region", "look like"),
        ],
    );
}

#[test]
fn buckets() {
    right(bucket, &["abc", "my-bucket.logs", &"a".repeat(63)]);
    wrong(
        bucket,
        &[
            ("ab", "has 2 characters", "3 to 63"),
            (&"a".repeat(64), "has 64 characters", "3 to 63"),
            ("My-bucket", "may not contain `M`", "lower-case"),
            ("my_bucket", "may not contain `_`", ""),
            ("-bucket", "start and end", ""),
            ("bucket-", "start and end", ""),
            ("my..bucket", "two dots", ""),
            ("192.168.5.4", "IP address", ""),
            ("xn--bucket", "may not start with `xn--`", ""),
            ("bucket-s3alias", "may not end with `-s3alias`", ""),
        ],
    );
}

#[test]
fn paths_and_globs() {
    right(path, &["handler", "a/b", "./a"]);
    wrong(
        path,
        &[
            ("../a", "points outside", "without `..`"),
            ("a/../../b", "points outside", ""),
            ("/etc", "points outside", "relative"),
            ("", "is empty", ""),
        ],
    );
    right(glob, &["tests/**", "*.md", "{a,b}"]);
    wrong(
        glob,
        &[("a[", "not a glob", "look like"), ("{a", "not a glob", "")],
    );
}

#[test]
fn durations_and_numbers() {
    for (text, seconds) in [("60s", 60), ("5m", 300), ("1m 30s", 90), ("1h", 3600)] {
        assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
    }
    wrong(
        duration,
        &[
            ("60", "has no unit", "`60s`"),
            ("90", "has no unit", "for seconds, write `90s`"),
            ("soon", "not a duration", "`60s`"),
            ("-5s", "at least a second", ""),
            ("0s", "at least a second", ""),
            ("1ms", "at least a second", ""),
            ("", "", "`60s`"),
        ],
    );
    assert_eq!(integer(180, &(0..=180)), Ok(180));
    let fault = integer(181, &(0..=180)).unwrap_err();
    assert_eq!(fault.help, ["it must be from 0 to 180"]);
    let fault = integer(-1, &(1..=u32::MAX)).unwrap_err();
    assert_eq!(fault.help, ["it must be at least 1"]);
    integer(i64::MAX, &(1..=u32::MAX)).unwrap_err();
}

#[test]
fn tags() {
    right(tag_key, &["owner", "kostenstelle:größe", "awsome", "a/b.c"]);
    wrong(
        tag_key,
        &[
            ("aws:x", "reserved", "by AWS"),
            ("AWS:x", "reserved", "by AWS"),
            ("stackctl:project", "reserved", "by stackctl"),
            ("", "is empty", ""),
            ("a;b", "may not contain `;`", "letters"),
            (&"a".repeat(129), "has 129 characters", "1 to 128"),
        ],
    );
    wrong(
        tag_value,
        &[(&"a".repeat(257), "has 257 characters", "1 to 256")],
    );
}

#[test]
fn arns_capabilities_and_versions() {
    right(
        role_arn,
        &[
            "arn:aws:iam::123456789012:role/deploy",
            "arn:aws-cn:iam::123456789012:role/x",
        ],
    );
    wrong(
        role_arn,
        &[
            ("deploy", "not the ARN", "arn:aws:iam"),
            (
                "arn:aws:sns:eu-west-1:123456789012:topic",
                "not the ARN",
                "arn:aws:iam",
            ),
        ],
    );
    right(topic_arn, &["arn:aws:sns:eu-west-1:123456789012:topic"]);
    right(
        alarm_arn,
        &["arn:aws:cloudwatch:eu-west-1:123456789012:alarm:errors"],
    );
    right(capability, &["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]);
    wrong(
        capability,
        &[
            (
                "CAPABILITY_NAMED_IAMS",
                "not a capability",
                "`CAPABILITY_NAMED_IAM`",
            ),
            ("x", "not a capability", "the capabilities are"),
        ],
    );
    right(version, &[">=0.1", "0.1", ">=0.1, <0.3"]);
    wrong(
        version,
        &[("latest", "not a version requirement", "look like")],
    );
}
