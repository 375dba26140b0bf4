"""Scripts that print figures, and fail when a promise of docs/performance.md is broken."""
