//! The stack policy: which resources an update may touch.

use super::{StackService, is_missing};
use crate::error::Result;

impl StackService {
    /// Returns the stack policy as it was set; `None` where there is no stack or none was set.
    pub async fn policy(&self) -> Result<Option<String>> {
        let request = self.client.get_stack_policy().stack_name(&self.name);
        match request.send().await {
            Ok(answer) => Ok(answer.stack_policy_body),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => {
                let doing = format!("read the stack policy of `{}`", self.name);
                Err(self.connection.fault(doing, &error))
            }
        }
    }

    /// Replaces the stack policy. Once set, a policy can be replaced but never removed
    /// (`SetStackPolicy`).
    pub async fn set_policy(&self, policy: &str) -> Result<()> {
        let request = self.client.set_stack_policy().stack_name(&self.name);
        let answer = request.stack_policy_body(policy).send().await;
        answer.map(drop).map_err(|error| {
            let doing = format!("set the stack policy of `{}`", self.name);
            self.connection.fault(doing, &error)
        })
    }
}
