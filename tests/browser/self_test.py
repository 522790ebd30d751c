"""Tests the checks: each finds the fault of a page that is wrong on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks import isolated, probe, quiet, texts_without_script
from chromium import Page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chromium import Chromium

GOOD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Good</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'"></head>
<body><main><h1>Good</h1><p>Text</p><button>Name</button></main></body></html>
"""
BAD = """<!doctype html>
<html><head><meta charset="utf-8"><title>Bad</title>
<meta http-equiv="Content-Security-Policy" content="default-src https:"></head>
<body><main><h1>Bad</h1><h3>Deep</h3><p hidden>Text</p><p onclick="1" style="color: red">Word</p>
<p><font color="#999999">pale</font></p>
<svg width="90" height="30"><rect width="90" height="30" fill="blue"/>
<text x="5" y="20" fill="navy">dark</text></svg>
<hr width="3000"><button></button><a href="#none">Link</a><b id="a">1</b><b id="a">2</b>
<img src="x.png" alt=""><iframe></iframe></main></body></html>
"""
# What each check must find in the bad page.
FAULTS = {
    "contrast": ["font 2.85 < 4.5", "text 1.86 < 4.5"],
    "overflow": ["pixels too wide"],
    "structure": [
        "button has no name",
        "h3 follows h1",
        "no element has the id none",
        "the document has no language",
        "two elements have the id a",
    ],
    "foreign": ["has the attribute onclick", "has src=x.png", "the policy is", "there is a iframe"],
    "quiet": ["request: file:", "error: "],
    "isolated": ["does not block"],
}


def checks(browser: Chromium, folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Yields a check for each fault, and that a good page has none."""
    path = folder / "self-test.html"
    run = {
        "quiet": quiet,
        "isolated": isolated,
        **{name: _probe(name) for name in ("contrast", "overflow", "structure", "foreign")},
    }
    with Page(browser) as page:
        path.write_text(GOOD)
        page.open(path)
        for name, check in run.items():
            yield f"a good page has no fault: {name}", check(page)
    with Page(browser) as page:
        path.write_text(BAD)
        page.open(path)
        for name, faults in FAULTS.items():
            found = run[name](page)
            for fault in faults:
                is_found = any(fault in it for it in found)
                yield f"finds: {fault}", [] if is_found else [f"found only {found}"]
    found = texts_without_script(browser, path, ["Text", "Deep"])
    yield "finds a text that is not shown", [] if found == ["not shown: Text"] else found


def _probe(name: str):  # noqa: ANN202
    return lambda page: probe(page, name)
