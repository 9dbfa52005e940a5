"""The frames behind the figures; the drawings only have to come out, and to come out alike each time."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.container import ErrorbarContainer

from analysis.figures import drawing, figure_3, figure_4, figure_reliability, search_figures
from analysis.reading.trials import runs


def test_figure_3_counts_training_images(store: Any) -> None:
    parent = store.sweep(table_2=json.dumps({"Retina": {"train": 400, "validation": 1, "test": 1}}))
    store.repeats(parent, "test_auc", [0.6, 0.65, 0.7], data_fraction=0.25)
    store.repeats(parent, "test_auc", [0.8, 0.85, 0.9])
    frame = figure_3.rows(runs(store.uri, "retina"))
    assert frame["num_images"].tolist() == [100.0, 400.0]
    assert frame["auc"].tolist() == pytest.approx([65.0, 85.0])
    assert frame["line"].unique().tolist() == ["transfer/none/densenet121/all"]
    picture = figure_3.picture(runs(store.uri, "retina"))
    assert picture is not None
    assert (
        "The highest is Plain transfer, DenseNet-121 with 85.00%, trained on all training data." in picture.alternative
    )


def test_figure_3_needs_two_amounts_of_data_and_gives_a_single_one_beside_them_its_interval(store: Any) -> None:
    parent = store.sweep()
    store.repeats(parent, "test_auc", [0.8, 0.85, 0.9])
    assert figure_3.picture(runs(store.uri, "retina")) is None
    store.repeats(parent, "test_auc", [0.6, 0.65, 0.7], data_fraction=0.25)
    store.repeats(parent, "test_auc", [0.6, 0.65, 0.7], student="densenet40")
    picture = figure_3.picture(runs(store.uri, "retina"))
    assert picture is not None
    (bar,) = picture.figure.axes[0].containers  # DenseNet-40 has one amount: a band would have no width
    assert isinstance(bar, ErrorbarContainer)
    (segments,) = [line.get_segments()[0] for line in bar.lines[2]]
    assert segments[:, 1].tolist() == pytest.approx([65 - 12.4207, 65 + 12.4207], abs=1e-3)


def test_figure_4_by_hand(store: Any) -> None:
    parent = store.sweep()
    store.trial(parent, curve={"val_auc": [0.6, 0.9, 0.8]})
    assert figure_4.rows(figure_4.curves(runs(store.uri, "retina")))["half_width"].isna().all()  # n = 1
    store.trial(parent, seed=1, curve={"val_auc": [0.7, 0.8, 0.7, 0.6]})
    two = figure_4.curves(runs(store.uri, "retina"))
    assert figure_4.rows(two)["half_width"].isna().all() and figure_4.drops(two)["half_width"].isna().all()  # n = 2
    store.trial(parent, seed=2, curve={"val_auc": [0.65, 0.85, 0.75]})
    nobody = {"student": "none", "unfreeze": "none", "init": "none"}
    store.trial(parent, method="itself", teacher="mine", curve={"val_auc": [0.9]}, **nobody)  # no curve: one point
    every = figure_4.curves(runs(store.uri, "retina"))
    frame = figure_4.rows(every)
    assert frame["epoch"].tolist() == [1, 2, 3]  # the fourth was reached by one repeat only
    assert frame["auc"].tolist() == pytest.approx([65.0, 85.0, 75.0])
    # s = 5, t(2) = 4.30265: 4.30265 * 5 / sqrt 3 = 12.4207
    assert frame["half_width"].tolist() == pytest.approx([12.4207] * 3, abs=1e-3)
    drop = figure_4.drops(every).iloc[0]
    assert (drop["drop"], drop["best_epoch"], drop["n"]) == (pytest.approx(40 / 3), 2.0, 3)  # 90 - 80, 80 - 60, 85 - 75


def test_figure_4_names_what_a_panel_holds(store: Any) -> None:
    parent = store.sweep()
    curve = {"val_auc": [0.6, 0.9, 0.8]}
    small = 5000 / 178352
    for config in ({}, {"init": "random"}, {"data_fraction": 0.25}, {"data_fraction": small, "init": "random"}):
        for seed in (0, 1):
            store.trial(parent, seed=seed, curve=curve, **config)
    picture = figure_4.picture(runs(store.uri, "retina"))
    assert picture is not None
    labels = {ax.get_title(): ax.get_lines()[0].get_label() for ax in picture.figure.axes if ax.get_visible()}
    plain = "Plain transfer, DenseNet-121\ntransfer/none/densenet121/all"
    drawn = "Plain transfer, DenseNet-121, from random weights\ntransfer/none/densenet121/all@from-random"
    assert labels == {
        "DenseNet-121": plain,
        "DenseNet-121, from-random": drawn,
        "DenseNet-121, 25% of the training data": plain,
        "DenseNet-121, from-random, 2.8% of the training data": drawn,
    }


def test_figure_4_marks_a_label_that_rests_on_a_phantom_at_any_fraction(store: Any) -> None:
    parent = store.sweep()
    taught = {"method": "attention", "teacher": "imagenet", "beta": 5.0, "curve": {"val_auc": [0.6, 0.9]}}
    for seed in (0, 1):
        store.trial(parent, seed=seed, tags={"teacher_is_phantom": "true"}, data_fraction=0.25, **taught)
        store.trial(parent, seed=seed, **taught)
        store.trial(parent, seed=seed, init="random", **taught)
    picture = figure_4.picture(runs(store.uri, "retina"))
    assert picture is not None
    labels = {ax.get_lines()[0].get_label() for ax in picture.figure.axes if ax.get_visible()}
    name = "attention/imagenet/densenet121/all"
    assert labels == {
        f"Attention transfer, ImageNet teacher, DenseNet-121 PHANTOM\n{name}",
        f"Attention transfer, ImageNet teacher, DenseNet-121, from random\nweights\n{name}@from-random",
    }


def test_figure_3_has_a_line_for_each_first_weights(store: Any) -> None:
    parent = store.sweep()
    for config in ({}, {"init": "random"}, {"data_fraction": 0.25}, {"data_fraction": 0.25, "init": "random"}):
        store.repeats(parent, "test_auc", [0.6, 0.65, 0.7], **config)
    recorded = runs(store.uri, "retina")
    picture = figure_3.picture(recorded)
    assert picture is not None
    lines = {str(line.get_label()): line for line in picture.figure.axes[0].get_lines()}
    name = "transfer/none/densenet121/all"
    assert set(figure_3.rows(recorded)["line"]) == {name, f"{name},from-random"}
    assert set(lines) == {drawing.key(name), drawing.key(f"{name}@from-random")}
    assert [np.size(line.get_xdata()) for line in lines.values()] == [2, 2]
    assert {line.get_alpha() for line in lines.values()} == {1.0}


def test_curves_and_drops_do_not_depend_on_the_ids_of_runs(store: Any) -> None:
    parent = store.sweep()
    for seed in range(6):
        store.trial(parent, seed=seed, curve={"val_auc": [0.5, 0.6]})
    recorded = runs(store.uri, "retina")
    assert figure_4.curves(recorded)["run_id"].drop_duplicates().tolist() == recorded.confirm["run_id"].tolist()

    auc = np.random.default_rng(0).uniform(50, 90, size=(50, 7))  # draws, repeats: sums of seven depend on their order
    lost = []
    for ids in ("abcdefg", "gfedcba", "cgaebfd"):
        frame = pd.DataFrame({"cell": np.repeat(np.arange(50), 7), "run_id": list(ids) * 50, "auc": auc.ravel()})
        frame = frame.assign(part="", to_train=0.0)
        both = pd.concat([frame.assign(epoch=1), frame.assign(epoch=2, auc=40.0)], ignore_index=True)
        lost.append(figure_4.drops(both))
    assert lost[0].equals(lost[1]) and lost[0].equals(lost[2])


def test_the_search_and_its_cost(store: Any) -> None:
    parent = store.sweep()
    for seed, best in enumerate(([0.5, 0.6], [0.4], [0.7, 0.7, 0.8])):
        stopped = {"stopped": "asha"} if seed == 1 else {}
        store.trial(parent, phase="search", seed=seed, curve={"best_score": best}, tags=stopped)
    recorded = runs(store.uri, "retina")
    frame = search_figures.trials(recorded)
    assert frame["score"].tolist() == pytest.approx([60.0, 40.0, 80.0])
    assert frame["stopped"].tolist() == [False, True, False]
    costs = search_figures.spent(recorded, frame)
    assert costs["num_trials"].tolist() == [1, 2, 3]
    assert costs["num_epochs"].tolist() == [2, 3, 6]
    assert costs["best"].tolist() == pytest.approx([60.0, 60.0, 80.0])
    assert [picture.name for picture in search_figures.pictures(recorded)] == ["search_parallel", "search_budget"]


def test_parallel_coordinates_have_a_scale_on_every_axis_and_a_colour_bar(store: Any) -> None:
    parent = store.sweep()
    for seed, (rate, best) in enumerate(((1e-5, 0.5), (1e-3, 0.7))):
        store.trial(parent, phase="search", seed=seed, curve={"best_score": [best]}, learning_rate=rate)
    figure = search_figures.pictures(runs(store.uri, "retina"))[0].figure
    ax, bar = figure.axes
    assert [label.get_text() for label in ax.get_xticklabels()] == [
        "learning rate",
        "weight decay",
        "validation score (%)",  # nothing has a beta
    ]
    texts = [(round(text.get_position()[0]), text.get_position()[1], text.get_text()) for text in ax.texts]
    assert texts == [
        *((0, 0.0, "1e-05"), (0, 0.5, "0.0001"), (0, 1.0, "0.001")),  # the middle of a log scale
        (2, 0.0, "50"), (2, 0.5, "60"), (2, 1.0, "70"),
    ]  # fmt: skip
    assert bar.get_ylabel() == "validation score (%)"


def test_beta_has_a_figure_where_there_is_a_teacher(store: Any) -> None:
    parent = store.sweep()
    cell = {"method": "attention", "teacher": "imagenet", "beta": 10.0, "phase": "search"}
    store.trial(parent, curve={"best_score": [0.5]}, **cell)
    assert search_figures.pictures(runs(store.uri, "retina"))[-1].name == "search_beta"


def test_nothing_to_draw(store: Any) -> None:
    recorded = runs(store.uri, "retina")
    assert figure_3.picture(recorded) is None and figure_4.picture(recorded) is None
    assert search_figures.pictures(recorded) == []
    assert figure_reliability.picture(pd.DataFrame(), {}) is None


def test_the_legend_of_the_reliability_diagram_lies_within_the_figure_and_has_the_whole_error() -> None:
    bins = {"bin": [0, 1], "confidence": [0.1, 0.9], "frequency": [0.188, 0.812], "num_images": [5, 5]}
    cells = [f"attention/{teacher}/densenet121/all@0.25,from-random" for teacher in ("imagenet", "mimic-cxr", "other")]
    frame = pd.concat([pd.DataFrame(bins).assign(cell=cell) for cell in cells], ignore_index=True)
    picture = figure_reliability.picture(frame, dict.fromkeys(cells, "images"))
    assert picture is not None
    figure = picture.figure
    figure.draw_without_rendering()
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert box.x0 >= 0 and box.x1 <= figure.bbox.x1 and box.y0 >= 0
    texts = [text.get_text() for text in legend.get_texts()]
    assert all("ECE 0.088 PHANTOM" in text.replace("\n", " ") for text in texts) and len(texts) == 3
    assert all(cell in text for cell, text in zip(cells, texts, strict=True))


def test_files_have_the_same_bytes_each_time() -> None:
    def draw() -> tuple[bytes, bytes]:
        bins = {"bin": [0, 1], "confidence": [0.1, 0.9], "frequency": [0.2, 0.8], "num_images": [5, 5]}
        cell = "transfer/none/densenet40/all"
        picture = figure_reliability.picture(pd.DataFrame(bins).assign(cell=cell), {cell: "images"})
        assert picture is not None
        return drawing.png(picture.figure), drawing.svg(picture.figure)

    first, second = draw(), draw()
    assert first == second
    assert first[0].startswith(b"\x89PNG") and b"<svg" in first[1] and b"<dc:date>" not in first[1]


def test_one_colour_a_teacher_one_dash_a_student() -> None:
    teachers = drawing.teachers_of(["attention/b/densenet40/all", "attention/a/densenet40/all", "transfer/none/x/all"])
    assert teachers == ["a", "b"]
    looks = [drawing.style(f"attention/{t}/{s}/all", teachers) for t in teachers for s in ("densenet40", "densenet121")]
    assert looks[0]["color"] == looks[1]["color"] != looks[2]["color"]
    assert looks[0]["linestyle"] == looks[2]["linestyle"] != looks[1]["linestyle"]
    assert drawing.style("transfer/none/densenet40/all@0.5", teachers)["alpha"] < 1


@pytest.mark.parametrize("more", ["from-random", "ones", "ones,from-nih"])
def test_paler_is_less_data_and_nothing_else(more: str) -> None:
    plain = drawing.style("attention/a/densenet40/all", ["a"])
    other = drawing.style(f"attention/a/densenet40/all@{more}", ["a"])
    assert other["alpha"] == plain["alpha"] == 1
    assert drawing.style(f"attention/a/densenet40/all@0.25,{more}", ["a"])["alpha"] < 1
    assert other["color"] == plain["color"]
    assert other["linestyle"] != plain["linestyle"] and other["marker"] != plain["marker"]


def test_palette_is_told_apart_without_red_and_green() -> None:
    # Deuteranopia after Vienot et al. 1999: red and green collapse into one channel; what is left must still differ.
    from matplotlib.colors import to_rgb

    seen = [(0.29 * r + 0.71 * g, b) for r, g, b in (to_rgb(colour) for colour in drawing.PALETTE)]
    distances = [np.hypot(a[0] - b[0], a[1] - b[1]) for i, a in enumerate(seen) for b in seen[:i]]
    assert min(distances) > 0.08
