//! The stack policy: which resources an update may touch.

use super::{StackService, is_missing};
use crate::error::Result;

/// Returns the stack policy as it was set; `None` if there is no stack or none was set.
pub async fn read(service: &StackService) -> Result<Option<String>> {
    let request = service.client.get_stack_policy().stack_name(&service.name);
    match request.send().await {
        Ok(answer) => Ok(answer.stack_policy_body),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => {
            let doing = format!("read the stack policy of `{}`", service.name);
            Err(service.connection.fault(doing, &error))
        }
    }
}

/// Replaces the stack policy. Once set, a policy can be replaced but never removed
/// (`SetStackPolicy`).
pub async fn set(service: &StackService, policy: &str) -> Result<()> {
    let request = service.client.set_stack_policy().stack_name(&service.name);
    let answer = request.stack_policy_body(policy).send().await;
    answer.map(drop).map_err(|error| {
        let doing = format!("set the stack policy of `{}`", service.name);
        service.connection.fault(doing, &error)
    })
}
