"""The command line: ``sparsesolve`` or ``python -m sparsesolve``, and a command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from sparsesolve import __version__
from sparsesolve.errors import SparseSolveError

_SUITE = {"problems": "problems", "bench": "benchmarks"}


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    top = argparse.ArgumentParser(
        prog="sparsesolve",
        description="Exact sparse derivatives of NumPy functions, for the solvers you already use.",
    )
    top.add_argument("--version", action="version", version=f"sparsesolve {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    demo = commands.add_parser(
        "demo", help="solve three real problems with and without sparsesolve"
    )
    demo.add_argument("--small", action="store_true", help="small sizes, for a quick look")

    inspect = commands.add_parser(
        "inspect",
        help="show the sparsity, colors and cost of a function's derivative",
        epilog="example: python -m sparsesolve inspect mymodel:residual --at 'np.ones(50)'",
    )
    inspect.add_argument("target", metavar="MODULE:FUNCTION")
    inspect.add_argument(
        "--at",
        nargs="+",
        required=True,
        metavar="EXPRESSION",
        help="one Python expression an argument, such as 'np.ones(50)'",
    )
    inspect.add_argument("--argnum", type=int, default=0, help="argument to differentiate")
    inspect.add_argument("--hessian", action="store_true", help="Hessian of a scalar function")
    inspect.add_argument(
        "--entry", nargs=2, type=int, metavar=("I", "J"), help="explain this row and column"
    )

    sif = commands.add_parser(
        "sif",
        help="describe and solve a problem of the CUTEst collection, from its SIF file",
        epilog="example: python -m sparsesolve sif BROYDN3D --param N=1000 --solver ipopt",
    )
    sif.add_argument("target", metavar="FILE_OR_NAME", help="a path, or a name in $MASTSIF")
    sif.add_argument(
        "--param", action="append", default=[], metavar="NAME=VALUE", help="value of a parameter"
    )
    sif.add_argument(
        "--solver", default="auto", help="ipopt, trust-constr, ..., or none; default: auto"
    )
    sif.add_argument(
        "--check",
        action="store_true",
        help="compare derivatives with those in the file and with differences",
    )
    commands.add_parser(
        "solvers", help="list the solvers that are installed, and IPOPT's linear solvers"
    )
    commands.add_parser("problems", help="list the problems with known answers")
    commands.add_parser("bench", help="the suite: bench run, report, peers, solve")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    inner = given[1:] if given[:1] == ["bench"] else []  # the suite reads its arguments itself
    options = parser().parse_args(given[: len(given) - len(inner)])
    # imported here, so that --help and --version need nothing
    from rich.console import Console  # noqa: PLC0415

    console = Console()
    try:
        if options.command == "demo":
            from sparsesolve.cli.demo import SMALL, run_demo  # noqa: PLC0415

            run_demo(console, SMALL if options.small else None)
        elif options.command == "sif":
            from sparsesolve.cli.sif import Request, read_overrides, run_sif  # noqa: PLC0415

            parameters = read_overrides(options.param)
            request = Request(options.target, parameters, options.solver, options.check)
            return 0 if run_sif(request, console) else 2
        elif options.command in _SUITE:
            from sparsesolve.cli.suite import suite_command  # noqa: PLC0415

            command = suite_command(_SUITE[options.command])
            return command(inner, prog=f"sparsesolve {options.command}") or 0
        elif options.command == "solvers":
            from sparsesolve.cli.solvers import print_solvers  # noqa: PLC0415

            print_solvers(console)
        else:
            from sparsesolve.cli.inspect import Question, inspect_function  # noqa: PLC0415

            entry = None if options.entry is None else (options.entry[0], options.entry[1])
            question = Question(options.target, options.at, options.argnum, options.hessian, entry)
            inspect_function(question, console)
    except (SparseSolveError, ValueError, TypeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
