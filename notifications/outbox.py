"""The outbox: what a run has to tell is recorded with the run's own work, and sent after it, by each channel.

    record     in the run's transaction: what cleared is to be resolved, what is new gets a row, never twice
    deliver    after it, and again at every later run: what is due is sent; a channel that is away is made up later

A message is sent before its row says so: a crash in between repeats that one message. An outage harms nothing else.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.connection import AlertSettings
from milepost.ledger.alerts import open_alerts, raise_alerts, resolve
from milepost.ledger.database import Database
from notifications.delivery import Delivery
from notifications.email_delivery import EMAIL, deliver_by_email
from notifications.letters import new_alerts, standing_alerts
from notifications.slack_delivery import SLACK, deliver_by_slack
from notifications.troubles import RunSummary, Trouble


async def record(
    c: AsyncConnection,
    connection_name: str,
    alerts: AlertSettings,
    summary: RunSummary,
    troubles: Sequence[Trouble],
    cleared: Sequence[str],
    now: datetime,
) -> int:
    """Record a run's troubles (one a subject) and the subjects that cleared; how many rows were made.

    Where a subject's trouble has changed, the old one is resolved and the new one told. A run whose troubles have all
    been told before makes no row at all.
    """
    current = {trouble.subject: trouble for trouble in troubles}
    keep = {subject: trouble.key for subject, trouble in current.items()}
    await resolve(c, connection_name, sorted({*cleared, *keep}), now, keep=keep)
    made = 0
    for channel in _channels(alerts):
        made += await _record_in(c, connection_name, channel, summary, list(current.values()), now)
    return made


async def deliver(db: Database, connection_name: str, alerts: AlertSettings) -> Delivery:
    """Send what is due on every channel. A channel that refuses or is away ends its part and is reported, not raised."""
    delivery = Delivery()
    if alerts.slack is not None:
        delivery += await deliver_by_slack(db, connection_name, alerts.slack)
    if alerts.email is not None:
        delivery += await deliver_by_email(db, connection_name, alerts.email)
    return delivery


async def _record_in(
    c: AsyncConnection,
    connection: str,
    channel: str,
    summary: RunSummary,
    troubles: Sequence[Trouble],
    now: datetime,
) -> int:
    told = {(row.subject, row.trouble) for row in await open_alerts(c, connection) if row.channel == channel}
    new = [trouble for trouble in troubles if (trouble.subject, trouble.key) not in told]
    known = [trouble for trouble in troubles if (trouble.subject, trouble.key) in told]
    await raise_alerts(c, connection, channel, summary.run_id, standing_alerts(known), now)
    if not new:
        return 0
    rows = new_alerts(summary, new, told_before=len(known))
    return await raise_alerts(c, connection, channel, summary.run_id, rows, now)


def _channels(alerts: AlertSettings) -> list[str]:
    given = {SLACK: alerts.slack, EMAIL: alerts.email}
    return [channel for channel, settings in given.items() if settings is not None]
