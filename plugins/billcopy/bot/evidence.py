"""Pictures taken on the way, covered and stored beside the work, written down before it is settled.

A page that shows nothing of what the profile names is one that nobody recognises: its picture is
covered as a whole, and its structure, without any text, is kept beside it.

Covering and storing take a picture's time again; a bucket far away takes longer. The portal need
not wait for either, so a thread does both.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from billcopy import evidence
from billcopy.bot.ledger import Ledger
from billcopy.errors import BillCopyError
from billcopy.evidence import Stored
from billcopy.model import ClaimedRequest, Delivery
from billcopy.progress import Say

Boxes = Sequence[Mapping[str, float]]
STRUCTURE = "structure"


@dataclass(frozen=True, kw_only=True)
class _Picture:
    request: ClaimedRequest
    delivery: Delivery | None
    kind: str
    stored: Future[Stored | None]


class Pictures:
    """The pictures of the request in hand."""

    def __init__(self, evidence_url: str, *, say: Say, largest: int = evidence.LARGEST) -> None:
        """`largest`: bytes that one piece of evidence may have."""
        self._evidence_url = evidence_url
        self._say = say
        self._largest = largest
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="evidence")
        self._taken: list[_Picture] = []

    def keep(
        self,
        request: ClaimedRequest,
        delivery: Delivery | None,
        kind: str,
        *,
        jpeg: str,
        boxes: Boxes,
        structure: Any = None,
    ) -> None:
        """Cover a picture (base64) except for the boxes, and store it, both in a while.

        `structure`: the page without its texts, where nothing of it may be shown.
        """

        def name(kind: str, suffix: str) -> str:
            return evidence.place(
                portal=request.portal,
                request_id=request.request_id,
                attempt_id=request.attempt_id,
                delivery_id=delivery.delivery_id if delivery else None,
                kind=kind,
                suffix=suffix,
            )

        def taken(kind: str, stored: Future[Stored | None]) -> None:
            one = _Picture(request=request, delivery=delivery, kind=kind, stored=stored)
            self._taken.append(one)

        submit = self._worker.submit
        taken(kind, submit(self._cover_and_store, name(kind, "jpg"), jpeg, boxes))
        if structure is not None:
            where = name(STRUCTURE, "json")
            taken(STRUCTURE, submit(self._store_structure, where, structure))

    def _cover_and_store(self, name: str, jpeg: str, boxes: Boxes) -> Stored | None:
        picture = evidence.covered(base64.b64decode(jpeg), boxes, largest=self._largest)
        return evidence.store(self._evidence_url, name, picture.jpeg)

    def _store_structure(self, name: str, structure: Any) -> Stored | None:
        content = json.dumps(structure, separators=(",", ":")).encode()
        if len(content) > self._largest:
            return None
        return evidence.store(self._evidence_url, name, content)

    def write_down(self, ledger: Ledger) -> dict[str, str]:
        """Say in the ledger where they lie; one that was not kept does not fail the request.

        Returns the address of each that was kept, the last one of its kind.
        """
        taken, self._taken = self._taken, []
        kept: dict[str, str] = {}
        for one in taken:
            try:
                if (stored := one.stored.result()) is not None:
                    where = (stored.url, stored.digest)
                    ledger.evidence(one.request, one.delivery, one.kind, *where)
                    kept[one.kind] = stored.url
            except (OSError, BillCopyError) as problem:
                what = f"request {one.request.request_id}: evidence not kept"
                self._say(f"{what} ({type(problem).__name__})")
        return kept
