"""Table VI: DenseNet-40, its output sizes and parameters measured on the model."""

from __future__ import annotations

from functools import cache, partial
from typing import Any, NamedTuple

import pandas as pd
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from analysis.tables.rendering import MISSING, Cell, Table
from analysis.tables.table_flags import NUM_LABELS
from trainables.models.architectures import undrawn

WEIGHTED = (nn.Conv2d, nn.Linear)
LAYERS = (*WEIGHTED, nn.BatchNorm2d, nn.MaxPool2d, nn.AvgPool2d)
MEASURED = ("kind", "module", "output", "planes", "num_parameters", "num_weighted")


class Row(NamedTuple):
    """A row of the paper's Table VI: its name, its filters and its output size at 256 px input."""

    layer: str
    filters: str
    output: str


PAPER = [
    Row("Convolution", "7x7 conv, stride 2", "128 x 128"),
    Row("Pooling", "3x3 max pool, stride 2", "64 x 64"),
    Row("Dense Block (1)", "[1x1 conv, 3x3 conv] x 6", "64 x 64"),
    Row("Transition Layer (1)", "1x1 conv", "64 x 64"),
    Row("Transition Layer (1)", "2x2 average pool, stride 2", "32 x 32"),
    Row("Dense Block (2)", "[1x1 conv, 3x3 conv] x 12", "32 x 32"),
    Row("Pooling", "8x8 adaptive average pool", "8 x 8"),
    Row("Convolution", "1x1 conv", "8 x 8"),
    Row("Convolution", "1x1 conv", "8 x 8"),
    Row("Pooling", "1x1 adaptive average pool", "1 x 1"),
    Row("Classification Layer", "fully-connected, softmax / sigmoid", ""),
]
BATCH_NORM = Row("", "batch norm", "")  # which the paper's table does not list


def rows(image_size_px: int = 256, num_labels: int = NUM_LABELS) -> pd.DataFrame:
    """One row per layer or dense block in the order of the forward pass, measured by hooks on the trained model.

    Columns: layer, filters, paper_output (the paper's, at 256 px; "" beside what it does not list), module, output,
    planes, num_parameters, num_weighted (convolutions and linear layers).

    Raises:
        ValueError: the model refuses the input size, which must be a multiple of 32.
    """
    return _measured(image_size_px, num_labels).copy()


@cache
def _measured(image_size_px: int, num_labels: int) -> pd.DataFrame:
    """As `rows`; one frame for all that ask, which a report on several data sets does."""
    model = undrawn("densenet40", num_labels).eval()
    watch = _Watch(model)
    with torch.no_grad(), watch:
        model(torch.zeros(1, 3, image_size_px, image_size_px, device="meta"))  # sizes need no arithmetic
    paper = iter(PAPER)
    listed = [BATCH_NORM if kind == "BatchNorm2d" else next(paper) for kind in watch.columns.pop("kind")]
    assert next(paper, None) is None, "the model has fewer layers than the paper's table"
    names = [{"layer": row.layer, "filters": row.filters, "paper_output": row.output} for row in listed]
    return pd.DataFrame(names).join(pd.DataFrame(watch.columns))


class _Watch(TorchFunctionMode):
    """Notes every layer of `model` as it runs: modules by hooks, pools that are functions as they are called."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.columns: dict[str, list[object]] = {name: [] for name in MEASURED}
        for name, module in model.named_modules():
            last = name.rsplit(".", 1)[-1]
            if last.startswith("denseblock") or ("denseblock" not in name and isinstance(module, LAYERS)):
                module.register_forward_hook(partial(self._note, name))

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = function(*args, **(kwargs or {}))
        if function is nn.functional.adaptive_avg_pool2d:
            self._note("", nn.AdaptiveAvgPool2d(output.shape[2:]), args, output)
        return output

    def _note(self, name: str, module: nn.Module, _: object, output: Tensor) -> None:
        size = " x ".join(str(length) for length in output.shape[2:])
        num_parameters = sum(parameter.numel() for parameter in module.parameters())
        num_weighted = sum(isinstance(part, WEIGHTED) for part in module.modules())
        values = (type(module).__name__, name, size, output.shape[1], num_parameters, num_weighted)
        for column, value in zip(self.columns.values(), values, strict=True):
            column.append(value)


def table(frame: pd.DataFrame) -> Table:
    """The frame of `rows`, with the totals below."""
    head = [["layer", "filters", "output, paper", "output, ours", "planes", "parameters", "weighted"]]
    body = [
        [
            Cell(row.layer), Cell(row.filters), Cell(row.paper_output or MISSING), Cell(row.output or MISSING),
            Cell(str(row.planes)), Cell(f"{row.num_parameters:,}"), Cell(str(row.num_weighted)),
        ]
        for row in frame.itertuples()
    ]  # fmt: skip
    total = [f"{frame['num_parameters'].sum():,}", str(frame["num_weighted"].sum())]
    body.append([Cell("total"), *[Cell("")] * 4, *map(Cell, total)])
    notes = [
        "output sizes and parameters: measured by running the model; the paper's sizes are those of 256 px input",
        "the paper's table does not list the batch norms",
        "weighted: convolutions and linear layers; the 40 of the name are the convolutions, without the classifier",
    ]
    return Table(
        name="table_6",
        title="Table VI: DenseNet-40",
        head=head,
        body=body,
        frame=frame,
        notes=notes,
        is_sortable=False,
    )
