//! Files that `init --from` does not take.

use crate::sandbox::Sandbox;

/// A template without parameters.
const TEMPLATE: &str = "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n";

#[test]
fn symlinks_and_pipes_are_not_templates() {
    let sandbox = Sandbox::new().file("t.yaml", TEMPLATE).file("app/x", "");
    std::os::unix::fs::symlink("../t.yaml", sandbox.path("app/link.yaml")).unwrap();
    let refused = sandbox.run(&["init", "--from", "app/link.yaml", "app"]);
    refused
        .expect_code(1)
        .expect_stderr("is a symlink to a file outside the folder `app`");
    let null = sandbox.run(&["init", "--from", "/dev/null"]).expect_code(1);
    null.expect_stderr("`/dev/null` is a device, not a file");
    sandbox
        .run(&["init", "--from", "app/link.yaml"])
        .expect_code(0);
}

#[test]
fn files_that_are_no_templates_are_named() {
    let sandbox = Sandbox::new()
        .file("pod.yaml", "apiVersion: v1\nkind: Pod\n")
        .file("main.tf", "")
        .file("app/cdk.json", "{}")
        .file("app/cdk.out/Shop.template.json", "{}")
        .file("infra/main.tf", "")
        .file("list.yaml", "Resources:\n  - A\n")
        .file("jinja.yaml", "Resources:\n  A: \"{{ vars.a }}\"\n")
        .file("broken.yaml", "Resources:\n  A: [\n");
    for (file, expected, hint) in [
        (
            "pod.yaml",
            "`pod.yaml` is a Kubernetes manifest",
            "kubectl apply",
        ),
        (
            "main.tf",
            "`main.tf` belongs to Terraform",
            "cannot convert",
        ),
        (
            "app",
            "`app` is the folder of an AWS CDK app",
            "`stackctl init --from app/cdk.out/Shop.template.json`",
        ),
        (
            "infra",
            "`infra` is a folder with Terraform files",
            "cannot convert",
        ),
        ("list.yaml", "its `Resources` is not a map", ""),
        (
            "jinja.yaml",
            "`jinja.yaml` has to be rendered",
            "rename it to `jinja.yaml.j2`",
        ),
        ("broken.yaml", "`broken.yaml` has a syntax error", ""),
        ("gone.yaml", "the template `gone.yaml` does not exist", ""),
    ] {
        let finished = sandbox.run(&["init", "--from", file]).expect_code(1);
        finished.expect_stderr(expected).expect_stderr(hint);
    }
    assert!(!sandbox.path("manifest.toml").exists());
}

#[test]
fn template_must_be_below_the_folder_of_the_manifest() {
    let sandbox = Sandbox::new()
        .file("infra/t.yaml", TEMPLATE)
        .file("app/x", "");
    insta::assert_snapshot!(sandbox.run(&["init", "app", "--from", "infra/t.yaml"]), @r"
    --- stderr
    error: the template `infra/t.yaml` is outside the folder `app` of the manifest
    hint: write the manifest to the template's folder: `stackctl init --from infra/t.yaml infra`
    hint: a manifest may be in any folder above the template
    --- exit 1
    ");
    insta::assert_snapshot!(
        sandbox.in_folder("app").run(&["init", "--from", "../infra/t.yaml"]),
        @r"
    --- stderr
    error: the template `../infra/t.yaml` is outside the folder `.` of the manifest
    hint: write the manifest to the template's folder: `stackctl init --from ../infra/t.yaml ../infra`
    hint: a manifest may be in any folder above the template
    --- exit 1
    "
    );
}
