"""Drives a headless Chromium over its DevTools pipe. Requires only Python's standard library.

A `Chromium` is one process. Each `Page` is a tab in a profile of its own, which records every
console message, exception and request from the moment before the document is loaded.
"""

from __future__ import annotations

import base64
import collections
import contextlib
import fcntl
import itertools
import json
import os
import select
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

# How long one call, or one condition, may take. A busy computer is slow.
PATIENCE = 30.0
# The height of a picture in CSS pixels. Of a longer page, only the beginning is shown.
HIGHEST = 4000
# Descriptors below this number belong to the child's standard streams and the two pipes.
FIRST_FREE = 10
ARGUMENTS = [
    "--headless",
    "--remote-debugging-pipe",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-gpu",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--no-default-browser-check",
    "--no-first-run",
    # A page that loads something must not reach a server.
    "--host-resolver-rules=MAP * ~NOTFOUND",
]


class BrowserError(Exception):
    """The browser ended, refused a call, or did not answer in time."""


class StillFalseError(BrowserError):
    """A condition did not become true in time."""


class Chromium:
    """A headless Chromium process."""

    def __init__(self, program: str) -> None:
        """Starts the process."""
        self.home = tempfile.mkdtemp(prefix="browser-")
        self.process = 0
        self.lines: collections.deque[bytes] = collections.deque()
        self.parts: list[bytes] = []
        self.numbers = itertools.count(1)
        self.pages: dict[str, Page] = {}
        # The process writes its temporary files below its home, which is removed at the end.
        environment = {**os.environ, "HOME": self.home, "TMPDIR": self.home}
        arguments = [program, *ARGUMENTS, f"--user-data-dir={self.home}/profile", "about:blank"]
        if os.geteuid() == 0:
            arguments.insert(1, "--no-sandbox")
        errors = (f"{self.home}/stderr", os.O_WRONLY | os.O_CREAT, 0o600)
        commands, self.writer = (self._high(it) for it in os.pipe())
        self.reader, answers = (self._high(it) for it in os.pipe())
        try:
            self.process = os.posix_spawn(
                program,
                arguments,
                environment,
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 2, *errors),
                    (os.POSIX_SPAWN_DUP2, commands, 3),
                    (os.POSIX_SPAWN_DUP2, answers, 4),
                ],
                setpgroup=0,
            )
        finally:
            os.close(commands)
            os.close(answers)
        self.version = self.call("Browser.getVersion")["product"]

    @staticmethod
    def _high(descriptor: int) -> int:
        high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, FIRST_FREE)
        os.close(descriptor)
        return high

    def __enter__(self) -> Chromium:
        """Returns the process."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends the process."""
        self.close()

    def close(self) -> None:
        """Ends the process and its children, and removes its files."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)
            self.process = 0
            os.close(self.reader)
            os.close(self.writer)
        # Children that were killed may hold a file for a moment.
        for _ in range(20):
            shutil.rmtree(self.home, ignore_errors=True)
            if not Path(self.home).exists():
                break
            time.sleep(0.05)

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Calls a method of the DevTools protocol, and returns its result."""
        number = next(self.numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        try:
            while data:
                data = data[os.write(self.writer, data) :]
        except BrokenPipeError:
            raise BrowserError(self._ended()) from None
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = self._read(deadline, method)
            if answer.get("id") != number:
                continue
            if "error" in answer:
                raise BrowserError(f"{method}: {answer['error'].get('message')}")
            return answer["result"]

    def poll(self, seconds: float) -> None:
        """Reads what the browser sends during this time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(TimeoutError):
                self._read(deadline, "")

    def _read(self, deadline: float, method: str) -> dict[str, Any]:
        """Returns the next message. Records it if it is an event."""
        while not self.lines:
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self.reader], [], [], max(left, 0))
            if not ready and not method:
                raise TimeoutError
            if not ready:
                raise BrowserError(f"{method}: no answer in {PATIENCE:.0f} s")
            chunk = os.read(self.reader, 1 << 20)
            if not chunk:
                raise BrowserError(self._ended())
            # Only the new part is searched: a picture has many megabytes.
            *complete, rest = chunk.split(b"\0")
            for part in complete:
                self.lines.append(b"".join([*self.parts, part]))
                self.parts = []
            self.parts.append(rest)
        line = self.lines.popleft()
        message = json.loads(line)
        page = self.pages.get(message.get("sessionId", ""))
        if page and "method" in message:
            page.record(message["method"], message["params"])
        return message

    def _ended(self) -> str:
        """Returns the error that the browser ended, with the end of what it wrote."""
        log = Path(self.home, "stderr")
        text = log.read_text(errors="replace")[-2000:] if log.exists() else ""
        return f"the browser ended: {text.strip() or 'it wrote nothing to stderr'}"


class Page:
    """A tab: a document, what it logged and what it requested."""

    def __init__(  # noqa: PLR0913
        self,
        browser: Chromium,
        *,
        width: int = 1440,
        height: int = 900,
        dark: bool = False,
        script: bool = True,
        processor_time: bool = False,
    ) -> None:
        """Opens an empty tab. Without `script`, the document's scripts do not run.

        With `processor_time`, `busy` counts the time of a processor, so that other work on the
        computer makes no difference.
        """
        self.browser = browser
        self.problems: list[str] = []
        self.requests: list[str] = []
        self.session = None
        self.script = script
        self.context = browser.call("Target.createBrowserContext")["browserContextId"]
        self.target = browser.call(
            "Target.createTarget", url="about:blank", browserContextId=self.context
        )["targetId"]
        attached = browser.call("Target.attachToTarget", targetId=self.target, flatten=True)
        self.session = attached["sessionId"]
        browser.pages[self.session] = self
        for domain in ("Page", "Runtime", "Log", "Network", "Inspector"):
            self.call(f"{domain}.enable")
        if processor_time:
            self.call("Performance.enable", timeDomain="threadTicks")
        self.resize(width, height)
        self.media(dark=dark)
        if not script:
            self.call("Emulation.setScriptExecutionDisabled", value=True)

    def __enter__(self) -> Page:
        """Returns the tab."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes the tab."""
        self.close()

    def close(self) -> None:
        """Closes the tab and drops its profile."""
        self.browser.pages.pop(self.session or "", None)
        with contextlib.suppress(BrowserError):
            self.browser.call("Target.disposeBrowserContext", browserContextId=self.context)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Calls a method of the DevTools protocol for this tab."""
        return self.browser.call(method, self.session, **parameters)

    def record(self, method: str, parameters: dict[str, Any]) -> None:
        """Records an event if it is a problem or a request."""
        if method == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            text = details.get("exception", {}).get("description") or details["text"]
            self.problems.append(f"exception: {text}")
        elif method == "Runtime.consoleAPICalled":
            words = (str(it.get("value", it.get("description"))) for it in parameters["args"])
            self.problems.append(f"console.{parameters['type']}: {' '.join(words)}")
        elif method == "Log.entryAdded":
            entry = parameters["entry"]
            if entry["level"] in ("error", "warning"):
                self.problems.append(f"{entry['level']}: {entry['text']} {entry.get('url', '')}")
        elif method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method == "Inspector.targetCrashed":
            self.problems.append("the page crashed")

    def resize(self, width: int, height: int) -> None:
        """Sets the size of the viewport in CSS pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def media(self, *, dark: bool = False, printing: bool = False) -> None:
        """Sets what the document is shown on."""
        self.call(
            "Emulation.setEmulatedMedia",
            media="print" if printing else "",
            features=[
                {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
                # A smooth scroll would only take time.
                {"name": "prefers-reduced-motion", "value": "reduce"},
            ],
        )

    def open(self, path: Path) -> float:
        """Loads a file. Returns the seconds until it was loaded and drawn."""
        started = time.monotonic()
        failed = self.call("Page.navigate", url=path.resolve().as_uri()).get("errorText")
        if failed:
            raise BrowserError(f"{path}: {failed}")
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")
        self.frame()
        return time.monotonic() - started

    def frame(self) -> None:
        """Waits until the page was drawn."""
        if not self.script:
            self.browser.poll(0.05)
            return
        self.evaluate("new Promise(d => requestAnimationFrame(() => setTimeout(d, 0)))")

    def busy(self) -> float:
        """Returns the seconds that the main thread of the page has worked."""
        metrics = self.call("Performance.getMetrics")["metrics"]
        return next(it["value"] for it in metrics if it["name"] == "TaskDuration")

    def evaluate(self, script: str) -> Any:
        """Returns the value of an expression. If it is a promise, returns what it resolves to."""
        result = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            text = details.get("exception", {}).get("description") or details["text"]
            raise BrowserError(f"{text}\nin: {script[:300]}")
        return result["result"].get("value")

    def wait(self, script: str, seconds: float = PATIENCE) -> None:
        """Waits until an expression is true."""
        deadline = time.monotonic() + seconds
        while not self.evaluate(script):
            if time.monotonic() > deadline:
                raise StillFalseError(f"still false after {seconds:.0f} s: {script}")
            self.browser.poll(0.01)

    def becomes(self, script: str, seconds: float = 2.0) -> bool:
        """Returns whether an expression becomes true, for example after a smooth scroll."""
        try:
            self.wait(script, seconds)
        except StillFalseError:
            return False
        return True

    def _center(self, selector: str) -> tuple[float, float]:
        """Scrolls an element into view. Returns the coordinates of its center."""
        place = self.evaluate(
            f"""(() => {{
              const element = document.querySelector({json.dumps(selector)});
              if (!element) return null;
              element.scrollIntoView({{block: 'center', inline: 'center', behavior: 'instant'}});
              const box = element.getBoundingClientRect();
              return [box.x + box.width / 2, box.y + box.height / 2];
            }})()"""
        )
        if place is None:
            raise BrowserError(f"no element matches `{selector}`")
        return place[0], place[1]

    def click(self, selector: str) -> None:
        """Clicks the center of an element."""
        x, y = self._center(selector)
        self._mouse("mouseMoved", x, y)
        self._mouse("mousePressed", x, y, button="left", clickCount=1)
        self._mouse("mouseReleased", x, y, button="left", clickCount=1)

    def hover(self, selector: str) -> None:
        """Moves the pointer to the center of an element."""
        self._mouse("mouseMoved", *self._center(selector))

    def drag(self, selector: str, right: float, down: float) -> None:
        """Drags from the center of an element."""
        x, y = self._center(selector)
        self._mouse("mouseMoved", x, y)
        self._mouse("mousePressed", x, y, button="left", clickCount=1)
        for step in (0.3, 0.6, 1):
            self._mouse("mouseMoved", x + right * step, y + down * step, button="left", buttons=1)
        self._mouse("mouseReleased", x + right, y + down, button="left", clickCount=1)

    def wheel(self, selector: str, down: float, *, control: bool = False) -> None:
        """Turns the wheel over an element."""
        x, y = self._center(selector)
        modifiers = 2 if control else 0
        self._mouse("mouseWheel", x, y, deltaX=0, deltaY=down, modifiers=modifiers)
        self.frame()

    def _mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def press(self, key: str) -> None:
        """Presses and releases a key, such as `Tab`, `Enter`, `ArrowDown` or `/`."""
        codes = {
            "Tab": 9,
            "Enter": 13,
            "Escape": 27,
            " ": 32,
            "End": 35,
            "Home": 36,
            "ArrowLeft": 37,
            "ArrowUp": 38,
            "ArrowRight": 39,
            "ArrowDown": 40,
        }
        texts = {"Enter": "\r"}
        text = texts.get(key, key if len(key) == 1 else "")
        named: dict[str, Any] = {"key": key, "windowsVirtualKeyCode": codes.get(key, 0)}
        kind = "keyDown" if text else "rawKeyDown"
        self.call("Input.dispatchKeyEvent", type=kind, text=text, **named)
        self.call("Input.dispatchKeyEvent", type="keyUp", **named)

    def type(self, text: str) -> None:
        """Types a text into the focused element."""
        self.call("Input.insertText", text=text)

    def screenshot(self, path: Path, *, height: int = HIGHEST, scale: float = 1) -> None:
        """Writes a picture of the document, of at most this height in CSS pixels."""
        size = self.evaluate(
            "[document.documentElement.clientWidth, document.documentElement.scrollHeight]"
        )
        clip = {"x": 0, "y": 0, "width": size[0], "height": min(size[1], height), "scale": scale}
        data = self.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)["data"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(data))

    def pdf(self) -> bytes:
        """Returns the document as it is printed."""
        data = self.call("Page.printToPDF", printBackground=False)["data"]
        return base64.b64decode(data)
