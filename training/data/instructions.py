"""The three instruction sets that the GemmaDev paper trains on, by hub name or from a local file.

All are read through `datasets`, brought into one prompt template, cleaned, and freed of duplicates.
"""

from __future__ import annotations

import ast
import hashlib
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_gemmadev.types import GemmadevError
from training.data.examples import Example
from training.extras import require

HEAD = "### Instruction:\n"
INPUT = "\n\n### Input:\n"
RESPONSE = "\n\n### Response:\n"
ANSWER_CHARS = (12, 6000)  # shortest and longest answer that is kept
_FENCE = re.compile(r"```([A-Za-z+#]*)[ \t]*\n(.*?)\n?```", re.DOTALL)


@dataclass(frozen=True, slots=True)
class InstructionSet:
    """Where a set lies and how its rows are read."""

    name: str  # as the command line names it
    hub: str
    config: str
    license: str
    columns: tuple[str, ...]
    read: Callable[[Mapping[str, Any]], tuple[str, str, str]]  # instruction, input, answer


def _alpaca(row: Mapping[str, Any]) -> tuple[str, str, str]:
    given = str(row.get("input") or "")
    return str(row["instruction"]), "" if given == "Not applicable" else given, str(row["output"])


def _xlcost(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return " ".join(str(row["text"]).replace(" | ", ". ").split()), "", detokenized(row["code"])


def _evol(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return str(row["instruction"]), "", str(row["output"])


SETS = {
    each.name: each
    for each in (
        InstructionSet(
            "alpaca-18k",
            "iamtarun/python_code_instructions_18k_alpaca",
            "",
            "unknown",
            ("instruction", "output"),
            _alpaca,
        ),
        InstructionSet(
            "xlcost",
            "codeparrot/xlcost-text-to-code",
            "Python-program-level",
            "CC-BY-SA-4.0",
            ("text", "code"),
            _xlcost,
        ),
        InstructionSet(
            "evol-80k",
            "nickrosh/Evol-Instruct-Code-80k-v1",
            "",
            "CC-BY-NC-SA-4.0",
            ("instruction", "output"),
            _evol,
        ),
    )
}


@dataclass(slots=True)
class Cleaning:
    """What was kept of a set, and why the rest was not."""

    kept: int = 0
    dropped: Counter[str] = field(default_factory=Counter)

    def line(self) -> str:
        reasons = ", ".join(f"{n} {reason}" for reason, n in self.dropped.most_common())
        return f"{self.kept} instructions kept; left out: {reasons or 'none'}"


def instructions(name: str, cleaning: Cleaning, *, path: str = "") -> Iterator[Example]:
    """The examples of a set, cleaned; from the file or folder ``path`` where one is given."""
    if name not in SETS:
        raise GemmadevError(f"data set {name!r} is unknown; there are {', '.join(SETS)}")
    chosen = SETS[name]
    rows = _rows(chosen, path)
    seen: set[bytes] = set()
    for number, row in enumerate(rows):
        if any(not isinstance(row.get(column), str) for column in chosen.columns):
            wanted = " and ".join(repr(c) for c in chosen.columns)
            raise GemmadevError(f"{path or chosen.hub}, row {number}: needs the texts {wanted}")
        question, given, answer = chosen.read(row)
        reason = _reason(question, answer) or _twin(question + given, answer, seen)
        if reason:
            cleaning.dropped[reason] += 1
            continue
        cleaning.kept += 1
        yield Example(
            prompt=prompt_of(question, given),
            completion=answer.strip() + "\n",
            id=f"{name}/{number}",
            origin=chosen.hub,
            license=chosen.license,
        )


def prompt_of(instruction: str, given: str = "") -> str:
    """The paper's template: the instruction, its input where there is one, and the response's head."""
    middle = f"{INPUT}{given.strip()}" if given.strip() else ""
    return f"{HEAD}{instruction.strip()}{middle}{RESPONSE}"


def _rows(chosen: InstructionSet, path: str) -> Iterable[Mapping[str, Any]]:
    require("datasets")
    import datasets

    datasets.disable_progress_bars()
    try:
        if path:
            return _local(datasets, Path(path).expanduser())
        return datasets.load_dataset(chosen.hub, chosen.config or None, split="train")  # type: ignore[no-any-return]
    except GemmadevError:
        raise
    except Exception as error:  # of the network, the hub, pyarrow
        told = (str(error).strip().split("\n") or [""])[0][:160]
        raise GemmadevError(
            f"data set {path or chosen.hub}: cannot be loaded ({type(error).__name__}: {told})"
        ) from None


def _local(datasets: Any, path: Path) -> Iterable[Mapping[str, Any]]:
    kinds = {".json": "json", ".jsonl": "json", ".parquet": "parquet", ".csv": "csv"}
    if path.is_dir():
        if (path / "dataset_info.json").exists() or (path / "state.json").exists():
            return datasets.load_from_disk(str(path))  # type: ignore[no-any-return]
        files = sorted(str(f) for f in path.iterdir() if f.suffix in kinds)
    else:
        files = [str(path)] if path.is_file() else []
    if not files:
        raise GemmadevError(f"{path}: no such file, or no .jsonl, .parquet or .csv in it")
    kind = kinds.get(Path(files[0]).suffix)
    if kind is None:
        raise GemmadevError(f"{path}: not a .jsonl, .json, .parquet or .csv file")
    return datasets.load_dataset(kind, data_files=files, split="train")  # type: ignore[no-any-return]


def detokenized(code: str) -> str:
    """Python code of a sequence of tokens in which NEW_LINE, INDENT and DEDENT are written out."""
    depth, lines = 0, []
    for line in code.split("NEW_LINE"):
        words = line.split(" ")
        while words and words[0] in ("", "INDENT", "DEDENT"):
            depth = max(0, depth + {"": 0, "INDENT": 1, "DEDENT": -1}[words.pop(0)])
        text = " ".join(words).replace("STRNEWLINE", "\\n").replace("TABSYMBOL", "\\t").strip()
        if text:
            lines.append("    " * depth + text)
    joined = "\n".join(lines) + "\n"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.unparse(ast.parse(joined)) + "\n"  # as people space it
    except (SyntaxError, ValueError, RecursionError):
        return joined


def _reason(question: str, answer: str) -> str:
    """Why a row is left out; empty for none."""
    if not question.strip() or not ANSWER_CHARS[0] <= len(answer.strip()) <= ANSWER_CHARS[1]:
        return "empty or too long"
    fenced = _FENCE.findall(answer)
    languages = {language.lower() for language, _ in fenced if language}
    if languages and "python" not in languages:
        return "another language"
    code = "\n".join(text for _, text in fenced) if fenced else answer
    if not re.search(r"\b(def|import|print|return|for|class|lambda)\b|=", code):
        return "no Python code"
    if not fenced and not _parses(code):
        return "not Python"
    return ""


def _parses(code: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(code)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True


def _twin(question: str, answer: str, seen: set[bytes]) -> str:
    """``duplicate`` where the question or the answer was there before, case and spaces aside."""
    keys = [
        hashlib.blake2b(" ".join(t.lower().split()).encode(), digest_size=12).digest()
        for t in (f"q {question}", f"a {answer}")
    ]
    if any(key in seen for key in keys):
        return "duplicate"
    seen.update(keys)
    return ""
