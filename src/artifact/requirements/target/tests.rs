#![expect(clippy::unwrap_used, reason = "a test")]

use serde_json::{Value, json};

use super::{Target, Variable};
use crate::config::settings::Architecture::{self, Arm64, X86_64};

/// Every Python of Lambda, and both architectures.
pub(in crate::artifact::requirements) const TARGETS: [(&str, Architecture); 8] = [
    ("3.9", X86_64),
    ("3.10", X86_64),
    ("3.11", X86_64),
    ("3.11", Arm64),
    ("3.12", X86_64),
    ("3.12", Arm64),
    ("3.13", X86_64),
    ("3.14", Arm64),
];

pub(in crate::artifact::requirements) fn target(
    python: &str,
    architecture: Architecture,
) -> Target {
    let minor = python.strip_prefix("3.").unwrap().parse().unwrap();
    Target {
        minor,
        architecture,
    }
}

/// Returns the variables of a runtime, by the names of PEP 508.
pub(in crate::artifact::requirements) fn environment(target: Target, patch: u32) -> Value {
    json!({
        "implementation_name": target.value(Variable::ImplementationName, patch),
        "implementation_version": target.value(Variable::ImplementationVersion, patch),
        "os_name": target.value(Variable::OsName, patch),
        "platform_machine": target.value(Variable::PlatformMachine, patch),
        "platform_python_implementation": target.value(Variable::PlatformPythonImplementation, patch),
        "platform_release": target.value(Variable::PlatformRelease, patch),
        "platform_system": target.value(Variable::PlatformSystem, patch),
        "platform_version": target.value(Variable::PlatformVersion, patch),
        "python_full_version": target.value(Variable::PythonFullVersion, patch),
        "python_version": target.value(Variable::PythonVersion, patch),
        "sys_platform": target.value(Variable::SysPlatform, patch),
    })
}

#[test]
fn the_platforms_are_those_that_the_runtimes_glibc_admits() {
    let old = target("3.11", X86_64).platforms();
    assert_eq!(old[0], "manylinux_2_26_x86_64");
    assert_eq!(
        old[9..12],
        [
            "manylinux_2_17_x86_64",
            "manylinux2014_x86_64",
            "manylinux_2_16_x86_64"
        ]
    );
    assert_eq!(old.last().unwrap(), "manylinux1_x86_64");
    let new = target("3.12", Arm64).platforms();
    assert_eq!(new[0], "manylinux_2_34_aarch64");
    assert_eq!(new.last().unwrap(), "manylinux2014_aarch64");
    assert_eq!(new.len(), 34 - 17 + 2);
}
