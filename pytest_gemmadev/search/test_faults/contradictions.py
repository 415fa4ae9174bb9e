"""What is known of a failing expectation: who contradicts it, and who the code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pytest_gemmadev.search.claims.claim import Checked, Claim, check_examples, claims_of
from pytest_gemmadev.search.claims.documented import Function
from pytest_gemmadev.search.claims.examples import Example, examples_of
from pytest_gemmadev.search.claims.plain_values import (
    bind,
    call_of,
    called_name,
    exception_name,
    normal_call,
    read_value,
    same_result,
    with_defaults,
)
from pytest_gemmadev.search.test_faults.expectations import Means, Stated
from pytest_gemmadev.search.test_faults.slips import slip_between
from pytest_gemmadev.search.test_faults.subjects import Subject
from pytest_gemmadev.types import Expression

Values = Mapping[Expression, str]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Counts and facts about one failing expectation; what is not known is 0 or empty."""

    subject: Subject
    got: str  # what the code gives instead
    examples_against: tuple[str, ...] = ()  # documented for the same call, with another result
    examples_for: int = 0  # documented for the same call, with the expected result
    bounds_against: tuple[str, ...] = ()  # stated, and the expected value breaks them
    bounds_for: int = (
        0  # stated, and what the code gives breaks them while the expectation does not
    )
    tests_against: tuple[int, ...] = ()  # lines that expect what the code gives, for the same call
    tests_for: int = 0  # further ones that expect the same as this one
    examples: Checked = field(default_factory=Checked)  # of the function, for any call
    passed: int = 0  # other assertions about the function that hold, of calls not documented
    failed: int = 0  # and those that do not
    slip: str = ""  # how expected value and result differ, where that is little
    raised: bool = False  # the code ends with an exception that nobody expects


def gather(
    failing: Subject, others: Sequence[Subject], claims: Sequence[Claim], *, values: Values
) -> Evidence | None:
    """The evidence about an expectation that the code does not meet; None where it does, or is unknown.

    ``others`` are the other expectations of the test file; ``values`` what expressions give.
    """
    got = values.get(failing.expression, "")
    if not got or meets(failing.stated, got) is not False:
        return None
    own = [claim for claim in claims if claim.function == failing.function]
    evidence = Evidence(failing, got, examples=check_examples(own, values))
    documented = {c for claim in own for e in claim.examples if (c := _normal(e, failing))}
    evidence = _with_tests(evidence, [o for o in others if o.call not in documented], values)
    if failing.is_whole:
        evidence = _with_documentation(evidence, own)
    return replace(
        evidence,
        slip=slip_between(failing.stated.expected, got) if _is_value(failing.stated) else "",
        raised=bool(exception_name(got)) and failing.stated.means is not Means.RAISES,
    )


def meets(stated: Stated, got: str) -> bool | None:
    """Whether a result is what a test expects; None where that cannot be told."""
    if stated.means is Means.TRUTH and not exception_name(got):
        value = read_value(got)
        is_true = bool(value) if same_result(got, got) else True
        return is_true is (stated.expected == "True")
    return same_result(stated.expected, got)


def _is_value(stated: Stated) -> bool:
    return stated.means is not Means.RAISES


def _with_tests(evidence: Evidence, others: Sequence[Subject], values: Values) -> Evidence:
    failing = evidence.subject
    passed = failed = agreeing = 0
    against: list[int] = []
    for other in others:
        if other == failing or other.function != failing.function:
            continue
        got = values.get(other.expression)
        holds = None if got is None else meets(other.stated, got)
        if other.expression == failing.expression and other.stated.means is failing.stated.means:
            if holds:
                against.append(other.stated.line)
            agreeing += (
                holds is False
                and same_result(other.stated.expected, failing.stated.expected) is True
            )
            continue
        passed += holds is True
        failed += holds is False
    return replace(
        evidence, tests_against=tuple(against), tests_for=agreeing, passed=passed, failed=failed
    )


def _with_documentation(evidence: Evidence, claims: Sequence[Claim]) -> Evidence:
    """The same with examples of the same call, and bounds that part expected value and result."""
    failing, got = evidence.subject, evidence.got
    against: list[str] = []
    agreeing = 0
    for example in (e for claim in claims for e in claim.examples):
        if _normal(example, failing) != failing.call:
            continue
        if meets(failing.stated, example.expected):
            agreeing += 1
        elif same_result(example.expected, got):
            said = f"{example.expression.text} gives {example.expected}"
            place = f"docstring of {failing.function.name}"
            against.append(
                f"the {place if example.where == 'docstring' else example.where} says: {said}"
            )
    broken, held = _parting_bounds(failing, got, claims)
    return replace(
        evidence,
        examples_against=tuple(against),
        examples_for=agreeing,
        bounds_against=broken,
        bounds_for=held,
    )


def _normal(example: Example, failing: Subject) -> str:
    """The call of an example as `Subject.call` has it; empty where the example is no call."""
    call = call_of(example.expression.text)
    if call is None or called_name(call) != failing.function.name:
        return ""
    return normal_call(call, failing.function.parameters)


def _calls_in(readme: str, function: Function) -> tuple[Example, ...]:
    """Examples in a README that are calls of the function and nothing else."""
    found = examples_of(function, readme, where="README") if f"{function.name}(" in readme else []
    return tuple(
        each
        for each in found
        if (call := call_of(each.expression.text)) and called_name(call) == function.name
    )


def _parting_bounds(
    failing: Subject, got: str, claims: Sequence[Claim]
) -> tuple[tuple[str, ...], int]:
    """(bounds that only the expected value breaks, how many only the result breaks)."""
    call = call_of(failing.call)
    arguments = None if call is None else bind(call, failing.function.parameters)
    if arguments is None or failing.stated.means is not Means.EQUAL or exception_name(got):
        return (), 0
    arguments = with_defaults(arguments, failing.function.defaults)
    expected, result = read_value(failing.stated.expected), read_value(got)
    against: list[str] = []
    speaking_for = 0
    for bound in (b for claim in claims for b in claim.bounds):
        fits = bound.check(arguments, expected), bound.check(arguments, result)
        if fits == (False, True):
            against.append(bound.phrase)
        speaking_for += fits == (True, False)
    return tuple(against), speaking_for


def examine(
    failing: Sequence[Subject],
    others: Sequence[Subject],
    texts: Mapping[str, str],
    *,
    readme: str = "",
    evaluate: Callable[[Sequence[Expression]], Values | None],
) -> list[Evidence]:
    """The evidence about each of several expectations that the code does not meet.

    ``texts`` are the files of their functions, by path. Examples of calls in ``readme`` count as well.
    """
    paths = {subject.function.path for subject in failing}
    claims = [c for path in sorted(paths) for c in claims_of(path, texts[path])]
    functions = [subject.function for subject in failing]
    own = [c for c in claims if c.function in functions]
    if readme:
        own += [
            Claim(each, examples, ())
            for each in dict.fromkeys(functions)
            if (examples := _calls_in(readme, each))
        ]
    near = [o for o in others if o.function in functions]
    asked = [s.expression for s in (*failing, *near)]
    asked += [example.expression for claim in own for example in claim.examples]
    values = evaluate(list(dict.fromkeys(asked)))
    if values is None:
        return []
    found = [gather(each, near, own, values=values) for each in failing]
    return [evidence for evidence in found if evidence is not None]
