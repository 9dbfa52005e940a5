"""What people call a cell and its parts: ``Attention transfer, ImageNet teacher, DenseNet-121``.

The words stand where each thing is declared: a method's in its file, a network's in the table of architectures, a
teacher's in the record of the data set that it learned. What is declared without words is called by its name.
"""

from __future__ import annotations

from trainables.cell import ITSELF, NO_STUDENT, NO_TEACHER, Cell, members
from trainables.data import catalogue
from trainables.init_names import RANDOM, is_matched, source_of
from trainables.models import stages
from trainables.models.architectures import ARCHITECTURES
from trainables.models.foundation import FOUNDATION
from trainables.models.timm_networks import TITLES
from trainables.teachers import imagenet
from trainables.transfer import METHODS

PLAIN = "Plain transfer"
IMAGENET = "ImageNet"


def cell(cell: Cell) -> str:
    """What people call a cell; what the paper does is left out, as in the cell's name.

    >>> cell(Cell.parse("attention/imagenet/densenet121/all"))
    'Attention transfer, ImageNet teacher, DenseNet-121'
    >>> cell(Cell.parse("transfer/none/densenet121/last34@0.25,from-random"))
    'Plain transfer, DenseNet-121, last 34 layers trained, 25% of the training data, from random weights'
    >>> cell(Cell.parse("itself/mimic-cxr/none/none"))
    'MIMIC-CXR teacher itself'
    """
    if cell.method == ITSELF:
        parts = [f"{teacher(cell.teacher)} itself"]
    else:
        parts = [method(cell.method)]
        parts += [teacher(cell.teacher)] if cell.teacher != NO_TEACHER else []
    parts += [student(cell.student)] if cell.student != NO_STUDENT else []
    parts += [depth(cell.unfreeze)] if cell.unfreeze not in ("all", NO_STUDENT) else []
    parts += [fraction(cell.data_fraction)] if cell.has_less_data else []
    parts += [f"uncertain labels: {cell.uncertainty}"] if cell.uncertainty != "zeros" else []
    parts += [first_weights(cell.init)] if cell.init not in ("imagenet", NO_STUDENT) else []
    return ", ".join([*parts, *cell.variations])


def of_name(name: str) -> str:
    """What people call the cell with this name; of what is no cell's name (a teacher, say), the name."""
    try:
        return cell(Cell.parse(name))
    except ValueError:
        return name


def method(name: str) -> str:
    """A method's title; of plain transfer too, which is none."""
    return PLAIN if name == "transfer" else METHODS[name].title if name in METHODS else name


def teacher(name: str) -> str:
    """``ImageNet teacher``; of an ensemble ``ImageNet and MIMIC-CXR teachers``."""
    titles = [_source(each) for each in members(name)]
    return f"{' and '.join(titles)} teacher{'s' * (len(titles) > 1)}"


def student(name: str) -> str:
    """An architecture's title; timm is not asked for it, which would take seconds."""
    if name in FOUNDATION:
        return FOUNDATION[name].title
    if name in ARCHITECTURES:
        return ARCHITECTURES[name].title
    return TITLES.get(name, name)


def depth(name: str) -> str:
    """How deep a student is unfrozen."""
    return stages.title(name)


def fraction(share: float) -> str:
    """An amount of training data."""
    return "all training data" if share == 1 else f"{100 * share:.3g}% of the training data"


def first_weights(name: str) -> str:
    """Where a student's training begins."""
    if name == RANDOM:
        return "from random weights"
    source = f"{_source(source_of(name))} weights"
    return f"from random weights scaled as {source}" if is_matched(name) else f"from {source}"


def _source(name: str) -> str:
    """What a teacher was trained on, as far as its name tells."""
    if name == imagenet.NAME:
        return IMAGENET
    network = name.removeprefix(f"{imagenet.NAME}-")
    return f"{IMAGENET} {student(network)}" if network != name else catalogue.title(name)
