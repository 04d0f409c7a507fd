"""The options that commands share, and what the places that they name hold."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lrlab.config import environment
from lrlab.config.command_line import RESUME_PREFIX, Places
from lrlab.config.override import text_override
from lrlab.errors import InputError

if TYPE_CHECKING:
    import optuna

    from lrlab.sweeper.study.storage import Storage
    from lrlab.tracking.client_store import ClientStore
    from lrlab.tracking.mlflow import Mlflow
    from lrlab.tracking.mlflow_tracker import MlflowTracker

Outputs = Annotated[Path, typer.Option(metavar="DIR", show_default=False, help="default: ./outputs")]
StorageUrl = Annotated[
    str | None,
    typer.Option("--storage", metavar="URL", help="of the studies; default: $LRLAB_STORAGE, OUTPUTS/optuna.log"),
]
TrackingUri = Annotated[
    str | None,
    typer.Option(
        metavar="URI",
        help="of MLflow; default: $LRLAB_TRACKING_URI, the study's, $MLFLOW_TRACKING_URI, OUTPUTS/mlflow.db",
    ),
]
Study = Annotated[str | None, typer.Argument(metavar="STUDY", help="default: the newest", show_default=False)]
Overrides = Annotated[list[str] | None, typer.Argument(metavar="OVERRIDES", help="Hydra overrides")]
Allow = Annotated[list[str], typer.Option(metavar="PREFIX", help="further code to trust, such as my_package.")]
Json = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]


@dataclass(frozen=True)
class Records(Places):
    """What the places of a command hold. Addresses that are not given are those of the environment."""

    def __post_init__(self) -> None:
        if self.storage_url is None:
            object.__setattr__(self, "storage_url", environment.address(environment.STORAGE))
        if self.tracking_uri is None:
            object.__setattr__(self, "tracking_uri", environment.address(environment.TRACKING_URI))

    def tracking(self, study: "optuna.Study | None" = None, kind: str | None = None) -> "Mlflow":
        """Return where the runs are: as given, else of the study, else from the environment, else in `outputs`.

        Args:
            kind: the experiment of new runs where none is chosen.
        """
        from lrlab.sweeper.study.state import read_state
        from lrlab.tracking.mlflow import Mlflow

        state = read_state(study) if study else None
        recorded = state.runs if state else None
        here = Mlflow(self.tracking_uri) if kind is None else Mlflow(self.tracking_uri, kind=kind)
        found = here.following(recorded, str(self.outputs))
        environment.announce(environment.TRACKING_URI, self.tracking_uri)
        found.announce(recorded)
        return found

    def tracker(self, study: "optuna.Study | None" = None) -> "MlflowTracker":
        """Open what holds the runs, of a study if one is given.

        Raises:
            InputError: there are none.
        """
        return self.tracking(study).open_existing(str(self.outputs))

    def check_kept(self, study: "optuna.Study") -> None:
        """Refuse a study whose sweep kept no runs.

        Raises:
            InputError: it is one.
        """
        from lrlab.sweeper.study.state import read_state

        state = read_state(study)
        if state and not state.run_id:
            raise InputError(f"study {study.study_name} has no runs: its sweep kept none (tracking=none)")

    def client_store(self, study: "optuna.Study") -> "ClientStore | None":
        """Return the runs of a study as MLflow's client sees them; None if there are none."""
        tracking = self.tracking(study)
        return tracking.client_store(str(self.outputs))

    def storage(self) -> "Storage":
        """Return what holds the studies."""
        from lrlab.sweeper.study.storage import parse

        default = f"journal:{self.outputs / 'optuna.log'}"
        environment.announce(environment.STORAGE, self.storage_url)
        return parse(default if self.storage_url is None else self.storage_url, Path.cwd())

    def study(self, name: str | None) -> "optuna.Study":
        """Load a study; without a name, the newest.

        Raises:
            InputError: there is none.
        """
        from lrlab.sweeper.study.study import load, newest

        storage = self.storage()
        return load(storage, newest(storage) if name is None else name)

    @contextmanager
    def overrides(self) -> Iterator[list[str]]:
        """Yield Hydra overrides that name these places.

        An address, which may hold a password, goes through the environment, so that it is not put on record.
        """
        places = {"outputs": str(self.outputs), "hydra.sweeper.storage": f"journal:{self.outputs / 'optuna.log'}"}
        addresses = {"hydra.sweeper.storage": self.storage_url, "tracking.uri": self.tracking_uri}
        given = {key: address for key, address in addresses.items() if address is not None}
        names = {key: f"{RESUME_PREFIX}{key.rpartition('.')[2].upper()}" for key in given}
        before = {name: os.environ.get(name) for name in names.values()}
        os.environ.update({names[key]: address for key, address in given.items()})
        try:
            yield [
                *(text_override(key, path) for key, path in places.items() if key not in given),
                *(f"{key}=${{oc.env:{name}}}" for key, name in names.items()),
            ]
        finally:
            for name, value in before.items():
                os.environ.pop(name)
                if value is not None:
                    os.environ[name] = value
