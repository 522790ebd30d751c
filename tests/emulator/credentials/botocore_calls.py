"""Calls CloudFormation with botocore in many set-ups, each in a process of its own.

Standard input is a JSON array of set-ups: `variables`, `profile`, `region` and `code` (of an MFA
device). Standard output is a JSON array with the error of each, or null. What was called is for the
servers to say.

With the arguments `--tls PORT PEM`, it is a TLS server instead that forwards to a port on loopback.
It prints its own port and ends with its input.
"""

import contextlib
import json
import os
import socket
import ssl
import sys
import threading
import time
from functools import partial

import botocore.credentials
import botocore.session
import botocore.tokens


def answer(code: str | None, _question: str) -> str:
    """Returns the code of an MFA device."""
    if code is None:
        raise EOFError("nobody can answer")
    return code


def call(set_up: dict) -> str | None:
    """Makes the call and returns its error."""
    os.environ.clear()
    os.environ.update(set_up["variables"])
    time.sleep = lambda _seconds: None
    # Both read the user's folder when they are imported.
    cache = os.path.expanduser("~/.aws/sso/cache")
    botocore.credentials.SSOProvider._SSO_TOKEN_CACHE_DIR = cache
    botocore.tokens.SSOTokenProvider._SSO_TOKEN_CACHE_DIR = cache
    provider = botocore.credentials.AssumeRoleProvider
    create = provider.__init__

    def create_with_code(
        self: botocore.credentials.AssumeRoleProvider, *arguments: object, **named: object
    ) -> None:
        create(self, *arguments, **named)
        self._prompter = partial(answer, set_up["code"])

    provider.__init__ = create_with_code
    try:
        session = botocore.session.Session()
        if set_up["profile"] is not None:
            session.set_config_variable("profile", set_up["profile"])
        client = session.create_client("cloudformation", region_name=set_up["region"])
        client.describe_stacks(StackName="demo-dev")
    except Exception as error:  # noqa: BLE001 (any error is an answer)
        if "does not exist" in str(error) and "ValidationError" in str(error):
            return None
        return f"{type(error).__name__}: {error}"
    return None


def call_in_child(set_up: dict) -> str | None:
    """Makes the call in a child, because botocore reads the environment of its process."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        with os.fdopen(writer, "w") as pipe:
            json.dump(call(set_up), pipe)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        answer = json.load(pipe)
    os.waitpid(child, 0)
    return answer


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Copies bytes until one end is closed."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


def serve_tls(port: int, pem: str) -> None:
    """Forwards what arrives over TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)

    def serve(client: socket.socket) -> None:
        try:
            client = context.wrap_socket(client, server_side=True)
        except OSError:
            return
        upstream = socket.create_connection(("127.0.0.1", port))
        threading.Thread(target=pump, args=(client, upstream), daemon=True).start()
        pump(upstream, client)

    def accept() -> None:
        while True:
            client, _ = listener.accept()
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()


def main() -> None:
    """Reads the set-ups and prints the answers."""
    if sys.argv[1:2] == ["--tls"]:
        serve_tls(int(sys.argv[2]), sys.argv[3])
        return
    set_ups = json.load(sys.stdin)
    print(json.dumps([call_in_child(set_up) for set_up in set_ups]))


if __name__ == "__main__":
    main()
