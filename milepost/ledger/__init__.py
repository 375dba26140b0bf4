"""The ledger: what was done, kept so that nothing is lost and nothing done twice."""
