"""Results as JSON files, one for each figure, so that figures can be measured at different times."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.measurement import Measurement


@dataclass(frozen=True)
class Result:
    """A figure's measurements, and what was checked or found on the way, in words."""

    measurements: Sequence[Measurement]
    notes: Sequence[str] = ()


def save(folder: Path, figure: str, result: Result, about: Mapping[str, Any]) -> None:
    """Write a figure's result.

    Args:
        about: when and on which machine.
    """
    measurements = [{**asdict(m), "result": m.result, "met": m.met} for m in result.measurements]
    document = {"figure": figure, "about": dict(about), "measurements": measurements, "notes": list(result.notes)}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{figure}.json").write_text(json.dumps(document, indent=2) + "\n")


def load(folder: Path) -> dict[str, Result]:
    """All results in a folder, by figure."""
    results = {}
    for path in sorted(folder.glob("*.json")):
        document = json.loads(path.read_text())
        measurements = [
            Measurement(**{key: m[key] for key in Measurement.__dataclass_fields__}) for m in document["measurements"]
        ]
        results[document["figure"]] = Result(measurements, document["notes"])
    return results
