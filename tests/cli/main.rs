//! Tests that run the built `stackctl` as a user does: arguments, files and environment in; stdout,
//! stderr and exit status out.
//!
//! [`sandbox`] gives each test its own folder and process, [`cloud`] a scripted AWS on loopback. No
//! test needs a network, a fixed port, an account or the result of another test.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod after_apply;
mod artifact_bucket;
mod builds;
mod cancel;
mod cdk_assets;
mod change_set_members;
mod change_sets;
mod chart;
mod ci;
mod cloud;
mod command_line;
mod completion;
mod concurrent_changes;
mod danger;
mod demo;
mod deploy;
mod deployed;
mod destroy;
mod diff;
mod doctor;
mod documentation;
mod drift;
mod drift_revert;
mod emptied_buckets;
mod events;
mod excluded_files;
mod exports_in_use;
mod express;
mod express_recovery;
mod failure_evidence;
mod faults;
mod files;
mod forge;
mod from_stack;
mod from_stack_code;
mod gc;
mod graph;
mod hidden_characters;
mod hints;
mod history;
mod hostile;
mod hotswap;
mod iam_policy;
mod imports;
mod init;
mod init_refusals;
mod inputs;
mod irregular_files;
#[path = "../support/latency.rs"]
mod latency;
mod lint;
#[path = "../support/listener.rs"]
mod listener;
mod live;
mod local_paths;
mod logs;
mod many_environments;
mod moves;
mod nested_drift;
mod nested_templates;
mod offline;
mod orphan;
mod orphan_refusals;
mod other_programs;
mod output;
mod packaging;
mod pages;
mod peers;
mod pipeline_files;
mod project_setup;
mod python_packages;
mod recover;
mod refactor;
mod refactor_faults;
mod rollback;
mod rollback_plans;
mod round_trips;
#[path = "../support/sandbox/mod.rs"]
mod sandbox;
mod sandbox_self_test;
mod saved_plans;
mod schemas;
mod secrets;
mod servers;
mod service_checks;
mod service_values;
mod shared_connections;
mod stack_inputs;
mod stack_set_faults;
mod stack_sets;
mod stack_sets_among_stacks;
mod stack_states;
mod stack_values;
mod stacks;
mod stacks_apply;
mod stacks_saved_plans;
mod terminal_width;
mod throttling;
mod timing;
mod two_keys;
mod watch;
#[path = "../support/wheels.rs"]
mod wheels;
