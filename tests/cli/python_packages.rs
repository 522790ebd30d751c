//! `requirements`: the Python packages of an artifact. The tests make the wheels; pip finds them in a
//! folder.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::demo;
use crate::sandbox::Sandbox;
use crate::wheels::{TestWheel, lock_file};

/// Returns the demo with a lock file, and with the wheels that it names. Python is found as usual.
fn with_packages(wheels: &[&TestWheel], lock: &str) -> Sandbox {
    let path = std::env::var("PATH").unwrap();
    let mut sandbox = demo::files()
        .env("PATH", &path)
        .file("deps/requirements.txt", lock);
    for wheel in wheels {
        sandbox = sandbox.file(&format!("deps/wheels/{}", wheel.file_name), &wheel.bytes);
    }
    sandbox.edit(
        "manifest.toml",
        "path = \"handler\"",
        "path = \"handler\"\nrequirements = \"deps/requirements.txt\"\npython = \"3.13\"",
    );
    sandbox
}

/// Returns the sandbox without any Python.
fn without_python(sandbox: Sandbox) -> Sandbox {
    sandbox
        .env("PATH", "/nowhere")
        .env("STACKCTL_PYTHON", "/nowhere/python3")
}

/// Returns the key and the files of the handler's zip.
fn package(sandbox: &Sandbox, arguments: &[&str]) -> (String, Vec<String>) {
    let arguments = [&["package", "--format", "json"], arguments].concat();
    let document = sandbox.run(&arguments).expect_code(0).json();
    let artifact = &document["artifacts"][0];
    let files = artifact["files"].as_array().unwrap();
    let paths = files
        .iter()
        .map(|file| file["path"].as_str().unwrap().to_owned());
    (
        artifact["key"].as_str().unwrap().to_owned(),
        paths.collect(),
    )
}

#[test]
fn packages_are_in_the_zip_and_later_runs_need_no_python() {
    let wheel = TestWheel::new("greeting", "py3-none-any", "TEXT = 'hello'\n");
    let lock = lock_file(&[&wheel], &[]);
    let sandbox = with_packages(&[&wheel], &lock);
    let (key, files) = package(&sandbox, &[]);
    assert_eq!(
        files,
        [
            "app.py",
            "greeting-1.dist-info/METADATA",
            "greeting-1.dist-info/RECORD",
            "greeting-1.dist-info/WHEEL",
            "greeting.py",
        ]
    );
    let sandbox = without_python(sandbox);
    assert_eq!(package(&sandbox, &[]).0, key);
    // Another checkout, with a cache of its own.
    let clone = with_packages(&[&wheel], &lock);
    let finished = clone.run(&["render"]).expect_code(0);
    finished.expect_stdout(&key);
    finished.expect_stderr("Downloading 1 Python package of `handler` for python3.13 on x86_64 …");
}

#[test]
fn packages_for_another_runtime_than_the_function_are_a_warning() {
    let wheel = TestWheel::new("greeting", "py3-none-any", "");
    let sandbox = with_packages(&[&wheel], &lock_file(&[&wheel], &[]));
    let warned = |arguments: &[&str]| {
        let finished = sandbox.run(&[&["validate"], arguments].concat());
        finished.expect_code(0).stderr.contains("package-target")
    };
    assert!(!warned(&[]));
    for set in ["python=3.12", "architecture=arm64"] {
        assert!(
            warned(&["--set", &format!("artifacts.handler.{set}")]),
            "{set}"
        );
    }
    let set = ["validate", "--set", "artifacts.handler.python=3.12"];
    let finished = sandbox.run(&set);
    finished.expect_stderr(
        "`Handler` runs on python3.13, but the packages in the artifact `handler` are for python3.12",
    );
    // A value that is not written in the template is not compared.
    sandbox.edit(
        "stack.yaml.j2",
        "Runtime: python3.13",
        "Runtime: !Ref AWS::Region",
    );
    assert!(!warned(&["--set", "artifacts.handler.python=3.12"]));
}

#[test]
fn packages_are_for_the_runtime_and_not_for_this_machine() {
    let wheels = [
        TestWheel::new("windows", "py3-none-any", ""),
        TestWheel::new("linux", "py3-none-any", ""),
        TestWheel::new(
            "native",
            "cp311-abi3-manylinux_2_17_x86_64",
            "NAME = 'abi3'\n",
        ),
        TestWheel::new(
            "native",
            "cp313-cp313-manylinux_2_28_x86_64",
            "NAME = 'new'\n",
        ),
        TestWheel::new(
            "native",
            "cp311-cp311-manylinux2014_aarch64",
            "NAME = 'arm'\n",
        ),
        TestWheel::new("native", "cp313-cp313-win_amd64", "NAME = 'windows'\n"),
        TestWheel::new("old", "py3-none-any", ""),
    ];
    let wheels: Vec<&TestWheel> = wheels.iter().collect();
    let markers = [
        ("windows", "sys_platform == 'win32'"),
        (
            "linux",
            "sys_platform == 'linux' and platform_machine == 'x86_64'",
        ),
        ("old", "python_version < '3.12'"),
    ];
    let sandbox = with_packages(&wheels, &lock_file(&wheels, &markers));
    let modules = |python: &str, architecture: &str| {
        let python = format!("artifacts.handler.python={python}");
        let architecture = format!("artifacts.handler.architecture={architecture}");
        let arguments = ["--set", &python, "--set", &architecture, "--out", "out"];
        let (_, files) = package(&sandbox, &arguments);
        let modules: Vec<String> = files.into_iter().filter(|it| is_module(it)).collect();
        let zip = fs::File::open(sandbox.path("out/handler.zip")).unwrap();
        let mut zip = zip::ZipArchive::new(zip).unwrap();
        let native = std::io::read_to_string(zip.by_name("native.py").unwrap()).unwrap();
        (modules.join(" "), native)
    };
    let expected =
        |modules: &str, native: &str| (modules.to_owned(), format!("NAME = '{native}'\n"));
    assert_eq!(
        modules("3.13", "x86_64"),
        expected("app.py linux.py native.py", "new")
    );
    assert_eq!(
        modules("3.11", "x86_64"),
        expected("app.py linux.py native.py old.py", "abi3")
    );
    assert_eq!(
        modules("3.11", "arm64"),
        expected("app.py native.py old.py", "arm")
    );
}

/// The same bytes also if pip runs on another system.
#[test]
fn system_of_this_machine_has_no_effect() {
    let wheels = [
        TestWheel::new("native", "cp313-cp313-manylinux_2_28_x86_64", "LINUX = 1\n"),
        TestWheel::new("native", "cp313-cp313-macosx_11_0_arm64", "LINUX = 0\n"),
        TestWheel::new("mac", "py3-none-any", ""),
    ];
    let wheels: Vec<&TestWheel> = wheels.iter().collect();
    let lock = lock_file(&wheels, &[("mac", "sys_platform == 'darwin'")]);
    let (key, _) = package(&with_packages(&wheels, &lock), &[]);
    let other = with_packages(&wheels, &lock).program(
        "mac-python",
        "#!/usr/bin/env python3\n\
         import platform, runpy, sys, sysconfig, urllib.request\n\
         sysconfig.get_config_vars()\n\
         sys.platform = 'darwin'\n\
         platform.system = lambda: 'Darwin'\n\
         platform.machine = lambda: 'arm64'\n\
         platform.mac_ver = lambda *rest: ('14.0', ('', '', ''), 'arm64')\n\
         sysconfig.get_platform = lambda: 'macosx-14.0-arm64'\n\
         sys.argv = sys.argv[3:]\n\
         if sys.argv[0] == 'pip': runpy.run_module('pip', run_name='__main__', alter_sys=True)\n\
         else: exec(sys.argv[0])\n",
    );
    let program = other.cache().with_file_name("bin").join("mac-python");
    let other = other.env("STACKCTL_PYTHON", program.to_str().unwrap());
    assert_eq!(package(&other, &[]).0, key);
}

#[test]
fn wheels_that_the_runtime_cannot_import_are_refused_by_name() {
    let wheels = [
        TestWheel::new("fine", "py3-none-any", ""),
        TestWheel::new("modern", "cp311-cp311-manylinux_2_28_x86_64", ""),
        TestWheel::new("modern", "cp313-cp313-manylinux_2_28_x86_64", ""),
        TestWheel::of("later", "py3-none-any", ">=3.12", &[]),
        TestWheel::new("mac", "cp313-cp313-macosx_11_0_arm64", ""),
    ];
    let wheels: Vec<&TestWheel> = wheels.iter().collect();
    let lock = lock_file(&wheels, &[("mac", "python_version < '3.12'")]);
    let sandbox = with_packages(&wheels, &lock);
    let (_, files) = package(&sandbox, &[]);
    assert!(files.contains(&"modern.py".to_owned()));
    let old = ["package", "--set", "artifacts.handler.python=3.11"];
    let finished = sandbox.run(&old).expect_code(1);
    insta::assert_snapshot!(finished, @r"
    --- stderr
    Downloading 4 Python packages of `handler` for python3.11 on x86_64 …
    error[no-wheel]: `modern==1` has no wheel for python3.11 on x86_64
     --> deps/requirements.txt:6:1
      |
    6 | modern==1 \
      | ^^^^^^^^^
      |
      = help: its wheels are for `cp311-cp311-manylinux_2_28_x86_64`,
              `cp313-cp313-manylinux_2_28_x86_64`
      = help: this runtime has glibc 2.26, so it admits `manylinux_2_26_x86_64` and older, and `any`

    error[no-wheel]: `later==1` requires Python >=3.12, and the artifact is for Python 3.11
      --> deps/requirements.txt:10:1
       |
    10 | later==1 \
       | ^^^^^^^^
       |
       = help: lock the versions for this Python: `uv pip compile --universal --python-version 3.11`

    error[no-wheel]: `mac==1` has no wheel for python3.11 on x86_64
      --> deps/requirements.txt:13:1
       |
    13 | mac==1 ; python_version < '3.12' \
       | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: its wheels are for `cp313-cp313-macosx_11_0_arm64`
       = help: this runtime has glibc 2.26, so it admits `manylinux_2_26_x86_64` and older, and `any`

    error: 3 Python packages cannot be packaged
    --- exit 1
    ");
    assert!(sandbox.temporary_leftovers().is_empty());
}

#[test]
fn every_error_in_a_lock_file_is_in_one_report() {
    let lock = "-e .\nsix\nidna==3.7 ; python_version < '4'\nattrs>=23\n";
    insta::assert_snapshot!(with_packages(&[], lock).run(&["validate"]), @r"
    --- stderr
    error[not-a-package]: `.` is a path, not a package of an index
     --> deps/requirements.txt:1:1
      |
    1 | -e .
      | ^^^^
      |
      = help: leave it out of the lock file (`uv export --no-emit-project`, or `--no-emit-local`):
              the artifact's folder is packaged itself

    error[unpinned]: `six` has no version
     --> deps/requirements.txt:2:1
      |
    2 | six
      | ^^^

    error[no-hash]: `idna` has no hash
     --> deps/requirements.txt:3:1
      |
    3 | idna==3.7 ; python_version < '4'
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    error[unpinned]: `attrs>=23` is not one version
     --> deps/requirements.txt:4:1
      |
    4 | attrs>=23
      | ^^^^^^^^^

    error: `deps/requirements.txt` has 4 errors
    hint: every package needs one version and its hashes: `uv pip compile --universal --generate-hashes deps/requirements.in -o deps/requirements.txt`, or `pip-compile --generate-hashes deps/requirements.in -o deps/requirements.txt`
    --- exit 1
    ");
    let sandbox = with_packages(&[], "");
    fs::remove_file(sandbox.path("deps/requirements.txt")).unwrap();
    insta::assert_snapshot!(sandbox.run(&["render"]), @r#"
    --- stderr
    error[missing-lock]: the lock file `deps/requirements.txt` does not exist
      --> manifest.toml:10:16
       |
    10 | requirements = "deps/requirements.txt"
       |                ^^^^^^^^^^^^^^^^^^^^^^^

    error: the artifact `handler` has no lock file
    hint: make it: `uv pip compile --universal --generate-hashes deps/requirements.in -o deps/requirements.txt`, or `pip-compile --generate-hashes deps/requirements.in -o deps/requirements.txt`
    --- exit 1
    "#);
}

#[test]
fn wheel_that_differs_from_the_lock_file_is_refused() {
    let wheel = TestWheel::new("greeting", "py3-none-any", "TEXT = 'hello'\n");
    let changed = TestWheel::new("greeting", "py3-none-any", "TEXT = 'changed'\n");
    let finished = with_packages(&[&changed], &lock_file(&[&wheel], &[])).run(&["package"]);
    let finished = finished.expect_code(1);
    finished.expect_stderr(
        "the wheel of `greeting==1` (`greeting-1-py3-none-any.whl`) has a hash that the lock",
    );
    finished.expect_stderr("deps/requirements.txt:3:1");
}

#[test]
fn damaged_cache_is_downloaded_again() {
    let wheel = TestWheel::new("greeting", "py3-none-any", "TEXT = 'hello'\n");
    let sandbox = with_packages(&[&wheel], &lock_file(&[&wheel], &[]));
    let (key, _) = package(&sandbox, &[]);
    let cached = sandbox.cache().join(format!("wheels/{}.whl", wheel.hash()));
    fs::write(&cached, "damaged").unwrap();
    assert_eq!(package(&sandbox, &[]).0, key);
    assert_eq!(fs::read(&cached).unwrap(), wheel.bytes);
}

#[test]
fn no_python_is_an_error_only_if_a_package_is_missing() {
    let wheel = TestWheel::new("greeting", "py3-none-any", "");
    let sandbox = without_python(with_packages(&[&wheel], &lock_file(&[&wheel], &[])));
    let finished = sandbox.run(&["package"]).expect_code(1);
    finished.expect_stderr(
        "error: `requirements` needs Python 3.8 or newer with pip: /nowhere/python3 does not run",
    );
    sandbox.write("deps/requirements.txt", "# nothing\n");
    assert_eq!(package(&sandbox, &[]).1, ["app.py"]);
}

#[test]
fn file_of_the_folder_that_a_package_has_too_is_an_error() {
    let wheel = TestWheel::new("greeting", "py3-none-any", "TEXT = 'hello'\n");
    let sandbox = with_packages(&[&wheel], &lock_file(&[&wheel], &[]))
        .file("handler/greeting.py", "TEXT = 'own'\n");
    let finished = sandbox.run(&["package"]).expect_code(1);
    finished.expect_stderr(
        "error: the artifact `handler` gets from its folder and from `greeting-1-py3-none-any.whl` `greeting.py` \
         with different content",
    );
    sandbox.edit(
        "manifest.toml",
        "path = \"handler\"",
        "path = \"handler\"\nexclude = [\"greeting.py\"]",
    );
    assert_eq!(package(&sandbox, &[]).1.len(), 5);
}

#[test]
fn interrupt_ends_the_download_and_leaves_nothing() {
    let wheel = TestWheel::new("greeting", "py3-none-any", "");
    let sandbox = with_packages(&[&wheel], &lock_file(&[&wheel], &[])).program(
        "slow-python",
        "#!/bin/sh\nif [ \"$2\" = -c ]; then echo 3.12; exit; fi\necho $$ >started\nmv started \"$STARTED\"\nexec sleep 300\n",
    );
    let program = sandbox.cache().with_file_name("bin").join("slow-python");
    let started = sandbox.path("started");
    let sandbox = sandbox
        .env("STACKCTL_PYTHON", program.to_str().unwrap())
        .env("STARTED", started.to_str().unwrap());
    let mut running = sandbox.spawn(&["package"]);
    running.wait_until("pip runs", || started.exists());
    running.interrupt();
    running.wait().expect_code(130);
    let pip = fs::read_to_string(&started).unwrap();
    let is_running = || {
        let status = fs::read_to_string(format!("/proc/{}/status", pip.trim()));
        status.is_ok_and(|status| !status.contains("State:\tZ"))
    };
    let ended = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        !is_running()
    });
    assert!(ended, "pip is still running");
    let left: Vec<_> = fs::read_dir(sandbox.cache().join("wheels"))
        .unwrap()
        .collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

/// Returns whether a path in a zip is that of a Python module.
fn is_module(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|it| it == "py")
}
