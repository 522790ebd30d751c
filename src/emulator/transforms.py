"""Transforms on the emulator: AWS::Serverless-2016-10-31, nested templates, and failures.

MiniStack processes AWS::LanguageExtensions and AWS::Include itself, and
AWS::Serverless-2016-10-31 with AWS's own translator, which stackctl installs into a separate
folder (STACKCTL_SAM) when a template needs it. This module imports the translator from there
without a restart, passes it the values of the parameters, applies the transforms to nested
templates too, and reports a failure as AWS does: the change set fails, and its reason names the
transform.
"""

import copy
import importlib
import os
import re
import sys
from collections.abc import Callable
from contextvars import ContextVar
from types import SimpleNamespace

from ministack.core import responses
from ministack.services import apigateway, cloudformation
from ministack.services.cloudformation import changesets, engine, handlers
from ministack.services.cloudformation import provisioners as cfn

SAM = "AWS::Serverless-2016-10-31"
SUPPORTED = ("AWS::Include", "AWS::LanguageExtensions", SAM)
NESTED_STACK = "AWS::CloudFormation::Stack"
HTTP_API = "AWS::ApiGatewayV2::Api"
ANY_METHOD = "x-amazon-apigateway-any-method"
# The folder of the translator. It may not exist yet when the emulator starts.
SAM_PACKAGES = os.environ.pop("STACKCTL_SAM", "")

# MiniStack's own transforms, before this module replaces them.
ministack_transforms = engine._apply_transforms
# The failure of a transform during CreateChangeSet.
failure: ContextVar[str] = ContextVar("failure", default="")
# The parameters of the nested stack whose template is being read.
nested_parameters: ContextVar[list | None] = ContextVar("nested_parameters", default=None)


def embedded_macros(node: object) -> set[str]:
    """Returns the names in all Fn::Transform of a template."""
    if isinstance(node, list):
        return set().union(*map(embedded_macros, node))
    if not isinstance(node, dict):
        return set()
    names = set().union(*map(embedded_macros, node.values()))
    spec = node.get("Fn::Transform")
    if isinstance(spec, dict) and isinstance(spec.get("Name"), str):
        names.add(spec["Name"])
    return names


def translate(template: dict, parameters: dict) -> dict:
    """Returns the template that AWS's translator creates from a SAM template.

    Raises ValueError if the translator is not installed or rejects the template.
    """
    if SAM_PACKAGES not in sys.path:
        if not os.path.isdir(SAM_PACKAGES):
            raise ValueError(
                "the translator is not installed in the local environment; run `stackctl plan` for"
                " a project with a SAM template once, which installs it"
            )
        sys.path.append(SAM_PACKAGES)
        importlib.invalidate_caches()
    from samtranslator.model.exceptions import (  # noqa: PLC0415 - it is installed now
        ExceptionWithMessage,
    )
    from samtranslator.translator.transform import transform  # noqa: PLC0415

    # The translator contains a list of the managed policies, so that it does not need IAM.
    no_policies = SimpleNamespace(load=dict)
    before = os.environ.get("AWS_DEFAULT_REGION")
    os.environ["AWS_DEFAULT_REGION"] = responses.get_region()
    try:
        return transform(copy.deepcopy(template), dict(parameters), no_policies)
    except ExceptionWithMessage as error:
        causes = [cause.message for cause in getattr(error, "causes", [])]
        raise ValueError(" ".join([error.message, *causes])) from error
    finally:
        if before is None:
            os.environ.pop("AWS_DEFAULT_REGION", None)
        else:
            os.environ["AWS_DEFAULT_REGION"] = before


def apply(template: dict, provided: list | None = None, previous: dict | None = None) -> dict:
    """Returns the template after all its transforms, or as a failed one with the reason."""
    declared = engine.declared_transforms(template)
    for name in [*declared, *sorted(embedded_macros(template))]:
        if name not in SUPPORTED:
            return engine._TransformFailed(
                template,
                f"Transform {name} failed with: the local environment cannot run the macros of an"
                f" account; deploy the template to AWS, or expand `{name}` before the deployment",
            )
    if SAM not in declared:
        return ministack_transforms(template, provided, previous)
    parameters = engine._transform_parameters(template, provided, previous)
    expanded = ministack_transforms(engine._without_transform(template, SAM), provided, previous)
    if isinstance(expanded, engine._TransformFailed):
        return expanded
    try:
        return translate(expanded, parameters)
    except Exception as error:  # noqa: BLE001 - an unusual template can cause any error
        return engine._TransformFailed(template, f"Transform {SAM} failed with: {error}")


def apply_for_change_set(template: dict, *parameters: object) -> dict:
    """Like apply, but replaces a failed template by one that creates nothing."""
    processed = apply(template, *parameters)
    if not isinstance(processed, engine._TransformFailed):
        return processed
    failure.set(processed.error)
    handle = {"Type": "AWS::CloudFormation::WaitConditionHandle"}
    return {
        "Parameters": template.get("Parameters") or {},
        "Resources": {"Placeholder": handle},
    }


def report_failures() -> None:
    """Makes a change set fail if a transform fails, as on AWS. MiniStack creates none."""
    create = handlers._ACTION_HANDLERS["CreateChangeSet"]

    def create_or_fail(params: dict) -> tuple:
        failure.set("")
        response = create(params)
        identifier = re.search(rb"<Id>(.*?)</Id>", response[2])
        if failure.get() and identifier:
            unusable = {"Status": "FAILED", "ExecutionStatus": "UNAVAILABLE", "Changes": []}
            change_set = cloudformation._change_sets[identifier[1].decode()]
            change_set.update(unusable | {"StatusReason": failure.get()})
        return response

    handlers._ACTION_HANDLERS["CreateChangeSet"] = create_or_fail


def apply_to_nested_templates() -> None:
    """Applies the transforms of nested templates. MiniStack deploys them unprocessed."""
    parse = engine._parse_template
    handler = cfn._RESOURCE_HANDLERS[NESTED_STACK]
    create, update = handler["create"], handler["update"]

    def parse_nested(body: str) -> dict:
        template = parse(body)
        parameters = nested_parameters.get()
        if parameters is None:
            return template
        nested_parameters.set(None)
        processed = apply(template, parameters)
        if isinstance(processed, engine._TransformFailed):
            raise ValueError(processed.error)  # noqa: TRY004 - a deployment failure
        return processed

    def reading(handle: Callable, props: dict, *args: object) -> tuple[str, dict]:
        given = props.get("Parameters")
        given = given if isinstance(given, dict) else {}
        parameters = [{"Key": key, "Value": str(value)} for key, value in given.items()]
        token = nested_parameters.set(parameters)
        try:
            return handle(*args)
        finally:
            nested_parameters.reset(token)

    # MiniStack reads a nested template with this function alone, and others with their own name.
    engine._parse_template = parse_nested
    handler["create"] = lambda *args: reading(create, args[1], *args)
    handler["update"] = lambda *args: reading(update, args[2], *args)


def import_routes(api_id: str, body: object) -> None:
    """Replaces the routes and integrations of an HTTP API by those of an OpenAPI document.

    Authorizers are ignored.
    """
    if not isinstance(body, dict):
        return
    apigateway._routes[api_id] = {}
    apigateway._integrations[api_id] = {}
    for path, operations in body.get("paths", {}).items():
        for method, operation in operations.items():
            spec = operation.get("x-amazon-apigateway-integration")
            if spec is None:
                continue
            integration = {
                "ApiId": api_id,
                "IntegrationType": spec["type"].upper(),
                "IntegrationMethod": spec.get("httpMethod", "POST"),
                "IntegrationUri": spec.get("uri", ""),
                "PayloadFormatVersion": spec.get("payloadFormatVersion", "2.0"),
            }
            integration_id, _ = cfn._apigw_v2_integration_create("", integration, "")
            verb = "ANY" if method == ANY_METHOD else method.upper()
            route = {
                "ApiId": api_id,
                "RouteKey": path if path == "$default" else f"{verb} {path}",
                "Target": f"integrations/{integration_id}",
            }
            cfn._apigw_v2_route_create("", route, "")


def add_http_api_bodies() -> None:
    """Makes the Body of an HTTP API effective. MiniStack ignores it."""
    handler = cfn._RESOURCE_HANDLERS[HTTP_API]
    create, update = handler["create"], handler["update"]

    def with_routes(result: tuple[str, dict], props: dict) -> tuple[str, dict]:
        import_routes(result[0], props.get("Body"))
        return result

    handler["create"] = lambda *args: with_routes(create(*args), args[1])
    handler["update"] = lambda *args: with_routes(update(*args), args[2])


def add() -> None:
    """Replaces MiniStack's transforms."""
    for module in (engine, changesets, handlers):
        module._apply_transforms = apply
    changesets._apply_transforms = apply_for_change_set
    report_failures()
    apply_to_nested_templates()
    add_http_api_bodies()
