"""What strangers' files say, as it goes into our database and onto our pages."""


def shown(text: str) -> str:
    """Without what cannot be seen, such as NUL, which no database takes, and marks that turn the line around."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
