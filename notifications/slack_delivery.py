"""Delivery by Slack: a run's summary, its new troubles in the summary's thread, and what has cleared since."""

import logging
from dataclasses import dataclass, field

from milepost.connection import SlackSettings
from milepost.errors import RemoteError
from milepost.ledger.alerts import AlertStatus
from milepost.ledger.database import Database
from notifications.delivery import (
    Delivery,
    Round,
    claim,
    close_finished_runs,
    count_waiting,
    keep_resolved,
    keep_sent,
    own_turn,
    read_round,
)
from notifications.letters import SummaryLetter, TroubleLetter
from notifications.slack import MessageRef, SlackChannel
from notifications.slack_messages import (
    more_message,
    resolved_message,
    settled_message,
    summary_message,
    trouble_message,
)

SLACK = "slack"

log = logging.getLogger(__name__)


async def deliver_by_slack(db: Database, connection: str, settings: SlackSettings) -> Delivery:
    """Send what is due, one message and one commit at a time; the first refusal ends it and the rest stays due."""
    post = _Post(db, connection, SlackChannel(settings))
    async with own_turn(connection, SLACK):
        error = await post.all()
        waiting = await count_waiting(db, connection, SLACK)
    return Delivery(post.sent, post.resolved, waiting, error)


@dataclass
class _Post:
    """One delivery under way."""

    db: Database
    connection: str
    channel: SlackChannel
    sent: int = field(default=0, init=False)
    resolved: int = field(default=0, init=False)

    async def all(self) -> str | None:
        """New troubles by run, then what cleared, then the summaries of which nothing stands any more."""
        try:
            letters = await read_round(self.db, self.connection, SLACK)
            for run_id in letters.runs():
                await self._tell_run(letters.summaries.get(run_id), letters.of_run(run_id))
            await self._tell_resolved(letters)
            await self._finish()
        except RemoteError as error:
            log.warning("connection %s: slack alerts wait (%s)", self.connection, type(error).__name__)
            return str(error)
        return None

    async def _tell_run(self, summary: SummaryLetter | None, troubles: list[TroubleLetter]) -> None:
        thread = await self._thread(summary)
        if summary is not None and thread is None and self.channel.threads:
            return
        for letter in troubles:
            if not letter.is_quiet and await claim(self.db, letter.row):
                message = trouble_message(letter.trouble, self.connection)
                await self._keep([letter], await self.channel.send(message, thread=thread), thread)
        quiet = [letter for letter in troubles if letter.is_quiet]
        if quiet and await claim(self.db, quiet[0].row):
            console_url = summary.summary.console_url if summary else None
            await self.channel.send(more_message(len(quiet), self.connection, console_url), thread=thread)
            await self._keep(quiet, None, thread)

    async def _thread(self, letter: SummaryLetter | None) -> MessageRef | None:
        """The run's summary, which is posted unless it has been; None where another process is just posting it."""
        if letter is None or letter.row.status is not AlertStatus.PENDING:
            return MessageRef.parse(letter.row.message_ref) if letter else None
        if not await claim(self.db, letter.row):
            return None
        message = summary_message(letter.summary, threaded=self.channel.threads, told_before=letter.told_before)
        ref = await self.channel.send(message)
        await self._keep([letter], ref, None)
        return ref

    async def _keep(
        self, letters: list[TroubleLetter] | list[SummaryLetter], ref: MessageRef | None, thread: MessageRef | None
    ) -> None:
        rows = [letter.row for letter in letters]
        await keep_sent(self.db, rows, _text(ref), _text(thread))
        self.sent += 1

    async def _tell_resolved(self, letters: Round) -> None:
        silent = [letter.row for letter in letters.resolving if letter.is_quiet]
        if silent:
            await keep_resolved(self.db, silent)
        for letter in letters.resolving:
            if not letter.is_quiet and await claim(self.db, letter.row):
                await self._resolve(letter, still_in_trouble=letters.is_still_in_trouble(letter))
                await keep_resolved(self.db, [letter.row])
                self.resolved += 1

    async def _resolve(self, letter: TroubleLetter, *, still_in_trouble: bool) -> None:
        await self.channel.resolve(
            resolved_message(letter.trouble, self.connection, still_in_trouble=still_in_trouble),
            settled_message(letter.trouble, self.connection),
            MessageRef.parse(letter.row.message_ref),
            MessageRef.parse(letter.row.thread_ref),
        )

    async def _finish(self) -> None:
        """Tick off the summaries of which nothing stands any more."""
        for letter in await close_finished_runs(self.db, self.connection, SLACK):
            ref = MessageRef.parse(letter.row.message_ref)
            if ref is not None and self.channel.threads:
                message = summary_message(letter.summary, threaded=True, resolved=True)
                await self.channel.update(message, ref)
            await keep_resolved(self.db, [letter.row])


def _text(ref: MessageRef | None) -> str | None:
    return str(ref) if ref else None
