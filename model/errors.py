"""The failures that a user can mend."""


class FazhiError(Exception):
    """Its message is one clear sentence with the way out; commands print it without a stack trace."""
