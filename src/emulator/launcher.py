"""Starts MiniStack, an AWS emulator, with additions that stackctl projects need.

The launcher adds AWS::EC2::Instance (on MiniStack's own instance records), the two IPv6
associations, change sets that revert drift (drift_reverts.py), the effects of imports that
MiniStack leaves out (imports.py), stack refactoring (refactors.py), and EXPRESS mode (express.py).
It corrects differences from AWS in replacements, in buckets, in change sets of outputs and of new
stacks (reviews.py), in exports (exports.py), in nested stacks, in the Ref of instance profiles, and
in transforms (transforms.py). All requests count as encrypted: the server uses no TLS, but policies
that deny plain HTTP must work. The server listens only on 127.0.0.1. Because these files use
private names of MiniStack, they accept exactly one version.

Functions whose code cannot be loaded write the reason to their log (start_failures.py).

The caller sets GATEWAY_PORT and, to keep the state, PERSIST_STATE, STATE_DIR, S3_PERSIST, and
S3_DATA_DIR. STACKCTL_SAM is the folder of the SAM translator, which may not exist yet.
STACKCTL_RUN is the path of a file that contains this process's id and is locked while the process
runs. The file is removed after MiniStack has saved its state, which happens only if
MiniStack is not killed. So a file that exists but is not locked means that the state was not saved.

If standard input closes before a line was written to it, the emulator and all processes that it
started end. So the emulator does not outlive a caller that is killed before it has recorded the
emulator's port.
"""

import fcntl
import os
import re
import signal
import sys
import threading
import uuid
from collections.abc import Callable
from contextvars import ContextVar
from importlib.metadata import version

if version("ministack") != "1.5.33":
    print(f"needs ministack 1.5.33, found {version('ministack')}", file=sys.stderr)
    sys.exit(78)

# MiniStack reads its configuration when it is imported. The last two variables disable its MQTT and
# SFTP servers, which it starts if the packages for them are installed.
os.environ["BIND_HOST"] = "127.0.0.1"
os.environ["IOT_MTLS_ENABLED"] = "0"
os.environ["SFTP_ENABLED"] = "0"

sys.path.append(os.path.dirname(os.path.abspath(__file__)))

import drift_reverts
import exports
import express
import imports
import refactors
import reviews
import start_failures
import transforms
from ministack import app
from ministack.core import iam_evaluator
from ministack.services import cloudformation, ec2, iam, s3
from ministack.services.cloudformation import drift, engine, handlers, helpers
from ministack.services.cloudformation import provisioners as cfn
from ministack.services.cloudformation.stacks import _resolve_stack_outputs

INSTANCE = "AWS::EC2::Instance"
VIRTUAL_HOST = re.compile(r"https://([^/]+)\.s3[.-][^/]*amazonaws\.com[^/]*/(.+)")
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


def repair_bucket_versioning() -> None:
    """Suspends the versioning of a bucket. MiniStack only enables it."""
    handler = cfn._RESOURCE_HANDLERS["AWS::S3::Bucket"]
    create, update = handler["create"], handler["update"]

    def with_status(result: tuple[str, dict], props: dict) -> tuple[str, dict]:
        status = props.get("VersioningConfiguration", {}).get("Status")
        if status or result[0] in s3._bucket_versioning:
            s3._bucket_versioning[result[0]] = status or "Suspended"
        return result

    handler["create"] = lambda *args: with_status(create(*args), args[1])
    handler["update"] = lambda *args: with_status(update(*args), args[2])


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


def repair_template_urls() -> None:
    """Reads templates from URLs whose host contains the bucket, which MiniStack does not find."""
    resolve = helpers._resolve_document

    def resolve_url(params: dict, body_key: str, url_key: str, label: str) -> tuple:
        found = VIRTUAL_HOST.match(helpers._p(params, url_key))
        if found:
            params = params | {url_key: [f"https://s3.amazonaws.com/{found[1]}/{found[2]}"]}
        return resolve(params, body_key, url_key, label)

    helpers._resolve_document = resolve_url


def repair_nested_updates() -> None:
    """Keeps the attributes of unchanged resources in nested stacks, which MiniStack drops."""
    update = cfn._update_resource

    def keep_attributes(*args: object) -> tuple[str, dict]:
        physical_id, attributes = update(*args)
        stack_name, logical_id = args[4:6]
        record = cloudformation._stacks.get(stack_name, {}).get("_resources", {}).get(logical_id)
        if record and record["PhysicalResourceId"] == physical_id:
            attributes = record.get("Attributes", {}) | attributes
        return physical_id, attributes

    cfn._update_resource = keep_attributes


def output_values(stack: dict, template: dict, parameters: dict) -> object:
    """Returns the outputs of a template, with the resources that the stack has now."""
    outputs = template.get("Outputs") or {}
    try:
        return _resolve_stack_outputs(
            outputs,
            engine._evaluate_conditions(template, parameters),
            stack["_resources"],
            parameters,
            template.get("Mappings") or {},
            stack["StackName"],
            stack["StackId"],
        )
    except ValueError:
        return outputs


def add_change_sets_of_outputs() -> None:
    """Makes a change set usable if only outputs change. MiniStack finds no change in it."""
    create = handlers._ACTION_HANDLERS["CreateChangeSet"]

    def create_with_outputs(params: dict) -> tuple:
        response = create(params)
        identifier = re.search(rb"<Id>(.*?)</Id>", response[2])
        change_set = cloudformation._change_sets.get(identifier[1].decode()) if identifier else None
        if not change_set or "didn't contain changes" not in change_set["StatusReason"]:
            return response
        stack = cloudformation._stacks[change_set["StackName"]]
        deployed = output_values(stack, stack["_template"], stack["_resolved_params"])
        if (
            output_values(stack, change_set["_template"], change_set["_resolved_params"])
            != deployed
        ):
            usable = {"Status": "CREATE_COMPLETE", "ExecutionStatus": "AVAILABLE"}
            change_set.update(usable | {"StatusReason": ""})
        return response

    handlers._ACTION_HANDLERS["CreateChangeSet"] = create_with_outputs


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
    # The state may hold values of parameters. Only the user can read it.
    os.umask(0o077)
    end_with_caller()
    with open(os.environ.pop("STACKCTL_RUN"), "a") as run:
        fcntl.flock(run, fcntl.LOCK_EX)
        run.truncate(0)
        print(os.getpid(), file=run, flush=True)
        add_instance_type()
        add_ipv6_types()
        repair_replacement()
        repair_bucket_deletion()
        repair_bucket_versioning()
        repair_instance_profile_ref()
        repair_template_urls()
        repair_nested_updates()
        add_change_sets_of_outputs()
        drift_reverts.add()
        express.add()
        exports.add()
        imports.add()
        refactors.add()
        reviews.add()
        start_failures.add()
        transforms.add()
        count_loopback_as_encrypted()
        app.main()
        os.unlink(run.name)


if __name__ == "__main__":
    main()
