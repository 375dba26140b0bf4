"""What a description says about asking: endpoints, paging, credentials, limits, detection of changes."""

from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from milepost.platforms.declared.expressions import Expression, PathTemplate
from milepost.platforms.declared.parts import Duration, Scalar, SecretText, Short, Strict, Zone


class HeaderAuth(Strict):
    """A key or token in a header."""

    kind: Literal["header"]
    name: str = Field(description="the header's name", pattern=r"^[A-Za-z0-9-]+$")
    value: SecretText = Field(description="such as ${token}, or Bearer ${token}")


class QueryAuth(Strict):
    """A key in the address."""

    kind: Literal["query"]
    name: str = Field(description="the parameter's name", min_length=1)
    value: SecretText = Field(description="such as ${key}")


class BasicAuth(Strict):
    """A user name and password."""

    kind: Literal["basic"]
    username: SecretText
    password: SecretText = ""


class ClientCredentialsAuth(Strict):
    """OAuth 2 client credentials: a token for the client's id and secret."""

    kind: Literal["client_credentials"]
    token_url: SecretText = Field(description="a whole address, or a path on the host of base_url")
    client_id: SecretText
    client_secret: SecretText
    scope: str = ""
    send: Literal["form", "basic"] = Field("form", description="where id and secret stand in the token request")


class NoAuth(Strict):
    """An API on a private network."""

    kind: Literal["none"]


Auth = Annotated[HeaderAuth | QueryAuth | BasicAuth | ClientCredentialsAuth | NoAuth, Field(discriminator="kind")]


class Limits(Strict):
    """The vendor's limits; calls are kept under them."""

    per_minute: int | None = Field(None, ge=1)
    per_second: float | None = Field(None, gt=0)
    per_day: int | None = Field(None, ge=1)
    concurrent: int = Field(4, description="calls at once", ge=1, le=50)


class _Paged(Strict):
    """`max_pages` is where a list that never ends is given up, with an error that says so."""

    max_pages: int = Field(1000, ge=1)


class NoPaging(_Paged):
    """One call gives all rows."""

    style: Literal["none"] = "none"


class PagePaging(_Paged):
    """Page numbers. Read up to the page that `pages` names, else until an empty page."""

    style: Literal["page"]
    param: str = Field("page", description="the parameter that holds the page's number")
    first: int = Field(1, description="the number of the first page")
    pages: Expression | None = Field(None, description="where the answer says the number of the last page")


class OffsetPaging(_Paged):
    """The number of rows to skip. Read until an empty page, or as many rows as `total` names."""

    style: Literal["offset"]
    param: str = Field("offset", description="the parameter that holds the rows to skip")
    total: Expression | None = Field(None, description="where the answer says the number of all rows")


class CursorPaging(_Paged):
    """Each answer holds the cursor of the next page; none at the end."""

    style: Literal["cursor"]
    param: str = Field("cursor", description="the parameter that takes the cursor")
    next: Expression = Field(description="where the answer holds the next cursor")


class LinkPaging(_Paged):
    """Each answer holds the next page's address: in its Link header (RFC 8288), or where `next` says."""

    style: Literal["link"]
    next: Expression | None = Field(None, description="where the answer holds the address; else the Link header")


Paging = Annotated[NoPaging | PagePaging | OffsetPaging | CursorPaging | LinkPaging, Field(discriminator="style")]


class One(Short):
    """An endpoint that answers one record. A plain text is its path."""

    short_for: ClassVar[str] = "path"

    path: PathTemplate = Field(description="{id} is the job's id, other {...} are JMESPath over the job")
    params: dict[str, Scalar] = Field(default_factory=dict, description="the query")
    row: Expression = Field("@", description="where the record stands in the answer")


class Rows(Short):
    """An endpoint that answers several records. A plain text is its path."""

    short_for: ClassVar[str] = "path"

    path: PathTemplate = Field(description="{id} is the job's id, other {...} are JMESPath over the job")
    params: dict[str, Scalar] = Field(default_factory=dict, description="the query")
    rows: Expression = Field("@", description="where the records stand in the answer")
    paging: Paging = NoPaging()


class Since(Strict):
    """The API filters by a moment of change. The list may come in any order."""

    by: Literal["since"]
    param: str = Field(description="the parameter that takes the moment")
    format: str = Field("iso", description="iso, epoch, epoch_ms, or as strftime has it: %Y-%m-%d %H:%M:%S", min_length=1)
    time_zone: Zone = Field("UTC", description="in which the moment is written, where its form has no offset")
    overlap: Duration = Field(
        timedelta(minutes=10),
        description="how far back each question reaches, for clocks that differ; 24h where the API's moments have no offset",
    )


class NewestFirst(Strict):
    """The API cannot filter but sorts: the list is read from its newest job down to the last one known."""

    by: Literal["newest_first"]
    overlap: Duration = timedelta(minutes=10)


class Everything(Strict):
    """The API can do neither: the whole list is read each time, and unchanged jobs are told by their marker."""

    by: Literal["everything"] = "everything"


Detection = Annotated[Since | NewestFirst | Everything, Field(discriminator="by")]


class JobList(Rows):
    """The endpoint that lists jobs."""

    id: Expression = Field("id", description="where a row holds the job's id")
    modified: Expression | None = Field(None, description="where a row holds the moment of its last change")
    modified_format: str | None = Field(None, description="of `modified`: epoch, epoch_ms or as strptime has it")
    only: Expression | None = Field(None, description="rows for which this is false are left out: state != 'draft'")
    complete: bool = Field(
        default=False, description="rows hold all that `job` reads, so that no call for each job is needed"
    )
    changes: Detection = Everything()

    @model_validator(mode="after")
    def _can_stop(self) -> "JobList":
        if self.changes.by == "newest_first" and self.modified is None:
            raise ValueError("newest_first needs 'modified': where a row holds the moment of its last change")
        return self


class Many(Strict):
    """An endpoint that answers several jobs by their ids in one call."""

    path: PathTemplate
    param: str = Field(description="the parameter that takes the ids")
    separator: str = Field(",", description="between the ids; the parameter is repeated where it is empty")
    size: int = Field(50, description="ids in one call", ge=1, le=1000)
    params: dict[str, Scalar] = Field(default_factory=dict)
    rows: Expression = "@"


class Jobs(Strict):
    """Where jobs are listed and read."""

    list: JobList
    detail: One | None = Field(None, description="reads one job whole; {id} is its id")
    many: Many | None = Field(None, description="reads several jobs by their ids")

    @model_validator(mode="after")
    def _read_whole(self) -> "Jobs":
        if not (self.list.complete or self.detail or self.many):
            raise ValueError("say how a job is read whole: 'detail', 'many', or 'complete: true' in 'list'")
        return self
