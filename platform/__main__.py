"""`python -m platform` lists the commands, one line each; `--version` prints the version."""

import ast
import sys
from pathlib import Path

from trainables.pasting import command_line
from trainables.version import VERSION


def verbs(folder: Path) -> dict[str, str]:
    """What `python -m platform.VERB` can run: each file of `folder` that has a main block, with its docstring's first
    line. The files are read and not imported, since importing torch and Ray takes ten seconds.

    Raises:
        SyntaxError: a file of the folder is not Python.
    """
    found = {}
    for path in sorted(folder.glob("[!_]*.py")):
        module = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
        if any(isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'" for node in module.body):
            found[path.stem] = (ast.get_docstring(module) or "").partition("\n")[0]
    return found


def main(arguments: list[str]) -> str | None:
    """Prints the commands or the version; returns an error message where a command follows a blank instead of a dot."""
    if arguments == ["--version"]:
        print(VERSION)
        return None
    known = verbs(Path(__file__).parent)
    if arguments and arguments[0] not in ("-h", "--help"):
        if arguments[0] in known:
            right = command_line(f"platform.{arguments[0]}", *arguments[1:])
            return f"the command must follow a dot, not a blank: {right}"
        any_verb = command_line("platform.VERB")
        return f"the command must be one of {', '.join(known)}, but got {arguments[0]!r}; write {any_verb}"
    width = max(map(len, known), default=0)
    for verb, line in known.items():
        print(f"  {command_line(f'platform.{verb}')}{'':<{width - len(verb)}}  {line}")
    report = command_line("analysis.report", "DATASET")
    print(f"  --help after any of them lists its options; {report} writes tables and figures from the runs.")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
