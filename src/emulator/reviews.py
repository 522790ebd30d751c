"""Several change sets for a stack that does not exist yet.

The first one creates the stack in the status REVIEW_IN_PROGRESS. On AWS, another one belongs to the
same stack. MiniStack replaces the stack by one with another id, so that two deployments at the same
time both succeed.
"""

from ministack.services import cloudformation
from ministack.services.cloudformation import handlers, helpers

IN_REVIEW = "REVIEW_IN_PROGRESS"


def add() -> None:
    """Keeps the stack that an earlier change set created."""
    create = handlers._ACTION_HANDLERS["CreateChangeSet"]

    def create_for_stack(params: dict) -> tuple:
        stack = handlers._resolve_stack(helpers._p(params, "StackName"))
        if not stack or stack["StackStatus"] != IN_REVIEW:
            return create(params)
        name, stack_id = stack["StackName"], stack["StackId"]
        events = cloudformation._stack_events.get(stack_id)
        status, headers, body = create(params)
        other = cloudformation._stacks.get(name)
        if other is stack:
            return status, headers, body
        cloudformation._stacks[name] = stack
        cloudformation._stack_events[stack_id] = events
        if other:
            other_id = other["StackId"]
            cloudformation._stack_events.pop(other_id, None)
            for change_set in cloudformation._change_sets.values():
                if change_set["StackId"] == other_id:
                    change_set["StackId"] = stack_id
            body = body.replace(other_id.encode(), stack_id.encode())
        return status, headers, body

    handlers._ACTION_HANDLERS["CreateChangeSet"] = create_for_stack
