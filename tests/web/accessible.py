"""axe, the widths of pages, and both themes: what every page must pass (ui-spec §10, §12)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.web.demo_server import ROOT
from tests.web.visit import Visit

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]
WINDOW = {"width": 1280, "height": 860}
PHONE = {"width": 390, "height": 844}


def check(page: Page, what: str, *, without: tuple[str, ...] = ()) -> None:
    """Fail for what axe finds, and for a page wider than its window. `without`: rules that do not apply."""
    found: list[dict[str, Any]] = page.evaluate(
        f"axe.run(document, {{runOnly: {RULES}}}).then((result) => result.violations)"
    )
    told = [
        (one["id"], [node["html"][:200] for node in one["nodes"][:3]])
        for one in found
        if one["id"] not in without
    ]
    assert told == [], f"{what}: {told}"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), what


def check_both(visit: Visit, address: str, is_there: Callable[[Page], None]) -> None:
    """Look at a page on a light desktop, a dark one, and a dark phone."""
    looks = (("light", WINDOW), ("dark", WINDOW), ("dark", PHONE))
    for theme, size in looks:
        visit.page.set_viewport_size(size)  # type: ignore[arg-type]
        visit.page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
        page = visit.go(address)
        is_there(page)
        expect(page.locator("[aria-busy]")).to_have_count(0)
        page.evaluate(AXE.read_text())
        check(page, f"{address}, {theme}, {size['width']} px")
