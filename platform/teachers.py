"""List the teachers at hand, or bring in a checkpoint from elsewhere: `teachers import FILE --as MODEL`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from platform.command_line.endings import end, say_errors
from platform.command_line.image_requests import ResultsRequest
from platform.command_line.parsing import add_options, parser_of, request_of
from platform.command_line.teacher_requests import ImportRequest
from platform.sources.places import Places
from platform.sources.teacher_files import bring_in
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
            print(bring_in(request_of(ImportRequest, typed)))
        else:
            print(table(Places.under(request_of(ResultsRequest, typed).results)))
    return 0


def table(places: Places) -> str:
    """Every teacher under the results folder, one per line: name, network, outputs, own score, fingerprint, source."""
    from trainables.teachers import shelf
    from trainables.teachers.overlap import sets_seen
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
        seen = ", ".join(sets_seen(teacher.seen))
        if teacher.trained_on:
            seen = f"{seen} {teacher.trained_on!r} (unchecked)".strip()
        return (
            name,
            teacher.architecture,
            str(len(teacher.label_names)),
            score,
            seen or "unknown",
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


if __name__ == "__main__":
    end(main())
