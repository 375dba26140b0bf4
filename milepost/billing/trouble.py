"""A data problem on the way to a decision: a value, gathered with its likes, that ends in a Hold."""

from collections.abc import Sequence
from dataclasses import dataclass

from milepost.billing.decision import BillingKey, Hold
from milepost.jobs import Job
from milepost.rules.model import RuleBook

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong and how to mend it. `code` is stable; `line` is the platform's line id where one line is meant."""

    code: str
    why: str
    fix: str
    line: str | None = None


def hold(key: BillingKey, job: Job, book: RuleBook, troubles: Sequence[Trouble]) -> Hold:
    """One Hold that tells all troubles of a job, the first of them leading."""
    shown = troubles[:_SHOWN]
    more = f" And {len(troubles) - _SHOWN} more of the kind." if len(troubles) > _SHOWN else ""
    return Hold(
        key=key,
        code=shown[0].code,
        why=" ".join(dict.fromkeys(t.why for t in shown)) + more,
        fix=" ".join(dict.fromkeys(t.fix for t in shown)),
        line=shown[0].line,
        book=book.origin.book,
        book_version=book.version,
        fingerprint=job.fingerprint,
    )
