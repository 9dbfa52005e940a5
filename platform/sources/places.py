"""Where things are kept in the results folder, and the secret that hashes patient ids."""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from analysis.reading import tracking_uri
from analysis.reading.recorded_places import ARTIFACTS
from trainables import atomic
from trainables.pasting import ROOT

LOCK_FILE = "lock"  # in a sweep's folder: the process that runs the sweep holds it
STANDING_FILE = "standing.json"
EXPORTS = "exports"  # a folder per student, unless the user names another place


@dataclass(frozen=True)
class Places:
    """The results folder's layout; every path is absolute, since a worker has a working folder of its own."""

    results: Path

    @classmethod
    def under(cls, folder: str | os.PathLike[str]) -> Places:
        """The places under `folder`, which is created if it is absent."""
        results = Path(folder).resolve()
        results.mkdir(parents=True, exist_ok=True)
        return cls(results)

    @property
    def tracking_uri(self) -> str:
        """MLflow's store: MLFLOW_TRACKING_URI, or an SQLite file here."""
        return tracking_uri.default(self.results)

    @property
    def printable_tracking_uri(self) -> str:
        """`tracking_uri` without the user's name and password."""
        return tracking_uri.without_password(self.tracking_uri)

    @property
    def artifacts(self) -> Path | None:
        """Where a new MLflow experiment keeps its files; None where a tracking server decides."""
        return None if tracking_uri.from_environment() else self.results / ARTIFACTS

    @property
    def phantoms(self) -> Path:
        """Phantom data sets, in the real ones' layouts."""
        return self.results / "phantoms"

    def store(self, dataset: str, image_size_px: int, source: str) -> Path:
        """A prepared data set; `source` distinguishes two folders, or two sets of rows."""
        return self.results / "stores" / f"{dataset}-{image_size_px}px-{source}.arrow"

    def teachers(self, *, phantom: bool, image_size_px: int) -> Path:
        """The teachers of one kind: those made on phantoms are never among the real ones."""
        return self.results / "teachers" / (f"phantom-{image_size_px}px" if phantom else "real")

    @property
    def cache(self) -> Path:
        """Teachers' answers, which any trial can compute again: this folder may be deleted at any time."""
        return self.results / "cache"

    def own_dataset(self, name: str) -> Path:
        """The record of a user's own data set, by its name."""
        return self.results / "datasets" / f"{name}.json"

    @property
    def options(self) -> list[str]:
        """What a command in the repository's folder must be given to find these results; nothing if it looks here."""
        usual = (ROOT / (os.environ.get("TRANSFER_RESULTS") or "results")).resolve()
        return [] if self.results == usual else ["--results", str(self.results)]

    def sweep(self, name: str) -> Path:
        """A sweep's own folder: its journal, and the checkpoints of trials that have not finished."""
        return self.results / "sweeps" / name

    def standing(self, name: str) -> Path:
        """Where the sweep stands, for `platform.status`."""
        return self.sweep(name) / STANDING_FILE

    def standings(self) -> list[Path]:
        """Those of all sweeps that have begun here."""
        return sorted((self.results / "sweeps").glob(f"*/{STANDING_FILE}"))

    def relative(self, path: Path) -> Path:
        """`path` as it stays right when the results are moved: relative to them if it lies within, else absolute."""
        path = path.resolve()
        return path.relative_to(self.results) if path.is_relative_to(self.results) else path

    def salt(self) -> bytes:
        """The key of the hashes of patient ids, drawn at first use; whoever has it can test a guess at an id."""
        path = self.results / "salt"
        if not path.exists():
            with atomic.new_file(path, replace=False, mode=0o600) as part:  # of two at once, the first one's salt stays
                part.write_bytes(secrets.token_bytes(32))
        return path.read_bytes()

    def salt_fingerprint(self) -> str:
        """Tells hashes of one salt from those of another, and reveals nothing of the salt itself."""
        return hashlib.sha256(b"fingerprint of a salt" + self.salt()).hexdigest()[:8]
