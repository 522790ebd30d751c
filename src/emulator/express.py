"""EXPRESS mode, which MiniStack does not know. Its operations never wait for stable resources."""

import re
from http import HTTPStatus
from xml.etree import ElementTree

from ministack.services import cloudformation
from ministack.services.cloudformation import changesets, handlers, helpers

# The member of a stack or a change set in this mode: whether rollback is disabled.
MODE = "_stackctl_express"
# The member of a failed stack while an update of it begins.
REPLAYS = "_stackctl_replays"
FAILED = ("CREATE_FAILED", "UPDATE_FAILED")


def requested(params: dict) -> bool | None:
    """Returns whether a request in EXPRESS mode disables rollback; None in the standard mode.

    CloudFormation disables rollback unless the request says otherwise.
    """
    if helpers._p(params, "DeploymentConfig.Mode") != "EXPRESS":
        return None
    return helpers._p(params, "DeploymentConfig.DisableRollback") != "false"


def has_failed(stack: dict | None) -> bool:
    """Returns whether an operation in EXPRESS mode failed and was not rolled back."""
    return bool(stack) and MODE in stack and stack["StackStatus"] in FAILED


def refusal(stack: dict | None, params: dict) -> tuple | None:
    """Returns the error for another mode than that in which a stack failed."""
    if not has_failed(stack) or requested(params) is not None:
        return None
    message = (
        f"This stack is in a {stack['StackStatus']} state from a previous operation that used "
        "EXPRESS deployment mode with disable-rollback. Follow-up operations must use the same "
        "DeploymentConfig (mode=EXPRESS) until the stack reaches a *_COMPLETE state."
    )
    return helpers._error("ValidationError", message)


def set_mode(record: dict, mode: bool | None) -> None:
    """Sets the mode of a stack or a change set."""
    if mode is None:
        record.pop(MODE, None)
    else:
        record[MODE] = mode


def describe(body: bytes, path: str, modes: list[bool | None]) -> bytes:
    """Returns a response with the mode of each element at a path."""
    namespaces = {"": helpers.CFN_NS}
    ElementTree.register_namespace("", helpers.CFN_NS)
    root = ElementTree.fromstring(body)  # noqa: S314 - MiniStack wrote this XML
    for element, mode in zip(root.findall(path, namespaces), modes, strict=True):
        if mode is not None:
            config = ElementTree.SubElement(element, f"{{{helpers.CFN_NS}}}DeploymentConfig")
            values = {"Mode": "EXPRESS", "DisableRollback": str(mode).lower()}
            for name, value in values.items():
                ElementTree.SubElement(config, f"{{{helpers.CFN_NS}}}{name}").text = value
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def succeeded(response: tuple) -> bool:
    """Returns whether a response is no error."""
    return response[0] == HTTPStatus.OK


def stack_of(params: dict) -> dict | None:
    """Returns the stack of a request."""
    return handlers._resolve_stack(helpers._p(params, "StackName"))


def change_set_of(params: dict) -> dict | None:
    """Returns the change set of a request."""
    name, stack = helpers._p(params, "ChangeSetName"), helpers._p(params, "StackName")
    return changesets._find_change_set(name, stack)[1]


def add_change_sets(actions: dict) -> None:
    """Adds the mode to change sets."""
    names = ("CreateChangeSet", "DescribeChangeSet", "ExecuteChangeSet")
    create, describe_set, execute = (actions[name] for name in names)

    def create_aware(params: dict) -> tuple:
        refused = refusal(stack_of(params), params)
        if refused:
            return refused
        response = create(params)
        identifier = re.search(rb"<Id>(.*?)</Id>", response[2])
        if identifier:
            set_mode(cloudformation._change_sets[identifier[1].decode()], requested(params))
        return response

    def describe_aware(params: dict) -> tuple:
        status, headers, body = describe_set(params)
        mode = (change_set_of(params) or {}).get(MODE)
        if mode is not None:
            body = describe(body, "DescribeChangeSetResult", [mode])
        return status, headers, body

    def execute_aware(params: dict) -> tuple:
        change_set = change_set_of(params)
        mode = (change_set or {}).get(MODE)
        if mode:
            params["DisableRollback"] = ["true"]
        response = execute(params)
        if change_set and succeeded(response):
            set_mode(cloudformation._stacks[change_set["StackName"]], mode)
        return response

    actions.update(zip(names, (create_aware, describe_aware, execute_aware), strict=True))


def add_stacks(actions: dict) -> None:
    """Adds the mode to the other operations on stacks."""
    names = ("DescribeStacks", "UpdateStack", "RollbackStack", "DeleteStack")
    describe_stacks, update, roll_back, delete = (actions[name] for name in names)

    def describe_aware(params: dict) -> tuple:
        status, headers, body = describe_stacks(params)
        ids = [found.decode() for found in re.findall(rb"<StackId>(.*?)</StackId>", body)]
        modes = [(handlers._resolve_stack(stack_id) or {}).get(MODE) for stack_id in ids]
        if any(mode is not None for mode in modes):
            body = describe(body, "DescribeStacksResult/Stacks/member", modes)
        return status, headers, body

    def update_aware(params: dict) -> tuple:
        stack, mode = stack_of(params), requested(params)
        refused = refusal(stack, params)
        if refused or not stack:
            return refused or update(params)
        status = stack["StackStatus"]
        if mode:
            params["DisableRollback"] = ["true"]
            if status in FAILED:
                stack.update({"StackStatus": "UPDATE_COMPLETE", REPLAYS: True})
        response = update(params)
        replays = stack.pop(REPLAYS, False)
        if succeeded(response):
            set_mode(stack, mode)
        elif replays:
            stack["StackStatus"] = status
        return response

    def roll_back_aware(params: dict) -> tuple:
        if not has_failed(stack_of(params)):
            return roll_back(params)
        message = (
            "RollbackStack is not supported for stacks that were last updated using EXPRESS "
            "deployment mode and are in a failed state."
        )
        return helpers._error("ValidationError", message)

    def delete_aware(params: dict) -> tuple:
        stack = stack_of(params)
        refused = refusal(stack, params)
        if refused:
            return refused
        response = delete(params)
        if stack and succeeded(response):
            set_mode(stack, requested(params))
        return response

    aware = (describe_aware, update_aware, roll_back_aware, delete_aware)
    actions.update(zip(names, aware, strict=True))


def add() -> None:
    """Adds EXPRESS mode with its refusals after a failure. MiniStack ignores DeploymentConfig.

    An update of a stack that failed also begins if it changes nothing, as on AWS.
    """
    has_no_updates = handlers._stack_has_no_updates

    def has_no_updates_aware(stack: dict, *more: object, **options: object) -> bool:
        return REPLAYS not in stack and has_no_updates(stack, *more, **options)

    handlers._stack_has_no_updates = has_no_updates_aware
    add_change_sets(handlers._ACTION_HANDLERS)
    add_stacks(handlers._ACTION_HANDLERS)
