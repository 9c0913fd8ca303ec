"""Who one is: by link, by key, and what happens without."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.fakes.live_server import FIRST_KEY, LiveServer
from tests.web.conftest import Open

pytestmark = pytest.mark.browser


def test_a_key_signs_in_and_leads_to_where_one_wanted_to_go(
    own_server: LiveServer, visits: Open
) -> None:
    visit = visits(own_server.url)
    visit.expect_status(401, "/api/v1/")
    page = visit.go("/ada")
    expect(page).to_have_url(re.compile(r"/login\?next="))
    page.get_by_role("button", name="Use an API key instead").click()
    field = page.get_by_label("API key")
    field.fill("ksk_wrongwrong" + "0" * 40)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    field.fill(FIRST_KEY)
    field.press("Enter")
    expect(page).to_have_url(f"{own_server.url}/ada")
    expect(page.get_by_role("heading", name="Projects of ada")).to_be_visible()
    page.get_by_role("button", name="Account").click()
    expect(page.get_by_text("Signed in as ada")).to_be_visible()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in to Kiseki")).to_be_visible()
    visit.go("/ada")
    expect(page).to_have_url(re.compile("/login"))


def test_a_spent_link_says_so(own_server: LiveServer, visits: Open) -> None:
    visit = visits(own_server.url)
    visit.expect_status(401, "/api/v1/")
    page = visit.go("/login#token=spent")
    expect(page.get_by_role("alert")).to_contain_text("was used already")
    assert "token" not in page.url  # nothing for the history to keep
