"""Job-management systems: one folder each, one Protocol, one registry."""
