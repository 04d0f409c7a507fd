"""What a sweep of lrlab's own trainer optimizes, and in which direction."""

from typing import TYPE_CHECKING, Final

from lrlab.config.validation import choice
from lrlab.errors import InputError

if TYPE_CHECKING:
    import optuna

OBJECTIVE: Final = "objective"  # what another application's task returns
DIRECTIONS: Final = {"val/loss": "minimize", "val/accuracy": "maximize"}


def direction_of(objective: str, given: tuple[str, ...] | None) -> str:
    """Return the direction of an objective.

    Args:
        objective: its name.
        given: what `hydra.sweeper.direction` says; None where it says nothing.

    Raises:
        InputError: there is no such objective, or the direction contradicts it.
    """
    choice("objective", objective, tuple(DIRECTIONS))
    direction = DIRECTIONS[objective]
    if given not in (None, (direction,)):
        raise InputError(
            f"hydra.sweeper.direction must be {direction} with objective={objective}, got {', '.join(given)}"
        )
    return direction


def objective_of(study: "optuna.Study") -> str:
    """Return the name of what a study optimized; of another application, what its task returned.

    Earlier versions let the direction contradict it; there the override says what it was.
    """
    from lrlab.sweeper.study.state import read_state
    from lrlab.sweeper.study.study import SPEC

    state = read_state(study)
    if state and state.launch:
        return OBJECTIVE
    overrides = study.user_attrs.get(SPEC, {}).get("fixed", ())
    by_direction = {direction.upper(): objective for objective, direction in DIRECTIONS.items()}
    named = (override.partition("=")[2] for override in overrides if override.lstrip("+").startswith("objective="))
    return next(named, by_direction[study.direction.name])
