"""Evidence as sentences for a person, the strongest first."""

from __future__ import annotations

from pytest_gemmadev.search.test_faults.contradictions import Evidence

_SURPRISED = 1.0  # nats of a model from which it is worth a sentence
_SHOWN = 160  # characters of a value


def describe(evidence: Evidence, nats_for_code: float = 0.0) -> tuple[str, ...]:
    """What speaks against the expectation; what speaks for it as well, at the end."""
    name = evidence.subject.function.name
    said = [_cut(each) for each in evidence.examples_against]
    if evidence.tests_against:
        lines = ", ".join(str(line) for line in sorted(set(evidence.tests_against)))
        said.append(f"line {lines} of the tests expects {_cut(evidence.got)} of the same call")
    expected = _cut(evidence.subject.stated.expected)
    said += [f"{expected} breaks what {name} states: {_cut(b)}" for b in evidence.bounds_against]
    held = evidence.examples.held
    if held and not evidence.examples.broken:
        said.append(f"{name} gives what {_count(held, 'example')} of its docstring {_say(held)}")
    if evidence.passed and not evidence.failed:
        said.append(
            f"{_count(evidence.passed, 'other assertion')} about {name} {_hold(evidence.passed)}"
        )
    if evidence.slip:
        said.append(f"what is expected is close to what {name} gives: {evidence.slip}")
    if nats_for_code >= _SURPRISED:
        said.append("the model finds what the code gives likelier")
    if evidence.examples.broken:
        said.append(f"but {_cut(evidence.examples.broken_texts[0])}")
    if evidence.failed:
        said.append(f"but {_count(evidence.failed, 'other assertion')} about {name} fail, too")
    return tuple(said)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _say(number: int) -> str:
    return "says" if number == 1 else "say"


def _hold(number: int) -> str:
    return "holds" if number == 1 else "hold"


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
