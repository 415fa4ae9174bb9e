"""Books and copies."""

from dataclasses import dataclass, field


@dataclass
class Book:
    title: str
    copies: int = 1
    lent_to: list = field(default_factory=list)

    def available(self):
        return self.copies > len(self.lent_to)
