"""The files behind the runs: artifacts in MLflow or a bundle, prepared images and teachers in the results folder."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from analysis.reading import bundle_frames
from analysis.reading.recorded_places import beside, local_path
from analysis.reading.tracking_uri import is_bundle, sqlite_file
from analysis.reading.trials import Runs
from trainables.data.resplit import folded, redrawn
from trainables.data.store import Store
from trainables.data.withdrawn import withdrawn_in
from trainables.teachers import shelf
from trainables.teachers.shelf import Teacher


def of_run(tracking_uri: str, run: pd.Series, name: str) -> Path | None:
    """The file or folder `name` among the artifacts of a run (a row of `Runs.trials`); None where there is none.

    Those of a results folder that was moved or copied are found in it, although MLflow's file still names the old one.

    Raises:
        FileNotFoundError, ValueError: as `analysis.reading.bundles.opened`, of a bundle.
    """
    if is_bundle(tracking_uri):
        return bundle_frames.artifact(tracking_uri, str(run["run_id"]), name)
    folder = folder_of(tracking_uri, run)
    if folder:
        return folder / name if (folder / name).exists() else None
    from analysis.reading import mlflow_client  # takes seconds, and only a server needs it

    return mlflow_client.downloaded(tracking_uri, str(run["run_id"]), name)


def names_of_run(tracking_uri: str, run: pd.Series) -> list[str]:
    """Every file among the artifacts of a run in MLflow, by its name there (``model/best-00002.safetensors``)."""
    folder = folder_of(tracking_uri, run)
    if folder:
        files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
        return sorted(path.relative_to(folder).as_posix() for path in files)
    from analysis.reading import mlflow_client  # takes seconds, and only a server needs it

    return mlflow_client.artifact_names(tracking_uri, str(run["run_id"]))


def folder_of(tracking_uri: str, run: pd.Series) -> Path | None:
    """The folder of a run's artifacts; None where they are not on a disk of this machine."""
    recorded, database = local_path(str(run["artifact_uri"])), sqlite_file(tracking_uri)
    return beside(database, recorded) if recorded and database else recorded


def weights_of(tracking_uri: str, run: pd.Series) -> Path | None:
    """The safetensors file with the weights of a run's best epoch; None where there is none."""
    folder = of_run(tracking_uri, run, "model")
    files = sorted(folder.glob("*.safetensors")) if folder else []
    return files[-1] if files else None


def store_of(results: Path, fingerprint: str) -> Store | None:
    """The prepared data set of that fingerprint; None where it is gone or no longer readable."""
    for path in sorted((results / "stores").glob("*.arrow")):
        try:
            store = Store.open(path)
        except ValueError:
            continue
        if store.fingerprint == fingerprint:
            return store
    return None


def why_gone(results: Path, fingerprint: str) -> str:
    """The end of a message that a prepared data set is not there: that patients have withdrawn from it; "" if none."""
    num_patients = len(withdrawn_in(results).left(fingerprint))
    if not num_patients:
        return ""
    return (
        f"; {num_patients} patients have withdrawn from these images since, which are therefore no longer kept as then"
    )


def split_of(store: Store, run: pd.Series) -> Store:
    """The prepared data set as a run (a row of `Runs.trials`) split it: its student was trained on other test images
    than those of another run whose split was drawn anew.
    """
    draw, num_folds, fold = (_number(run.get(f"params.{name}")) for name in ("split_draw", "num_folds", "fold"))
    if fold:
        return folded(store, num_folds, fold)
    return redrawn(store, draw) if draw else store


def _number(value: object) -> int:
    """A parameter of a run; 0 where the run is older than the parameter."""
    return 0 if value is None or pd.isna(value) else int(str(value).removesuffix(".0"))


def whole_of(results: Path, held: Store) -> Store | None:
    """The prepared data set that `held` was made from by holding out a finding; None where it is gone."""
    for path in sorted((results / "stores").glob(f"{held.dataset}-*.arrow")):
        try:
            store = Store.open(path)
        except ValueError:
            continue
        if is_whole_of(store, held):
            return store
    return None


def is_whole_of(store: Store, held: Store) -> bool:
    """Whether `store` has every image of `held` in the same split, with the same labels plus the finding held out."""
    facts = [(data.dataset, data.is_phantom, data.image_size_px, data.channels) for data in (store, held)]
    names = tuple(name for name in store.label_names if name != held.held_out)
    if store.held_out or facts[0] != facts[1] or names != held.label_names or names == store.label_names:
        return False
    splits = dict(zip(store.image_id, store.split, strict=True))
    return all(splits.get(image_id) == split for image_id, split in zip(held.image_id, held.split, strict=True))


def teachers_of(runs: Runs, results: Path) -> list[Teacher]:
    """The teachers of these runs, and the first weights of their students, as far as they are at hand."""
    prints = runs.trials[["tags.teacher_fingerprint", "tags.init_fingerprint"]].to_numpy().ravel()
    distinct = dict.fromkeys(part for fingerprint in prints for part in str(fingerprint).split("+"))  # "+": an ensemble
    teachers = [teacher_of(results, fingerprint) for fingerprint in distinct]
    return [teacher for teacher in teachers if teacher is not None]


def salt_of(results: Path) -> bytes:
    """The key of the hashes in the stores of a results folder.

    Raises:
        FileNotFoundError: there is none.
    """
    path = results / "salt"
    if not path.is_file():
        raise FileNotFoundError(f"no salt in {results}: without it, images cannot be found by name; use --results")
    return path.read_bytes()


def teacher_of(results: Path, fingerprint: str) -> Teacher | None:
    """The teacher whose weights have that fingerprint; None where it is gone."""
    folders = sorted((results / "teachers").glob("*"))
    teachers = (teacher for folder in folders for teacher in shelf.listing(folder))
    return next((teacher for teacher in teachers if teacher.fingerprint == fingerprint), None)
