"""A run's steps worked ahead of Prefect's record of them, so that an invoice does not wait for each state to be noted.

The flow run is created first, so that it is known by its id from the beginning. Then its steps are worked while the flow
begins, and the flow finds each of them done or under way (`flows.once`): one run, the same steps, seen a little later.
"""

import asyncio

from prefect.client.orchestration import get_client
from prefect.flow_engine import run_flow_async
from prefect.states import Pending

from flows import steps
from flows.billing import begun_run, bill_jobs
from flows.once import sharing
from milepost.errors import MilepostError
from milepost.steps.run import BillingRun


async def bill_ahead(connection: str, job_ids: list[str]) -> BillingRun:
    """The flow `bill-jobs` for jobs that an event named; the run, when it is over.

    Raises whatever keeps a run from being begun, such as MilepostError, or Prefect's own errors where it is away.
    """
    parameters = {"connection": connection, "job_ids": job_ids, "trigger": "webhook", "plan_only": False}
    async with get_client() as client:
        flow_run = await client.create_flow_run(bill_jobs, parameters=parameters, state=Pending())
    async with begun_run(connection, str(flow_run.id), "webhook") as run:
        run.wanted = list(job_ids)
        with sharing(run):
            ahead = asyncio.create_task(_work(run))
            await run_flow_async(bill_jobs, flow_run=flow_run, parameters=parameters, return_type="state")
            await ahead
    return run


async def _work(run: BillingRun) -> None:
    """The order is the flow's. A step that is left out here is worked when the flow comes to it; so is an error told."""
    try:
        await steps.recover_requests.fn()
        await steps.fetch_jobs.fn()
        if run.due:
            await steps.read_chart.fn()
            await steps.resolve_contacts.fn()
        for milestone in run.milestones:
            await steps.code_lines.fn(milestone.code)
            await steps.create_contacts.fn(milestone.code)
            await steps.create_invoices.fn(milestone.code)
    except MilepostError:
        return  # the flow meets the same error at the same step, and tells of it
