"""The statuses at which stages are due, held against those that the job system has."""

from collections.abc import Iterator, Sequence

from milepost.rules.issues import Issue, Severity, issue
from milepost.rules.model import RuleBook
from milepost.rules.problems import nearest


def lint_statuses(book: RuleBook, known: Sequence[str]) -> Iterator[Issue]:
    """Statuses that no job of the job system can have, as far as the connection's settings say."""
    folded = {status.casefold() for status in known}
    for stage in book.milestones:
        for place, status in enumerate(stage.on_status):
            if status.casefold() in folded:
                continue
            near = nearest(status, known)
            meant = f" Did you mean '{near}'?" if near else ""
            yield issue(
                book,
                Severity.WARNING,
                "status_unknown",
                ("milestones", stage.code, "on_status", *([str(place)] if len(stage.on_status) > 1 else [])),
                f"The job system of this connection shows no job with the status '{status}'.{meant}",
                f"Use one of {', '.join(known)}, or have the connection's platform list jobs of that status.",
                near,
            )
