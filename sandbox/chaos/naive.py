"""The naive order, as the control: click, then write down that it was clicked. Nothing else.

`python -m sandbox.chaos.naive`: one JSON line on standard input says where and what.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import httpx


def work(order: dict[str, str]) -> None:
    """Send every invoice that is not written down yet, and write it down."""
    done_file = Path(order["done"])
    done = set(done_file.read_text().split()) if done_file.exists() else set()
    with httpx.Client(
        base_url=order["url"], follow_redirects=True, timeout=30, trust_env=False
    ) as portal:
        portal.post("/signin", data={"user_id": order["user"], "password": order["password"]})
        portal.post("/notice")
        for line in Path(order["jobs"]).read_text().splitlines():
            number, recipient = line.split("\t")
            if number in done:
                continue
            portal.get(f"/invoices/{number}/email")
            portal.post(f"/invoices/{number}/email", data={"recipient": recipient})
            with done_file.open("a") as file:
                file.write(f"{number}\n")


if __name__ == "__main__":
    work(json.loads(sys.stdin.readline()))
