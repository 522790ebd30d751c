//! Credentials, account, region, endpoint and clock.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{doctor, expect, healthy};
use crate::cloud::{ACCOUNT, Cloud, Response};
use crate::sandbox::Sandbox;

#[test]
fn the_clock_is_compared_with_the_answers() {
    for (minutes, verdict, code) in [
        (0, "ok", 0),
        (-3, "warning", 0),
        (4, "warning", 0),
        (9, "failed", 1),
    ] {
        let (sandbox, cloud) = healthy();
        cloud.account().minutes = Some(minutes);
        let finished = doctor(&sandbox, &cloud, &["--format", "json"]).expect_code(code);
        let text = match minutes {
            0 => "agrees with AWS's",
            1.. => "behind AWS's",
            _ => "ahead of AWS's",
        };
        expect(&finished.json(), "clock", verdict, &[text]);
    }
}

#[test]
fn an_account_that_the_manifest_does_not_allow_fails() {
    let (sandbox, cloud) = healthy();
    sandbox.edit(
        "manifest.toml",
        "project = ",
        "account = \"999999999999\"\nproject = ",
    );
    let document = doctor(&sandbox, &cloud, &["--format", "json"])
        .expect_code(1)
        .json();
    let text =
        "the credentials belong to account 123456789012, and the manifest allows only 999999999999";
    expect(&document, "account", "failed", &[text, "--profile"]);
    // The others are still made.
    expect(&document, "bucket", "ok", &[]);

    sandbox.edit("manifest.toml", "999999999999", ACCOUNT);
    let document = doctor(&sandbox, &cloud, &["--format", "json"])
        .expect_code(0)
        .json();
    expect(&document, "account", "ok", &["as the manifest demands"]);
}

#[test]
fn expired_credentials_fail_and_the_rest_is_checked() {
    let (sandbox, cloud) = healthy();
    let message = "The security token included in the request is expired";
    for operation in [
        "GetCallerIdentity",
        "DescribeStacks",
        "ListStackResources",
        "ListChangeSets",
    ] {
        cloud.on(operation).error(403, "ExpiredToken", message);
    }
    let document = doctor(&sandbox, &cloud, &["--format", "json"])
        .expect_code(1)
        .json();
    expect(
        &document,
        "credentials",
        "failed",
        &[message, "run `aws sso login`"],
    );
    expect(&document, "clock", "ok", &[]);
    expect(&document, "state", "skipped", &["needs credentials"]);
    expect(&document, "bucket", "skipped", &[]);
    expect(&document, "python", "ok", &["3.12"]);
    assert_eq!(document["account"], Value::Null);
    assert_eq!(document["verdict"], "failed");
}

#[test]
fn missing_credentials_fail_and_the_rest_is_checked() {
    let (sandbox, cloud) = healthy();
    let sandbox = sandbox
        .env("AWS_ACCESS_KEY_ID", "")
        .env("AWS_SECRET_ACCESS_KEY", "");
    let document = doctor(&sandbox, &cloud, &["--format", "json"])
        .expect_code(1)
        .json();
    expect(
        &document,
        "credentials",
        "failed",
        &["no AWS credentials were found", "aws configure"],
    );
    expect(
        &document,
        "region",
        "ok",
        &["eu-west-1, from manifest.toml:4"],
    );
    expect(&document, "clock", "skipped", &[]);
    expect(&document, "git", "ok", &["2.47.1"]);
    assert!(cloud.calls().is_empty());
}

/// Signs on: the session of an hour's credentials ends after some minutes.
fn signed_on(minutes: i64) -> (Sandbox, Cloud) {
    let (sandbox, cloud) = healthy();
    sandbox.write(
        "config",
        "[profile work]\nsso_session = company\nsso_account_id = 1\nsso_role_name = x\n\
         [sso-session company]\nsso_start_url = https://company.example/start\nsso_region = eu-west-1\n",
    );
    let end = Timestamp::now() + SignedDuration::from_mins(minutes);
    let token = serde_json::json!({
        "accessToken": "the-token-of-the-session", "expiresAt": format!("{end:.0}"),
        "region": "eu-west-1", "startUrl": "https://company.example/start",
    });
    let name = "71b21161ffa1e6516bcc072aaf5ef38cbe85b511";
    sandbox.write(
        &format!("../home/.aws/sso/cache/{name}.json"),
        token.to_string(),
    );
    let expiration = (Timestamp::now() + SignedDuration::from_mins(60)).as_millisecond();
    let credentials = serde_json::json!({ "roleCredentials": {
        "accessKeyId": "ASIAEXAMPLE", "secretAccessKey": "the-secret-of-the-role",
        "sessionToken": "the-token-of-the-role", "expiration": expiration,
    } });
    let answer = Response::new(200, credentials.to_string());
    cloud.on("GET /federation/credentials").reply(answer);
    let path = sandbox.path("config").display().to_string();
    let sandbox = sandbox
        .env("AWS_CONFIG_FILE", &path)
        .env("AWS_ACCESS_KEY_ID", "")
        .env("AWS_SECRET_ACCESS_KEY", "");
    (sandbox, cloud)
}

#[test]
fn the_end_of_a_single_sign_on_session_is_shown() {
    for (minutes, verdict, text) in [
        (480, "ok", "the single sign-on session ends in 7 hours (20"),
        (
            10,
            "warning",
            "the single sign-on session ends in 9 minutes (20",
        ),
    ] {
        let (sandbox, cloud) = signed_on(minutes);
        let arguments = ["--profile", "work", "--format", "json"];
        let finished = doctor(&sandbox, &cloud, &arguments).expect_code(0);
        for secret in ["the-token-of", "the-secret-of"] {
            assert!(!finished.to_string().contains(secret), "{finished}");
        }
        let document = finished.json();
        expect(&document, "expiry", verdict, &[text]);
        let source = "from the profile `work`: single sign-on, session `company`";
        expect(&document, "credentials", "ok", &[source]);
    }
}

#[test]
fn keys_with_a_token_do_not_say_until_when_they_are_valid() {
    let (sandbox, cloud) = healthy();
    let sandbox = sandbox.env("AWS_SESSION_TOKEN", "the-token-of-the-session");
    let finished = doctor(&sandbox, &cloud, &["--format", "json"]).expect_code(0);
    assert!(!finished.stdout.contains("the-token-of"), "{finished}");
    expect(
        &finished.json(),
        "expiry",
        "skipped",
        &["not known: temporary keys"],
    );
}

#[test]
fn a_broken_profile_names_its_line_and_the_region_is_still_shown() {
    let (sandbox, cloud) = healthy();
    sandbox.write(
        "config",
        "[profile work]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = nobody\n",
    );
    let path = sandbox.path("config").display().to_string();
    let sandbox = sandbox
        .env("AWS_CONFIG_FILE", &path)
        .env("AWS_ACCESS_KEY_ID", "")
        .env("AWS_SECRET_ACCESS_KEY", "");
    let arguments = ["--profile", "work", "--format", "json"];
    let document = doctor(&sandbox, &cloud, &arguments).expect_code(1).json();
    let place = format!("{path}:3: the profile `nobody` does not exist");
    expect(&document, "credentials", "failed", &[&place]);
    expect(&document, "region", "ok", &["eu-west-1"]);

    let arguments = ["--profile", "wrok", "--format", "json"];
    let document = doctor(&sandbox, &cloud, &arguments).expect_code(1).json();
    expect(
        &document,
        "credentials",
        "failed",
        &["no profile `wrok`", "did you mean `work`?"],
    );
}

#[test]
fn a_network_that_is_not_there_fails_soon() {
    let (sandbox, cloud) = healthy();
    // Nobody listens here.
    let sandbox = sandbox.env("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    let document = doctor(&sandbox, &cloud, &["--format", "json"])
        .expect_code(1)
        .json();
    expect(
        &document,
        "endpoint",
        "failed",
        &["cannot identify the caller", "check the network"],
    );
    expect(
        &document,
        "credentials",
        "skipped",
        &["the variables AWS_ACCESS_KEY_ID", "nobody answered"],
    );
    expect(&document, "region", "ok", &["eu-west-1"]);
    expect(&document, "clock", "skipped", &[]);
    expect(&document, "cache", "ok", &[]);
}

#[test]
fn an_endpoint_that_is_not_allowed_is_refused_before_anything_is_sent() {
    let (sandbox, cloud) = healthy();
    sandbox.edit("manifest.toml", "allow_endpoint = true\n", "");
    let document = doctor(&sandbox, &cloud, &["--format", "json"])
        .expect_code(1)
        .json();
    expect(
        &document,
        "endpoint",
        "failed",
        &["is not an AWS endpoint", "unset AWS_ENDPOINT_URL"],
    );
    expect(&document, "region", "ok", &[]);
    assert!(cloud.calls().is_empty());
}

#[test]
fn without_a_region_the_caller_is_still_identified() {
    let (sandbox, cloud) = healthy();
    sandbox.edit("manifest.toml", "region = \"eu-west-1\"\n", "");
    let sandbox = sandbox.env("AWS_REGION", "");
    let document = doctor(&sandbox, &cloud, &["--format", "json"])
        .expect_code(1)
        .json();
    expect(
        &document,
        "region",
        "failed",
        &["no AWS region is configured", "--region"],
    );
    expect(&document, "credentials", "ok", &["user/tester"]);
    assert_eq!(cloud.operations(), ["GetCallerIdentity"]);
}
