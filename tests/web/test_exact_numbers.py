"""Integers that no float holds, shown and copied as they were logged: table, run page, comparison."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.web.scripts import run_script
from tests.web.visit import Visit

pytestmark = pytest.mark.browser

SCRIPT = """
    import kiseki

    for index in range(2):
        config = {"seed": 2**60 + index, "plain": 3, "about": {"ids": [2**53 + 1, 7]}}
        run = kiseki.init(project="exact", id=f"e{index}", name=f"exact-{index}", config=config)
        run.log({"loss": float("nan"), "tokens": 2**62 + 1})
        run.finish()
"""


def test_integers_stay_exact(reader: Visit, script_env: dict[str, str]) -> None:
    run_script(Path(script_env["KISEKI_DIR"]) / "exact", SCRIPT, script_env)
    reader.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = reader.go("/ada/exact/table")
    row = page.get_by_role("row").filter(has_text="exact-0")
    expect(row).to_contain_text("1152921504606846976")
    # No float tells the seeds apart.
    expect(page.get_by_role("row").filter(has_text="exact-1")).to_contain_text(
        "1152921504606846977"
    )

    reader.go("/ada/exact/runs/e1/overview")
    config = page.locator("section").filter(has=page.get_by_role("heading", name="Config")).last
    expect(config).to_contain_text("1152921504606846977")
    expect(page.get_by_text("4611686018427387905").first).to_be_visible()
    expect(page.get_by_text("NaN", exact=True).first).to_be_visible()
    config.get_by_role("button", name=re.compile("^Copy")).first.click()
    copied = reader.until(lambda: page.evaluate("navigator.clipboard.readText()"), "a copy")
    assert "1152921504606846977" in copied and "9007199254740993" in copied

    reader.go("/ada/exact/compare?runs=e0,e1")
    expect(page.get_by_text("1152921504606846976").first).to_be_visible()
    expect(page.get_by_text("1152921504606846977").first).to_be_visible()
    expect(page.get_by_text("plain", exact=True)).to_have_count(0)
