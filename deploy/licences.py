"""Check that every run-time dependency may be shipped: MIT, BSD, ISC, Apache, PSF, and nothing that binds our users.

Reads the installed packages' own metadata, following `ringfair`'s requirements without its extras. Exit code 1 names
each package whose licence is missing or unknown.
"""

import re
import sys
from collections import deque
from importlib.metadata import Distribution, PackageNotFoundError, distribution

PERMISSIVE = re.compile(r"\b(MIT|BSD|ISC|Apache|PSF|Python Software Foundation|0BSD|Unlicense)\b", re.IGNORECASE)
BINDING = re.compile(r"\b(A?GPL|LGPL|MPL|Mozilla|EUPL|SSPL)\b|General Public", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def licence(found: Distribution) -> str:
    """What the package says of itself: SPDX expression, else classifiers, else the free text's first line."""
    meta = found.metadata
    expression = meta.get("License-Expression")
    if expression:
        return str(expression)
    classifiers = [c for c in meta.get_all("Classifier") or () if c.startswith("License ::")]
    named = [c.rpartition(" :: ")[2] for c in classifiers if c != "License :: OSI Approved"]
    return ", ".join(named) if named else str(meta.get("License") or "").partition("\n")[0]


def run_time_packages(root: str) -> dict[str, str]:
    """Every package `root` needs at run time → its licence."""
    seen: dict[str, str] = {}
    todo = deque([root])
    while todo:
        name = todo.popleft()
        if name in seen:
            continue
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue  # a requirement of another platform or Python
        seen[name] = licence(found)
        for requirement in found.requires or ():
            if "extra ==" not in requirement and (match := _NAME.match(requirement)):
                todo.append(match[0].lower().replace("_", "-"))
            elif "extra == 'hiredis'" in requirement or "extra == 'asyncio'" in requirement:
                todo.append(_NAME.match(requirement)[0].lower())  # type: ignore[index]
    del seen[root]
    return seen


def main() -> int:
    packages = run_time_packages("ringfair")
    bad = {n: text for n, text in packages.items() if BINDING.search(text) or not PERMISSIVE.search(text)}
    for name, text in sorted(bad.items()):
        print(f"{name}: licence {text or 'not stated'!r} is not on the list of permissive ones")
    print(f"licences: {len(packages)} run-time packages looked at, {len(bad)} not permissive")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
