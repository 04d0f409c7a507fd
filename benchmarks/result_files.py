"""Results as JSON files, one for each figure and the kernels it was measured with.

Those of full size are kept in the repository, in a folder for each version of lrlab.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from packaging.version import Version

from benchmarks.bench import ROOT
from benchmarks.measurement import Measurement

KEPT = ROOT / "benchmarks" / "results"


@dataclass(frozen=True)
class Result:
    """A figure's measurements, and what was checked or found on the way, in words.

    Attributes:
        about: when and on which machine, see `machine.about`.
        pinned: the kernels that were asked for; "" if OpenBLAS chose.
    """

    measurements: Sequence[Measurement]
    notes: Sequence[str] = ()
    about: Mapping[str, Any] = field(default_factory=dict)
    pinned: str = ""

    @property
    def kernels(self) -> str:
        return str(self.about.get("blas_kernel", ""))


def save(folder: Path, figure: str, result: Result) -> Path:
    """Write a figure's result; return the file."""
    measurements = [{**asdict(m), "result": m.result, "met": m.met} for m in result.measurements]
    about = {"figure": figure, "pinned": result.pinned, "about": dict(result.about)}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{'-'.join(filter(None, (figure, result.pinned)))}.json"
    path.write_text(json.dumps({**about, "measurements": measurements, "notes": list(result.notes)}, indent=2) + "\n")
    return path


def load(folder: Path, figures: Sequence[str]) -> list[Result]:
    """All results in a folder in the order of the figures; what was measured with pinned kernels comes last."""
    results = []
    for path in folder.glob("*.json"):
        document = json.loads(path.read_text())
        measurements = [
            Measurement(**{key: value for key, value in m.items() if key in Measurement.__dataclass_fields__})
            for m in document["measurements"]
        ]
        result = Result(measurements, document["notes"], document["about"], document["pinned"])
        results.append(((document["pinned"], figures.index(document["figure"])), result))
    return [result for _, result in sorted(results, key=lambda each: each[0])]


def newest() -> Path | None:
    """The folder of the newest version of lrlab that was measured; None if none was."""
    folders = [folder for folder in KEPT.glob("*") if any(folder.glob("*.json"))]
    return max(folders, key=lambda folder: Version(folder.name), default=None)
