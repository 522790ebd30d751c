//! The domain: stacks, change sets, events, drift. Pure values; the calls are in [`aws`](crate::aws).

pub mod change_set;
pub mod deletion;
pub mod diagnosis;
pub mod drift;
pub mod event;
pub mod on_failure;
pub mod recovery;
pub(crate) mod service_message;
pub mod stack;
pub mod stateful;
pub mod status;
