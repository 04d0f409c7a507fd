"""`key=tag(bracket, choice(…))`: values enumerated until the best of them is bracketed at every setting.

A setting is a combination of the other swept keys; trials that differ in their `seed` alone are repetitions of one.
Where the best mean objective lies near an end of what was tried, further values are tried beyond that end, in the
ratio of those given. A best value is bracketed with three values on either side of it: one for the noise of the best,
and two so that a curve through it is held on both sides. Then the two nearest gaps on either side are halved.
"""

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

from optuna.trial import FrozenTrial, TrialState

from lrlab.errors import InputError
from lrlab.sweep.search.space import Dimension, Space
from lrlab.sweep.search.strategy import SearchStrategy
from lrlab.sweep.study.queue import INTERRUPTED, OUTCOME

SEED: Final = "seed"
MIN_NEIGHBOURS: Final = 3  # values tried on either side of the best
MAX_ROUNDS: Final = 8  # of further values; the optimum is left unbracketed after these


def check(search: SearchStrategy, directions: Sequence[str]) -> None:
    """Refuse a bracket that cannot be moved.

    Raises:
        InputError: of two keys, in a search that is no enumeration, or with several objectives.
    """
    names = [dimension.name for dimension in search.space.dimensions if dimension.is_bracketed]
    if not names:
        return
    allowed = ""
    if len(names) > 1:
        allowed = "of one key"
    elif not search.is_exhaustive:
        allowed = "in an enumeration: choice(…) or range(…) for every other key, and hydra.sweeper.n_trials=null"
    elif len(directions) > 1:
        allowed = "with one objective"
    if allowed:
        raise InputError(f"tag(bracket, …) must be {allowed}, got {', '.join(names)}")


def propose(space: Space, trials: Sequence[FrozenTrial], directions: Sequence[str]) -> list[dict[str, Any]]:
    """Return the values of the trials that are still needed, seed by seed; none if every best value is bracketed."""
    moving = next((dimension for dimension in space.dimensions if dimension.is_bracketed), None)
    if moving is None:
        return []
    seeds = next((dimension.values for dimension in space.dimensions if dimension.name == SEED), (None,))
    sign = -1.0 if directions[0] == "maximize" else 1.0
    settings: dict[str, dict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
    for trial in trials:
        if trial.state.is_finished() and trial.user_attrs.get(OUTCOME) != INTERRUPTED and moving.name in trial.params:
            setting = {name: value for name, value in trial.params.items() if name not in (moving.name, SEED)}
            value = trial.value if trial.state == TrialState.COMPLETE else None
            loss = math.inf if value is None else sign * value
            settings[json.dumps(setting, sort_keys=True)][trial.params[moving.name]].append(loss)
    proposed = {setting: _next_values(moving, losses) for setting, losses in settings.items()}
    return [
        json.loads(setting) | {moving.name: value} | ({SEED: seed} if seed is not None else {})
        for seed in seeds
        for setting, values in proposed.items()
        for value in values
    ]


def _next_values(moving: Dimension, losses: dict[float, list[float]]) -> list[float]:
    """Return values beyond those tried, until the best has `MIN_NEIGHBOURS` on either side; then between, around it."""
    tried = sorted(losses)
    best = min(range(len(tried)), key=lambda i: sum(losses[tried[i]]) / len(losses[tried[i]]))
    ratio = (max(moving.values) / min(moving.values)) ** (1 / (len(moving.values) - 1))
    below = [tried[0] / ratio**i for i in range(1, MIN_NEIGHBOURS - best + 1)]
    above = [tried[-1] * ratio**i for i in range(1, MIN_NEIGHBOURS - (len(tried) - 1 - best) + 1)]
    low, high = moving.boundary_values()
    beyond = [value for value in (*below, *above) if low < value < high]
    around = pairwise(tried[max(best - MIN_NEIGHBOURS + 1, 0) : best + MIN_NEIGHBOURS])
    between = [math.sqrt(a * b) for a, b in around if b / a > ratio**0.75]
    return [float(f"{value:.6g}") for value in beyond or between]
