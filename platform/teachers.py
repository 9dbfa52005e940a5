"""List the teachers at hand, or bring in a checkpoint that was made elsewhere: `teachers import FILE --name NAME`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from platform.arguments import plain_name, results_option, say_errors
from platform.places import Places
from trainables.pasting import command_line

SHOWN_SCORES = ("test_auc", "val_auc")  # the first that a teacher has


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m platform.teachers", description=(__doc__ or "").splitlines()[0])
    results_option(made)
    verbs = made.add_subparsers(dest="verb", metavar="import")
    brings = verbs.add_parser("import", help="bring in a network from a file, without running anything in it")
    brings.add_argument("file", type=Path, help="state dict, whole-model pickle or safetensors")
    brings.add_argument("--name", type=plain_name, required=True, help="what sweeps call it")
    brings.add_argument("--architecture", default="densenet121", metavar="NAME", help="default: densenet121")
    brings.add_argument("--labels", nargs="+", metavar="LABEL", help="its outputs' names, in their order")
    brings.add_argument(
        "--task", choices=("multilabel", "multiclass"), default="multilabel", help="default: %(default)s"
    )
    brings.add_argument("--seen", default="", metavar="DATASET", help="the data set that it was trained on")
    brings.add_argument(
        "--trained-on", default="", metavar="TEXT", help="in its maker's words, where no list of patients is to be had"
    )
    brings.add_argument("--source", default="", metavar="TEXT", help="where it comes from, in a sentence")
    brings.add_argument(
        "--may-differ", nargs="+", default=[], metavar="PART", help="parts that need not match, such as classifier"
    )
    return made


def main(arguments: list[str] | None = None) -> int:
    """Lists, or imports one and lists it."""
    made = parser()
    options = made.parse_args(arguments)
    places = Places.under(options.results)
    with say_errors(made):
        print(_import(options, places) if options.verb == "import" else table(places))
    return 0


def table(places: Places) -> str:
    """Every teacher under the results folder, a line each: name, network, outputs, own score, fingerprint, source."""
    from trainables.teachers import ledger
    from trainables.teachers.ledger import Teacher

    folders = sorted((places.results / "teachers").glob("*"))
    found = [teacher for folder in folders for teacher in ledger.listing(folder)]
    if not found:
        return (
            f"no teachers in {places.results / 'teachers'}: "
            f"{command_line('platform.pretrain', 'DATASET')} makes one, "
            f"{command_line('platform.teachers', 'import', 'FILE')} brings one in"
        )

    def line(teacher: Teacher) -> tuple[str, ...]:
        score = next((f"{name} {teacher.scores[name]:.3f}" for name in SHOWN_SCORES if name in teacher.scores), "-")
        name = teacher.name + (" (PHANTOM)" if teacher.is_phantom else "")
        seen = str(teacher.seen.get("dataset") or "unknown")
        if teacher.trained_on:
            seen = f"{teacher.seen.get('dataset') or ''} {teacher.trained_on!r} (unchecked)".strip()
        return (
            name,
            teacher.architecture,
            str(len(teacher.label_names)),
            score,
            seen,
            teacher.fingerprint,
            teacher.source,
        )

    return _columns(
        [("name", "architecture", "labels", "own score", "trained on", "fingerprint", "source"), *map(line, found)]
    )


def _columns(lines: Sequence[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _import(options: argparse.Namespace, places: Places) -> str:
    from trainables.models.architectures import known
    from trainables.teachers import ledger
    from trainables.teachers.checkpoint import import_network
    from trainables.teachers.overlap import unverifiable

    known(options.architecture, "teacher")
    num_labels = len(options.labels) if options.labels else None
    imported = import_network(
        options.file, architecture=options.architecture, num_labels=num_labels, may_differ=options.may_differ
    )
    labels = options.labels or [f"output {number}" for number in range(1, imported.num_labels + 1)]
    teacher = ledger.save(
        places.teachers(phantom=False, image_size_px=0),
        imported.weights,
        name=options.name,
        architecture=options.architecture,
        task=options.task,
        label_names=tuple(labels),
        source=options.source or f"imported from {options.file.name}",
        is_phantom=False,
        trained_on=options.trained_on,
        seen={"dataset": options.seen},
    )
    unknown = (
        ""
        if options.seen or options.trained_on
        else "\nnot known what it was trained on: say it with --seen, or no overlap can be found"
    )
    warning = f"\nWARNING: {said}" if (said := unverifiable(teacher)) else ""
    return f"{imported.report()}\nteacher {teacher.name}, fingerprint {teacher.fingerprint}{unknown}{warning}"


if __name__ == "__main__":
    sys.exit(main())
