"""What the pages of plans and differences must do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chromium import Page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chromium import Chromium

SHOWN = "[...document.querySelectorAll('[data-kind]')].filter(it => it.checkVisibility())"
VIEW = "document.querySelector('.picture svg').getAttribute('viewBox')"
IN_VIEW = """(element => {{
  const box = element.getBoundingClientRect();
  return element.checkVisibility() && box.width > 0 && box.top < innerHeight && box.bottom > 0;
}})({})"""
# The limits of the main thread's time, in seconds, on any computer that runs the tests.
LOAD_LIMIT = 1.0
SEARCH_LIMIT = 0.3


def equal(found: object, expected: object) -> list[str]:
    """Returns a fault if two values differ."""
    return [] if found == expected else [f"found {found!r}, expected {expected!r}"]


def checks(browser: Chromium, path: Path, *, has_graph: bool) -> Iterator[tuple[str, list[str]]]:
    """Yields the checks of a page."""
    with Page(browser, processor_time=True) as page:
        page.open(path)
        seconds = page.busy()
        yield "loads in time", [] if seconds < LOAD_LIMIT else [f"{seconds:.2f} s"]
        yield from search(page)
        yield from filters(page)
        yield from links(page)
        yield from keyboard(page)
        if has_graph:
            yield from graph(page)
            yield from leads(page)
        yield "is quiet after its use", page.problems


def search(page: Page) -> Iterator[tuple[str, list[str]]]:
    """Yields the checks of the search."""
    total = page.evaluate(f"{SHOWN}.length")
    page.press("/")
    yield "`/` leads to the search", equal(page.evaluate("document.activeElement.id"), "search")
    words = page.evaluate(f"{SHOWN}.at(-1).querySelector('b').textContent")
    before = page.busy()
    page.type(words)
    page.frame()
    seconds = page.busy() - before
    yield "searches in time", [] if seconds < SEARCH_LIMIT else [f"{seconds:.2f} s"]
    found = page.evaluate(f"{SHOWN}.map(it => it.textContent.includes({words!r}))")
    faults = [] if found and all(found) else [f"`{words}` shows {found}"]
    yield "the search shows what contains the words", faults
    yield (
        "the search says how many are shown",
        equal(
            page.evaluate("document.getElementById('found').textContent"),
            f"{len(found)} of {total} shown",
        ),
    )
    address = page.evaluate("location.href")
    with Page(page.browser) as other:
        other.call("Page.navigate", url=address)
        other.wait("document.readyState === 'complete' && location.protocol === 'file:'")
        yield "the address keeps the search", equal(other.evaluate(f"{SHOWN}.length"), len(found))
    page.press("Escape")
    yield "Escape ends the search", equal(page.evaluate(f"{SHOWN}.length"), total)
    page.type("no such text anywhere")
    yield "a search may find nothing", equal(page.evaluate(f"{SHOWN}.length"), 0)
    page.press("Escape")


def filters(page: Page) -> Iterator[tuple[str, list[str]]]:
    """Yields the checks of the filter by kind."""
    total = page.evaluate(f"{SHOWN}.length")
    kinds = page.evaluate(
        "[...document.querySelectorAll('[data-filter]')].map(it => it.dataset.filter)"
    )
    sum_of_kinds = 0
    for kind in kinds:
        chip = f'[data-filter="{kind}"]'
        page.click(chip)
        shown = page.evaluate(f"{SHOWN}.map(it => it.dataset.kind)")
        sum_of_kinds += len(shown)
        faults = [] if shown and set(shown) == {kind} else [f"shows {sorted(set(shown))}"]
        yield f"the filter shows {kind} alone", faults
        pressed = f"document.querySelector('{chip}').getAttribute('aria-pressed')"
        yield f"{kind} is pressed", equal(page.evaluate(pressed), "true")
        page.click(chip)
    yield "every change has a kind", equal(sum_of_kinds, total)
    yield "a second click ends the filter", equal(page.evaluate(f"{SHOWN}.length"), total)


def links(page: Page) -> Iterator[tuple[str, list[str]]]:
    """Yields the checks of links inside the page, and of what can be opened."""
    opened = "document.querySelectorAll('.section details:not([open])').length"
    if page.evaluate("document.querySelectorAll('.section details').length"):
        page.click("#expand")
        if page.evaluate(opened):
            page.click("#expand")
        yield "all details can be opened", equal(page.evaluate(opened), 0)
        page.click("#expand")
    # Those of the graph are tested with it: it shows a part of its picture.
    addresses = page.evaluate(
        """[...document.querySelectorAll("a[href^='#']")]
             .filter(it => it.checkVisibility() && !it.ownerSVGElement)
             .map(it => it.getAttribute('href')).filter(it => it !== '#content').slice(0, 20)"""
    )
    faults = []
    for address in dict.fromkeys(addresses):
        page.click(f'a[href="{address}"]')
        target = f"document.getElementById(decodeURIComponent({address[1:]!r}))"
        if not page.becomes(IN_VIEW.format(target)):
            faults.append(f"{address} is not in view")
    yield "links show their targets", faults


def keyboard(page: Page) -> Iterator[tuple[str, list[str]]]:
    """Yields the checks of the keyboard: what has the focus can be seen."""
    page.evaluate("document.activeElement.blur(), scrollTo(0, 0), getSelection().removeAllRanges()")
    page.evaluate("document.body.tabIndex = -1, document.body.focus()")
    faults = []
    seen = 0
    for _ in range(25):
        page.press("Tab")
        focus = page.evaluate(
            """(() => {
              const it = document.activeElement;
              if (!it || it === document.body) return null;
              const style = getComputedStyle(it);
              const marked = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
              return [it.outerHTML.slice(0, 80), marked || style.boxShadow !== 'none'];
            })()"""
        )
        if focus is None:
            break
        seen += 1
        if not focus[1]:
            faults.append(f"the focus cannot be seen: {focus[0]}")
        if not page.becomes(IN_VIEW.format("document.activeElement")):
            faults.append(f"the focus is not in view: {focus[0]}")
    yield "the focus can be seen", faults or ([] if seen else ["nothing has the focus"])


def graph(page: Page) -> Iterator[tuple[str, list[str]]]:
    """Yields the checks of the graph."""
    views = [page.evaluate(VIEW)]

    def changed() -> list[str]:
        page.frame()
        views.append(page.evaluate(VIEW))
        return [] if views[-1] != views[-2] else ["the view is the same"]

    page.click(".picture [data-action=in]")
    yield "the graph zooms in", changed()
    page.click(".picture [data-action=out]")
    yield "the graph zooms out", changed()
    page.wheel(".picture .stage", -120, control=True)
    yield "the graph zooms with the wheel", changed()
    page.drag(".picture .stage", 40, 25)
    yield "the graph is dragged", changed()
    page.evaluate("document.querySelector('.picture .stage').focus()")
    page.press("ArrowRight")
    yield "the graph moves by keys", changed()
    page.click(".picture [data-action=fit]")
    yield "the graph fits again", changed()
    page.wheel(".picture .stage", 120)
    yield "the wheel alone scrolls the page", equal(page.evaluate(VIEW), views[-1])


def leads(page: Page) -> Iterator[tuple[str, list[str]]]:
    """Yields the checks of the resources in the graph that lead to a change."""
    lead = ".picture svg [data-id][tabindex]"
    name = page.evaluate(f"document.querySelector('{lead}')?.dataset.id")
    if name is None:
        return
    opened = f"""[...document.querySelectorAll('[data-of]')]
      .filter(it => it.dataset.of === {name!r}).map(it => {{
        const box = it.getBoundingClientRect();
        const details = it.querySelector('details');
        return box.top < innerHeight && box.bottom > 0 && (!details || details.open);
      }})[0]"""
    page.click(lead)
    page.frame()
    yield "a click in the graph leads to the change", equal(page.evaluate(opened), True)
    page.evaluate(f"document.querySelector('{lead}').focus()")
    page.press("Enter")
    page.frame()
    yield "Enter in the graph leads to the change", equal(page.evaluate(opened), True)
