//! The domain of CloudFormation: stacks, change sets, events, drift. It sends no requests; these are in
//! [`aws`](crate::aws).

pub mod attribute;
pub mod change_set;
pub mod chart;
pub mod deletion;
pub mod diagnosis;
pub mod drift;
pub mod event;
pub mod failure_evidence;
pub mod function;
pub mod import;
pub mod on_failure;
pub mod orphan;
pub mod recovery;
pub mod refactor;
pub(crate) mod service_message;
pub mod stack;
pub mod stack_set;
pub mod stateful;
pub mod status;
