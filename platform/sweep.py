"""Search every cell of a data set with an equal budget, then confirm the best of each; run it again to resume.

Without --data the images are phantoms: synthetic, and marked as such in every run, table and figure.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from typing import Any

from platform.command_line import option
from platform.command_line.ablation_request import saved, sweep_request
from platform.command_line.adopt_request import AdoptRequest
from platform.command_line.endings import end, say_errors
from platform.command_line.parsing import parser_of, request_of
from platform.command_line.sweep_requests import SweepRequest
from platform.sources.names import check_names, check_sweep
from platform.sources.places import Places
from platform.tracking.adopting import adopt, check_place

(ADOPT,) = (field for field in fields(AdoptRequest) if field.name == "adopt")
PLAIN = ("transfer (always in a sweep: the baseline)", "  L = CE", "  fine-tuning the first weights; no teacher")


class _ListMethods(argparse.Action):
    """Prints each method with its formula and source, and exits; like --help, it needs no data set."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from trainables.transfer import METHODS  # torch takes seconds

        lines = [f"{name}\n  {method.formula}\n  {method.reference}" for name, method in sorted(METHODS.items())]
        print("\n".join([*lines, *PLAIN]))
        parser.exit()


def parser() -> argparse.ArgumentParser:
    """The command line: the options of `SweepRequest`, two lists to print, and what `AdoptRequest` does instead."""
    parser = parser_of(SweepRequest, "platform.sweep", __doc__)
    parser.add_argument("--list-methods", action=_ListMethods, nargs=0, help="print the methods and stop")
    parser.add_argument("--list-cells", action="store_true", help="print the cells and stop")
    option.add(parser, ADOPT.name, ADOPT.default, ADOPT.metadata["option"])  # for the help: see `main`
    return parser


def _adopt(arguments: list[str]) -> int:
    """Adopts a results folder, with a parser of its own: the sweep's asks for a data set."""
    commands = parser_of(AdoptRequest, "platform.sweep", AdoptRequest.__doc__)
    commands.usage = "%(prog)s --adopt [--results DIR]"
    typed = commands.parse_args(arguments)
    with say_errors(commands):
        print(adopt(request_of(AdoptRequest, typed).results))
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Runs the sweep; 0 when it is finished, else the same command resumes it."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if option.flag_of(ADOPT.name, ADOPT.metadata["option"]) in arguments:
        return _adopt(arguments)
    commands = parser()
    typed = commands.parse_args(arguments)
    with say_errors(commands):
        request = sweep_request(typed)
        if "list_cells" in typed:
            check_names(request)
            from platform.sources.images import dataset_of  # pandas and torch: only once the options are right
            from platform.sweeping.requested import cells_of

            dataset = dataset_of(request.dataset, Places(request.results.resolve()))
            print("\n".join(cell.name for cell in cells_of(request, dataset)))
            return 0
        places = Places.under(request.results)
        check_sweep(request, places)
        check_place(places)
        request = saved(request)
        if not request.dry_run:
            from platform.cluster import early_start  # Ray takes half a second

            early_start.begin(request)
        from platform.sweeping.conduct_sweep import conduct  # torch and MLflow take five seconds

        return conduct(request)


if __name__ == "__main__":
    end(main())
