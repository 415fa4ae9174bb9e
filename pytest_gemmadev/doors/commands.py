"""Commands that talk, list and check, and the arguments that commands share.

Each function imports what it needs, as in `cli`.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from pytest_gemmadev.types import DEFAULT_MODEL, GemmadevError

_MODEL_HELP = "which model; default gemmadev, none to search without one; gemmadev models lists all"
_SHELLS = ("bash", "zsh", "tcsh")


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Adds ``--model``, ``--adapter`` and ``--seed``."""
    parser.add_argument("--model", metavar="SPEC", default=DEFAULT_MODEL, help=_MODEL_HELP)
    parser.add_argument("--adapter", metavar="PATH", help="LoRA adapter on top of the model")
    parser.add_argument(
        "--seed", metavar="N", type=int, default=0, help="same seed, same outcome; default 0"
    )


def seconds(text: str) -> float:
    """An argument as a number of seconds, 0 or more."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds, 0 or more")
    return number


def sentence(text: str) -> str:
    """The words of a help line as a sentence."""
    return f"{text[0].upper()}{text[1:]}."


# --- apply ---------------------------------------------------------------------------------------


def add_apply(commands: Any) -> None:
    about = "write a suggestion of the last run: a repair that was found and not written by itself"
    parser = commands.add_parser(
        "apply",
        help=about,
        description=(
            f"{sentence(about)} Suggested is what is not sure enough, and what changes a call that "
            "removes or overwrites something. Where patches differ, the answer to their question "
            "chooses one. gemmadev undo takes it back."
        ),
    )
    parser.add_argument(
        "number", metavar="N", nargs="?", type=int, help="which; without it, several are listed"
    )
    parser.add_argument(
        "--answer", metavar="K", type=int, help="which result of its question is right"
    )
    parser.add_argument(
        "--test",
        action="store_true",
        help="write the answer as a new test too; of a suspected test, its change instead",
    )
    parser.add_argument(
        "--root",
        metavar="DIR",
        help="the project; by default the nearest folder from here upwards whose last run is known",
    )
    parser.set_defaults(run=_apply)


def _apply(arguments: argparse.Namespace) -> int:
    from pytest_gemmadev.doors.apply import apply

    return apply(arguments)


# --- chat ----------------------------------------------------------------------------------------


def add_chat(commands: Any) -> None:
    about = "talk to the model about the last failure"
    parser = commands.add_parser(
        "chat",
        help=about,
        description=(
            "Talks about the last failure that pytest --gemmadev-fix, --gemmadev-propose or "
            "gemmadev fix has met in this project: its stack, the values there, the patches. "
            "/help lists the commands; anything else is a question to the model. Lines come from "
            "the terminal, a pipe, or the command line."
        ),
    )
    parser.add_argument("question", metavar="QUESTION", nargs="*", help="ask this and leave")
    add_model_options(parser)
    parser.add_argument(
        "--seconds",
        metavar="SECONDS",
        type=seconds,
        default=120.0,
        help="limit for one answer; default 120",
    )
    parser.add_argument(
        "--tokens", metavar="N", type=int, default=300, help="length of an answer; default 300"
    )
    parser.add_argument("--root", metavar="DIR", help="the project; by default found from here up")
    parser.set_defaults(run=_chat)


def _chat(arguments: argparse.Namespace) -> int:
    from pytest_gemmadev.doors.answers import Options
    from pytest_gemmadev.doors.chat import chat

    options = Options(
        model=arguments.model,
        adapter=arguments.adapter,
        answer_s=arguments.seconds,
        tokens=max(1, arguments.tokens),
        seed=arguments.seed,
    )
    return chat(arguments.root, options, " ".join(arguments.question))


# --- models --------------------------------------------------------------------------------------


def add_models(commands: Any) -> None:
    about = "list the models that can be used here, and what is missing for the others"
    usage = "gemmadev models [-h] [export-ollama ...]"
    parser = commands.add_parser("models", help=about, description=sentence(about), usage=usage)
    parser.set_defaults(run=_models)
    more = parser.add_subparsers(title="more", metavar="ACTION", prog="gemmadev models")
    about = "write a Modelfile, from which Ollama makes the same model, adapter included"
    export = more.add_parser("export-ollama", help=about, description=sentence(about))
    export.add_argument("--model", metavar="SPEC", default=DEFAULT_MODEL, help="default gemmadev")
    export.add_argument("--adapter", metavar="PATH", help="LoRA adapter (GGUF) on top of it")
    export.add_argument(
        "--output",
        metavar="DIR",
        type=Path,
        default=Path("ollama"),
        help="folder for the Modelfile; default ollama",
    )
    export.add_argument("--name", metavar="NAME", default="", help="of the model in Ollama")
    export.add_argument(
        "--copy", action="store_true", help="put the model's files there too, to carry it elsewhere"
    )
    export.set_defaults(run=_export_ollama)


def _models(_arguments: argparse.Namespace) -> int:
    from pytest_gemmadev.doors.models import describe_model
    from pytest_gemmadev.registry import NO_MODEL, known_models

    for model in known_models():
        print("\n".join(describe_model(model)))
    print(f"{NO_MODEL}\n    repair by search alone")
    return 0


def _export_ollama(arguments: argparse.Namespace) -> int:
    from pytest_gemmadev.doors.models import export_ollama

    exported = export_ollama(
        arguments.model,
        arguments.adapter,
        arguments.output.absolute(),
        name=arguments.name,
        copy=arguments.copy,
    )
    print(f"written: {exported.modelfile}")
    print(f"now: {exported.command}")
    print(f"then: pytest --gemmadev-fix --gemmadev-model=ollama:{exported.name}")
    return 0


# --- doctor --------------------------------------------------------------------------------------


def add_doctor(commands: Any) -> None:
    about = "check the installation and say what to do about each problem"
    parser = commands.add_parser("doctor", help=about, description=sentence(about))
    parser.add_argument(
        "--model", metavar="SPEC", default=DEFAULT_MODEL, help="check this one; default gemmadev"
    )
    parser.set_defaults(run=_doctor)


def _doctor(arguments: argparse.Namespace) -> int:
    from pytest_gemmadev.doors.doctor import State, checks

    problems = 0
    for check in checks(arguments.model):
        problems += check.state is State.PROBLEM
        print(f"{check.state.value:<8} {check.subject}: {check.found}", flush=True)
        if check.advice:
            print(f"{'':<8} -> {check.advice}", flush=True)
    print(f"{problems or 'no'} {'problem' if problems == 1 else 'problems'} found")
    return 1 if problems else 0


# --- completion ----------------------------------------------------------------------------------


def add_completion(commands: Any, build: Callable[[], argparse.ArgumentParser]) -> None:
    """Adds the command ``completion``; ``build`` makes the parser of all commands."""
    about = "print what makes a shell complete this command"
    parser = commands.add_parser(
        "completion",
        help=about,
        description=sentence(about),
        epilog='For bash: eval "$(gemmadev completion bash)" in ~/.bashrc.',
    )
    parser.add_argument("shell", choices=_SHELLS)
    parser.set_defaults(run=partial(_completion, build))


def _completion(build: Callable[[], argparse.ArgumentParser], arguments: argparse.Namespace) -> int:
    try:
        import shtab
    except ImportError:
        raise GemmadevError(
            "completion needs shtab: pip install 'pytest-gemmadev[completion]'"
        ) from None
    print(shtab.complete(_mark_files(build()), arguments.shell))
    return 0


def _mark_files(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Marks the arguments that are files and folders, for shtab; the same parser."""
    import shtab

    kinds = {"PATH": shtab.FILE, "FILE": shtab.FILE, "DIR": shtab.DIRECTORY}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, each in action.choices.items():
                if name == "fix":  # parts its program off before it parses
                    each.add_argument("program", metavar="FILE", nargs="*")
                _mark_files(each)
        elif action.metavar in kinds:
            action.complete = kinds[action.metavar]  # type: ignore[attr-defined]  # shtab's
    return parser
