"""A real browser plays: Chromium, with pages that are phones, over TLS and without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Frame, Page

from raydel.certificates.authority import issue, new_authority
from raydel.cli.certificate import main as make_certificate
from tests.delays import LOOPBACK
from tests.integration.browser import PATIENCE, find_chromium, running
from tests.integration.page_phones import SCRIPT, Kind, Match, PagePhone
from tests.integration.program import Program, free_port

CHROMIUM = find_chromium()

FAST = Kind("protocol 2 fast", 40_000.0, 2)
SLOW = Kind("protocol 2 slow", -7_000.0, 2)
OLD_FAST = Kind("library 2 fast", 40_000.0)
OLD_SLOW = Kind("library 2 slow", -7_000.0)

CONNECT = "url => new Phone(url, {}).open.then(() => true, () => false)"

ASK = "url => fetch(url).then(() => true, () => false)"

FETCH = """\
async ([url, method]) => {
  const response = await fetch(url, { method });
  return [response.status, await response.json()];
}
"""


@dataclass(frozen=True)
class Door:
    """A port of the program, as a browser sees it.

    Attributes:
        port: Its number.
        secure: The letter by which TLS is told from none.
    """

    port: int
    secure: str = ""

    @property
    def page(self) -> str:
        """A page of the server's own."""
        return self.page_as(LOOPBACK)

    @property
    def sync(self) -> str:
        """Where phones connect."""
        return f"ws{self.secure}://{LOOPBACK}:{self.port}/sync"

    @property
    def sessions(self) -> str:
        """Where REST tells who is there."""
        return f"http{self.secure}://{LOOPBACK}:{self.port}/api/sessions"

    def page_as(self, name: str) -> str:
        """Return that page under the name of another site: to a browser, it is one."""
        return f"http{self.secure}://{name}:{self.port}/health"


@dataclass(frozen=True)
class Site:
    """The running program, and both ways into it."""

    home: Path
    plain: Door
    tls: Door


OpenPage = Callable[[str], Page]
PickUp = Callable[[Door, Kind], PagePhone]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Run the program with a certificate for development, as its makers do."""
    home = tmp_path_factory.mktemp("site")
    make_certificate(["--directory", str(home / "certificates")])
    strange = issue(new_authority("Strange"), ["strange.example"])
    both = strange.certificate_pem + strange.key_pem
    (home / "certificates" / "strange.pem").write_bytes(both)
    site = Site(home, Door(free_port()), Door(free_port(), "s"))
    options = (
        f"--port=tls:{site.tls.port}:interface={LOOPBACK}",
        f"--origin=http://club.example:{site.plain.port}",
    )
    with Program(home, options, site.plain.port):
        yield site


@pytest.fixture(scope="module")
def browser(site: Site) -> Iterator[Browser]:
    """Run one browser for all tests."""
    certificate = site.home / "certificates" / "raydel.pem"
    with running(CHROMIUM, certificate) as browser:
        yield browser


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Open pages that share nothing, as on devices of their own; close them after."""
    with ExitStack() as contexts:

        def open_one(url: str) -> Page:
            context = contexts.enter_context(browser.new_context())
            context.set_default_timeout(PATIENCE)
            context.add_init_script(path=SCRIPT)
            page = context.new_page()
            page.goto(url)
            return page

        yield open_one


@pytest.fixture
def pick_up(open_page: OpenPage) -> PickUp:
    """Take phones to hand: each is a page, and connected from where it came."""
    return lambda door, kind: PagePhone(open_page(door.page), door.sync, kind)


class TestMatch:
    """Two pages that the server itself delivered play."""

    @pytest.mark.parametrize(
        ("host", "guest"),
        [(FAST, SLOW), (OLD_FAST, OLD_SLOW), (FAST, OLD_SLOW)],
        ids=str,
    )
    def test_tls(
        self, site: Site, pick_up: PickUp, code: str, host: Kind, guest: Kind
    ) -> None:
        """Over TLS both hear of each other, of one start and of its stop."""
        Match.begin(pick_up(site.tls, host), pick_up(site.tls, guest), code).play()

    def test_plain(self, site: Site, pick_up: PickUp, code: str) -> None:
        """Without TLS they do as well."""
        Match.begin(pick_up(site.plain, FAST), pick_up(site.plain, SLOW), code).play()

    def test_goodbye(self, site: Site, pick_up: PickUp, code: str) -> None:
        """The server agrees to a goodbye; a host takes its session along."""
        host, guest = pick_up(site.tls, FAST), pick_up(site.tls, SLOW)
        Match.begin(host, guest, code)
        assert host.close() == 1000
        guest.hear("session_ended")
        assert guest.closed() == 1000

    def test_closed_page(self, site: Site, pick_up: PickUp, code: str) -> None:
        """When a page is closed, the other phone is told, and its take goes on."""
        host, guest = pick_up(site.tls, FAST), pick_up(site.tls, SLOW)
        match = Match.begin(host, guest, code)
        take = match.start()[0]["takeId"]
        guest.page.close()
        gone = host.hear("device_disconnected")
        assert (gone["deviceId"], gone["reason"]) == (match.ids[1], "left")
        host.say("stop_recording")
        assert host.hear("stop_recording")["takeId"] == take


class TestRest:
    """Pages ask over HTTP."""

    def test_own_page(self, site: Site, pick_up: PickUp, code: str) -> None:
        """A page of the server's own is told who is there."""
        phone = pick_up(site.tls, FAST)
        joined = phone.join(code, host=True)
        status, body = phone.page.evaluate(FETCH, ["/api/sessions", "GET"])
        assert status == 200
        assert joined["sessionStatus"] in body["sessions"]

    def test_other_port(
        self, site: Site, open_page: OpenPage, pick_up: PickUp, code: str
    ) -> None:
        """So is one from another port of the same host; it may end a session too."""
        phone = pick_up(site.tls, FAST)
        phone.join(code, host=True)
        page, session = open_page(site.plain.page), f"{site.tls.sessions}/{code}"
        assert page.evaluate(FETCH, [session, "GET"])[1]["id"] == code
        assert page.evaluate(FETCH, [session, "DELETE"])[0] == 200
        phone.hear("session_ended")
        assert page.evaluate(FETCH, [session, "GET"])[0] == 404


class TestOrigin:
    """Pages of other sites."""

    def test_listed(self, site: Site, open_page: OpenPage, code: str) -> None:
        """A page of a site that ``--origin`` lists may play."""
        page = open_page(site.plain.page_as("club.example"))
        phone = PagePhone(page, site.tls.sync, FAST)
        assert phone.join(code, host=True)["isHost"] is True

    def test_strange(self, site: Site, open_page: OpenPage) -> None:
        """A page of any other site may neither play nor ask."""
        page = open_page(site.plain.page_as("strange.example"))
        assert_kept_out(page.main_frame, site.tls)

    def test_nobodys(self, site: Site, open_page: OpenPage) -> None:
        """Neither may one without an origin, even within one of the server's own."""
        page = open_page(site.tls.page)
        page.set_content("<iframe sandbox='allow-scripts' srcdoc='nobody'></iframe>")
        frame = page.frames[-1]
        assert frame.evaluate("origin") == "null"
        assert_kept_out(frame, site.tls)


class TestCertificate:
    """What the browser trusts."""

    def test_strange(self, site: Site, open_page: OpenPage) -> None:
        """It is one certificate, and no other, though the same server shows it."""
        with pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"):
            open_page(site.tls.page_as("strange.example"))


def assert_kept_out(frame: Frame, door: Door) -> None:
    """Check that the server refuses, and not the browser before it was asked."""
    assert "Unexpected response code: 403" in complaint(frame, CONNECT, door.sync)
    assert "No 'Access-Control-Allow-Origin'" in complaint(frame, ASK, door.sessions)


def complaint(frame: Frame, script: str, url: str) -> str:
    """Try something in vain, and return what the browser's console says of it."""
    with frame.page.expect_console_message(lambda said: url in said.text) as said:
        assert frame.evaluate(script, url) is False
    return said.value.text
