"""The population runner without a sweeper: which trials share a population, and how each one ends."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import optuna
import pytest
from omegaconf import OmegaConf

from lrlab.errors import InputError
from lrlab.runs import checkpoint
from lrlab.runs.provenance import Provenance
from lrlab.runtime.signals import SignalHandler
from lrlab.sweeper.compose import Composer
from lrlab.sweeper.runners.population import PopulationRunner, width, width_after
from lrlab.sweeper.runners.protocols import IntermediateValue, Sweep, TrialEnd, WorkerContext
from lrlab.sweeper.study.queue import RETRY_OF
from lrlab.sweeper.study.state import SweepState
from lrlab.tracking.memory_tracker import MemoryTracker
from lrlab.tracking.tags import Tag
from lrlab.tracking.tracker import RunRecord
from tests.config.test_compose_all import composed

SMALL = ("data.train_size=64", "data.validation=50", "optimizer=sgd", "optimizer.lr=0.1", "batch_size=16")
Start = Callable[..., optuna.Trial]


class Composing:
    """Composes as a sweep's composer does."""

    def compose(self, overrides: Sequence[str]) -> dict[str, Any]:
        return composed(*SMALL, *overrides)


@pytest.fixture
def tracker() -> MemoryTracker:
    return MemoryTracker()


@pytest.fixture
def study() -> optuna.Study:
    return optuna.create_study()


@pytest.fixture
def make(tmp_path: Path, tracker: MemoryTracker) -> Callable[..., PopulationRunner]:
    def made(
        width: int = 4, microbatches: tuple[tuple[int, int], ...] = ((1, 8),), learns: bool = True, past: int = 0
    ) -> PopulationRunner:
        config = OmegaConf.create({"outputs": str(tmp_path), "objective": "val/loss"})
        sweep = Sweep(
            config=config,
            composer=cast(Composer, Composing()),
            study="s",
            directory=tmp_path,
            trials=9,
            workers=1,
            boundary_overrides=((),),
            learns=learns,
        )
        state = SweepState(run_id="parent", width=width, microbatches=microbatches)
        return PopulationRunner(WorkerContext(sweep, state, SignalHandler(), past=past), tracker)

    return made


@pytest.fixture
def start(study: optuna.Study) -> Start:
    def started(runner: PopulationRunner, *overrides: str) -> optuna.Trial:
        trial = study.ask()
        runner.start(trial, overrides)
        return trial

    return started


def run_of(tracker: MemoryTracker, trial: optuna.Trial) -> RunRecord:
    return tracker.get_run(trial.user_attrs["run_id"])


def shape(tracker: MemoryTracker, trial: optuna.Trial) -> tuple[int, int, int, int]:
    """Width, slot, microbatch and first epoch on record."""
    provenance = Provenance.from_json(run_of(tracker, trial).tags[Tag.PROVENANCE])
    return provenance.width, provenance.slot, provenance.microbatch, provenance.first_epoch


@pytest.mark.parametrize(
    ("trials", "workers", "learns", "wide"),
    [
        (200, 2, False, 96),
        (100, 2, False, 50),
        (3, 2, False, 2),
        (200, 2, True, 32),
        (100, 2, True, 25),
        (3, 2, True, 1),
    ],
)
def test_a_search_that_learns_leaves_something_to_learn_for(
    tmp_path: Path, trials: int, workers: int, learns: bool, wide: int
) -> None:
    composer = cast(Composer, Composing())
    assert width(Sweep(OmegaConf.create(), composer, "s", tmp_path, trials, workers, ((),), learns=learns)) == wide


@pytest.mark.parametrize(
    ("ended", "wide"), [(0, 8), (8, 8), (15, 8), (16, 16), (31, 16), (32, 32), (63, 32), (64, 50), (1000, 50)]
)
def test_a_search_begins_with_few_and_doubles_them(ended: int, wide: int) -> None:
    assert width_after(ended, 50) == wide
    assert width_after(ended, 5) == 5


@pytest.mark.parametrize(
    ("learns", "past", "widths"), [(True, 0, [8, 8, 16, 20]), (True, 40, [20, 20]), (False, 0, [20, 20])]
)
def test_the_first_results_of_a_search_come_soon_and_a_resumed_one_goes_on_wide(
    make: Callable[..., PopulationRunner],
    start: Start,
    tracker: MemoryTracker,
    learns: bool,
    past: int,
    widths: list[int],
) -> None:
    runner = make(width=20, learns=learns, past=past)
    for wide in widths:
        trials = [start(runner, "epochs=1") for _ in range(runner.free_slots)]
        runner.advance()
        assert {shape(tracker, trial)[0] for trial in trials} == {len(trials)} == {wide}


def test_trials_that_fit_together_share_a_population(
    make: Callable[..., PopulationRunner], start: Start, tracker: MemoryTracker
) -> None:
    runner = make(width=6, microbatches=((1, 8), (32, 32)))
    lrs = [start(runner, f"optimizer.lr={lr}", "epochs=2") for lr in (0.01, 0.1)]
    adam = start(runner, "optimizer=adam", "batch_size=24", "epochs=2")
    large = start(runner, "batch_size=32", "epochs=2")
    seeded = start(runner, "seed=1", "epochs=2")
    assert runner.free_slots == 1
    runner.advance()
    assert [shape(tracker, trial) for trial in (*lrs, adam)] == [(3, 0, 8, 0), (3, 1, 8, 0), (3, 2, 8, 0)]
    assert shape(tracker, large) == (1, 0, 32, 0)
    assert shape(tracker, seeded) == (1, 0, 8, 0)
    run = run_of(tracker, adam)
    assert (run.name, run.parent) == ("trial 2", "parent")
    assert run.tags[Tag.OVERRIDES] == "optimizer=adam batch_size=24 epochs=2"


def test_a_freed_slot_takes_the_next_trial_at_the_next_epoch(
    make: Callable[..., PopulationRunner], start: Start, tracker: MemoryTracker
) -> None:
    runner = make(width=2)
    short, long = start(runner, "epochs=1"), start(runner, "epochs=3")
    assert runner.free_slots == 0
    ended, running = runner.advance()
    assert isinstance(ended, TrialEnd)
    assert (ended.trial, ended.state) == (short.number, "complete")
    assert ended.value == run_of(tracker, short).metrics["val/loss"][-1][1]
    assert isinstance(running, IntermediateValue)
    assert (running.trial, running.step) == (long.number, 1)
    assert runner.free_slots == 1
    following = start(runner, "epochs=1")
    assert {report.trial for report in runner.advance()} == {long.number, following.number}
    assert shape(tracker, following) == (2, 0, 8, 1)
    assert run_of(tracker, short).status == run_of(tracker, following).status == "FINISHED"
    assert run_of(tracker, long).status == "RUNNING"


def test_a_pruned_trial_frees_its_slot(
    make: Callable[..., PopulationRunner], start: Start, tracker: MemoryTracker
) -> None:
    runner = make(width=2)
    pruned, kept = start(runner, "epochs=5"), start(runner, "epochs=5")
    runner.advance()
    runner.prune(pruned.number)
    runner.prune(pruned.number)  # as when it has ended meanwhile
    assert (runner.free_slots, run_of(tracker, pruned).status) == (1, "KILLED")
    assert run_of(tracker, pruned).tags[Tag.PRUNED] == "true"
    assert [report.trial for report in runner.advance()] == [kept.number]
    assert len(run_of(tracker, pruned).metrics["val/loss"]) == 1


def test_a_divergence_is_an_end_of_its_own(
    make: Callable[..., PopulationRunner], start: Start, tracker: MemoryTracker
) -> None:
    runner = make()
    diverging, converging = start(runner, "optimizer.lr=1e38", "epochs=2"), start(runner, "epochs=2")
    ended, running = runner.advance()
    assert ended == TrialEnd(diverging.number, "diverged", reason="diverged in epoch 1")
    assert running.trial == converging.number
    assert (run_of(tracker, diverging).status, run_of(tracker, diverging).tags[Tag.DIVERGED]) == ("FAILED", "true")


def test_what_cannot_be_trained_is_refused_and_takes_no_slot(
    make: Callable[..., PopulationRunner], start: Start
) -> None:
    runner = make(width=1)
    with pytest.raises(InputError, match=r"^batch_size must be <= 64"):
        start(runner, "batch_size=128")
    with pytest.raises(InputError, match=r"^objective must be one value for the whole sweep, .* got val/accuracy$"):
        start(runner, "objective=val/accuracy")
    assert runner.free_slots == 1


def test_only_what_is_better_than_all_before_keeps_weights_and_only_the_best_is_plotted(
    make: Callable[..., PopulationRunner], start: Start, tracker: MemoryTracker
) -> None:
    runner = make(width=1)
    trials = []
    for lr in (1e-3, 0.1, 1e-6):
        trials.append(start(runner, f"optimizer.lr={lr}", "epochs=1"))
        runner.advance()
    runner.close()
    files = [set(tracker.files[run_of(tracker, trial).run_id]) - {"config.yaml"} for trial in trials]
    assert files == [{"weights.npz"}, {"weights.npz", "loss_curve.png", "templates.png"}, set()]


def test_an_interrupted_trial_is_resumed_in_its_slot_to_the_bit(
    make: Callable[..., PopulationRunner],
    start: Start,
    study: optuna.Study,
    tracker: MemoryTracker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checkpoint, "INTERVAL", 0)
    overrides = ("optimizer=adam", "epochs=5")
    whole = make(width=3)
    start(whole, "epochs=9")
    undisturbed = start(whole, *overrides)
    for _ in range(5):
        whole.advance()
    whole.close()

    stopped = make(width=3)
    start(stopped, "epochs=9")
    interrupted = start(stopped, *overrides)
    for _ in range(2):
        stopped.advance()
    stopped.close()
    assert run_of(tracker, interrupted).status == "KILLED"
    assert (tmp_path / "checkpoints" / f"{run_of(tracker, interrupted).run_id}.npz").exists()

    resumed = make(width=3)
    start(resumed, "epochs=9", "seed=3")
    study.enqueue_trial({}, user_attrs={RETRY_OF: interrupted.number})
    again = start(resumed, *overrides)
    reports = [report for report in resumed.advance() if report.trial == again.number]
    expected = run_of(tracker, undisturbed).metrics
    assert reports == [IntermediateValue(again.number, epoch, value) for epoch, value in expected["val/loss"][:3]]
    for _ in range(2):
        resumed.advance()
    assert run_of(tracker, again).metrics == expected
    assert shape(tracker, again)[:3] == shape(tracker, interrupted)[:3]
    assert not list((tmp_path / "checkpoints").glob(f"{run_of(tracker, interrupted).run_id}*"))
