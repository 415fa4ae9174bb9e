"""What a run ends with: the state after the repair, whatever pytest says of the run before it."""

from __future__ import annotations

from pathlib import Path

import pytest
from whole_runs import run, write

pytestmark = pytest.mark.slow

FIX = ("--gemmadev-fix", "--gemmadev-model=none", "-p", "no:cacheprovider")


def test_a_collection_that_was_interrupted_and_repaired(tmp_path: Path) -> None:
    write(tmp_path, {
        "prices.py": "import mathh as math\n\n\ndef up(x):\n    return math.ceil(x)\n",
        "test_prices.py": "from prices import up\n\n\ndef test_up():\n    assert up(1.5) == 2\n",
    })  # fmt: skip
    ran = run(tmp_path, *FIX)
    assert ran.status == 0, ran.output
    assert "after the repair: 1 passed" in ran.output.splitlines()
    assert "Interrupted: 1 error during collection, before the repair" in ran.output


def test_what_is_left_is_counted(tmp_path: Path) -> None:
    write(tmp_path, {
        "prices.py": "def total(items):\n    return sum(item)\n",
        "test_prices.py": "from prices import total\n\n\ndef test_total():\n"
        "    assert total([1, 2]) == 3\n\n\ndef test_never():\n    assert total([]) == object()\n"
        "\n\ndef test_always():\n    assert total\n",
    })  # fmt: skip
    ran = run(tmp_path, *FIX, "--gemmadev-budget=10")
    assert ran.status == 1, ran.output
    assert "after the repair: 1 failed, 2 passed" in ran.output.splitlines()


def test_what_python_says_of_candidates_is_not_in_the_users_list(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "texts.py": "import re\n\n\ndef words(text):\n    return re.split(r'\\W+', txt)\n",
            "test_texts.py": (
                "from texts import words\n\n\ndef test_words():\n"
                "    assert words(r'a\\.b') == ['a', 'b']\n"
            ),
        },
    )
    ran = run(tmp_path, "--gemmadev-fix", "--gemmadev-model=none")
    assert ran.status == 0
    assert "escape sequence" not in ran.output
