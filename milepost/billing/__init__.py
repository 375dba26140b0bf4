"""Pure decisions: which milestone is due, what it bills, and why. No clock, no I/O."""
