//! What several commands share: opening a project, building it, deploying it and following an operation.

pub(crate) mod artifact_folders;
pub(crate) mod build;
pub(crate) mod call_targets;
mod cdk_assets;
pub(crate) mod change_set_name;
pub mod context;
pub(crate) mod deletion_plan;
pub(crate) mod deploy;
pub(crate) mod deployed_functions;
pub(crate) mod destroy;
pub(crate) mod doctor;
pub(crate) mod drift_detection;
pub(crate) mod examine;
pub(crate) mod express_failure;
pub(crate) mod follow;
pub(crate) mod function_code;
pub(crate) mod garbage_collection;
pub(crate) mod graph;
pub(crate) mod history;
#[allow(dead_code, reason = "`watch` will use it")]
pub(crate) mod hotswap;
pub(crate) mod iam_policy;
pub(crate) mod import_candidates;
pub(crate) mod init;
pub(crate) mod lint;
#[allow(dead_code, reason = "`hotswap` will use it")]
mod live_code;
pub(crate) mod log_permissions;
pub(crate) mod logs;
mod missing_value;
mod nested_drift;
pub(crate) mod operation_chart;
pub(crate) mod orphan;
pub(crate) mod output_file;
pub(crate) mod outputs;
pub(crate) mod package_tree;
pub(crate) mod pipeline;
pub(crate) mod prepare;
pub(crate) mod recover;
pub(crate) mod refactor;
pub(crate) mod reread;
pub(crate) mod resource_graph;
pub(crate) mod session;
pub(crate) mod smoke_test;
pub(crate) mod stack_set;
pub(crate) mod upstream;
pub(crate) mod watch;
