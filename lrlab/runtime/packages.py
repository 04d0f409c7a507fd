"""The packages that are installed."""

from functools import cache
from importlib.metadata import distributions


@cache
def installed() -> str:
    """Return `name==version` of every distribution, sorted, separated by spaces."""
    found: dict[str, str] = {}
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name:
            found.setdefault(name.lower().replace("_", "-"), distribution.version)  # the first one is imported
    return " ".join(f"{name}=={version}" for name, version in sorted(found.items()))


def versions(text: str) -> dict[str, str]:
    """Return the versions in what `installed` returned, or in its beginning."""
    complete = [word for word in text.split() if "==" in word]
    return dict(word.split("==", 1) for word in complete)
