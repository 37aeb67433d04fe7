"""`make bot`: a rehearsal against a bank of its own, without Airflow, queue or e-mail."""

from __future__ import annotations

import pytest

from sandbox import bot

pytestmark = pytest.mark.slow


def test_sample_requests_are_walked_up_to_the_send_form(capfd) -> None:
    assert bot.main(["--check", "--request", "CS-1003"]) == 0
    said = capfd.readouterr().out
    assert "practice: the folder keeps the contract" in said
    assert "form checked, not sent" in said
    assert "nothing was sent" in said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--request", "CS-9999"], "no sample is called CS-9999"),
        (["--account", "4027310"], "--account needs --from and --to"),
        (["--nonsense"], "unknown: --nonsense"),
        (["--portal", "nobank", "--check"], "There is no portal folder “nobank”"),
        (["--portal", "nobank", "--check", "--account", "1"], "There is no portal folder"),
    ],
)
def test_a_mistake_is_named(words, says, capfd) -> None:
    try:
        code = bot.main(words)
    except SystemExit as ended:
        code = ended.code
    output = capfd.readouterr()
    assert code
    assert says in f"{output.out}{output.err}{code}"
