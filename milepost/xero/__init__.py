"""Xero: sign-in, the governed HTTP client, and the exact shapes of the chart, contacts and invoices. No storage here."""
