"""The images and teachers of the settings, made at first use in folders of results of their own.

Own data sets are made of the real images' providers' tables; teachers are phantoms' own, or trained by the command
`platform.pretrain` on the whole training split, of which students see a part.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from platform.phantoms.phantom_teachers import SOURCES, phantom_teacher
from platform.sources.images import listing_of, register, store_of
from platform.sources.places import Places
from tests.benchmarks.recording.curve import Place
from tests.benchmarks.recording.design import Setting
from trainables.cell import Cell, members
from trainables.data.splits import SPLITS
from trainables.data.store import Store
from trainables.init_names import RANDOM
from trainables.teachers import shelf
from trainables.teachers.imagenet import first_weights

ROOT = Path(__file__).parents[3]


def place_of(setting: Setting, work: Path, data: Path | None) -> Place:
    """Prepares the setting's images and teachers, those that are not there yet.

    Raises:
        FileNotFoundError: the setting's images are real, and `data` has none.
    """
    places = Places.under(work / "results")
    listing = listing_of(
        _registered(setting, places, data), data if setting.is_real else None, places, setting.phantom_size or None
    )
    size_px = int(setting.knobs["image_size_px"])
    store = store_of(listing, places, size_px, validation_share=setting.validation_share)
    folder = places.teachers(phantom=not setting.is_real, image_size_px=size_px)
    for name in names_of(setting):
        if not _is_made(name, folder, store):
            _make_teacher(name, setting, places, data)
    return Place(store=str(store.path), teachers=str(folder), cache=str(places.cache))


def names_of(setting: Setting) -> list[str]:
    """The teachers and first weights of all cells, first weights first."""
    cells = [Cell.parse(name) for name in setting.cells]
    firsts = [first_weights(cell.init, cell.student) for cell in cells]
    teachers = [name for cell in cells for name in members(cell.teacher)]
    return list(dict.fromkeys(name for name in (*firsts, *teachers) if name != RANDOM))


def facts_of_sources(setting: Setting, place: Place) -> dict[str, Any]:
    """What the curves of a setting share, for the file: curves of other facts are never mixed with them."""
    store = Store.open(Path(place.store))
    kind = f"phantom {setting.dataset}" if store.is_phantom else f"real {setting.name}"
    fraction = Cell.parse(setting.cells[0]).data_fraction
    counts = {split: len(store.rows(split)) for split in SPLITS}
    teachers = {name: shelf.load(Path(place.teachers), name) for name in names_of(setting)}
    return {
        "images": f"{kind}, {', '.join(store.label_names) if setting.is_real else f'{len(store.label_names)} labels'}",
        "fingerprint": store.fingerprint,
        "split_fingerprint": store.split_fingerprint,
        "counts": counts | {"students": len(store.rows("train", fraction))},
        "knobs": dict(setting.knobs),
        "teachers": {
            name: {
                "fingerprint": teacher.fingerprint,
                "architecture": teacher.architecture,
                "source": teacher.source,
                "scores": {key: teacher.scores[key] for key in ("val_auc", "test_auc") if key in teacher.scores},
            }
            for name, teacher in teachers.items()
        },
    }


def _registered(setting: Setting, places: Places, data: Path | None) -> str:
    """The name of the data set, which is registered here if it is made of a provider's table."""
    if not setting.is_real:
        return setting.dataset
    if data is None:
        raise FileNotFoundError(f"{setting.name} has real images: give their folder with --data DIR, or TRANSFER_DATA")
    table, images = TABLES[setting.dataset](data)
    csv = places.results / f"{setting.dataset}.csv"
    table.to_csv(csv, index=False)
    return register(csv, places, images)


def _of_retina(data: Path) -> tuple[pd.DataFrame, Path]:
    """Which eye a photograph shows: a question that small pictures can answer, as they cannot answer the grade."""
    names = pd.read_csv(data / "retina" / "trainLabels.csv")["image"]
    columns = {
        "image": "train/" + names + ".jpeg",
        "patient": names.str.split("_").str[0],
        "left": names.str.endswith("left").astype(int),
    }
    return pd.DataFrame(columns), data / "retina"


def _of_chestxray8(data: Path) -> tuple[pd.DataFrame, Path]:
    """Whose chest, and from which side: as `_of_retina`."""
    rows = pd.read_csv(data / "chestxray8" / "sample_labels.csv")
    columns = {
        "image": "sample/images/" + rows["Image Index"],
        "patient": rows["Patient ID"],
        "female": (rows["Patient Gender"] == "F").astype(int),
        "anteroposterior": (rows["View Position"] == "AP").astype(int),
    }
    return pd.DataFrame(columns), data / "chestxray8"


TABLES = {"eye_side": _of_retina, "xray_facts": _of_chestxray8}


def _is_made(name: str, folder: Path, store: Store) -> bool:
    """Whether the teacher is there, and saw this split: one of another may have seen what students are tested on."""
    if not (folder / name / shelf.FACTS_FILE).is_file():
        return False
    return name != store.dataset or shelf.load(folder, name).seen["split_fingerprint"] == store.split_fingerprint


def _make_teacher(name: str, setting: Setting, places: Places, data: Path | None) -> None:
    """A phantoms' own teacher, or one that `platform.pretrain` trains on the whole training split."""
    if name in SOURCES:
        phantom_teacher(name, places, int(setting.knobs["image_size_px"]))
        return
    options = ["--results", str(places.results), "--name", name, "--validation-share", str(setting.validation_share)]
    options += ["--data", str(data)] if setting.is_real else ["--phantom-size", str(setting.phantom_size)]
    options += ["--image-size", str(setting.knobs["image_size_px"]), "--cpus-per-trial", "1", *setting.pretraining]
    command = [sys.executable, "-m", "platform.pretrain", setting.dataset, *options]
    subprocess.run(command, cwd=ROOT, check=True)
