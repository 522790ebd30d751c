//! A function that imports a package of its `requirements`.

use serde_json::{Value, json};

use crate::project::{Project, ROLE};
use crate::wheels::{TestWheel, lock_file};

#[test]
fn function_imports_a_package_of_its_lock_file() {
    let template = format!(
        "Resources:\n{ROLE}  Function:\n    Type: AWS::Lambda::Function\n    Properties:\n      \
         FunctionName: {{{{ project }}}}\n      Handler: app.handler\n      Runtime: python3.13\n      \
         Role: !GetAtt Role.Arn\n      Code:\n        S3Bucket: !Sub \"{{{{ artifact_bucket }}}}\"\n        \
         S3Key: \"{{{{ artifacts.code.key }}}}\"\n"
    );
    let project = Project::of_template(&template, "").with_programs();
    let wheel = TestWheel::of(
        "greeting",
        "py3-none-any",
        "",
        &[
            ("greeting/__init__.py", "from greeting.text import TEXT\n"),
            ("greeting/text.py", "TEXT = 'hello'\n"),
        ],
    );
    let skipped = TestWheel::new("windows", "py3-none-any", "");
    let markers = [("windows", "sys_platform == 'win32'")];
    let manifest = format!(
        "project = \"{}\"\nvars.test_instance = false\n[artifacts.code]\nrequirements = \"requirements.txt\"\n\
         python = \"3.13\"\n[environments.local]\nemulator = true\n",
        project.name()
    );
    project.write("manifest.toml", manifest);
    project.write("requirements.txt", lock_file(&[&wheel, &skipped], &markers));
    project.write(&format!("wheels/{}", wheel.file_name), &wheel.bytes);
    let code = "from importlib.metadata import version\nimport greeting\n\n\
                def handler(event, context):\n    assert [greeting.TEXT, version('greeting')] == event\n";
    project.write("code/app.py", code);
    let project = project.deployed();
    for (event, error) in [
        (r#"["hello", "1"]"#, Value::Null),
        ("[]", "Unhandled".into()),
    ] {
        let arguments = json!({ "FunctionName": project.name(), "Payload": event });
        let answer = project.aws("lambda", "invoke", arguments);
        assert_eq!(answer["FunctionError"], error, "{answer}");
    }
    project.run(&["plan", "--detailed-exitcode"]).expect_code(0);
}
