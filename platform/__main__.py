"""`python -m platform` lists the commands, one line each; `--version` prints the version."""

import ast
import sys
from pathlib import Path

from trainables.pasting import command_line
from trainables.version import VERSION


def verbs(folder: Path) -> dict[str, str]:
    """The commands in `folder`: each file that has a main block, with the first line of its docstring.

    The files are read and not imported, since importing torch and Ray takes ten seconds.

    Raises:
        SyntaxError: a file of the folder is not Python.
    """
    lines = {}
    for path in sorted(folder.glob("[!_]*.py")):
        module = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
        if any(isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'" for node in module.body):
            lines[path.stem] = (ast.get_docstring(module) or "").partition("\n")[0]
    return lines


def main(arguments: list[str]) -> str | None:
    """Prints the commands or the version; returns an error message where a space stands instead of the dot."""
    if arguments == ["--version"]:
        print(VERSION)
        return None
    known = verbs(Path(__file__).parent)
    if arguments and arguments[0] not in ("-h", "--help"):
        if arguments[0] in known:
            right = command_line(f"platform.{arguments[0]}", *arguments[1:])
            return f"the command must follow a dot, not a space: {right}"
        any_verb = command_line("platform.VERB")
        return f"the command must be one of {', '.join(known)}, but got {arguments[0]!r}; write {any_verb}"
    width = max(map(len, known), default=0)
    for verb, line in known.items():
        print(f"  {command_line(f'platform.{verb}')}{'':<{width - len(verb)}}  {line}")
    report = command_line("analysis.report", "DATASET")
    print(f"  Add --help to any of them for its options; {report} writes tables and figures from the runs.")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
