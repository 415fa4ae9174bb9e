"""Compositions: of the elements of something, those that fulfil a condition, changed, summed up."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from training.drills.drill import Drill, Parameter

TRIES = 8  # at parts that fit together


@dataclass(frozen=True, slots=True)
class Source:
    """Where elements come from. ``@`` in code is the parameter, in words it is its name."""

    kind: str  # of the parameter
    names: str
    over: str  # iterable
    element: str  # type of an element: int or str
    variables: str
    nouns: str  # in the plural
    where: str  # ends the noun phrase


SOURCES = (
    Source("list[int]", "numbers values nums lst arr xs data", "@", "int", "number num x n value", "numbers|integers|values|elements", " in @| of @| in the list @| of the given list|"),
    Source("list[int]", "numbers values nums lst arr", "@", "int", "number x n", "numbers|integers", " in @| of the list"),
    Source("list[int]", "numbers values lst", "@[::2]", "int", "x value", "elements|numbers", " at even indices of @| at even positions in the list (counting from zero)"),
    Source("list[int]", "numbers values lst", "@[1::2]", "int", "x value", "elements|numbers", " at odd indices of @| at odd positions in @, where the first position is 0"),
    Source("list[int]", "numbers values items", "set(@)", "int", "x value", "distinct numbers|different values", " in @| of @"),
    Source("int positive", "n limit", "range(1, @ + 1)", "int", "i number k", "numbers|integers", " from 1 to @| between 1 and @ (both included)| from 1 up to and including @"),
    Source("int positive", "n limit stop", "range(@)", "int", "i x k", "numbers|integers|non-negative integers", " below @| less than @| smaller than @"),
    Source("int long", "n number num", "map(int, str(@))", "int", "digit d", "digits|decimal digits", " of @| of the number| of a non-negative integer @"),
    Source("list[str]", "words strings names items texts", "@", "str", "word s name text item", "strings|words|texts", " in @| of @| in the list| of the given list"),
    Source("list[str]", "words strings names lst", "@", "str", "word s", "strings|words", " in @| of the list @"),
    Source("str text", "text sentence s string line", "@.split()", "str", "word w", "words", " in @| of the sentence| of @, which are separated by spaces| in the given string"),
    Source("str", "text s string word", "@", "char", "c ch char letter", "characters|letters|characters", " in @| of @| of the string| in the given string"),
    Source("str text", "text s string sentence", "@", "char", "c ch char", "characters", " in @| of @| of the text"),
    Source("dict[str, int]", "prices scores counts d ages", "@.values()", "int", "value v x", "values|numbers", " in the dictionary @| of @"),
    Source("dict[str, int]", "prices scores counts table", "@", "str", "key name k", "keys|names", " of the dictionary @| of @"),
    Source("str numbers", "text line s", "map(int, @.split())", "int", "number n x", "numbers|integers", " in @, which are separated by spaces| written in the string @"),
)


@dataclass(frozen=True, slots=True)
class Condition:
    """Adjectives stand before the noun, clauses after it; ``#`` is the element in code."""

    code: str
    adjectives: str = ""
    clauses: str = ""
    parameter: Parameter | None = None


def _int_conditions(random_: random.Random) -> list[Condition]:
    k, d = random_.randint(2, 12), random_.randint(2, 9)
    low = random_.randint(-3, 6)
    high = low + random_.randint(3, 12)
    return [
        Condition("# % 2 == 0", "even", "that are even|divisible by two"),
        Condition("# % 2 != 0", "odd", "that are odd|that are not even"),
        Condition("# > 0", "positive", "that are greater than zero|above zero"),
        Condition("# < 0", "negative", "that are less than zero|below zero"),
        Condition("# >= 0", "non-negative", "that are not negative"),
        Condition("# != 0", "non-zero", "that are not zero"),
        Condition(f"# % {d} == 0", "", f"divisible by {d}|that are multiples of {d}"),
        Condition(f"# % {d} != 0", "", f"not divisible by {d}|that are not multiples of {d}"),
        Condition(f"# > {k}", "", f"greater than {k}|above {k}|larger than {k}"),
        Condition(f"# < {k}", "", f"less than {k}|below {k}|smaller than {k}"),
        Condition(f"# >= {k}", "", f"that are at least {k}|not less than {k}"),
        Condition(f"# <= {k}", "", f"that are at most {k}|not greater than {k}"),
        Condition(f"{low} <= # <= {high}", "", f"between {low} and {high} (inclusive)|from {low} to {high}"),
        Condition(f"# % 10 == {d}", "", f"whose last digit is {d}|ending with the digit {d}"),
        Condition("# == int(#**0.5) ** 2 if # >= 0 else False", "", "that are perfect squares|that are squares of integers"),
        Condition("abs(#) > 9", "", "with more than one digit|of at least two digits"),
        Condition("# > limit", "", "greater than `limit`|above the limit|that exceed the given limit", Parameter("limit", "int natural")),
        Condition("# < threshold", "", "less than `threshold`|below the threshold", Parameter("threshold", "int natural")),
        Condition("# % k == 0", "", "divisible by k|that are multiples of `k`", Parameter("k", "int count")),
        Condition("# != unwanted", "", "other than `unwanted`|that differ from unwanted", Parameter("unwanted", "int natural")),
    ]


def _str_conditions(random_: random.Random) -> list[Condition]:
    k = random_.randint(2, 6)
    letter = random_.choice("aeorst")
    return [
        Condition(f"len(#) > {k}", "", f"longer than {k} characters|with more than {k} letters"),
        Condition(f"len(#) < {k}", "", f"shorter than {k} characters|with fewer than {k} letters"),
        Condition(f"len(#) == {k}", "", f"of exactly {k} characters|of length {k}"),
        Condition("len(#) % 2 == 0", "", "of even length|with an even number of characters"),
        Condition("len(#) % 2 == 1", "", "of odd length|whose length is odd"),
        Condition(f"'{letter}' in #", "", f"that contain the letter '{letter}'|with an '{letter}' in them"),
        Condition(f"'{letter}' not in #", "", f"that do not contain '{letter}'|without the letter '{letter}'"),
        Condition(f"#.startswith('{letter}')", "", f"that start with '{letter}'|beginning with '{letter}'"),
        Condition(f"#.endswith('{letter}')", "", f"that end with '{letter}'|ending in '{letter}'"),
        Condition("# == #[::-1]", "palindromic", "that are palindromes|that read the same backwards"),
        Condition("#[0].isupper()", "capitalized", "that start with a capital letter|whose first letter is in upper case"),
        Condition("#.islower()", "", "written in lower case only|in lower case"),
        Condition("#[0].lower() in 'aeiou'", "", "that start with a vowel|beginning with a vowel"),
        Condition("#.startswith(prefix)", "", "that start with `prefix`|that have the given prefix", Parameter("prefix", "str letter")),
        Condition("part in #", "", "that contain `part`|with the substring part in them", Parameter("part", "str part")),
        Condition("len(#) >= size", "", "with at least `size` characters|not shorter than size", Parameter("size", "int count")),
        Condition("len(set(#)) == len(#)", "", "without repeated letters|in which no character occurs twice"),
    ]


def _char_conditions(random_: random.Random) -> list[Condition]:
    letter = random_.choice("aeorst")
    return [
        Condition("#.lower() in 'aeiou'", "", "that are vowels (in either case)|that are vowels"),
        Condition("# in 'aeiou'", "", "that are lower case vowels|among a, e, i, o and u"),
        Condition("#.isalpha() and #.lower() not in 'aeiou'", "", "that are consonants"),
        Condition("#.isdigit()", "", "that are digits|from 0 to 9"),
        Condition("#.isupper()", "upper case", "that are capital letters|in upper case"),
        Condition("#.islower()", "lower case", "that are lower case letters|in lower case"),
        Condition("#.isalpha()", "", "that are letters|of the alphabet"),
        Condition("not #.isspace()", "", "that are not spaces|other than spaces"),
        Condition("not #.isalnum()", "", "that are neither letters nor digits"),
        Condition(f"# != '{letter}'", "", f"other than '{letter}'|that are not '{letter}'"),
        Condition("# == wanted", "", "equal to `wanted`|that are the same as wanted", Parameter("wanted", "str letter")),
        Condition("# not in removed", "", "that do not occur in `removed`", Parameter("removed", "str")),
        Condition("text.count(#) == 1", "unique", "that occur exactly once|that are not repeated"),
    ]


@dataclass(frozen=True, slots=True)
class Change:
    """What is made of an element. ``says`` takes the noun phrase at ``%``."""

    code: str
    says: str
    element: str
    parameter: Parameter | None = None


def _changes(element: str, random_: random.Random) -> list[Change]:
    k = random_.randint(2, 9)
    if element == "int":
        return [
            Change("# * #", "the squares of %|the square of each of %", "int"),
            Change("# ** 3", "the cubes of %", "int"),
            Change(f"# * {k}", f"% multiplied by {k}|{k} times each of %", "int"),
            Change(f"# + {k}", f"% increased by {k}|each of % plus {k}", "int"),
            Change(f"# - {k}", f"% decreased by {k}|each of % minus {k}", "int"),
            Change(f"# % {k}", f"the remainders of % divided by {k}|% modulo {k}", "int"),
            Change(f"# // {k}", f"% divided by {k}, rounded down|the integer quotients of % and {k}", "int"),
            Change("-#", "% with their signs changed|% negated", "int"),
            Change("abs(#)", "the absolute values of %", "int"),
            Change("str(#)", "% as strings|% converted to strings", "str"),
            Change("# * factor", "% multiplied by `factor`|factor times each of %", "int", Parameter("factor", "int count")),
            Change("# + offset", "% with `offset` added to each", "int", Parameter("offset", "int")),
        ]
    changes = [
        Change("#.upper()", "% in upper case|% converted to upper case", "str"),
        Change("#.lower()", "% in lower case|% converted to lower case", "str"),
    ]
    if element == "str":
        changes += [
            Change("len(#)", "the lengths of %|the length of each of %", "int"),
            Change("#[::-1]", "% reversed|% spelt backwards", "str"),
            Change("#[0]", "the first letters of %|the initial letter of each of %", "str"),
            Change("#[-1]", "the last characters of %", "str"),
            Change("#.capitalize()", "% capitalized", "str"),
            Change("#.title()", "% with a capital first letter", "str"),
            Change("# + suffix", "% followed by `suffix`", "str", Parameter("suffix", "str part")),
            Change(f"#[:{k}]", f"the first {k} characters of each of %", "str"),
            Change("# * 2", "% written twice in a row", "str"),
        ]
    else:
        changes += [
            Change("#.swapcase()", "% with upper and lower case swapped", "str"),
            Change("ord(#)", "the code points of %", "int"),
            Change("# * 2", "% each written twice", "str"),
        ]
    return changes


@dataclass(frozen=True, slots=True)
class Summary:
    """What becomes of all elements: as one expression (``&`` is the generator), and as a loop."""

    says: str
    names: str
    returns: str
    expression: str
    start: str  # before the loop
    step: str  # in it, for ``#``
    end: str = "return result"
    extra: str = ""  # a sentence
    elements: str = "int str char"
    needs: tuple[Parameter, ...] = field(default=())


SUMMARIES = (
    Summary("the sum of %|the total of %", "sum_of total_of sum add_up", "int", "sum(&)", "result = 0", "result += #", elements="int", extra="|The sum of nothing is 0."),
    Summary("the product of %", "product_of multiply product", "int", "", "result = 1", "result *= #", elements="int", extra="|The product of nothing is 1.|If there are none, return 1."),
    Summary("the number of %|how many % there are", "count number_of how_many count_of", "int", "sum(1 for _ in &)", "result = 0", "result += 1"),
    Summary("a list of %|the list of %|%|only %", "filter get list_of select keep find_all", "list[~]", "[&]", "result = []", "result.append(#)", elements="int str"),
    Summary("% in sorted order|a sorted list of %|% in ascending order", "sorted sort_of ordered", "list[~]", "sorted(&)", "result = []", "result.append(#)", "return sorted(result)", elements="int str"),
    Summary("% in descending order|% from the largest to the smallest", "descending largest_first", "list[~]", "sorted((&), reverse=True)", "result = []", "result.append(#)", "result.sort(reverse=True)\nreturn result", elements="int"),
    Summary("% in reverse order|% from the last to the first", "reversed backwards", "list[~]", "[&][::-1]", "result = []", "result.insert(0, #)", elements="int str"),
    Summary("% without duplicates, in order of first appearance|% in order, each only once", "unique distinct dedupe", "list[~]", "list(dict.fromkeys(&))", "result = []", "if # not in result:\n    result.append(#)", elements="int str"),
    Summary("the number of different values among %|how many distinct values there are among %", "count_distinct distinct_count", "int", "len(set(&))", "result = set()", "result.add(#)", "return len(result)"),
    Summary("the largest of %|the maximum of %|the greatest of %", "max largest biggest greatest", "int", "max((&), default=None)", "result = None", "if result is None or # > result:\n    result = #", extra="Return None if there are none.|If there is none, return None.", elements="int"),
    Summary("the smallest of %|the minimum of %|the least of %", "min smallest least", "int", "min((&), default=0)", "result = None", "if result is None or # < result:\n    result = #", "return 0 if result is None else result", extra="Return 0 if there are none.|If there is no such value, return 0.", elements="int"),
    Summary("the longest of %", "longest", "str", "max((&), key=len, default='')", "result = ''", "if len(#) > len(result):\n    result = #", extra="Of several, return the first. If there are none, return an empty string.", elements="str"),
    Summary("the shortest of %", "shortest", "str", "min((&), key=len, default=None)", "result = None", "if result is None or len(#) < len(result):\n    result = #", extra="In case of a tie, return the first one. Return None if there is none.", elements="str"),
    Summary("the first of %", "first find_first", "~", "next((&), None)", "", "return #", "return None", extra="Return None if there is none.|If no such element exists, return None.", elements="int str char"),
    Summary("the last of %", "last find_last", "~", "", "result = None", "result = #", extra="Return None if there is none.", elements="int str char"),
    Summary("the average of %|the mean of %|the arithmetic mean of %", "average mean", "float", "", "total = 0\ncount = 0", "total += #\ncount += 1", "if count == 0:\n    return 0.0\nreturn total / count", extra="The average of no numbers is 0.0.|Return 0.0 if there are none.", elements="int"),
    Summary("the difference between the largest and the smallest of %|the range (maximum minus minimum) of %", "range_of spread", "int", "", "result = []", "result.append(#)", "return max(result) - min(result) if result else 0", extra="It is 0 if there are none.", elements="int"),
    Summary("a string made of %|the string that consists of %, in order|%, joined into one string", "keep join extract only", "str", "''.join(&)", "result = ''", "result += #", elements="char str"),
    Summary("%, joined by spaces|a string of %, separated by single spaces", "join_of spaced", "str", "' '.join(&)", "result = []", "result.append(#)", "return ' '.join(result)", elements="str char"),
    Summary("%, joined by commas", "comma_separated joined", "str", "','.join(&)", "result = []", "result.append(#)", "return ','.join(result)", elements="str"),
    Summary("a dictionary that maps each of % to how often it occurs|how often each of % occurs, as a dictionary|a dictionary with the counts of %", "counts frequencies histogram occurrences", "dict[~, int]", "", "result = {}", "result[#] = result.get(#, 0) + 1", elements="int str char"),
    Summary("the most frequent of %|that one of % which occurs most often", "most_common mode most_frequent", "~", "", "counts = {}", "counts[#] = counts.get(#, 0) + 1", "if not counts:\n    return None\nreturn max(counts, key=counts.get)", extra="In case of a tie the one that appears first wins. Return None if there are none.", elements="int str char"),
    Summary("the set of %", "set_of distinct", "set[~]", "set(&)", "result = set()", "result.add(#)", elements="int str char"),
    Summary("the running totals of %|a list of the cumulative sums of %", "running_total cumulative_sum prefix_sums", "list[int]", "", "result = []\ntotal = 0", "total += #\nresult.append(total)", elements="int"),
    Summary("the largest two of %, in descending order|the two greatest of %, the greatest first", "two_largest top_two", "list[int]", "sorted((&), reverse=True)[:2]", "result = []", "result.append(#)", "result.sort(reverse=True)\nreturn result[:2]", extra="If there are fewer than two, return what there is.", elements="int"),
    Summary("the second smallest of the distinct values among %", "second_smallest", "int", "", "result = set()", "result.add(#)", "if len(result) < 2:\n    return None\nreturn sorted(result)[1]", extra="Return None if there is no such value.", elements="int"),
    Summary("the median of %", "median", "float", "", "result = []", "result.append(#)", "result.sort()\nmiddle = len(result) // 2\nif not result:\n    return None\nif len(result) % 2 == 1:\n    return result[middle]\nreturn (result[middle - 1] + result[middle]) / 2", extra="Return None if there are none.", elements="int"),
)

_QUESTIONS = (
    ("all", "Check whether all % *.|Return True if all % *, and False otherwise.|Return True if every one of % *.", "all_are are_all check_all every"),
    ("any", "Check whether any of % *.|Return True if at least one of % *.", "any_is has_any contains_any some"),
    ("none", "Return True if none of % *.|Check that none of % *.", "none_is has_no no_element"),
)
_BE = {"that are ": "is ", "that ": "", "with ": "has ", "of ": "is of ", "greater": "is greater", "less": "is less", "divisible": "is divisible", "not ": "is not ", "between": "is between", "above": "is above", "below": "is below"}


def compositions(random_: random.Random) -> Iterator[Drill]:
    """Drills without end, some of them alike."""
    while True:
        source = random_.choice(SOURCES)
        drill = _question(source, random_) if random_.random() < 0.12 else _composed(source, random_)
        if drill is not None:
            yield drill


def _conditions(element: str, random_: random.Random) -> list[Condition]:
    found: Callable[[random.Random], list[Condition]] = {
        "int": _int_conditions, "str": _str_conditions, "char": _char_conditions
    }[element]
    return found(random_)


def _composed(source: Source, random_: random.Random) -> Drill | None:
    parameter = Parameter(random_.choice(source.names.split()), source.kind)
    variable = random_.choice([v for v in source.variables.split() if v != parameter.name])
    chosen = random_.sample(_conditions(source.element, random_), random_.choices((0, 1, 2), (3, 6, 1.5))[0])
    change = random_.choice(_changes(source.element, random_)) if random_.random() < 0.4 else None
    element = change.element if change else source.element
    summaries = [s for s in SUMMARIES if element in s.elements.split()]
    summary = random_.choice(summaries)
    if not chosen and not change and summary.names.startswith(("filter", "keep", "set")):
        return None
    phrase = _phrase(source, chosen, parameter, random_)
    if phrase is None:
        return None
    if change:
        phrase = random_.choice(change.says.split("|")).replace("%", phrase)
        if change.says.startswith("each"):
            return None
    says = _sentence(random_.choice(summary.says.split("|")).replace("%", phrase), summary, random_)
    tests = [c.code.replace("text.count", f"{parameter.name}.count").replace("#", variable) for c in chosen]
    if any("if" in test for test in tests) and len(tests) > 1:
        return None
    over = source.over.replace("@", parameter.name)
    value = (change.code if change else "#").replace("#", variable)
    asked = [c.parameter for c in chosen if c.parameter] + ([change.parameter] if change and change.parameter else [])
    if len({p.name for p in (parameter, *asked)}) <= len(asked):
        return None
    body = _written(summary, variable, over, tests, value, random_)
    shown = {"char": "str"}.get(element, element)
    return Drill(
        name=_name(summary, chosen, change, source, random_),
        parameters=(parameter, *asked),
        returns=summary.returns.replace("~", shown),
        says=says,
        body=body,
    )


def _phrase(source: Source, chosen: list[Condition], parameter: Parameter, random_: random.Random) -> str | None:
    noun = random_.choice(source.nouns.split("|"))
    where = random_.choice(source.where.split("|"))
    before, after = [], []
    for condition in chosen:
        if condition.adjectives and random_.random() < 0.6:
            before.append(condition.adjectives)
        else:
            after.append(random_.choice(condition.clauses.split("|")))
    quoted = random_.choice(("{}", "{}", "`{}`", "'{}'")).format(parameter.name)
    phrase = " ".join(["the", *before, noun]) + where.replace("@", quoted)
    return f"{phrase} {' and '.join(after)}" if after else phrase


def _sentence(what: str, summary: Summary, random_: random.Random) -> str:
    if what.startswith("how"):
        says = random_.choice(("Return {}.", "Tell {}.", "Find out {}.")).format(what)
    else:
        says = random_.choice(
            ("Return {}.", "Return {}.", "Returns {}.", "Compute {}.", "Find {}.", "Get {}.", "Calculate and return {}.", "Write a function that returns {}.", "This function returns {}.")
        ).format(what)
    extra = random_.choice(summary.extra.split("|"))
    return f"{says} {extra}".strip()


def _written(summary: Summary, variable: str, over: str, tests: list[str], value: str, random_: random.Random) -> str:
    test = " and ".join(f"({t})" if " and " in t or " if " in t else t for t in tests)
    if summary.expression and random_.random() < 0.5:
        is_plain = value == variable and not test
        inner = over if is_plain else f"{value} for {variable} in {over}{f' if {test}' if test else ''}"
        if summary.expression == "[&]" or "[&]" in summary.expression:
            inner = f"*{over}" if is_plain else inner
        elif summary.expression.startswith("sum(1"):
            inner = over if is_plain else f"({inner})"
            if not is_plain:
                return f"return sum(1 for {variable} in {over}{f' if {test}' if test else ''})"
            if over.isidentifier():
                return f"return len({over})"
        elif is_plain and summary.expression.endswith(("join(&)", "set(&)", "fromkeys(&))", "set(&))", "sum(&)", "sorted(&)")):
            inner = over
        elif "(&)" in summary.expression and is_plain:
            return f"return {summary.expression.replace('(&)', over if ',' in summary.expression else f'({over})')}"
        return f"return {summary.expression.replace('&', inner)}"
    name = random_.choice(("result", "result", "total", "found", "answer", "out", "res"))
    used = "total" if "total" in summary.start else "result"
    lines = summary.start.split("\n") if summary.start else []
    lines.append(f"for {variable} in {over}:")
    step, indent = summary.step, "    "
    if test:
        lines.append(f"    if {test}:")
        indent = "        "
    if step.count("#") > 1 and value != variable:
        lines.append(f"{indent}value = {value}")
        value = "value"
    lines += [indent + line for line in step.replace("#", value).split("\n")]
    lines += summary.end.split("\n")
    body = "\n".join(lines)
    if used == "result" and name not in (variable, over) and name not in body:
        body = _renamed(body, "result", name)
    return body


def _renamed(body: str, old: str, new: str) -> str:
    import re

    return re.sub(rf"\b{old}\b", new, body)


def _name(summary: Summary, chosen: list[Condition], change: Change | None, source: Source, random_: random.Random) -> str:
    head = random_.choice(summary.names.split())
    words = [c.adjectives.replace("-", "_").replace(" ", "_") for c in chosen if c.adjectives]
    noun = random_.choice(source.nouns.split("|")).split()[-1]
    if change and random_.random() < 0.7:
        words.append(random_.choice(("changed", "mapped", "transformed", "new")))
    return "_".join(filter(None, [head, *words, noun]))


def _question(source: Source, random_: random.Random) -> Drill | None:
    parameter = Parameter(random_.choice(source.names.split()), source.kind)
    variable = random_.choice([v for v in source.variables.split() if v != parameter.name])
    condition = random_.choice(_conditions(source.element, random_))
    clause = random_.choice(condition.clauses.split("|")) if condition.clauses else ""
    told = next((clause.replace(old, new, 1) for old, new in _BE.items() if clause.startswith(old)), "")
    if not told or "if" in condition.code.split() or (told[0] != "i" and not told.startswith("has")):
        return None
    how, wordings, names = random_.choice(_QUESTIONS)
    phrase = _phrase(source, [], parameter, random_)
    if phrase is None or (condition.parameter and condition.parameter.name == parameter.name):
        return None
    wording = random_.choice(wordings.split("|"))
    if how == "all" and "every" not in wording:
        told = told.replace("is ", "are ", 1).replace("has ", "have ", 1)
    says = wording.replace("%", phrase).replace("all the", "all the").replace("*", told)
    test = condition.code.replace("text.count", f"{parameter.name}.count").replace("#", variable)
    over = source.over.replace("@", parameter.name)
    opposite = f"not ({test})"
    if random_.random() < 0.5:
        called = {"all": f"all({test} for {variable} in {over})", "any": f"any({test} for {variable} in {over})", "none": f"not any({test} for {variable} in {over})"}[how]
        body = f"return {called}"
    else:
        tested = opposite if how == "all" else test
        body = f"for {variable} in {over}:\n    if {tested}:\n        return {how == 'any'}\nreturn {how != 'any'}"
    return Drill(
        name=random_.choice(names.split()) + "_" + random_.choice(source.nouns.split("|")).split()[-1],
        parameters=(parameter, *([condition.parameter] if condition.parameter else [])),
        returns="bool",
        says=says,
        body=body,
    )


__all__ = ["compositions", "replace"]
