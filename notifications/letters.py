"""What the ledger's alert rows hold for us: a run's summary or a trouble, written when raised and read when sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from milepost.ledger.alerts import AlertRow, NewAlert
from notifications.troubles import RunSummary, Trouble

MESSAGES_A_RUN = 20
"""Troubles of a run with a message of their own, the largest amounts first; the rest is counted in one message."""

_SUMMARY = "summary"


@dataclass(frozen=True, slots=True)
class TroubleLetter:
    """A trouble's row. `is_quiet`: only counted, in the run's closing message."""

    row: AlertRow
    trouble: Trouble
    is_quiet: bool


@dataclass(frozen=True, slots=True)
class SummaryLetter:
    """A run's summary row; `told_before` troubles of that run had been told by earlier runs."""

    row: AlertRow
    summary: RunSummary
    told_before: int


def new_alerts(summary: RunSummary, new: Sequence[Trouble], told_before: int) -> list[NewAlert]:
    """The rows of one run: its summary, if it needs a person, then its new troubles, the largest first."""
    rows = [_summary_alert(summary, told_before)] if summary.needs_a_person else []
    by_amount = sorted(new, key=lambda trouble: trouble.amount or 0, reverse=True)
    return rows + [_trouble_alert(trouble, is_quiet=place >= MESSAGES_A_RUN) for place, trouble in enumerate(by_amount)]


def is_summary(row: AlertRow) -> bool:
    """Whether the row tells of a run, and not of a trouble."""
    return bool(row.payload["kind"] == _SUMMARY)


def read(row: AlertRow) -> SummaryLetter | TroubleLetter:
    """The row's payload as the value it was made from."""
    payload = row.payload
    if is_summary(row):
        return SummaryLetter(row, RunSummary.model_validate(payload["summary"]), payload["told_before"])
    return TroubleLetter(row, Trouble.model_validate(payload["trouble"]), payload["is_quiet"])


def standing_alerts(troubles: Sequence[Trouble]) -> list[NewAlert]:
    """Rows of troubles that were told and are back before their end was told: raising them again lets them stand."""
    return [_trouble_alert(trouble, is_quiet=False) for trouble in troubles]


def _summary_alert(summary: RunSummary, told_before: int) -> NewAlert:
    payload: dict[str, Any] = {
        "kind": _SUMMARY,
        "summary": summary.model_dump(mode="json"),
        "told_before": told_before,
    }
    return NewAlert(subject=f"run:{summary.run_id}", trouble=_SUMMARY, payload=payload)


def _trouble_alert(trouble: Trouble, *, is_quiet: bool) -> NewAlert:
    payload = {"kind": "trouble", "trouble": trouble.model_dump(mode="json"), "is_quiet": is_quiet}
    return NewAlert(subject=trouble.subject, trouble=trouble.key, payload=payload)
