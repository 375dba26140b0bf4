"""Tests with I/O: real HTTP on the loopback, real SQLite."""
