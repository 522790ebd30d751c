"""The log lines of functions whose code cannot be loaded."""

import re

from ministack.services import lambda_svc

FAILED = "Worker init failed: "
SYNTAX = re.compile(r"\([^()]+\.py, line \d+\)$|^SyntaxError|^Unexpected (?:token|end of input)")


def error_line(runtime: str, handler: str, message: str) -> str:
    """Returns the error as the runtime of AWS writes it."""
    module, _, name = handler.rpartition(".")
    if not runtime.startswith("python"):
        kind = "Runtime.ImportModuleError" if "Cannot find module" in message else "Error"
        if SYNTAX.search(message):
            kind = "Runtime.UserCodeSyntaxError"
        return f"[ERROR] {kind}: {message}"
    if not module:
        return f"[ERROR] Runtime.MalformedHandlerName: Bad handler '{handler}': {message}"
    if SYNTAX.search(message):
        return f"[ERROR] Runtime.UserCodeSyntaxError: Syntax error in module '{module}': {message}"
    if message.startswith(("No module named ", "cannot import name ")):
        return f"[ERROR] Runtime.ImportModuleError: Unable to import module '{module}': {message}"
    if message.endswith(f"has no attribute '{name}'"):
        return f"[ERROR] Runtime.HandlerNotFound: Handler '{name}' missing on module '{module}'"
    return f"[ERROR] Exception: {message}"


def add() -> None:
    """Writes why the code of a function cannot be loaded to the function's log.

    MiniStack returns the reason only to the caller of a synchronous invocation.
    """
    execute = lambda_svc._execute_function_warm

    def execute_and_explain(func: dict, event: dict, *more: object, **options: object) -> dict:
        result = execute(func, event, *more, **options)
        body = result.get("body") if isinstance(result, dict) else None
        message = body.get("errorMessage") if isinstance(body, dict) else None
        if isinstance(message, str) and message.startswith(FAILED) and not result.get("log"):
            config = func.get("config") or func
            error = error_line(
                config.get("Runtime", ""),
                config.get("Handler", ""),
                message.removeprefix(FAILED),
            )
            kind = error.removeprefix("[ERROR] ").split(":")[0]
            kind = kind if kind.startswith("Runtime.") else "Runtime.Unknown"
            report = (
                f"INIT_REPORT Init Duration: 1 ms\tPhase: invoke\tStatus: error\tError Type: {kind}"
            )
            result["log"] = f"{error}\nTraceback (most recent call last):\n{report}"
        return result

    lambda_svc._execute_function_warm = execute_and_explain
