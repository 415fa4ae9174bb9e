"""The rule does with each of its examples what the example says."""

from pathlib import Path

import pytest
from gemmadev_renamed_settings import RenamedSetting

from pytest_gemmadev.api import Example
from pytest_gemmadev.testing import check_rule


@pytest.mark.parametrize("example", RenamedSetting.examples, ids=["literal", "variable"])
def test_example(example: Example, tmp_path: Path) -> None:
    check_rule(RenamedSetting(), example, tmp_path)
