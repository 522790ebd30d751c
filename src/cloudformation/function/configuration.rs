//! The configuration of a function, as far as it says where the function logs and why it cannot run.

/// The configuration of a function (`GetFunctionConfiguration`). Members that the service omits are
/// `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Configuration {
    /// The log group (`LoggingConfig`).
    pub log_group: Option<String>,
    /// `Pending`, `Active`, `Inactive` or `Failed`.
    pub state: Option<String>,
    /// The reason of the state, with its code.
    pub state_reason: Option<String>,
    /// `Successful`, `Failed` or `InProgress`.
    pub last_update_status: Option<String>,
    /// The reason of the status of the last update, with its code.
    pub last_update_reason: Option<String>,
}

impl Configuration {
    /// Returns the sentence that the function, called `label`, cannot run at all; `None` if it can.
    pub fn failure(&self, label: &str) -> Option<String> {
        if self.state.as_deref() != Some("Failed") {
            return None;
        }
        let reason = with_reason(self.state_reason.as_deref());
        Some(format!(
            "the function `{label}` cannot run: its state is Failed{reason}"
        ))
    }

    /// Returns the sentence about a state that is no failure but may explain one; `None` if there is
    /// nothing to say.
    pub fn remark(&self, label: &str) -> Option<String> {
        if self.last_update_status.as_deref() == Some("Failed") {
            let reason = with_reason(self.last_update_reason.as_deref());
            return Some(format!(
                "the last update of the function `{label}` failed, so it runs its previous version{reason}"
            ));
        }
        (self.state.as_deref() == Some("Inactive")).then(|| {
            let reason = with_reason(self.state_reason.as_deref());
            format!(
                "the function `{label}` is inactive because it was idle: its next invocation \
                 activates it and may fail{reason}"
            )
        })
    }
}

fn with_reason(reason: Option<&str>) -> String {
    reason.map_or_else(String::new, |reason| format!(": {reason}"))
}

#[cfg(test)]
mod tests {
    use super::Configuration;

    #[test]
    fn states_that_explain_a_failure_become_sentences() {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let sentences = |[state, reason, update, update_reason]: [&str; 4]| {
            let configuration = Configuration {
                log_group: None,
                state: text(state),
                state_reason: text(reason),
                last_update_status: text(update),
                last_update_reason: text(update_reason),
            };
            (configuration.failure("It"), configuration.remark("It"))
        };
        assert_eq!(sentences(["Active", "", "Successful", ""]), (None, None));
        assert_eq!(sentences(["Pending", "x", "InProgress", ""]), (None, None));
        assert_eq!(sentences(["", "", "", ""]), (None, None));
        let (failure, _) = sentences([
            "Failed",
            "no access to the image (ImageAccessDenied)",
            "",
            "",
        ]);
        assert_eq!(
            failure.as_deref(),
            Some(
                "the function `It` cannot run: its state is Failed: no access to the image \
                 (ImageAccessDenied)"
            )
        );
        let (failure, remark) = sentences([
            "Active",
            "",
            "Failed",
            "no IP left (SubnetOutOfIPAddresses)",
        ]);
        assert_eq!(failure, None);
        assert!(remark.is_some_and(|it| it.contains("previous version: no IP left (Subnet")));
        let (failure, remark) = sentences(["Inactive", "idle (Idle)", "Successful", ""]);
        assert_eq!(failure, None);
        assert!(remark.is_some_and(|it| it.contains("is inactive")));
    }
}
