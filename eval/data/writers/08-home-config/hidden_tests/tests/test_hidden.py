import shutil

from tool.config import FOLDER, save


def test_names():
    assert save("b", x=1) == {"x": 1}
    shutil.rmtree(FOLDER)
