"""Plausible repairs that another package's validator rejects; the tests alone would accept them."""

from __future__ import annotations

from dataclasses import replace

from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.found import Found, SearchResult
from pytest_gemmadev.types import RepairTask


def apply_validators(
    context: SearchContext, result: SearchResult, task: RepairTask
) -> SearchResult:
    """The result without the repairs that a validator rejects, and with the reasons for that."""
    if not context.validators:
        return result
    reasons = [_veto(context, found, task) for found in result.found]
    left = [found for found, reason in zip(result.found, reasons, strict=True) if not reason]
    return replace(result, found=left, vetoes=tuple(reason for reason in reasons if reason))


def _veto(context: SearchContext, found: Found, task: RepairTask) -> str:
    """The first reason against one of the steps; empty where there is none."""
    for step in found.steps:
        for validator in context.validators:
            reason = validator(task, step.candidate)
            if reason:
                return reason
        task = context.extend(task, step.candidate) or task
    return ""
