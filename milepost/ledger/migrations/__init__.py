"""The ledger's schema, revision by revision; applied when the ledger is opened.

To change the schema: change `tables.py`, add `versions/NNNN_<what>.py` that takes the one before it there, and set HEAD. A
published revision is never edited. A test holds that all revisions together make exactly `tables.metadata`.
"""

HEAD = "0006"
