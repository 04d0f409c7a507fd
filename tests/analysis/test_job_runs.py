from typing import Any

import optuna
import pytest

from lrlab.analysis.job_runs import budget, read_jobs, read_runs
from lrlab.analysis.report.report import report
from lrlab.config.flatten import flatten
from lrlab.errors import InputError
from lrlab.runs.launch import Launch
from lrlab.sweeper.study.queue import DIVERGED, OUTCOME, RUN_ID
from lrlab.sweeper.study.state import Command, SweepState, write_state
from lrlab.sweeper.study.study import SPEC
from lrlab.tracking.memory_tracker import MemoryTracker
from lrlab.tracking.tags import Tag
from lrlab.tracking.tracker import RunSummary

ROLES = {"lr": "opt.eta", "batch_size": "bs", "seed": "random_state"}
SPACE = {"opt.eta": "choice(0.1,0.2)", "bs": "choice(8,16)", "schedule.warmup": "choice(0,1)"}


@pytest.fixture
def tracker() -> MemoryTracker:
    return MemoryTracker()


def study(tracker: MemoryTracker, *trials: dict[str, Any], value: float = 0.5, **metrics: Any) -> optuna.Study:
    """A study whose trials have these configurations, and objectives that are hardly different."""
    made = optuna.create_study(study_name="mine")
    made.set_user_attr(SPEC, {"space": SPACE})
    for number, config in enumerate(trials):
        run_id = tracker.create_run("trial", parent="p", params=flatten(config), tags={Tag.TRIAL: str(number)})
        for name, points in {"reported": [(3, value)], "objective": [(3, value + number)], **metrics}.items():
            for step, point in points:
                tracker.log_metrics(run_id, step, {name: point})
        trial = made.ask()
        trial.set_user_attr(RUN_ID, run_id)
        made.tell(trial, value + number)
    return made


def config(eta: Any = 0.1, bs: Any = 8, **further: Any) -> dict[str, Any]:
    return {"opt": {"eta": eta}, "bs": bs, "random_state": 7, "schedule": {"warmup": 0}, **further}


def test_keys_have_the_names_of_what_they_mean(tracker: MemoryTracker) -> None:
    runs = read_jobs(study(tracker, config(), config(0.2, 16, epochs=3)), SweepState("p", roles=ROLES), tracker)
    first, second = runs.runs
    assert (first.lr, first.batch_size, first.seed, first.loss) == (0.1, 8, 7, 0.5)
    assert (second.lr, second.batch_size, second.loss) == (0.2, 16, 1.5)
    assert second.params["config.epochs"] == 3
    assert runs.swept == {
        "optimizer.lr": SPACE["opt.eta"],
        "batch_size": SPACE["bs"],
        "config.schedule.warmup": SPACE["schedule.warmup"],
    }
    assert runs.names["optimizer.lr"] == "opt.eta"
    assert runs.budget.startswith("Asked under an equal budget of epochs (the last one reported is 3)")
    assert runs.only({"bs": "16"} if "bs" in first.params else {"batch_size": "16"}).runs == (second,)


def test_a_key_in_doubt_is_not_taken_for_its_name(tracker: MemoryTracker) -> None:
    made = study(tracker, {"optimizer": {"lr": 0.1}, "lr": 1}, {"optimizer": {"lr": 0.2}, "lr": 1})
    runs = read_jobs(made, SweepState("p"), tracker)
    assert [run.params for run in runs] == [{"config.optimizer.lr": lr, "lr": 1, "seed": 0} for lr in (0.1, 0.2)]
    assert runs.table() == []


def test_trials_that_diverged_count_and_others_do_not(tracker: MemoryTracker) -> None:
    made = study(tracker, config(), config())
    for outcome in (DIVERGED, "failed"):
        trial = made.ask()
        run_id = tracker.create_run("trial", params=flatten(config()), tags={Tag.DIVERGED: "true"})
        for name, value in {RUN_ID: run_id, OUTCOME: outcome}.items():
            trial.set_user_attr(name, value)
        made.tell(trial, state=optuna.trial.TrialState.FAIL)
    runs = read_jobs(made, SweepState("p", roles=ROLES), tracker)
    assert [(run.trial, run.diverged) for run in runs] == [(0, False), (1, False), (2, True)]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (config(eta="large"), "hydra.sweeper.roles.lr=opt.eta must name a key that is a number > 0 in every trial"),
        (config(eta=0), "hydra.sweeper.roles.lr=opt.eta must name a key that is a number > 0"),
        (config(bs=1.5), "hydra.sweeper.roles.batch_size=bs must name a key that is a whole number >= 1"),
        (config(bs="auto"), "hydra.sweeper.roles.batch_size=bs must name a key"),
    ],
)
def test_a_role_of_the_wrong_kind_is_refused(tracker: MemoryTracker, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as refused:
        read_jobs(study(tracker, config(), wrong), SweepState("p", roles=ROLES), tracker)
    assert str(refused.value).startswith(said)


def test_a_role_that_some_trials_lack_is_left_out(tracker: MemoryTracker) -> None:
    runs = read_jobs(study(tracker, config(bs=None), config()), SweepState("p", roles=ROLES), tracker)
    assert "batch_size" not in runs.names
    assert runs.runs[1].params["bs"] == 8


def test_a_study_without_runs_is_refused(tracker: MemoryTracker) -> None:
    made = study(tracker, config())
    with pytest.raises(InputError, match="must be one whose trials have runs, got 'mine'"):
        read_jobs(made, SweepState(""), tracker)
    with pytest.raises(InputError, match="must be one whose trials have runs, got 'none'"):
        read_jobs(optuna.create_study(study_name="none"), SweepState("p"), tracker)


@pytest.mark.parametrize(
    ("unit", "steps", "said"),
    [
        (
            "updates",
            [(9,), (9,)],
            "Asked under an equal budget of updates (the last one reported is 9): larger batches see",
        ),
        (
            "epochs",
            [(1, 2), (2,)],
            "Asked under an equal budget of epochs (the last one reported is 2): larger batches take",
        ),
        ("updates", [(9,), (5,)], "The budgets were not equal: the last updates reported are 5 to 9."),
        ("epochs", [(9,), ()], "The trials did not all report their steps"),
    ],
)
def test_the_budget(unit: str, steps: list[tuple[int, ...]], said: str) -> None:
    records = [
        RunSummary("a", "trial", "FINISHED", {}, {}, {"reported": (each[-1], 1.0)} if each else {}) for each in steps
    ]
    assert budget(records, unit).startswith(said)


def test_the_search_alone_is_worth_a_report(tracker: MemoryTracker) -> None:
    made = optuna.create_study(study_name="mine")
    made.set_user_attr(SPEC, {"space": {"x": "interval(0,1)"}})
    for number in range(5):
        trial = made.ask()
        x = trial.suggest_float("x", 0, 1)
        run_id = tracker.create_run("trial", params={"x": x})
        tracker.log_metrics(run_id, 0, {"objective": x})
        trial.set_user_attr(RUN_ID, run_id)
        made.tell(trial, x + number)
    written = report(made, read_jobs(made, SweepState("p"), tracker))
    assert [section.title for section in written.sections] == ["Best configuration", "The search", "What it rests on"]


def test_the_state_says_whose_runs_they_are(tracker: MemoryTracker) -> None:
    made = study(tracker, config(), config(0.2, 16))
    write_state(made, SweepState("p", roles=ROLES, command=Command((), "c", (), Launch("", "train.py", "/", "c"))))
    assert [run.lr for run in read_runs(made, tracker)] == [0.1, 0.2]
    write_state(made, SweepState("p", roles=ROLES, command=Command((), "c", ())))
    for run in tracker.summaries("p"):
        tracker.end_run(run.run_id)
    assert [run.params["opt.eta"] for run in read_runs(made, tracker)] == [0.1, 0.2]  # of lrlab's own, as they are


def test_a_study_without_a_state_is_refused(tracker: MemoryTracker) -> None:
    with pytest.raises(InputError, match="study must be one that lrlab trained"):
        read_runs(study(tracker, config()), tracker)
