"""AWS's rules for exports, of which MiniStack knows only a part.

An update fails if it removes or changes an export that another stack imports, or if another stack
already has an export of the same name. MiniStack lets both succeed, and keeps removed exports.
CloudFormation accepts the deletion of a stack whose export is imported, and then cancels it: the
stack returns to the status that it had before.
"""

import re
from contextvars import ContextVar

from ministack.services import cloudformation
from ministack.services.cloudformation import handlers, helpers, stacks

STACK = "AWS::CloudFormation::Stack"
# A stack in one of these states has no resources, and so imports nothing.
EMPTY = ("DELETE_COMPLETE", "REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE")
NOT_FOUND = re.compile(r"^Export '(.+)' not found$")

# Why the exports of the operation that this task runs are refused.
refusal: ContextVar[str] = ContextVar("refusal", default="")
# The same, once MiniStack has found out that the operation fails.
rollback_reason: ContextVar[str] = ContextVar("rollback_reason", default="")


def importers(export: str, exporter: str) -> list[str]:
    """Returns the names of the other stacks that import an export."""
    return sorted(
        name
        for name, stack in cloudformation._stacks.items()
        if name != exporter and export in handlers._imported_export_names(stack, name)
    )


def enumerate_names(names: list[str]) -> str:
    """Returns `a, b and c`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def exports_of(stack: dict) -> dict[str, str]:
    """Returns the values that a stack exports, by the names of the exports."""
    outputs = stack.get("Outputs") or []
    return {it["ExportName"]: it["OutputValue"] for it in outputs if it.get("ExportName")}


def refused(stack: dict, exports: dict[str, dict]) -> str:
    """Returns why a stack cannot have these exports; an empty string if it can."""
    name = stack["StackName"]
    for export in exports:
        owner = cloudformation._exports.get(export)
        if owner and owner["StackId"] != stack["StackId"]:
            other = owner["StackId"].split("/")[1]
            return f"Export with name {export} is already exported by stack {other}"
    for export, value in exports_of(stack).items():
        new = exports.get(export)
        if new and str(new["Value"]) == str(value):
            continue
        users = importers(export, name)
        if users:
            verb = "updated" if new else "deleted"
            return f"Export {export} cannot be {verb} as it is in use by {enumerate_names(users)}"
    return ""


def ignore_empty_stacks() -> None:
    """Ignores the imports in the template of a stack that has no resources."""
    imported = handlers._imported_export_names

    def imported_by_resources(stack: dict, name: str) -> set[str]:
        return set() if stack["StackStatus"] in EMPTY else imported(stack, name)

    handlers._imported_export_names = imported_by_resources


def guard_operations() -> None:
    """Lets an operation fail and roll back if its exports are refused."""
    resolve = stacks._resolve_stack_outputs
    roll_back = stacks._roll_back_operation
    add_event = stacks._add_event

    def resolve_allowed(*args: object) -> tuple[list, dict]:
        outputs, exports = resolve(*args)
        stack = cloudformation._stacks[args[5]]
        reason = refused(stack, exports)
        if reason:
            refusal.set(reason)
            raise ValueError(reason)
        for export in exports_of(stack).keys() - exports.keys():
            cloudformation._exports.pop(export, None)
        return outputs, exports

    def add_event_as_aws(*args: str, **options: str) -> None:
        event, reason, more = args[:5], "".join(args[5:6]), args[6:]
        if reason and reason == refusal.get():
            # AWS has no such event. With rollback disabled, MiniStack writes it again.
            refusal.set("")
            rollback_reason.set(reason)
            return
        reason = NOT_FOUND.sub(r"No export named \1 found", reason)
        add_event(*event, reason, *more, **options)

    async def roll_back_with_reason(
        stack_name: str, stack_id: str, stack: dict, operation: dict, reason_override: str = ""
    ) -> None:
        reason = reason_override or rollback_reason.get()
        await roll_back(stack_name, stack_id, stack, operation, reason)

    stacks._resolve_stack_outputs = resolve_allowed
    stacks._add_event = add_event_as_aws
    stacks._roll_back_operation = roll_back_with_reason


def cancel_deletions() -> None:
    """Cancels the deletion of a stack whose export is imported. MiniStack refuses the call."""
    delete = handlers._ACTION_HANDLERS["DeleteStack"]

    def delete_unused(params: dict) -> tuple:
        stack = handlers._resolve_stack(helpers._p(params, "StackName"))
        if not stack or stack["StackStatus"] in EMPTY or stack.get("EnableTerminationProtection"):
            return delete(params)
        name, stack_id, status = stack["StackName"], stack["StackId"], stack["StackStatus"]
        used = {export: importers(export, name) for export in exports_of(stack)}
        for export, users in used.items():
            if users:
                reason = (
                    f"Delete canceled. Cannot delete export {export} as it is in use by "
                    f"{enumerate_names(users)}."
                )
                for event in (("DELETE_IN_PROGRESS", "User Initiated"), (status, reason)):
                    stacks._add_event(stack_id, name, name, STACK, *event, stack_id)
                return helpers._xml(200, "DeleteStackResponse", "")
        return delete(params)

    handlers._ACTION_HANDLERS["DeleteStack"] = delete_unused


def add() -> None:
    """Adds AWS's rules."""
    ignore_empty_stacks()
    guard_operations()
    cancel_deletions()
