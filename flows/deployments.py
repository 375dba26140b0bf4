"""The deployments that `milepost up` serves in one process; prefect.yaml has the same ones for a work pool."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from prefect import Flow
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment

from flows.billing import bill_jobs, poll_jobs
from flows.keep_alive import keep_tokens_alive
from flows.nightly import nightly_check
from flows.polling import deliver_alerts, poll_connections, retry_due


@dataclass(frozen=True, slots=True)
class Deployed:
    """One deployment: a flow under a name, when it runs by itself (a pause, or a cron line in UTC), and what it is for."""

    flow: Flow[..., Any]
    name: str
    description: str
    every: timedelta | None = None
    cron: str | None = None


DEPLOYMENTS = (
    Deployed(
        poll_connections,
        "every-connection",
        "Bills what changed, on every connection, one after another.",
        timedelta(minutes=5),
    ),
    Deployed(retry_due, "due-retries", "Tries again what failed and is due.", timedelta(minutes=5)),
    Deployed(deliver_alerts, "waiting-alerts", "Sends alerts that a channel kept waiting.", timedelta(minutes=10)),
    Deployed(
        keep_tokens_alive,
        "monthly-sign-ins",
        "Renews every sign-in to Xero, which would die after 60 days without use.",
        cron="0 3 1 * *",
    ),
    Deployed(
        nightly_check,
        "every-night",
        "Holds every connection against Xero and its job system, tells what does not agree, and prunes the log.",
        cron="30 15 * * *",
    ),
    Deployed(poll_jobs, "one-connection", "Bills what changed on one connection, now."),
    Deployed(bill_jobs, "chosen-jobs", "Bills the given jobs of one connection, or plans them only."),
)


async def served_deployments() -> list[RunnerDeployment]:
    """The deployments for a runner in this process. A scheduled one never overlaps itself."""
    return [await _served(deployed) for deployed in DEPLOYMENTS]


async def _served(deployed: Deployed) -> RunnerDeployment:
    one_at_a_time = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)
    return await deployed.flow.ato_deployment(
        name=deployed.name,
        description=deployed.description,
        interval=deployed.every,
        cron=deployed.cron,
        concurrency_limit=one_at_a_time if deployed.every or deployed.cron else None,
        tags=["milepost"],
    )
