"""The place where pre-commit's users look for the hook; `pytest_gemmadev.hook.command` is the hook."""

from pytest_gemmadev.hook.command import main

__all__ = ["main"]

if __name__ == "__main__":
    raise SystemExit(main())
