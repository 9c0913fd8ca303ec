"""People in the browser: invitations, roles, keys, passwords, the admin (I-48; reliability 5.4, 5.10)."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

from tests.fakes.live_server import FIRST_KEY, LiveServer
from tests.web.conftest import Open
from tests.web.demo_server import ROOT, own_environment, own_folders_of
from tests.web.visit import Visit

pytestmark = pytest.mark.browser

PASSWORD = "willow kettle anchor mosaic"
TEAM = "vision"
WINDOW: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
LOG_A_RUN = """
import kiseki
with kiseki.init(project="shared", name="from-a-machine") as run:
    run.log({"loss": 1.0})
"""


@pytest.fixture(scope="module")
def people(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server of several people: ada, its admin; grace and katherine in her team."""
    folder = tmp_path_factory.mktemp("people")
    server = LiveServer(folder / "server", env=own_folders_of(folder)).start()
    try:
        server.get("/api/v1/teams", "POST", {"team": TEAM})
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def shared_run(people: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run of the team; its page's address."""
    folder = tmp_path_factory.mktemp("script")
    env = own_environment(folder)
    env.update(KISEKI_BASE_URL=people.url, KISEKI_API_KEY=FIRST_KEY, KISEKI_DIR=str(folder))
    env.update(KISEKI_ENTITY=TEAM, KISEKI_DISABLE_META="true", KISEKI_DISABLE_STATS="true")
    subprocess.run([sys.executable, "-c", LOG_A_RUN], env=env, cwd=folder, check=True)
    [run] = people.get(f"/api/v1/projects/{TEAM}/shared/runs")["runs"]
    return f"/{TEAM}/shared/runs/{run['id']}"


@pytest.fixture
def ada(people: LiveServer, visits: Open) -> Visit:
    """The server's admin."""
    visit = visits(people.url)
    assert visit.context.request.post(f"{people.url}/api/v1/session", data={"key": FIRST_KEY}).ok
    return visit


def invite(server: LiveServer, role: str = "member", team: str | None = TEAM) -> str:
    """Return the path of an invitation's link."""
    body = {"team": team, "role": role} if team else {}
    url = str(server.get("/api/v1/invites", "POST", body)["url"])
    return url.removeprefix(server.url)


def join(server: LiveServer, visit: Visit, user: str, role: str = "member") -> None:
    """Make an account by an invitation, over the API, and be signed in."""
    token = invite(server, role).partition("#token=")[2]
    answer = visit.context.request.post(
        f"{server.url}/api/v1/users", data={"user": user, "password": PASSWORD, "invite": token}
    )
    assert answer.ok, answer.text()


def shown_secret(page: Page, label: str) -> str:
    """Return the text that is seen once."""
    field = page.get_by_role("textbox", name=label, exact=True)
    expect(field).to_have_value(re.compile("."))
    return field.input_value()


def kept_by_the_browser(page: Page) -> str:
    return str(page.evaluate("JSON.stringify([localStorage, sessionStorage, history.state])"))


def item(page: Page, text: str) -> Locator:
    return page.get_by_role("listitem").filter(has_text=text)


# ---- coming in -----------------------------------------------------------------------------------


def test_an_invited_person_makes_an_account_and_belongs_to_the_team(
    people: LiveServer, ada: Visit, visits: Open
) -> None:
    page = ada.go(f"/teams/{TEAM}")
    page.get_by_role("button", name="Invite", exact=True).click()
    page.get_by_label("As").select_option("Viewer")
    page.get_by_role("button", name="Make link").click()
    link = shown_secret(page, "Invitation link")
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile("^Take back"))).to_be_visible()

    guest = visits(people.url)
    guest.page.goto(link)
    page = guest.page
    expect(page.get_by_role("heading", name=f"Join {TEAM}")).to_be_visible()
    expect(page.get_by_text(f"ada invites you to the team {TEAM} as a viewer.")).to_be_visible()
    assert "#" not in page.url  # the secret left the address, and so the history (5.4)
    submit = page.get_by_role("button", name="Make account and join")
    page.get_by_label("User name").fill("kath/erine")
    expect(page.get_by_text("Not allowed here")).to_be_visible()
    page.get_by_label("User name").fill("katherine")
    password = page.get_by_label("Password", exact=True)
    password.fill("too short")
    expect(page.get_by_text("3 more characters to go")).to_be_visible()
    expect(submit).to_be_disabled()
    password.fill(PASSWORD)
    expect(page.get_by_text("Strong", exact=True)).to_be_visible()
    password.press("Enter")
    expect(page).to_have_url(f"{people.url}/{TEAM}")
    expect(page.get_by_role("heading", name=f"Projects of {TEAM}")).to_be_visible()
    kept = kept_by_the_browser(page)
    assert link.partition("token=")[2] not in kept
    assert PASSWORD not in kept

    page = guest.go(f"/teams/{TEAM}")
    expect(item(page, "katherine")).to_contain_text("Viewer")
    expect(page.get_by_role("combobox")).to_have_count(0)  # a viewer changes no roles
    expect(page.get_by_role("heading", name="Invitations")).to_have_count(0)

    late = visits(people.url)
    late.expect_status(404, "/invites/look")
    late.page.goto(link)
    expect(late.page.get_by_role("heading", name="This invitation has ended")).to_be_visible()


def test_who_has_an_account_joins_with_one_click(
    people: LiveServer, ada: Visit, visits: Open
) -> None:
    maker = visits(people.url)
    join(people, maker, "maker")
    request, headers = maker.context.request, {"Origin": people.url}
    for path in ("teams", "invites"):
        answer = request.post(
            f"{people.url}/api/v1/{path}", data={"team": "audio"}, headers=headers
        )
        assert answer.ok, answer.text()
    made = answer.json()
    page = ada.go("/invite")
    page.goto(made["url"])  # pasted into the same tab: only the fragment differs
    page.get_by_role("button", name="Join as ada").click()
    expect(page).to_have_url(f"{people.url}/audio")
    expect(page.get_by_text("You belong to audio now")).to_be_visible()


def test_an_address_without_its_invitation_says_what_to_do(
    people: LiveServer, visits: Open
) -> None:
    page = visits(people.url).go("/invite")
    expect(page.get_by_text("Open the whole link that you were sent")).to_be_visible()
    page = visits(people.url).go("/signup")
    expect(page.get_by_role("heading", name="Accounts are made by invitation")).to_be_visible()


def test_sign_in_by_password_leads_to_where_one_wanted_to_go(
    people: LiveServer, visits: Open
) -> None:
    joe = visits(people.url)
    join(people, joe, "joe")
    page = joe.go("/settings/teams")
    page.get_by_role("button", name="Account").click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in to Kiseki")).to_be_visible()
    joe.expect_status(401, "/api/v1/")
    joe.expect_status(429, "/api/v1/session")
    page = joe.go("/settings/keys")
    expect(page).to_have_url(re.compile(r"/login\?next=%2Fsettings%2Fkeys"))
    page.get_by_label("User name").fill("joe")
    field = page.get_by_label("Password", exact=True)
    field.fill(PASSWORD + "!")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    field.fill(PASSWORD)
    field.press("Enter")
    expect(page).to_have_url(f"{people.url}/settings/keys")


def test_too_many_tries_wait(people: LiveServer, visits: Open) -> None:
    visit = visits(people.url)
    visit.expect_status(401, "/api/v1/session")
    visit.expect_status(429, "/api/v1/session")
    page = visit.go("/login")
    page.get_by_label("User name").fill("nobody")
    page.get_by_label("Password", exact=True).fill("wrong for sure")
    submit = page.get_by_role("button", name=re.compile("Sign(ing)? in"))
    alert = page.get_by_role("alert")
    for _ in range(8):
        if alert.is_visible() and "Too many tries" in alert.inner_text():
            break
        with page.expect_response("**/api/v1/session"):
            submit.click()
        expect(alert).to_be_visible()
    expect(alert).to_have_text(re.compile(r"possible in \d+\s+s"))
    expect(submit).to_be_disabled()


@pytest.mark.parametrize("next", ["//evil.test/", "/\\evil.test", "https://evil.test/"])
def test_sign_in_never_leads_to_another_site(people: LiveServer, visits: Open, next: str) -> None:
    page = visits(people.url).go(f"/login?next={next}")  # 5.4
    page.get_by_role("button", name="Use an API key instead").click()
    page.get_by_label("API key").fill(FIRST_KEY)
    page.get_by_label("API key").press("Enter")
    expect(page.get_by_role("button", name="Account")).to_be_visible()
    assert page.url.startswith(people.url)


# ---- a server that is open to everybody ----------------------------------------------------------


@pytest.fixture(scope="module")
def open_server(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("open")
    env = {**own_folders_of(folder), "KISEKI_SIGNUP": "open", "KISEKI_ANONYMOUS": "1"}
    server = LiveServer(folder / "server", env=env).start()
    yield server
    server.stop()


def test_anybody_signs_up_where_the_server_is_open(open_server: LiveServer, visits: Open) -> None:
    visit = visits(open_server.url)
    visit.expect_status(401, "/api/v1/")
    visit.expect_status(409, "/api/v1/users")
    page = visit.go("/settings/teams")
    page.get_by_role("link", name="Make an account").click()
    page.get_by_label("User name").fill("ada")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Make account").click()
    expect(page.get_by_text("This name is taken. Try another.")).to_be_visible()
    page.get_by_label("User name").fill("lise")
    page.get_by_role("button", name="Make account").click()
    expect(page).to_have_url(f"{open_server.url}/settings/teams")  # where one wanted to go
    page.get_by_role("button", name="Account").click()
    expect(page.get_by_text("Signed in as lise")).to_be_visible()


def test_runs_without_an_account_are_looked_at_and_claimed(
    open_server: LiveServer, visits: Open
) -> None:
    visit = visits(open_server.url)  # I-48
    made = visit.context.request.post(f"{open_server.url}/api/v1/anonymous").json()
    page = visit.page
    page.goto(made["url"])
    page.get_by_role("button", name="Only look").click()
    expect(page).to_have_url(f"{open_server.url}/{made['entity']}")
    page.goto(made["url"])
    page.get_by_label("User name").fill("hedy")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Make account and claim").click()
    expect(page.get_by_text("The runs are yours now.")).to_be_visible()
    viewer = visit.context.request.get(f"{open_server.url}/api/v1/viewer").json()
    assert viewer["user"] == "hedy"
    assert made["entity"] in viewer["entities"]
    late = visits(open_server.url)
    late.expect_status(401, "/api/v1/session")
    late.page.goto(made["url"])
    late.page.get_by_role("button", name="Only look").click()
    expect(late.page.get_by_role("heading", name="This link has ended")).to_be_visible()


# ---- keys ----------------------------------------------------------------------------------------


def test_a_key_is_seen_once_and_ends_when_revoked(people: LiveServer, ada: Visit) -> None:
    page = ada.go("/settings/keys")
    page.get_by_role("button", name="New key").click()
    page.get_by_label("What it is for").fill("laptop")
    page.get_by_label("It may").select_option("Only read")
    page.get_by_label("It expires").select_option("after 30 days")
    page.get_by_role("button", name="Make key").click()
    secret = shown_secret(page, "API key")
    assert secret.startswith("ksk_")
    auth = {"Authorization": f"Bearer {secret}"}
    viewer = f"{people.url}/api/v1/viewer"
    assert ada.context.request.get(viewer, headers=auth).ok
    page.mouse.click(5, 5)  # a press beside the dialog loses nothing
    expect(page.get_by_label("API key", exact=True)).to_be_visible()
    page.get_by_role("button", name="Done").click()
    assert secret not in page.content()
    row = item(page, "laptop")
    expect(row).to_contain_text(f"{secret[:12]}…")
    expect(row).to_contain_text("reads only")
    expect(row).to_contain_text(re.compile("expires in (29|30) days"))
    page.reload()
    expect(row).to_be_visible()
    assert secret not in page.content()
    assert secret not in kept_by_the_browser(page)

    row.get_by_role("button", name="Revoke laptop").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(row).to_have_count(0)
    assert ada.context.request.get(viewer, headers=auth).status == 401


def test_authorize_makes_a_key_named_by_the_machine(people: LiveServer, visits: Open) -> None:
    visit = visits(people.url)
    visit.expect_status(401, "/api/v1/")
    name = "<b>lab 3</b>"
    page = visit.go(f"/authorize?name={name}")
    expect(page).to_have_url(re.compile("/login"))
    page.get_by_role("button", name="Use an API key instead").click()
    page.get_by_label("API key").fill(FIRST_KEY)
    page.get_by_label("API key").press("Enter")
    expect(page.get_by_label("For", exact=True)).to_have_value(
        name
    )  # text, whatever it says (5.10)
    page.get_by_role("button", name="Make a key").click()
    secret = shown_secret(page, "API key")
    assert secret not in page.url
    keys = visit.context.request.get(f"{people.url}/api/v1/keys").json()["keys"]
    assert name in [key["name"] for key in keys if secret.startswith(key["prefix"])]


# ---- teams and roles -----------------------------------------------------------------------------


def test_a_team_is_made_left_and_deleted(people: LiveServer, visits: Open) -> None:
    visit = visits(people.url)
    join(people, visit, "founder")
    visit.expect_status(409, "/api/v1/teams")
    page = visit.go("/settings/teams")
    name = page.get_by_label("Team name")
    name.fill(TEAM)
    name.press("Enter")
    expect(page.get_by_text("A user or team has this name already.")).to_be_visible()
    name.fill("teams")
    expect(page.get_by_text("This word is an address of the server.")).to_be_visible()
    name.fill("lab")
    name.press("Enter")
    expect(page).to_have_url(f"{people.url}/teams/lab")
    expect(page.get_by_text("You are an admin")).to_be_visible()
    # The last admin can neither leave nor step down.
    page.get_by_role("button", name="Leave team").click()
    page.get_by_role("dialog").get_by_role("button", name="Leave team").click()
    expect(page.get_by_role("status").filter(has_text="admin")).to_be_visible()
    page.get_by_label("Role of founder").select_option("Member")
    expect(page.get_by_label("Role of founder")).to_have_value("admin")
    page.get_by_role("button", name="Delete team").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete team").click()
    expect(page).to_have_url(f"{people.url}/settings/teams")
    expect(item(page, "lab")).to_have_count(0)


def test_a_role_is_changed_and_a_member_removed(
    people: LiveServer, ada: Visit, visits: Open
) -> None:
    join(people, visits(people.url), "mary", "viewer")
    page = ada.go(f"/teams/{TEAM}")
    page.get_by_label("Role of mary").select_option("Member")
    expect(page.get_by_text("mary is a member now.")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Role of mary")).to_have_value("member")
    page.get_by_role("button", name="Remove mary").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_label("Role of mary")).to_have_count(0)


def test_a_service_gets_keys_of_its_own(people: LiveServer, ada: Visit) -> None:
    page = ada.go(f"/teams/{TEAM}")
    page.get_by_label("Service name").fill("ci")
    page.get_by_label("Service name").press("Enter")
    service = f"{TEAM}-ci"
    page.get_by_role("button", name=f"New key of {service}").click()
    page.get_by_label("What it is for").fill("nightly")
    page.get_by_role("button", name="Make key").click()
    secret = shown_secret(page, "API key")
    page.get_by_role("button", name="Done").click()
    expect(item(page, "nightly")).to_be_visible()
    answer = ada.context.request.get(
        f"{people.url}/api/v1/viewer", headers={"Authorization": f"Bearer {secret}"}
    )
    assert answer.json()["user"] == service
    page = ada.go("/settings/keys")
    expect(item(page, "nightly")).to_contain_text(f"of {service}")


def test_a_viewer_is_offered_no_changes(people: LiveServer, visits: Open, shared_run: str) -> None:
    reader, writer = visits(people.url), visits(people.url)
    join(people, reader, "reader", "viewer")
    join(people, writer, "writer", "member")
    page = writer.go(f"{shared_run}/overview")
    expect(page.get_by_role("button", name="Rename run")).to_be_visible()
    expect(page.get_by_label("Add tag")).to_be_visible()
    page = reader.go(f"{shared_run}/overview")
    expect(page.get_by_role("heading", name="from-a-machine")).to_be_visible()
    expect(page.get_by_role("button", name="Account")).to_be_visible()
    expect(page.get_by_role("button", name="Rename run")).to_have_count(0)
    expect(page.get_by_label("Add tag")).to_have_count(0)
    expect(page.get_by_role("button", name="Add notes")).to_have_count(0)
    page.get_by_role("button", name="Run actions").click()
    expect(page.get_by_role("menuitem", name="Copy run id")).to_be_visible()
    expect(page.get_by_role("menuitem", name="Move to trash")).to_have_count(0)


def test_home_tells_whose_projects_they_are(
    ada: Visit, shared_run: str, people: LiveServer
) -> None:
    own = people.get("/api/v1/projects")["projects"]
    assert {one["entity"] for one in own} == {TEAM}
    page = ada.go(f"/{TEAM}")
    expect(page.get_by_role("link", name="shared")).to_be_visible()
    page.get_by_role("link", name="Members").click()
    expect(page.get_by_role("heading", level=1, name=TEAM)).to_be_visible()


# ---- oneself -------------------------------------------------------------------------------------


def test_profile_and_password(people: LiveServer, visits: Open) -> None:
    visit, other = visits(people.url), visits(people.url)
    join(people, visit, "emmy")
    session = f"{people.url}/api/v1/session"
    credentials = {"user": "emmy", "password": PASSWORD}
    assert other.context.request.post(session, data=credentials).ok
    page = visit.go("/settings/profile")
    page.get_by_label("Name", exact=True).fill("Emmy N.")
    page.get_by_role("button", name="Save").click()
    page.get_by_label("Where runs go").select_option(TEAM)
    switch = page.get_by_role("switch", name="Keep the code of runs")
    switch.click()
    expect(switch).to_be_checked()
    page.reload()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Emmy N.")
    expect(page.get_by_label("Where runs go")).to_have_value(TEAM)
    expect(switch).to_be_checked()

    visit.expect_status(403, "/viewer/password")
    fresh = "another long sentence to keep"
    page.get_by_label("Current password").fill("not this one at all")
    page.get_by_label("New password").fill(fresh)
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("Other browsers were signed out")).to_be_visible()
    viewer = f"{people.url}/api/v1/viewer"
    assert visit.context.request.get(viewer).ok
    assert other.context.request.get(viewer).status == 401
    assert other.context.request.post(session, data={**credentials, "password": fresh}).ok


# ---- the server's admin --------------------------------------------------------------------------


def test_an_admin_helps_and_disables(people: LiveServer, ada: Visit, visits: Open) -> None:
    lost = visits(people.url)
    join(people, lost, "forgetful")
    page = ada.go("/settings/server")
    expect(page.get_by_text("By invitation")).to_be_visible()
    page.get_by_role("button", name="Actions for forgetful").click()
    page.get_by_role("menuitem", name="Make sign-in link").click()
    link = shown_secret(page, "Sign-in link for forgetful")
    page.keyboard.press("Escape")
    helped = visits(people.url)
    helped.page.goto(link)
    expect(helped.page.get_by_role("button", name="Account")).to_be_visible()
    assert "token" not in helped.page.url
    helped.page.close()

    page.get_by_role("button", name="Actions for forgetful").click()
    page.get_by_role("menuitem", name="Disable").click()
    page.get_by_role("dialog").get_by_role("button", name="Disable").click()
    expect(item(page, "forgetful")).to_contain_text("disabled")
    assert lost.context.request.get(f"{people.url}/api/v1/viewer").status == 401
    page.reload()
    expect(page.get_by_role("row").filter(has_text="forgetful").first).to_be_visible()


def test_the_servers_page_is_for_its_admins(people: LiveServer, visits: Open) -> None:
    visit = visits(people.url)
    join(people, visit, "curious")
    page = visit.go("/settings/server")
    expect(page.get_by_text("These pages are for admins of the server.")).to_be_visible()
    expect(page.get_by_role("link", name="Server")).to_have_count(0)


# ---- for everybody -------------------------------------------------------------------------------


def check_accessible(page: Page, what: str) -> None:
    """Fail for what axe finds, and for pages wider than the window (ui-spec §10, §12)."""
    found: list[dict[str, Any]] = page.evaluate(
        "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']})"
        ".then((result) => result.violations)"
    )
    told = [(one["id"], [node["html"][:200] for node in one["nodes"][:3]]) for one in found]
    assert told == [], what
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), what


def check_pages(visit: Visit, titles: dict[str, str]) -> None:
    """Look at every page on a light desktop and on a dark phone."""
    for address, title in titles.items():
        visit.page.set_viewport_size(WINDOW)
        visit.page.emulate_media(color_scheme="light", reduced_motion="reduce")
        visit.go("/-/health")  # so that an address that differs in its fragment is a new visit
        page = visit.go(address)
        expect(page.get_by_role("heading", level=1, name=title)).to_be_visible()
        expect(page.locator("[aria-busy]")).to_have_count(0)
        page.evaluate(AXE.read_text())
        check_accessible(page, f"{address}, light")
        page.set_viewport_size(PHONE)
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        expect(page.locator("html[data-theme=dark]")).to_have_count(1)
        check_accessible(page, f"{address}, dark on a phone")


def test_the_entry_pages_are_for_everybody(people: LiveServer, visits: Open) -> None:
    visit = visits(people.url)
    visit.expect_status(404, "/invites/look")
    check_pages(
        visit,
        {
            "/login": "Sign in to Kiseki",
            "/signup": "Accounts are made by invitation",
            invite(people): f"Join {TEAM}",
            "/invite#token=none": "This invitation has ended",
            "/claim#token=none": "Runs without an account",
        },
    )


def test_the_settings_are_for_everybody(people: LiveServer, ada: Visit, shared_run: str) -> None:
    check_pages(
        ada,
        {
            "/settings/profile": "Profile",
            "/settings/keys": "API keys",
            "/settings/teams": "Teams",
            "/settings/server": "Server",
            f"/teams/{TEAM}": TEAM,
            f"/{TEAM}": f"Projects of {TEAM}",
            "/authorize?name=lab3": "A key for your scripts",
        },
    )


def test_the_keyboard_is_enough(people: LiveServer, ada: Visit) -> None:
    page = ada.go("/settings/keys")
    button = page.get_by_role("button", name="New key")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("What it is for")).to_be_focused()
    page.keyboard.type("typed")
    page.keyboard.press("Enter")
    shown_secret(page, "API key")
    page.keyboard.press("Escape")
    expect(page.get_by_label("API key", exact=True)).to_have_count(0)
    expect(button).to_be_focused()  # §10: focus goes back to what opened it
