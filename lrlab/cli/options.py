"""The options that commands share, and what the places that they name hold."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lrlab.errors import InputError

if TYPE_CHECKING:
    import optuna

    from lrlab.sweep.study.storage import Storage
    from lrlab.tracking.mlflow_tracker import MlflowTracker

Outputs = Annotated[Path, typer.Option(metavar="DIR", show_default=False, help="default: ./outputs")]
StorageUrl = Annotated[
    str | None, typer.Option("--storage", metavar="URL", help="of the studies, if they are not in OUTPUTS/optuna.log")
]
TrackingUri = Annotated[str | None, typer.Option(metavar="URI", help="of MLflow, if it is not OUTPUTS/mlflow.db")]
Study = Annotated[str | None, typer.Argument(metavar="STUDY", help="default: the newest", show_default=False)]
Overrides = Annotated[list[str] | None, typer.Argument(metavar="OVERRIDES", help="Hydra overrides")]
Allow = Annotated[list[str], typer.Option(metavar="PREFIX", help="further code to trust, such as my_package.")]
Json = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]

OUTPUTS = Path("outputs")


@dataclass(frozen=True)
class Records:
    """Where studies and runs are.

    Attributes:
        outputs: the output directory.
        storage_url: of the studies; None for the journal in `outputs`.
        tracking_uri: of MLflow; None for the database in `outputs`.
    """

    outputs: Path
    storage_url: str | None = None
    tracking_uri: str | None = None

    @property
    def has_local_runs(self) -> bool:
        return self.tracking_uri is None and (self.outputs / "mlflow.db").is_file()

    def tracker(self) -> "MlflowTracker":
        """Open what holds the runs.

        Raises:
            InputError: there are none.
        """
        from lrlab.tracking.mlflow import Mlflow

        if self.tracking_uri is None and not self.has_local_runs:
            raise InputError(f"outputs must be a directory with runs of lrlab's, got {str(self.outputs)!r}")
        return Mlflow(uri=self.tracking_uri).open(str(self.outputs))

    @property
    def address(self) -> str:
        """Return the tracking URI, absolute."""
        from lrlab.tracking import database

        return database.address(self.tracking_uri, str(self.outputs))

    def storage(self) -> "Storage":
        """Return what holds the studies."""
        from lrlab.sweep.study.storage import parse

        return parse(self.storage_url or str(self.outputs / "optuna.log"), Path.cwd())

    def study(self, name: str | None) -> "optuna.Study":
        """Load a study; without a name, the newest.

        Raises:
            InputError: there is none.
        """
        from lrlab.sweep.study.study import load, newest

        storage = self.storage()
        return load(storage, name or newest(storage))

    @contextmanager
    def overrides(self) -> Iterator[list[str]]:
        """Yield Hydra overrides that name these places.

        An address, which may hold a password, goes through the environment, so that it is not put on record.
        """
        addresses = {"hydra.sweeper.storage": self.storage_url, "tracking.uri": self.tracking_uri}
        given = {key: address for key, address in addresses.items() if address is not None}
        names = {key: f"LRLAB_{key.rpartition('.')[2].upper()}" for key in given}
        before = {name: os.environ.get(name) for name in names.values()}
        os.environ.update({names[key]: address for key, address in given.items()})
        try:
            yield [f"outputs={self.outputs}", *(f"{key}=${{oc.env:{name}}}" for key, name in names.items())]
        finally:
            for name, value in before.items():
                os.environ.pop(name)
                if value is not None:
                    os.environ[name] = value
