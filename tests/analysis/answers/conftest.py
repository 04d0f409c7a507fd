"""Studies and runs with a known truth."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import numpy as np
import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from lrlab.analysis.runs import Run, Runs
from lrlab.sweeper.study.queue import RUN_ID
from lrlab.sweeper.study.study import SPEC

optuna.logging.set_verbosity(optuna.logging.WARNING)


@dataclass(frozen=True)
class Made:
    """A study with its runs."""

    study: optuna.Study
    runs: Runs


def made(
    swept: Mapping[str, Sequence[Any] | str],
    loss: Callable[[Mapping[str, Any]], float],
    *,
    points: Sequence[Mapping[str, Any]] = (),
    direction: Literal["minimize", "maximize"] = "minimize",
    metrics: Callable[[Mapping[str, Any]], Mapping[str, list[tuple[int, float]]]] = lambda _: {},
    fixed: Mapping[str, Any] | None = None,
    study: str = "s",
) -> Made:
    """Return a study whose trials have losses that are a known function of their values.

    Args:
        swept: key -> choices, all combinations of which are tried; or the text of an interval, see `points`.
        loss: of a trial; not finite for one that diverged.
        points: the trials, where there are intervals.
        metrics: further ones of a trial.
        fixed: values of other keys.
    """
    texts = {
        key: each if isinstance(each, str) else f"choice({', '.join(map(str, each))})" for key, each in swept.items()
    }
    choices = {key: each for key, each in swept.items() if not isinstance(each, str)}
    trials = points or [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]
    created = optuna.create_study(study_name=study, direction=direction)
    created.set_user_attr(SPEC, {"space": texts})
    runs = []
    for number, values in enumerate(trials):
        value, config = loss(values), {"seed": 0, "batch_size": 64, "epochs": 5, **(fixed or {}), **values}
        finite = bool(np.isfinite(value))
        distributions: dict[str, BaseDistribution] = {
            key: CategoricalDistribution(list(choices[key])) if key in choices else _range(key, trials)
            for key in values
        }
        state = optuna.trial.TrialState.COMPLETE if finite else optuna.trial.TrialState.FAIL
        created.add_trial(
            optuna.trial.create_trial(
                state=state,
                value=value if finite else None,
                params=dict(values),
                distributions=distributions,
                user_attrs={RUN_ID: f"run{number}"} | ({} if finite else {"lrlab.outcome": "diverged"}),
            )
        )
        shown = {"val/loss": [(5, value)], "updates": [(5, 100.0)], **metrics(config)}
        runs.append(Run(number, f"run{number}", config, shown, 1000, diverged=not finite))
    return Made(created, Runs(study, "parent", texts, tuple(runs)))


def _range(key: str, trials: Sequence[Mapping[str, Any]]) -> FloatDistribution:
    values = [trial[key] for trial in trials if key in trial]
    return FloatDistribution(min(values), max(values))


@pytest.fixture
def noise() -> Callable[[float], float]:
    """Return normal noise of a standard deviation, the same in every test."""
    rng = np.random.default_rng(0)
    return lambda deviation: float(rng.normal(0, deviation))
