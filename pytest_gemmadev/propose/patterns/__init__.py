"""Small syntax-tree edits at suspicious places: the fix patterns of the repair literature.

One file per family of edits, one class per pattern. `priors` says how likely each is, `code.unit` what
a pattern sees of the code, `pattern_proposer` in which order the edits come out.
"""

from pytest_gemmadev.propose.patterns.pattern_proposer import PatternProposer

__all__ = ["PatternProposer"]
