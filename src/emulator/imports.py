"""Effects of an import that MiniStack leaves out."""

from ministack.services.cloudformation import changesets, drift, handlers
from ministack.services.cloudformation import provisioners as cfn


def apply_stack_tags(stack: dict, logical_id: str) -> None:
    """Puts the tags of the stack on an imported resource."""
    record = stack["_resources"][logical_id]
    resource_type, properties = record["ResourceType"], record["Properties"]
    tags = stack.get("Tags") or []
    tagged = cfn._with_stack_tags(
        resource_type, properties, tags, stack["StackName"], stack["StackId"], logical_id
    )
    physical_id, attributes = cfn._update_resource(
        resource_type,
        record["PhysicalResourceId"],
        properties,
        tagged,
        stack["StackName"],
        logical_id,
        record["Attributes"],
    )
    record.update(PhysicalResourceId=physical_id, Attributes=attributes)


def add() -> None:
    """Puts the stack's tags on imported resources, and lets drift detection run after an import.

    MiniStack writes the events of the tags without an effect. AWS's guide to imports recommends a
    drift detection right after the import.
    """
    add_event = changesets._add_event

    def add_event_with_effect(
        stack_id: str, stack_name: str, logical_id: str, *more: str, **options: str
    ) -> None:
        add_event(stack_id, stack_name, logical_id, *more, **options)
        if changesets._IMPORT_TAGS in more:
            apply_stack_tags(handlers._resolve_stack(stack_id), logical_id)

    changesets._add_event = add_event_with_effect
    drift.DRIFT_DETECTABLE_STATUSES |= {"IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"}
