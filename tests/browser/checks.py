"""What every page must satisfy, whatever it shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from chromium import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chromium import Chromium

PROBE = Path(__file__).with_name("probe.js").read_text().strip()
WIDTHS = (360, 800, 1440)
THEMES = {"light": False, "dark": True}


def probe(page: Page, name: str) -> list[str]:
    """Returns the faults that a function of `probe.js` finds."""
    return page.evaluate(f"({PROBE}).{name}()")


def quiet(page: Page) -> list[str]:
    """Returns what the page logged, and what it requested beside itself."""
    page.browser.poll(0.05)
    document = page.requests[:1]
    others = [url for url in page.requests if url not in document]
    return page.problems + [f"request: {url[:200]}" for url in others]


def isolated(page: Page) -> list[str]:
    """Returns what a script in the page could load: its policy must forbid everything."""
    loaded = page.evaluate(
        """(async () => {
          const blocked = new Set();
          document.addEventListener('securitypolicyviolation', it => blocked.add(it.blockedURI));
          const wait = it => new Promise(done => { it.onload = it.onerror = done; });
          const urls = ['pixel.png', 'script.js', 'data'].map(it => `https://example.invalid/${it}`);
          const image = new Image();
          image.src = urls[0];
          await wait(image);
          const script = document.createElement('script');
          script.src = urls[1];
          document.head.append(script);
          await wait(script);
          await fetch(urls[2]).catch(() => {});
          await new Promise(done => setTimeout(done, 10));
          return urls.filter(it => !blocked.has(it));
        })()"""
    )
    return [f"the policy does not block {url}" for url in loaded]


def every_page(
    browser: Chromium, path: Path, pictures: Path | None
) -> Iterator[tuple[str, list[str]]]:
    """Yields the name of each check of a page, and the faults that it found."""
    size = path.stat().st_size
    yield "is below 2 MB", [f"{size} bytes"] if size >= 2_000_000 else []  # noqa: PLR2004
    for theme, dark in THEMES.items():
        with Page(browser, dark=dark) as page:
            page.open(path)
            yield f"is quiet, {theme}", quiet(page)
            yield f"has enough contrast, {theme}", probe(page, "contrast")
            if not dark:
                yield "has a sound structure", probe(page, "structure")
                yield "contains nothing foreign", probe(page, "foreign")
            for width in WIDTHS:
                page.resize(width, 900)
                page.frame()
                yield f"fits {width} pixels, {theme}", probe(page, "overflow")
                if pictures:
                    page.screenshot(pictures / f"{path.stem}-{width}-{theme}.png")
            if not dark:
                yield "may load nothing", isolated(page)
    with Page(browser, script=False) as page:
        page.open(path)
        yield "is quiet without scripts", quiet(page)
        yield "has enough contrast without scripts", probe(page, "contrast")
        if pictures:
            page.screenshot(pictures / f"{path.stem}-no-script.png")
    with Page(browser) as page:
        page.open(path)
        page.media(printing=True)
        yield "has enough contrast in print", probe(page, "contrast")
        pages = len(re.findall(rb"/Type\s*/Page\b", page.pdf()))
        yield "is printed", [] if pages else ["there is no page"]


def texts_without_script(browser: Chromium, path: Path, texts: list[str]) -> list[str]:
    """Returns which of these texts a reader without scripts cannot see."""
    with Page(browser, script=False) as page:
        page.open(path)
        page.evaluate("document.querySelectorAll('details').forEach(it => { it.open = true; })")
        shown = probe(page, "text")
    return [f"not shown: {text}" for text in texts if text not in shown]
