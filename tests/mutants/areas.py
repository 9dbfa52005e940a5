"""The areas whose tests are tried: which files are changed, and which tests have to notice."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Area:
    """Source files, as patterns below the root of the code, and the folders or files of their tests."""

    name: str
    sources: tuple[str, ...]
    tests: tuple[str, ...]

    def files(self, root: Path) -> list[str]:
        """Its source files, relative to `root`, in the order of their names."""
        found = {path for pattern in self.sources for path in root.glob(pattern)}
        return sorted(str(path.relative_to(root)) for path in found if path.name != "__init__.py")

    def tests_of(self, source: str, root: Path) -> list[str]:
        """Its tests, those first whose names begin as the source's: they are the likeliest to notice."""
        name = Path(source).stem

        def is_own(test: str) -> bool:
            subject = Path(test).stem.removeprefix("test_")
            return name.startswith(subject) or subject.startswith(name)

        every = [
            str(path.relative_to(root))
            for place in self.tests
            for path in ([root / place] if (root / place).is_file() else sorted((root / place).rglob("test_*.py")))
        ]
        return sorted(dict.fromkeys(every), key=lambda test: not is_own(test))


AREAS = tuple(
    Area(name, tuple(area["sources"]), tuple(area["tests"]))
    for name, area in tomllib.loads(Path(__file__).with_suffix(".toml").read_text()).items()
)
