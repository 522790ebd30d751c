//! Dangers that a plan shows, and changes that `apply` refuses unless the resource is named.

use crate::cloud::Cloud;
use crate::demo;
use crate::sandbox::Sandbox;

/// Returns the deployed project without the bucket in its template.
fn without_bucket() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = demo::deployed();
    let start = demo::TEMPLATE.find("  Role:").unwrap();
    let end = demo::TEMPLATE.find("Outputs:").unwrap();
    let template = format!("Resources:\n{}", &demo::TEMPLATE[start..end]);
    sandbox.write("stack.yaml.j2", &template);
    (sandbox, cloud)
}

#[test]
fn plan_shows_a_deleted_bucket_first() {
    let (sandbox, _cloud) = without_bucket();
    insta::assert_snapshot!(sandbox.run(&["plan"]), @r#"
    --- stdout
    Stack        demo-dev (environment dev)
    [HEADER]

    Danger
      DANGER   Bucket is deleted with its objects; the deletion fails unless it is empty
               fix: deploy `DeletionPolicy: Retain` first, then remove it

      - Bucket  AWS::S3::Bucket

    Outputs
          - BucketName: "${Bucket}"

    Plan: 0 to add, 0 to change, 0 to replace, 1 to destroy.
    --- exit 0
    "#);
}

#[test]
fn apply_deletes_a_resource_with_data_only_if_it_is_named() {
    let (sandbox, cloud) = without_bucket();
    let refused = sandbox.run(&["apply", "--yes"]).expect_code(4);
    insta::assert_snapshot!(refused.stderr, @r"
    error: not applied: `Bucket` is deleted with its objects; the deletion fails unless it is empty
    hint: if that is what you want: `stackctl apply --yes --allow-delete Bucket -e dev`
    ");
    assert_eq!(cloud.calls_of("ExecuteChangeSet").len(), 0);
    assert_eq!(cloud.account().change_sets(), 0);
    // Other options do not allow the deletion.
    for other in [["--allow-replace", "Bucket"], ["--allow-delete", "Role"]] {
        let arguments = [&["apply", "--yes"][..], &other[..]].concat();
        sandbox.run(&arguments).expect_code(4);
    }
    let named = ["apply", "--yes", "--allow-delete", "Bucket"];
    sandbox.run(&named).expect_code(0);
    assert_eq!(cloud.calls_of("ExecuteChangeSet").len(), 1);
}

#[test]
fn json_plan_names_the_option_that_allows_the_deletion() {
    let (sandbox, _cloud) = without_bucket();
    let plan = sandbox.run(&["plan", "--format", "json"]).expect_code(0);
    let plan: serde_json::Value = serde_json::from_str(&plan.stdout).unwrap();
    let risk = &plan["risk"][0];
    assert_eq!(
        (&risk["logical_id"], &risk["kind"], &risk["severity"]),
        (&"Bucket".into(), &"data".into(), &"danger".into())
    );
    assert_eq!(risk["allow"], "--allow-delete");
    assert_eq!(plan["outputs"][0]["name"], "BucketName");
}
