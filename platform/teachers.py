"""List the teachers at hand, or bring in a checkpoint from elsewhere: `teachers import FILE --name NAME`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from platform.command_line.endings import end, say_errors
from platform.command_line.image_requests import ResultsRequest
from platform.command_line.parsing import add_options, parser_of, request_of
from platform.command_line.teacher_requests import ImportRequest
from platform.sources.names import check_network
from platform.sources.places import Places
from trainables.pasting import command_line

SHOWN_SCORES = ("test_auc", "val_auc")  # the first that a teacher has


def parser() -> argparse.ArgumentParser:
    """The command line: the folder of teachers, and the import of a network."""
    parser = parser_of(ResultsRequest, "platform.teachers", __doc__)
    verbs = parser.add_subparsers(dest="verb", metavar="import", prog=parser.prog)
    about = "bring in a network from a file, without running anything in it"
    importing = verbs.add_parser("import", help=about, argument_default=argparse.SUPPRESS)
    add_options(importing, ImportRequest)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Lists the teachers, or imports a network and describes it."""
    commands = parser()
    typed = commands.parse_args(arguments)
    with say_errors(commands):
        if "verb" in typed and typed.verb:
            print(_import(request_of(ImportRequest, typed)))
        else:
            print(table(Places.under(request_of(ResultsRequest, typed).results)))
    return 0


def table(places: Places) -> str:
    """Every teacher under the results folder, one per line: name, network, outputs, own score, fingerprint, source."""
    from trainables.teachers import shelf
    from trainables.teachers.shelf import Teacher

    folders = sorted((places.results / "teachers").glob("*"))
    teachers = [teacher for folder in folders for teacher in shelf.listing(folder)]
    if not teachers:
        return (
            f"no teachers in {places.results / 'teachers'}: "
            f"{command_line('platform.pretrain', 'DATASET')} trains one, "
            f"{command_line('platform.teachers', 'import', 'FILE')} imports one"
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
        [("name", "architecture", "labels", "own score", "trained on", "fingerprint", "source"), *map(line, teachers)]
    )


def _columns(lines: Sequence[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _import(request: ImportRequest) -> str:
    check_network("teacher", request.architecture)
    from trainables.teachers import shelf
    from trainables.teachers.importing import import_network
    from trainables.teachers.overlap import unverifiable

    num_labels = len(request.labels) if request.labels else None
    imported = import_network(
        request.file, architecture=request.architecture, num_labels=num_labels, may_differ=request.may_differ
    )
    labels = request.labels or [f"output {number}" for number in range(1, imported.num_labels + 1)]
    teacher = shelf.save(
        Places.under(request.results).teachers(phantom=False, image_size_px=0),
        imported.weights,
        name=request.name,
        architecture=request.architecture,
        task=request.task,
        label_names=tuple(labels),
        source=request.source or f"imported from {request.file.name}",
        is_phantom=False,
        trained_on=request.trained_on,
        seen={"dataset": request.seen},
    )
    unknown = (
        ""
        if request.seen or request.trained_on
        else "\nit is not known what it was trained on: give --seen DATASET, or no overlap can be found"
    )
    doubt = unverifiable(teacher)
    warning = f"\nWARNING: {doubt}" if doubt else ""
    return f"{imported.report()}\nteacher {teacher.name}, fingerprint {teacher.fingerprint}{unknown}{warning}"


if __name__ == "__main__":
    end(main())
