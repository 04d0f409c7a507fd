"""Confirmation: train a study's best configurations again on fresh seeds, choose one, then read the test split once.

The best value of a search is the least of many noisy ones, so it promises too much. What fresh seeds say of a
configuration does not know that it was chosen.
"""

import json
import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lrlab.config import validation
from lrlab.errors import InputError
from lrlab.runs import recorder
from lrlab.tracking.registry import Registry
from lrlab.tracking.tracker import Tracker
from lrlab.training.configuration import experiment, from_yaml
from lrlab.training.experiment import Experiment, Member, Population
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
        config: the whole configuration.
    """

    trial: int
    value: float
    config: Mapping[str, Any]


@dataclass
class Training:
    """A candidate on one fresh seed."""

    candidate: Candidate
    config: Mapping[str, Any]
    experiment: Experiment
    home: tuple[Population, Member] | None = None
    run_id: str = ""
    history: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    diverged: bool = False

    def last(self, metric: str) -> float:
        return math.nan if self.diverged else self.history[metric][-1][1]


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

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def confirm(
    study: "optuna.Study", tracker: Tracker, *, seeds: int, top: int, registry: Registry, watch: Watch
) -> Confirmation:
    """Train the best `top` configurations again on `seeds` fresh seeds each, and choose one.

    Args:
        study: one that lrlab trained.
        tracker: holds its runs, and takes the new ones.
        registry: takes the chosen model.
        watch: told of the progress.

    Raises:
        InputError: a number is out of range, or the study is another application's or has no completed trial.
    """
    validation.integer("--confirm", seeds, at_least=2)
    validation.integer("--top", top, at_least=1)
    maximize = study.direction.name == "MAXIMIZE"
    objective = "val/accuracy" if maximize else "val/loss"
    candidates = best_configurations(study, tracker, top)
    fresh = fresh_seeds(study, candidates, seeds)
    trainings = [_training(candidate, seed) for seed in fresh for candidate in candidates]
    trainings[0].experiment.data.verify()
    parent = tracker.create_run(
        f"confirm {study.study_name}",
        params={"study": study.study_name, "seeds": json.dumps(fresh), "top": top},
        tags={"lrlab.confirms": study.study_name},
    )
    _train(trainings, tracker, parent, watch)

    means = {each.trial: _mean(trainings, each, objective) for each in candidates}
    known = {trial: mean for trial, mean in means.items() if math.isfinite(mean)}
    if not known:
        tracker.end_run(parent, "FAILED")
        raise InputError(f"study must hold a configuration that trains, got {study.study_name}: all diverged again")
    winner = (max if maximize else min)(known, key=lambda trial: known[trial])
    chosen = [training for training in trainings if training.candidate.trial == winner]
    tests = [_test(training) for training in chosen]  # the only look at the test split
    for step, test in enumerate(tests):
        tracker.log_metrics(parent, step, test)
    accuracies = np.array([test["test/accuracy"] for test in tests])
    ci = interval(accuracies, len(_home(chosen[0])[0].dataset.y_test))
    said = f"trial {winner} of {study.study_name}: test accuracy {accuracies.mean():.4f} [{ci[0]:.4f}, {ci[1]:.4f}]"
    best = (max if maximize else min)(chosen, key=lambda training: training.last(objective))
    model = _register(best, registry, said)
    tracker.set_tags(parent, {"mlflow.note.content": said, **({"lrlab.model": model} if model else {})})
    tracker.end_run(parent)
    return Confirmation(
        study=study.study_name,
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
            {"trial": each.trial, "search_value": each.value, "validation": known.get(each.trial)}
            for each in candidates
        ),
        model=model,
    )


def best_configurations(study: "optuna.Study", tracker: Tracker, top: int) -> list[Candidate]:
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
    found: dict[str, Candidate] = {}
    for trial in sorted(complete, key=lambda each: sign * float(each.value or 0.0)):
        if "run_id" not in trial.user_attrs:
            raise InputError(f"study {study.study_name} was not trained by lrlab: its trials have no runs")
        config = from_yaml(tracker.get_run(trial.user_attrs["run_id"]).config)
        key = json.dumps({**config, "seed": None}, sort_keys=True)
        if key not in found:
            found[key] = Candidate(trial.number, float(trial.value or 0.0), config)
        if len(found) == top:
            break
    return list(found.values())


def fresh_seeds(study: "optuna.Study", candidates: Sequence[Candidate], count: int) -> list[int]:
    """Seeds that no trial of the search has had."""
    used = {trial.params["seed"] for trial in study.get_trials(deepcopy=False) if "seed" in trial.params}
    used |= {candidate.config["seed"] for candidate in candidates}
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


def _training(candidate: Candidate, seed: int) -> Training:
    config = {**candidate.config, "seed": seed}
    return Training(candidate, config, experiment(config))


def _train(trainings: Sequence[Training], tracker: Tracker, parent: str, watch: Watch) -> None:
    """Train all of them, in as few populations as there can be; members stay where they are, for the test."""
    groups: dict[tuple[int, Hashable], list[Training]] = {}
    for training in trainings:
        e = training.experiment
        company = e.method.n_epochs(e, e.data.load()), (e.method, e.method.compatibility_key(e))
        groups.setdefault(company, []).append(training)
    total = sum(epochs * len(group) for (epochs, _), group in groups.items())
    done = 0
    for group in groups.values():
        e = group[0].experiment
        microbatch = microbatch_for([training.experiment.batch_size for training in group])
        cohort = e.method.new_population(e, e.data.load(), width=len(group), microbatch=microbatch)
        at: dict[int, Training] = {}
        for training in group:
            member = cohort.admit(training.experiment)
            training.home, at[member.slot] = (cohort, member), training
            name = f"trial {training.candidate.trial}, seed {training.config['seed']}"
            training.run_id = recorder.start(tracker, training.config, cohort, member, name=name, parent=parent)
        while not all(member.finished for member in cohort.members):
            for event in cohort.train_epoch():
                training = at[event.member.slot]
                tracker.log_metrics(training.run_id, event.epoch, event.metrics)
                for metric, value in event.metrics.items():
                    training.history.setdefault(metric, []).append((event.epoch, value))
                training.diverged |= event.diverged
                done += 1
                watch(done, total)
        for training in group:
            tracker.end_run(training.run_id, "FAILED" if training.diverged else "FINISHED")


def _mean(trainings: Sequence[Training], candidate: Candidate, objective: str) -> float:
    return float(np.mean([each.last(objective) for each in trainings if each.candidate is candidate]))


def _home(training: Training) -> tuple[Population, Member]:
    assert training.home is not None
    return training.home


def _test(training: Training) -> dict[str, float]:
    cohort, member = _home(training)
    return cohort.test(member)


def _register(training: Training, registry: Registry, description: str) -> str | None:
    """Register the weights of one training, with its seed in the description."""
    cohort, member = _home(training)
    weights = member.weights()
    if "W1" not in weights:
        return None
    said = f"{description} (mean over the seeds; these weights are those of seed {training.config['seed']})"
    data = cohort.dataset
    return registry.register(training.run_id, f"lrlab-{data.name}", weights, data.classes, said)
