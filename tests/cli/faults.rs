//! Errors on the way to AWS: the message, the exit code, and no writes.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;

use crate::cloud::{ACCOUNT, Bucket, Cloud, Progress, Response};
use crate::demo::{self, ARTIFACT_BUCKET};
use crate::sandbox::Sandbox;
use crate::sandbox::{Input, Running};

fn nothing_was_written(cloud: &Cloud) {
    for operation in [
        "CreateBucket",
        "PutObject",
        "CreateChangeSet",
        "ExecuteChangeSet",
    ] {
        assert!(cloud.calls_of(operation).is_empty(), "{operation}");
    }
}

#[test]
fn another_account_is_refused() {
    let (sandbox, cloud) = demo::in_cloud();
    sandbox.edit(
        "manifest.toml",
        "project = ",
        "account = \"999999999999\"\nproject = ",
    );
    insta::assert_snapshot!(sandbox.run(&["apply", "--yes"]), @r"
    --- stderr
    error: the credentials belong to account 123456789012, and the manifest allows only 999999999999
    hint: choose another profile with --profile or AWS_PROFILE
    --- exit 4
    ");
    nothing_was_written(&cloud);
    sandbox.append("manifest.toml", crate::deployed::VERIFY);
    sandbox.run(&["verify"]).expect_code(4);
    nothing_was_written(&cloud);
}

#[test]
fn expired_credentials_say_how_to_log_in() {
    let (sandbox, cloud) = demo::in_cloud();
    let message = "The security token included in the request is expired";
    for operation in ["GetCallerIdentity", "DescribeStacks"] {
        cloud.on(operation).error(403, "ExpiredToken", message);
    }
    let finished = sandbox.run(&["plan"]).expect_code(1);
    finished.expect_stderr(message);
    finished.expect_stderr("hint: the credentials have expired: run `aws sso login`");
    nothing_was_written(&cloud);
}

#[test]
fn missing_credentials_say_how_to_log_in() {
    let (sandbox, cloud) = demo::in_cloud();
    let sandbox = sandbox
        .env("AWS_ACCESS_KEY_ID", "")
        .env("AWS_SECRET_ACCESS_KEY", "");
    insta::assert_snapshot!(sandbox.run(&["plan"]), @r"
    --- stderr
    error: no AWS credentials were found
    hint: run `aws sso login` or `aws configure`
    hint: without an account: `stackctl apply -e local` deploys to the embedded emulator
    --- exit 1
    ");
    let manifest = ["plan", "--manifest", "manifest.toml", "--set", "vars.a=1"];
    sandbox.run(&manifest).expect_code(1).expect_stderr(
        "`stackctl apply -e local --manifest manifest.toml --set 'vars.a=1'` deploys to the embedded emulator",
    );
    assert!(cloud.calls().is_empty());
}

/// Returns the project with this shared AWS configuration and no keys in the environment.
fn with_configuration(configuration: &str) -> Sandbox {
    let (sandbox, _) = demo::in_cloud();
    sandbox.write("config", configuration);
    let path = sandbox.path("config");
    sandbox
        .env("AWS_CONFIG_FILE", path.to_str().unwrap())
        .env("AWS_ACCESS_KEY_ID", "")
        .env("AWS_SECRET_ACCESS_KEY", "")
}

#[test]
fn missing_single_sign_on_session_says_how_to_log_in() {
    let session = "[profile work]\nsso_session = company\nsso_account_id = 1\nsso_role_name = x\n\
        [sso-session company]\nsso_start_url = https://127.0.0.1:1\nsso_region = eu-west-1\n";
    let legacy = "[profile work]\nsso_start_url = https://127.0.0.1:1\nsso_region = eu-west-1\n\
        sso_account_id = 1\nsso_role_name = x\n";
    for configuration in [session, legacy] {
        let finished = with_configuration(configuration).run(&["status", "--profile", "work"]);
        let expected = "error: the single sign-on session is missing or has expired\n";
        assert!(finished.stderr.starts_with(expected), "{finished}");
        let hint = "hint: run `aws sso login --profile work`\n";
        assert!(finished.expect_code(1).stderr.ends_with(hint));
    }
}

#[test]
fn text_of_a_credential_process_decides_nothing() {
    // "processor" contains the letters of "sso".
    let script = "#!/bin/sh\necho 'the token processor has expired' >&2\nexit 1\n";
    let sandbox = with_configuration("[default]\ncredential_process = helper\n");
    insta::assert_snapshot!(sandbox.program("helper", script).run(&["status"]), @r"
    --- stderr
    error: the AWS credentials could not be loaded
      caused by: `credential_process` `helper` ended with exit status: 1: the token processor has expired
    hint: check them with `aws sts get-caller-identity`
    --- exit 1
    ");
}

#[test]
fn refusing_metadata_service_means_no_credentials() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
        }
    });
    let sandbox = with_configuration("")
        .env("AWS_EC2_METADATA_DISABLED", "")
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &endpoint);
    let finished = sandbox.run(&["status"]).expect_code(1);
    let expected = "error: no AWS credentials were found\n";
    assert!(finished.stderr.starts_with(expected), "{finished}");
}

#[test]
fn missing_network_is_reported() {
    let unused = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", unused.local_addr().unwrap());
    drop(unused);
    let sandbox = demo::files()
        .credentials()
        .env("AWS_ENDPOINT_URL", &endpoint);
    let finished = sandbox.run(&["plan"]).expect_code(1);
    finished.expect_stderr("Connection refused");
    finished.expect_stderr("hint: check the network");
}

#[test]
fn endpoint_outside_aws_is_refused() {
    let (sandbox, cloud) = demo::in_cloud();
    sandbox.edit("manifest.toml", "allow_endpoint = true", "");
    insta::assert_snapshot!(sandbox.run(&["plan"]), @r"
    --- stderr
    error: the environment `dev` would be sent to http://127.0.0.1:[PORT], which is not an AWS endpoint
    hint: unset AWS_ENDPOINT_URL (and the profile's `endpoint_url`)
    hint: or set `allow_endpoint = true` in the environment's table of the manifest
    --- exit 4
    ");
    assert!(cloud.calls().is_empty());
}

#[test]
fn internal_error_is_retried_but_not_an_html_page() {
    let (sandbox, cloud) = demo::in_cloud();
    let page = Response::new(500, "<html>").header("content-type", "text/html; charset=utf-8");
    cloud.on("DescribeEvents").times(2).reply(page);
    sandbox.run(&["plan"]).expect_code(0);
    assert_eq!(cloud.calls_of("DescribeEvents").len(), 1);

    let (sandbox, cloud) = demo::in_cloud();
    cloud
        .on("DescribeEvents")
        .times(1)
        .error(500, "InternalFailure", "try again");
    sandbox.run(&["plan"]).expect_code(0);
    assert_eq!(cloud.calls_of("DescribeEvents").len(), 2);
}

#[test]
fn bucket_of_another_account_receives_nothing() {
    let (sandbox, cloud) = demo::in_cloud();
    let bucket = Bucket::owned_by("999999999999");
    cloud
        .account()
        .buckets
        .insert(ARTIFACT_BUCKET.to_owned(), bucket);
    insta::assert_snapshot!(sandbox.run(&["apply", "--yes"]), @r"
    --- stderr
    error: cannot use the artifact bucket: the bucket `stackctl-artifacts-123456789012-eu-west-1` denies access
    hint: the bucket must belong to the account 123456789012: stackctl never uses another's
    hint: the caller needs `s3:ListBucket` on it
    hint: it admits requests with TLS alone, and http://127.0.0.1:[PORT] has none: where that is the reason, create another bucket there and name it with `artifact_bucket`
    --- exit 4
    ");
    // S3 stores nothing in a bucket of another owner than the expected one.
    for put in cloud.calls_of("PutObject") {
        assert_eq!(put.header("x-amz-expected-bucket-owner"), ACCOUNT);
    }
    assert!(cloud.account().buckets[ARTIFACT_BUCKET].objects.is_empty());
}

#[test]
fn bucket_in_another_region_is_reported() {
    let (sandbox, cloud) = demo::in_cloud();
    let mut bucket = Bucket::owned_by(ACCOUNT);
    "us-east-1".clone_into(&mut bucket.region);
    cloud
        .account()
        .buckets
        .insert(ARTIFACT_BUCKET.to_owned(), bucket);
    insta::assert_snapshot!(sandbox.run(&["apply", "--yes"]), @r"
    --- stderr
    error: the artifact bucket `stackctl-artifacts-123456789012-eu-west-1` is in us-east-1, but the stack is in eu-west-1
    hint: Lambda loads code from its own region alone: name a bucket there, or remove `artifact_bucket`
    --- exit 1
    ");
}

#[test]
fn interrupt_before_the_execution_leaves_nothing_behind() {
    type Send = fn(&mut Running) -> &mut Running;
    let interrupted = |arguments: &[&str], send: Send| {
        let (sandbox, cloud) = demo::in_cloud();
        let mut running = demo::spawn_until_described(&sandbox, &cloud, arguments);
        send(&mut running);
        let finished = running.wait().to_string();
        demo::nothing_is_left(&cloud);
        finished
    };
    let applied = interrupted(&["apply", "--yes"], Running::interrupt);
    insta::assert_snapshot!(applied, @r"
    --- stderr
    [UPLOAD]
    error: interrupted
    hint: the stack was not changed, and no change set is left behind
    --- exit 130
    ");
    for send in [Running::interrupt, Running::terminate, Running::hang_up] {
        let planned = interrupted(&["plan"], send);
        assert_eq!(planned, applied.replace("[UPLOAD]\n", ""));
    }
}

#[test]
fn upload_for_a_saved_plan_can_be_interrupted() {
    let (sandbox, cloud) = demo::in_cloud();
    cloud.on("PutObject").delay(300_000).carry_on();
    let mut running = sandbox.spawn(&["plan", "--out", "plan.json"]);
    running.wait_for_call(&cloud, "PutObject").interrupt();
    running.wait().expect_code(130);
    assert!(cloud.calls_of("CreateChangeSet").is_empty());
}

#[test]
fn interrupt_at_the_prompt_leaves_nothing_behind() {
    let (sandbox, cloud) = demo::in_cloud();
    let mut running = sandbox.spawn_on_terminal(&["apply"]);
    running.wait_for_stderr("Apply:").interrupt();
    insta::assert_snapshot!(running.wait().without_stdout(), @"
    --- stderr
    [UPLOAD]

    Do you want to apply these changes to `demo-dev` (account 123456789012, region eu-west-1)? Only 'yes' will be accepted.
    Apply:
    error: interrupted
    hint: the uploaded files stay in `s3://stackctl-artifacts-123456789012-eu-west-1`: the next `apply` uses them
    hint: the stack was not changed, and no change set is left behind
    --- exit 130
    ");
    demo::nothing_is_left(&cloud);
}

#[test]
fn interrupt_during_the_execution_leaves_it_running() {
    let (sandbox, cloud) = demo::in_cloud();
    cloud.account().progress = Progress::Paused;
    let mut running = sandbox.spawn(&["apply", "--yes"]);
    running
        .wait_for_call(&cloud, "ExecuteChangeSet")
        .wait_for_stderr("CREATE_IN_PROGRESS")
        .interrupt();
    insta::assert_snapshot!(running.wait().without_stdout(), @"
    --- stderr
    [UPLOAD]

      [TIME]  CREATE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
    error: interrupted
    hint: the operation continues; follow it with `stackctl events --follow -e dev`
    hint: `stackctl apply --wait -e dev` waits for its end and continues from there
    --- exit 130
    ");
    assert_eq!(cloud.status(), "CREATE_IN_PROGRESS");
    assert!(cloud.calls_of("CancelUpdateStack").is_empty());
    assert!(cloud.calls_of("DeleteStack").is_empty());
}

#[test]
fn response_that_is_not_from_aws_is_reported() {
    let page = |status| {
        crate::cloud::Response::new(status, "<html>Please log in to the network</html>")
            .header("content-type", "text/html; charset=utf-8")
    };
    for (status, message) in [
        (
            200,
            "caused by: the answer is none of AWS's: HTTP 200 and a web page\n",
        ),
        (
            403,
            "caused by: the answer is none of AWS's: HTTP 403 and a web page\n",
        ),
    ] {
        let (sandbox, cloud) = demo::in_cloud();
        cloud.on("DescribeStacks").reply(page(status));
        let finished = sandbox.run(&["outputs"]).expect_code(1);
        finished.expect_stderr(message);
        let hint = format!("hint: check that {} is the endpoint", cloud.endpoint());
        finished.expect_stderr(&hint);
    }
}

#[test]
fn endpoint_that_is_not_a_url_is_refused() {
    let sandbox = demo::files()
        .credentials()
        .env("AWS_ENDPOINT_URL", "localhost:4566");
    insta::assert_snapshot!(sandbox.run(&["plan"]), @r"
    --- stderr
    error: the endpoint `localhost:[PORT]` is not a URL
    hint: endpoints look like `http://127.0.0.1:[PORT]`; this one comes from AWS_ENDPOINT_URL or the profile's `endpoint_url`
    --- exit 1
    ");
}

#[test]
fn chosen_profile_overrides_exported_keys() {
    let (sandbox, cloud) = demo::in_cloud();
    sandbox.write(
        "credentials",
        "[ops]\naws_access_key_id = AKIAOPS\naws_secret_access_key = x\n",
    );
    let credentials = sandbox.path("credentials");
    let sandbox = sandbox.env("AWS_SHARED_CREDENTIALS_FILE", credentials.to_str().unwrap());
    let key = |cloud: &Cloud| {
        let calls = cloud.calls_of("DescribeStacks");
        let signed = calls.last().unwrap().header("authorization").to_owned();
        let (_, key) = signed.split_once("Credential=").unwrap();
        key.split('/').next().unwrap().to_owned()
    };
    sandbox.run(&["status"]).expect_code(0);
    assert_eq!(key(&cloud), "AKIAIOSFODNN7EXAMPLE");
    sandbox.run(&["status", "--profile", "ops"]).expect_code(0);
    assert_eq!(key(&cloud), "AKIAOPS");

    cloud.forget_calls();
    let finished = sandbox.run(&["status", "--profile", "opps"]).expect_code(1);
    insta::assert_snapshot!(finished, @"
    --- stderr
    error[unknown-profile]: the shared AWS configuration has no profile `opps`
     --> --profile:1:1
      |
    1 | opps
      | ^^^^
      |
      = help: did you mean `ops`?

    error: the profile does not exist on this machine
    hint: `--profile NAME` chooses another one
    --- exit 1
    ");
    assert!(cloud.calls().is_empty());

    let choose = |profile: &str| {
        let manifest = format!("profile = \"{profile}\"\n{}", demo::MANIFEST);
        sandbox.write("manifest.toml", manifest);
    };
    choose("ops");
    sandbox.run(&["status"]).expect_code(0);
    assert_eq!(key(&cloud), "AKIAOPS");
    cloud.forget_calls();
    choose("opps");
    insta::assert_snapshot!(sandbox.run(&["status"]), @r#"
    --- stderr
    error[unknown-profile]: the shared AWS configuration has no profile `opps`
     --> manifest.toml:1:11
      |
    1 | profile = "opps"
      |           ^^^^^^
      |
      = help: did you mean `ops`?

    error: the profile does not exist on this machine
    hint: `--profile NAME` chooses another one
    --- exit 1
    "#);
    assert!(cloud.calls().is_empty());

    // The profile of the manifest is that of a developer. A build machine has no profile, but keys.
    std::fs::remove_file(sandbox.path("credentials")).unwrap();
    sandbox.run(&["status"]).expect_code(0);
    assert_eq!(key(&cloud), "AKIAIOSFODNN7EXAMPLE");
    let nothing = sandbox.env("AWS_ACCESS_KEY_ID", "");
    insta::assert_snapshot!(nothing.run(&["status"]), @"
    --- stderr
    error: this machine has neither the profile `opps` nor other AWS credentials
    hint: create it with `aws configure sso --profile opps`, or choose another with `--profile`
    --- exit 1
    ");
}

/// The credential provider's client and those of the services share their connections.
#[test]
fn role_of_a_profile_is_assumed_over_the_connections_of_all_calls() {
    let (sandbox, cloud) = demo::in_cloud();
    sandbox.write(
        "config",
        "[profile deployer]\n\
         role_arn = arn:aws:iam::123456789012:role/deployer\n\
         source_profile = base\n\
         [profile base]\n\
         aws_access_key_id = AKIABASE\n\
         aws_secret_access_key = x\n",
    );
    let config = sandbox.path("config");
    let sandbox = sandbox.env("AWS_CONFIG_FILE", config.to_str().unwrap());
    cloud.on("AssumeRole").reply_xml(
        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId>\
         <SecretAccessKey>x</SecretAccessKey><SessionToken>t</SessionToken>\
         <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult>\
         </AssumeRoleResponse>",
    );
    let arguments = ["plan", "--profile", "deployer", "--region", "eu-west-1"];
    sandbox.run(&arguments).expect_code(0);

    let calls = cloud.calls();
    assert_eq!(calls[0].operation, "AssumeRole");
    assert!(calls[0].header("authorization").contains("=AKIABASE/"));
    let others = &calls[1..];
    for call in others {
        assert!(call.header("authorization").contains("=ASIAROLE/"));
    }
    assert!(
        others
            .iter()
            .any(|call| call.request.port == calls[0].request.port)
    );
}

/// The limit of the shell has the effect of a full disk.
#[test]
fn full_disk_is_found_before_the_deployment_and_leaves_the_old_file() {
    let (sandbox, cloud) = demo::in_cloud();
    sandbox.write("out.json", "old");
    let script = "trap '' XFSZ; ulimit -f 16; exec \"$0\" apply --yes --outputs-file out.json";
    let program = env!("CARGO_BIN_EXE_stackctl");
    let finished = sandbox
        .start("/bin/sh", &["-c", script, program], Input::Nothing)
        .wait()
        .expect_code(1);
    finished.expect_stderr("out.json`\n  caused by: File too large");
    finished.expect_stderr("hint: nothing was deployed");
    assert_eq!(fs::read_to_string(sandbox.path("out.json")).unwrap(), "old");
    let files = fs::read_dir(sandbox.path("")).unwrap();
    let left = files.filter(|it| {
        it.as_ref()
            .unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with('.')
    });
    assert_eq!(left.count(), 0);
    assert!(cloud.calls_of("CreateChangeSet").is_empty());
}

#[test]
fn outputs_do_not_follow_a_symlink() {
    let (sandbox, _cloud) = demo::in_cloud();
    sandbox.write("target", "kept");
    for link in ["out.json", "zips/handler.zip"] {
        let link = sandbox.path(link);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(sandbox.path("target"), link).unwrap();
    }
    sandbox
        .run(&["apply", "--yes", "--outputs-file", "out.json"])
        .expect_code(0);
    sandbox.run(&["package", "--out", "zips"]).expect_code(0);
    assert_eq!(fs::read_to_string(sandbox.path("target")).unwrap(), "kept");
    assert!(
        fs::read_to_string(sandbox.path("out.json"))
            .unwrap()
            .contains("demo-data")
    );
}

#[test]
fn unwritable_output_file_is_reported_before_the_deployment() {
    let (sandbox, cloud) = demo::in_cloud();
    let apply = ["apply", "--yes", "--outputs-file", "missing/out.json"];
    let refused = sandbox.run(&apply).expect_code(1);
    refused.expect_stderr("hint: nothing was deployed; name another file with `--outputs-file`");
    let plan = ["plan", "--out", "missing/plan.json"];
    let refused = sandbox.run(&plan).expect_code(1);
    refused.expect_stderr("hint: the folder `");
    refused.expect_stderr("missing` does not exist");
    assert!(cloud.calls().is_empty());
}
