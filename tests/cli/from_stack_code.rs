//! `init --from-stack`: the code of the functions.

use std::io::{Cursor, Write};

use serde_json::json;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::cloud::{Cloud, Deployment, Response};
use crate::from_stack::{TEMPLATE, expect_only_reads, read, sandbox, serve_code, shop, zip};

#[test]
fn hostile_code_is_left_out_or_contained() {
    for (code, reason) in [
        (zip(&[("../../evil.py", "x")]), "points outside the zip"),
        (b"no zip at all".to_vec(), "the zip cannot be read"),
        (zip(&[("a", "x"), ("a/b", "x")]), "cannot create the folder"),
    ] {
        let (sandbox, cloud) = shop();
        serve_code(&cloud, "shop-handler", "/code", &code);
        let finished = sandbox.run(&["init", "--from-stack", "shop", "new"]);
        let finished = finished.expect_code(0);
        finished.expect_stderr("the code of Handler is not in the project");
        finished.expect_stderr(reason);
        assert!(!finished.to_string().contains("c0ffee"), "{finished}");
        assert!(!sandbox.path("new/code").exists());
        assert!(!sandbox.path("evil.py").exists() && !sandbox.path("../evil.py").exists());
    }
}

#[test]
fn code_may_be_as_large_as_lambda_admits() {
    let (sandbox, cloud) = shop();
    let mut large = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    large.start_file("model", stored).unwrap();
    // Longer than any other answer of AWS.
    large.write_all(&vec![b'x'; 40 * 1024 * 1024]).unwrap();
    let large = large.finish().unwrap().into_inner();
    serve_code(&cloud, "shop-handler", "/code", &large);
    sandbox
        .run(&["init", "--from-stack", "shop", "new"])
        .expect_code(0)
        .expect_stderr("wrote new/code/Handler (1 file)");
}

#[test]
fn place_of_the_code_that_is_no_url_is_left_out() {
    for place in [
        "file:///etc/passwd",
        "nonsense",
        "http://a b/c",
        "http://[::1/x",
    ] {
        let (sandbox, cloud) = shop();
        let answer = json!({ "Code": { "Location": place } });
        cloud
            .on("GetFunction")
            .reply(Response::new(200, answer.to_string()));
        sandbox
            .run(&["init", "--from-stack", "shop", "new"])
            .expect_code(0)
            .expect_stderr("the code of Handler is not in the project: cannot download the zip");
    }
}

#[test]
fn code_with_another_digest_is_left_out() {
    let (sandbox, cloud) = shop();
    let location = format!("{}/code", cloud.endpoint());
    let answer = json!({
        "Configuration": { "CodeSha256": "x" },
        "Code": { "Location": location },
    });
    cloud
        .on("GetFunction")
        .reply(Response::new(200, answer.to_string()));
    cloud
        .on("GET /code")
        .reply(Response::new(200, zip(&[("a", "b")])));
    sandbox
        .run(&["init", "--from-stack", "shop", "new"])
        .expect_code(0)
        .expect_stderr("is not the code that Lambda reports");
}

#[test]
fn taken_code_is_deployed_from_the_project() {
    let (sandbox, cloud) = shop();
    let code = zip(&[("app.py", "def handler(*_): pass\n")]);
    serve_code(&cloud, "shop-handler", "/code", &code);
    let take = |folder: &str, id: &str| {
        sandbox.run(&["init", "--from-stack", "shop", "--take-code", id, folder])
    };
    insta::assert_snapshot!(take("bad", "Handlr"), @r"
    --- stderr
    error: the stack has no function `Handlr` with a zip
    hint: did you mean `Handler`?
    --- exit 1
    ");
    assert!(!sandbox.path("bad").exists());
    insta::assert_snapshot!(take("new", "Handler"), @r"
    --- stderr
    wrote new/template.yaml
    wrote new/code/Handler (1 file)
    wrote new/manifest.toml

    The project and the stack differ:
      the code of Handler is uploaded from code/Handler, so its key in S3 changes; the files are those that run
    hint: `cd new && stackctl plan` shows what CloudFormation makes of it
    --- exit 0
    ");
    expect_only_reads(&cloud);
    let template = read(&sandbox, "new/template.yaml");
    let expected = TEMPLATE.replace(
        "Code:\n        S3Bucket: elsewhere\n        S3Key: code.zip\n",
        "Code: \"code/Handler\"\n",
    );
    assert_eq!(template, expected);
    let manifest = read(&sandbox, "new/manifest.toml");
    assert!(
        manifest.contains("[artifacts.Handler]\npath = \"code/Handler\"\n"),
        "{manifest}"
    );
    let sandbox = sandbox.in_folder("new");
    let plan = sandbox.run(&["plan"]).expect_code(0);
    insta::assert_snapshot!(plan, @r#"
    --- stdout
    Stack        shop (environment dev)
    [HEADER]

      ~ Handler  AWS::Lambda::Function
          ~ Code.S3Bucket: "elsewhere" → Fn::Sub: "stackctl-artifacts-${AWS::AccountId}-${AWS::Region}"
          ~ Code.S3Key
              - "code.zip"
              + "new/Handler/[SHA256].zip"

    Code
      ~ Handler  code.zip → 1c954b60e1b5, the same files

    Plan: 0 to add, 1 to change, 0 to replace, 0 to destroy.
    --- exit 0
    "#);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
}

#[test]
fn nested_stacks_and_their_functions_are_there_to_be_read() {
    const ROOT: &str = "Resources:\n  Child:\n    Type: AWS::CloudFormation::Stack\n    Properties:\n      \
                        TemplateURL: https://s3.eu-west-1.amazonaws.com/b/child.json\n  Inline:\n    \
                        Type: AWS::Lambda::Function\n    Properties:\n      Handler: a.b\n      Role: arn:aws:iam::1:role/x\n      \
                        Runtime: python3.13\n      Code: { ZipFile: 'x = 1' }\n";
    const CHILD: &str = r#"{"Resources": {"Fn": {"Type": "AWS::Lambda::Function", "Properties":
        {"FunctionName": "inner", "Code": {"S3Bucket": "b", "S3Key": "k"}, "Role": "r"}}}}"#;
    let cloud = Cloud::start();
    cloud.account().deploy("shop", Deployment::of(ROOT));
    cloud.account().nest("Child", &[]);
    {
        let mut account = cloud.account();
        let deployed = Deployment::of(CHILD);
        account.deploy("other", deployed.clone());
        let resources = account.stack("other").resources.clone();
        let child = account.stack("Child");
        child.deployed = Some(deployed);
        child.resources = resources;
    }
    serve_code(&cloud, "inner", "/one", &zip(&[("a.py", "1")]));
    let sandbox = sandbox(&cloud);
    insta::assert_snapshot!(sandbox.run(&["init", "--from-stack", "shop", "new"]), @r"
    --- stderr
    wrote new/template.yaml
    wrote new/nested/Child.json
    wrote new/code/Child/Fn (1 file)
    wrote new/manifest.toml

    The project is what is deployed: template, parameters, tags and settings of the stack.
    hint: the templates of the nested stacks may have changed: `cd new && stackctl plan` asks CloudFormation with a change set, which it deletes again
    --- exit 0
    ");
    assert_eq!(read(&sandbox, "new/nested/Child.json"), CHILD);
    assert_eq!(read(&sandbox, "new/code/Child/Fn/a.py"), "1");
    expect_only_reads(&cloud);
    let plan = sandbox.in_folder("new").run(&["plan"]).expect_code(0);
    plan.expect_stdout("No changes");
}
