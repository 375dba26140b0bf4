"""The workflow, as Prefect flows: read `flows/billing.py` first."""
