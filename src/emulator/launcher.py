"""Starts MiniStack, an AWS emulator, with additions that stackctl projects need.

The launcher adds AWS::EC2::Instance (on MiniStack's own instance records), the two IPv6
associations, and change sets that revert drift. It corrects differences from AWS in replacements,
in the deletion of buckets, and in the Ref of instance profiles. All requests count as encrypted:
the server uses no TLS, but policies that deny plain HTTP must work. The server listens only on
127.0.0.1. Because the launcher uses private names of MiniStack, it accepts exactly one version.

The caller sets GATEWAY_PORT and, to keep the state, PERSIST_STATE, STATE_DIR, S3_PERSIST, and
S3_DATA_DIR. STACKCTL_RUN is the path of a file that contains this process's id and is locked while
the process runs. The file is removed after MiniStack has saved its state, which happens only if
MiniStack is not killed. So a file that exists but is not locked means that the state was not saved.

If standard input closes before a line was written to it, the emulator and all processes that it
started end. So the emulator does not outlive a caller that is killed before it has recorded the
emulator's port.
"""

import fcntl
import json
import os
import re
import signal
import sys
import threading
import uuid
from collections.abc import Callable
from contextvars import ContextVar
from importlib.metadata import version
from xml.etree import ElementTree

if version("ministack") != "1.5.33":
    print(f"needs ministack 1.5.33, found {version('ministack')}", file=sys.stderr)
    sys.exit(78)

# MiniStack reads its configuration when it is imported. The last two variables disable its MQTT and
# SFTP servers, which it starts if the packages for them are installed.
os.environ["BIND_HOST"] = "127.0.0.1"
os.environ["IOT_MTLS_ENABLED"] = "0"
os.environ["SFTP_ENABLED"] = "0"

from ministack import app
from ministack.core import iam_evaluator, responses
from ministack.services import cloudformation, ec2, iam, s3
from ministack.services.cloudformation import changesets, drift, handlers, helpers
from ministack.services.cloudformation import provisioners as cfn

INSTANCE = "AWS::EC2::Instance"
REVERT_DRIFT = "REVERT_DRIFT"
INSTANCE_DRIFT_PROPERTIES = frozenset({"ImageId", "InstanceType", "KeyName", "SecurityGroupIds"})


def instance_attributes(instance: dict) -> dict:
    """Returns the attributes of an instance for Fn::GetAtt."""
    return {
        "InstanceId": instance["InstanceId"],
        "AvailabilityZone": instance["Placement"]["AvailabilityZone"],
        "PrivateDnsName": instance["PrivateDnsName"],
        "PrivateIp": instance["PrivateIpAddress"],
        "PublicDnsName": instance["PublicDnsName"],
        "PublicIp": instance["PublicIpAddress"],
        "VpcId": instance["VpcId"],
    }


def not_found(what: str, name: str, code: str) -> ValueError:
    """Returns the failure that CloudFormation reports for a missing EC2 object."""
    return ValueError(
        f"The {what} '{name}' does not exist (Service: Ec2, Status Code: 400, Error Code: {code})"
        " (HandlerErrorCode: NotFound)"
    )


def security_groups(group_ids: list) -> list:
    """Returns the security groups in the form of an instance's record."""
    for group_id in group_ids:
        if group_id not in ec2._security_groups:
            raise not_found("security group", group_id, "InvalidGroup.NotFound")
    return [
        {"GroupId": group_id, "GroupName": ec2._security_groups[group_id]["GroupName"]}
        for group_id in group_ids
    ]


def instance_profile(name: str | None) -> dict | None:
    """Returns the profile in the form of an instance's record, or None if name is empty."""
    if not name:
        return None
    profile, error = ec2._resolve_iam_instance_profile(iam_name=name)
    if error:
        raise not_found("instance profile", name, "InvalidParameterValue")
    return profile


def create_instance(_logical_id: str, props: dict, _stack_name: str) -> tuple[str, dict]:
    """Creates the record of an instance. No machine runs, and its address does not answer."""
    ec2._ensure_defaults_initialized()
    interface = next(iter(props.get("NetworkInterfaces") or []), {})
    subnet_id = props.get("SubnetId") or interface.get("SubnetId") or ec2._DEFAULT_SUBNET_ID
    group_ids = props.get("SecurityGroupIds") or interface.get("GroupSet") or []
    key_name = props.get("KeyName", "")
    if subnet_id not in ec2._subnets:
        raise not_found("subnet ID", subnet_id, "InvalidSubnetID.NotFound")
    if key_name and key_name not in ec2._key_pairs:
        raise not_found("key pair", key_name, "InvalidKeyPair.NotFound")
    security_groups(group_ids)
    [instance] = ec2._launch_instances_internal(
        image_id=props.get("ImageId", ""),
        instance_type=props.get("InstanceType", "m1.small"),
        subnet_id=subnet_id,
        count=1,
        key_name=key_name,
        user_data=props.get("UserData", ""),
        sg_ids=group_ids,
        iam_profile=instance_profile(props.get("IamInstanceProfile")),
    )
    cfn._ec2_apply_tags(instance["InstanceId"], props)
    return instance["InstanceId"], instance_attributes(instance)


def update_instance(instance_id: str, old: dict, new: dict, _stack_name: str) -> tuple[str, dict]:
    """Updates properties in place. MiniStack replaces the instance for all other properties."""
    instance = ec2._instances.get(instance_id)
    if instance is None:
        raise not_found("instance ID", instance_id, "InvalidInstanceID.NotFound")
    instance["InstanceType"] = new.get("InstanceType", "m1.small")
    instance["UserData"] = new.get("UserData", "")
    if old.get("SecurityGroupIds") != new.get("SecurityGroupIds"):
        instance["SecurityGroups"] = security_groups(new.get("SecurityGroupIds") or [])
    if old.get("IamInstanceProfile") != new.get("IamInstanceProfile"):
        instance["IamInstanceProfile"] = instance_profile(new.get("IamInstanceProfile"))
    cfn._ec2_apply_tags(instance_id, new, old)
    return instance_id, instance_attributes(instance)


def delete_instance(instance_id: str, _props: dict) -> None:
    """Terminates an instance. A missing instance is not an error."""
    if instance_id in ec2._instances:
        ec2._terminate_instances({"InstanceId.1": [instance_id]})


def read_instance(instance_id: str, _props: dict) -> dict | None:
    """Returns the live properties for drift detection, or None if the instance is terminated."""
    instance = ec2._instances.get(instance_id)
    if instance is None or instance["State"]["Name"] == "terminated":
        return None
    return {
        "ImageId": instance["ImageId"],
        "InstanceType": instance["InstanceType"],
        "KeyName": instance["KeyName"],
        "SecurityGroupIds": [group["GroupId"] for group in instance["SecurityGroups"]],
    }


def add_instance_type() -> None:
    """Registers AWS::EC2::Instance. The replacing properties are from its AWS schema."""
    cfn._RESOURCE_HANDLERS[INSTANCE] = {
        "create": create_instance,
        "update": update_instance,
        "delete": delete_instance,
    }
    cfn._STACK_TAG_PROPERTY[INSTANCE] = ("Tags", "list")
    cfn._REPLACING_PROPERTIES[INSTANCE] = (
        "AvailabilityZone",
        "ImageId",
        "Ipv6AddressCount",
        "Ipv6Addresses",
        "KeyName",
        "LaunchTemplate",
        "NetworkInterfaces",
        "PrivateIpAddress",
        "SecurityGroups",
        "SubnetId",
    )
    cfn._CONDITIONALLY_REPLACING_PROPERTIES[INSTANCE] = (
        "BlockDeviceMappings",
        "EbsOptimized",
        "InstanceType",
        "SecurityGroupIds",
        "UserData",
    )
    drift._DRIFT_READERS[INSTANCE] = (read_instance, INSTANCE_DRIFT_PROPERTIES)


def add_ipv6_types() -> None:
    """Registers the IPv6 associations of VPCs and subnets, and adds Ipv6CidrBlocks to each VPC.

    The associations have no effect, because the emulator routes no traffic. The CIDR block is
    reserved for documentation.
    """
    vpc = cfn._RESOURCE_HANDLERS["AWS::EC2::VPC"]

    def with_block(handler: Callable) -> Callable:
        def handle(*args: object) -> tuple[str, dict]:
            vpc_id, attributes = handler(*args)
            return vpc_id, attributes | {"Ipv6CidrBlocks": ["2001:db8:0:100::/56"]}

        return handle

    def association(prefix: str) -> dict:
        def create(_logical_id: str, _props: dict, _stack_name: str) -> tuple[str, dict]:
            identifier = f"{prefix}-cidr-assoc-{uuid.uuid4().hex[:17]}"
            return identifier, {"Id": identifier}

        return {"create": create, "delete": lambda _identifier, _props: None}

    vpc.update(create=with_block(vpc["create"]), update=with_block(vpc["update"]))
    cfn._RESOURCE_HANDLERS["AWS::EC2::VPCCidrBlock"] = association("vpc")
    cfn._RESOURCE_HANDLERS["AWS::EC2::SubnetCidrBlock"] = association("subnet")
    cfn._REPLACING_PROPERTIES["AWS::EC2::VPCCidrBlock"] = ("AmazonProvidedIpv6CidrBlock", "VpcId")
    cfn._REPLACING_PROPERTIES["AWS::EC2::SubnetCidrBlock"] = ("Ipv6CidrBlock", "SubnetId")


def repair_replacement() -> None:
    """Sets the properties of three types that require replacement.

    Without them, MiniStack updates the resources in place, and every change in a change set may
    require replacement.
    """
    cfn._REPLACING_PROPERTIES["AWS::Logs::LogGroup"] = ("LogGroupName",)
    cfn._REPLACING_PROPERTIES["AWS::EC2::SecurityGroup"] = (
        "GroupDescription",
        "GroupName",
        "VpcId",
    )
    cfn._REPLACING_PROPERTIES["AWS::S3::Bucket"] = (
        "BucketName",
        "BucketNamePrefix",
        "BucketNamespace",
    )


def repair_bucket_deletion() -> None:
    """Makes the deletion of a bucket with objects fail, and removes a deleted bucket from disk."""
    handler = cfn._RESOURCE_HANDLERS["AWS::S3::Bucket"]
    delete = handler["delete"]

    def delete_empty(name: str, props: dict) -> None:
        if s3._buckets.get(name, {}).get("objects"):
            raise ValueError(
                "The bucket you tried to delete is not empty (Service: S3, Status Code: 409)"
                " (HandlerErrorCode: GeneralServiceException)"
            )
        delete(name, props)
        s3._delete_persisted_bucket(name)

    handler["delete"] = delete_empty


def repair_instance_profile_ref() -> None:
    """Makes Ref of an instance profile return its name, as on AWS. MiniStack returns the ARN."""
    handler = cfn._RESOURCE_HANDLERS["AWS::IAM::InstanceProfile"]
    create, update, delete = handler["create"], handler["update"], handler["delete"]

    def arn(name: str) -> str:
        return iam._instance_profiles.get(name, {}).get("Arn", name)

    def with_name(physical_id: str, attributes: dict) -> tuple[str, dict]:
        return physical_id.rsplit("/", 1)[-1], attributes

    handler["create"] = lambda *args: with_name(*create(*args))
    handler["update"] = lambda name, *args: with_name(*update(arn(name), *args))
    handler["delete"] = lambda name, props: delete(arn(name), props)


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


def add_drift_aware_change_sets() -> None:
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


def count_loopback_as_encrypted() -> None:
    """Makes aws:SecureTransport true for all requests and for calls between services."""
    iam_evaluator._request_origin = ContextVar("request_origin", default=("127.0.0.1", True))
    pin = iam_evaluator.pin_request_origin
    app.pin_request_origin = lambda source_ip, _secure: pin(source_ip, True)


def end_with_caller() -> None:
    """Ends this process and its process group if standard input closes without any input."""

    def wait() -> None:
        if os.read(0, 1):
            return
        if os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def main() -> None:
    """Runs the server until SIGTERM, saves the state, and removes the run file."""
    end_with_caller()
    with open(os.environ.pop("STACKCTL_RUN"), "a") as run:
        fcntl.flock(run, fcntl.LOCK_EX)
        run.truncate(0)
        print(os.getpid(), file=run, flush=True)
        add_instance_type()
        add_ipv6_types()
        repair_replacement()
        repair_bucket_deletion()
        repair_instance_profile_ref()
        add_drift_aware_change_sets()
        count_loopback_as_encrypted()
        app.main()
        os.unlink(run.name)


if __name__ == "__main__":
    main()
