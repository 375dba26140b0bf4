"""Addresses in the Prefect UI."""

from prefect.settings import PREFECT_UI_URL


def flow_run_url(run_id: str) -> str | None:
    """The page of a flow run; None where no server with a UI is configured."""
    base = PREFECT_UI_URL.value()
    return f"{base.rstrip('/')}/runs/flow-run/{run_id}" if base else None
