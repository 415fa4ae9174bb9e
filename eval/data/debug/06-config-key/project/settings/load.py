"""Settings from text over the defaults."""

import copy

from settings.defaults import DEFAULTS


def load(text):
    """Settings from lines such as ``server.port = 9000``."""
    result = copy.deepcopy(DEFAULTS)
    for line in text.splitlines():
        line = line.partition("#")[0].strip()
        if not line:
            continue
        name, _, value = line.partition("=")
        section, _, key = name.strip().partition(".")
        if key not in result.get(section, {}):
            raise ValueError(f"unknown setting {name.strip()}")
        old = result[section][key]
        result[section][key] = convert(value.strip(), old)
    return result


def convert(value, like):
    """The value in the type of the default that it replaces."""
    if isinstance(like, int):
        return int(value)
    return value
