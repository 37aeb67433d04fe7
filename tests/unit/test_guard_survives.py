"""What the guard does about an error that Playwright throws where nobody can catch it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import BrowserBatteries
import pytest

from billcopy.bot.robot_run import LIBRARIES

NODE = Path(BrowserBatteries.__file__).parent / "bin" / "node"
LATE_ANSWER = """
class CRSession { _onMessage() { throw new Error('Invalid InterceptionId.'); } }
setImmediate(() => new CRSession()._onMessage());
"""
ANOTHER = "setImmediate(() => { throw new Error('of our own'); });"
REJECTED = "Promise.reject(new Error('of our own'));"


def run(thrown: str) -> subprocess.CompletedProcess[str]:
    script = f"""
const guard = require({json.dumps(str(LIBRARIES / "guard.js"))});
const browser = {{ isConnected: () => true }};
setTimeout(() => console.log(JSON.stringify(guard.withdrawPermit(browser))), 100);
{thrown}
"""
    return subprocess.run(
        [NODE, "-e", script], capture_output=True, text=True, timeout=60, check=False
    )


def test_an_answer_that_comes_after_a_crash_costs_the_page_only() -> None:
    ended = run(LATE_ANSWER)
    assert ended.returncode == 0
    health = json.loads(ended.stdout)
    assert (health["connected"], health["crashed"]) == (True, True)


@pytest.mark.parametrize("thrown", [ANOTHER, REJECTED])
def test_any_other_error_ends_the_driver_as_ever(thrown: str) -> None:
    ended = run(thrown)
    assert ended.returncode == 1
    assert "of our own" in ended.stderr
    assert ended.stdout == ""
