"""Alerts to the billing team: Slack and e-mail, from Jinja2 templates."""
