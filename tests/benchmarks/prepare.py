"""Preparing a store against PIL's decode and resize of the same files: `python -m tests.benchmarks.prepare`.

With TRANSFER_DATA set, the real photographs; else 200 phantoms of 1,024 px. Both use the same number of threads.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from platform.phantoms.writers import write_retina
from tests.benchmarks.targets import preparing
from trainables.data.catalogue import read
from trainables.data.listing import Listing
from trainables.data.readers import retina
from trainables.data.store_making import prepare


def plain(listing: Listing, image_size_px: int, num_threads: int) -> None:
    """Every file decoded whole and resized, and thrown away."""

    def load(path: str) -> bytes:
        with Image.open(listing.root / path) as image:
            shorter = min(image.size)
            size = round(image.width * image_size_px / shorter), round(image.height * image_size_px / shorter)
            return image.convert("RGB").resize(size, Image.Resampling.BILINEAR).tobytes()

    with ThreadPoolExecutor(num_threads) as pool:
        for _ in pool.map(load, listing.rows["path"]):
            pass


def main() -> None:
    """Prints one row per size."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.prepare")
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 256], metavar="PX", help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    typed = parser.parse_args()
    num_threads = os.cpu_count() or 1
    print("px | images | plain, images/s | store, images/s, fsync and checks in it | ratio")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if data := os.environ.get("TRANSFER_DATA"):
            listing = read("retina", Path(data))
        else:
            listing = retina.read(write_retina(folder / "retina", num_patients=100, image_size_px=1024, seed=0))
        for size in typed.sizes:
            times: dict[str, list[float]] = {"plain": [], "store": []}
            for number in range(typed.rounds + 1):  # the first one warms the disk's cache
                started_s = time.perf_counter()
                plain(listing, size, num_threads)
                times["plain"].append(time.perf_counter() - started_s)
                started_s = time.perf_counter()
                out = folder / f"{size}-{number}.arrow"
                prepare(listing, out, image_size_px=size, salt=b"bench", progress=False)
                times["store"].append(time.perf_counter() - started_s)
            slow, fast = (statistics.median(times[way][1:]) for way in ("plain", "store"))
            count = len(listing.rows)
            print(f"{size} | {count} | {count / slow:.0f} | {count / fast:.0f} | {slow / fast:.1f}", flush=True)
            preparing(size).judge(slow / fast, typed.rounds)


if __name__ == "__main__":
    main()
