"""The field's words: no private name may come back into lrlab/, whether as an identifier, a file or in a docstring."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.test_structure import MODULES

# what each of these was called for a while; CONTRIBUTING.md has the words to use instead
IDENTIFIERS = """
Cohort Courier Crew Descender Descent Desk Door Election Ending Finding Fingerprint ImageSet Independent Lab
Labelled Landscape Loner NewRun Owner Picture Reading Readings Refused Scale Shift Solo Standing Steps
Stop Sums Surface SweepFailed Tally Terms Trainee Unreachable Walk ATTEMPTS CUT_OFF ECHO FAIR_MICROBATCH HOT
LEADS LONGEST PASSED_ON PATIENCE PLACE REMEMBERED SHOCK SILENCE TICK TOGETHER UNREST add_multiple add_product
alone aside at_once calm company conclude consume crew culprit door enumerates extras fruitless
furniture give_back hear homeless house imageset in_time landscape left_behind looker memorize misfit
near_least obtain probes recording refusals refuted reseat room rooms seat settle show shrink solo stopping
storm summed to_target unclipped upset whom
"""
DOCSTRINGS = "furniture homeless sits founds"
PRIVATE, IN_DOCSTRINGS = frozenset(IDENTIFIERS.split()), frozenset(DOCSTRINGS.split())


def identifiers(tree: ast.Module) -> Iterator[str]:
    """Every name that a module defines or uses, without leading underscores."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield name.lstrip("_")
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name.lstrip("_")
            case ast.keyword(arg=str(name)):
                yield name.lstrip("_")


def docstrings(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


@pytest.mark.parametrize("module", MODULES)
def test_no_private_words(module: str) -> None:
    tree = ast.parse(MODULES[module].read_text())
    assert PRIVATE & {*identifiers(tree), *module.split(".")} == set()
    assert IN_DOCSTRINGS & {word for text in docstrings(tree) for word in re.findall(r"\w+", text.lower())} == set()


def test_the_search_sees_every_kind_of_name() -> None:
    tree = ast.parse(
        "class A:\n    b: int\n    def _c(self, d):\n        e.f(g=1)\n        h = 1\nasync def i(): '''Door.'''"
    )
    assert set(identifiers(tree)) == {*"Abcdefghi", "int", "self"}
    assert "Door." in set(docstrings(tree))
