"""Preferences between answers: executed candidates, and what people kept of the plugin's patches.

A candidate is run against calls of the sound function: it *fails* the call that showed the bug,
*overfits* when it passes that one and differs on others, or is *correct* as far as calls were found.
"""

from __future__ import annotations

import json
import random
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from pytest_gemmadev.prompting.parse import edits
from pytest_gemmadev.prompting.prompt import Prompt
from pytest_gemmadev.search.rank import scoring_context
from pytest_gemmadev.text.edits import apply_edits
from pytest_gemmadev.types import Candidate, Edit, GemmadevError, Model, Sampling
from training.data.bugs import BreakOptions, Counts, broken
from training.data.examples import TRAINING, Bug, Example, close_pair, question, repair_examples
from training.data.execute import Prover
from training.data.functions import Sound, SourceText, functions_of
from training.rewrites.breaking import rewrites_of
from training.rewrites.texts import Text

PAIRS = 3  # of each bug, where nothing else is asked for
CANDIDATES = 12  # that are run for them
SAMPLES = 8  # of these, written by a model where there is one
_ORDER = {"overfitting": 0, "failing": 1}  # what looks right and is wrong teaches most


@dataclass(frozen=True, slots=True)
class Judged:
    answer: str  # as the model writes it, up to and with its end
    text: str  # the file with it
    verdict: str  # ``correct``, ``overfitting``, ``failing``


@dataclass(frozen=True, slots=True)
class Question:
    """A bug whose break a call showed, with its prompt and its true answer."""

    bug: Bug
    sound: Sound
    prompt: Prompt
    answer: str

    def apply(self, answer: str) -> str:
        """The file with an answer in place of the suspicious lines; empty where it does not fit."""
        for edit, _ in edits(answer, self.prompt, self.bug.broken):
            changed = apply_edits(self.bug.broken, [edit])
            if isinstance(changed, str):
                return changed
        return ""


@dataclass(slots=True)
class Tally:
    questions: int = 0
    pairs: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)

    def line(self) -> str:
        told = ", ".join(f"{n} {verdict}" for verdict, n in self.verdicts.most_common())
        return f"{self.questions} questions, candidates: {told or 'none'}; {self.pairs} pairs"


def questions(
    files: Iterable[SourceText], options: BreakOptions, prover: Prover
) -> Iterator[Question]:
    """Line questions about executed bugs."""
    for source in files:
        sounds = {sound.name: sound for sound in functions_of(source)}
        made = broken([source], options, Counts(), prove=prover.prove)
        for bug in made:
            asked = question(bug, "line")
            if asked is not None:
                yield Question(bug, sounds[bug.origin.rpartition(":")[2]], *asked)


def preferences(
    asked: Iterable[Question],
    prover: Prover,
    tally: Tally,
    *,
    model: Model | None = None,
    most: int = PAIRS,
) -> Iterator[Example]:
    """Pairs of a right and a wrong answer, ``most`` of a question, and the same as candidates are ranked.

    The lines as they are make no pair: a repair asks for others and compares these. Every other
    question is asked without what was seen when it ran, as where no call tells anything.
    """
    for each in asked:
        tally.questions += 1
        found = [j for j in judged(each, prover, model) if tally_up(tally, j) in _ORDER]
        wrong = [j for j in found if j.text != each.bug.broken]
        for worse in sorted(wrong, key=lambda j: _ORDER[j.verdict])[:most]:
            for example in _pairs(each, worse, has_facts=tally.questions % 2 == 1):
                tally.pairs += 1
                yield example


def tally_up(tally: Tally, judged_: Judged) -> str:
    tally.verdicts[judged_.verdict] += 1
    return judged_.verdict


def judged(asked: Question, prover: Prover, model: Model | None) -> list[Judged]:
    """Answers to the question, the unchanged lines among them, each with what became of it."""
    answers = [_unchanged(asked)]
    if model is not None:
        answers += _written(asked, model)
    answers += _mutated(asked, CANDIDATES - len(answers))
    found: dict[str, str] = {}
    for answer in answers:
        text = asked.bug.broken if answer == answers[0] else asked.apply(answer)
        if text and text not in found:
            found[text] = answer
    verdicts = prover.judge(asked.sound, asked.bug, list(found))
    return [
        Judged(answer, text, verdict)
        for (text, answer), verdict in zip(found.items(), verdicts, strict=True)
        if verdict
    ]


def _unchanged(asked: Question) -> str:
    return asked.prompt.old.split("\n")[0] + "\n"


def _written(asked: Question, model: Model) -> list[str]:
    seed = zlib.crc32(asked.bug.id.encode())
    sampling = Sampling(
        max_tokens=64,
        temperature=0.8,
        samples=SAMPLES,
        stop=asked.prompt.stop,
        seed=seed,
        unlike=asked.prompt.unlike,
    )
    return [c.text + "\n" for c in model.complete(asked.prompt.text, sampling)]


def _mutated(asked: Question, count: int) -> list[str]:
    """The suspicious line with one slip more."""
    source = SourceText(asked.bug.path, asked.bug.broken, "", "")
    node = next((s.node for s in functions_of(source) if s.name == asked.sound.name), None)
    span = asked.prompt.span
    if node is None or span.start_line != span.end_line:
        return []
    text = Text(asked.bug.broken)
    start, end = text.whole_lines(span.start_line, span.end_line)
    found = [
        text.text[start:a] + new + text.text[b:end]
        for changes in rewrites_of(node, text).values()
        for a, b, new in changes
        if start <= a <= b < end and "\n" not in new
    ]
    random.Random(zlib.crc32(asked.bug.id.encode())).shuffle(found)
    return found[: max(0, count)]


def _pairs(asked: Question, worse: Judged, *, has_facts: bool) -> Iterator[Example]:
    """The pair as the model writes answers, and as it ranks candidates."""
    bug = asked.bug if has_facts else replace(asked.bug, stack=None)
    for example in repair_examples(bug, kinds=["line"]):
        yield _with(example, example.prompt, example.completion, worse.answer, worse.verdict)
        right = _scored(asked.bug, asked.bug.fixed)
        wrong = _scored(asked.bug, worse.text)
        if right[0] == wrong[0]:
            yield _with(example, right[0], right[1], wrong[1], worse.verdict, kind="rank")


def _with(
    row: Example, prompt: str, chosen: str, rejected: str, how: str, *, kind: str = "line"
) -> Example:
    return Example(
        prompt=prompt,
        completion=chosen,
        kind=kind,
        rejected=rejected,
        id=f"{row.id.rpartition('/')[0]}/{kind}",
        origin=row.origin,
        license=row.license,
        proof=row.proof,
        error=row.error,
        how=how,
    )


def _scored(bug: Bug, text: str) -> tuple[str, str]:
    """(prefix, lines) as `search.rank` scores the file with the lines of the faulty place replaced."""
    asked = question(bug, "line")
    if asked is None:
        return "", ""
    first = asked[0].span.start_line - 1
    old, new = bug.broken.split("\n"), text.split("\n")
    last = asked[0].span.end_line
    longer = len(new) - len(old)
    start = sum(len(line) + 1 for line in old[:first])
    end = start + len("\n".join(old[first:last]))
    replacement = "\n".join(new[first : last + longer])
    candidate = Candidate((Edit(bug.path, start, end, replacement),), TRAINING, 0.0)
    prefix, _, lines = scoring_context(candidate, {bug.path: bug.broken})
    return prefix, lines


# --- what people kept ----------------------------------------------------------------------------


def recorded(path: Path) -> Iterator[Example]:
    """Preferences from a record of repairs (`files.feedback`): kept patches, and undone ones.

    A kept patch is preferred to what it replaced; of an undone one it is the other way round.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise GemmadevError(f"{path}: cannot be read ({reason}); check the path") from None
    rows: dict[str, dict[str, object]] = {}
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                row = json.loads(line)
                rows.setdefault(str(row["entry"]), {}).update(row)
            except (ValueError, KeyError, TypeError) as error:
                raise GemmadevError(f"{path}:{number}: not a record of repairs ({error})") from None
    for entry, row in rows.items():
        files = row.get("files")
        for name, pair in files.items() if isinstance(files, dict) else ():
            before, after = pair
            yield from _kept(entry, str(name), before, after, is_undone=bool(row.get("undone")))


def _kept(entry: str, name: str, before: str, after: str, *, is_undone: bool) -> Iterator[Example]:
    for number, (old, new) in enumerate(close_pair(before, after)):
        bug = Bug(name, old, new, f"{entry}#{number}", f"record:{entry}", "own", "real", "patch")
        for row in repair_examples(bug, kinds=["line", "rank"]):
            chosen, rejected = row.completion, row.rejected
            if is_undone:
                chosen, rejected = rejected, chosen
            how = "undone" if is_undone else "kept"
            yield _with(row, row.prompt, chosen, rejected, how, kind=row.kind)
