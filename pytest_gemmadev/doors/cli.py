"""The command ``gemmadev``, for everything outside of a test run.

The exit status is 0 where it was done, 1 where it was not or a problem was found, 2 on wrong usage.
Each command imports what it needs, so that ``gemmadev undo`` starts quickly and works without a model.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_gemmadev import __version__
from pytest_gemmadev.doors.commands import (
    add_apply,
    add_chat,
    add_completion,
    add_doctor,
    add_model_options,
    add_models,
    seconds,
    sentence,
)
from pytest_gemmadev.types import Confidence, GemmadevError

if TYPE_CHECKING:
    from pytest_gemmadev.files.journal import UndoResult

_EPILOG = """\
with tests, the repair is an option of pytest:
  pytest --gemmadev-fix                  repair what fails, in place
  pytest --gemmadev-propose=patches      write patches, change nothing
  pytest --help                          lists the other --gemmadev- options

for example:
  gemmadev doctor                        is everything installed?
  gemmadev fix program.py arguments      no tests: run it, repair what it raises
  gemmadev chat                          what failed, and why?
  gemmadev undo                          put everything back
  gemmadev apply                         write a repair that was only suggested

exit status: 0 done, 1 not done or a problem found, 2 wrong usage, 130 interrupted; of fix the
program's own"""

_INTERRUPTED = 130  # as a shell has it: 128 and the number of SIGINT


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; the exit status."""
    parser = build_parser()
    own, program = _split_off_program(sys.argv[1:] if argv is None else argv)
    arguments = parser.parse_args(own, argparse.Namespace(program=program))
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        return run(arguments)
    except GemmadevError as error:
        print(f"gemmadev: {error}", file=sys.stderr)
    except KeyboardInterrupt as error:
        notes = getattr(error, "__notes__", ())
        print("; ".join(("gemmadev: interrupted", *notes)), file=sys.stderr)
        return _INTERRUPTED
    return 1


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="gemmadev",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Repairs Python programs; your tests are the judge, a local model helps.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"gemmadev {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in (_add_fix, _add_undo, add_apply, add_chat, add_models, add_doctor):
        add(commands)
    add_completion(commands, build_parser)
    return parser


# --- fix -----------------------------------------------------------------------------------------

_FLAGS = ("--propose", "-h", "--help")  # of fix, the options without a value
_FIX_USAGE = "gemmadev fix [OPTION ...] (FILE | FOLDER | -m MODULE) [ARGUMENT ...]"


def _add_fix(commands: Any) -> None:
    about = "run a program and repair the errors that it raises, until it runs"
    parser = commands.add_parser(
        "fix",
        help=about,
        usage=_FIX_USAGE,
        description=(
            "Runs FILE, FOLDER/__main__.py or a module as Python would, with your arguments, input "
            "and output. Where it raises, patches are tried in copies of the project until one is "
            "found with which the program runs; that one is written, and the program run again. "
            "Options stand before the program. The exit status is the program's own."
        ),
        epilog="A program that runs is a weak judge: read the patch. gemmadev undo takes it back.",
    )
    add_model_options(parser)
    _add_limits(parser)
    parser.add_argument(
        "--also",
        metavar="FILE",
        action="append",
        default=[],
        help="a further program that has to run, without arguments, before this one; repeatable",
    )
    parser.add_argument(
        "--accept",
        choices=[each.value for each in Confidence],
        default=Confidence.LIKELY.value,
        help="how sure a patch must be to be written; what is less sure is suggested; default likely",
    )
    parser.add_argument("--propose", action="store_true", help="show the patch, write nothing")
    parser.add_argument(
        "--confine",
        choices=("auto", "strict", "off"),
        default="auto",
        help="how trials are kept from doing harm; strict refuses to run where the system cannot",
    )
    parser.add_argument(
        "--root", metavar="DIR", help="the project; by default found by its pyproject.toml or .git"
    )
    parser.add_argument("--python", metavar="PATH", help="another interpreter to run it under")
    parser.set_defaults(run=_fix)


def _add_limits(parser: argparse.ArgumentParser) -> None:
    """Adds the options that say how long the search may take and which files it may edit."""
    parser.add_argument(
        "--budget",
        metavar="SECONDS",
        type=seconds,
        default=300.0,
        help="limit for the search; default 300",
    )
    parser.add_argument(
        "--trial",
        metavar="SECONDS",
        type=seconds,
        default=10.0,
        help="how long the program may take in a trial, default 10; raise it where it takes longer",
    )
    for name, text in (
        ("allow", "only files that match may be edited, instead of all project sources"),
        ("deny", "files that match are never edited"),
    ):
        parser.add_argument(
            f"--{name}", metavar="GLOB", action="append", default=[], help=f"{text}; repeatable"
        )


def _split_off_program(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """A command line in two: what is for this command, and the program with its arguments."""
    own = list(argv)
    if own[:1] != ["fix"]:
        return own, []
    at = 1
    while at < len(own) and own[at].startswith("-") and own[at] != "-m":
        at += 1 if "=" in own[at] or own[at] in _FLAGS else 2
    return own[:at], own[at:]


def _fix(arguments: argparse.Namespace) -> int:
    from pytest_gemmadev.doors.program import find_program, fix
    from pytest_gemmadev.doors.program_repair import Options

    commands = (*([file] for file in arguments.also), arguments.program)
    try:
        if commands[-1] in ([], ["-m"]):
            raise GemmadevError(f"fix: no program named; {_FIX_USAGE}")
        programs = [find_program(c, root=arguments.root, python=arguments.python) for c in commands]
    except GemmadevError as error:
        print(f"gemmadev: {error}", file=sys.stderr)
        return 2  # as Python ends where there is no such file
    options = Options(
        model=arguments.model,
        adapter=arguments.adapter,
        budget_s=arguments.budget,
        trial_s=arguments.trial,
        seed=arguments.seed,
        allow=tuple(arguments.allow),
        deny=tuple(arguments.deny),
        propose=arguments.propose,
        confine=arguments.confine,
        accept=Confidence(arguments.accept),
    )
    for program in programs:
        status = fix(program, options)
        if status:
            break
    return status


# --- undo ----------------------------------------------------------------------------------------


def _add_undo(commands: Any) -> None:
    about = "put back what the last repair changed, byte for byte; needs no git"
    parser = commands.add_parser("undo", help=about, description=sentence(about))
    parser.add_argument(
        "--force",
        action="store_true",
        help="put files back that were changed since; a copy of what they held is kept",
    )
    parser.add_argument(
        "--root",
        metavar="DIR",
        type=Path,
        help="the project; by default the nearest folder from here upwards that was repaired",
    )
    parser.set_defaults(run=_undo)


def _undo(arguments: argparse.Namespace) -> int:
    from pytest_gemmadev.files import journal

    root = _find_repaired_root(arguments.root)
    result = journal.undo(root, force=arguments.force)
    for line in _describe_undo(result, root):
        print(line)
    return 0


def _find_repaired_root(given: Path | None) -> Path:
    """The project whose repair is to be undone: the given folder, or the nearest one above."""
    from pytest_gemmadev.files.journal import FOLDER

    if given is not None:
        if not given.is_dir():
            raise GemmadevError(f"--root {given}: no such folder")
        return given
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / FOLDER).is_dir():
            return folder
    raise GemmadevError(f"nothing to undo: no project was repaired in {here} or above it")


def _describe_undo(result: UndoResult, root: Path) -> Iterator[str]:
    # Whole paths: the project that was found may be another than the one that was meant.
    for path in result.restored:
        done = "removed" if path in result.removed else "put back"
        yield f"{done} {root.absolute() / path}"
    for copy in result.rescued:
        yield f"kept a copy in {root.absolute() / copy}"
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(result.when))
    what = "interrupted repair" if result.interrupted else "repair"
    yield f"undone: the {what} of {when} ({result.note})"


if __name__ == "__main__":
    sys.exit(main())
