"""Which reader a `--from` asks for."""

import re
from pathlib import Path
from typing import Final

from lrlab.errors import InputError
from lrlab.tables.columns import Source
from lrlab.tables.text_files import read_csv, read_json_lines

STORAGE: Final = r"(journal|sqlite|postgresql)[^@:]*:|[^@]*\.log$"
ALLOWED: Final = (
    "FILE.csv, .tsv, .parquet, .jsonl or .json, mlflow:EXPERIMENT, optuna:STUDY@STORAGE or wandb:EXPORT.csv"
)


def read(text: str, *, tracking_uri: str | None, storage_url: str, outputs: str) -> Source:
    """Read what a `--from` names.

    Args:
        text: see `ALLOWED`.
        tracking_uri: of MLflow; see `read_experiment`.
        storage_url: of Optuna's studies, for `optuna:STUDY`.
        outputs: the output directory.

    Raises:
        InputError: it is none of what is allowed, or cannot be read.
    """
    scheme, colon, rest = text.partition(":")
    if colon and scheme in ("mlflow", "optuna", "wandb") and not rest:
        raise InputError(f"--from must be {ALLOWED}, got {text!r}")
    if colon and scheme == "mlflow":
        from lrlab.tables.mlflow_experiment import read_experiment

        return read_experiment(rest, tracking_uri, outputs)
    if colon and scheme == "optuna":
        from lrlab.tables.optuna_study import read_study

        study, storage = _study(rest)
        return read_study(study, storage or storage_url)
    if colon and scheme == "wandb":
        from lrlab.tables.wandb_export import read_wandb

        return read_wandb(Path(rest))
    return _read_file(Path(text))


def _study(text: str) -> tuple[str, str]:
    """Return name and storage of STUDY@STORAGE; both may have an "@" of their own."""
    for at in re.finditer("@", text):
        storage = text[at.end() :]
        if re.match(STORAGE, storage):
            return text[: at.start()], storage
    study, _, storage = text.partition("@")
    return study, storage


def _read_file(path: Path) -> Source:
    match path.suffix.lower():
        case ".csv" | ".tsv":
            columns = read_csv(path)
        case ".jsonl" | ".ndjson" | ".json":
            columns = read_json_lines(path)
        case ".parquet" | ".pq":
            from lrlab.tables.parquet import read_parquet

            columns = read_parquet(path)
        case _:
            raise InputError(f"--from must be {ALLOWED}, got {str(path)!r}")
    return Source(path.stem, columns)
