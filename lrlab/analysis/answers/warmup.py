"""Does warmup help, and at which batch sizes?

Every length of warmup is taken at the learning rate that is best for it, and compared with none at the same seeds. The
intervals of all lengths of a batch size hold at once with 95 % (Bonferroni), since the best of several lengths is
compared, and the learning rates are chosen alike for all of them.
"""

from typing import TYPE_CHECKING, Any, Final

from lrlab.analysis.answers.answer import Answer, Plot
from lrlab.analysis.answers.best_rate import AtBestRate, at_best_rate, has_intervals, panels
from lrlab.analysis.answers.paired import Difference, difference
from lrlab.analysis.answers.scaling import settling_steps
from lrlab.analysis.answers.wording import CANNOT_TELL, listed, number
from lrlab.analysis.runs import Runs
from lrlab.config.command_line import Places

if TYPE_CHECKING:
    import optuna

KIND: Final = "warmup"
QUESTION: Final = "Does warmup help, and at which batch sizes?"
KEY: Final = "schedule.warmup"


def answer(study: "optuna.Study", runs: Runs | None, places: Places) -> Answer | None:
    """Return whether warmup helps; None for runs without two lengths of it, one of them 0."""
    if runs is None or has_intervals(runs) or KEY not in runs.swept:
        return None
    if len(runs.values(KEY)) < 2 or 0 not in runs.values(KEY):
        return None
    said: dict[str, list[str]] = {"helps": [], "hurts": [], "open": []}
    details, values, series = [], {}, {}
    for label, lengths in panels(runs, KEY).items():
        known = {float(length): found for length, part in lengths.items() if (found := at_best_rate(part))}
        series[label] = [(length, found.mean) for length, found in sorted(known.items())]
        compared = _compared(known)
        values[label] = {
            "losses": {number(length): found.mean for length, found in known.items()},
            "best_lr": {number(length): found.lr for length, found in known.items()},
            "differences": {number(length): each.to_dict() for length, each in compared.items()},
        }
        kind, words = _verdict(label, known, compared)
        said[kind].append(words)
        details.append(f"{label}: {_losses(known)}")
        details += _ends(label, known)
    told = [*said["helps"], *said["hurts"]]
    if told:
        open_labels = [words.partition(":")[0] for words in said["open"]]
        sentence = "; ".join([*told, *([f"at {listed(open_labels)} it cannot be told"] if open_labels else [])])
    else:
        sentence = f"{CANNOT_TELL} whether warmup helps: {'; '.join(said['open'])}"
    steps = settling_steps(runs) if said["open"] else ()
    return Answer(KIND, QUESTION, sentence, tuple(details), values, Plot("warmup", runs.loss_label, series), steps)


def _compared(known: dict[float, AtBestRate]) -> dict[float, Difference]:
    """Return how much each length of warmup lowers the loss (below 0) or raises it."""
    lengths = [length for length in known if length > 0]
    if 0.0 not in known:
        return {}
    found = {length: difference(known[0.0].losses, known[length].losses, len(lengths)) for length in lengths}
    return {length: each for length, each in found.items() if each}


def _verdict(label: str, known: dict[float, AtBestRate], compared: dict[float, Difference]) -> tuple[str, str]:
    if 0.0 not in known and known:
        return "helps", f"at {label} every learning rate diverges with some seed without warmup"
    if not compared:
        return "open", f"{label}: {'one seed' if len(known) > 1 else 'nothing to compare'}"
    length, best = min(compared.items(), key=lambda pair: pair[1].mean.value)
    open_ends = [each for each in known if known[each].is_at_end]
    if (0.0 in open_ends) if best.mean.value < 0 else bool(open_ends):  # what looks worse may be better there
        return "open", f"{label}: a better learning rate may lie beyond those tried with {_percent(open_ends)}"
    if not best.may_be_zero and best.mean.value < 0:
        return "helps", f"at {label} warmup helps: {length:.0%} of training lowers the loss by {best.amount()}"
    if all(not each.may_be_zero and each.mean.value > 0 for each in compared.values()):
        return "hurts", f"at {label} warmup hurts: even {length:.0%} of training raises the loss by {best.amount()}"
    return "open", f"{label}: warmup of {length:.0%} changes the loss by {best.describe()}, which includes 0"


def _percent(lengths: list[float]) -> str:
    return listed([f"{length:.0%}" for length in sorted(lengths)])


def _losses(known: dict[float, AtBestRate]) -> str:
    return "loss " + ", ".join(
        f"{found.mean:.4g} {f'with {length:.0%}' if length else 'without warmup'}"
        + (f" (lr {found.lr:.3g})" if found.lr is not None else "")
        for length, found in sorted(known.items())
    )


def _ends(label: str, known: dict[float, Any]) -> list[str]:
    at_end = [length for length, found in known.items() if found.is_at_end]
    if not at_end:
        return []
    return [f"{label}: the best learning rate with {_percent(at_end)} is the last one tried with all seeds"]
