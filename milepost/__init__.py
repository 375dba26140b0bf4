"""The library under Milepost: jobs, rules, decisions, platforms, Xero and the ledger. It never imports Prefect."""

__version__ = "0.1.0"
