"""``lrlab data``: list and fetch the data sets."""

from pathlib import Path
from typing import Annotated

import typer

from lrlab.cli.options import Json

Root = Annotated[str | None, typer.Option(metavar="DIR", help="default: $LRLAB_DATA, else your cache directory")]


def list_datasets(root: Root = None, as_json: Json = False) -> None:
    """List what there is, and what is fetched.

    \b
    examples:
      lrlab data list --json
    """
    from lrlab.cli import console
    from lrlab.data.catalog import available

    console.result(available(root), lambda shown: console.datasets(shown, root), as_json=as_json)


def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="a data set")],
    source: Annotated[
        Path | None, typer.Option("--from", metavar="PATH", help="a folder or tar file that you have already")
    ] = None,
    root: Root = None,
) -> None:
    """Download and check a data set.

    \b
    examples:
      lrlab data fetch cifar10
      lrlab data fetch cifar10 --from ~/Downloads/cifar-10-binary.tar.gz
    """
    from lrlab.cli.progress import fetch_progress
    from lrlab.data.download import fetch

    with fetch_progress() as watch:
        fetch(name, root, source, watch)
