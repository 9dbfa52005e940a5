"""What a method declares decides what a search may try: each range stands here a second time, and has to agree."""

from __future__ import annotations

import pytest

from trainables.knob import Range
from trainables.transfer import METHODS
from trainables.transfer.method import Method

CONTROL = "attention-permuted", "attention-silent"
TEMPERATURE = (1.0, 20.0)
# Of beta, and of each knob, the least, the greatest and the first value.
BETA = {
    **dict.fromkeys(("attention", "attention-projected", *CONTROL), (1.0, 2000.0, 100.0)),
    **dict.fromkeys(("compression", "distillation", "attention+distillation"), (0.1, 100.0, 1.0)),
    **dict.fromkeys(("cka", "dist", "embedding-queue", "embedding-queue-spatial"), (0.01, 100.0, 1.0)),
    **dict.fromkeys(("hints", "hints-in-stages", "vid"), (0.01, 100.0, 1.0)),
    "attention-squares": (1e-5, 0.1, 1e-3),
    "crd": (0.1, 100.0, 1 / 0.8),
    "decoupled-labels": (0.1, 1000.0, 10.0),
    "flow": (1e-3, 10.0, 0.1),
    "relational": (1e-3, 10.0, 1 / 25),
    "similarity": (1e-4, 1.0, 0.01),
    "standardised-distillation": (1e-3, 10.0, 1 / 9),
}
KNOBS = {
    "attention+distillation": {"temperature": (*TEMPERATURE, 4.0), "attention_weight": (0.0, 1.0, 0.5)},
    "crd": {"temperature": (0.02, 0.5, 0.07)},
    "decoupled-labels": {"temperature": (*TEMPERATURE, 1.0)},
    "dist": {"intra_weight": (0.0, 4.0, 1.0), "temperature": (*TEMPERATURE, 1.0)},
    "distillation": {"temperature": (*TEMPERATURE, 4.0)},
    "embedding-queue": {"temperature": (0.02, 1.0, 0.07)},
    "embedding-queue-spatial": {"temperature": (0.02, 1.0, 0.07), "spatial_weight": (0.0, 4.0, 1.0)},
    "hints-in-stages": {"first_stage": (0.1, 0.5, 0.25)},
    "relational": {"angle_weight": (0.0, 4.0, 2.0)},
    "standardised-distillation": {"temperature": (*TEMPERATURE, 2.0)},
}
LINEAR = ("attention_weight", "intra_weight", "spatial_weight", "angle_weight", "first_stage")
AVERAGE = ("compression", "decoupled-labels", "dist", "distillation", "standardised-distillation")  # those of outputs
OWN = sorted(METHODS)


@pytest.mark.parametrize("name", OWN)
def test_the_ranges_of_a_search(name: str) -> None:
    low, high, first = BETA[name]
    assert METHODS[name].beta == Range(low=low, high=high, first=first, log=True)
    assert METHODS[name].knobs == {
        knob: Range(low=low, high=high, first=first, log=knob not in LINEAR)
        for knob, (low, high, first) in KNOBS.get(name, {}).items()
    }


def test_an_ensembles_mean_is_knowledge_where_outputs_are_compared() -> None:
    assert tuple(name for name in OWN if METHODS[name].averages) == AVERAGE


def test_a_method_is_called_by_its_title_and_without_one_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainables.transfer.method.METHODS", {})  # no other test is to know these

    class Untitled(Method):
        name, reference, formula = "nearest-planes", "nobody", "0"
        teacher_roles = student_roles = ("middle",)

    class Titled(Untitled):
        name, title = "farthest-planes", "Planes far away"

    class AlsoUntitled(Titled):
        name = "planes"

    assert [each.title for each in (Untitled, Titled, AlsoUntitled)] == ["Nearest-planes", "Planes far away", "Planes"]
