"""Deterministic candidates for errors that name their own cause, a small class for each."""

from pytest_gemmadev.propose.rules.rule_proposer import RuleProposer

__all__ = ["RuleProposer"]
