"""Change sets that revert drift, which MiniStack does not know."""

import json
import re
from xml.etree import ElementTree

from ministack.core import responses
from ministack.services import cloudformation
from ministack.services.cloudformation import changesets, drift, handlers, helpers
from ministack.services.cloudformation import provisioners as cfn

REVERT_DRIFT = "REVERT_DRIFT"


def drifted_resources(stack: dict) -> dict[str, dict]:
    """Returns the results of drift detection for the drifted resources, by logical id.

    Properties that require replacement are omitted, because AWS does not revert their drift either.
    """
    drifts = {}
    for logical_id, record in stack["_resources"].items():
        resource_type = record["ResourceType"]
        if not drift.supports_drift(resource_type):
            continue
        result = drift.detect_resource_drift(stack, logical_id, record, responses.now_iso())
        result["PropertyDifferences"] = [
            difference
            for difference in result.get("PropertyDifferences", [])
            if cfn._property_recreation(resource_type, property_name(difference)) != "Always"
        ]
        if result["StackResourceDriftStatus"] == "DELETED" or result["PropertyDifferences"]:
            drifts[logical_id] = result
    return drifts


def property_name(difference: dict) -> str:
    """Returns the name of the top-level property that contains a difference."""
    return difference["PropertyPath"].split("/")[1]


def with_drift_reverts(changes: list, drifts: dict[str, dict]) -> list:
    """Returns the changes of a change set with additional changes that revert drift.

    A deleted resource is created again. If the template already changes a property, its change
    stays the same.
    """
    by_id = {change["ResourceChange"]["LogicalResourceId"]: change for change in changes}
    for logical_id, drifted in drifts.items():
        change = by_id.get(logical_id, {}).get("ResourceChange", {})
        if change.get("Action") == "Remove":
            continue
        new = {"LogicalResourceId": logical_id, "ResourceType": drifted["ResourceType"]}
        by_id[logical_id] = {"ResourceChange": new}
        if drifted["StackResourceDriftStatus"] == "DELETED":
            new["Action"] = "Add"
            continue
        details = list(change.get("Details", []))
        edited = {detail["Target"].get("Name") for detail in details}
        for difference in drifted["PropertyDifferences"]:
            name = property_name(difference)
            if name not in edited:
                recreation = cfn._property_recreation(drifted["ResourceType"], name)
                target = {"Attribute": "Properties", "Name": name, "RequiresRecreation": recreation}
                detail = {"Target": target, "ChangeSource": "NoModification", "_drift": difference}
                details.append(detail)
        new |= {
            "Action": "Modify",
            "PhysicalResourceId": drifted["PhysicalResourceId"],
            "Replacement": change.get("Replacement", "False"),
            "Scope": change.get("Scope", ["Properties"]),
            "Details": details,
        }
    return [by_id[logical_id] for logical_id in sorted(by_id)]


def describe_drift(body: bytes, change_set: dict) -> bytes:
    """Returns the response of DescribeChangeSet with the data about drift added."""
    namespaces = {"": helpers.CFN_NS}
    ElementTree.register_namespace("", helpers.CFN_NS)

    def add(parent: ElementTree.Element, name: str, value: str) -> ElementTree.Element:
        element = ElementTree.SubElement(parent, f"{{{helpers.CFN_NS}}}{name}")
        element.text = value
        return element

    root = ElementTree.fromstring(body)  # noqa: S314 - MiniStack wrote this XML
    result = root.find("DescribeChangeSetResult", namespaces)
    add(result, "DeploymentMode", REVERT_DRIFT)
    add(result, "StackDriftStatus", "DRIFTED" if change_set["_drift"] else "IN_SYNC")
    elements = result.findall("Changes/member/ResourceChange", namespaces)
    for element, entry in zip(elements, change_set["Changes"], strict=True):
        change = entry["ResourceChange"]
        drifted = change_set["_drift"].get(change["LogicalResourceId"], {})
        add(element, "ResourceDriftStatus", drifted.get("StackResourceDriftStatus", "IN_SYNC"))
        targets = element.findall("Details/member/Target", namespaces)
        for target, detail in zip(targets, change.get("Details", []), strict=True):
            difference = detail.get("_drift")
            if difference is None:
                continue
            expected, actual = difference["ExpectedValue"], difference["ActualValue"]
            add(target, "Path", "/Properties" + difference["PropertyPath"])
            if difference["DifferenceType"] != "REMOVE":
                add(target, "BeforeValue", actual)
            if difference["DifferenceType"] != "ADD":
                add(target, "AfterValue", expected)
            add(target, "BeforeValueFrom", "ACTUAL_STATE")
            add(target, "AfterValueFrom", "TEMPLATE")
            drift_element = add(target, "Drift", "")
            add(drift_element, "PreviousValue", expected)
            add(drift_element, "ActualValue", actual)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def add() -> None:
    """Adds change sets that revert drift. MiniStack ignores their DeploymentMode.

    CreateChangeSet reads the live resources. Before ExecuteChangeSet, the live values become the
    deployed values in the stack's records, and deleted resources are removed from them. Then
    MiniStack's own handlers update all resources to match the template.
    """
    actions = handlers._ACTION_HANDLERS
    names = ("CreateChangeSet", "DescribeChangeSet", "ExecuteChangeSet")
    create, describe, execute = (actions[name] for name in names)

    def drift_aware(params: dict) -> dict | None:
        name, stack = helpers._p(params, "ChangeSetName"), helpers._p(params, "StackName")
        _, change_set = changesets._find_change_set(name, stack)
        return change_set if change_set and "_drift" in change_set else None

    def create_aware(params: dict) -> tuple:
        response = create(params)
        identifier = re.search(rb"<Id>(.*?)</Id>", response[2])
        if helpers._p(params, "DeploymentMode") != REVERT_DRIFT or not identifier:
            return response
        change_set = cloudformation._change_sets[identifier[1].decode()]
        change_set["_drift"] = drifted_resources(cloudformation._stacks[change_set["StackName"]])
        change_set["Changes"] = with_drift_reverts(change_set["Changes"], change_set["_drift"])
        if change_set["Changes"] and "didn't contain changes" in change_set["StatusReason"]:
            usable = {"Status": "CREATE_COMPLETE", "ExecutionStatus": "AVAILABLE"}
            change_set.update(usable | {"StatusReason": ""})
        return response

    def describe_aware(params: dict) -> tuple:
        status, headers, body = describe(params)
        change_set = drift_aware(params)
        return status, headers, describe_drift(body, change_set) if change_set else body

    def execute_aware(params: dict) -> tuple:
        change_set = drift_aware(params)
        if change_set and change_set["ExecutionStatus"] == "AVAILABLE":
            resources = cloudformation._stacks[change_set["StackName"]]["_resources"]
            for logical_id, drifted in change_set["_drift"].items():
                if drifted["StackResourceDriftStatus"] == "DELETED":
                    resources.pop(logical_id, None)
                    continue
                properties = resources[logical_id]["Properties"]
                actual = json.loads(drifted["ActualProperties"])
                for name in map(property_name, drifted["PropertyDifferences"]):
                    if name in actual:
                        properties[name] = actual[name]
                    else:
                        properties.pop(name, None)
        return execute(params)

    actions.update(zip(names, (create_aware, describe_aware, execute_aware), strict=True))
