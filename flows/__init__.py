"""The workflow, as Prefect flows: read `flows/billing.py` first."""

from flows.run_log import show_in_run_log

show_in_run_log("milepost", "notifications", "flows")
