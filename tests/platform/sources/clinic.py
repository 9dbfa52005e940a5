"""A small data set of one's own: a CSV file and its images."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

NUM_IMAGES = 20


def write_clinic(csv: Path) -> None:
    """Writes the file, and beside it one grey image of 40 px for each of 20 patients, every third of whom is well."""
    csv.parent.mkdir()
    lines = ["image,patient,label"]
    for number in range(NUM_IMAGES):
        Image.new("L", (40, 40), 10 * number).save(csv.with_name(f"{number}.png"))
        lines.append(f"{number}.png,p{number},{'ill' if number % 3 else 'well'}")
    csv.write_text("\n".join(lines))
