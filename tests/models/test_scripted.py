from __future__ import annotations

from pytest_gemmadev.models.scripted import ScriptedModel
from pytest_gemmadev.types import Sampling


def texts(model: ScriptedModel, prompt: str, sampling: Sampling) -> list[str]:
    return [completion.text for completion in model.complete(prompt, sampling)]


def test_answers_go_by_what_the_prompt_holds() -> None:
    model = ScriptedModel({"gcd": ["one", "two"], "": ["else"]})
    assert texts(model, "def gcd(", Sampling(samples=3)) == ["one", "two", "one"]
    assert texts(model, "def lcm(", Sampling()) == ["else"]
    assert model.prompts == ["def gcd(", "def lcm("]
    assert model.samplings[0].samples == 3


def test_no_answer() -> None:
    assert texts(ScriptedModel({"x": []}), "x", Sampling()) == []
    assert texts(ScriptedModel(), "x", Sampling()) == [""]


def test_stops_end_a_text() -> None:
    (completion,) = ScriptedModel({"": ["a\nb"]}).complete("", Sampling(stop=("\n",)))
    assert (completion.text, completion.ended) == ("a", "stop")


def test_scores() -> None:
    assert ScriptedModel(scores={"b": -1.0}).score("p", ["b", "ccc"]) == (-1.0, -3.0)
    model = ScriptedModel(scores=lambda prefix, text: float(len(prefix) - len(text)))
    assert model.score("pp", ["b", ""]) == (1.0, 2.0)
    assert model.scored == [("pp", ("b", ""))]


def test_close() -> None:
    model = ScriptedModel()
    model.close()
    assert model.closed
