"""The centre square of a picture of any size, cut and resized as training does it, in operators of ONNX.

This is what `trainables.data.decode` has Pillow do (`Image.resize`, bilinear, `reducing_gap=3`), step by step and in
whole numbers, so that the bytes are the same. Blocks of pixels are averaged first where the picture is six times too
large; then a triangle filter runs along the rows and down the columns. After each of these steps values are rounded to
whole grey levels, which the Resize of ONNX does not do. The order of the two passes is that of Pillow 13.

The functions are in `onnx_square.onnxtxt`, in ONNX's own text. All sums are exact: whole numbers below 2^53 (double),
2^31 (int32) or 2^24 (float).

Shapes: B pictures of H x W pixels and one plane (grey) or three (colours); S x S pixels of a square.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import Any

FUNCTION, DOMAIN = "CentreSquare", "knowledge_transfer"
SQUARES = "squares"  # what lies between the pictures and the network
TEXT = Path(__file__).with_suffix(".onnxtxt")
DIMENSIONS = ("batch", "height", "width", "planes")  # of the pictures; none of them is fixed


def put_in_front(model: Any, *, size_px: int, channels: int) -> None:
    """Changes an ONNX model (a ModelProto) of squares into one of pictures, whose input has the old one's name.

    Args:
        size_px, channels: of the squares that the model takes, uint8 [B, size_px, size_px, channels].
    """
    from onnx import TensorProto, helper

    (images,) = model.graph.input
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            if name == images.name:
                node.input[place] = SQUARES
    model.graph.node.insert(0, helper.make_node(FUNCTION, [images.name], [SQUARES], domain=DOMAIN))
    images.CopyFrom(helper.make_tensor_value_info(images.name, TensorProto.UINT8, DIMENSIONS))
    opset = next(each.version for each in model.opset_import if each.domain == "")
    model.functions.extend(_functions(size_px, channels, opset))
    model.opset_import.append(helper.make_opsetid(DOMAIN, 1))


def alone(model: Any) -> Any:
    """The part of `model` that `put_in_front` added, as a model of its own: pictures to squares."""
    from onnx import TensorProto, helper

    squares = helper.make_tensor_value_info(SQUARES, TensorProto.UINT8, None)
    graph = helper.make_graph([model.graph.node[0]], FUNCTION, [model.graph.input[0]], [squares])
    functions = [each for each in model.functions if each.domain == DOMAIN]
    versions = {"ir_version": model.ir_version, "opset_imports": model.opset_import}
    return helper.make_model(graph, functions=functions, **versions)


def _functions(size_px: int, channels: int, opset: int) -> Iterator[Any]:
    """The file's functions as ONNX's FunctionProto."""
    from onnx import parser

    facts = {
        "opset": opset,
        "domain": DOMAIN,
        "size": size_px,
        "channels": channels,
        "widest": 3 * size_px,  # of this width a block is averaged to a pixel: `reducing_gap`
        "planes": f"{DOMAIN}.Grey" if channels == 1 else "Identity",
    }
    text = "".join(line for line in TEXT.open(encoding="utf-8") if not line.lstrip().startswith("#"))
    for function in Template(text).substitute(facts).split("<opset_import")[1:]:
        yield parser.parse_function("<opset_import" + function)
