"""What keeps an operation from being offered in JSON, in a sentence for the operator; its native callers are not concerned."""


class Unspeakable(Exception):  # noqa: N818 -- named for what it says of an operation
    """An operation whose schema cannot be followed; the text says why and names the place."""
