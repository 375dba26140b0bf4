"""E-mails from templates: one a run with all that is new, one for what was resolved; text and HTML."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from notifications.templating import MARKS, TICK, Link, templates, usable_links
from notifications.troubles import RunSummary, Trouble
from notifications.words import plain


@dataclass(frozen=True, slots=True)
class Mail:
    """What is sent: a subject and the same text twice."""

    subject: str
    text: str
    html: str


def run_mail(
    connection: str,
    summary: RunSummary | None,
    troubles: Sequence[Trouble],
    *,
    more: int = 0,
    told_before: int = 0,
) -> Mail:
    """One run's new troubles, `more` of them only counted; `told_before` are not told again."""
    headline = summary.headline if summary else _needed(troubles, more, connection)
    addresses = {"prefect": summary.prefect_url, "console": summary.console_url} if summary else {}
    return _mail(
        "run",
        f"{connection}: {headline}",
        connection=connection,
        summary=summary,
        troubles=troubles,
        more=more,
        told_before=told_before,
        mark=_mark,
        links=_links,
        run_links=usable_links(addresses),
    )


def resolved_mail(connection: str, troubles: Sequence[Trouble]) -> Mail:
    """The troubles that cleared."""
    what = troubles[0].whom(connection) if len(troubles) == 1 else f"{len(troubles)} troubles"
    subject = f"{connection}: resolved: {what}"
    return _mail("resolved", subject, connection=connection, troubles=troubles, tick=TICK)


def _mail(name: str, subject: str, **values: Any) -> Mail:
    text, html = (templates.get_template(f"email/{name}.{kind}.j2").render(values) for kind in ("txt", "html"))
    return Mail(plain(subject, 200), text, html)


def _needed(troubles: Sequence[Trouble], more: int, connection: str) -> str:
    """The headline where no summary was made."""
    count = len(troubles) + more
    return troubles[0].headline(connection) if len(troubles) == 1 == count else f"{count} jobs need a look"


def _mark(trouble: Trouble) -> str:
    return MARKS[trouble.status]


def _links(trouble: Trouble) -> list[Link]:
    return usable_links(trouble.links)
