"""Two files as Tradify and its like export them: jobs.csv and lines.csv, for systems that have no API."""

import csv
from collections.abc import Sequence
from pathlib import Path

JOB_COLUMNS = (
    "Job Number", "Job Name", "Customer", "Customer Email", "Customer Phone", "Status", "Date Created", "Date Completed",
    "Site Address", "Site City", "Site Postcode", "Order Number", "Job Total (excl. tax)",
)  # fmt: skip
LINE_COLUMNS = (
    "Job Number", "Line Type", "Item Code", "Description", "Quantity", "Unit", "Unit Price", "Discount %", "Tax Rate",
    "Line Total (excl. tax)",
)  # fmt: skip
_JOBS: Sequence[Sequence[str]] = (
    ("JB00211", "Deck stairs and handrail", "Pohutukawa Motel", "stay@pohutukawa.example.org", "06 555 0177", "Completed",
     "02/11/2026", "13/11/2026", "3 Marine Parade", "Napier", "4110", "PM-88", "1684.20"),
    ("JB00212", "Rehang fire doors", "Ridgeline Builders Ltd", "accounts@ridgeline.example", "09 555 0144", "Completed",
     "05/11/2026", "16/11/2026", "41 Quarry Road", "Hamilton", "3200", "RB-2304", "912.50"),
    ("JB00213", "Window latches, whole house", "Aroha Ngata", "aroha@example.com", "021 555 0101", "Completed",
     "09/11/2026", "17/11/2026", "12 Kauri Street", "Whangarei", "0110", "", "436.80"),
    ("JB00214", "Pergola, stage one", "Hopkins & Daughters", "kate@hopkins.example.com", "", "In Progress",
     "12/11/2026", "", "9 Totara Lane", "Tauranga", "3110", "", "2210.00"),
)  # fmt: skip
_LINES: Sequence[Sequence[str]] = (
    ("JB00211", "Labour", "LAB", "Carpenter", "9.5", "hr", "78.00", "", "15% GST on Income", "741.00"),
    ("JB00211", "Material", "KWILA", "Kwila decking, per metre", "48", "m", "15.40", "", "15% GST on Income", "739.20"),
    ("JB00211", "Material", "RAIL", "Handrail, powder coated", "1", "ea", "240.00", "15", "15% GST on Income", "204.00"),
    ("JB00212", "Labour", "LAB", "Carpenter", "8.75", "hr", "78.00", "", "15% GST on Income", "682.50"),
    ("JB00212", "Other", "DISP", "Removal of old doors, tip fee", "1", "ea", "230.00", "", "15% GST on Income", "230.00"),
    ("JB00213", "Labour", "LAB", "Carpenter", "3.5", "hr", "78.00", "", "15% GST on Income", "273.00"),
    ("JB00213", "Material", "LATCH", "Window latch, brass", "12", "ea", "18.65", "", "15% GST on Income", "223.80"),
    ("JB00213", "Other", "DISC", "Neighbourhood discount", "1", "ea", "-60.00", "", "15% GST on Income", "-60.00"),
    ("JB00214", "Labour", "LAB", "Carpenter", "20", "hr", "78.00", "", "15% GST on Income", "1560.00"),
    ("JB00214", "Material", "POST", "Post 125 x 125, treated", "4", "ea", "162.50", "", "15% GST on Income", "650.00"),
)  # fmt: skip


def write_csv_export(folder: Path) -> tuple[Path, Path]:
    """Write jobs.csv and lines.csv (UTF-8 with a byte order mark, as exports are) and give their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    return (
        _write(folder / "jobs.csv", JOB_COLUMNS, _JOBS),
        _write(folder / "lines.csv", LINE_COLUMNS, _LINES),
    )


def _write(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Path:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
    return path
