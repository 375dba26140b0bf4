"""Sample: the chart as it is now and the last jobs, to propose a first rule book from. Reads only; keeps no job."""

from datetime import timedelta

from milepost.chart import Chart
from milepost.jobs import Job
from milepost.platforms.protocol import Progress
from milepost.steps.gather import fresh_chart
from milepost.steps.recall import last_jobs
from milepost.steps.workspace import Workspace

MOST_KEPT = 1000
MOST_FETCHED = 50
"""Jobs that are read from the job system where the ledger keeps none: enough to see what there is, in few calls."""
LOOK_BACK = timedelta(days=90)


async def sample(workspace: Workspace, progress: Progress | None = None) -> tuple[Chart, list[Job]]:
    """The chart, and the last jobs: those the ledger keeps, else some that changed of late in the job system."""
    chart = await fresh_chart(workspace)
    async with workspace.db.read() as c:
        kept = await last_jobs(c, workspace.name, MOST_KEPT)
    if kept:
        return chart, kept
    changes = await workspace.platform.list_changed(None, since=workspace.clock() - LOOK_BACK)
    newest = sorted(changes.refs, key=lambda ref: ref.marker, reverse=True)[:MOST_FETCHED]
    fetched = await workspace.platform.fetch([ref.id for ref in newest], progress) if newest else None
    return chart, list(fetched.jobs) if fetched else []
