"""A local Xero, job systems and Slack over real HTTP, for the demo and the tests. Imports nothing of the product."""
