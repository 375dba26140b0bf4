"""The JSON schema of test files, which gives an editor completion and help. Made from the model, never by hand.

`python -m milepost.rules.trials.schema` writes mappings/rule-book-test.schema.json; a test holds the two equal.
"""

import sys
from pathlib import Path
from typing import Any

from milepost.rules.schema import as_text, editor_schema
from milepost.rules.trials.trial import TrialFile

SCHEMA_FILE = Path("mappings/rule-book-test.schema.json")


def trial_schema() -> dict[str, Any]:
    """The schema of test files."""
    return editor_schema(TrialFile, "Tests of a Milepost rule book")


if __name__ == "__main__":
    SCHEMA_FILE.write_text(as_text(trial_schema()), encoding="utf-8")
    sys.stdout.write(f"wrote {SCHEMA_FILE}\n")
