//! Programs of the system are found in the absolute folders of `PATH` alone, and a stranger's checkout
//! cannot replace them.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::cloud::Cloud;
use crate::demo;
use crate::sandbox::{Input, Sandbox};

/// The programs that stackctl, its libraries or Python might start.
const PROGRAMS: [&str; 12] = [
    "cfn-lint", "python3", "python", "pip", "ssh", "git", "docker", "sh", "env", "npm", "aws", "vi",
];

/// Returns the demo with programs of those names in its folders. Each leaves a file if it runs.
fn trapped(sandbox: Sandbox) -> Sandbox {
    for folder in ["", "bin/", "handler/"] {
        for name in PROGRAMS {
            let file = format!("{folder}{name}");
            let trap = sandbox.path("TRAPPED");
            sandbox.write(
                &file,
                format!("#!/bin/sh\necho {file} >> {}\n", trap.display()),
            );
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(sandbox.path(&file), mode).unwrap();
        }
    }
    sandbox
}

#[track_caller]
fn nothing_ran(sandbox: &Sandbox) {
    let ran = fs::read_to_string(sandbox.path("TRAPPED")).unwrap_or_default();
    assert_eq!(ran, "", "programs of the checkout ran");
}

#[test]
fn relative_folders_of_path_are_never_used() {
    let cloud = Cloud::start();
    let sandbox = trapped(demo::files().cloud(&cloud));
    sandbox.append(
        "manifest.toml",
        "\n[ssh]\naddress = [\"BucketName\"]\n[artifacts.built]\npath = \"handler\"\nbuild = [\"npm\"]\n",
    );
    for path in [".", ":", "", "bin", "./bin:", ":/nowhere", "/nowhere::bin"] {
        let sandbox = |arguments: &[&str]| {
            // An empty value would remove the variable.
            let script = format!("PATH='{path}'; export PATH; exec \"$0\" \"$@\"");
            let program = env!("CARGO_BIN_EXE_stackctl");
            let words = [&["-c", &script, program][..], arguments].concat();
            sandbox.start("/bin/sh", &words, Input::Nothing).wait()
        };
        sandbox(&["validate"]).expect_code(0);
        sandbox(&["validate", "--build"]).expect_code(1);
        sandbox(&["ssh"]);
        sandbox(&["local", "start"]).expect_code(1);
    }
    nothing_ran(&sandbox);
}

#[test]
fn a_file_of_the_checkout_does_not_load_credentials() {
    let cloud = Cloud::start();
    let sandbox = trapped(demo::files().cloud(&cloud))
        .env("AWS_ACCESS_KEY_ID", "")
        .env("AWS_SECRET_ACCESS_KEY", "")
        .file("../home/config", "[default]\ncredential_process = printf '{\"Version\": 1, \"AccessKeyId\": \"A\", \"SecretAccessKey\": \"B\"}'\n");
    let config = sandbox.path("../home/config").display().to_string();
    let sandbox = sandbox
        .env("AWS_CONFIG_FILE", &config)
        .env("PATH", ".:bin:/usr/bin:/bin");
    sandbox.run(&["status"]).expect_code(0);
    assert!(!cloud.calls().is_empty());
    nothing_ran(&sandbox);
}

#[test]
fn a_python_is_named_by_a_path_or_found_in_absolute_folders() {
    let sandbox = trapped(demo::files());
    let lock = "six==1.16.0 --hash=sha256:8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254\n";
    sandbox.write("handler/requirements.txt", lock);
    let requirements =
        "path = \"handler\"\nrequirements = \"handler/requirements.txt\"\npython = \"3.12\"";
    sandbox.edit("manifest.toml", "path = \"handler\"", requirements);
    for python in ["", "python3", "python"] {
        let variables = [("STACKCTL_PYTHON", python), ("PATH", ":.:bin")];
        let variables = variables.map(|(name, value)| (name, value.to_owned()));
        let finished = sandbox.spawn_with(&variables, &["validate"]).wait();
        finished
            .expect_code(1)
            .expect_stderr("needs Python 3.8 or newer");
    }
    nothing_ran(&sandbox);
}
