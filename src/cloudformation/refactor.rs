//! A stack refactor, as CloudFormation describes it: how far it is, and what it would do.
//!
//! stackctl uses it for one purpose: to give resources of a stack other logical ids.

use crate::cloudformation::stack::{Resource, Stack, name_of};
use crate::cloudformation::status::statuses;

statuses! {
    /// Whether a refactor exists (`StackRefactorStatus`).
    RefactorStatus {
        CreateInProgress = "CREATE_IN_PROGRESS", "Being created.";
        CreateComplete = "CREATE_COMPLETE", "Created.";
        CreateFailed = "CREATE_FAILED", "The creation failed.";
        DeleteInProgress = "DELETE_IN_PROGRESS", "Being deleted.";
        DeleteComplete = "DELETE_COMPLETE", "Deleted.";
        DeleteFailed = "DELETE_FAILED", "The deletion failed.";
    }
}

statuses! {
    /// How far the execution of a refactor is (`StackRefactorExecutionStatus`).
    ExecutionStatus {
        Unavailable = "UNAVAILABLE", "It cannot be executed, or not yet.";
        Available = "AVAILABLE", "It can be executed.";
        Obsolete = "OBSOLETE", "It can no longer be executed.";
        ExecuteInProgress = "EXECUTE_IN_PROGRESS", "Being executed.";
        ExecuteComplete = "EXECUTE_COMPLETE", "Executed.";
        ExecuteFailed = "EXECUTE_FAILED", "The execution failed.";
        RollbackInProgress = "ROLLBACK_IN_PROGRESS", "The execution failed and is being rolled back.";
        RollbackComplete = "ROLLBACK_COMPLETE", "The execution failed and was rolled back.";
        RollbackFailed = "ROLLBACK_FAILED", "The execution and its rollback failed.";
    }
}

impl ExecutionStatus {
    /// Returns whether the execution runs, or its rollback.
    pub fn is_running(&self) -> bool {
        match self {
            Self::ExecuteInProgress | Self::RollbackInProgress => true,
            Self::Unknown(wire) => wire.ends_with("_IN_PROGRESS"),
            _ => false,
        }
    }

    /// Returns whether the execution was requested, whatever came of it.
    pub fn has_begun(&self) -> bool {
        !matches!(self, Self::Unavailable | Self::Available | Self::Obsolete)
    }

    /// Returns whether the status does not change any more after the execution was requested.
    pub fn is_terminal(&self) -> bool {
        !self.is_running() && !matches!(self, Self::Unavailable | Self::Available)
    }
}

/// A stack refactor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refactor {
    /// The id.
    pub id: String,
    /// The ARNs of the stacks that it is about; empty in a list of refactors.
    pub stack_ids: Vec<String>,
    /// The description that it was created with; empty if it has none.
    pub description: String,
    /// Whether it exists.
    pub status: RefactorStatus,
    /// The reason of the status; `None` if the API gives none.
    pub reason: Option<String>,
    /// How far its execution is.
    pub execution: ExecutionStatus,
    /// The reason of the execution's status; `None` if the API gives none.
    pub execution_reason: Option<String>,
}

impl Refactor {
    /// Returns whether its creation has ended, so that it can be executed or never will be.
    pub fn is_created(&self) -> bool {
        match &self.status {
            RefactorStatus::CreateInProgress => false,
            RefactorStatus::CreateComplete => self.execution != ExecutionStatus::Unavailable,
            _ => true,
        }
    }

    /// Returns the reason that the API gives for the status of the execution, or for the status.
    pub fn any_reason(&self) -> Option<&str> {
        let reasons = [&self.execution_reason, &self.reason];
        reasons.into_iter().flatten().map(String::as_str).next()
    }
}

/// A resource that gets another logical id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// The logical id that it has.
    pub from: String,
    /// The logical id that it gets.
    pub to: String,
    /// The type, such as `AWS::S3::Bucket`; empty if it is not known.
    pub resource_type: String,
    /// The physical id, which stays; `None` if it is not known.
    pub physical_id: Option<String>,
}

impl Move {
    /// Returns whether these resources of a stack show the resource under its new id.
    pub fn is_done(&self, resources: &[Resource]) -> bool {
        let named = |id: &str| resources.iter().find(|it| it.logical_id == id);
        let is_same = |it: &Resource| match (&self.physical_id, &it.physical_id) {
            (Some(before), Some(now)) => before == now,
            _ => true,
        };
        named(&self.from).is_none_or(|it| !is_present(it)) && named(&self.to).is_some_and(is_same)
    }

    /// Returns whether these resources of a stack show the resource under its old id.
    pub fn is_undone(&self, resources: &[Resource]) -> bool {
        let has = |id: &str| {
            let mut found = resources.iter().filter(|it| is_present(it));
            found.any(|it| it.logical_id == id)
        };
        has(&self.from) && !has(&self.to)
    }
}

/// Returns whether a resource of a stack still belongs to it.
fn is_present(resource: &Resource) -> bool {
    resource.status != "DELETE_COMPLETE" && resource.status != "EXPORT_COMPLETE"
}

/// Where a resource is: a stack and a logical id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Location {
    /// The name or the ARN of the stack.
    pub stack: String,
    /// The logical id.
    pub logical_id: String,
}

/// One action of a refactor. The texts are unchanged from the API; those that it lacks are empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Action {
    /// `MOVE` or `CREATE`.
    pub action: String,
    /// `RESOURCE` or `STACK`.
    pub entity: String,
    /// The place from which a resource moves.
    pub from: Location,
    /// The place to which it moves.
    pub to: Location,
    /// The physical id.
    pub physical_id: String,
    /// The tags that the resource gets: keys and values.
    pub tags: Vec<(String, String)>,
    /// The keys of the tags that it loses.
    pub untags: Vec<String>,
}

/// Returns what a refactor would do besides the moves that were asked for, and what it would leave
/// out, one sentence each; none if it does exactly what was asked for.
pub fn deviations(actions: &[Action], moves: &[Move], stack: &Stack) -> Vec<String> {
    let mut found = Vec::new();
    let mut seen: Vec<&Move> = Vec::new();
    for action in actions {
        let asked = moves.iter().find(|moved| {
            let is_here = |at: &Location| name_of(&at.stack) == stack.name;
            moved.from == action.from.logical_id
                && moved.to == action.to.logical_id
                && is_here(&action.from)
                && is_here(&action.to)
        });
        match asked {
            Some(asked) if action.action == "MOVE" && action.entity == "RESOURCE" => {
                if seen.contains(&asked) {
                    found.push(format!("it moves `{}` twice", asked.from));
                }
                seen.push(asked);
                found.extend(changed_tags(action, stack));
            }
            _ => found.push(format!("it would also {}", action.sentence())),
        }
    }
    let left_out = moves.iter().filter(|moved| !seen.contains(moved));
    found.extend(left_out.map(|it| format!("it would not move `{}` to `{}`", it.from, it.to)));
    found
}

/// Returns which tags an action would change. AWS's own name the stack and the logical id, so they
/// change with it; the stack's are on the resource already.
fn changed_tags(action: &Action, stack: &Stack) -> Option<String> {
    let is_own = |key: &str| key.starts_with("aws:");
    let gets = action.tags.iter().filter(|(key, value)| {
        let of_stack = stack.tags.get(key) == Some(value);
        !is_own(key) && !of_stack
    });
    let loses = action.untags.iter().filter(|key| !is_own(key));
    let keys: Vec<String> = (gets.map(|(key, _)| key).chain(loses))
        .map(|key| format!("`{key}`"))
        .collect();
    let id = &action.from.logical_id;
    (!keys.is_empty()).then(|| format!("it would change tags of `{id}`: {}", keys.join(", ")))
}

impl Action {
    /// Returns what the action does, as it completes "it would also …".
    fn sentence(&self) -> String {
        let place = |at: &Location| match (&*at.stack, &*at.logical_id) {
            ("", id) => format!("`{id}`"),
            (stack, "") => format!("`{}`", name_of(stack)),
            (stack, id) => format!("`{id}` of `{}`", name_of(stack)),
        };
        let known = |text: &str| if text.is_empty() { "?" } else { text }.to_owned();
        let mut text = format!("{} {}", known(&self.action), known(&self.entity));
        if self.from != Location::default() {
            text.push_str(&format!(" {}", place(&self.from)));
        }
        if self.to != Location::default() {
            text.push_str(&format!(" to {}", place(&self.to)));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{Action, ExecutionStatus, Location, Move, RefactorStatus, deviations};
    use crate::cloudformation::stack::{Resource, Stack};

    #[test]
    fn a_status_that_is_not_known_is_kept() {
        for wire in ["CREATE_COMPLETE", "DELETE_FAILED", "ARCHIVED"] {
            assert_eq!(RefactorStatus::from_wire(wire).as_str(), wire);
        }
        let table = [
            ("UNAVAILABLE", [false, false, false]),
            ("AVAILABLE", [false, false, false]),
            ("OBSOLETE", [false, false, true]),
            ("EXECUTE_IN_PROGRESS", [true, true, false]),
            ("EXECUTE_COMPLETE", [false, true, true]),
            ("EXECUTE_FAILED", [false, true, true]),
            ("ROLLBACK_IN_PROGRESS", [true, true, false]),
            ("ROLLBACK_COMPLETE", [false, true, true]),
            ("ROLLBACK_FAILED", [false, true, true]),
            ("VERIFY_IN_PROGRESS", [true, true, false]),
            ("PARTLY_COMPLETE", [false, true, true]),
        ];
        for (wire, expected) in table {
            let status = ExecutionStatus::from_wire(wire);
            assert_eq!(status.as_str(), wire);
            let found = [
                status.is_running(),
                status.has_begun(),
                status.is_terminal(),
            ];
            assert_eq!(found, expected, "{wire}");
        }
    }

    fn rename(from: &str, to: &str) -> Move {
        Move {
            from: from.to_owned(),
            to: to.to_owned(),
            resource_type: "AWS::S3::Bucket".to_owned(),
            physical_id: Some("data".to_owned()),
        }
    }

    fn stack() -> Stack {
        Stack {
            id: "arn:aws:cloudformation:eu-west-1:1:stack/demo/1".to_owned(),
            name: "demo".to_owned(),
            tags: [("team".to_owned(), "a".to_owned())].into(),
            ..Stack::default()
        }
    }

    /// Returns the action `ACTION ENTITY STACK/FROM STACK/TO`.
    fn action(text: &str) -> Action {
        let words: Vec<&str> = text.split(' ').collect();
        let word = |index: usize| words.get(index).copied().unwrap_or_default();
        let at = |index: usize| {
            let (stack, id) = word(index).split_once('/').unwrap_or_default();
            Location {
                stack: stack.to_owned(),
                logical_id: id.to_owned(),
            }
        };
        Action {
            action: word(0).to_owned(),
            entity: word(1).to_owned(),
            from: at(2),
            to: at(3),
            ..Action::default()
        }
    }

    #[test]
    fn only_the_moves_that_were_asked_for_are_accepted() {
        let asked = [rename("A", "B"), rename("C", "D")];
        let good = ["MOVE RESOURCE demo/A demo/B", "MOVE RESOURCE demo/C demo/D"];
        let check = |texts: &[&str]| {
            let actions: Vec<Action> = texts.iter().map(|text| action(text)).collect();
            deviations(&actions, &asked, &stack())
        };
        assert_eq!(check(&good), [""; 0]);
        assert_eq!(check(&good[..1]), ["it would not move `C` to `D`"]);
        assert_eq!(check(&[good[0], good[1], good[0]]), ["it moves `A` twice"]);
        let others = [
            ("CREATE STACK / demo2/", "CREATE STACK to `demo2`"),
            (
                "MOVE RESOURCE demo/E demo/F",
                "MOVE RESOURCE `E` of `demo` to `F` of `demo`",
            ),
            (
                "MOVE RESOURCE demo/A other/B",
                "MOVE RESOURCE `A` of `demo` to `B` of `other`",
            ),
            (
                "COPY RESOURCE demo/A demo/B",
                "COPY RESOURCE `A` of `demo` to `B` of `demo`",
            ),
            ("", "? ?"),
        ];
        for (other, sentence) in others {
            let sentence = format!("it would also {sentence}");
            assert_eq!(check(&[good[0], good[1], other]), [sentence], "{other}");
        }
    }

    #[test]
    fn a_location_may_name_its_stack_by_the_arn() {
        let mut by_arn = action("MOVE RESOURCE demo/A demo/B");
        by_arn.from.stack = stack().id;
        by_arn.to.stack = stack().id;
        assert_eq!(
            deviations(&[by_arn], &[rename("A", "B")], &stack()),
            [""; 0]
        );
    }

    #[test]
    fn tags_of_users_must_stay() {
        let with = |tags: &[(&str, &str)], untags: &[&str]| {
            let mut moved = action("MOVE RESOURCE demo/A demo/B");
            let tags = tags.iter();
            moved.tags = tags
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect();
            moved.untags = untags.iter().map(|key| (*key).to_owned()).collect();
            deviations(&[moved], &[rename("A", "B")], &stack())
        };
        let own = [("aws:cloudformation:logical-id", "B"), ("team", "a")];
        assert_eq!(with(&own, &["aws:cloudformation:stack-id"]), [""; 0]);
        assert_eq!(
            with(&[("team", "b")], &["cost"]),
            ["it would change tags of `A`: `team`, `cost`"]
        );
    }

    #[test]
    fn the_resources_prove_a_rename() {
        let resource = |id: &str, physical: &str, status: &str| Resource {
            logical_id: id.to_owned(),
            physical_id: (!physical.is_empty()).then(|| physical.to_owned()),
            resource_type: "AWS::S3::Bucket".to_owned(),
            status: status.to_owned(),
            reason: None,
        };
        let (old, new) = (
            resource("A", "data", "CREATE_COMPLETE"),
            resource("B", "data", "UPDATE_COMPLETE"),
        );
        let gone = resource("A", "data", "EXPORT_COMPLETE");
        let cases: &[(&[Resource], [bool; 2])] = &[
            (std::slice::from_ref(&old), [false, true]),
            (std::slice::from_ref(&new), [true, false]),
            (&[old.clone(), new.clone()], [false, false]),
            (&[gone, new.clone()], [true, false]),
            (&[resource("B", "other", "CREATE_COMPLETE")], [false, false]),
            (&[], [false, false]),
        ];
        for (resources, expected) in cases {
            let it = rename("A", "B");
            let found = [it.is_done(resources), it.is_undone(resources)];
            assert_eq!(found, *expected, "{resources:?}");
        }
    }
}
