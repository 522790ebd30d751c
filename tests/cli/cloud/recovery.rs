//! The calls that repair a stuck stack, with the states that each of them accepts.

use super::account::{Account, Fault};
use super::call::Call;
use super::changes::Change;
use super::operation::{Event, Operation, STACK};
use super::{express, xml};

type Answer = Result<String, Fault>;

impl Account {
    /// Sets the status of a stack as if an operation had ended. The events are those of the stack
    /// itself, the oldest first, each a status and a reason.
    pub(crate) fn put_into(&mut self, name: &str, events: &[(&str, &str)]) {
        for (status, reason) in events {
            let stack = self.stack(name);
            let (logical_id, id) = (stack.name.clone(), stack.id.clone());
            self.add_event(name, &logical_id, &id, STACK, status, reason);
            (*status).clone_into(&mut self.stack(name).status);
        }
    }

    /// Sets the status of a resource of a stack, with an event.
    pub(crate) fn put_resource_into(
        &mut self,
        name: &str,
        logical_id: &str,
        status: &str,
        reason: &str,
    ) {
        let resource = &mut self.stack(name).resources[logical_id];
        status.clone_into(&mut resource.status);
        let (kind, id) = (resource.kind.clone(), resource.physical_id.clone());
        self.add_event(name, logical_id, &id, &kind, status, reason);
    }

    fn add_event(
        &mut self,
        stack: &str,
        logical_id: &str,
        id: &str,
        kind: &str,
        status: &str,
        reason: &str,
    ) {
        let number = self.next_number();
        self.stack(stack).events.push(Event {
            id: format!("00000000-0000-4000-8000-{number:012}"),
            logical_id: logical_id.to_owned(),
            physical_id: id.to_owned(),
            kind: kind.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            time: "2025-06-01T12:00:00.000Z".to_owned(),
            ..Event::default()
        });
    }

    pub(super) fn rollback_stack(&mut self, call: &Call) -> Answer {
        let (index, status) = self.in_state(call, &["CREATE_FAILED", "UPDATE_FAILED"])?;
        let stack = &self.stacks[index];
        express::check_rollback(stack)?;
        let mut operation = Operation::asked(call);
        if status == "CREATE_FAILED" {
            operation.stack_event(stack, "ROLLBACK_IN_PROGRESS", "User Initiated");
            for (logical_id, resource) in &stack.resources {
                let change = Change::removal(logical_id, resource);
                operation.event(&change, "DELETE_IN_PROGRESS", "");
                operation.event(&change, "DELETE_COMPLETE", "");
            }
            operation.stack_event(stack, "ROLLBACK_COMPLETE", "");
        } else {
            operation.stack_event(stack, "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated");
            operation.stack_event(stack, "UPDATE_ROLLBACK_COMPLETE", "");
        }
        self.begin(index, operation);
        Ok(xml::text("StackId", &self.stacks[index].id))
    }

    pub(super) fn continue_update_rollback(&mut self, call: &Call) -> Answer {
        let (index, _) = self.in_state(call, &["UPDATE_ROLLBACK_FAILED"])?;
        let skipped = call.list("ResourcesToSkip");
        let failing = self.failing.clone();
        let stack = &mut self.stacks[index];
        let mut operation = Operation::asked(call);
        operation.stack_event(stack, "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated");
        let mut failed = false;
        let mut resources = std::mem::take(&mut stack.resources);
        for (logical_id, resource) in &mut resources {
            if resource.status != "UPDATE_FAILED" {
                continue;
            }
            let change = Change::removal(logical_id, resource);
            let is_skipped = skipped.contains(logical_id);
            if !is_skipped {
                operation.event(&change, "UPDATE_IN_PROGRESS", "");
            }
            if let Some(reason) = failing.get(logical_id).filter(|_| !is_skipped) {
                operation.event(&change, "UPDATE_FAILED", reason);
                failed = true;
            } else {
                operation.event(&change, "UPDATE_COMPLETE", "");
                "UPDATE_COMPLETE".clone_into(&mut resource.status);
            }
        }
        stack.resources = resources;
        let ended = if failed { "FAILED" } else { "COMPLETE" };
        operation.stack_event(stack, &format!("UPDATE_ROLLBACK_{ended}"), "");
        self.begin(index, operation);
        Ok(String::new())
    }

    pub(super) fn cancel_update_stack(&mut self, call: &Call) -> Answer {
        let (index, _) = self.in_state(call, &["UPDATE_IN_PROGRESS"])?;
        let stack = &self.stacks[index];
        let mut operation = Operation::asked(call);
        operation.stack_event(stack, "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated");
        operation.stack_event(stack, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "");
        operation.stack_event(stack, "UPDATE_ROLLBACK_COMPLETE", "");
        self.begin(index, operation);
        Ok(String::new())
    }

    /// Marks the resources that a deletion retains.
    pub(super) fn retain(&mut self, call: &Call, index: usize) -> Result<(), Fault> {
        let stack = &mut self.stacks[index];
        for logical_id in call.list("RetainResources") {
            match stack.resources.get_mut(&logical_id) {
                Some(resource) if stack.status == "DELETE_FAILED" => resource.retained = true,
                _ => {
                    let message = "The specified resources to retain must be in a valid state";
                    return Err(Fault::validation(message));
                }
            }
        }
        Ok(())
    }

    fn in_state(&self, call: &Call, states: &[&str]) -> Result<(usize, String), Fault> {
        let index = self.find(call.parameter("StackName"))?;
        let stack = &self.stacks[index];
        if states.contains(&stack.status.as_str()) {
            return Ok((index, stack.status.clone()));
        }
        let message = format!(
            "{} cannot be called from current stack status {}",
            call.operation, stack.status
        );
        Err(Fault::validation(message))
    }
}
