"""The chart of each Xero organisation as it was last read, so that a run need not read it again."""

import logging
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from milepost.chart import Chart
from milepost.ledger.bulk import upsert
from milepost.ledger.tables import charts

_log = logging.getLogger(__name__)


async def save_chart(c: AsyncConnection, tenant_id: str, chart: Chart, now: datetime) -> None:
    """Keep the organisation's chart as read at `now`."""
    row = {"tenant_id": tenant_id, "snapshot": chart.model_dump_json(), "fetched_at": now}
    await upsert(c, charts, [row])


async def get_chart(c: AsyncConnection, tenant_id: str) -> tuple[Chart, datetime] | None:
    """The chart and when it was read. None when it was never read, or was kept by a version that kept it otherwise."""
    row = (await c.execute(select(charts).where(charts.c.tenant_id == tenant_id))).first()
    if row is None:
        return None
    try:
        return Chart.model_validate_json(row.snapshot), row.fetched_at
    except ValidationError as error:
        _log.warning("the kept chart of tenant %s is of an older form (%d errors)", tenant_id, error.error_count())
        return None
