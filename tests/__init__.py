"""Tests: unit (pure), integration (over loopback HTTP), acceptance (the real flows)."""
