"""The read-only checks of `milepost connection test`: platform, Xero, rule book, alert channels, each with its fix."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from blocks.store import load_connection
from milepost.errors import AuthError, ConfigError, MilepostError, RemoteError
from milepost.ledger.connections import ConnectionStatus
from milepost.rules.model import RuleBook
from milepost.rules.standing import remarks
from milepost.settings import installation
from milepost.steps.gather import fresh_chart
from milepost.steps.lint_books import errors_of, kept_chart, lint_command
from milepost.steps.workspace import Workspace, open_workspace, unpublished
from notifications.email import EmailChannel
from notifications.slack import SlackChannel


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what was tried, whether it went well, what was seen, what to do about it."""

    what: str
    says: str
    fix: str = ""
    ok: bool = True


async def check_connection(name: str) -> list[Check]:
    """All checks of a connection; one that fails stops none of the others."""
    settings = await load_connection(name)
    async with open_workspace(settings, installation()) as workspace:
        tries: list[tuple[str, Callable[[Workspace], Awaitable[str]]]] = [
            ("job system", _platform),
            ("Xero organisation", _xero),
            ("rule book", _rule_book),
        ]
        if settings.alerts.slack:
            tries.append(("Slack", _slack))
        if settings.alerts.email:
            tries.append(("e-mail", _email))
        return [await _try(workspace, what, check) for what, check in tries]


async def _try(workspace: Workspace, what: str, check: Callable[[Workspace], Awaitable[str]]) -> Check:
    try:
        return Check(what, says=await check(workspace))
    except RemoteError as error:
        if isinstance(error, AuthError) and what == "Xero organisation":
            await workspace.note_auth_trouble(error)
        return Check(what, says=f"{error.what}: {error.why}", fix=error.fix, ok=False)
    except MilepostError as error:
        return Check(what, says=str(error), ok=False)


async def _platform(workspace: Workspace) -> str:
    account = await workspace.platform.test()
    warnings = "".join(f" {warning}" for warning in account.warnings)
    return f"{account.name}, {account.timezone}{f', {account.currency}' if account.currency else ''}.{warnings}"


async def _xero(workspace: Workspace) -> str:
    tenant = await workspace.find_tenant()
    chart = await fresh_chart(workspace)
    locked = chart.locked_until()
    await workspace.note_status(ConnectionStatus.CONNECTED, "")
    return (
        f"{tenant.name}, {chart.organisation.base_currency}, {len(chart.accounts)} accounts, "
        f"{len(chart.tax_rates)} tax rates"
        f"{f', locked until {locked}' if locked else ''}"
    )


async def _rule_book(workspace: Workspace) -> str:
    shelf = await workspace.shelf()
    if not shelf:
        raise unpublished(workspace.connection)
    book = shelf.latest
    sizes = f"{len(book.lines)} rules, {len(book.milestones)} milestones"
    await _check_against_chart(workspace, book)
    said = "".join(f". {remark}" for remark in remarks(workspace.files, shelf))
    return f"version {book.version} from {book.effective_from}, {sizes}{said}"


async def _check_against_chart(workspace: Workspace, book: RuleBook) -> None:
    """Raises ConfigError where the book names what Xero would refuse, by the chart that was read just before."""
    kept = await kept_chart(workspace)
    found = errors_of(book, kept.chart) if kept else []
    if found:
        more = f" And {len(found) - 1} more." if len(found) > 1 else ""
        raise ConfigError(
            f"version {book.version} names what Xero would refuse. {found[0]}.{more} All of it: {lint_command(workspace)}"
        )


async def _slack(workspace: Workspace) -> str:
    slack = workspace.connection.alerts.slack
    assert slack is not None
    await SlackChannel(slack).test()
    return f"reached, posts to {slack.channel or 'the webhook’s channel'}"


async def _email(workspace: Workspace) -> str:
    email = workspace.connection.alerts.email
    assert email is not None
    await EmailChannel(email).test()
    return f"reached, sends to {len(email.to)} addresses"
