"""Finds recipes for `eval.cases.projects`; a person chooses among what it prints.

``python -m eval.cases.mine releases PACKAGE OLD`` puts lines of an older release back into one function of
the newer one: bugs that people made and found. ``python -m eval.cases.mine rewrite PACKAGE`` has a model
write a line or a few of a function anew: bugs that nobody designed. Neither uses the patterns that
repair uses. Kept is what the package's own tests prove to be a bug, and not all of them at once.
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from difflib import SequenceMatcher
from itertools import islice

from eval.cases import sdist
from eval.cases.case import Files
from eval.cases.projects import (
    Package,
    Recipe,
    break_text,
    case_of,
    failing_tests,
    read_recipes,
    without_functions,
)
from eval.cases.tests import visible_command
from pytest_gemmadev.registry import load_model
from pytest_gemmadev.types import GemmadevError, Model, Sampling

MOST_FAILING = 8  # tests; what breaks more is not what a bug report is about
MOST_CHANGED = 10  # lines of a function; more is a rewrite, not the correction of a bug
_TIMEOUT_S = 60.0
_PREFIX, _SUFFIX = 2000, 700  # characters that the model sees around the lines


@dataclass(frozen=True, slots=True)
class Function:
    """Where a function stands in its file."""

    name: str  # qualified
    node: ast.FunctionDef | ast.AsyncFunctionDef

    @property
    def first(self) -> int:
        return self.node.lineno

    @property
    def last(self) -> int:
        return self.node.end_lineno or self.node.lineno


def functions(text: str) -> dict[str, Function]:
    """The functions of a text by qualified name, without those defined more than once."""
    found: dict[str, list[Function]] = {}

    def visit(body: Sequence[ast.AST], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                visit(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                name = f"{prefix}{node.name}"
                found.setdefault(name, []).append(Function(name, node))

    visit(ast.parse(text).body, "")
    return {name: each[0] for name, each in found.items() if len(each) == 1}


# --- what was there before -----------------------------------------------------------------------


def taken_back(new: str, old: str) -> Iterator[tuple[Function, int, int, str]]:
    """(function, first line, lines, text) of the small changes to a function of ``new``."""
    before = functions(old)
    for name, function in functions(new).items():
        if name not in before or _head(before[name]) != _head(function):
            continue
        ours = new.splitlines(keepends=True)[function.first - 1 : function.last]
        theirs = old.splitlines(keepends=True)[before[name].first - 1 : before[name].last]
        changes = [
            c for c in SequenceMatcher(None, ours, theirs, False).get_opcodes() if c[0] != "equal"
        ]
        if not changes:
            continue
        if sum(max(c[2] - c[1], c[4] - c[3]) for c in changes) <= MOST_CHANGED:
            start, end = changes[0][1], changes[-1][2]
            text = "".join(theirs[changes[0][3] : changes[-1][4]])
            yield function, function.first + start, end - start, text


def _head(function: Function) -> str:
    """The names and defaults of the parameters: what changes them changes more than a function."""
    arguments = function.node.args
    names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    defaults = [ast.dump(d) for d in (*arguments.defaults, *arguments.kw_defaults) if d is not None]
    return repr((names, defaults, arguments.vararg is None, arguments.kwarg is None))


def _code(text: str) -> str | None:
    """The syntax tree without docstrings; None where there is none."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        match body:
            case [ast.Expr(value=ast.Constant()), *_]:
                body[0] = ast.Pass()
    return ast.dump(tree)


# --- what a model writes instead -----------------------------------------------------------------


def rewritten(
    text: str, model: Model, random_: random.Random
) -> Iterator[tuple[Function, int, int, str]]:
    """(function, first line, lines, text): places at random, the model's lines in theirs."""
    lines = text.splitlines(keepends=True)
    places = [
        (function, statement.lineno)
        for function in functions(text).values()
        if function.last - function.first >= 3
        for statement in ast.walk(function.node)
        if isinstance(statement, ast.stmt) and statement is not function.node
        and not isinstance(statement, (ast.Raise, ast.Pass, ast.Import, ast.ImportFrom))
        and not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
    ]  # fmt: skip
    random_.shuffle(places)
    for function, line in places:
        count = min(random_.choice((1, 1, 2, 3)), function.last - line + 1)
        before, after = "".join(lines[: line - 1]), "".join(lines[line - 1 + count :])
        sampling = Sampling(
            max_tokens=32 * count,
            temperature=0.8,
            samples=4,
            seed=random_.randrange(2**31),
            suffix=after[:_SUFFIX],
        )
        own = "".join(lines[line - 1 : line - 1 + count])
        for completion in model.complete(before[-_PREFIX:], sampling):
            written = "".join(f"{one}\n" for one in completion.text.split("\n")[:count])
            if _code(before + written + after) not in (None, _code(text)) and written != own:
                yield function, line, count, written
                break


# --- the proof -----------------------------------------------------------------------------------


def proven(
    package: Package, files: Files, path: str, change: tuple[Function, int, int, str], origin: str
) -> Recipe | None:
    """The recipe, where the package's tests fail with the change: some of them, not by dozens."""
    function, line, lines, text = change
    own = files[path].decode("utf-8")
    recipe = Recipe("", package.key, path, function.name, line, lines, text, origin, ())
    if _code(break_text(own, recipe)) in (None, _code(own)):
        return None
    case = case_of(recipe, package, files)
    done, failing = failing_tests(case.project, visible_command(case), timeout_s=_TIMEOUT_S)
    if done.status != 1 or not 0 < len(failing) <= MOST_FAILING:
        return None
    name = path.rpartition("/")[2].removesuffix(".py")
    recipe = replace(recipe, id=f"{package.name}/{name}-{function.name}", failing=failing)
    return replace(recipe, withheld=_withheld(failing, files))


def _withheld(failing: Sequence[str], files: Files) -> tuple[str, ...]:
    """Every second function among the failing ones, of those that can be cut out of their file."""
    names = sorted({nodeid.partition("[")[0] for nodeid in failing})
    return tuple(name for name in names[1::2] if _can_go(name, files))


def _can_go(nodeid: str, files: Files) -> bool:
    path, _, name = nodeid.partition("::")
    text = files[path].decode("utf-8")
    left = without_functions(text, [name])
    return left != text and _code(left) is not None


# --- the command ---------------------------------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> int:
    """Prints a recipe a line, as JSON; what is said of them goes to standard error."""
    options = _parser().parse_args(argv)
    packages, _ = read_recipes()
    try:
        package = packages[options.package]
        files = package.files()
        own = {p: d.decode("utf-8") for p, d in files.items() if _is_source(p, package)}
        if options.what == "releases":
            _print(
                islice(_of_releases(package, files, own, options.old), options.tries), options.count
            )
        else:
            _print(_of_model(package, files, own, options), options.count)
    except (KeyError, GemmadevError) as error:
        print(f"eval: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m eval.cases.mine", description=__doc__)
    commands = parser.add_subparsers(dest="what", required=True)
    releases = commands.add_parser("releases", help="take changes back")
    releases.add_argument("package", help="its key in projects.json, sqlparse-0.6.1 say")
    releases.add_argument("old", help="the older version")
    rewrite = commands.add_parser("rewrite", help="have a model write lines anew")
    rewrite.add_argument("package", help="its key in projects.json")
    rewrite.add_argument("--model", default="qwen-coder", metavar="SPEC")
    rewrite.add_argument("--seed", type=int, default=0)
    for command in (releases, rewrite):
        command.add_argument("--tries", type=int, default=25, help="changes put to the tests")
        command.add_argument("--count", type=int, default=8, help="recipes at most")
    return parser


def _is_source(path: str, package: Package) -> bool:
    if not path.endswith(".py") or path.rpartition("/")[2] in ("setup.py", "conftest.py"):
        return False
    return not any(path == t or path.startswith(f"{t}/") for t in package.tests)


def _of_releases(
    package: Package, files: Files, own: Mapping[str, str], version: str
) -> Iterator[Recipe | None]:
    older = sdist.read(sdist.fetch(package.name, version))
    changes = [
        (path, change)
        for path, text in own.items()
        if _code(before := older.get(path, b"").decode("utf-8")) is not None
        for change in taken_back(text, before)
    ]
    random.Random(0).shuffle(changes)
    for path, change in changes:
        yield proven(package, files, path, change, f"release {version}")


def _of_model(
    package: Package, files: Files, own: Mapping[str, str], options: argparse.Namespace
) -> Iterator[Recipe | None]:
    model = load_model(options.model, adapter=None, threads=None)
    if model is None:
        raise GemmadevError("--model none writes nothing: name a model")
    random_ = random.Random(f"{options.seed} {package.key}")
    streams = {path: rewritten(text, model, random_) for path, text in sorted(own.items())}
    weights = [len(functions(own[path])) for path in streams]
    try:
        for _ in range(options.tries):
            (path,) = random_.choices(list(streams), weights)
            change = next(streams[path], None)
            if change is not None:
                yield proven(package, files, path, change, f"model {options.model}")
    finally:
        model.close()


def _print(found: Iterator[Recipe | None], count: int) -> None:
    kept, tried = 0, 0
    say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True)  # noqa: E731
    for recipe in found:
        tried += 1
        if recipe is not None:
            kept += 1
            print(json.dumps(asdict(recipe), ensure_ascii=False), flush=True)
            say(f"{recipe.id}:{recipe.line} {len(recipe.failing)} fail")
        if kept >= count:
            break
    say(f"{kept} of {tried} changes are recipes")


if __name__ == "__main__":
    sys.exit(main())
