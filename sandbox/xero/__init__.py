"""A local Xero over real HTTP: identity, connections and the Accounting API that billing touches."""
