"""How a download tells its file name, so that every browser saves it right."""

import unicodedata
from urllib.parse import quote

_UNSAFE = '"\\/;%'  # what old browsers stumble over inside the quotes
_ATTR_CHARS = (
    "!#$&+-.^_`|~"  # RFC 8187 section 3.2.1: beside letters and digits these stay as they are
)


def content_disposition(filename: str) -> str:
    """The header that saves a download under ``filename``.

    A plain name for old clients stands before the UTF-8 one, which wins where both are understood
    (RFC 6266 section 4.3, encoding by RFC 8187). The result is ASCII and fits into a URL's query too.
    """
    name = "".join(letter for letter in filename if unicodedata.category(letter) != "Cc")
    return (
        f"attachment; filename=\"{_plain(name)}\"; filename*=UTF-8''{quote(name, safe=_ATTR_CHARS)}"
    )


def _plain(name: str) -> str:
    """ASCII only: accents are dropped, everything else becomes an underscore."""
    letters = unicodedata.normalize("NFKD", name)
    spelled = (letter for letter in letters if not unicodedata.combining(letter))
    return "".join(
        letter if " " <= letter <= "~" and letter not in _UNSAFE else "_" for letter in spelled
    )
