//! End-to-end tests with the built `stackctl`, the shipped project and the embedded emulator.
//!
//! Each test has its own copy of the project and its own account on one emulator, runs the binary
//! as a user does, and checks the result with boto3. The emulator ends with the run. Only the first
//! run needs the network, to install the emulator.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod adoption;
mod boto3_client;
#[expect(dead_code, reason = "the scripted cloud uses the rest")]
#[path = "../cli/cloud/call.rs"]
mod call;
mod cdk;
mod changes;
mod conformance;
mod credentials;
mod custom_resource;
mod data_flow;
mod deletion;
mod deployment;
mod drift;
mod eight_stacks;
mod emulator;
mod exports;
mod express;
mod failure;
mod fault_injection;
mod faults;
mod function_failures;
mod gc;
mod history;
mod hotswap;
#[expect(dead_code, reason = "the scripted cloud uses the rest")]
#[path = "../cli/cloud/http.rs"]
mod http;
mod imports;
mod interruption;
mod killed;
#[path = "../support/latency.rs"]
mod latency;
mod lifecycle;
#[path = "../support/listener.rs"]
mod listener;
mod many_interrupted;
mod many_stacks;
mod matrix;
mod nested;
mod orphans;
mod plans;
mod project;
mod projects;
#[path = "../support/proxy.rs"]
mod proxy;
#[path = "../support/python.rs"]
mod python;
mod python_packages;
mod recovery;
mod refactors;
mod round_trips;
mod sam;
#[expect(dead_code, reason = "the tests of the command line use the rest")]
#[path = "../support/sandbox/mod.rs"]
mod sandbox;
mod stale_reads;
mod values;
mod watch;
#[path = "../support/wheels.rs"]
mod wheels;
#[expect(dead_code, reason = "the scripted cloud uses the rest")]
#[path = "../cli/cloud/xml.rs"]
mod xml;
