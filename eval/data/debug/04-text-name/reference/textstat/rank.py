"""The commonest words."""

from textstat.words import counts


def top(text, limit=3, stopwords=()):
    """The commonest words with their counts; ties in alphabetical order."""
    found = {w: n for w, n in counts(text).items() if w not in stopwords}
    ordered = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
    return ordered[:limit]


def histogram(text, width=20):
    rows = top(text)
    if not rows:
        return ""
    most = rows[0][1]
    longest = max(len(word) for word, _ in rows)
    return "\n".join(f"{w:<{longest}} {'#' * round(n / most * width)}" for w, n in rows)
