from __future__ import annotations

from pytest_gemmadev.search.localize import (
    localize,
    suspect_everywhere,
    suspect_mentioned,
    suspicious_functions,
)
from pytest_gemmadev.types import ErrorKind, ErrorStack, Frame, Role, Span, Spectrum

SHOP = """\
RATE = 0.2
LIMIT = 10


def tax(price):
    return price * RATE


def total(prices):
    result = 0
    for price in prices:
        if price:
            result += price
        else:
            result -= 1
    return result + tax(result)
"""
PATH = "shop.py"


def stack(kind: ErrorKind, *lines: int) -> ErrorStack:
    frames = tuple(Frame(PATH, line, "f", Role.SOURCE) for line in lines)
    test = Frame("test_shop.py", 3, "test", Role.TEST)
    return ErrorStack("t::a", "call", kind, "Error", "message", (test, *frames))


def spectrum(*, passed: bool, lines: tuple[int, ...]) -> Spectrum:
    return Spectrum(passed, frozenset((PATH, line) for line in lines))


def test_lines_that_only_failing_tests_execute_come_first() -> None:
    spectra = {
        "fails": spectrum(passed=False, lines=(10, 11, 12, 15, 16, 6)),
        "passes": spectrum(passed=True, lines=(10, 11, 12, 13, 16, 6)),
    }
    suspicions = localize([stack(ErrorKind.ASSERTION)], spectra, {PATH: SHOP})
    assert suspicions[0].span == Span(PATH, 15, 15)
    assert suspicions[0].score == 1.0
    assert suspicions[0].technique == "ochiai"
    assert Span(PATH, 13, 13) not in {s.span for s in suspicions}


def test_the_frame_that_raised_comes_first_and_its_callers_after_it() -> None:
    suspicions = localize([stack(ErrorKind.TYPE, 16, 6)], {}, {PATH: SHOP})
    score = {s.span.start_line: s.score for s in suspicions}
    assert suspicions[0].span.start_line == 6
    assert score[6] > score[16] > score[9]  # the signature of the caller


def test_a_constant_is_suspected_through_the_statements_that_use_it() -> None:
    spectra = {"fails": spectrum(passed=False, lines=(6,))}
    suspicions = localize([stack(ErrorKind.ASSERTION)], spectra, {PATH: SHOP})
    by_line = {s.span.start_line: s for s in suspicions}
    assert by_line[1].technique == "definition"
    assert by_line[1].score < by_line[6].score
    assert 2 not in by_line


def test_a_compound_statement_is_suspected_by_its_header_alone() -> None:
    spectra = {"fails": spectrum(passed=False, lines=(11, 12))}
    suspicions = localize([stack(ErrorKind.ASSERTION)], spectra, {PATH: SHOP})
    assert {s.span for s in suspicions if s.technique == "ochiai"} == {
        Span(PATH, 11, 11),
        Span(PATH, 12, 12),
    }


def test_a_file_that_does_not_parse_is_suspected_by_line() -> None:
    broken = SHOP.replace("def tax(price):", "def tax(price)")
    suspicions = localize([stack(ErrorKind.SYNTAX, 5)], {}, {PATH: broken})
    assert [s.span for s in suspicions] == [Span(PATH, 5, 5)]


def test_files_that_may_not_be_edited_are_not_suspected() -> None:
    assert localize([stack(ErrorKind.TYPE, 16, 6)], {}, {}) == ()


def test_files_that_the_tests_mention_stand_in_for_a_spectrum() -> None:
    sources = {PATH: SHOP, "other.py": "x = 1\n"}
    found = suspect_mentioned({"test_shop.py": "from shop import total"}, sources)
    assert {s.span.path for s in found} == {PATH}
    assert suspect_mentioned({"test_shop.py": "import elsewhere"}, sources) == ()


def test_functions_are_named_once_best_first() -> None:
    suspicions = localize([stack(ErrorKind.TYPE, 16, 6)], {}, {PATH: SHOP})
    assert suspicious_functions(suspicions, {PATH: SHOP})[:2] == [(PATH, "tax"), (PATH, "total")]


def test_of_equal_suspicions_the_function_that_the_test_names_comes_first() -> None:
    test = "test_shop.py::test_tax_of_much"
    failed = ErrorStack(test, "call", ErrorKind.ASSERTION, "AssertionError", "", ())
    spectra = {test: spectrum(passed=False, lines=(16, 6))}
    named = localize([failed], spectra, {PATH: SHOP})
    assert named[0].span.start_line == 6
    assert named[0].score == 1.0
    unnamed = localize([stack(ErrorKind.ASSERTION)], spectra, {PATH: SHOP})
    assert unnamed[0].score == unnamed[1].score


def test_an_error_raised_on_purpose_says_less_of_its_place_than_the_spectrum() -> None:
    raising = (
        "def check(x):\n    if x:\n        raise ValueError(x)\n\n\ndef made(x):\n    return x\n"
    )
    spectra = {
        "fails": Spectrum(False, frozenset({(PATH, 2), (PATH, 3), (PATH, 7)})),
        "passes": Spectrum(True, frozenset({(PATH, 2), (PATH, 3)})),
    }
    deliberate = localize([stack(ErrorKind.VALUE, 3)], spectra, {PATH: raising})
    assert deliberate[0].span.start_line == 7
    broke = localize([stack(ErrorKind.VALUE, 2)], spectra, {PATH: raising})
    assert broke[0].span.start_line == 2


def test_lines_of_the_most_suspicious_function_come_before_equal_ones_of_others() -> None:
    spectra = {
        "fails": spectrum(passed=False, lines=(6, 10, 15)),
        "passes": spectrum(passed=True, lines=(6, 10)),
    }
    suspicions = localize([stack(ErrorKind.ASSERTION)], spectra, {PATH: SHOP})
    score = {s.span.start_line: s.score for s in suspicions}
    assert score[15] == 1.0
    assert score[15] > score[10] > score[6]


def test_without_localization_all_that_may_be_at_fault_is_alike() -> None:
    spectra = {
        "fails": spectrum(passed=False, lines=(15,)),
        "passes": Spectrum(passed=True, lines=frozenset({("other.py", 1)})),
    }
    suspicions = suspect_everywhere(
        [stack(ErrorKind.ASSERTION)], spectra, {PATH: SHOP, "other.py": "x\n"}
    )
    assert {s.span.path for s in suspicions} == {PATH}
    assert {15, 13, 6} <= {s.span.start_line for s in suspicions}
    assert len({s.score for s in suspicions}) == 1
