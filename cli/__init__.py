"""The `milepost` command: one module a command group."""
