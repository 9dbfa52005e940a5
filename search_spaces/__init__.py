"""What a sweep varies: one search space a data set."""

from __future__ import annotations

from search_spaces import retina

SPACES = {space.dataset: space for space in (retina.SPACE,)}
