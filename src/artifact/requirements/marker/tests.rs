#![expect(clippy::unwrap_used, reason = "a test")]

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::Marker;
use crate::artifact::requirements::target::tests::{TARGETS, environment, target};
use crate::artifact::requirements::wheel_name::WheelName;

/// Markers as lock files have them, and their neighbors.
const MARKERS: &[&str] = &[
    "python_version < '3.11'",
    "python_version >= \"3.10\"",
    "python_version > '3.9'",
    "python_version <= '3.9'",
    "python_version == '3.12'",
    "python_version != '3.12'",
    "python_version == '3.12.*'",
    "python_version == '3.*'",
    "python_version ~= '3.10'",
    "python_version === '3.12'",
    "python_version in '3.9, 3.10'",
    "python_version not in '3.9, 3.10'",
    "'3.10' <= python_version",
    "'3.1' in python_version",
    "python_version < '4'",
    "python_version >= '2.7' and python_version < '3'",
    "python_full_version < '3.11.3'",
    "python_full_version >= '3.12.0rc1'",
    "python_full_version <= '3.11.0a6'",
    "python_full_version == '3.13.*'",
    "python_full_version ~= '3.12.0'",
    "implementation_version >= '3.11'",
    "implementation_name == 'cpython'",
    "implementation_name != 'PyPy' and platform_python_implementation != 'PyPy'",
    "platform_python_implementation == 'CPython'",
    "sys_platform == 'linux'",
    "sys_platform == 'win32' or sys_platform == 'darwin'",
    "sys_platform != 'emscripten'",
    "'linux' in sys_platform",
    "'win' not in sys_platform",
    "os_name == 'posix'",
    "os_name == 'nt'",
    "platform_system == 'Linux'",
    "platform_machine == 'x86_64'",
    "platform_machine == 'aarch64' or platform_machine == 'arm64'",
    "platform_machine in 'x86_64 X86_64 aarch64 AARCH64 ppc64le'",
    "platform_machine < 'b'",
    "(python_version < '3.12' and sys_platform == 'linux') or platform_machine == 'aarch64'",
    "python_version < '3.12' and (sys_platform == 'linux' or platform_machine == 'aarch64')",
    "python_version < '3.10' or python_version > '3.10' and platform_machine == 'x86_64'",
    "((python_version=='3.12'))",
    "extra == 'socks'",
    "extra != 'socks'",
    "python_version<'3.10'and sys_platform=='linux'or(os_name=='nt')",
];

/// File names of wheels, for each kind of tag.
const WHEELS: &[&str] = &[
    "a-1-py3-none-any.whl",
    "a-1-py2.py3-none-any.whl",
    "a-1-py2-none-any.whl",
    "a-1-py312-none-any.whl",
    "a-1-py310-none-any.whl",
    "a-1-cp312-none-any.whl",
    "a-1-py3-none-manylinux2014_x86_64.whl",
    "a-1-py3-none-manylinux_2_28_x86_64.whl",
    "a-1-py3-none-win_amd64.whl",
    "a-1-py3-none-linux_x86_64.whl",
    "a-1-py3-none-musllinux_1_2_x86_64.whl",
    "a-1-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "a-1-cp312-cp312-manylinux_2_17_aarch64.manylinux2014_aarch64.whl",
    "a-1-cp312-cp312-manylinux_2_28_x86_64.whl",
    "a-1-cp312-cp312-manylinux_2_34_x86_64.whl",
    "a-1-cp312-cp312-manylinux_2_35_x86_64.whl",
    "a-1-cp311-cp311-manylinux_2_26_x86_64.whl",
    "a-1-cp311-cp311-manylinux_2_27_x86_64.whl",
    "a-1-cp310-cp310-manylinux1_x86_64.whl",
    "a-1-cp310-cp310-manylinux2010_x86_64.whl",
    "a-1-cp310-cp310-manylinux2010_aarch64.whl",
    "a-1-cp310-cp310-manylinux_2_4_x86_64.whl",
    "a-1-cp39-abi3-manylinux_2_17_x86_64.whl",
    "a-1-cp37-abi3-manylinux2014_aarch64.whl",
    "a-1-cp313-abi3-manylinux_2_28_x86_64.whl",
    "a-1-cp313-cp313t-manylinux_2_28_x86_64.whl",
    "a-1-cp312-abi3-any.whl",
    "a-1-1build-cp314-cp314-manylinux_2_28_aarch64.whl",
    "a-1-cp312-cp311-manylinux_2_17_x86_64.whl",
    "a-1-cp311.cp312-none-manylinux_2_17_x86_64.whl",
];

/// Evaluates the markers and compares the tags with pip's own code.
const PIP: &str = r#"
import json, sys
from pip._vendor.packaging.markers import Marker
from pip._vendor.packaging.utils import parse_wheel_filename
from pip._internal.utils.compatibility_tags import get_supported
given = json.load(sys.stdin)
answer = []
for target in given["targets"]:
    markers = [Marker(it).evaluate({**target["environment"], "extra": ""}) for it in given["markers"]]
    tags = set(get_supported(version=target["python"].replace(".", ""), platforms=target["platforms"],
                             impl="cp", abis=target["abis"]))
    wheels = [bool(tags & parse_wheel_filename(it)[3]) for it in given["wheels"]]
    answer.append([markers, wheels])
print(json.dumps(answer))
"#;

/// Returns what pip says; `None` if there is no Python with pip.
fn ask_pip(given: &Value) -> Option<Vec<[Vec<bool>; 2]>> {
    let mut python = Command::new("python3");
    python.args(["-I", "-c", PIP]);
    python
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = python.spawn().ok()?;
    let input = child.stdin.take()?;
    write!(&input, "{given}").ok()?;
    drop(input);
    let output = child.wait_with_output().ok()?;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success() || errors.contains("No module named"),
        "{errors}"
    );
    serde_json::from_slice(&output.stdout).ok()
}

#[test]
fn markers_and_tags_mean_what_they_mean_to_pip() {
    let targets: Vec<Value> = TARGETS
        .iter()
        .flat_map(|(python, architecture)| {
            let target = target(python, *architecture);
            [0, 99].map(|patch| {
                json!({
                    "python": python,
                    "environment": environment(target, patch),
                    "platforms": target.platforms(),
                    "abis": target.abis(),
                })
            })
        })
        .collect();
    let given = json!({ "targets": targets, "markers": MARKERS, "wheels": WHEELS });
    let Some(expected) = ask_pip(&given) else {
        return;
    };
    for (index, [markers, wheels]) in expected.iter().enumerate() {
        let (python, architecture) = TARGETS[index / 2];
        let target = target(python, architecture);
        for (text, expected) in MARKERS.iter().zip(markers) {
            let (newest, first) = target.satisfies(&Marker::parse(text).unwrap());
            let own = if index % 2 == 0 { first } else { newest };
            assert_eq!(own, *expected, "{text} for {target}");
        }
        for (name, expected) in WHEELS.iter().zip(wheels) {
            let own = target.admits(&WheelName::parse(name).unwrap());
            assert_eq!(own, *expected, "{name} for {target}");
        }
    }
}

#[test]
fn old_names_of_variables_are_read() {
    for text in [
        "os.name == 'posix'",
        "sys.platform == 'linux'",
        "platform.machine == 'x86_64'",
        "python_implementation == 'CPython'",
        "platform.python_implementation == 'CPython'",
        "platform.version == ''",
        "platform_release == '' and platform_version == ''",
    ] {
        let marker = Marker::parse(text).unwrap();
        assert_eq!(
            target("3.12", TARGETS[0].1).satisfies(&marker),
            (true, true),
            "{text}"
        );
    }
}

#[test]
fn a_malformed_marker_says_what_is_wrong() {
    let deep = "(".repeat(5000);
    for (text, reason) in [
        ("", "ends too early"),
        ("python_version", "lacks an operator such as `==`"),
        ("python_version <", "ends too early"),
        ("python_version < '3", "lacks the closing '"),
        ("python < '3'", "has the unknown variable `python`"),
        ("(python_version < '3'", "lacks a `)`"),
        ("python_version < '3') ", "has `)` where it should end"),
        ("python_version < '3' or", "ends too early"),
        ("python_version not '3'", "lacks an operator such as `==`"),
        (deep.as_str(), "has too many parentheses"),
    ] {
        assert_eq!(Marker::parse(text).unwrap_err(), reason, "{text}");
    }
}
