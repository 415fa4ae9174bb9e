"""Short functions to be finished from their head and docstring, put together from a small grammar.

Real code documents its functions for people who know the project, so that few of its docstrings say
all that the body does. These do: each is a composition (a source of elements, conditions, a change, a
summary) or a known small procedure with drawn constants, written in one of several idioms and
described in one of several wordings. Its examples are what the body gave when it ran.
"""
