"""Starts MiniStack, the AWS emulator, with what a stackctl project needs and it lacks.

It adds AWS::EC2::Instance, on MiniStack's own instance records, and the two IPv6 associations, and
repairs what deviates from AWS in replacement, in the deletion of buckets and in one Ref. It counts
every request as encrypted: it answers on loopback alone, without TLS, and policies that refuse
plain HTTP are part of what is to be tried here. All of it uses MiniStack's private names, so
exactly one version is accepted. The server answers on 127.0.0.1 only, whatever the environment
says.

The caller gives GATEWAY_PORT and, to keep state, PERSIST_STATE, STATE_DIR, S3_PERSIST and
S3_DATA_DIR; and in STACKCTL_RUN a file, which holds this process's id and is locked while it lives.
MiniStack saves only when it ends in order, and then the file is removed: one that is there and not
locked tells of an emulator that ended without saving.

The emulator and the processes that it started end when standard input is closed, unless a line
came first. So it never outlives a caller that was killed before it could write down where it is.
"""

import fcntl
import os
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

# MiniStack reads its configuration when it is imported. Without the last two it also listens for
# MQTT and SFTP where the packages for them are present.
os.environ["BIND_HOST"] = "127.0.0.1"
os.environ["IOT_MTLS_ENABLED"] = "0"
os.environ["SFTP_ENABLED"] = "0"

from ministack import app
from ministack.core import iam_evaluator
from ministack.services import ec2, iam, s3
from ministack.services.cloudformation import drift
from ministack.services.cloudformation import provisioners as cfn

INSTANCE = "AWS::EC2::Instance"
INSTANCE_DRIFT_PROPERTIES = frozenset({"ImageId", "InstanceType", "KeyName", "SecurityGroupIds"})


def instance_attributes(instance: dict) -> dict:
    """Returns what Fn::GetAtt may ask of an instance."""
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
    """Returns the groups as an instance's record holds them."""
    for group_id in group_ids:
        if group_id not in ec2._security_groups:
            raise not_found("security group", group_id, "InvalidGroup.NotFound")
    return [
        {"GroupId": group_id, "GroupName": ec2._security_groups[group_id]["GroupName"]}
        for group_id in group_ids
    ]


def instance_profile(name: str | None) -> dict | None:
    """Returns the profile as an instance's record holds it, or None where none is asked for."""
    if not name:
        return None
    profile, error = ec2._resolve_iam_instance_profile(iam_name=name)
    if error:
        raise not_found("instance profile", name, "InvalidParameterValue")
    return profile


def create_instance(_logical_id: str, props: dict, _stack_name: str) -> tuple[str, dict]:
    """Launches an instance. It is metadata: nothing boots and nothing answers on its address."""
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
    """Applies the properties that change in place. MiniStack itself replaces for the others."""
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
    """Terminates an instance; one that is gone is no error."""
    if instance_id in ec2._instances:
        ec2._terminate_instances({"InstanceId.1": [instance_id]})


def read_instance(instance_id: str, _props: dict) -> dict | None:
    """Returns the live properties that drift detection compares, None when it is terminated."""
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
    """Registers AWS::EC2::Instance; the replacing properties are those of its AWS schema."""
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
    """Registers the IPv6 associations of a VPC and a subnet, and gives each VPC the attribute.

    They are names without effect: nothing is routed here. The block is one for documentation.
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
    """Names the replacing properties of three types.

    Without them MiniStack updates in place and plans every change as one that may replace.
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
    """Lets a stack fail to delete a bucket with objects, and delete an empty one from disk too."""
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
    """Makes Ref of an instance profile its name, as on AWS; MiniStack gives the ARN."""
    handler = cfn._RESOURCE_HANDLERS["AWS::IAM::InstanceProfile"]
    create, update, delete = handler["create"], handler["update"], handler["delete"]

    def arn(name: str) -> str:
        return iam._instance_profiles.get(name, {}).get("Arn", name)

    def named(physical_id: str, attributes: dict) -> tuple[str, dict]:
        return physical_id.rsplit("/", 1)[-1], attributes

    handler["create"] = lambda *args: named(*create(*args))
    handler["update"] = lambda name, *args: named(*update(arn(name), *args))
    handler["delete"] = lambda name, props: delete(arn(name), props)


def count_loopback_as_encrypted() -> None:
    """Makes aws:SecureTransport true: for requests, and for what services do on their own."""
    iam_evaluator._request_origin = ContextVar("request_origin", default=("127.0.0.1", True))
    pin = iam_evaluator.pin_request_origin
    app.pin_request_origin = lambda source_ip, _secure: pin(source_ip, True)


def end_with_caller() -> None:
    """Ends this process, and the group that it leads, if standard input closes without a line."""

    def wait() -> None:
        if os.read(0, 1):
            return
        if os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def main() -> None:
    """Serves until SIGTERM; saves; removes the run file."""
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
        count_loopback_as_encrypted()
        app.main()
        os.unlink(run.name)


if __name__ == "__main__":
    main()
