//! Set-ups of where credentials come from.

use super::set_up::{Expected, SetUp, set_up};

const KEYS: &str = "aws_access_key_id = AKIAFILE\naws_secret_access_key = x\n";
const SSO_SESSION: &str = ".aws/sso/cache/71b21161ffa1e6516bcc072aaf5ef38cbe85b511.json";
const SSO_LEGACY: &str = ".aws/sso/cache/b7037568a7e4f6fba9450af24427009b78703b33.json";

const SESSION: &str = "[profile work]\nsso_session = company\nsso_account_id = 123456789012\n\
    sso_role_name = Dev\nregion = eu-west-1\n\
    [sso-session company]\nsso_start_url = https://company.awsapps.com/start\nsso_region = us-east-1\n";
const LEGACY: &str = "[profile work]\nsso_start_url = https://company.awsapps.com/start\n\
    sso_region = us-east-1\nsso_account_id = 123456789012\nsso_role_name = Dev\nregion = eu-west-1\n";
const LOGIN: &str =
    "[profile work]\nlogin_session = arn:aws:iam::123456789012:user/me\nregion = eu-west-1\n";

fn token(value: &str, expires: &str, more: &str) -> String {
    format!(
        r#"{{"accessToken":"{value}","expiresAt":"{expires}","region":"us-east-1","startUrl":"https://company.awsapps.com/start"{more}}}"#
    )
}

const RENEWABLE: &str = r#","clientId":"c","clientSecret":"s","refreshToken":"r","registrationExpiresAt":"2099-01-01T00:00:00Z""#;

fn role(name: &str, more: &str) -> String {
    format!(
        "[profile {name}]\nrole_arn = arn:aws:iam::123456789012:role/{name}\nregion = eu-west-1\n{more}\n"
    )
}

fn base() -> String {
    format!("[profile base]\n{KEYS}")
}

pub(super) fn set_ups() -> Vec<SetUp> {
    let mut all = keys();
    all.extend(roles());
    all.extend(sessions());
    all.extend(machines());
    all
}

fn keys() -> Vec<SetUp> {
    let both = format!("[default]\nregion = eu-west-1\n{KEYS}");
    vec![
        set_up("static keys").keys(),
        set_up("session token").keys().variable("AWS_SESSION_TOKEN", "t"),
        set_up("old name of the session token").keys().variable("AWS_SECURITY_TOKEN", "t"),
        set_up("empty session token").keys().variable("AWS_SESSION_TOKEN", ""),
        set_up("key without secret").fails("AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not").keys().without("AWS_SECRET_ACCESS_KEY").config(&both),
        set_up("secret without key").keys().without("AWS_ACCESS_KEY_ID").config(&both),
        set_up("empty key").keys().variable("AWS_ACCESS_KEY_ID", "").config(&both),
        set_up("default profile").config(&both),
        set_up("keys in the credentials file")
            .config("[default]\nregion = eu-west-1\naws_access_key_id = AKIAOTHER\naws_secret_access_key = y\n")
            .credentials(&format!("[default]\n{KEYS}")),
        set_up("token in the credentials file")
            .config("[default]\nregion = eu-west-1\n")
            .credentials(&format!("[default]\n{KEYS}aws_session_token = t\n")),
        set_up("half a key in the credentials file").fails("~/.aws/credentials:2: the profile `default` has an access key id without its secret")
            .config(&both)
            .credentials("[default]\naws_access_key_id = AKIAHALF\n"),
        set_up("chosen profile and variables").keys().profile("base").config(&base()),
        set_up("AWS_PROFILE and variables")
            .keys()
            .variable("AWS_PROFILE", "base")
            .config(&base()),
        set_up("AWS_PROFILE").variable("AWS_PROFILE", "base").config(&(base() + "region = eu-west-1\n")),
        set_up("AWS_DEFAULT_PROFILE")
            .variable("AWS_DEFAULT_PROFILE", "base")
            .config(&(base() + "region = eu-west-1\n")),
        set_up("both variables of the profile")
            .variable("AWS_DEFAULT_PROFILE", "base")
            .variable("AWS_PROFILE", "default")
            .config(&(both.clone() + &base() + "region = us-east-1\n")),
        set_up("missing profile of AWS_PROFILE").fails("did you mean `base`?").keys().variable("AWS_PROFILE", "bsae").config(&base()),
        set_up("empty AWS_PROFILE").fails("the variable AWS_PROFILE is empty").keys().variable("AWS_PROFILE", ""),
        set_up("missing chosen profile").fails("did you mean `base`?").keys().profile("bsae").config(&base()),
        set_up("profile with spaces in its name")
            .profile("my own")
            .config(&format!("[profile \"my own\"]\nregion = eu-west-1\n{KEYS}")),
        set_up("no credentials").fails("no AWS credentials were found").variable("AWS_DEFAULT_REGION", "eu-west-1"),
        set_up("profile without credentials").fails("no AWS credentials were found").profile("p").config("[profile p]\nregion = eu-west-1\n"),
        set_up("line break in the key").fails("the variable AWS_ACCESS_KEY_ID contains a line break").keys().variable("AWS_ACCESS_KEY_ID", "AKIAENV\n"),
        set_up("carriage return in the key").fails("the variable AWS_ACCESS_KEY_ID contains a line break").keys().variable("AWS_ACCESS_KEY_ID", "AKIAENV\r"),
        set_up("line break in the token").fails("the variable AWS_SESSION_TOKEN contains a line break").keys().variable("AWS_SESSION_TOKEN", "t\n"),
        set_up("space in the key")
            .keys()
            .variable("AWS_ACCESS_KEY_ID", " AKIAENV")
            .differs(Expected::Fails("AWS_ACCESS_KEY_ID contains a space"), "AWS would refuse it, without naming the variable"),
        set_up("line break in the secret")
            .keys()
            .variable("AWS_SECRET_ACCESS_KEY", "x\n")
            .differs(Expected::Fails("AWS_SECRET_ACCESS_KEY contains a line break"), "AWS would refuse the signature, without naming the variable"),
    ]
}

fn roles() -> Vec<SetUp> {
    let process = "[profile base]\ncredential_process = cat {home}/printed.json\n";
    let printed =
        r#"{"Version":1,"AccessKeyId":"AKIAPROCESS","SecretAccessKey":"x","SessionToken":"t"}"#;
    vec![
        set_up("role of a source profile").profile("dev").config(&(base() + &role("dev", "source_profile = base"))),
        set_up("role by AWS_PROFILE")
            .variable("AWS_PROFILE", "dev")
            .config(&(base() + &role("dev", "source_profile = base"))),
        set_up("role of the default profile")
            .config(&format!("[default]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = base\nregion = us-east-2\n{}", base())),
        set_up("chosen region and role")
            .profile("dev")
            .region("ap-northeast-1")
            .config(&(base() + &role("dev", "source_profile = base"))),
        set_up("chain of three roles").profile("c").config(
            &(base()
                + &role("a", "source_profile = base")
                + &role("b", "source_profile = a\nexternal_id = e-1")
                + &role("c", "source_profile = b")),
        ),
        set_up("role with all its settings").profile("dev").config(
            &(base()
                + &role("dev", "source_profile = base\nexternal_id = e-1\nduration_seconds = 900\nrole_session_name = me")),
        ),
        set_up("duration that is no number")
            .profile("dev")
            .config(&(base() + &role("dev", "source_profile = base\nduration_seconds = long"))),
        set_up("role that is its own source").profile("dev").config(&role("dev", &format!("source_profile = dev\n{KEYS}"))),
        set_up("source profile with role and keys")
            .profile("b")
            .config(&(base() + &role("a", &format!("source_profile = base\n{KEYS}")) + &role("b", "source_profile = a"))),
        set_up("circle of source profiles").fails("~/.aws/config:8: the source profiles form a circle: `a` → `b` → `a`")
            .profile("a")
            .config(&(role("a", "source_profile = b") + &role("b", "source_profile = a"))),
        set_up("missing source profile").fails("did you mean `base`?").profile("dev").config(&(base() + &role("dev", "source_profile = bsae"))),
        set_up("source profile without credentials").fails("~/.aws/config:4: the profile `base` has no credentials")
            .profile("dev")
            .config(&(role("dev", "source_profile = base") + "[profile base]\nregion = eu-west-1\n")),
        set_up("role without a source").fails("~/.aws/config:2: the profile `dev` does not say").profile("dev").config(&role("dev", "")),
        set_up("role with two sources").fails("`source_profile` and `credential_source`")
            .profile("dev")
            .config(&(base() + &role("dev", "source_profile = base\ncredential_source = Environment"))),
        set_up("role that is refused").fails("caused by: User: u is not authorized (AccessDenied)").profile("denied").config(&(base() + &role("denied", "source_profile = base"))),
        set_up("role from variables").keys().profile("dev").config(&role("dev", "credential_source = Environment")),
        set_up("role from variables that are missing").fails("needs AWS_ACCESS_KEY_ID").profile("dev").config(&role("dev", "credential_source = Environment")),
        set_up("role from an unknown source").fails("`Moon` is no source").profile("dev").config(&role("dev", "credential_source = Moon")),
        set_up("role with a code")
            .profile("dev")
            .code("123456")
            .config(&(base() + &role("dev", "source_profile = base\nmfa_serial = arn:aws:iam::1:mfa/me"))),
        set_up("role with a code that nobody gives").fails("needs a code of the MFA device `arn:aws:iam::1:mfa/me` (`mfa_serial`)")
            .profile("dev")
            .config(&(base() + &role("dev", "source_profile = base\nmfa_serial = arn:aws:iam::1:mfa/me"))),
        set_up("role on a role with a code").profile("prod").code("123456").config(
            &(base()
                + &role("dev", "source_profile = base\nmfa_serial = arn:aws:iam::1:mfa/me")
                + &role("prod", "source_profile = dev")),
        ),
        set_up("program").profile("base").file("printed.json", printed).config(&(process.to_owned() + "region = eu-west-1\n")),
        set_up("program as the source of a role")
            .profile("dev")
            .file("printed.json", printed)
            .config(&(process.to_owned() + &role("dev", "source_profile = base"))),
        set_up("program and keys in the config file")
            .profile("base")
            .file("printed.json", printed)
            .config(&(process.to_owned() + KEYS + "region = eu-west-1\n")),
        set_up("program and keys in the credentials file")
            .profile("base")
            .file("printed.json", printed)
            .credentials(&format!("[base]\n{KEYS}"))
            .config(&(process.to_owned() + "region = eu-west-1\n")),
        set_up("program that fails").fails("`false` ended with exit status: 1\n").profile("base").config("[profile base]\nregion = eu-west-1\ncredential_process = false\n"),
        set_up("program that does not exist").fails("cannot start `/nowhere/program`")
            .profile("base")
            .config("[profile base]\nregion = eu-west-1\ncredential_process = /nowhere/program\n"),
        set_up("program that prints something else").fails("printed no `\"Version\": 1`")
            .profile("base")
            .config("[profile base]\nregion = eu-west-1\ncredential_process = echo '{\"Version\": 2}'\n"),
        set_up("no shell around a program")
            .profile("base")
            .config("[profile base]\nregion = eu-west-1\ncredential_process = cat {home}/printed.json | cat\n")
            .file("printed.json", printed),
    ]
}

fn sessions() -> Vec<SetUp> {
    let good = token("good", "2099-01-01T00:00:00Z", "");
    let old = token("old", "2020-01-01T00:00:00Z", "");
    let renewable = token("old", "2020-01-01T00:00:00Z", RENEWABLE);
    let refused = token("refused", "2099-01-01T00:00:00Z", "");
    let login = |expires: &str| {
        format!(
            r#"{{"accessToken":{{"accessKeyId":"ASIALOGIN","secretAccessKey":"s","sessionToken":"t","accountId":"123456789012","expiresAt":"{expires}"}},"tokenType":"aws_sigv4","clientId":"c","refreshToken":"r","dpopKey":"k"}}"#
        )
    };
    let needs_package = "botocore needs a package with C code for it, which is not installed here";
    vec![
        set_up("SSO session").profile("work").config(SESSION).file(SSO_SESSION, &good),
        set_up("SSO session that is renewed").profile("work").config(SESSION).file(SSO_SESSION, &renewable),
        set_up("SSO session that has expired").fails("run `aws sso login --profile work`").profile("work").config(SESSION).file(SSO_SESSION, &old),
        set_up("SSO session that is missing").fails("run `aws sso login --profile work`").profile("work").config(SESSION),
        set_up("SSO session that is refused").fails("run `aws sso login --profile work`").profile("work").config(SESSION).file(SSO_SESSION, &refused),
        set_up("SSO session as the source of a role")
            .profile("dev")
            .config(&(SESSION.to_owned() + &role("dev", "source_profile = work")))
            .file(SSO_SESSION, &good),
        set_up("SSO without its section").fails("~/.aws/config:2: the shared AWS configuration has no section `[sso-session company]`")
            .profile("work")
            .config("[profile work]\nsso_session = company\nsso_account_id = 1\nsso_role_name = Dev\nregion = eu-west-1\n"),
        set_up("SSO without a role").fails("`sso_role_name` is missing")
            .profile("work")
            .config(&SESSION.replace("sso_role_name = Dev\n", "")),
        set_up("SSO with different regions").fails("~/.aws/config:4: `sso_region` differs")
            .profile("work")
            .config(&SESSION.replace("sso_role_name", "sso_region = eu-west-1\nsso_role_name"))
            .file(SSO_SESSION, &good),
        set_up("SSO with the same region twice")
            .profile("work")
            .config(&SESSION.replace("sso_role_name", "sso_region = us-east-1\nsso_role_name"))
            .file(SSO_SESSION, &good),
        set_up("SSO before keys")
            .profile("work")
            .config(SESSION)
            .credentials(&format!("[work]\n{KEYS}"))
            .file(SSO_SESSION, &good),
        set_up("legacy SSO").profile("work").config(LEGACY).file(SSO_LEGACY, &good),
        set_up("legacy SSO that has expired").fails("run `aws sso login --profile work`").profile("work").config(LEGACY).file(SSO_LEGACY, &old),
        set_up("legacy SSO that is missing").fails("run `aws sso login --profile work`").profile("work").config(LEGACY),
        set_up("aws login")
            .profile("work")
            .config(LOGIN)
            .file(LOGIN_TOKEN, login("2099-01-01T00:00:00Z"))
            .differs(Expected::Calls("DescribeStacks ASIALOGIN/t eu-west-1"), needs_package),
        set_up("aws login that has expired").fails("run `aws login --profile work`")
            .profile("work")
            .config(LOGIN)
            .file(LOGIN_TOKEN, login("2020-01-01T00:00:00Z")),
        set_up("aws login that is missing").fails("run `aws login --profile work`").profile("work").config(LOGIN),
    ]
}

fn machines() -> Vec<SetUp> {
    let web = |set_up: SetUp| {
        set_up
            .variable("AWS_DEFAULT_REGION", "eu-west-1")
            .variable("AWS_WEB_IDENTITY_TOKEN_FILE", "{home}/token")
            .variable("AWS_ROLE_ARN", "arn:aws:iam::1:role/pod")
            .file("token", "a.web.token")
    };
    let container = |set_up: SetUp| {
        set_up
            .variable("AWS_DEFAULT_REGION", "eu-west-1")
            .variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", "{url}/container")
    };
    let instance = |set_up: SetUp| {
        set_up
            .without("AWS_EC2_METADATA_DISABLED")
            .variable("AWS_DEFAULT_REGION", "eu-west-1")
            .variable("AWS_EC2_METADATA_SERVICE_ENDPOINT", "{url}/")
    };
    let default = format!("[default]\nregion = eu-west-1\n{KEYS}");
    vec![
        web(set_up("web identity")),
        web(set_up("web identity with a session name")).variable("AWS_ROLE_SESSION_NAME", "pod-1"),
        web(set_up("web identity before keys of the default profile")).config(&default),
        web(set_up("web identity after exported keys")).keys(),
        web(set_up("web identity without a role"))
            .fails("set AWS_ROLE_ARN")
            .without("AWS_ROLE_ARN"),
        web(set_up("web identity without its file"))
            .fails("`/nowhere` cannot be read")
            .variable("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere"),
        web(set_up("web identity and a chosen profile"))
            .profile("base")
            .config(&base()),
        set_up("web identity of a profile")
            .profile("pod")
            .config(&role("pod", "web_identity_token_file = {home}/token"))
            .file("token", "a.web.token"),
        set_up("web identity as the source of a role")
            .profile("dev")
            .config(
                &(role("pod", "web_identity_token_file = {home}/token")
                    + &role("dev", "source_profile = pod")),
            )
            .file("token", "a.web.token"),
        container(set_up("container")),
        container(set_up("container with a token"))
            .variable("AWS_CONTAINER_AUTHORIZATION_TOKEN", "secret"),
        container(set_up("container with a token in a file"))
            .variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "{home}/token")
            .variable("AWS_CONTAINER_AUTHORIZATION_TOKEN", "other")
            .file("token", "of-a-file"),
        container(set_up("container after a profile")).config(&default),
        container(set_up("container and a chosen profile without credentials"))
            .profile("p")
            .config("[profile p]\nregion = eu-west-1\n"),
        container(set_up("container as the source of a role"))
            .profile("dev")
            .config(&role("dev", "credential_source = EcsContainer")),
        container(set_up("container at a foreign address"))
            .fails("not refer to an allowed IP address")
            .variable("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://192.0.2.1/x"),
        container(set_up("container behind a proxy"))
            .variable("HTTP_PROXY", "http://127.0.0.1:1")
            .variable("NO_PROXY", ""),
        instance(set_up("instance")),
        instance(set_up("instance that may not be asked"))
            .fails("no AWS credentials were found")
            .variable("AWS_EC2_METADATA_DISABLED", "true"),
        instance(set_up("instance after a profile")).config(&default),
        instance(set_up("instance as the source of a role"))
            .profile("dev")
            .config(&role("dev", "credential_source = Ec2InstanceMetadata")),
        instance(set_up("instance and a chosen profile without credentials"))
            .profile("p")
            .config("[profile p]\nregion = eu-west-1\n"),
        instance(set_up("instance by the profile's endpoint"))
            .without("AWS_EC2_METADATA_SERVICE_ENDPOINT")
            .config("[default]\nec2_metadata_service_endpoint = {url}/\n"),
    ]
}

const LOGIN_TOKEN: &str =
    ".aws/login/cache/286187707741fc2ccb93cf9e56dbd0ee0a16208feed5fbc8ae1baa86d44c283f.json";
