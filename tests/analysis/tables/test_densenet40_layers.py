"""Table VI: measured on the model, against the paper's output sizes and parameter count."""

from __future__ import annotations

import pytest

from analysis import table_6
from analysis.tables import densenet40_layers, rendering


def test_at_the_papers_size_every_output_is_the_papers() -> None:
    frame = densenet40_layers.rows()
    listed = frame[frame["paper_output"] != ""]
    assert len(listed) == 10
    assert (listed["output"] == listed["paper_output"]).all()


def test_parameters_and_layers() -> None:
    frame = densenet40_layers.rows(image_size_px=64)
    assert frame["num_parameters"].sum() == 1_364_142
    assert frame["num_weighted"].sum() == 41  # 40 convolutions, and the classifier
    by_layer = frame.groupby("layer")["num_weighted"].sum()
    assert (by_layer["Dense Block (1)"], by_layer["Dense Block (2)"]) == (2 * 6, 2 * 12)


def test_other_sizes_and_labels() -> None:
    frame = densenet40_layers.rows(image_size_px=96, num_labels=5)
    assert frame["output"].iloc[0] == "48 x 48"
    assert (frame["output"].iloc[8], frame["planes"].iloc[-1]) == ("3 x 3", 5)
    assert frame["num_parameters"].sum() == 1_364_142 - 9 * 1025


def test_a_size_that_the_model_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="100 x 100"):
        densenet40_layers.rows(image_size_px=100)
    assert table_6.main(["--image-size", "100"]) == 2
    assert "100 x 100" in capsys.readouterr().err


def test_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert table_6.main(["--image-size", "64", "--format", "text"]) == 0
    assert "1,364,142" in capsys.readouterr().out
    assert r"1,364,142 & 41 \\" in rendering.latex(densenet40_layers.table(densenet40_layers.rows(64)))
