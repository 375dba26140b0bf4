"""`milepost connection …`: from a file to a connection that bills, through Xero's consent, and apart again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from cli.consent import SignedIn, sign_in, sign_out
from cli.rules.publish import publish_from
from cli.server import free_port
from milepost.connection import Connection, XeroSettings
from milepost.errors import AuthError, ConfigError
from milepost.ledger import connections
from milepost.ledger.connections import ConnectionRow
from milepost.ledger.database import open_database
from milepost.settings import installation
from sandbox.server import Sandbox, SandboxSettings
from sandbox.xero.settings import App
from sandbox.xero.settings import XeroSettings as SandboxXero
from tests.cli_fixtures import Command
from tests.databases import installation_in
from tests.flow_fixtures import PROJECT, Businesses, keep

pytest_plugins = ["tests.cli_fixtures"]

FILE = """\
name: acme
platform: {kind: csv, jobs: exports/jobs.csv, lines: exports/lines.csv, time_zone: Pacific/Auckland, currency: NZD}
xero: {grant: client_credentials, client_id: an-app, client_secret: "${ACME_XERO_SECRET}"}
rule_book: kauri-plumbing
alerts: {slack: {token: "${ACME_SLACK_TOKEN}", channel: "#billing"}}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flow_world: Sandbox) -> Path:
    """A connection file with its secrets set, in an installation of its own."""
    monkeypatch.setenv("ACME_XERO_SECRET", "s3cret-of-xero")
    monkeypatch.setenv("ACME_SLACK_TOKEN", "xoxb-s3cret")
    file = tmp_path / "connections" / "acme.yaml"
    file.parent.mkdir()
    file.write_text(FILE)
    return file


async def test_a_connection_is_added_from_a_file_and_its_paths_start_at_the_file(file: Path, milepost: Command) -> None:
    said = await milepost("connection", "add", "--from", file)
    assert said.code == 0, said.err
    assert "milepost connection test acme" in said.out
    assert "no version is published. Publish it: milepost rules publish kauri-plumbing" in " ".join(said.out.split())
    shown = await milepost("connection", "show", "acme", "--json")
    assert shown.json["settings"]["platform"]["jobs"] == str(file.parent / "exports" / "jobs.csv")
    assert [row["name"] for row in (await milepost("connection", "list", "--json")).json] == ["acme"]


async def test_a_connection_may_come_before_its_rule_book_which_is_then_proposed(file: Path, milepost: Command) -> None:
    await asyncio.to_thread(file.write_text, FILE.replace("rule_book: kauri-plumbing", "rule_book: zenith"))
    said = await milepost("connection", "add", "--from", file)
    assert said.code == 0, said.err
    assert "milepost rules new zenith --connection acme" in " ".join(said.out.split())


async def test_adding_a_connection_to_a_published_book_asks_for_nothing_more(
    file: Path, milepost: Command, tmp_path: Path
) -> None:
    await publish_from(PROJECT / "mappings", "kauri-plumbing", "a test")
    without_books = tmp_path / "connections" / "without-books.yaml"
    await asyncio.to_thread(without_books.write_text, f"{FILE}rule_books_dir: {tmp_path}\n")
    said = await milepost("connection", "add", "--from", without_books, "--json")
    assert (said.code, said.json["rule_book_published"]) == (0, True)


async def test_no_secret_is_ever_shown(file: Path, milepost: Command) -> None:
    await milepost("connection", "add", "--from", file)
    for words in (("show", "acme"), ("show", "acme", "--json"), ("list",), ("list", "--json")):
        said = await milepost("connection", *words)
        assert said.code == 0
        assert "s3cret" not in said.out + said.err


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (("${ACME_XERO_SECRET}", "${NOT_SET}"), "acme.yaml:3:"),
        (("kauri-plumbing", "kauri-plumbin"), "did you mean 'kauri-plumbing'?"),
        (("kind: csv", "kind: cvs"), "did you mean 'csv'?"),
        (("rule_book", "rulebook"), "did you mean 'rule_book'?"),
    ],
    ids=["a secret that is not set", "an unknown rule book", "an unknown job system", "an unknown key"],
)
async def test_a_file_that_cannot_work_is_refused_and_nothing_is_kept(
    file: Path, milepost: Command, spoil: tuple[str, str], says: str
) -> None:
    await asyncio.to_thread(file.write_text, FILE.replace(*spoil))
    said = await milepost("connection", "add", "--from", file)
    assert (said.code, said.out) == (2, "")
    assert says in said.err
    assert (await milepost("connection", "list", "--json")).json == []


async def test_adding_a_connection_again_keeps_where_it_stands(business: Businesses, milepost: Command) -> None:
    plumber = await business("kauri")
    assert (await milepost("connection", "test", plumber.name)).code == 0
    before = await _row(plumber.name)
    await keep(plumber.settings.model_copy(update={"rule_book": "albion-fitout"}))
    after = await _row(plumber.name)
    assert (after.status, after.tenant_id, after.rule_book) == (before.status, before.tenant_id, "albion-fitout")


async def test_a_test_says_what_is_wrong_and_how_to_mend_it(business: Businesses, milepost: Command) -> None:
    plumber = await business("kauri", xero={"client_secret": "not-the-secret"})
    said = await milepost("connection", "test", plumber.name, "--json")
    assert said.code == 1
    checks = {check["check"]: check for check in said.json}
    assert checks["job system"]["ok"]
    assert not checks["Xero organisation"]["ok"]
    assert "client_secret" in checks["Xero organisation"]["fix"]
    assert checks["rule book"]["ok"], checks["rule book"]
    assert "not-the-secret" not in said.out + said.err


async def _row(name: str) -> ConnectionRow:
    async with open_database(installation()) as db, db.read() as c:
        return await connections.get_connection(c, name)


Consent = Callable[..., Awaitable[SignedIn]]


@pytest_asyncio.fixture(loop_scope="session")
async def xero(
    prefect_api: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Sandbox, Connection, int]]:
    """A Xero with an app that signs users in, and a connection to it that nobody has signed in to."""
    port = free_port()
    app = App("web-app", "web-secret", redirect_uris=(f"http://localhost:{port}/callback",))
    async with AsyncExitStack() as stack:
        for variable, value in stack.enter_context(installation_in(tmp_path / "home")).items():
            monkeypatch.setenv(variable, value)
        sandbox = await stack.enter_async_context(Sandbox(SandboxSettings(xero=SandboxXero(apps=(app,)))))
        url = sandbox.urls["xero"]
        settings = Connection.model_validate(
            {
                "name": "signing-in",
                "platform": {"kind": "servicem8", "api_key": "servicem8-key-kauri", "api_url": sandbox.urls["servicem8"]},
                "xero": XeroSettings(
                    client_id="web-app", client_secret=SecretStr("web-secret"), api_url=url, identity_url=url, login_url=url
                ),
                "rule_book": "kauri-plumbing",
            }
        )
        await keep(settings)
        yield sandbox, settings, port


async def _through(port: int, *redirects: Callable[[str], Awaitable[None]]) -> SignedIn:
    """Sign in, with the browser doing these things one after another with the address it is sent to."""
    shown: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    signing_in = asyncio.create_task(sign_in("signing-in", port=port, show=shown.set_result))
    url = await asyncio.wait_for(shown, 20)
    for redirect in redirects:
        await redirect(url)
    return await asyncio.wait_for(signing_in, 20)


def _browser(more: str = "", spoil: Callable[[str], str] = str) -> Callable[[str], Awaitable[None]]:
    """Goes to the consent page, then where it is redirected to, with the redirect spoilt first."""

    async def browse(url: str) -> None:
        async with httpx.AsyncClient(trust_env=False) as http:
            consent = await http.get(url + more)
            await http.get(spoil(consent.headers["location"]))

    return browse


World = tuple[Sandbox, Connection, int]


async def test_consent_connects_the_organisation(xero: World) -> None:
    _, _, port = xero
    signed = await _through(port, _browser())
    assert (signed.tenant.name, signed.before) == ("Kauri Plumbing Demo", None)
    assert (await _row("signing-in")).status == "connected"


async def test_a_refused_consent_is_said_so_and_connects_nothing(xero: World) -> None:
    with pytest.raises(AuthError, match="consent was refused in Xero"):
        await _through(xero[2], _browser("&deny=1"))
    assert (await _row("signing-in")).tenant_id is None


async def test_a_redirect_with_another_state_changes_nothing_and_the_true_one_still_counts(xero: World) -> None:
    port = xero[2]
    answers: list[int] = []

    async def forged(_url: str) -> None:
        async with httpx.AsyncClient(trust_env=False) as http:
            for path in (
                "callback?code=stolen&state=another",
                "callback?code=stolen",
                "callback?error=access_denied",
                "icon",
            ):
                answer = await http.get(f"http://localhost:{port}/{path}")
                answers.append(answer.status_code)

    signed = await _through(port, forged, _browser())
    assert answers == [400, 400, 400, 404]
    assert signed.tenant.name == "Kauri Plumbing Demo"


async def test_a_code_that_has_expired_is_not_taken(xero: World) -> None:
    sandbox, _, port = xero

    def late(location: str) -> str:
        sandbox.clock.advance(6 * 60)
        return location

    with pytest.raises(AuthError, match="used or has expired"):
        await _through(port, _browser(spoil=late))


async def test_of_several_organisations_the_one_named_is_chosen(xero: World) -> None:
    _, settings, port = xero
    with pytest.raises(ConfigError, match="'Albion Fit-Out Demo'"):
        await _through(port, _browser("&organisations=nz,uk"))
    await keep(settings.model_copy(update={"xero": settings.xero.model_copy(update={"tenant": "albion fit-out demo"})}))
    assert (await _through(port, _browser("&organisations=nz,uk"))).tenant.name == "Albion Fit-Out Demo"


async def test_connecting_another_organisation_is_pointed_out(xero: World) -> None:
    sandbox, _, port = xero
    await _through(port, _browser())
    await sign_out("signing-in")
    signed = await _through(port, _browser("&organisations=au"))
    assert (signed.before, signed.tenant.name) == ("Kauri Plumbing Demo", "Southern Electrical Demo")
    assert sandbox.xero.state.tokens.connections


async def test_disconnecting_tells_xero_and_keeps_what_is_known(xero: World) -> None:
    sandbox, _, port = xero
    await _through(port, _browser())
    assert await sign_out("signing-in") is None
    assert sandbox.xero.state.tokens.connections == []
    row = await _row("signing-in")
    assert (row.status, row.tenant_name) == ("disconnected", "Kauri Plumbing Demo")


async def test_disconnecting_works_while_xero_is_away_and_says_so(xero: World, milepost: Command) -> None:
    sandbox, settings, port = xero
    await _through(port, _browser())
    away = settings.xero.model_copy(update={"api_url": f"http://127.0.0.1:{free_port()}"})
    await keep(settings.model_copy(update={"xero": away}))
    said = await milepost("connection", "disconnect", "signing-in", "--yes")
    assert said.code == 0, said.err
    assert "Xero was not told" in said.out
    assert (await _row("signing-in")).status == "disconnected"
    del sandbox


async def test_disconnecting_asks_first(xero: World, milepost: Command) -> None:
    said = await milepost("connection", "disconnect", "signing-in", typed="n\n")
    assert said.code == 1
    assert (await _row("signing-in")).status == "pending"


async def test_the_port_of_the_redirect_may_be_taken(xero: World, milepost: Command) -> None:
    _, _, port = xero
    server = await asyncio.start_server(lambda _r, w: w.close(), "localhost", port)
    async with server:
        said = await milepost("connection", "connect", "signing-in", "--no-browser", "--port", port)
    assert said.code == 2
    assert f"Port {port} is taken" in said.err


async def test_the_address_to_sign_in_at_has_what_xero_asks_for(xero: World) -> None:
    _, _, port = xero
    seen: list[str] = []

    async def look(url: str) -> None:
        seen.append(url)

    await _through(port, look, _browser())
    query = parse_qs(urlsplit(seen[0]).query)
    assert query["redirect_uri"] == [f"http://localhost:{port}/callback"]
    assert "offline_access" in query["scope"][0].split()
    assert len(query["state"][0]) >= 32
