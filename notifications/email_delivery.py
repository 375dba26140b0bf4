"""Delivery by e-mail: one mail a run with all that is new, and one for what has cleared since."""

import logging
from dataclasses import dataclass, field

from milepost.connection import EmailSettings
from milepost.errors import RemoteError
from milepost.ledger.alerts import AlertStatus
from milepost.ledger.database import Database
from notifications.delivery import (
    Delivery,
    claim,
    close_finished_runs,
    count_waiting,
    keep_resolved,
    keep_sent,
    own_turn,
    read_round,
)
from notifications.email import EmailChannel
from notifications.letters import SummaryLetter, TroubleLetter
from notifications.mails import Mail, resolved_mail, run_mail

EMAIL = "email"

log = logging.getLogger(__name__)


async def deliver_by_email(db: Database, connection: str, settings: EmailSettings) -> Delivery:
    """Send what is due, one mail and one commit at a time; the first refusal ends it and the rest stays due."""
    post = _Post(db, connection, EmailChannel(settings))
    async with own_turn(connection, EMAIL):
        error = await post.all()
        finished = await close_finished_runs(db, connection, EMAIL)
        await keep_resolved(db, [letter.row for letter in finished])
        waiting = await count_waiting(db, connection, EMAIL)
    return Delivery(post.sent, post.resolved, waiting, error)


@dataclass
class _Post:
    """One delivery under way."""

    db: Database
    connection: str
    channel: EmailChannel
    sent: int = field(default=0, init=False)
    resolved: int = field(default=0, init=False)

    async def all(self) -> str | None:
        """New troubles by run, then what cleared."""
        letters = await read_round(self.db, self.connection, EMAIL)
        try:
            for run_id in letters.runs():
                await self._tell_run(letters.summaries.get(run_id), letters.of_run(run_id))
            await self._tell_resolved(letters.resolving)
        except RemoteError as error:
            log.warning("connection %s: e-mail alerts wait (%s)", self.connection, type(error).__name__)
            return str(error)
        return None

    async def _tell_run(self, summary: SummaryLetter | None, letters: list[TroubleLetter]) -> None:
        first: SummaryLetter | TroubleLetter = summary or letters[0]
        if not await claim(self.db, first.row):
            return
        mail = _run_mail(self.connection, summary, letters)
        told = await self.channel.send(mail, message_id=_message_id(first), in_reply_to=first.row.message_ref)
        rows = [letter.row for letter in letters]
        if summary and summary.row.status is AlertStatus.PENDING:
            rows.append(summary.row)
        await keep_sent(self.db, rows, told, told)
        self.sent += 1

    async def _tell_resolved(self, letters: list[TroubleLetter]) -> None:
        """One mail for all that cleared; what was only counted is only closed."""
        loud = [letter for letter in letters if not letter.is_quiet]
        if loud:
            if not await claim(self.db, loud[0].row):
                return
            threads = {letter.row.thread_ref for letter in loud}
            mail = resolved_mail(self.connection, [letter.trouble for letter in loud])
            await self.channel.resolve(mail, in_reply_to=threads.pop() if len(threads) == 1 else None)
        if letters:
            await keep_resolved(self.db, [letter.row for letter in letters])
        self.resolved += len(loud)


def _run_mail(connection: str, summary: SummaryLetter | None, letters: list[TroubleLetter]) -> Mail:
    loud = [letter.trouble for letter in letters if not letter.is_quiet]
    return run_mail(
        connection,
        summary.summary if summary else None,
        loud,
        more=len(letters) - len(loud),
        told_before=summary.told_before if summary else 0,
    )


def _message_id(letter: SummaryLetter | TroubleLetter) -> str | None:
    """The mail's id, made from its row: if it is sent again after a crash, a mail program sees it is the same."""
    return f"<{letter.row.id}@milepost.invalid>" if letter.row.status is AlertStatus.PENDING else None
