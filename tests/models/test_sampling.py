from __future__ import annotations

import math

import pytest

np = pytest.importorskip("numpy")

from pytest_gemmadev.models.llama.sampling import generator, log_normalizer, pick  # noqa: E402
from pytest_gemmadev.models.llama.stops import cut_at_stop, goes_in_circles  # noqa: E402
from pytest_gemmadev.types import Sampling  # noqa: E402 - numpy is an extra


def row(*logits: float) -> np.ndarray:
    return np.array(logits, dtype=np.float32)


def test_log_normalizer_makes_probabilities_of_logits() -> None:
    logits = row(100.0, 101.0, 99.0)
    total = sum(math.exp(float(x) - log_normalizer(logits)) for x in logits)
    assert total == pytest.approx(1.0, abs=1e-5)


def test_greedy_takes_the_likeliest() -> None:
    assert pick(row(0.0, 3.0, 2.9), Sampling(temperature=0.0), generator(0, 0)) == 1


def drawn(sampling: Sampling, *, seed: int = 0) -> set[int]:
    logits = row(2.0, 2.0, 1.0, -8.0)
    return {pick(logits, sampling, generator(seed, sample)) for sample in range(200)}


def test_the_nucleus_leaves_the_tail_out() -> None:
    assert drawn(Sampling(temperature=1.0, top_p=0.6)) == {0, 1}
    assert drawn(Sampling(temperature=1.0, top_p=0.99)) == {0, 1, 2}


def test_a_low_temperature_is_nearly_greedy_and_a_high_one_is_not() -> None:
    logits = row(1.0, 2.0, 0.0)
    cold = {pick(logits, Sampling(temperature=0.05), generator(1, n)) for n in range(100)}
    hot = {pick(logits, Sampling(temperature=5.0, top_p=1.0), generator(1, n)) for n in range(100)}
    assert cold == {1}
    assert hot == {0, 1, 2}


def test_a_sample_depends_on_its_seed_and_number_only() -> None:
    sampling = Sampling(temperature=1.0, top_p=1.0)
    logits = np.linspace(0, 1, 300, dtype=np.float32)

    def draw(seed: int, sample: int) -> list[int]:
        random = generator(seed, sample)
        return [pick(logits, sampling, random) for _ in range(8)]

    assert draw(7, 1) == draw(7, 1)
    assert draw(7, 1) != draw(7, 2)
    assert draw(7, 1) != draw(8, 1)


@pytest.mark.parametrize(
    ("text", "stops", "cut"),
    [
        pytest.param("return x\nreturn y", ("\n",), "return x", id="before the stop"),
        pytest.param("a###b", ("#", "##"), "a", id="the first of several"),
        pytest.param("abc", ("d", ""), None, id="none in it"),
        pytest.param("\nabc", ("\n",), "", id="at the very start"),
    ],
)
def test_cut_at_stop(text: str, stops: tuple[str, ...], cut: str | None) -> None:
    assert cut_at_stop(text, stops) == cut


@pytest.mark.parametrize(
    ("text", "circles"),
    [
        pytest.param("x = 1\n" * 40, True, id="a line"),
        pytest.param("start\n" + "    if a:\n        return b\n" * 12, True, id="two lines"),
        pytest.param("x = 1\n" * 39 + "y = 2\n", False, id="it came out"),
        pytest.param("x = 1\n" * 3, False, id="too short to tell"),
        pytest.param("".join(f"x{n} = {n}\n" for n in range(60)), False, id="it counts"),
        pytest.param("", False, id="nothing"),
    ],
)
def test_goes_in_circles(text: str, circles: bool) -> None:
    assert goes_in_circles(text) is circles
