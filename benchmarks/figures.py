"""The figures of one scenario, put together from what the biller and the sandbox say, and the promises held against them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from benchmarks.scenarios import Scenario

MOST_CALLS = 50
FIRST_MINUTE = 60.0
SECONDS_TO_BILL = 5.0
MOST_MB = 400.0
_TOO_MANY = 429


@dataclass(frozen=True, slots=True)
class Figures:
    """`billed_after`: seconds from the start of the flow to Xero's answer with the last invoice; telling ends at `wall`.

    `xero_span`: seconds from the first call on the organisation to that answer.
    """

    scenario: str
    heading: str
    jobs: int
    invoices: int
    contacts_made: int
    held: int
    failed: int
    reasons: dict[str, int]
    calls: dict[str, int]
    xero_calls: int
    refused: int
    platform_calls: int
    notes: int
    billed_after: float
    xero_span: float
    wall: float
    cpu: float
    peak_mb: float
    state: str
    broken: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    tries: int = 1

    @property
    def kept(self) -> bool:
        """Whether every promise was kept."""
        return not (self.broken or self.late)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the sandbox says: its state before and after, and its logs of what Xero and the job system were asked."""

    before: dict[str, Any]
    after: dict[str, Any]
    xero: dict[str, Any]
    platform: dict[str, Any]


def figures_of(scenario: Scenario, cost: dict[str, Any], seen: Seen) -> Figures:
    """Put the figures together; `cost` is what the biller says."""
    api = [r for r in seen.xero["requests"] if "/api.xro/" in r["path"]]
    books, started = seen.after["xero"][scenario.organisation]["counts"], datetime.fromisoformat(cost["started_at"])
    figures = Figures(
        scenario=scenario.name,
        heading=scenario.heading,
        jobs=scenario.jobs,
        invoices=books["invoices"],
        contacts_made=books["contacts"] - seen.before["xero"][scenario.organisation]["counts"]["contacts"],
        held=cost["counts"]["held"],
        failed=cost["counts"]["failed"] + cost["counts"]["sending"],
        reasons=cost["reasons"],
        calls=_by_kind(api),
        xero_calls=len(api),
        refused=sum(r["status"] == _TOO_MANY for r in (*seen.xero["requests"], *seen.platform["requests"])),
        platform_calls=len(seen.platform["requests"]),
        notes=seen.after[scenario.system][scenario.account]["counts"]["notes"],
        billed_after=_last_invoice(api, started),
        xero_span=_last_invoice(api, min((_arrived(r) for r in api), default=started)),
        wall=cost["wall"],
        cpu=cost["cpu"],
        peak_mb=cost["peak_mb"],
        state=cost["state"],
    )
    return replace(figures, broken=broken_promises(figures, cost["unexplained"]), late=_late(scenario, figures))


def _late(scenario: Scenario, figures: Figures) -> list[str]:
    """Promises of time that were not kept: they also depend on who else uses the machine."""
    if scenario.limits:
        return _over(figures.xero_span, FIRST_MINUTE, "s from the first call to the last invoice")
    if scenario.latency:
        return []
    return _over(figures.billed_after, SECONDS_TO_BILL, "s from the start of the flow to the last invoice")


def broken_promises(figures: Figures, unexplained: int) -> list[str]:
    """What was promised of every run, whatever the machine, and did not come true."""
    found = []
    if figures.invoices + figures.held != figures.jobs:
        found.append(f"{figures.jobs} jobs, but {figures.invoices} invoices and {figures.held} held")
    if figures.failed:
        found.append(f"{figures.failed} jobs failed or have no answer")
    if unexplained:
        found.append(f"{unexplained} jobs are held without a reason")
    if figures.refused:
        found.append(f"{figures.refused} calls were refused with 429")
    found += _over(figures.xero_calls, MOST_CALLS, "calls to Xero")
    return found + _over(figures.peak_mb, MOST_MB, "MB at the flow's peak")


def _over(seen: float, most: float, of_what: str) -> list[str]:
    return [f"{seen:g} {of_what}; promised are at most {most:g}"] if seen > most else []


def _by_kind(requests: Sequence[dict[str, Any]]) -> dict[str, int]:
    kinds = Counter(f"{r['method']} {r['path'].rsplit('/api.xro/2.0/', 1)[-1].split('/', 1)[0]}" for r in requests)
    return dict(kinds.most_common())


def _last_invoice(requests: Sequence[dict[str, Any]], since: datetime) -> float:
    answered = [_arrived(r) + timedelta(milliseconds=r["ms"] or 0) for r in requests if _makes_invoices(r)]
    return (max(answered) - since).total_seconds() if answered else 0.0


def _makes_invoices(request: dict[str, Any]) -> bool:
    return bool(request["method"] == "PUT" and request["path"].endswith("/Invoices") and request["status"] == 200)


def _arrived(request: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(request["at"])
