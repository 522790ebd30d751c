//! Named pipes, sockets, devices, folders and files of 10 GB in the place of a file: no command waits for
//! them, and the error names the path and what it is.

use std::fs;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::sandbox::Sandbox;

/// What stands in the place of a file.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Pipe,
    Socket,
    Folder,
    Sparse,
}

impl Kind {
    const ALL: [(Self, &str); 4] = [
        (Self::Pipe, "is a named pipe, not a file"),
        (Self::Socket, "is a socket, not a file"),
        (Self::Folder, "is a folder, not a "),
        (Self::Sparse, "is too large: at most "),
    ];

    /// Puts it into the place of a file. Returns what must stay open.
    fn put(self, sandbox: &Sandbox, name: &str) -> Option<UnixListener> {
        let path = sandbox.path(name);
        let _ = fs::remove_file(&path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match self {
            Self::Pipe => mknodat(CWD, &path, FileType::Fifo, Mode::RWXU, 0).unwrap(),
            Self::Socket => return Some(UnixListener::bind(&path).unwrap()),
            Self::Folder => fs::create_dir(&path).unwrap(),
            Self::Sparse => {
                let file = fs::File::create(&path).unwrap();
                file.set_len(10 * 1024 * 1024 * 1024).unwrap();
            }
        }
        None
    }
}

const NESTED: &str = "Resources:\n  A:\n    Type: AWS::CloudFormation::Stack\n    Properties:\n      \
                      TemplateURL: child.yaml\n";

fn project(manifest: &str, template: &str) -> Sandbox {
    Sandbox::new()
        .file(
            "manifest.toml",
            format!("project = \"demo\"\ntemplate = \"stack.yaml.j2\"\n{manifest}"),
        )
        .file("stack.yaml.j2", template)
        .file("handler/app.py", "")
}

#[test]
fn only_regular_files_are_read() {
    let of_definition = NESTED
        .replace("CloudFormation::Stack", "Serverless::StateMachine")
        .replace("TemplateURL", "DefinitionUri");
    let lock = "[artifacts.handler]\npath = \"handler\"\npython = \"3.12\"\n\
                requirements = \"packages.lock\"\n";
    let cases: [(&str, &str, &str, &[&str]); 9] = [
        ("manifest.toml", "", "A: 1\n", &["render"]),
        ("stack.yaml.j2", "", "", &["render"]),
        ("part.j2", "", "{% include 'part.j2' %}", &["render"]),
        ("child.yaml", "", NESTED, &["validate"]),
        ("child.yaml", "", &of_definition, &["package"]),
        (
            "policy.json",
            "[stack]\npolicy = \"policy.json\"\n",
            "A: 1\n",
            &["validate"],
        ),
        ("packages.lock", lock, "A: 1\n", &["package"]),
        (
            "old.yaml",
            "",
            "A: 1\n",
            &["diff", "old.yaml", "stack.yaml.j2"],
        ),
        ("handler/more.py", "", "A: 1\n", &["package"]),
    ];
    let begin = Instant::now();
    for (name, manifest, template, command) in cases {
        for (kind, message) in Kind::ALL {
            let is_legal = match kind {
                // A folder is a part of a handler, and becomes a zip.
                Kind::Folder => name == "handler/more.py" || template == of_definition,
                Kind::Sparse => name == "handler/more.py",
                Kind::Pipe | Kind::Socket => false,
            };
            if is_legal {
                continue;
            }
            let sandbox = project(manifest, template);
            let _open = kind.put(&sandbox, name);
            let failed = sandbox.run(command).expect_code(1);
            let output = format!("{}{}", failed.stdout, failed.stderr);
            let expected = format!("{name}` {message}");
            assert!(output.contains(&expected), "{name} {kind:?}: {output}");
        }
    }
    assert!(
        begin.elapsed() < Duration::from_mins(1),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn a_manifest_that_is_no_file_does_not_choose_another_project() {
    let sandbox = project("", "A: 1\n").in_folder("inner");
    let _open = Kind::Pipe.put(&sandbox, "inner/manifest.toml");
    sandbox
        .run(&["render"])
        .expect_code(1)
        .expect_stderr("`manifest.toml` is a named pipe, not a file");
}

#[test]
fn a_pipe_is_no_place_for_a_zip() {
    let sandbox = project("", "A: 1\n");
    let _open = Kind::Pipe.put(&sandbox, "zips/handler.zip");
    sandbox
        .run(&["package", "--out", "zips"])
        .expect_code(1)
        .expect_stderr("handler.zip` is a named pipe, not a file");
}

#[test]
fn init_does_not_wait_for_a_pipe() {
    for name in ["samconfig.toml", "parameters.json"] {
        let sandbox =
            Sandbox::new().file("t.yaml", "Resources:\n  T:\n    Type: AWS::SNS::Topic\n");
        let _open = Kind::Pipe.put(&sandbox, name);
        sandbox.run(&["init", "--from", "t.yaml"]).expect_code(0);
    }
}
