"""Confirmation: train a study's best configurations again on fresh seeds, choose one, then read the test split once.

The best value of a search is the least of many noisy ones, so it promises too much. What fresh seeds say of a
configuration does not know that it was chosen.
"""

import json
import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lrlab.config import validation
from lrlab.errors import InputError
from lrlab.runs.loop import RecordedTraining, training_loop
from lrlab.runs.recorder import parent_run
from lrlab.tracking.registry import Registry
from lrlab.tracking.tags import Tag
from lrlab.tracking.tracker import Tracker
from lrlab.training.configuration import from_record, from_yaml
from lrlab.training.experiment import Experiment
from lrlab.training.population import microbatch_for

if TYPE_CHECKING:
    import optuna

Watch = Callable[[int, int], None]  # member epochs done, and in all


@dataclass(frozen=True)
class Candidate:
    """A configuration of the search.

    Attributes:
        trial: the trial that found it.
        value: its objective in the search.
        experiment: the whole configuration.
    """

    trial: int
    value: float
    experiment: Experiment


@dataclass(frozen=True)
class ConfirmedTraining:
    """A candidate trained on one fresh seed."""

    candidate: Candidate
    training: RecordedTraining

    def last(self, metric: str) -> float:
        """Return the value after the last epoch, NaN if the training diverged."""
        return math.nan if self.training.diverged else self.training.history.last(metric)

    def test(self) -> dict[str, float]:
        """Return loss and accuracy on the test split."""
        return self.training.population.test(self.training.member)


@dataclass(frozen=True)
class Confirmation:
    """What fresh seeds say of the best configurations of a study.

    Attributes:
        objective: name of what was minimized or maximized.
        run_id: of the confirmation; every training is a child of it.
        trial: whose configuration was chosen, by its mean objective over the fresh seeds.
        search_value: its objective in the search: the best of many, so optimistic.
        validation: mean objective over the fresh seeds.
        test_loss, test_accuracy: means over the fresh seeds, on the test split.
        test_accuracy_ci: 95 % interval, for the choice of the seeds and of the test images.
        seeds: the fresh seeds.
        candidates: every configuration: trial, search_value, validation (mean; None if it diverged).
        model: what `mlflow.pyfunc.load_model` takes; None if the model has no weights.
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
        InputError: a number is out of range, or the study is another application's or has no completed trial.
    """
    validation.integer("--confirm", seeds, at_least=2)
    validation.integer("--top", top, at_least=1)
    maximize = study.direction.name == "MAXIMIZE"
    objective = "val/accuracy" if maximize else "val/loss"
    candidates = best_configurations(study, tracker, top, allow)
    fresh = fresh_seeds(study, candidates, seeds)
    candidates[0].experiment.data.verify()
    name, params = study.study_name, {"study": study.study_name, "seeds": json.dumps(fresh), "top": top}
    with parent_run(tracker, f"confirm {name}", params=params, tags={Tag.CONFIRMS: name}) as parent:
        trained = _train(candidates, fresh, tracker, parent, watch)
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
        model = _register(best.training, registry, summary)
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
    )


def best_configurations(
    study: "optuna.Study", tracker: Tracker, top: int, allow: Sequence[str] = ()
) -> list[Candidate]:
    """The best `top` configurations of a study; trials that differ in their seed alone are one.

    Raises:
        InputError: no trial has completed, or the study is another application's.
    """
    sign = -1.0 if study.direction.name == "MAXIMIZE" else 1.0
    complete = [
        trial
        for trial in study.get_trials(deepcopy=False)
        if trial.value is not None and trial.state.name == "COMPLETE"
    ]
    if not complete:
        raise InputError(f"study {study.study_name} has no completed trial yet")
    found: dict[Experiment, Candidate] = {}
    for trial in sorted(complete, key=lambda each: sign * float(each.value or 0.0)):
        if "run_id" not in trial.user_attrs:
            raise InputError(f"study {study.study_name} was not trained by lrlab: its trials have no runs")
        experiment = from_record(from_yaml(tracker.get_run(trial.user_attrs["run_id"]).config), allow)
        found.setdefault(replace(experiment, seed=0), Candidate(trial.number, float(trial.value or 0.0), experiment))
        if len(found) == top:
            break
    return list(found.values())


def fresh_seeds(study: "optuna.Study", candidates: Sequence[Candidate], count: int) -> list[int]:
    """Seeds that no trial of the search has had."""
    used = {trial.params["seed"] for trial in study.get_trials(deepcopy=False) if "seed" in trial.params}
    used |= {candidate.experiment.seed for candidate in candidates}
    first = max(int(seed) for seed in used) + 1
    return list(range(first, first + count))


def interval(accuracies: np.ndarray, images: int) -> tuple[float, float]:
    """95 % interval of a mean accuracy over seeds that share their test images.

    Two sources of chance: the seeds (Student's t of their mean), and which images are in the test split (binomial;
    more seeds do not lessen it). Their half-widths add as squares.
    """
    from scipy import special

    count, mean = len(accuracies), float(accuracies.mean())
    of_seeds = float(special.stdtrit(count - 1, 0.975)) * float(accuracies.std(ddof=1)) / math.sqrt(count)
    of_images = float(special.ndtri(0.975)) * math.sqrt(mean * (1 - mean) / images)
    reach = math.hypot(of_seeds, of_images)
    return max(mean - reach, 0.0), min(mean + reach, 1.0)


def _train(
    candidates: Sequence[Candidate], seeds: Sequence[int], tracker: Tracker, parent: str, watch: Watch
) -> list[ConfirmedTraining]:
    """Train every candidate on every seed, in as few populations as there can be.

    The members of a population take equally many epochs, so that all keep their slots for the test.
    """
    groups: dict[tuple[int, Hashable], list[tuple[Candidate, Experiment]]] = defaultdict(list)
    for seed in seeds:
        for candidate in candidates:
            experiment = replace(candidate.experiment, seed=seed)
            n_epochs = experiment.n_epochs(experiment.data.load())
            groups[n_epochs, experiment.compatibility_key()].append((candidate, experiment))
    total = sum(n_epochs * len(group) for (n_epochs, _), group in groups.items())
    trained: list[ConfirmedTraining] = []
    done = 0
    for group in groups.values():
        first = group[0][1]
        microbatch = microbatch_for([experiment.batch_size for _, experiment in group])
        population = first.new_population(first.data.load(), width=len(group), microbatch=microbatch)
        with training_loop(tracker) as loop:
            for candidate, experiment in group:
                name = f"trial {candidate.trial}, seed {experiment.seed}"
                training = loop.start(experiment, population, name=name, parent=parent)
                trained.append(ConfirmedTraining(candidate, training))
            while loop.open:
                done += len(loop.train_epoch())
                watch(done, total)
    return trained


def _mean(trained: Sequence[ConfirmedTraining], candidate: Candidate, objective: str) -> float:
    return float(np.mean([each.last(objective) for each in trained if each.candidate is candidate]))


def _register(training: RecordedTraining, registry: Registry, description: str) -> str | None:
    """Register the weights of one training, with its seed in the description."""
    weights, data = training.member.weights(), training.population.dataset
    if "W1" not in weights:
        return None
    description += f" (mean over the seeds; these weights are those of seed {training.experiment.seed})"
    return registry.register(training.run_id, f"lrlab-{data.name}", weights, data.classes, description)
