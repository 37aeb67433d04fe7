"""What came with a form, and the query of an address, as plain texts."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

Typed = dict[str, str]
LARGEST_NUMBER = 2**63 - 1


async def _typed(request: Request) -> Typed:
    form = await request.form(max_fields=40, max_files=0)
    return {name: value for name, value in form.items() if isinstance(value, str)}


Form = Annotated[Typed, Depends(_typed)]


def number(text: str | None) -> int | None:
    """The number of a request out of an address; None: it is none."""
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > 19:
        return None
    value = int(text)
    return value if 0 < value <= LARGEST_NUMBER else None
