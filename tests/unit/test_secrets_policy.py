"""The rules of the sandbox's policies; the contract tests hold the same against a real server."""

from __future__ import annotations

import json

import pytest

from sandbox.secrets_server import policy
from sandbox.secrets_server.wire import Call, Refusal, seconds

READ = {"capabilities": ["read"]}


def allowed(paths: dict, path: str, operation="read", wrap_ttl: int = 0) -> bool:
    rules = policy.parse(json.dumps({"path": paths}))
    return policy.allows(rules, Call(operation=operation, path=path, wrap_ttl=wrap_ttl))


@pytest.mark.parametrize(
    ("pattern", "path", "answer"),
    [
        ("secret/data/a", "secret/data/a", True),
        ("secret/data/a", "secret/data/a/b", False),
        ("secret/data/a", "secret/data/ab", False),
        ("secret/data/a*", "secret/data/ab", True),
        ("secret/data/a/*", "secret/data/a/b/c", True),
        ("secret/data/a/*", "secret/data/a", False),
        ("secret/data/+/b", "secret/data/x/b", True),
        ("secret/data/+/b", "secret/data/x/y/b", False),
        ("secret/data/a.b", "secret/data/aXb", False),
        ("secret/data/a", "xsecret/data/a", False),
    ],
)
def test_a_path_matches_as_a_whole_or_up_to_its_star(pattern, path, answer):
    assert allowed({pattern: READ}, path) is answer


def test_what_no_rule_names_is_denied():
    assert not allowed({}, "secret/data/a")
    assert not allowed({"secret/data/a": READ}, "secret/data/a", "update")


def test_the_most_specific_rule_decides_alone():
    paths = {"secret/*": READ, "secret/data/a": {"capabilities": ["deny"]}}
    assert allowed(paths, "secret/data/b")
    assert not allowed(paths, "secret/data/a")


def test_deny_wins_over_what_another_policy_allows():
    rules = [
        *policy.parse(json.dumps({"path": {"secret/data/a": READ}})),
        *policy.parse(json.dumps({"path": {"secret/data/a": {"capabilities": ["deny"]}}})),
    ]
    assert not policy.allows(rules, Call(operation="read", path="secret/data/a"))


@pytest.mark.parametrize(("wrap_ttl", "answer"), [(0, False), (1, True), (60, True), (61, False)])
def test_wrapping_can_be_a_duty_with_bounds(wrap_ttl, answer):
    rule = {"capabilities": ["update"], "min_wrapping_ttl": "1s", "max_wrapping_ttl": "1m"}
    assert allowed({"a": rule}, "a", "update", wrap_ttl) is answer


@pytest.mark.parametrize(
    "text",
    [
        'path "a" {}',
        "[]",
        "{}",
        '{"path": {"a*b": {}}}',
        '{"path": {"a": {"capabilities": ["x"]}}}',
    ],
)
def test_a_document_it_does_not_know_is_refused(text):
    with pytest.raises(Refusal):
        policy.parse(text)


@pytest.mark.parametrize(
    ("written", "meant"), [(None, 0), ("", 0), (90, 90), ("90s", 90), ("15m", 900), ("2h", 7200)]
)
def test_durations_are_read_as_vault_writes_them(written, meant):
    assert seconds(written) == meant


@pytest.mark.parametrize("written", ["soon", "-1s", "1h30m", True, 1.5])
def test_other_durations_are_refused(written):
    with pytest.raises(Refusal):
        seconds(written)
