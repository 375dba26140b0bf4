"""Fieldbook's three ways through the same list: page numbers, a cursor, and Link headers (RFC 8288)."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.datastructures import URL, QueryParams
from starlette.requests import Request
from starlette.responses import Response

from sandbox.fieldbook.records import STATES, Job
from sandbox.fieldbook.state import Account
from sandbox.fieldbook.wire import answer

DEFAULT_PER_PAGE = 50
Render = Callable[[Job], dict[str, Any]]


class QueryError(ValueError):
    """A parameter that Fieldbook refuses with 422."""


@dataclass(frozen=True)
class Page:
    """One page out of all the jobs that match."""

    jobs: Sequence[Job]
    number: int
    per_page: int
    total: int

    @property
    def pages(self) -> int:
        return -(-self.total // self.per_page)


def matching(account: Account, query: QueryParams) -> list[Job]:
    """Jobs by `status` (comma list), `updated_since` and `sort` (-updatedAt: newest first); raises QueryError."""
    states = set(filter(None, query.get("status", "").split(",")))
    if states - set(STATES):
        raise QueryError(f"status: use some of {', '.join(STATES)}")
    jobs = account.changed_since(_since(query.get("updated_since", "")))
    found = [job for job in jobs if not states or job.state in states]
    match query.get("sort", "updatedAt"):
        case "updatedAt":
            return found
        case "-updatedAt":
            return found[::-1]
        case other:
            raise QueryError(f"sort: {other[:40]} is not updatedAt or -updatedAt")


def cut(jobs: Sequence[Job], query: QueryParams, most: int) -> Page:
    """The page that `page` (from 1) and `per_page` ask for; raises QueryError."""
    number = _whole(query, "page", 1)
    per_page = min(_whole(query, "per_page", DEFAULT_PER_PAGE), most)
    start = (number - 1) * per_page
    return Page(jobs[start : start + per_page], number, per_page, len(jobs))


def numbered(page: Page, render: Render) -> Response:
    meta = {"page": page.number, "perPage": page.per_page, "pages": page.pages, "total": page.total}
    return answer({"data": [render(job) for job in page.jobs], "meta": meta})


def linked(request: Request, page: Page, render: Render) -> Response:
    """A bare array; where to go on stands in the Link header."""
    places = {"first": 1, "next": page.number + 1, "last": max(page.pages, 1)}
    if page.number >= page.pages:
        del places["next"]
    links = [f'<{_at(request.url, number)}>; rel="{rel}"' for rel, number in places.items()]
    return answer([render(job) for job in page.jobs], headers={"link": ", ".join(links)})


def after_cursor(jobs: Sequence[Job], query: QueryParams, most: int, render: Render) -> Response:
    """`after` is the `nextCursor` of the page before; a null `nextCursor` is the end; raises QueryError."""
    per_page = min(_whole(query, "per_page", DEFAULT_PER_PAGE), most)
    last = _opened(query.get("after", ""))
    rest = [job for job in jobs if _place(job) > last] if last else jobs
    page = rest[:per_page]
    more = len(rest) > len(page)
    return answer({"data": [render(job) for job in page], "nextCursor": _sealed(page[-1]) if more else None})


def _since(text: str) -> datetime | None:
    if not text:
        return None
    try:
        since = datetime.fromisoformat(text)
    except ValueError:
        raise QueryError("updated_since: use a moment such as 2026-11-20T08:00:00Z") from None
    if since.tzinfo is None:
        raise QueryError("updated_since: the moment needs Z or an offset")
    return since


def _whole(query: QueryParams, name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isdigit() or int(text) < 1:
        raise QueryError(f"{name}: use a whole number from 1")
    return int(text)


def _at(url: URL, number: int) -> URL:
    return url.include_query_params(page=number)


def _place(job: Job) -> tuple[str, str]:
    return (job.updated_at.isoformat(timespec="microseconds") if job.updated_at else "", job.id)


def _sealed(job: Job) -> str:
    return base64.urlsafe_b64encode("|".join(_place(job)).encode()).decode()


def _opened(cursor: str) -> tuple[str, str] | None:
    if not cursor:
        return None
    try:
        at, _, job_id = base64.b64decode(cursor, altchars=b"-_", validate=True).decode().partition("|")
    except (binascii.Error, UnicodeDecodeError):
        raise QueryError("after: use nextCursor of the page before") from None
    return at, job_id
