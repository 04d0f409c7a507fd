"""Reference pages that are made from the program: its commands, its configuration groups, and its sweeper."""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from importlib import import_module
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer
import yaml
from annotated_types import Ge, GroupedMetadata, Gt, Le, Lt

from lrlab.cli.main import app
from lrlab.sweeper import config as sweeper

ROOT = Path(__file__).parents[1]
COMMENT = re.compile(r"^ *([\w.]+):[^#\n]*#\s*(.*)$", re.MULTILINE)
OPERATORS = {Gt: ">", Ge: "≥", Lt: "<", Le: "≤"}


def commands() -> str:
    """Return a section for every command: what it does, its arguments and options, and examples."""
    top = typer.main.get_command(app())
    return "\n".join(_command(top, ("lrlab",)))


def _command(command: Any, path: tuple[str, ...]) -> Iterator[str]:
    context = command.make_context(path[-1], [], resilient_parsing=True)
    text, _, examples = inspect.cleandoc(command.help or "").replace("\b\n", "").partition("examples:\n")
    if len(path) > 1:
        yield f"## {' '.join(path)}\n\n{text.strip()}\n"
        yield f"    {' '.join((*path, *command.collect_usage_pieces(context)))}\n"
        if examples:
            yield f"```text\n{inspect.cleandoc(examples)}\n```\n"
        records = [record for each in command.params if (record := each.get_help_record(context))]
        yield table(("argument or option", "meaning"), ((f"`{name.strip()}`", escape(said)) for name, said in records))
    for name, further in getattr(command, "commands", {}).items():
        yield from _command(further, (*path, name))


def groups() -> str:
    """Return a section for every group of conf/, with its choices, their keys, defaults and bounds."""
    parts = ["## config.yaml\n", _keys(ROOT / "conf/config.yaml", None)]
    for folder in sorted(path for path in (ROOT / "conf").iterdir() if path.is_dir()):
        parts.append(f"## {folder.name}\n")
        for file in sorted(folder.glob("*.yaml")):
            written = yaml.safe_load(file.read_text()) or {}
            parts += [f"### {folder.name}={file.stem}\n", f"{_first_comment(file)}\n"]
            parts.append(_keys(file, written.get("_target_")))
    return "\n".join(parts)


def _first_comment(file: Path) -> str:
    lines = file.read_text().splitlines()
    said = [line.removeprefix("# ") for line in lines[: next(n for n, line in enumerate(lines) if line[:1] != "#")]]
    return escape(" ".join(said))


def _keys(file: Path, target: str | None) -> str:
    text = file.read_text()
    comments = dict(COMMENT.findall(text))
    values = {name: value for name, value in _flat(yaml.safe_load(text) or {}) if name not in ("_target_", "defaults")}
    values = {name: value for name, value in values.items() if not name.startswith("hydra.")}
    if not values:
        return ""
    allowed = _allowed(target) if target else {}
    rows = [
        (f"`{name}`", f"`{_written(value)}`", allowed.get(name, ""), escape(comments.get(name.rpartition(".")[2], "")))
        for name, value in values.items()
    ]
    if not any(allowed.values()):
        return table(("key", "default", "meaning"), [(name, value, meaning) for name, value, _, meaning in rows])
    return table(("key", "default", "allowed", "meaning"), rows)


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _written(value: Any) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _allowed(target: str) -> dict[str, str]:
    """Return what the annotations of a class allow, by field."""
    module, _, name = target.rpartition(".")
    kind = getattr(import_module(module), name)
    if not is_dataclass(kind):
        return {}
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: ", ".join(_rules(hints[field.name])) for field in fields(kind)}


def _rules(hint: Any) -> Iterator[str]:
    if get_origin(hint) is Annotated:
        kind, *declared = get_args(hint)
        yield from _rules(kind)
        yield from _bounds(declared)
    elif get_origin(hint) is Literal:
        yield ", ".join(f"`{value}`" for value in get_args(hint))
    elif get_origin(hint) not in (list, tuple):
        for option in get_args(hint):
            if option is not NoneType:
                yield from _rules(option)


def _bounds(declared: Iterable[Any]) -> Iterator[str]:
    for constraint in declared:
        if isinstance(constraint, GroupedMetadata):
            yield from _bounds(constraint)
        elif type(constraint) in OPERATORS:
            (bound,) = (getattr(constraint, field.name) for field in fields(constraint))
            yield f"{OPERATORS[type(constraint)]} {bound:g}"


def sweeper_keys() -> str:
    """Return the keys of hydra.sweeper, the roles, samplers and pruners, with the comments of their fields."""
    parts = [_section("hydra.sweeper", sweeper.Sweeper), _section("hydra.sweeper.roles", sweeper.Roles)]
    for group, choices in (("sampler", sweeper.SAMPLERS), ("pruner", sweeper.PRUNERS)):
        parts.append(f"## hydra/sweeper/{group}\n")
        for name, kind in choices.items():
            parts += [f"### {name}\n", f"{inspect.getdoc(kind)}\n", _fields(kind)]
    return "\n".join(parts)


def _section(title: str, kind: type) -> str:
    return f"## {title}\n\n{inspect.getdoc(kind)}\n\n{_fields(kind)}"


def _fields(kind: Any) -> str:
    comments: dict[str, str] = {}
    for ancestor in reversed(kind.__mro__[:-1]):
        found = re.findall(r"^    (\w+): .*?(?:  # (.*))?$", inspect.getsource(ancestor), re.MULTILINE)
        comments |= {name: comment for name, comment in found}
    shown = [field for field in fields(kind) if not field.name.startswith("_") and field.name != "defaults"]
    if not shown:
        return ""
    rows = [(f"`{field.name}`", f"`{_default(field)}`", escape(comments.get(field.name, ""))) for field in shown]
    return table(("key", "default", "meaning"), rows)


def _default(field: "Field[Any]") -> str:
    if field.default_factory is not MISSING:
        made = field.default_factory()
        return "…" if is_dataclass(made) else str(made)
    return _written(field.default)


def thumbnails() -> str:
    """Return the sections of the gallery as small pictures that lead to them."""
    sections = re.findall(r"^## (.*)\n\n.*\n\n!\[.*\]\((.*)\)", (ROOT / "docs/gallery.md").read_text(), re.MULTILINE)
    cards = [
        f":::{{grid-item-card}} {question}\n:img-top: {picture}\n:img-alt:\n"
        f':link: "#{anchor(question)}"\n:link-type: url\n:::\n'
        for question, picture in sections
    ]
    return "::::{grid} 2 2 3 4\n:gutter: 2\n\n" + "\n".join(cards) + "::::\n"


def anchor(heading: str) -> str:
    """Return the name of a heading in an address, as code hosts make it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table in Markdown."""
    lines = [" | ".join(head), " | ".join("---" for _ in head)]
    lines += [" | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines) + "\n"


def escape(text: str) -> str:
    """Return text in which nothing is markup."""
    return re.sub(r"([*_<$`\[])", r"\\\1", text.strip())


MADE: dict[str, Callable[[], str]] = {
    "commands": commands,
    "groups": groups,
    "sweeper_keys": sweeper_keys,
    "thumbnails": thumbnails,
}
