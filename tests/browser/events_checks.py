"""What the pages of timelines must do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chromium import Page
from plan_checks import LOAD_LIMIT, equal, filters, keyboard, links, search

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chromium import Chromium

WAITING = "tbody tr[data-after]"
MARKED = "[...document.querySelectorAll('.timeline tr.cause')].map(it => it.id)"


def checks(browser: Chromium, path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yields the checks of a page."""
    with Page(browser, processor_time=True) as page:
        page.open(path)
        seconds = page.busy()
        yield "loads in time", [] if seconds < LOAD_LIMIT else [f"{seconds:.2f} s"]
        yield from search(page)
        yield from filters(page)
        yield from links(page)
        yield from keyboard(page)
        yield from causes(page)
        yield from bars(page)
        yield "is quiet after its use", page.problems


def causes(page: Page) -> Iterator[tuple[str, list[str]]]:
    """Yields the checks of what a resource waited for."""
    expected = page.evaluate(
        f"""(() => {{
          const found = [];
          let it = [...document.querySelectorAll('{WAITING}')].at(-1);
          while (it && it.dataset.after && !found.includes(it.dataset.after)) {{
            found.push(it.dataset.after);
            it = document.getElementById(it.dataset.after);
          }}
          return found;
        }})()"""
    )
    if not expected:
        return
    page.evaluate(f"[...document.querySelectorAll('{WAITING}')].at(-1).classList.add('probed')")
    page.hover(".probed th b")
    marked = sorted(page.evaluate(MARKED))
    yield "the pointer marks what was waited for", equal(marked, sorted(set(expected)))
    page.hover("h1")
    yield "the marks end with the pointer", equal(page.evaluate(MARKED), [])
    page.evaluate("document.querySelector('.probed .waited a').focus()")
    marked = sorted(page.evaluate(MARKED))
    yield "the focus marks what was waited for", equal(marked, sorted(set(expected)))


def bars(page: Page) -> Iterator[tuple[str, list[str]]]:
    """Yields the checks of the bars: each is inside its cell and can be seen."""
    faults = page.evaluate(
        """[...document.querySelectorAll('.timeline .track svg')].filter(it => {
             const frame = it.getBoundingClientRect();
             const shapes = [...it.querySelectorAll('rect')].map(it => it.getBoundingClientRect());
             return !frame.width || !shapes.length || shapes.some(box =>
               box.left < frame.left - 2 || box.right > frame.right + 3 || box.height < 4);
           }).map(it => it.closest('tr').id).slice(0, 5)"""
    )
    yield "each bar is inside its cell", [f"not the bar of {row}" for row in faults]
