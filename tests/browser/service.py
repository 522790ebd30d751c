"""A server that answers as CloudFormation does about stacks whose operation has ended."""

from __future__ import annotations

import threading
import urllib.parse
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from types import TracebackType

ACCOUNT = "123456789012"
STACK_TYPE = "AWS::CloudFormation::Stack"
BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


def arn(name: str) -> str:
    """Returns the ARN of a stack."""
    return f"arn:aws:cloudformation:eu-west-1:{ACCOUNT}:stack/{name}/0"


@dataclass
class Stack:
    """A stack, its template, and the events of its last operation."""

    name: str
    status: str
    template: str
    events: list[tuple[float, str]] = field(default_factory=list)

    def add(  # noqa: PLR0913
        self,
        second: float,
        status: str,
        logical_id: str = "",
        kind: str = STACK_TYPE,
        *,
        physical_id: str = "",
        reason: str = "",
        detail: str = "",
    ) -> None:
        """Adds an event, of the stack itself without a logical ID. The time decides the order."""
        is_own = not logical_id
        members = {
            "EventId": f"{self.name}-{len(self.events)}",
            "StackId": arn(self.name),
            "StackName": self.name,
            "LogicalResourceId": logical_id or self.name,
            "PhysicalResourceId": arn(self.name) if is_own else physical_id,
            "ResourceType": kind,
            "Timestamp": (BEGAN + timedelta(seconds=second)).isoformat(timespec="milliseconds"),
            "ResourceStatus": status,
            "ResourceStatusReason": reason,
            "DetailedStatus": detail,
        }
        members["Timestamp"] = members["Timestamp"].replace("+00:00", "Z")
        self.events.append((second, element("member", members)))


def element(name: str, members: dict[str, str] | str) -> str:
    """Returns an element of XML, without its empty members."""
    if isinstance(members, str):
        return f"<{name}>{members}</{name}>"
    inner = (f"<{key}>{escape(value)}</{key}>" for key, value in members.items() if value)
    return f"<{name}>{''.join(inner)}</{name}>"


class Service(ThreadingHTTPServer):
    """The server. Use it as a context manager."""

    daemon_threads = True

    def __init__(self, stacks: list[Stack]) -> None:
        """Starts to listen on a free port of the loopback interface."""
        super().__init__(("127.0.0.1", 0), Handler)
        self.stacks = {name: stack for stack in stacks for name in (stack.name, arn(stack.name))}

    @property
    def url(self) -> str:
        """Returns the endpoint."""
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> Service:
        """Serves in a thread."""
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends the server."""
        self.shutdown()
        self.server_close()

    def answer(self, action: str, call: dict[str, str]) -> str | None:
        """Returns the result of a call; none if there is no such stack or call."""
        if action == "GetCallerIdentity":
            caller = {"Account": ACCOUNT, "UserId": "U", "Arn": f"arn:aws:iam::{ACCOUNT}:user/u"}
            return "".join(element(name, value) for name, value in caller.items())
        stack = self.stacks.get(call.get("StackName", ""))
        if not stack:
            return None
        if action == "DescribeStacks":
            members = {
                "StackId": arn(stack.name),
                "StackName": stack.name,
                "CreationTime": BEGAN.isoformat().replace("+00:00", "Z"),
                "StackStatus": stack.status,
            }
            return element("Stacks", element("member", members))
        if action == "DescribeStackEvents":
            oldest_first = [event for _, event in sorted(stack.events, key=lambda it: it[0])]
            return element("StackEvents", "".join(reversed(oldest_first)))
        if action == "GetTemplate":
            return element("TemplateBody", escape(stack.template))
        return None


class Handler(BaseHTTPRequestHandler):
    """Answers the calls of the Query protocol."""

    protocol_version = "HTTP/1.1"
    server: Service

    def do_POST(self) -> None:
        """Answers a call."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        call = dict(urllib.parse.parse_qsl(body))
        action = call.get("Action", "")
        result = self.server.answer(action, call)
        if result is None:
            error = element("Code", "ValidationError")
            message = f"Stack with id {call.get('StackName')} does not exist ({action})"
            error += element("Message", escape(message))
            text = element("ErrorResponse", element("Error", error))
            status = HTTPStatus.BAD_REQUEST
        else:
            text = element(f"{action}Response", element(f"{action}Result", result))
            status = HTTPStatus.OK
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
        """Writes no log."""
