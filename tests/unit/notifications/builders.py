"""Troubles and summaries that read well in a test."""

from typing import Any

from notifications.troubles import RunSummary, Trouble


def trouble(job: str = "1482", **changes: Any) -> Trouble:
    """Job 1482, held because no rule matches."""
    values: dict[str, Any] = {
        "subject": f"billing-{job}",
        "code": "no-rule",
        "status": "held",
        "job_number": job,
        "milestone_name": "completion",
        "why": "Line 2, 'Roofing', matches no rule of kauri-plumbing version 3.",
        "fix": "Add a rule for it, or give the line another code.",
        "links": {"milepost": "http://127.0.0.1:4280/jobs/1482", "job": "https://jobs.example.com/1482"},
        "amount": "1234.50",
        "currency": "NZD",
    }
    return Trouble.model_validate(values | changes)


def summary(run_id: str = "run-1", **changes: Any) -> RunSummary:
    """42 jobs: 38 invoiced, 3 held, 1 failed."""
    values: dict[str, Any] = {
        "connection": "kauri",
        "run_id": run_id,
        "rule_book": "kauri-plumbing v3",
        "counts": {"invoiced": 38, "held": 3, "failed": 1, "skipped": 0, "new_contacts": 5},
        "totals": {"NZD": "48210.75", "AUD": "99"},
        "prefect_url": "http://127.0.0.1:4200/runs/flow-run/1",
        "console_url": "http://127.0.0.1:4280/kauri",
    }
    return RunSummary.model_validate(values | changes)
