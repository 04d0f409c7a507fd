"""`python -m benchmarks [WHAT …]`: measure, print the table, keep JSON and a plot."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from benchmarks import machine, results
from benchmarks.bench import ROOT, Bench
from benchmarks.processes import CommandFailed
from benchmarks.progress import ERR, watching
from benchmarks.store import Unequal
from benchmarks.table import table

# what can be measured: the function that does it, what it is, samples of each system
FIGURES = {
    "linear": ("sweep.linear", "(a) a whole sweep of linear classifiers against the peers", 3),
    "mlp": ("sweep.mlp", "(b) the same for MLPs of 100 hidden units", 3),
    "engine": ("engine.measure", "(c) the engine's share of the SGEMM peak", 5),
    "overhead": ("overhead.measure", "(d) processor time per trial outside training, and where it goes", 3),
    "growth": ("growth.measure", "(e) cost against trials, workers and images", 3),
    "memory": ("memory.measure", "(f) peak memory of a worker", 1),
    "startup": ("startup.measure", "from the command to the first update", 5),
    "digits": ("digits.measure", "1,000 trials x 20 epochs on the digits", 3),
    "train": ("train.measure", "one training against PyTorch eager", 5),
    "search": ("search.measure", "best loss of a wide search against a sequential one", 10),
}
QUIET = 0.5  # load average up to which numbers can be trusted
EXAMPLES = """\
examples:
  python -m benchmarks                    everything, at full size
  python -m benchmarks linear mlp         whole sweeps against the peers
  python -m benchmarks --quick            everything at sizes that only show that it runs
"""


def main(arguments: Sequence[str] | None = None) -> int:
    given = parser().parse_args(arguments)
    folder = given.outputs.absolute()
    kept = folder / ("quick" if given.quick else "full")
    failed, load = False, machine.about()["load"]
    if load > QUIET:
        ERR.print(f"The machine is not quiet: {load:.1f} processes want to run. The numbers will not be good.")
    for figure in given.what or FIGURES:
        try:
            measure(figure, folder, kept, given)
        except (CommandFailed, Unequal) as error:
            failed = True
            ERR.print(f"[red]{figure} gives no result:[/red] {escape(str(error))}")
    show(kept)
    return 1 if failed else 0


def measure(figure: str, folder: Path, kept: Path, given: argparse.Namespace) -> None:
    """Measure one figure and keep its result."""
    function, title, repeats = FIGURES[figure]
    module, _, name = function.partition(".")
    about = machine.about()
    ERR.print(f"[bold]{figure}[/bold]: {title}")
    with watching(figure) as watch:
        bench = Bench(folder, given.quick, given.repeats or (1 if given.quick else repeats), watch)
        result = getattr(import_module(f"benchmarks.figures.{module}"), name)(bench)
    results.save(kept, figure, result, about)
    for note in result.notes:
        ERR.print(f"  {escape(note)}")


def show(kept: Path) -> None:
    """Print the table of all results kept so far, and draw them."""
    from benchmarks.plot import draw

    found = results.load(kept)
    measurements = [m for figure in FIGURES if figure in found for m in found[figure].measurements]
    Console(width=None if sys.stdout.isatty() else 180).print(table(measurements, kept.name))
    plot = kept / "benchmarks.png"
    plot.write_bytes(draw(found, machine.about()))
    ERR.print(f"{kept}/*.json, {plot}")


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="lrlab and its peers, system by system on this machine, as ratios of medians from one run.",
        epilog=EXAMPLES + "\nwhat can be measured:\n" + "\n".join(f"  {k:9} {v[1]}" for k, v in FIGURES.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("what", nargs="*", type=known, metavar="WHAT", help="default: everything")
    top.add_argument("--quick", action="store_true", help="small sizes: shows that it runs, measures nothing")
    top.add_argument("--repeats", type=int, metavar="N", help="samples of each system; default: by figure")
    top.add_argument("--outputs", type=Path, default=ROOT / "outputs" / "benchmarks", metavar="DIR")
    return top


def known(figure: str) -> str:
    if figure not in FIGURES:
        raise argparse.ArgumentTypeError(f"must be one of {', '.join(FIGURES)}, got {figure!r}")
    return figure


if __name__ == "__main__":
    sys.exit(main())
