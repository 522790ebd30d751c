//! `render` and `package`, which need no credentials.

use crate::sandbox::Sandbox;

const MANIFEST: &str = "project = \"demo\"\nenvironment = \"dev\"\nallowed_ssh_cidr = \"203.0.113.7/32\"\n\
                        key_pair = \"ops\"\n\n[vars]\nsize = \"t2.micro\"\n";

fn project(template: &str) -> Sandbox {
    Sandbox::new()
        .file("manifest.toml", MANIFEST)
        .file("templates/stack.yaml.j2", template)
        .file("handler/app.py", "def handler(event, context): ...\n")
}

#[test]
fn render_prints_only_the_template() {
    let sandbox = project("Size: {{ vars.size }}\nIn: {{ environment }}\n");
    let finished = sandbox
        .run(&["render", "--set", "vars.size=t3.micro"])
        .expect_code(0);
    assert_eq!(finished.stdout, "Size: t3.micro\nIn: dev\n");
    assert_eq!(finished.stderr, "");
}

#[test]
fn undefined_name_is_shown_at_its_line() {
    let finished = project("a: 1\nb: {{ vars.siz }}\n")
        .run(&["render"])
        .expect_code(1);
    assert_eq!(finished.stdout, "");
    for part in [
        "`vars.siz` is not defined",
        "templates/stack.yaml.j2:2:7",
        "did you mean `vars.size`?",
        "error: cannot render `templates/stack.yaml.j2`",
    ] {
        assert!(
            finished.stderr.contains(part),
            "{part} is not in {finished}"
        );
    }
}

#[test]
fn package_is_reproducible() {
    let digest = |sandbox: &Sandbox| {
        let finished = sandbox
            .run(&["package", "--format", "json", "--out", "build/zips"])
            .expect_code(0);
        let document: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
        assert_eq!(document["schema"], "stackctl.package/1");
        let artifact = &document["artifacts"][0];
        assert_eq!(artifact["files"][0]["path"], "app.py");
        assert_eq!(artifact["files"][0]["mode"], "0644");
        let size = std::fs::metadata(sandbox.path("build/zips/handler.zip"))
            .unwrap()
            .len();
        assert_eq!(artifact["size"], size);
        assert_eq!(
            sandbox.temporary_leftovers(),
            Vec::<std::path::PathBuf>::new()
        );
        artifact["sha256"].as_str().unwrap().to_owned()
    };
    let (one, other) = (project(""), project(""));
    let found = digest(&one);
    assert_eq!(found, digest(&other));
    one.run(&["package"])
        .expect_code(0)
        .expect_stdout(&format!("demo/handler/{found}.zip"));
}

#[test]
fn artifact_without_files_names_the_folder_and_its_manifest_line() {
    let sandbox = Sandbox::new()
        .file(
            "manifest.toml",
            format!("{MANIFEST}[artifacts.handler]\npath = \"src\"\n"),
        )
        .file("templates/stack.yaml.j2", "")
        .file("src/__pycache__/x.pyc", "");
    sandbox
        .run(&["package"])
        .expect_code(1)
        .expect_stderr(
            "error: the artifact folder `src` has no files left: 1 of its entries are excluded",
        )
        .expect_stderr("manifest.toml:9");
}
