"""The presets: how long and how large, and which ranges they change."""

from __future__ import annotations

from search_spaces.presets import PRESETS
from search_spaces.retina import SPACE
from trainables.knob import Range


def test_the_papers_setup() -> None:
    """Section V.A; as many trials as the grid has points."""
    paper = PRESETS["paper"]
    [with_teacher, *_] = [cell for cell in SPACE.cells if cell.teacher != "none"]
    assert paper.num_trials == len(SPACE.grid_points(with_teacher)) == 12
    assert (paper.num_repeats, dict(paper.knobs)) == (3, {})
    assert paper.fitted(SPACE) == SPACE


def test_the_quick_setup() -> None:
    quick = PRESETS["quick"]
    assert (quick.num_trials, quick.num_repeats) == (2, 3)
    assert quick.knobs == {"image_size_px": 64, "max_epochs": 2, "batch_size": 8}
    rate = Range(low=2e-4, high=2e-3, first=5e-4, log=True)
    assert quick.fitted(SPACE).tuned == {**SPACE.tuned, "learning_rate": rate}
