"""The three kinds of trouble: a remote that refused or was away, a set-up that cannot work, and (anything else) a bug.

A data problem of one job is none of these: it is a value, `milepost.billing.decision.Hold`.
"""

from datetime import timedelta


class MilepostError(Exception):
    """An expected error. `str(error)` is complete: what happened, to what, why, and what to do next."""


class ConfigError(MilepostError):
    """The set-up cannot work as it stands: a connection file, a rule book, a missing secret. Exit code 2."""


class UnknownName(ConfigError):
    """Something was asked for by a name that does not exist here."""


class RemoteError(MilepostError):
    """A remote system refused or was away.

    permanent: asking again will not help until a person changes something.
    retry_after: how long the remote asked us to wait, where it said so.
    """

    def __init__(
        self,
        system: str,
        what: str,
        why: str,
        *,
        permanent: bool,
        fix: str = "",
        status: int | None = None,
        retry_after: timedelta | None = None,
        correlation_id: str | None = None,
    ) -> None:
        self.system = system
        self.what = what
        self.why = why
        self.permanent = permanent
        self.fix = fix
        self.status = status
        self.retry_after = retry_after
        self.correlation_id = correlation_id
        super().__init__(str(self))

    def __str__(self) -> str:
        status = f" (HTTP {self.status})" if self.status else ""
        correlation = f" [correlation id {self.correlation_id}]" if self.correlation_id else ""
        fix = f" {self.fix}" if self.fix else ""
        return f"{self.system}: {self.what} failed{status}: {self.why}.{fix}{correlation}"


class AnswerLost(RemoteError):
    """A write was sent and no answer came: it may or may not have happened. Only recovery may decide."""


class RateLimited(RemoteError):
    """A limit is reached; `retry_after` says when it opens. Waits of more than a minute are handed back so."""


class AuthError(RemoteError):
    """The remote does not accept our credentials: a person must reconnect. `state` is the connection's new status."""

    def __init__(
        self, system: str, what: str, why: str, *, state: str = "error", fix: str = "", status: int | None = None
    ) -> None:
        self.state = state
        super().__init__(system, what, why, permanent=True, fix=fix, status=status)
