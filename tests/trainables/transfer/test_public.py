"""Our losses against torchdistill's (Matsubara 2023), where it is installed: `pip install torchdistill==1.1.5`.

Where the two scale differently the factor is written down; no loss is compared with itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from trainables.transfer import METHODS
from trainables.transfer.flow import gram
from trainables.transfer.method import Method
from trainables.transfer.squares import beta_of_their_paper

theirs = pytest.importorskip("torchdistill.losses.mid_level", reason="torchdistill is not installed")

PLANES = {role: (6, 6) for role in ("shallow", "middle", "attention", "embedding")}


def tensors(seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shapes = {role: (5, 6, 4, 4) if role != "embedding" else (5, 6) for role in PLANES}
    return {role: torch.randn(shape, generator=generator) for role, shape in shapes.items()} | {
        "logits": 3 * torch.randn(5, 7, generator=generator)
    }


STUDENT, TEACHER = tensors(0), tensors(1)


def ours(name: str, task: str = "multilabel", **knobs: float) -> float:
    method: Method = METHODS[name](task, PLANES, **knobs)
    return float(method.loss(STUDENT, method.knowledge(TEACHER)))


def of_theirs(loss: Any, student: Mapping[str, Tensor], teacher: Mapping[str, Tensor]) -> float:
    def as_dict(values: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
        return {name: {"output": value, "input": value} for name, value in values.items()}

    return float(loss(as_dict(student), as_dict(teacher)))


@pytest.mark.parametrize("temperature", [1.0, 4.0, 20.0])
def test_distillation(temperature: float) -> None:
    loss = theirs.KDLoss("logits", "output", "logits", "output", temperature=temperature, alpha=0.0)
    expected = temperature**2 * of_theirs(loss, STUDENT, TEACHER)  # theirs adds the factor beside a label loss only
    assert ours("distillation", "multiclass", temperature=temperature) == pytest.approx(expected, rel=1e-5)


def test_attention_of_squares_in_the_scaling_of_the_code_and_of_the_paper() -> None:
    place = {"io": "output", "path": "attention"}
    pairs = {"pair": {"teacher": place, "student": place}}
    mine = ours("attention-squares")
    assert mine == pytest.approx(of_theirs(theirs.ATLoss(pairs, mode="code"), STUDENT, TEACHER), rel=1e-5)

    pair = {role: value[:1] for role, value in STUDENT.items()}, {role: value[:1] for role, value in TEACHER.items()}
    distance = of_theirs(theirs.ATLoss(pairs, mode="paper"), *pair)  # || Q_S - Q_T || of one image
    method = METHODS["attention-squares"]("multilabel", PLANES)
    beta = 0.01
    weighted = float(method.loss(pair[0], method.knowledge(pair[1]))) / beta
    assert weighted == pytest.approx(beta_of_their_paper(beta, distance, 16) / 2 * distance, rel=1e-5)


def test_the_matrices_of_the_flow() -> None:
    expected = theirs.FSPLoss.compute_fsp_matrix(STUDENT["shallow"], STUDENT["middle"])
    torch.testing.assert_close(gram(STUDENT["shallow"], STUDENT["middle"]), expected)
    place = {name: {"io": "output", "path": role} for name, role in (("first", "shallow"), ("second", "middle"))}
    pair = {f"{who}_{name}": where for who in ("student", "teacher") for name, where in place.items()}
    loss = of_theirs(theirs.FSPLoss({"pair": pair}), STUDENT, TEACHER)
    difference = gram(STUDENT["shallow"], STUDENT["middle"]) - gram(TEACHER["shallow"], TEACHER["middle"])
    assert loss == pytest.approx(float(difference.norm(dim=1).sum()) / 5, rel=1e-5)  # theirs: a norm a column
    assert ours("flow") == pytest.approx(float(difference.square().mean()), rel=1e-5)  # Yim et al.: squared


def test_similarity() -> None:
    loss = theirs.SPKDLoss("embedding", "embedding", reduction="batchmean")

    def matrix(values: Mapping[str, Tensor], p: int) -> Tensor:
        rows = values["embedding"]
        return functional.normalize(rows @ rows.T, p=p, dim=1)

    def distance(p: int) -> float:
        return float((matrix(STUDENT, p) - matrix(TEACHER, p)).square().sum()) / 25

    # theirs divides a row by the sum of its magnitudes; Tung and Mori, Eq. 2, by its length
    assert of_theirs(loss, STUDENT, TEACHER) == pytest.approx(distance(p=1), rel=1e-5)
    assert ours("similarity") == pytest.approx(distance(p=2), rel=1e-5)


@pytest.mark.parametrize("angle_weight", [0.0, 2.0])
def test_relational(angle_weight: float) -> None:
    def loss(distance: float, angle: float) -> float:
        rkd = theirs.RKDLoss("embedding", "embedding", distance, angle, reduction="mean")
        return of_theirs(rkd, STUDENT, TEACHER)

    off_diagonal = 25 / 20  # theirs averages over the diagonal of 5 x 5 distances, too
    expected = off_diagonal * loss(1.0, 0.0) + (loss(0.0, angle_weight) if angle_weight else 0.0)
    assert ours("relational", angle_weight=angle_weight) == pytest.approx(expected, rel=1e-4)
