"""All templates of ours, compiled to patterns."""

from __future__ import annotations

from pytest_gemmadev.propose.templates import (
    call_templates,
    comparison_templates,
    loop_templates,
    operation_templates,
    statement_templates,
    value_templates,
)
from pytest_gemmadev.propose.templates.template import Template
from pytest_gemmadev.propose.templates.template_pattern import TemplatePattern

TEMPLATES: tuple[Template, ...] = (
    *operation_templates.TEMPLATES,
    *comparison_templates.TEMPLATES,
    *value_templates.TEMPLATES,
    *call_templates.TEMPLATES,
    *loop_templates.TEMPLATES,
    *statement_templates.TEMPLATES,
)

PATTERNS = tuple(map(TemplatePattern, TEMPLATES))
