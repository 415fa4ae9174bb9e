"""Where a candidate comes from is data; its string is what reports have always shown."""

from __future__ import annotations

import pytest

from pytest_gemmadev.types import Candidate, Origin, OriginKind

K = OriginKind


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        pytest.param("rule:misspelt_name", Origin(K.RULE, "misspelt_name"), id="rule"),
        pytest.param("pattern:a+b", Origin(K.PATTERN, "a+b"), id="two patterns"),
        pytest.param("write:line", Origin(K.WRITE, "line"), id="write"),
        pytest.param("syntax:colon", Origin(K.SYNTAX, "colon"), id="syntax"),
        pytest.param("syntax", Origin(K.SYNTAX), id="without a name"),
        pytest.param("unchanged", Origin(K.UNCHANGED), id="unchanged"),
        pytest.param("mine", Origin(K.OTHER, "mine"), id="another's"),
        pytest.param("mine:much:more", Origin(K.OTHER, "mine:much:more"), id="another's, parted"),
        pytest.param("", Origin(K.OTHER, ""), id="none"),
        pytest.param("other:x", Origin(K.OTHER, "other:x"), id="the name of a kind"),
        pytest.param("rule:", Origin(K.OTHER, "rule:"), id="a colon too much"),
    ],
)
def test_a_string_and_its_origin(text: str, origin: Origin) -> None:
    assert Origin.parse(text) == origin
    assert str(origin) == text
    assert Candidate((), text, 0.0).origin == origin  # type: ignore[arg-type]  # as others may


def test_several_steps() -> None:
    steps = [Origin(K.RULE, "a"), Origin(K.PATTERN, "b")]
    assert str(Origin.join(steps)) == "rule:a + pattern:b"
    assert Origin.join(steps).kind is K.SEVERAL
    assert Origin.join(steps[:1]) is steps[0]
