"""Confirmation: train a study's best configurations again on fresh seeds, choose one, then read the test split once.

The best value of a search is the least of many noisy ones, so it promises too much. What fresh seeds say of a
configuration does not know that it was chosen.
"""

import json
import math
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lrlab.commands.best import run_of
from lrlab.commands.candidate_training import ConfirmedTraining, Watch, train_candidates
from lrlab.commands.candidates import Candidate, best_configurations, fresh_seeds
from lrlab.config import validation
from lrlab.errors import InputError
from lrlab.runs.loop import RecordedTraining
from lrlab.runs.recorder import check_data, log_weights, parent_run
from lrlab.sweeper.objective import DIRECTIONS, objective_of
from lrlab.tracking.registry import Model, Registry
from lrlab.tracking.tags import Tag
from lrlab.tracking.tracker import Tracker

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True)
class Confirmation:
    """What fresh seeds say of the best configurations of a study.

    Attributes:
        objective: name of what was minimized or maximized.
        run_id: of the confirmation; every training is a child of it.
        trial: whose configuration was chosen, by its mean objective over the fresh seeds.
        search_value: its mean objective in the search: the best of many, so optimistic.
        validation: mean objective over the fresh seeds.
        test_loss, test_accuracy: means over the fresh seeds, on the test split.
        test_accuracy_ci: 95 % interval, for the choice of the seeds and of the test images.
        seeds: the fresh seeds.
        candidates: every configuration: trial, search_value, validation (mean; None if it diverged).
        model: what `mlflow.pyfunc.load_model` takes; None if the model has no weights or is not registered.
        registry: what there is to say about the registry, in one line; "" for nothing.
    """

    study: str
    objective: str
    run_id: str
    trial: int
    search_value: float
    validation: float
    test_loss: float
    test_accuracy: float
    test_accuracy_ci: tuple[float, float]
    seeds: tuple[int, ...]
    candidates: tuple[dict[str, Any], ...]
    model: str | None
    registry: str


def confirm(
    study: "optuna.Study",
    tracker: Tracker,
    *,
    seeds: int,
    top: int,
    registry: Registry,
    watch: Watch,
    allow: Sequence[str] = (),
) -> Confirmation:
    """Train the best `top` configurations again on `seeds` fresh seeds each, and choose one.

    Args:
        study: one that lrlab trained.
        tracker: holds its runs, and takes the new ones.
        registry: takes the chosen model.
        watch: called with the progress.
        allow: prefixes of further code to trust. What a record says of that does not count.

    Raises:
        InputError: a number is out of range, the study is another application's or has no completed trial, a record
            names code that is not trusted, the data have changed, or the registry cannot be reached. Nothing has been
            trained then.
    """
    validation.integer("--confirm", seeds, at_least=2)
    validation.integer("--top", top, at_least=1)
    candidates = best_configurations(study, tracker, top, allow)
    if any("val/accuracy" not in each.experiment.method.objectives for each in candidates):
        raise InputError(f"study must be of a method that classifies, to be tested, got {study.study_name!r}")
    objective = objective_of(study)
    maximize = DIRECTIONS[objective] == "maximize"
    fresh = fresh_seeds(study, candidates, seeds)
    for each in candidates:
        each.experiment.data.verify()
        check_data(tracker.get_run(run_of(study, each.trial)), each.experiment.data.load())
    registry.check()
    name, params = study.study_name, {"study": study.study_name, "seeds": json.dumps(fresh), "top": top}
    with parent_run(tracker, f"confirm {name}", params=params, tags={Tag.CONFIRMS: name}) as parent:
        trained = train_candidates(candidates, fresh, tracker, parent, watch)
        means = {each.trial: _mean(trained, each, objective) for each in candidates}
        finite = {trial: mean for trial, mean in means.items() if math.isfinite(mean)}
        if not finite:
            raise InputError(f"study must hold a configuration that trains, got {name}: all diverged again")
        winner = (max if maximize else min)(finite, key=lambda trial: finite[trial])
        chosen = [each for each in trained if each.candidate.trial == winner]
        tests = [each.test() for each in chosen]  # the only look at the test split
        for step, test in enumerate(tests):
            tracker.log_metrics(parent, step, test)
        accuracies = np.array([test["test/accuracy"] for test in tests])
        ci = interval(accuracies, len(chosen[0].training.population.dataset.y_test))
        summary = f"trial {winner} of {name}: test accuracy {accuracies.mean():.4f} [{ci[0]:.4f}, {ci[1]:.4f}]"
        best = (max if maximize else min)(chosen, key=lambda each: each.last(objective))
        model, said = _register(best.training, registry, tracker, summary, float(accuracies.mean()))
        tracker.set_tags(parent, {Tag.NOTE: summary, **({Tag.MODEL: model} if model else {})})
    return Confirmation(
        study=name,
        objective=objective,
        run_id=parent,
        trial=winner,
        search_value=chosen[0].candidate.value,
        validation=means[winner],
        test_loss=float(np.mean([test["test/loss"] for test in tests])),
        test_accuracy=float(accuracies.mean()),
        test_accuracy_ci=ci,
        seeds=tuple(fresh),
        candidates=tuple(
            {"trial": each.trial, "search_value": each.value, "validation": finite.get(each.trial)}
            for each in candidates
        ),
        model=model,
        registry=said,
    )


def interval(accuracies: np.ndarray, images: int) -> tuple[float, float]:
    """95 % interval of a mean accuracy over seeds that share their test images.

    Two sources of chance: the seeds (Student's t of their mean), and which images are in the test split (binomial;
    more seeds do not lessen it). Their half-widths add as squares.
    """
    from lrlab.scaling_law.estimate import Estimate, mean_of  # imports SciPy

    of_seeds = mean_of(accuracies.tolist())
    mean = of_seeds.value
    of_images = Estimate(mean, math.sqrt(mean * (1 - mean) / images), math.inf)
    reach = math.hypot(of_seeds.half_width(), of_images.half_width())
    return max(mean - reach, 0.0), min(mean + reach, 1.0)


def _mean(trained: Sequence[ConfirmedTraining], candidate: Candidate, objective: str) -> float:
    return float(np.mean([each.last(objective) for each in trained if each.candidate is candidate]))


def _register(
    training: RecordedTraining, registry: Registry, tracker: Tracker, description: str, accuracy: float
) -> tuple[str | None, str]:
    """Register the weights of one training, with its seed in the description; return the model and what to say.

    A registry that fails does not take the result with it: the weights are attached to their run instead.
    """
    weights, data = training.member.weights(), training.population.dataset
    if "W1" not in weights:
        return None, ""
    description += f" (mean over the seeds; these weights are those of seed {training.experiment.seed})"
    try:
        mean, scale = data.standardization()
        example = data.example
        if example is None:
            example = np.round(data.x[:1] * scale + mean, 3).astype(np.float32)  # as it was published
        model = Model(weights, mean, scale, data.classes, example, [asdict(column) for column in data.columns])
        name = re.sub(r"[^\w.-]+", "_", f"lrlab-{data.name}")
        made = registry.register(training.run_id, name, model, description, accuracy)
        return made.uri, made.said
    except Exception as error:  # noqa: BLE001  whatever it is, hours of training are worth more
        kept = "its weights are lost"
        with suppress(InputError, OSError):
            log_weights(tracker, training.run_id, weights)
            kept = f"weights.npz is with run {training.run_id}"
        return None, f"the model is not registered: {' '.join(str(error).split())}; {kept}"
