"""What an operator configures in Prefect: platforms, the Xero app, alert channels, and the Connection that nests them."""
