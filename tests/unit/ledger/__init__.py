"""The ledger's parts that need no database."""
