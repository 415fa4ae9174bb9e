"""All templates of ours that need no error: those for errors are in `error_templates`."""

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

TEMPLATES: tuple[Template, ...] = (
    *operation_templates.TEMPLATES,
    *comparison_templates.TEMPLATES,
    *value_templates.TEMPLATES,
    *call_templates.TEMPLATES,
    *loop_templates.TEMPLATES,
    *statement_templates.TEMPLATES,
)
