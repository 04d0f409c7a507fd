"""What an application prepared for a sweep: stored with the study, and passed to every worker."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lrlab.errors import InputError
from lrlab.tracking.place import Place

if TYPE_CHECKING:
    import optuna

STATE = "lrlab.extras"  # attribute of a study, under the name of the first version


@dataclass(frozen=True)
class Command:
    """The command line that started a sweep, for `lrlab resume`.

    Attributes:
        config_dirs: searched for configs beside those that ship; absolute, or as seen from the output directory.
        config_name: the primary config.
        overrides: of the task and of Hydra, as typed.
    """

    config_dirs: tuple[str, ...]
    config_name: str
    overrides: tuple[str, ...]


@dataclass(frozen=True)
class SweepState:
    """The state of a sweep of lrlab's own trainer; empty where each trial is a Hydra job of its own.

    Attributes:
        run_id: of the parent run.
        width: trials that one worker trains at once.
        microbatches: the smallest batch size and the microbatch for it and larger ones, in ascending order.
        command: runs the sweep again.
        runs: where the runs are, as `Place.to_record` has it; None in studies of earlier versions, and if nothing is
            recorded.
    """

    run_id: str = ""
    width: int = 1
    microbatches: tuple[tuple[int, int], ...] = ()
    command: Command | None = None
    runs: Place | None = None

    def to_json(self) -> dict[str, Any]:
        return {} if self == SweepState() else asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "SweepState":
        """Return the state that `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: it has another form.
        """
        command = stored["command"]
        if command is not None:
            if "config_dirs" in command:
                folders = tuple(command["config_dirs"])
            else:  # earlier versions had one at most
                folders = tuple(filter(None, [command["config_dir"]]))
            command = Command(folders, str(command["config_name"]), tuple(command["overrides"]))
        return cls(
            run_id=str(stored["run_id"]),
            width=int(stored["width"]),
            microbatches=tuple((int(smallest), int(microbatch)) for smallest, microbatch in stored["microbatches"]),
            command=command,
            runs=Place(str(runs["uri"]), str(runs["experiment"])) if (runs := stored.get("runs")) else None,
        )


def read_state(study: "optuna.Study") -> SweepState | None:
    """Return what the application prepared for a study; None if it prepared nothing.

    Raises:
        InputError: a version of lrlab with another form of state created the study.
    """
    stored = study.user_attrs.get(STATE)
    if not stored:
        return None
    try:
        return SweepState.from_json(stored)
    except (KeyError, TypeError, ValueError):
        message = "was begun by another version of lrlab, whose state this one cannot read: begin a new study"
        raise InputError(f"study {study.study_name} {message}") from None


def write_state(study: "optuna.Study", state: SweepState) -> None:
    """Store with a study what the application prepared for it."""
    study.set_user_attr(STATE, state.to_json())
