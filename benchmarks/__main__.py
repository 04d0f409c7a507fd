"""`python -m benchmarks [WHAT …]`: measure, keep JSON, print the table; `plot` draws what is kept."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from benchmarks import kernels, machine, publication, result_files
from benchmarks.bench import ROOT, Bench
from benchmarks.equality import Unequal
from benchmarks.figures import FIGURES
from benchmarks.processes import CommandFailed
from benchmarks.progress import ERR, watching
from benchmarks.table import table
from lrlab import __version__

PLOT = "plot"
QUIET = 0.5  # load average up to which numbers can be trusted
EXAMPLES = """\
examples:
  python -m benchmarks                    everything, at full size; keeps benchmarks/results/VERSION/*.json
  python -m benchmarks linear mlp         whole sweeps against the peers
  python -m benchmarks --quick            everything at sizes that only show that it runs
  python -m benchmarks --kernels Haswell engine     kept beside the others
  python -m benchmarks plot               nothing is measured: picture and table of the documentation from what is kept
"""


def main(arguments: Sequence[str]) -> int:
    given = parser().parse_args(arguments)
    kernels.ensure(given.kernels, arguments)
    about = machine.about()
    if given.kernels and about["blas_kernel"] != given.kernels:
        ERR.print(f"--kernels must be some that OpenBLAS has for this processor, got {given.kernels!r}")
        return 2
    folder = given.outputs.absolute() / "quick" if given.quick else result_files.KEPT / __version__
    figures = [what for what in given.what or FIGURES if what != PLOT]
    if figures and about["load"] > QUIET:
        ERR.print(f"The machine is not quiet: {about['load']:.1f} processes want to run. The numbers will not be good.")
    failed = False
    for figure in figures:
        try:
            measure(figure, folder, given)
        except (CommandFailed, Unequal) as error:
            failed = True
            ERR.print(f"[red]{figure} gives no result:[/red] {escape(str(error))}")
    results = result_files.load(folder, list(FIGURES))
    Console(width=None if sys.stdout.isatty() else 180).print(table(results, folder.name))
    if PLOT in given.what:
        publication.draw_quick(folder) if given.quick else publication.publish()
    return 1 if failed else 0


def measure(figure: str, folder: Path, given: argparse.Namespace) -> None:
    """Measure one figure and keep its result."""
    function, title, repeats = FIGURES[figure]
    module, _, name = function.partition(".")
    about = machine.about()
    ERR.print(f"[bold]{figure}[/bold]: {title} ({about['blas_kernel']} kernels)")
    with watching(figure) as watch:
        bench = Bench(given.outputs.absolute(), given.quick, given.repeats or (1 if given.quick else repeats), watch)
        result = getattr(import_module(f"benchmarks.figures.{module}"), name)(bench)
    path = result_files.save(folder, figure, replace(result, about=about, pinned=given.kernels or ""))
    for note in [*result.notes, str(path)]:
        ERR.print(f"  {escape(note)}")


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="lrlab and its peers, system by system on this machine, as ratios of medians from one run.",
        epilog=EXAMPLES + "\nwhat can be measured:\n" + "\n".join(f"  {k:9} {v[1]}" for k, v in FIGURES.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("what", nargs="*", type=known, metavar="WHAT", help="default: everything that can be measured")
    top.add_argument("--quick", action="store_true", help="small sizes: shows that it runs, measures nothing")
    top.add_argument("--repeats", type=int, metavar="N", help="samples of each system; default: by figure")
    top.add_argument("--kernels", metavar="NAME", help="of OpenBLAS, such as Haswell; default: those a user gets")
    top.add_argument(
        "--outputs", type=Path, default=ROOT / "outputs" / "benchmarks", metavar="DIR", help="where it works"
    )
    return top


def known(what: str) -> str:
    if what not in (*FIGURES, PLOT):
        raise argparse.ArgumentTypeError(f"must be one of {', '.join((*FIGURES, PLOT))}, got {what!r}")
    return what


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
