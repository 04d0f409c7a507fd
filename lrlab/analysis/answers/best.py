"""Which configuration is best, how sure is that, and where should one look further?

The best of many is the luckiest of many, too: its mean over the seeds that chose it is optimistic, however many there
are. Whether another one is behind for sure is Student's t of the differences at common seeds (paired), at 95 %.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from lrlab.analysis.answers.answer import Answer, NextStep, Plot
from lrlab.analysis.answers.importance import importance
from lrlab.analysis.answers.neighbours import KEY as NEIGHBOURS
from lrlab.analysis.answers.paired import Difference, difference
from lrlab.analysis.answers.wider import wider
from lrlab.analysis.answers.wording import CANNOT_TELL, interval, listed, number, setting
from lrlab.analysis.runs import Runs
from lrlab.config.command_line import Places, command
from lrlab.sweeper.objective import objective_of
from lrlab.sweeper.study.queue import has_ended
from lrlab.sweeper.study.ranking import Setting, at_ends, ranked
from lrlab.sweeper.study.state import read_state

if TYPE_CHECKING:
    import optuna

KIND: Final = "best"
QUESTION: Final = "Which configuration is best?"
CONFIRMED: Final = 5  # fresh seeds
FEWEST_SEEDS: Final = 2  # that a confirmation takes
RANKED: Final = 3  # settings that a table shows


def answer(study: "optuna.Study", runs: Runs | None, places: Places) -> Answer:
    """Return the best configuration of any study.

    Args:
        runs: of the study; None of a sweep that was not recorded.
        places: where it is, for the commands that are suggested.
    """
    if len(study.directions) > 1:
        return _several_objectives(study)
    settings = ranked(study)
    if not settings:
        ended = sum(map(has_ended, study.get_trials(deepcopy=False)))
        sentence = f"{CANNOT_TELL}: of {ended} trials, none has completed without one of its seeds failing or diverging"
        return Answer(KIND, QUESTION, sentence)
    best, objective = settings[0], objective_of(study)
    runner_up = settings[1] if len(settings) > 1 else None
    behind = difference(best.values, runner_up.values) if runner_up else None
    ends, shares = at_ends(study, best), importance(study)
    details = [*_runner_up(objective, best, runner_up, behind), *_optimism(settings, runs)]
    details += [
        f"{key}={number(best.params[key])} is among the {end} values tried: better ones may lie beyond"
        for key, end in ends.items()
    ]
    if shares:
        details.append(f"what tells the best quarter of the trials from the rest (PED-ANOVA): {_shares(shares)}")
    return Answer(
        kind=KIND,
        question=QUESTION,
        sentence=f"the best of {len(settings)} is {setting(best.params)}: {objective} {_value(best)}",
        details=tuple(details),
        values={
            "objective": objective,
            "direction": study.direction.name.lower(),
            "configurations": len(settings),
            "params": best.params,
            "value": best.mean,
            "interval": interval_of(best),
            "seeds": len(best.values),
            "trial": best.trial,
            "trials": list(best.trials),
            "ranking": [
                {"params": each.params, "value": each.mean, "interval": interval_of(each), "trial": each.trial}
                for each in settings[:RANKED]
            ],
            "runner_up": runner_up and {"params": runner_up.params, "value": runner_up.mean, "trial": runner_up.trial},
            "behind": behind and behind.to_dict(),
            "at_ends": ends,
            "importance": shares,
        },
        plot=_history(study, objective),
        next_steps=(*wider(study, best.params, ends), *_next_steps(study, runs, places)),
    )


def interval_of(best: Setting) -> tuple[float, float] | None:
    """Return the 95 % interval of a mean over seeds; None for one seed."""
    from lrlab.scaling_law.estimate import mean_of

    return mean_of(list(best.values.values())).interval() if len(best.values) > 1 else None


def _value(best: Setting) -> str:
    ends = interval_of(best)
    if ends is None:
        return f"{best.mean:.4g} (trial {best.trial})"
    return f"{best.mean:.4g} {interval(ends)} over {len(best.values)} seeds (trial {best.trial} is their median)"


def _runner_up(objective: str, best: Setting, second: Setting | None, behind: Difference | None) -> Sequence[str]:
    """Return how far the next best is behind, and whether that is more than chance."""
    if second is None:
        return ()
    differing = {key: value for key, value in second.params.items() if value != best.params.get(key)}
    said = f"the next is {setting(differing)} with {objective} {second.mean:.4g}"
    if behind is None:
        return (f"{said}; with one training each, chance may be why",)
    if second.values == best.values:
        return (f"{setting(differing)} is the same to the last digit",)
    if behind.may_be_zero:
        return (f"{said}, a tie: it differs by {behind.describe()}, which includes 0",)
    return (f"{said}, clearly behind: by {behind.describe()}",)


def _optimism(settings: Sequence[Setting], runs: Runs | None) -> Sequence[str]:
    if len(settings) < 2:
        return ()
    told = "" if runs and _has_no_seeds(runs) else ": fresh seeds would tell"
    return (f"the value is that of the best of {len(settings)}, so optimistic{told}",)


def _has_no_seeds(runs: Runs) -> bool:
    """Return whether the seed plays no part in the runs."""
    return any(NEIGHBOURS in run.params for run in runs)


def _shares(shares: Mapping[str, float]) -> str:
    return listed([f"{key} {share:.0%}" for key, share in shares.items()])


def _history(study: "optuna.Study", objective: str) -> Plot | None:
    """Return the objective of every complete trial, and the best so far."""
    trials = [
        (trial.number, trial.value)
        for trial in study.get_trials(deepcopy=False)
        if trial.state.name == "COMPLETE" and has_ended(trial) and trial.value is not None
    ]
    if len(trials) < 3:
        return None
    choose = max if study.direction.name == "MAXIMIZE" else min
    best, so_far = trials[0][1], []
    for trial, value in trials:
        best = choose(best, value)
        so_far.append((float(trial), best))
    points = [(float(trial), value) for trial, value in trials]
    return Plot("trial", objective, {"trial": points, "best so far": so_far})


def _next_steps(study: "optuna.Study", runs: Runs | None, places: Places) -> Sequence[NextStep]:
    """Return what a study allows: the seeds of an application may be unknown, and a report needs runs."""
    name, state, steps = study.study_name, read_state(study), []
    is_recorded = runs is not None or (state is not None and bool(state.run_id))
    if not is_recorded:
        return ()
    confirm = command("best", name, "--confirm", str(CONFIRMED), places=places)
    if state and state.launch:
        if "seed" in state.roles:
            steps.append(NextStep(confirm, "the best three again on fresh seeds"))
    elif runs and _has_no_seeds(runs):
        few = command("best", name, "--confirm", str(FEWEST_SEEDS), places=places)
        steps.append(NextStep(few, "one look at the test split"))
    elif runs and any(run.has("val/accuracy") for run in runs):
        steps.append(NextStep(confirm, "the best three on fresh seeds, then one look at the test split"))
    if runs:
        steps.append(NextStep(command("report", name, places=places), "the answers as a page with figures"))
    again = command("reproduce", "best", "--study", name, places=places)
    return (*steps, NextStep(again, "train it again, and prove it is the same"))


def _several_objectives(study: "optuna.Study") -> Answer:
    front: list[Any] = [trial.number for trial in study.best_trials]
    said = f"of {len(study.directions)} objectives, none is better in all than trials {listed(front)}"
    sentence = said if front else f"{CANNOT_TELL}: no trial has completed"
    return Answer(KIND, QUESTION, sentence, values={"objectives": len(study.directions), "trials": front})
