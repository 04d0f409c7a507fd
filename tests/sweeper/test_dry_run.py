"""What a dry run tells, and that it leaves nothing behind."""

import os
from pathlib import Path

import pytest

from lrlab.errors import InputError
from lrlab.sweeper.dry_run import lines
from lrlab.sweeper.study.queue import Queue, TrialCounts
from lrlab.sweeper.study.storage import parse
from tests.multirun import Multirun
from tests.sweeper.conftest import Planner

NAMED = "hydra.sweeper.study_name=s"
DRY = "hydra.sweeper.dry_run=true"


def never(_: object) -> float:
    raise AssertionError("a dry run runs nothing")


def told(planned: Planner, *overrides: str, **config: object) -> list[str]:
    return list(lines(planned(never, *overrides, **config)))


def test_an_enumeration_is_listed_in_order(planned: Planner) -> None:
    found = told(planned, "x=1,2", "y=choice(a, b)", "z=5", NAMED, x=0, y="a", z=0)
    assert "trials:     4 of 4 combinations, each once" in found
    assert "sampler:    none" in found
    assert found[-5:] == ["trials, in this order:", "  x=1 y=a", "  x=1 y=b", "  x=2 y=a", "  x=2 y=b"]
    assert f"study:      s, new, in journal:{Path('outputs/optuna.log').absolute()}" in found
    assert "objective:  what the task returns: minimize" in found
    runs = f"one Hydra job each, in {Path('sweep').absolute()}, recorded in MLflow, sqlite:///"
    assert any(line.startswith(f"runs:       {runs}") for line in found)
    assert [line for line in found if line.startswith("  z")] == ["  z=5   (fixed)"]


@pytest.mark.parametrize(("count", "further"), [(50, []), (51, ["  … and 1 more"]), (1000, ["  … and 950 more"])])
def test_a_long_list_is_cut(planned: Planner, count: int, further: list[str]) -> None:
    found = told(planned, f"x=range({count})", x=0)
    assert found[found.index("trials, in this order:") + 51 :] == further


def test_a_search_tells_its_space_and_its_first_points(planned: Planner) -> None:
    found = told(
        planned,
        "lr=tag(log, prior:0.01, interval(1e-4, 1))",
        "kind=choice(a, b)",
        "rho=interval(0, 1)",
        "+hydra.sweeper.conditions={rho: 'kind=b'}",
        "+hydra.sweeper.enqueue=[{kind: b, rho: 0.5}, {lr: 0.1}]",
        "hydra.sweeper.n_trials=7",
        "hydra/sweeper/pruner=patient",
        "hydra.sweeper.direction=maximize",
        "hydra.sweeper.sampler.seed=3",
        lr=0.1,
        kind="a",
        rho=0.0,
    )
    assert "trials:     7" in found
    assert "objective:  what the task returns: maximize" in found
    assert any(line.startswith("sampler:    TPESampler(seed=3, n_startup_trials=10") for line in found)
    assert any(line.startswith("pruner:     PatientPruner(wrapped_pruner=MedianPruner(") for line in found)
    start = found.index("swept:")
    assert found[start + 1 :] == [
        "  lr=tag(log, prior:0.01, interval(0.0001, 1.0))",
        "  kind=choice(a, b)",
        "  rho=interval(0.0, 1.0)   where kind=b",
        "first points (the sampler chooses the rest):",
        "  kind=b rho=0.5",
        "  lr=0.1",
    ]


def test_more_trials_than_combinations_and_one_without_any(planned: Planner) -> None:
    assert any("4 combinations, each of which is tried once" in line for line in told(planned, "x=range(4)", DRY, "hydra.sweeper.n_trials=9", x=0))  # fmt: skip  # noqa: E501
    assert told(planned, x=0)[-1] == "  one, with nothing swept"


def test_it_writes_nothing_and_refuses_what_a_sweep_would(
    multirun: Multirun, capsys: pytest.CaptureFixture[str]
) -> None:
    assert multirun(never, "x=1,2", DRY, x=0) == [[]]
    assert "(the name will be another one)" in capsys.readouterr().out
    for wrong in ("xx=1,2", "hydra.sweeper.n_trials=0"):
        with pytest.raises(InputError):
            multirun(never, "x=1,2", wrong, DRY, x=0)
    assert os.listdir() == []


def test_of_a_study_that_exists_it_lists_what_is_left(multirun: Multirun, capsys: pytest.CaptureFixture[str]) -> None:
    multirun(lambda config: 0.5, "x=range(4)", NAMED, "hydra.sweeper.n_trials=2", x=0)
    done = {trial.params["x"] for trial in Queue(parse(None, Path.cwd()), "s").trials()}
    before = Path("outputs/optuna.log").read_bytes()
    capsys.readouterr()
    multirun(never, "x=range(4)", NAMED, DRY, x=0)
    found = capsys.readouterr().out.splitlines()
    assert "trials:     4 of 4 combinations, each once; 2 are done, 2 are left" in found
    assert found[-2:] == [f"  x={x}" for x in range(4) if x not in done]
    assert Path("outputs/optuna.log").read_bytes() == before
    assert Queue(parse(None, Path.cwd()), "s").counts() == TrialCounts(complete=2)
