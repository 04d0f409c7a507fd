"""Vega-Lite specifications: drawn without a browser, and the JavaScript that draws them on a page without a network."""

import io
import json
import logging
import os
import re
import tempfile
import textwrap
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from lrlab.plotting import theme
from lrlab.runtime import home

Spec = Mapping[str, Any]

WIDTH: Final = 640  # pixels of a panel in a file; on a page it has all the width there is
PANEL_WIDTH: Final = 440  # of one among several
RESOLUTION: Final = 1.5  # pixels of a PNG file for each of the figure's
TITLE_HEIGHT: Final = 24
LETTER_WIDTH, SYMBOL_WIDTH = 7.0, 42  # pixels in a legend
COLOURS = 128  # of a PNG file: a third of the bytes of all of them, and no difference to be seen
SNIPPET: Final = "window.vegaEmbed = vegaEmbed;"

log = logging.getLogger(__name__)


def png(panels: Sequence[Spec], title: str = "", columns: int = 2) -> bytes:
    """Return panels, and a title above them, as the bytes of a PNG file on white."""
    import vl_convert
    from PIL import Image

    drawn = Image.open(io.BytesIO(vl_convert.svg_to_png(svg(panels, title, columns), scale=RESOLUTION)))
    buffer = io.BytesIO()
    drawn.convert("RGB").quantize(COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
        buffer, "PNG"
    )
    return buffer.getvalue()


def svg(panels: Sequence[Spec], title: str = "", columns: int = 2) -> str:
    """Return panels, and a title above them, as an SVG document on white.

    Args:
        panels: specifications whose width is "container", at least one.
        title: "" for none.
        columns: panels beside each other.
    """
    width = WIDTH if len(panels) == 1 else PANEL_WIDTH
    drawn = [_panel(spec, width, index) for index, spec in enumerate(panels)]
    rows = [drawn[start : start + columns] for start in range(0, len(drawn), columns)]
    total = max(sum(wide for _, wide, _ in row) for row in rows)
    lines = textwrap.wrap(title, max(int(total / 8.2), 20))
    y, placed = (TITLE_HEIGHT * len(lines) + 12 if lines else 0.0), []
    for row in rows:
        x = 0.0
        for content, wide, _ in row:
            placed.append(f'<g transform="translate({x:g},{y:g})">{content}</g>')
            x += wide
        y += max(high for _, _, high in row)
    text = "".join(
        f'<text x="14" y="{TITLE_HEIGHT * (number + 1):g}" font-family="{escape(theme.FONT)}" font-size="16" '
        f'font-weight="bold" fill="{theme.LIGHT_INK}">{escape(line)}</text>'
        for number, line in enumerate(lines)
    )
    size = f'width="{total:g}" height="{y:g}" viewBox="0 0 {total:g} {y:g}"'
    white = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{white}{text}{"".join(placed)}</svg>'


def _panel(spec: Spec, width: int, number: int) -> tuple[str, float, float]:
    """Return a panel as SVG with names of its own, its width and its height."""
    import vl_convert

    config = {**spec.get("config", {}), "padding": 14}
    config["legend"] = {**config.get("legend", {}), "columns": _legend_columns(spec, width)}
    text = json.dumps({**spec, "width": width, "config": config})
    drawn = _clipped_once(str(vl_convert.vegalite_to_svg(theme.resolved(text))))
    drawn = re.sub(r'(\bid="|url\(#)', rf"\g<1>panel{number}-", drawn)
    wide, high = (float(re.search(rf'\b{name}="([\d.]+)"', drawn)[1]) for name in ("width", "height"))  # type: ignore[index]
    return drawn, wide, high


def _clipped_once(drawn: str) -> str:
    """Return an SVG document whose marks are cut at the axes together: each cut takes a quarter of a second to draw."""
    if "clip-path" not in drawn:
        return drawn
    from xml.dom import minidom

    document = minidom.parseString(drawn)
    groups = document.getElementsByTagName("g")
    for group in groups:
        if "pathgroup" in group.getAttribute("class"):  # the lines of one mark
            for line in group.getElementsByTagName("g"):
                if path := line.getAttribute("clip-path"):
                    group.setAttribute("clip-path", path)
                    line.removeAttribute("clip-path")
    together = None
    for mark in [group for group in groups if group.getAttribute("clip-path")]:
        if together is None or together.nextSibling is not mark:
            together = document.createElement("g")
            together.setAttribute("clip-path", mark.getAttribute("clip-path"))
            parent = mark.parentNode
            assert parent
            parent.insertBefore(together, mark)
        mark.removeAttribute("clip-path")
        together.appendChild(mark)
    root = document.documentElement
    assert root
    return str(root.toxml())


def _legend_columns(spec: Spec, width: int) -> int:
    """Return how many entries of a legend are beside each other, as page.js does."""
    longest = max(map(len, spec.get("usermeta", {}).get("legend", ())), default=0)
    return max(1, int((width - 20) / (max(longest, 3) * LETTER_WIDTH + SYMBOL_WIDTH)))


@cache
def javascript() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script; afterwards `window.vegaEmbed` draws.

    Bundling takes over a second, so that the script is kept in the user's cache, if there is one.
    """
    import vl_convert

    folder = home.cache()
    kept = folder / f"vega-{version('vl-convert-python')}.js" if folder else None
    if kept:
        with suppress(OSError, UnicodeDecodeError):
            return kept.read_text(encoding="utf-8")
    script = str(vl_convert.javascript_bundle(SNIPPET)).replace("</script", "<\\/script")
    if kept:
        try:
            _write(kept, script)
        except OSError as error:
            log.debug("Vega's script is not kept: %s", error)
    return script


def _write(path: Path, text: str) -> None:
    """Write a file that is there as a whole or not at all, whoever else writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    Path(temporary).replace(path)
