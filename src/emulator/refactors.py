"""Stack refactoring, which MiniStack does not know: resources get other logical ids.

Only renames within one stack are supported. The record of a resource moves to its new logical id,
and the resource itself stays as it is.
"""

import copy
import uuid
from asyncio import sleep
from collections.abc import Iterator

from ministack.core import responses
from ministack.services import cloudformation
from ministack.services.cloudformation import engine, handlers, helpers, stacks
from ministack.services.cloudformation import provisioners as cfn

# The members of a template that a refactor must not change.
FIXED_SECTIONS = ("Conditions", "Mappings", "Metadata", "Parameters", "Rules", "Transform")
# The member of a stack with the ids from which its physical names are generated, by logical id.
NAMES = "_stackctl_names"
STACK = "AWS::CloudFormation::Stack"
STATES = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE")

refactors = responses.AccountRegionScopedDict()


def moves_of(params: dict, name: str) -> dict[str, str]:
    """Returns the new logical ids by the old ones.

    Raises ValueError if a mapping is incomplete or names another stack.
    """
    moves: dict[str, str] = {}
    while any(key.startswith(f"ResourceMappings.member.{len(moves) + 1}.") for key in params):
        at = f"ResourceMappings.member.{len(moves) + 1}"
        ends = []
        for end in ("Source", "Destination"):
            stack_name = helpers._p(params, f"{at}.{end}.StackName")
            if stack_name != name:
                raise ValueError(f"Stack {stack_name} is not part of the stack definitions")
            ends.append(helpers._p(params, f"{at}.{end}.LogicalResourceId"))
        if not all(ends):
            raise ValueError("Value null at 'logicalResourceId' failed to satisfy constraint")
        if ends[0] in moves:
            raise ValueError(f"Resource {ends[0]} has several destinations")
        moves[ends[0]] = ends[1]
    return moves


def resolved(stack: dict, template: dict, resources: dict) -> dict:
    """Returns the resources of a template with their references resolved."""
    parameters = stack["_resolved_params"]
    values = {}
    for logical_id, resource in template.get("Resources", {}).items():
        values[logical_id] = engine._resolve_refs(
            copy.deepcopy({k: v for k, v in resource.items() if k != "DependsOn"}),
            resources,
            parameters,
            engine._evaluate_conditions(template, parameters),
            template.get("Mappings", {}),
            stack["StackName"],
            stack["StackId"],
        )
    return values


def problems(stack: dict, template: dict, moves: dict[str, str]) -> Iterator[str]:
    """Yields why a stack cannot be refactored."""
    deployed, records, name = stack["_template"], stack["_resources"], stack["StackName"]
    if stack.get("_stack_policy"):
        yield "Stack refactor does not support stacks with a stack policy"
    if stack["StackStatus"] not in STATES:
        yield f"Stack {name} is in {stack['StackStatus']} state"
    for old, new in moves.items():
        if old not in records:
            yield f"Resource {old} does not exist in stack {name}"
        if new in deployed["Resources"] and new not in moves:
            yield f"Resource {new} already exists in stack {name}"
    for section in FIXED_SECTIONS:
        if template.get(section) != deployed.get(section):
            yield f"Stack refactor does not support changes of {section}"
    renamed = {moves.get(old, old): record for old, record in records.items()}
    before = resolved(stack, deployed, records)
    if resolved(stack, template, renamed) != {moves.get(k, k): v for k, v in before.items()}:
        yield "Stack refactor does not support modifying, adding or deleting resources"


def create(params: dict) -> tuple:
    """CreateStackRefactor: checks the template and stores the refactor."""
    name = helpers._p(params, "StackDefinitions.member.1.StackName")
    stack = handlers._resolve_stack(name)
    if not stack or stack["StackStatus"] == "DELETE_COMPLETE":
        return helpers._error("ValidationError", f"Stack [{name}] does not exist")
    if helpers._p(params, "StackDefinitions.member.2.StackName"):
        return helpers._error("ValidationError", "The emulator refactors one stack at a time")
    source = {
        key: params[f"StackDefinitions.member.1.{key}"]
        for key in ("TemplateBody", "TemplateURL")
        if f"StackDefinitions.member.1.{key}" in params
    }
    body, error = helpers._resolve_template(source)
    if error:
        return error
    try:
        moves = moves_of(params, name)
        template = engine._parse_template(body or "")
        template = engine._apply_transforms(template, [], stack.get("_resolved_params", {}))
    except ValueError as exc:
        return helpers._error("ValidationError", str(exc))
    reason = next(problems(stack, template, moves), "")
    refactor_id = str(uuid.uuid4())
    refactors[refactor_id] = {
        "Description": helpers._p(params, "Description"),
        "Status": "CREATE_FAILED" if reason else "CREATE_COMPLETE",
        "StatusReason": reason,
        "ExecutionStatus": "UNAVAILABLE" if reason else "AVAILABLE",
        "ExecutionStatusReason": "",
        "_stack_id": stack["StackId"],
        "_updated": stack["LastUpdatedTime"],
        "_moves": moves,
        "_template": template,
        "_template_body": body,
    }
    return answer("CreateStackRefactor", text("StackRefactorId", refactor_id))


def current(refactor: dict) -> dict:
    """Returns a refactor after its stack may have changed."""
    stack = handlers._resolve_stack(refactor["_stack_id"])
    is_same = stack and stack["LastUpdatedTime"] == refactor["_updated"]
    if refactor["ExecutionStatus"] == "AVAILABLE" and not is_same:
        refactor["ExecutionStatus"] = "OBSOLETE"
        refactor["ExecutionStatusReason"] = "The stack was changed after the refactor was created"
    return refactor


def summary(refactor_id: str, refactor: dict) -> str:
    """Returns the members that describe a refactor."""
    members = text("StackRefactorId", refactor_id)
    members += text("Description", refactor["Description"])
    for name in ("Status", "StatusReason", "ExecutionStatus", "ExecutionStatusReason"):
        members += text(name, refactor[name])
    return members


def find(params: dict) -> tuple[str, dict | None]:
    """Returns the id that a request names, and its refactor."""
    refactor_id = helpers._p(params, "StackRefactorId")
    refactor = refactors.get(refactor_id)
    return refactor_id, current(refactor) if refactor else None


def missing(refactor_id: str) -> tuple:
    """Returns the error for an id of no refactor."""
    message = f"Stack refactor {refactor_id} does not exist"
    return helpers._error("StackRefactorNotFoundException", message, 404)


def describe(params: dict) -> tuple:
    """DescribeStackRefactor."""
    refactor_id, refactor = find(params)
    if refactor is None:
        return missing(refactor_id)
    stack_ids = f"<StackIds>{text('member', refactor['_stack_id'])}</StackIds>"
    return answer("DescribeStackRefactor", summary(refactor_id, refactor) + stack_ids)


def list_all(params: dict) -> tuple:
    """ListStackRefactors."""
    statuses = helpers._extract_string_members(params, "ExecutionStatusFilter")
    members = [
        f"<member>{summary(refactor_id, current(refactor))}</member>"
        for refactor_id, refactor in refactors.items()
        if not statuses or current(refactor)["ExecutionStatus"] in statuses
    ]
    return page("ListStackRefactors", "StackRefactorSummaries", members, params)


def list_actions(params: dict) -> tuple:
    """ListStackRefactorActions: one MOVE for each resource."""
    refactor_id, refactor = find(params)
    if refactor is None:
        return missing(refactor_id)
    stack = handlers._resolve_stack(refactor["_stack_id"]) or {"StackName": "", "_resources": {}}
    records, members = stack["_resources"], []
    for old, new in refactor["_moves"].items():
        record = records.get(old) or records.get(new) or {}
        ends = "".join(
            f"<{end}>{text('StackName', stack['StackName'])}"
            f"{text('LogicalResourceId', logical_id)}</{end}>"
            for end, logical_id in (("Source", old), ("Destination", new))
        )
        members.append(
            "<member><Action>MOVE</Action><Entity>RESOURCE</Entity><Detection>MANUAL</Detection>"
            f"{text('PhysicalResourceId', record.get('PhysicalResourceId', ''))}"
            f"<ResourceMapping>{ends}</ResourceMapping></member>"
        )
    return page("ListStackRefactorActions", "StackRefactorActions", members, params)


def execute(params: dict) -> tuple:
    """ExecuteStackRefactor: starts to move the records."""
    refactor_id, refactor = find(params)
    if refactor is None:
        return missing(refactor_id)
    status = refactor["ExecutionStatus"]
    if status != "AVAILABLE":
        message = f"Stack refactor {refactor_id} is in {status} status and cannot be executed"
        return helpers._error("ValidationError", message)
    stack = handlers._resolve_stack(refactor["_stack_id"])
    refactor["ExecutionStatus"] = "EXECUTE_IN_PROGRESS"
    stack_event(stack, "UPDATE_IN_PROGRESS", "User Initiated")
    stack["LastUpdatedTime"] = responses.now_iso()
    stack_id = stack["StackId"]
    stacks._create_stack_task_in_region(move(refactor, stack), stack, stack_id)
    return answer("ExecuteStackRefactor", "")


async def move(refactor: dict, stack: dict) -> None:
    """Gives the records of a stack their new logical ids."""
    moves, records = refactor["_moves"], stack["_resources"]
    for old in moves:
        resource_event(stack, old, records[old], "EXPORT_IN_PROGRESS", "EXPORT_COMPLETE")
        await sleep(0)
    stack["_resources"] = {moves.get(old, old): record for old, record in records.items()}
    names = stack.get(NAMES, {})
    kept = {new: names.get(old, old) for old, new in moves.items()}
    stack[NAMES] = names | {old: f"{old}{uuid.uuid4().hex[:4]}" for old in moves} | kept
    for new in moves.values():
        record = stack["_resources"][new]
        record.update(LogicalResourceId=new, ResourceStatus="IMPORT_COMPLETE")
        resource_event(stack, new, record, "IMPORT_IN_PROGRESS", "IMPORT_COMPLETE")
        await sleep(0)
    stack["_template"] = refactor["_template"]
    stack["_template_body"] = refactor["_template_body"]
    refactor["ExecutionStatus"] = "EXECUTE_COMPLETE"
    stack_event(stack, "UPDATE_COMPLETE")


def stack_event(stack: dict, status: str, reason: str = "") -> None:
    """Sets the status of a stack and records the event."""
    stack.update(StackStatus=status, StackStatusReason=reason)
    stack_id, name = stack["StackId"], stack["StackName"]
    stacks._add_event(stack_id, name, name, STACK, status, reason, stack_id)


def resource_event(stack: dict, logical_id: str, record: dict, *statuses: str) -> None:
    """Records events of a resource."""
    for status in statuses:
        stacks._add_event(
            stack["StackId"],
            stack["StackName"],
            logical_id,
            record["ResourceType"],
            status,
            physical_id=record["PhysicalResourceId"],
        )


def keep_generated_names() -> None:
    """Keeps the generated physical names of renamed resources.

    MiniStack generates a name again at each update, from the logical id, and replaces the resource
    if the name differs. A new resource with the old id gets another name.
    """
    generate = cfn._physical_name

    def generate_once(stack_name: str, logical_id: str, **options: object) -> str:
        names = cloudformation._stacks.get(stack_name, {}).get(NAMES, {})
        return generate(stack_name, names.get(logical_id, logical_id), **options)

    cfn._physical_name = generate_once


def text(name: str, value: str) -> str:
    """Returns an element with a text; an empty string if there is none."""
    return f"<{name}>{helpers._esc(value)}</{name}>" if value else ""


def page(operation: str, name: str, members: list[str], params: dict) -> tuple:
    """Returns the answer of an operation that lists something."""
    members, token, error = helpers._page(members, params, operation)
    return error or answer(operation, f"<{name}>{''.join(members)}</{name}>{token}")


def answer(operation: str, inner: str) -> tuple:
    """Returns the answer of an operation."""
    result = f"<{operation}Result>{inner}</{operation}Result>"
    return helpers._xml(200, f"{operation}Response", result)


def add() -> None:
    """Adds the five operations of stack refactoring."""
    keep_generated_names()
    handlers._ACTION_HANDLERS.update(
        CreateStackRefactor=create,
        DescribeStackRefactor=describe,
        ExecuteStackRefactor=execute,
        ListStackRefactorActions=list_actions,
        ListStackRefactors=list_all,
    )
