#!/usr/bin/env python3
"""Tests the pages of stackctl in a real browser.

    cargo build
    python3 tests/browser/run.py

Makes pages with the program, opens them in headless Chromium, and prints each check that fails, and
at the end how many passed and how many failed. Pages and pictures are below target/browser. If
Chromium is missing, root installs Debian's package; others see what to install. Requires only
Python 3.10.

    python3 tests/browser/run.py --only plan-example --pictures
    python3 tests/browser/run.py --readme        # makes docs/images/plan.png again
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import checks
import events_checks
import install
import plan_checks
import self_test
from chromium import BrowserError, Chromium, Page
from projects import ROOT, Made, Maker, failed_stack, large_stack, nested_stacks

if TYPE_CHECKING:
    from collections.abc import Callable

Checks = Iterator[tuple[str, list[str]]]


def pages(maker: Maker) -> dict[str, Callable[[], Made]]:
    """Returns the pages by their names."""
    return {
        "plan-example": maker.plan_example,
        "plan-large": maker.plan_large,
        "plan-hostile": maker.plan_hostile,
        "diff-hostile": maker.diff_hostile,
        "events-nested": lambda: maker.events(
            "events-nested", nested_stacks(), ["shop-prod", "Network/Endpoint", "Database"]
        ),
        "events-hostile": lambda: maker.events(
            "events-hostile", [failed_stack()], ["hostile-prod", "Table"]
        ),
        "events-large": lambda: maker.events(
            "events-large", [large_stack()], ["large-prod", "Resource49x9"]
        ),
    }


def check_page(browser: Chromium, name: str, made: Made, pictures: Path | None) -> Checks:
    """Yields the checks of one page."""
    yield from checks.every_page(browser, made.path, pictures)
    missing = checks.texts_without_script(browser, made.path, made.texts)
    yield "is readable without scripts", missing
    if name.startswith(("plan", "diff")):
        yield from plan_checks.checks(browser, made.path, has_graph=name.startswith("plan"))
    if name.startswith("events"):
        yield from events_checks.checks(browser, made.path)


class Report:
    """Counts the checks, and prints those that fail."""

    def __init__(self) -> None:
        """Begins with none."""
        self.passed = self.failed = 0

    def add(self, page: str, checks: Checks) -> None:
        """Adds the checks of a page. An error of the browser is a failed check."""
        started, before = time.monotonic(), self.failed
        count = 0
        try:
            for name, faults in checks:
                count += 1
                self._note(page, name, faults)
        except (BrowserError, OSError, RuntimeError, ValueError) as error:
            self._note(page, "can be checked", [str(error)])
        seconds = time.monotonic() - started
        verdict = "ok" if self.failed == before else "FAILED"
        print(f"{page}: {count} checks, {verdict}, {seconds:.1f} s", flush=True)

    def _note(self, page: str, name: str, faults: list[str]) -> None:
        if not faults:
            self.passed += 1
            return
        self.failed += 1
        print(f"FAILED {page}: {name}")
        for fault in faults[:10]:
            print(f"    {fault}")


def readme_picture(browser: Chromium, made: Made) -> None:
    """Makes the picture of the plan page in the README."""
    path = ROOT / "docs/images/plan.png"
    # With all changes closed, there is room for the graph.
    closed = """(() => {
      for (const it of document.querySelectorAll('.section details[open]')) it.open = false;
      return document.querySelector('.picture').getBoundingClientRect().bottom + scrollY + 24;
    })()"""
    with Page(browser, width=1200) as page:
        page.open(made.path)
        height = int(page.evaluate(closed))
        page.evaluate("document.querySelector('.picture [data-action=fit]').click()")
        page.frame()
        page.screenshot(path, height=height, scale=0.8)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes")


def main() -> int:
    """Runs the checks."""
    parser = argparse.ArgumentParser(description="Tests the pages of stackctl in a real browser.")
    parser.add_argument("--program", type=Path, default=ROOT / "target/debug/stackctl")
    parser.add_argument("--work", type=Path, default=ROOT / "target/browser")
    parser.add_argument("--only", action="append", default=[], metavar="PAGE")
    parser.add_argument("--pictures", action="store_true", help="also take pictures of the pages")
    parser.add_argument("--readme", action="store_true", help="only make the README's picture")
    arguments = parser.parse_args()
    report = Report()
    try:
        program = install.find_or_install()
    except BrowserError as error:
        print(f"error: {error}\n0 passed, 1 failed")
        return 1
    maker = Maker(arguments.program.resolve(), arguments.work)
    pictures = arguments.work / "pictures" if arguments.pictures else None
    with Chromium(program) as browser:
        print(f"{browser.version}, {arguments.program}", flush=True)
        if arguments.readme:
            readme_picture(browser, maker.plan_example())
            return 0
        if not arguments.only:
            report.add("self-test", self_test.checks(browser, arguments.work))
        for name, make in pages(maker).items():
            if not arguments.only or name in arguments.only:
                report.add(name, made_checks(browser, name, make, pictures))
    print(f"{report.passed} passed, {report.failed} failed")
    return int(report.failed > 0)


def made_checks(
    browser: Chromium, name: str, make: Callable[[], Made], pictures: Path | None
) -> Checks:
    """Makes a page, and yields its checks."""
    yield from check_page(browser, name, make(), pictures)


if __name__ == "__main__":
    sys.exit(main())
