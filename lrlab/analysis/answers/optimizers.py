"""Which optimizer is best, each at the learning rate that is best for it?

Pairs are compared at common seeds; the intervals of all pairs hold at once with 95 % (Bonferroni), so that the one that
is called best was not merely the luckiest.
"""

from collections.abc import Collection, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Final

from lrlab.analysis.answers.answer import Answer
from lrlab.analysis.answers.best_rate import AtBestRate, at_best_rate, has_intervals, panels
from lrlab.analysis.answers.paired import Difference, difference
from lrlab.analysis.answers.scaling import settling_steps
from lrlab.analysis.answers.wording import CANNOT_TELL, listed
from lrlab.analysis.runs import Runs
from lrlab.config.command_line import Places

if TYPE_CHECKING:
    import optuna

KIND: Final = "optimizers"
QUESTION: Final = "Which optimizer is best, each at its own best learning rate?"
KEY: Final = "optimizer"

Seeds = dict[object, float]


def answer(study: "optuna.Study", runs: Runs | None, places: Places) -> Answer | None:
    """Return the ranking of the optimizers; None for runs with one of them."""
    if runs is None or has_intervals(runs) or KEY not in runs.swept or len(runs.values(KEY)) < 2:
        return None
    details, values = [], {}
    every: dict[str, list[AtBestRate]] = {}
    parts = panels(runs, KEY)
    for label, optimizers in parts.items():
        known = {str(name): found for name, part in optimizers.items() if (found := at_best_rate(part))}
        ranked = sorted(known, key=lambda name: known[name].mean)
        for name, found in known.items():
            every.setdefault(name, []).append(found)
        shown = [
            f"{name} {known[name].mean:.4g}" + (f" (lr {known[name].lr:.3g})" if known[name].lr else "")
            for name in ranked
        ]
        details.append(f"{label}: {', '.join(shown)}" if label else ", ".join(shown))
        values[label] = {name: {"loss": known[name].mean, "lr": known[name].lr} for name in ranked}
    whole = {name: _averaged(found) for name, found in every.items() if len(found) == len(parts)}
    lost = [name for name in map(str, runs.values(KEY)) if name not in whole]
    if lost:
        details.append(f"{listed(lost)}: a seed diverged at every learning rate of some batch size")
    if len(whole) < 2:
        sentence = f"{CANNOT_TELL}: no two optimizers have a best learning rate at every batch size"
        return Answer(KIND, QUESTION, sentence, tuple(details), values)
    average = {name: sum(losses.values()) / len(losses) for name, losses in whole.items() if losses}
    ranked = sorted(average, key=lambda name: average[name])
    pairs = {
        (first, second): difference(whole[first], whole[second], len(ranked) * (len(ranked) - 1) // 2)
        for first, second in combinations(ranked, 2)
    }
    open_ends = {name for name in ranked[1:] if any(found.is_at_end for found in every[name])}
    details += [f"{name}: its best learning rate is the last one tried somewhere" for name in sorted(open_ends)]
    details += [f"{second} less {first}: {found.describe()}" for (first, second), found in pairs.items() if found]
    over = f", on average over {len(parts)} batch sizes" if len(parts) > 1 else ""
    return Answer(
        kind=KIND,
        question=QUESTION,
        sentence=f"{_sentence(ranked, average, pairs, open_ends)}{over}",
        details=tuple(details),
        values={
            "ranking": [{"optimizer": name, "loss": average[name]} for name in ranked],
            "differences": {
                f"{second} less {first}": each.to_dict() for (first, second), each in pairs.items() if each
            },
            "by_setting": values,
        },
        next_steps=settling_steps(runs) if open_ends else (),
    )


def _averaged(found: list[AtBestRate]) -> Seeds:
    """Return the mean loss of every seed over the batch sizes, as far as all have it."""
    seeds = [seed for seed in found[0].losses if all(seed in each.losses for each in found)]
    return {seed: sum(each.losses[seed] for each in found) / len(found) for seed in seeds}


def _sentence(
    ranked: list[str],
    average: dict[str, float],
    pairs: dict[tuple[str, str], Difference | None],
    open_ends: Collection[str],
) -> str:
    """Return which is best, and which cannot be told from it.

    Args:
        open_ends: those that may have a better learning rate than those tried.
    """
    first, losses = ranked[0], ", ".join(f"{name} {average[name]:.4g}" for name in ranked)
    compared = {name: pairs[first, name] for name in ranked[1:]}
    if not any(compared.values()):
        return f"{CANNOT_TELL} for want of seeds: it takes two; the least loss is that of {first}: {losses}"
    tied = [name for name, each in compared.items() if each is None or each.may_be_zero or name in open_ends]
    if not tied:
        second = compared[ranked[1]]
        return f"{first} is best: {losses}; it is ahead of {ranked[1]} by {second.amount() if second else ''}"
    if len(tied) == len(compared):
        noisy = [name for name in tied if name not in open_ends]
        why = [f"the seeds' noise may explain how far {listed(noisy)} {_are(noisy)} behind"] if noisy else []
        if open_ends:
            why.append(f"better learning rates may lie beyond those tried with {listed(sorted(open_ends))}")
        return f"{CANNOT_TELL} them apart: {losses}; {'; '.join(why)}"
    return f"{listed([first, *tied])} lead and cannot be told apart: {losses}"


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"
