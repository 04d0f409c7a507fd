"""Results as JSON files, one for each figure, so that figures can be measured at different times."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.measurement import Row


@dataclass(frozen=True)
class Result:
    """A figure's rows, and what was checked or found on the way, in words."""

    rows: Sequence[Row]
    notes: Sequence[str] = ()


def save(folder: Path, figure: str, result: Result, about: Mapping[str, Any]) -> None:
    """Write a figure's result.

    Args:
        about: when and on which machine.
    """
    rows = [{**asdict(row), "result": row.result, "met": row.met} for row in result.rows]
    document = {"figure": figure, "about": dict(about), "rows": rows, "notes": list(result.notes)}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{figure}.json").write_text(json.dumps(document, indent=2) + "\n")


def load(folder: Path) -> dict[str, Result]:
    """All results in a folder, by figure."""
    results = {}
    for path in sorted(folder.glob("*.json")):
        document = json.loads(path.read_text())
        rows = [Row(**{key: row[key] for key in Row.__dataclass_fields__}) for row in document["rows"]]
        results[document["figure"]] = Result(rows, document["notes"])
    return results
