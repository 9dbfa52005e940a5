"""What each benchmark promises, declared once, and the line that it prints: a figure beside its target.

`make bench` finds these lines again and keeps them. Nothing heavy is imported here: the table is there at once.
"""

from __future__ import annotations

from dataclasses import dataclass

MARK = "=> "
MET, FALLS_SHORT, NO_TARGET = "met", "falls short", "no target"
OUTCOMES = {True: MET, False: FALLS_SHORT, None: NO_TARGET}
FOR_COMPARISON = "for comparison"
STUDENTS = ("densenet121", "densenet40")
KINDS = ("transfer learning", "attention, cold cache", "attention, cached")  # of training
SHOWN_TRIALS = (10, 100, 500, 1000, 2000)  # of a sweep without training
AT_ONCE = (1, 2, 4)  # trials on one machine
ABLATION_TARGETS = {64: 0.40, 128: 0.60}  # of the public stack's time for an ablation, by the size of its images in px


def verdict(what: str, target: str, figure: str, met: bool | None, n: int | None = None) -> None:
    """Prints one row; `met` is None where there is nothing to meet, and `n` is the number of rounds, seeds or the like.

    Raises:
        ValueError: a text has a "|" or a line break, by which the row could not be read again.
    """
    outcome = OUTCOMES[met]
    words = (what, target, figure, outcome, "" if n is None else str(n))
    if any("|" in word or "\n" in word for word in words):
        raise ValueError(f"a row's texts must have neither | nor line breaks, but got {words}; word them differently")
    print(MARK + " | ".join(words), flush=True)


def parsed(line: str) -> tuple[str, str, str, str, str] | None:
    """What `verdict` printed: what, target, figure, verdict and n (or ""); None for any other line."""
    words = [word.strip() for word in line.removeprefix(MARK).split("|")]
    if not line.startswith(MARK) or len(words) != 5:
        return None
    what, target, figure, outcome, n = words
    return what, target, figure, outcome, n


@dataclass(frozen=True, kw_only=True)
class Target:
    """A figure that is promised.

    Args:
        what: is measured.
        least, most: what the figure must reach or not exceed; with neither, it stands for comparison.
        style: how the figure is written, as `format` takes it.
        limit_style: the same of the limit.
        unit: behind both.
    """

    what: str
    least: float | None = None
    most: float | None = None
    style: str = ".1f"
    limit_style: str = "g"
    unit: str = " x"

    @property
    def text(self) -> str:
        """The target in words."""
        if self.least is not None:
            return f"at least {self.least:{self.limit_style}}{self.unit}"
        return FOR_COMPARISON if self.most is None else f"at most {self.most:{self.limit_style}}{self.unit}"

    def is_met(self, value: float) -> bool | None:
        """Whether it is; None where there is nothing to meet."""
        if self.least is not None:
            return value >= self.least
        return None if self.most is None else value <= self.most

    def judge(self, value: float, n: int | None = None) -> None:
        """Prints the figure beside the target."""
        verdict(self.what, self.text, self.written(value), self.is_met(value), n)

    def written(self, value: float) -> str:
        """The figure as tables have it."""
        return f"{value:{self.style}}{self.unit}"


def views(dataset: str) -> tuple[Target, Target, Target]:
    """Batches against torchvision's, with either rotation, and against gathering and normalising alone."""
    batches = f"{dataset}: augmented batches"
    return (
        Target(what=f"{batches} against torchvision from files", least={"retina": 15, "chestxray8": 40}[dataset]),
        Target(what=f"{batches}, bilinear, against torchvision's nearest", least=10),
        Target(what=f"{batches}, share of the floor", least=0.35, style=".0%", limit_style=".0%", unit=""),
    )


def split_shares(dataset: str, part: str) -> Target:
    """The relative deviation of a label's share in a part, over that of a random split."""
    what = f"{dataset}: labels' shares, {part}, worst label"
    return Target(what=what, most=0.5, style=".2f", unit=" of random's")


def preparing(image_size_px: int) -> Target:
    """A store made of photographs, against decoding and resizing them."""
    return Target(what=f"preparing the store at {image_size_px} px against PIL", least=2)


def steps(student: str, image_size_px: int) -> tuple[Target, Target]:
    """An epoch of attention transfer, with the teacher's knowledge in the cache and with a cold cache."""
    where = f"{student}, {image_size_px} px"
    return (
        Target(what=f"attention transfer, cached, against transfer learning: {where}", most=1.03, style=".3f"),
        Target(
            what=f"attention transfer, cold cache, against transfer learning and the teacher: {where}",
            most=1.05,
            style=".3f",
        ),
    )


def cpu_steps(student: str, image_size_px: int) -> tuple[Target, Target]:
    """A step on a CPU with its memory kept, against glibc's own way; and in bfloat16 as well, against that."""
    where = f"{student}, {image_size_px} px"
    return (
        Target(what=f"a CPU's step with its memory kept, against as usual: {where}", most=1, style=".2f"),
        Target(what=f"a CPU's step in bfloat16 against float32: {where}", style=".2f"),
    )


def torchdistill(student: str, image_size_px: int) -> Target:
    """What `steps` measures, of another implementation."""
    what = f"torchdistill: its attention transfer against none: {student}, {image_size_px} px"
    return Target(what=what, style=".3f")


def end_to_end(image_size_px: int) -> tuple[Target, Target, Target]:
    """An ablation, an epoch of attention transfer in it, and its start, over the same by the public stack."""
    where = f"{image_size_px} px"
    return (
        Target(
            what=f"a whole ablation against the public stack: {where}",
            most=ABLATION_TARGETS[image_size_px],
            style=".2f",
        ),
        Target(what=f"an epoch of attention transfer in it: {where}", most=0.65, style=".2f"),
        Target(what=f"from the command to the first epoch in it: {where}", most=1, style=".2f"),
    )


KORNIA = Target(what="retina: augmented batches against kornia's, from the store's bytes, 256 px")
TEACHERS = {"densenet121": "DenseNet-121", "rad-dino": "ViT-B/14 (518 px)"}  # whose knowledge a GPU computes or reads


def _guided(teacher: str) -> dict[str, Target]:
    what = f"GPU: attention transfer from a {TEACHERS[teacher]}"
    return {
        f"cached {teacher}": Target(what=f"{what}, cached, against transfer learning", most=1.03, style=".3f"),
        f"cold {teacher}": Target(what=f"{what}, cold cache, against transfer learning", style=".2f"),
        f"paid {teacher}": Target(what=f"{what}: epochs read until one written has paid", unit=" epochs"),
    }


GPU = {
    "one": Target(what="GPU: images a second of one training against eager float32", least=5, style=".2f"),
    "several": Target(
        what="GPU: images a second of several trainings at once against one in float32", least=10, style=".2f"
    ),
    "views": Target(
        what="GPU: augmented batches, share of the floor", least=0.8, style=".0%", limit_style=".0%", unit=""
    ),
    **_guided("densenet121"),
    **_guided("rad-dino"),
    "waits": Target(what="GPU: synchronisations per step", most=0, unit=""),
    "timm": Target(what="GPU: images a second of one eager training in float32 against timm's benchmark", style=".2f"),
    "memory": Target(what="GPU: memory that one training takes of the card, 256 px", style=".2f", unit=" GiB"),
    "resident set": Target(what="GPU: memory that its process takes of the host, 256 px", style=".2f", unit=" GiB"),
}


def overhead(trial: int) -> Target:
    """What one more trial costs late in a sweep."""
    return Target(what=f"trial {trial:,} of no training, beyond Optuna's own", most=100, unit=" ms")


SEARCH_EPOCHS = "epochs to the grid's best score, held-out cells"
SEARCH = (
    Target(what=f"{SEARCH_EPOCHS}, median", most=0.15, style=".0%", limit_style=".0%", unit=" of the grid's"),
    Target(what=f"{SEARCH_EPOCHS}, 90th percentile", most=0.30, style=".0%", limit_style=".0%", unit=" of the grid's"),
    Target(
        what="test score less the grid's, held-out cells", least=-0.1, style="+.2f", limit_style="+.1f", unit=" points"
    ),
)


def report(num_runs: int) -> tuple[Target, Target]:
    """The time and the peak memory of a report."""
    what = f"the report of {num_runs:,} runs"
    return (
        Target(what=f"{what}, the whole command", most=60, unit=" s"),
        Target(what=f"{what}, peak memory", most=4, style=".2f", unit=" GiB"),
    )


def question(mode: str, num_known: int) -> Target:
    """One question to the sampler."""
    what = f"a question with {num_known:,} known trials, --search {mode}"
    return Target(what=what, most=50, style=".0f", unit=" ms")


def growth(what: str, times: int, kind: str) -> Target:
    """How a cost grows where there are so many times as many images or epochs; `kind` is of training."""
    return Target(what=f"{kind}: time with {times} times as many {what}", style=".2f")


GROWTH_TRIALS = Target(what="a sweep's last trials against its first ones, beside training", style=".2f")
RESUMING = Target(what="resuming a sweep of 1,800 trials or more, beyond Ray's own start", most=20, unit=" s")


def trial_memory(num_trials: int) -> Target:
    """The peak memory of a trial where so many run at once, with shared pages counted once."""
    return Target(what=f"memory a trial at its peak, {_at_once(num_trials)}, 256 px", style=".0f", unit=" MiB")


def further_copy(num_trials: int) -> Target:
    """What a trial has more of its own on a larger store: of the bytes that this is larger by."""
    what = f"what a trial keeps of the store for itself, {_at_once(num_trials)}"
    return Target(what=what, most=0.1, style=".1%", limit_style=".0%", unit=" of its bytes")


def mapped_once(num_trials: int) -> Target:
    """The store's pages in memory, those of several trials counted once."""
    what = f"the store's pages in memory, {_at_once(num_trials)}"
    return Target(what=what, most=1.05, style=".2f", unit=" of its bytes")


def _at_once(num_trials: int) -> str:
    return f"{num_trials} trial{'s' * (num_trials != 1)} at once"
