"""How a project is arranged is kept: whatever is closed, and whoever else arranges it."""

from __future__ import annotations

import random
import re

import pytest
from playwright.sync_api import Page, expect

from tests.web.demo_server import DemoServer
from tests.web.visit import Visit

pytestmark = pytest.mark.browser


def settled(visit: Visit) -> Page:
    expect(visit.panel("train/loss").get_by_role("img")).to_be_visible()
    expect(visit.page.get_by_role("button", name=re.compile("^View: "))).to_be_visible()
    return visit.page


def test_a_title_typed_right_before_a_reload_is_kept(watcher: Visit, demo: DemoServer) -> None:
    dice = random.Random(5)
    page = watcher.go(demo.project)
    network = watcher.context.new_cdp_session(page)
    network.send("Network.enable")
    for turn in range(20):
        settled(watcher)
        watcher.panel("train/loss").focus()
        page.keyboard.press("e")
        title = page.get_by_role("complementary").get_by_role("textbox", name="Title")
        # Before, while and after the page saves by itself and writes its address.
        conditions = {"offline": False, "downloadThroughput": -1, "uploadThroughput": -1}
        conditions["latency"] = dice.choice([0, 100, 400])
        network.send("Network.emulateNetworkConditions", conditions)
        title.fill(f"Half {turn}")
        page.wait_for_timeout(dice.choice([0, 300, 600, 650]))
        title.fill(f"Whole {turn}")
        page.wait_for_timeout(dice.choice([0, 0, 50, 100]))
        page.reload()
        expect(watcher.panel("train/loss").locator("h3")).to_have_text(f"Whole {turn}")
