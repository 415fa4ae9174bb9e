import shutil

import pytest

from tool.config import FOLDER, save


@pytest.fixture(autouse=True)
def empty():
    shutil.rmtree(FOLDER, ignore_errors=True)
    yield
    shutil.rmtree(FOLDER, ignore_errors=True)


def test_save():
    assert save("a", x=1) == {"x": 1}
    assert save("a", y=2) == {"x": 1, "y": 2}
