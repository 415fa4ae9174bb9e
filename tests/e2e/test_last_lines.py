"""What a run ends with: the state after the repair, whatever pytest says of the run before it."""

from __future__ import annotations

from pathlib import Path

import pytest
from whole_runs import Ran, run, write

pytestmark = pytest.mark.slow

FIX = (
    "--gemmadev-fix",
    "--gemmadev-accept=guess",
    "--gemmadev-model=none",
    "-p",
    "no:cacheprovider",
)

DOUBLE = {
    "shop.py": "def double(x):\n    return x + 2\n",
    "test_shop.py": "from shop import double\n\n\ndef test_double():\n"
    "    assert double(3) == 6\n    assert double(5) == 10\n",
}


def last_line(ran: Ran) -> str:
    """pytest's own, without its frame and the time."""
    line = ran.output.rstrip().splitlines()[-1].strip("= ")
    return line.rpartition(" in ")[0] or line


def test_a_collection_that_was_interrupted_and_repaired(tmp_path: Path) -> None:
    write(tmp_path, {
        "prices.py": "import mathh as math\n\n\ndef up(x):\n    return math.ceil(x)\n",
        "test_prices.py": "from prices import up\n\n\ndef test_up():\n    assert up(1.5) == 2\n",
    })  # fmt: skip
    ran = run(tmp_path, *FIX)
    assert ran.status == 0, ran.output
    assert "after the repair: 1 passed" in ran.output.splitlines()
    assert "Interrupted: 1 error during collection, before the repair" in ran.output
    assert last_line(ran) == "1 repaired"


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


def test_a_run_that_stopped_early(tmp_path: Path) -> None:
    other = "from shop import double\n\n\ndef test_other():\n    assert double(7) == 14\n"
    write(tmp_path, {**DOUBLE, "test_z.py": other})
    ran = run(tmp_path, *FIX, "-x")
    assert ran.status == 0, ran.output
    assert "after the repair: 2 passed" in ran.output.splitlines()
    assert "stopping after 1 failures, before the repair" in ran.output
    assert last_line(ran) == "1 repaired"


COUNTING = """import pathlib


def count():
    path = pathlib.Path(__file__).with_name("runs.txt")
    path.write_text((path.read_text() if path.exists() else "") + "x")
    return len(path.read_text())


"""


def test_a_test_that_fails_the_first_time_only(tmp_path: Path) -> None:
    flaky = COUNTING + "def test_once():\n    assert count() > 1\n"
    write(tmp_path, {**DOUBLE, "test_z.py": flaky})
    # With private copies every run would find the project as the first one did.
    ran = run(tmp_path, *FIX, "--gemmadev-confine=off")
    assert ran.status == 0, ran.output
    assert "after the repair: 2 passed" in ran.output.splitlines()
    assert "FAILED" not in ran.output
    assert last_line(ran) == "1 repaired, 1 flaky"


def test_a_test_that_passes_the_first_time_only(tmp_path: Path) -> None:
    flaky = COUNTING + "def test_once():\n    assert count() == 1\n"
    write(tmp_path, {**DOUBLE, "test_z.py": flaky})
    # With private copies every run would find the project as the first one did.
    ran = run(tmp_path, *FIX, "--gemmadev-confine=off")
    assert ran.status == 1, ran.output
    assert "after the repair: 1 failed, 1 passed" in ran.output.splitlines()
    assert last_line(ran) == "1 failed, 1 repaired"


def test_errors_in_setup_and_teardown_of_one_test(tmp_path: Path) -> None:
    test = (
        "import pytest\nfrom shop import double\n\n\n@pytest.fixture\ndef number():\n    yield 3\n"
        "    assert double(3) == 6\n\n\ndef test_double(number):\n    assert double(5) == 10\n"
    )
    write(tmp_path, {**DOUBLE, "test_shop.py": test})
    ran = run(tmp_path, *FIX)
    assert ran.status == 0, ran.output
    assert last_line(ran) == "2 repaired"
