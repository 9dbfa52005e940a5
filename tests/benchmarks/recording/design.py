"""What is recorded: settings, their cells, the points of each cell, and which cells no choice may be tuned on.

Everything is fixed here before a curve is trained. A setting is a set of images with all that its trainings share.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from math import exp, log
from typing import Any

from scipy.stats import qmc

from search_spaces import chexpert, retina
from search_spaces.space import Space
from trainables.cell import NO_TEACHER, Cell
from trainables.knob import Range

GRID, FILL, REPEAT, REPEATED_FILL = DESIGNS = ("grid", "fill", "repeat", "repeated fill")
NUM_FILLS, NUM_FILLS_TRANSFER = 14, 6
REPEATED = (0, 4, 11)  # points of the grid that have further seeds: most attention, little, next to none
REPEAT_SEEDS = (1, 2, 3)
REPEATED_FILL_SEEDS = (1, 2)  # of the fills with the lowest and the highest learning rate
GRID_SEED = FILL_SEED = 0
SOBOL_SEED = 24
LEARNING_RATE = Range(low=2e-4, high=4e-3, first=1e-3, log=True)


KNOBS: Mapping[str, Any] = {
    "image_size_px": 64,  # the smallest at which Eq. 1 compares anything: at 32 px a plane is a single number
    "batch_size": 8,
    "max_epochs": 16,
    "lr_halving_epochs": 4,  # the paper halves eight times in a training, and so early
    "selection_metric": "auc",
}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Images, and what all trainings on them share.

    Args:
        name: in the recording; the last two of `SETTINGS` are of real images.
        dataset: as `platform.prepare` knows it.
        phantom_size: how much the phantoms' writer draws; 0 for real images.
        validation_share: of the images for validation, and the same for the test.
        cells: names.
        pretraining: options of `platform.pretrain` that make its own teacher, which sees the whole training split.
        knobs: of `trainables.config.TrialConfig`, by name.
    """

    name: str
    dataset: str
    space: Space
    cells: tuple[str, ...]
    phantom_size: int = 0
    validation_share: float
    pretraining: tuple[str, ...]
    knobs: Mapping[str, Any] = field(default_factory=lambda: KNOBS)

    @property
    def num_epochs(self) -> int:
        """The length of every curve."""
        return int(self.knobs["max_epochs"])

    @property
    def selection_metric(self) -> str:
        """The score of the recording."""
        return str(self.knobs["selection_metric"])

    @property
    def is_real(self) -> bool:
        """Whether its images are real."""
        return not self.phantom_size


@dataclass(frozen=True, kw_only=True)
class Point:
    """One curve, named by what decides it."""

    setting: str
    cell: str
    design: str
    beta: float | None  # None without a teacher
    learning_rate: float
    weight_decay: float
    seed: int

    @property
    def identity(self) -> tuple[object, ...]:
        """What no two curves share."""
        return (self.setting, self.cell, self.beta, self.learning_rate, self.weight_decay, self.seed)


def _cells(method: str, teacher: str, qualities: str) -> tuple[str, ...]:
    """Both students with the teacher, and one of them without."""
    return (
        f"{method}/{teacher}/densenet40/all@{qualities}",
        f"{method}/{teacher}/densenet121/all@{qualities}",
        f"transfer/none/densenet40/all@{qualities}",
    )


FROM_SCRATCH = ("--architecture", "densenet121", "--batch-size", "16", "--learning-rate", "1e-3")
FROM_IMAGENET = (
    *("--architecture", "tf_efficientnet_lite0", "--init", "imagenet", "--batch-size", "16"),
    *("--learning-rate", "5e-4", "--epochs", "6"),
)

# Students see a few dozen images, their teacher twenty times as many: where the teacher had not seen more, beta hardly
# mattered. On phantoms students begin with the phantoms' own ImageNet weights, and Eq. 1 compares the maps. There are
# no real ImageNet weights of a DenseNet here: on real images students begin at random, and learn from an
# EfficientNet-Lite0 with real ones, whose maps have more planes than theirs.
SETTINGS: Mapping[str, Setting] = {
    each.name: each
    for each in (
        Setting(
            name="phantom-retina",
            dataset="retina",
            space=retina.SPACE,
            cells=_cells("attention", "retina", "0.05"),
            phantom_size=400,
            validation_share=0.07,
            pretraining=(*FROM_SCRATCH, "--epochs", "4"),
        ),
        Setting(
            name="phantom-chexpert",
            dataset="chexpert",
            space=chexpert.SPACE,
            cells=_cells("attention", "chexpert", "0.05"),
            phantom_size=800,
            validation_share=0.07,
            pretraining=(*FROM_SCRATCH, "--epochs", "6"),
        ),
        Setting(
            name="retina",
            dataset="eye_side",
            space=Space(dataset="eye_side"),
            cells=_cells("attention-squares", "eye_side", "0.055,from-random"),
            validation_share=0.08,
            pretraining=(*FROM_IMAGENET, "--no-flip"),
            knobs={**KNOBS, "flip": False},  # a mirrored left eye is a right one
        ),
        Setting(
            name="chestxray8",
            dataset="xray_facts",
            space=Space(dataset="xray_facts"),
            cells=_cells("attention-squares", "xray_facts", "0.25,from-random"),
            validation_share=0.2,
            pretraining=FROM_IMAGENET,
            knobs={**KNOBS, "average_labels": "defined"},
        ),
    )
}

# A third, named before any search was simulated: one of every setting, two of either student. All have a teacher:
# without one, the grid is a single point.
HELD_OUT = frozenset(
    {
        ("phantom-retina", SETTINGS["phantom-retina"].cells[1]),
        ("phantom-chexpert", SETTINGS["phantom-chexpert"].cells[0]),
        ("retina", SETTINGS["retina"].cells[0]),
        ("chestxray8", SETTINGS["chestxray8"].cells[1]),
    }
)


def ranges_of(setting: Setting) -> Space:
    """The setting's search space, with learning rates for trainings of less than a hundred steps."""
    return replace(setting.space, tuned={**setting.space.tuned, "learning_rate": LEARNING_RATE})


def points_of(setting: Setting, name: str) -> dict[str, list[Point]]:
    """The points of one cell by design: the paper's grid, points that fill the ranges, and repeats of some of both.

    The grid's repeats tell what a seed adds along beta, those of the fills how much of it trials share that differ in
    their learning rate. Without a teacher there is no choice to be made, and no fill is repeated.
    """
    space, cell = ranges_of(setting), Cell.parse(name)

    def point(design: str, seed: int, values: Mapping[str, float]) -> Point:
        return Point(
            setting=setting.name,
            cell=name,
            design=design,
            beta=values.get("beta"),
            learning_rate=values["learning_rate"],
            weight_decay=values["weight_decay"],
            seed=seed,
        )

    grid = space.grid_points(cell)
    repeated = [each for number, each in enumerate(grid) if number in REPEATED]
    filling = fills(space, cell)
    by_rate = sorted(filling, key=lambda values: values["learning_rate"])
    again = [by_rate[0], by_rate[-1]] if cell.teacher != NO_TEACHER else []
    return {
        GRID: [point(GRID, GRID_SEED, each) for each in [*repeated, *(each for each in grid if each not in repeated)]],
        FILL: [point(FILL, FILL_SEED, each) for each in filling],
        REPEAT: [point(REPEAT, seed, each) for seed in REPEAT_SEEDS for each in repeated],
        REPEATED_FILL: [point(REPEATED_FILL, seed, each) for seed in REPEATED_FILL_SEEDS for each in again],
    }


def fills(space: Space, cell: Cell) -> list[dict[str, float]]:
    """Points of a scrambled Sobol sequence over the ranges of the cell, on a logarithmic scale where they have one."""
    ranges = space.ranges(cell)
    num = NUM_FILLS if cell.teacher != NO_TEACHER else NUM_FILLS_TRANSFER
    unit = qmc.Sobol(len(ranges), seed=SOBOL_SEED).random_base2((num - 1).bit_length())[:num]
    points = []
    for shares in unit:
        values = {}
        for share, (name, of) in zip(shares.tolist(), ranges.items(), strict=True):
            low, high = (log(of.low), log(of.high)) if of.log else (of.low, of.high)
            value = low + share * (high - low)
            values[name] = exp(value) if of.log else value
        points.append(values)
    return points


def in_order(settings: Mapping[str, Setting]) -> Iterator[Point]:
    """All points: grids first, then fills and repeats, each in turn over all cells, so that a part is usable."""
    by_cell = [points_of(setting, name) for setting in settings.values() for name in setting.cells]
    grids = [points[GRID] for points in by_cell]
    others = [_merged(points[FILL], points[REPEAT], points[REPEATED_FILL]) for points in by_cell]
    for queues in (grids, others):
        for turn in zip_longest(*queues):
            yield from (point for point in turn if point is not None)


def _merged(*designs: Sequence[Point]) -> list[Point]:
    """All in their order, evenly mixed: wherever it is cut, the same share of each has come."""
    shares = [((number + 0.5) / len(points), point) for points in designs for number, point in enumerate(points)]
    return [point for _, point in sorted(shares, key=lambda each: each[0])]
