"""Decide a milestone for all jobs it is due for. Third step: the decisions are pure, this keeps them in the ledger."""

from milepost.billing.decide import decide
from milepost.billing.decision import Bill, Decision
from milepost.billing.facts import Facts, History
from milepost.ledger import billings, jobs
from milepost.steps.gather import fresh_chart, today_of
from milepost.steps.run import BillingRun, Due, Result, result_of

CHART_TROUBLES = frozenset(
    {
        "tax_changed", "account_unknown", "account_archived", "account_system", "tax_unknown", "tax_not_allowed", "item_unknown",
        "tracking_unknown", "tracking_option_unknown", "currency_not_subscribed", "branding_unknown", "period_locked",
    }
)  # fmt: skip
"""Holds that may only be there because the kept chart is old."""


async def decide_milestone(run: BillingRun, milestone: str) -> list[Result]:
    """The decision for every job that the milestone is due for, kept in the ledger unless the run only plans.

    Holds that an old chart may have caused are decided once more on a fresh one.
    """
    results = _decide_all(run, milestone)
    if run.chart_is_kept and any(result.code in CHART_TROUBLES for result in results):
        run.chart, run.chart_is_kept = await fresh_chart(run.workspace), False
        results = _decide_all(run, milestone)
    for result in results:
        if isinstance(result.decision, Bill):
            run.remember(result.decision)
    if not run.plan_only:
        await _keep(run, results)
    return results


def _decide_all(run: BillingRun, milestone: str) -> list[Result]:
    return [result_of(due, _decide(run, due)) for due in run.due_for(milestone)]


def _decide(run: BillingRun, due: Due) -> Decision:
    assert run.chart is not None
    job = due.job
    facts = Facts(
        connection=run.workspace.name,
        chart=run.chart,
        contact=run.resolutions.get(job.customer.id) if job.customer else None,
        today=today_of(run, job),
        console_url=run.workspace.installation.console_url,
    )
    return decide(job, due.milestone, facts, due.book, run.history.get(job.id, History()))


async def _keep(run: BillingRun, results: list[Result]) -> None:
    workspace = run.workspace
    async with workspace.db.write() as c:
        decided = [(result.job, result.decision) for result in results]
        saved = await billings.save_decisions(c, run.id, decided, workspace.clock())
    run.cleared += saved.cleared_ids


async def mark_decided(run: BillingRun) -> None:
    """Note that every job of the run was looked at as it now is, so that no poll needs to look again."""
    workspace = run.workspace
    async with workspace.db.write() as c:
        await jobs.mark_decided(c, workspace.name, list(run.jobs.values()))
