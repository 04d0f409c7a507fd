"""What an application prepared for a sweep: stored with the study, and passed to every worker."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from lrlab.errors import InputError
from lrlab.runs.launch import Launch
from lrlab.sweeper.search.space import SEED
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
        launch: the application, if it is not lrlab's own.
    """

    config_dirs: tuple[str, ...]
    config_name: str
    overrides: tuple[str, ...]
    launch: Launch | None = None


@dataclass(frozen=True)
class SweepState:
    """The state of a sweep.

    Attributes:
        run_id: of the parent run; "" if nothing is recorded.
        width: trials that one worker of lrlab's own trainer trains at once.
        microbatches: the smallest batch size and the microbatch for it and larger ones, in ascending order; of lrlab's
            own trainer, too.
        command: runs the sweep again.
        runs: where the runs are, as `Place.to_record` has it; None in studies of earlier versions, and if nothing is
            recorded.
        question: that the sweep is to answer; "" for the usual one of what is swept.
        roles: which key of another application plays which role, and which metric is its loss, as far as is known.
    """

    run_id: str = ""
    width: int = 1
    microbatches: tuple[tuple[int, int], ...] = ()
    command: Command | None = None
    runs: Place | None = None
    roles: Mapping[str, str] = field(default_factory=dict)
    question: str = ""

    @property
    def launch(self) -> Launch | None:
        """Return the application that was swept; None if it is lrlab's own trainer."""
        return self.command.launch if self.command else None

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
            launch = command.get("launch")
            command = Command(
                folders,
                str(command["config_name"]),
                tuple(command["overrides"]),
                Launch.from_json(launch) if launch else None,
            )
        return cls(
            run_id=str(stored["run_id"]),
            width=int(stored["width"]),
            microbatches=tuple((int(smallest), int(microbatch)) for smallest, microbatch in stored["microbatches"]),
            command=command,
            runs=Place(str(runs["uri"]), str(runs["experiment"])) if (runs := stored.get("runs")) else None,
            roles=dict(stored.get("roles", {})),
            question=str(stored.get("question", "")),
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


def seed_key(study: "optuna.Study") -> str:
    """Return the key whose values make repetitions of one configuration."""
    roles = study.user_attrs.get(STATE, {}).get("roles", {})
    return str(roles.get("seed", SEED))


def write_state(study: "optuna.Study", state: SweepState) -> None:
    """Store with a study what the application prepared for it."""
    study.set_user_attr(STATE, state.to_json())
