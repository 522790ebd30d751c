"""Answers that it was called."""


def handler(_event: dict, _context: object) -> str:
    """Returns a text."""
    return "called"
