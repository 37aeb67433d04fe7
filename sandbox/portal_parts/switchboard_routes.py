"""`/_sandbox`: what tests and the demo need and no real portal has. Loopback clients only."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, HTTPException, Request
from pydantic import ValidationError

from sandbox.portal_parts.behind import AnyPortal, Portal
from sandbox.portal_parts.options import SERVICE_USER
from sandbox.portal_parts.switchboard import CommonFaults


def loopback_only(request: Request) -> None:
    """Refuse everybody who is not on this machine."""
    host = request.client.host if request.client else ""
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise HTTPException(403, "The switchboard is for this machine only.")


router = APIRouter(prefix="/_sandbox", dependencies=[Depends(loopback_only)])


@router.get("/health")
def health() -> dict[str, str]:
    """Whether the portal is up."""
    return {"status": "ok"}


@router.get("/faults")
def faults(portal: AnyPortal) -> dict[str, Any]:
    """The faults now in force."""
    return portal.switchboard.now.shown()


@router.put("/faults")
def change_faults(portal: AnyPortal, changes: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
    """Merge these; 422 names an unknown fault or a value that cannot be."""
    try:
        now = portal.switchboard.change(changes)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=False)
        raise HTTPException(422, details) from error
    if now.session_expiry_after == 0:
        portal.users.end_all()
        now = portal.switchboard.change({"session_expiry_after": None})
    if "password" in changes:
        if now.password is None:
            portal.users.restore(SERVICE_USER)
        else:
            portal.users.change_password(SERVICE_USER, now.password)
    if "account_lock" in changes or ("password" in changes and now.account_lock):
        portal.users.set_locked(SERVICE_USER, locked=now.account_lock)
    return now.shown()


@router.delete("/faults")
def clear_faults(portal: AnyPortal) -> dict[str, Any]:
    """Good behaviour again; the service user is unlocked and has the first password."""
    portal.switchboard.clear()
    portal.users.restore(SERVICE_USER)
    return portal.switchboard.now.shown()


@router.get("/state")
def state(portal: AnyPortal) -> dict[str, Any]:
    """What really happened, also what the pages do not show (yet)."""
    return snapshot(portal)


@router.post("/reset")
def reset(portal: AnyPortal) -> dict[str, Any]:
    """The first day again: nothing sent or changed, nobody signed in, no faults."""
    portal.switchboard.clear()
    portal.users.reset()
    portal.store.reset()
    return snapshot(portal)


def snapshot(portal: Portal[CommonFaults]) -> dict[str, Any]:
    """Counters, sent rows and sessions; `sent_at` is seconds since the epoch."""
    store = portal.store
    counters = (
        "send_posts",
        "voided",
        "edited",
        "denied",
        "sign_ins",
        "sign_ins_refused",
        "notices_read",
    )
    return {
        **{name: store.count(name) for name in counters},
        "sent": [vars(item) for item in store.all_sent()],
        "signed_in": portal.users.signed_in(),
        "locked": portal.users.locked(),
    }
