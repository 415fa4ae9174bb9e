"""Adds to collected rows what the model says: of each patch, and of its results after the docstring.

python -m training.confidence.ask_model rows.jsonl --output asked.jsonl --limit 400
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_gemmadev.registry import load_model
from pytest_gemmadev.search.confidence.documented_results import head_of, model_leads
from pytest_gemmadev.search.confidence.facts import TaskFacts, changed_share
from pytest_gemmadev.search.confidence.features import make_groups
from pytest_gemmadev.search.limits import DEFAULT
from pytest_gemmadev.types import Model
from training.confidence.fit import facts_in

GROUPS = 5  # of a problem that are asked about, the best scores first


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training.confidence.ask_model", description=__doc__
    )
    parser.add_argument("rows", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=10**9)
    parser.add_argument("--model", default="gemmadev")
    parser.add_argument("--adapter")
    options = parser.parse_args(argv)
    model = load_model(options.model, adapter=options.adapter, threads=1)
    assert model is not None
    done = 0
    known = set()
    if options.output.exists():
        known = {json.loads(line)["id"] for line in options.output.open()}
    with options.output.open("a", encoding="utf-8") as file:
        for line in options.rows.open(encoding="utf-8"):
            row = json.loads(line)
            if done >= options.limit:
                break
            if row["id"] in known or not ask(row, model):
                continue
            done += 1
            file.write(json.dumps(row) + "\n")
            file.flush()
    model.close()
    print(done)
    return 0


def ask(row: dict[str, Any], model: Model) -> bool:
    """Fills in ``ratio`` and ``documented`` of the best of the groups; false where there is no choice."""
    found = row["found"]
    if not found:
        return False
    reach = max(each["reach"] for each in found)
    close = [each for each in found if each["reach"] == reach]
    close = sorted(close, key=lambda each: -each["score"])[: DEFAULT.probed]
    facts = [
        replace(facts_in(e), changed=changed_share(row["original"], e["behaviour"])) for e in close
    ]
    made = make_groups(facts, [e["behaviour"] for e in close], TaskFacts(**row["task"]))
    groups = sorted(made.groups, key=lambda g: g.best.against - g.best.score)[:GROUPS]
    if len(groups) < 2:
        return False
    best = [close[g.members[0]] for g in groups]
    for each in best:
        if each["scoring"] is None:
            continue
        prefix, old, new = each["scoring"]
        old_nats, new_nats = model.score(prefix, (old, new))
        ratio = new_nats - old_nats + DEFAULT.nats_per_character * (len(new) - len(old))
        each["ratio"] = max(-DEFAULT.model_nats, min(DEFAULT.model_nats, ratio))
    leads = model_leads(
        model, head_of(row["broken"], row["function"]), [g.behaviour for g in groups]
    )
    for each, lead in zip(best, leads, strict=True):
        each["documented"] = lead
    return True


if __name__ == "__main__":
    sys.exit(main())
