"""The error map: what can go wrong, under a stable code, what Milepost does about it, why it is so and what mends it.

One table for all: billing reads it to decide between holding and trying again, docs/troubleshooting.md is written from it.
"""
