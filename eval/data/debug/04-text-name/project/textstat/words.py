"""Words of a text."""

import re

WORD = re.compile(r"[a-z']+")


def words(text):
    return WORD.findall(text.lower())


def counts(text):
    """How often each word occurs."""
    result = {}
    for word in words(text):
        result[word] = result.get(word, 0) + 1
    return result
