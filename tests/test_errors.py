"""How errors are told."""

from research_kit.errors import error_text


class UnspeakableError(Exception):
    """An error that cannot say what it is."""

    def __str__(self):
        raise ValueError


def test_the_text_of_an_error_is_short_and_always_there():
    assert error_text(ValueError("x" * 20_000)) == ("ValueError: " + "x" * 20_000)[:10_000]
    assert error_text(UnspeakableError()) == "UnspeakableError: (its message could not be read)"
