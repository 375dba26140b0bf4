"""A local Xero, job systems and Slack over real HTTP, for demo and tests. Imports nothing of the product."""
