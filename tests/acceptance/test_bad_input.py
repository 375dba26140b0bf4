"""Bad input through the real command: a clear message on stderr, the exit code of whose turn it is, nothing written."""

import asyncio
from pathlib import Path

from milepost.ledger.connections import list_connections
from sandbox.faults import Fault
from tests.book_files import write_book
from tests.flow_fixtures import PROJECT, Business, Businesses, Said

pytest_plugins = ["tests.flow_fixtures"]

NEEDS_A_PERSON, WRONG_USAGE = 1, 2
RIDGELINE = {"name": "Ridgeline Builders Ltd"}
FORBIDDEN = '{"Title":"Forbidden","Status":403,"Detail":"User does not have permission to do this","Instance":"x"}'
BOOK = (PROJECT / "mappings/kauri-plumbing/v0001.yaml").read_text()
FILE = """\
name: {name}
platform: {{kind: servicem8, api_key: "${{SM8_KEY}}", api_url: {platform}}}
xero:
  grant: client_credentials
  client_id: app-nz
  client_secret: "${{XERO_SECRET}}"
  api_url: {xero}
  identity_url: {xero}
rule_book: {book}
rule_books_dir: {folder}
"""


def connection_file(business: Business, folder: Path, name: str, book: str = "kauri-plumbing") -> Path:
    """A connection file as the guide has it."""
    urls = business.sandbox.urls
    books = PROJECT / "mappings" if book == "kauri-plumbing" else folder / "mappings"
    file = folder / f"{name}.yaml"
    file.write_text(FILE.format(name=name, platform=urls["servicem8"], xero=urls["xero"], book=book, folder=books))
    return file


async def names(business: Business) -> list[str]:
    """The connections that the ledger knows."""
    async with business.ledger() as db, db.read() as c:
        return [row.name for row in await list_connections(c)]


def says(said: Said, code: int, *words: str) -> None:
    """The exit code, and every word on stderr and no traceback anywhere."""
    shown = " ".join(said.err.split())
    assert said.code == code, said.err
    assert [word for word in words if word not in shown] == []
    assert "Traceback" not in said.out + said.err


async def test_a_connection_is_not_added_from_a_broken_rule_book_or_without_its_secret(
    business: Businesses, tmp_path: Path
) -> None:
    plumber = await business("kauri")
    broken = BOOK.replace('then: {account: "200"}', 'then: {acount: "200"}', 1)
    write_book(tmp_path, "broken", broken)
    line = 1 + next(number for number, text in enumerate(broken.splitlines()) if "acount" in text)
    secrets = {"SM8_KEY": f"servicem8-key-{plumber.account}", "XERO_SECRET": "secret-nz"}
    with_broken_book = connection_file(plumber, tmp_path, "with-broken-book", "broken")
    without_secret = connection_file(plumber, tmp_path, "without-secret")

    book, secret = await asyncio.gather(
        plumber.command("connection", "add", "--from", str(with_broken_book), **secrets),
        plumber.command("connection", "add", "--from", str(without_secret), SM8_KEY="k", XERO_SECRET=""),
    )
    says(book, WRONG_USAGE, f"v0001.yaml:{line}:", "rule 'labour'", "acount", "did you mean 'account'?")
    says(secret, WRONG_USAGE, "without-secret.yaml:6:18", "XERO_SECRET")
    assert await names(plumber) == [plumber.name]


async def test_unknown_names_are_wrong_usage_and_write_nothing(business: Businesses) -> None:
    plumber = await business("kauri")
    plumber.job(number="1482", lines=[("Labour", "1", "95.00")])
    job, connection = await asyncio.gather(
        plumber.command("bill", plumber.name, "--job", "9999"),
        plumber.command("poll", plumber.name + "x"),
    )
    says(job, WRONG_USAGE, "9999")
    says(connection, WRONG_USAGE, plumber.name + "x", f"did you mean '{plumber.name}'?")
    await nothing_was_written(plumber)
    assert plumber.slack == []


async def nothing_was_written(business: Business) -> None:
    """No invoice, no contact, no note, and no billing in the ledger that was sent."""
    assert business.invoices == []
    assert business.notes == []
    assert business.xero_calls.get(("PUT", "Contacts"), 0) == 0
    assert {row.status for row in await business.rows()} <= {"planned", "held", "failed"}


async def test_refused_credentials_need_a_person_who_is_told_in_slack_once(business: Businesses) -> None:
    """A wrong key of the job system, a wrong secret of the Xero app, an organisation that the sign-in does not open."""
    key = await business("kauri", platform={"api_key": "wrong"})
    secret = await business("southern", xero={"client_secret": "wrong"})
    tenant = await business("kauri", xero={"tenant": "Somebody Else Ltd"})
    secret.job(ref="SE-1", items=[("Labour", "1", "95.00")], site={"region": "North"})
    tenant.job(number="1482", lines=[("Labour", "1", "95.00")])
    says(await key.command("poll", key.name), NEEDS_A_PERSON, "ServiceM8", "API key", "HTTP 401")
    assert "Check client_id and client_secret of the connection" in str((await secret.poll()).stopped_by)
    wrong_tenant = str((await tenant.poll()).stopped_by)
    assert "'Somebody Else Ltd'" in wrong_tenant
    assert "'Kauri Plumbing Demo'" in wrong_tenant
    for one in (key, secret, tenant):
        await nothing_was_written(one)
    about = sorted(message.text.split(".")[0] for message in key.slack)
    assert about == sorted(f"✖ Failed: connection {one.name}" for one in (key, secret, tenant))

    for one in (key, secret, tenant):
        await one.poll()
        assert one.state is not None
        assert one.state.is_failed()
    assert len(key.slack) == 3


async def test_an_organisation_without_permission_needs_a_person_and_is_billed_once_it_permits(business: Businesses) -> None:
    plumber = await business("kauri")
    plumber.job(number="1482", customer=RIDGELINE, lines=[("Labour", "1", "95.00")])
    headers = {"Content-Type": "application/json"}
    plumber.sandbox.xero.faults.add(Fault("status", "PUT", times=-1, status=403, body=FORBIDDEN, headers=headers))
    run = await plumber.poll()
    assert "HTTP 403" in str(run.stopped_by or run.results[0].why)
    assert "Check the role in Xero of the user who connected" in (run.results[0].fix or str(run.stopped_by))
    assert plumber.state is not None
    assert plumber.state.is_failed()
    await nothing_was_written(plumber)
    assert "does not have permission" in "".join(str(message.blocks) for message in plumber.slack)

    plumber.sandbox.xero.faults.clear()
    await plumber.poll()
    assert [invoice.reference for invoice in plumber.invoices] == ["1482"]
    assert "Resolved" in plumber.slack[-1].text


async def test_a_user_who_may_not_approve_invoices_is_named_as_the_reason(business: Businesses) -> None:
    plumber = await business("kauri", book=BOOK.replace("status: DRAFT ", "status: AUTHORISED "))
    plumber.org.denied_actions = frozenset({"ApproveInvoice", "CreateApprovedInvoice"})
    job_id = plumber.job(number="1482", customer=RIDGELINE, lines=[("Labour", "1", "95.00")])
    await plumber.poll()
    row = await plumber.row("1482")
    assert "a role that may approve invoices" in (row.trouble_fix or "")
    await nothing_was_written(plumber)
    await plumber.poll()  # the customer's contact exists by now: not quite the same invoice
    asked = plumber.xero_calls[("PUT", "Invoices")]
    await plumber.poll()
    assert plumber.state is not None
    assert (plumber.state.is_failed(), plumber.state.message) == (True, "1 held")
    assert plumber.xero_calls[("PUT", "Invoices")] == asked

    plumber.org.denied_actions = frozenset()
    await plumber.bill([job_id])  # a person, who has just mended it: polls ask again only after a while
    assert [(invoice.reference, invoice.status) for invoice in plumber.invoices] == [("1482", "AUTHORISED")]
    assert "Resolved" in plumber.slack[-1].text
