"""Before each run the rule book is held against the live chart: what cannot post is held with its fix, never sent to Xero,
and said once for the book.
"""

import html
import json
from dataclasses import replace
from textwrap import dedent
from typing import Literal

import pytest

from sandbox.faults import Fault
from tests.cli_fixtures import Command
from tests.flow_fixtures import Business, Businesses

pytest_plugins = ["tests.cli_fixtures"]

LABOUR = ("Labour", "1", "95.00")


def book(*, then: str = 'account: "200"', invoice: str = "", stage: str = "") -> str:
    """A book of one rule and two stages for the plumber."""
    return dedent(f"""\
        version: 1
        effective_from: 2020-01-01
        organisation: Kauri Plumbing Demo
        invoice: {{{invoice}}}
        taxes: {{15% GST on Income: OUTPUT2, GST on Income: OUTPUT2}}
        lines:
          - {{id: all, then: {{{then}}}}}
        milestones:
          - {{code: DEP, name: deposit, on_status: Work Order, amount: {{percent: 30}}{stage}}}
          - {{code: FIN, name: completion, on_status: Completed}}
        """)


def archive(plumber: Business, code: str, status: Literal["ACTIVE", "ARCHIVED"] = "ARCHIVED") -> None:
    """Archive an account in Xero, or restore it."""
    account = plumber.org.account(code)
    assert account is not None
    plumber.org.accounts.save(replace(account, status=status, updated=plumber.sandbox.clock()))


def told(plumber: Business) -> str:
    """All that Slack shows."""
    return html.unescape(json.dumps([message.blocks for message in plumber.slack]))


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        (book(then='account: "240"'), "account_archived", "rule 'all' > then > account"),
        (book(then='account: "610"'), "account_system", "rule 'all' > then > account"),
        (book(then='account: "200", tax: INPUT2'), "tax_not_allowed", "rule 'all' > then > tax"),
        (book(then='account: "200", item: NOSUCH'), "item_unknown", "rule 'all' > then > item"),
        (book(then='account: "200", tracking: {Region: Northland}'), "tracking_option_unknown",
         "rule 'all' > then > tracking > Region"),
        (book(invoice="branding_theme: Gone"), "branding_unknown", "invoice > branding_theme"),
        (book(invoice="currency: EUR"), "currency_differs", "invoice > currency"),
    ],
)  # fmt: skip
async def test_what_xero_would_refuse_is_held_with_the_fix_and_xero_never_sees_it(
    business: Businesses, text: str, code: str, place: str
) -> None:
    plumber = await business("kauri", book=text)
    plumber.job(number="1490", lines=[LABOUR])
    run = await plumber.poll()
    (result,) = run.results
    assert result.status == "held"
    assert code in (result.code, result.decision.code)  # type: ignore[union-attr]
    assert result.fix
    assert ("PUT", "Invoices") not in plumber.xero_calls
    assert ("POST", "Invoices") not in plumber.xero_calls
    assert place in told(plumber)


@pytest.mark.parametrize(
    ("stage", "code"),
    [(', account: "240"', "account_archived"), (', account: "200", tax: INPUT2', "tax_not_allowed"),
     (", invoice: {branding_theme: Gone}", "branding_unknown")],
)  # fmt: skip
async def test_what_a_stage_names_is_held_at_that_stage(business: Businesses, stage: str, code: str) -> None:
    plumber = await business("kauri", book=book(stage=stage))
    plumber.job(number="1490", status="Work Order", lines=[LABOUR])
    plumber.job(number="1491", lines=[LABOUR])
    run = await plumber.poll()
    assert {r.job.number: (r.status, r.code) for r in run.results} == {"1490": ("held", code), "1491": ("done", "")}


async def test_a_book_is_told_of_once_and_again_when_it_is_in_order(business: Businesses, milepost: Command) -> None:
    plumber = await business("kauri", book=book(stage=', account: "203"'))
    archive(plumber, "203")
    plumber.job(number="1490", lines=[LABOUR])
    run = await plumber.poll()
    assert [result.status for result in run.results] == ["done"]
    (message,) = plumber.slack
    assert f"rule book {plumber.settings.rule_book}" in message.text
    assert "v0001.yaml:9:" in told(plumber)
    assert "Restore it in Xero" in told(plumber)

    plumber.job(number="1491", lines=[LABOUR])
    await plumber.poll()
    assert len(plumber.slack) == 1

    archive(plumber, "203", "ACTIVE")
    await milepost("connection", "test", plumber.name)  # which reads the chart anew
    plumber.job(number="1492", lines=[LABOUR])
    await plumber.poll()
    _, resolved = plumber.slack
    assert resolved.thread_ts == message.ts
    assert "Resolved" in resolved.text


async def test_the_commands_tell_it_too(business: Businesses, milepost: Command) -> None:
    plumber = await business("kauri", book=book(then='account: "240"'))
    plumber.job(number="1490", lines=[LABOUR])
    planned = await milepost("plan", plumber.name, "--json")
    (issue,) = json.loads(planned.out)["rule_book_issues"]
    assert (issue["code"], issue["line"], issue["severity"]) == ("account_archived", 7, "error")
    shown = await milepost("bill", plumber.name)
    assert "rule 'all' > then > account: Account 240" in " ".join(shown.out.split())
    tested = await milepost("connection", "test", plumber.name, "--json")
    said = next(check for check in tested.json if check["check"] == "rule book")
    assert not said["ok"]
    assert "Account 240 (Labour (old coding)) is archived in Xero" in said["says"]


async def test_lint_with_a_connection_asks_its_xero_and_knows_its_statuses(business: Businesses, milepost: Command) -> None:
    text = book(then='account: "2000"').replace("Completed", "Complete")
    plumber = await business("kauri", book=text)
    folder = plumber.settings.rule_books_dir
    said = await milepost(
        "rules", "lint", plumber.settings.rule_book, "--folder", folder, "--connection", plumber.name, "--json"
    )
    assert said.code == 1
    assert said.json["chart"]["organisation"] == "Kauri Plumbing Demo"
    assert [(i["code"], i["suggestion"]) for i in said.json["issues"]] == [
        ("account_unknown", "200"),
        ("status_unknown", "Completed"),
    ]
    shown = await milepost("rules", "lint", plumber.settings.rule_book, "--folder", folder, "--connection", plumber.name)
    assert "Held against the chart of Kauri Plumbing Demo, read just now." in " ".join(shown.out.split())


async def test_lint_takes_the_chart_as_it_was_last_read_where_xero_does_not_give_it(
    business: Businesses, milepost: Command
) -> None:
    plumber = await business("kauri")
    asked = ("rules", "lint", plumber.settings.rule_book, "--connection", plumber.name)
    await milepost(*asked)
    plumber.sandbox.xero.faults.add(Fault("status", path="*Accounts", times=-1, status=400))
    said = await milepost(*asked, "--json")
    assert (said.json["ok"], said.code) == (True, 0)
    assert "GET" in said.json["chart"]["why_kept"]


@pytest.mark.parametrize("kind", ["kauri", "albion", "southern"])
async def test_the_books_that_come_with_milepost_are_in_order(business: Businesses, milepost: Command, kind: str) -> None:
    owner = await business(kind)
    said = await milepost("rules", "lint", owner.settings.rule_book, "--connection", owner.name, "--json")
    assert (said.json["issues"], said.code) == ([], 0)
