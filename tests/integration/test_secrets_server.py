"""What only the sandbox's server can show: its files, its seal, its time, and its being away."""

from __future__ import annotations

import http.server
import ipaddress
import json
import logging
import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat
from cryptography.x509.oid import NameOID
from hvac.exceptions import InvalidRequest
from urllib3 import Retry

from billcopy import errors
from billcopy.credentials import health, issue_wrapped_secret_id, open_session
from billcopy.settings import PROJECT_ROOT
from billcopy.vault_client import RETRIES
from sandbox.secrets_server import running
from sandbox.secrets_server.server import ROUTES
from tests.secrets_fixtures import provisioned_sandbox


class Answers(http.server.BaseHTTPRequestHandler):
    """A stand-in that answers everything with `body`, or hangs up, and counts."""

    body: bytes | None = b""
    asked = 0

    def _answer(self) -> None:
        type(self).asked += 1
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.body is None:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    do_GET = do_POST = _answer  # noqa: N815 (the library's names)

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def stand_in(
    body: bytes | None, tls: ssl.SSLContext | None = None
) -> Iterator[tuple[str, type[Answers]]]:
    handler = type("Handler", (Answers,), {"body": body, "asked": 0})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.handle_error = lambda *_: None  # a refused certificate is the client's affair
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}", handler
        finally:
            server.shutdown()
            thread.join()


# -- the seal ------------------------------------------------------------------------------------


def test_a_sealed_vault_says_so_on_both_sides(vault, secrets_server):
    access = vault.access()
    session = open_session(vault.access())
    secrets_server.seal()
    with pytest.raises(errors.VaultSealed, match="unsealed"):
        vault.wrapped_secret_id()
    with pytest.raises(errors.VaultSealed):
        open_session(access)
    with pytest.raises(errors.VaultSealed):
        session.read_credential()
    assert health(vault.url).sealed
    secrets_server.unseal()
    assert session.read_credential().version == 1
    session.revoke()
    open_session(access).revoke()  # being sealed has spent nothing


def test_sealing_is_for_administrators_and_unsealing_needs_the_key(vault, secrets_server):
    with vault.client() as anybody, pytest.raises(Exception, match="permission denied"):
        anybody.sys.seal()
    with vault.admin() as admin:
        admin.sys.seal()
        with pytest.raises(InvalidRequest, match="not the unseal key"):
            admin.sys.submit_unseal_key("wrong")
        assert admin.sys.is_sealed()
        assert admin.sys.submit_unseal_key(secrets_server.unseal_key)["sealed"] is False


# -- its being away ------------------------------------------------------------------------------


def test_a_server_that_is_down_is_unavailable_after_a_few_tries(unused_port):
    started = time.monotonic()
    for call in (
        lambda: health(f"http://127.0.0.1:{unused_port}"),
        lambda: issue_wrapped_secret_id(
            url=f"http://127.0.0.1:{unused_port}", role_id="r", secret_id="s", bot_role="b"
        ),
    ):
        with pytest.raises(errors.VaultUnavailable, match=str(unused_port)):
            call()
    assert time.monotonic() - started < 10


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_server_that_comes_back_within_the_tries_is_not_missed(tmp_path, monkeypatch):
    with running(tmp_path / "other") as other:
        access = provisioned_sandbox(other).access()
        port = int(other.url.rpartition(":")[2])
    wait, waits = Retry.sleep, []

    def back_for_the_last_try(retry: Retry, response: object = None) -> None:
        wait(retry, response)
        waits.append(retry)
        if len(waits) == RETRIES.connect:
            servers.enter_context(running(tmp_path / "other", port))

    monkeypatch.setattr(Retry, "sleep", back_for_the_last_try)
    with ExitStack() as servers, open_session(access) as session:
        assert session.read_credential().version == 1


@pytest.mark.parametrize(
    "body", [b"<html>Please sign in to the proxy</html>", b"{", b"[]", b"null", b'{"data": 7}']
)
def test_an_answer_that_is_not_vaults_is_unavailable(vault, body):
    with stand_in(body) as (url, _):
        with pytest.raises(errors.VaultUnavailable, match="not Vault's"):
            health(url)
        with pytest.raises(errors.VaultUnavailable, match="not Vault's"):
            open_session(vault.access(url=url, wrapped_secret_id="hvs.wrapped"))
        with pytest.raises(errors.VaultUnavailable, match="not Vault's"):
            issue_wrapped_secret_id(url=url, role_id="r", secret_id="s", bot_role="b")


def test_a_lost_answer_to_a_one_time_request_is_not_asked_for_again():
    with stand_in(None) as (url, handler):
        with pytest.raises(errors.VaultUnavailable):
            issue_wrapped_secret_id(url=url, role_id="r", secret_id="s", bot_role="b")
        assert handler.asked == 1
        with pytest.raises(errors.VaultUnavailable):
            health(url)
        assert handler.asked == 3  # a read may be repeated once


def self_signed(folder: Path) -> tuple[ssl.SSLContext, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "vault.example")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    ca_file, key_file = folder / "ca.pem", folder / "key.pem"
    ca_file.write_bytes(certificate.public_bytes(Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ca_file, key_file)
    return context, ca_file


def test_only_a_certificate_of_the_given_authority_is_believed(tmp_path, monkeypatch):
    context, ca_file = self_signed(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ca_file))  # the environment does not decide
    body = {"initialized": True, "sealed": False, "server_time_utc": time.time(), "version": "1"}
    with stand_in(json.dumps(body).encode(), context) as (url, handler):
        with pytest.raises(errors.VaultUnavailable, match="SSLError"):
            health(url)
        assert handler.asked == 0
        assert health(url, ca_file=str(ca_file)).version == "1"


def test_a_token_that_cannot_be_revoked_is_a_warning_not_a_failure(vault, secrets_server, caplog):
    with open_session(vault.access()) as session:
        assert session.read_credential().version == 1
        secrets_server.seal()
    assert "expires by itself" in caplog.text


# -- its files -----------------------------------------------------------------------------------


def test_a_restart_keeps_what_was_written_and_the_right_to_read_it(tmp_path):
    with running(tmp_path / "vault") as first:
        vault = provisioned_sandbox(first)
        access = vault.access()
        vault.change_password("second")
        port, root = int(first.url.rpartition(":")[2]), first.root_token
    with running(tmp_path / "vault", port) as second:
        assert second.root_token == root
        with open_session(access) as session:
            assert session.read_credential().password == "second"
        with pytest.raises(errors.WrappingInvalid):
            open_session(access)


def test_the_files_are_for_their_owner_alone_and_hold_no_secret_in_clear(vault, secrets_server):
    open_session(vault.access()).revoke()
    folder = secrets_server.directory
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = list(folder.iterdir())
    assert {file.name for file in files} == {"root_token", "unseal_key", "state", "audit.jsonl"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    secret = [vault.portal_password, vault.database_password, vault.connection_uri]
    for file in files:
        assert not [value for value in secret if value.encode() in file.read_bytes()], file.name


def test_the_audit_file_tells_who_did_what_by_salted_hashes(vault, secrets_server, tmp_path):
    with open_session(vault.access()) as session:
        session.read_credential()
    lines = secrets_server.audit()
    read = next(
        line
        for line in lines
        if line["type"] == "response" and line["request"]["path"] == f"secret/data/{vault.path}"
        if line["request"]["operation"] == "read" and line["auth"]["policies"] == ["billcopy-bot"]
    )
    assert read["response"]["data"]["metadata"]["version"] == 1
    assert read["response"]["data"]["data"]["password"].startswith("hmac-sha256:")
    issued = [line for line in lines if line["request"]["path"].endswith("/billcopy-bot/secret-id")]
    assert issued[-1]["response"]["wrap_info"]["creation_path"] == issued[-1]["request"]["path"]
    revoked = {
        line["request"]["client_token"]
        for line in lines
        if line["request"]["path"] == "auth/token/revoke-self"
    }
    assert issued[-1]["request"]["client_token"] in revoked  # the launcher's, at once
    assert read["request"]["client_token"] in revoked  # the bot's, at the end
    with running(tmp_path / "other") as other:
        provisioned_sandbox(other)
        assert not _hashes(other.audit_file) & _hashes(secrets_server.audit_file)


def _hashes(file: Path) -> set[str]:
    return {word for word in file.read_text().split('"') if word.startswith("hmac-sha256:")}


def test_a_token_put_into_the_address_by_mistake_is_hashed_too(vault, secrets_server):
    with vault.admin() as admin:
        assert admin.read(f"auth/token/lookup/{vault.root_token}") is None
    assert "hmac-sha256" in secrets_server.audit()[-1]["request"]["path"]
    assert vault.root_token not in secrets_server.audit_file.read_text()


# -- leaks ---------------------------------------------------------------------------------------


def test_nothing_secret_is_in_audit_logs_or_errors_whatever_fails(vault, secrets_server, caplog):
    caplog.set_level(logging.DEBUG)
    secret = {vault.portal_password, vault.database_password, vault.connection_uri}
    secret |= {vault.roles.airflow_secret_id, vault.root_token, "renamed-password-9"}
    told: list[str] = []

    def fails(call) -> None:
        with pytest.raises(errors.VaultError) as caught:
            call()
        told.append("".join(traceback.format_exception(caught.value)))
        assert caught.value.__context__ is None  # it would hold the request, headers and all

    access = vault.access()
    secret.add(access.wrapped_secret_id)
    told += [repr(access), repr(vault.roles)]
    with open_session(access) as session:
        secret.add(session._vault.client.token)
        credential = session.read_credential()
        told += [repr(session), repr(credential), str(credential), f"{credential}"]
        fails(lambda: open_session(access))
        secrets_server.seal()
        fails(session.read_credential)
        fails(lambda: open_session(access))
        fails(vault.wrapped_secret_id)
        secrets_server.unseal()
        with vault.admin() as admin:
            incomplete = {"password": "renamed-password-9"}
            admin.secrets.kv.v2.create_or_update_secret(vault.path, incomplete)
        fails(session.read_credential)
    fails(session.read_credential)
    spent = vault.access(role_id="wrong-role-id")
    secret.add(spent.wrapped_secret_id)
    fails(lambda: open_session(spent))
    lost = vault.access(path="billcopy/database/billcopy_bot")
    secret.add(lost.wrapped_secret_id)
    with open_session(lost) as session:
        secret.add(session._vault.client.token)
        fails(session.read_credential)
    fails(
        lambda: issue_wrapped_secret_id(
            url="http://127.0.0.1:9", role_id="r", secret_id="s-very-secret", bot_role="b"
        )
    )
    secret.add("s-very-secret")
    assert len(secret) == 12
    assert len(told) > 12
    for place, text in {
        "audit file": secrets_server.audit_file.read_text(),
        "logs": caplog.text,
        "errors and representations": "\n".join(told),
    }.items():
        assert not [value for value in secret if value in text], place


# -- the process ---------------------------------------------------------------------------------


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "sandbox.secrets_server", *arguments],
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1"},
    )


def test_the_process_says_where_it_listens_and_ends_before_it_is_killed(tmp_path):
    with start("--dir", str(tmp_path / "vault")) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        assert health(url).sealed is False
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))):
            process.send_signal(signal.SIGTERM)  # an idle connection does not hold it up
            started = time.monotonic()
            assert process.wait(timeout=60) == 0
        assert time.monotonic() - started < 4  # honcho kills after 5


def test_a_taken_port_is_named(tmp_path, secrets_server):
    port = secrets_server.url.rpartition(":")[2]
    with start("--dir", str(tmp_path / "second"), "--port", port) as process:
        _, told = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"port {port}" in told
    assert "Traceback" not in told


def test_it_listens_on_loopback_only(secrets_server):
    assert secrets_server.url.startswith("http://127.0.0.1:")


# -- a double that knows its limits --------------------------------------------------------------


def test_what_it_does_not_know_it_refuses(vault):
    with vault.admin() as admin:
        for call in (
            lambda: admin.auth.approle.create_or_update_approle("r", token_period="1h"),
            lambda: admin.auth.approle.create_or_update_approle("r", bind_secret_id=False),
            lambda: admin.sys.enable_secrets_engine("kv", path="old", options={"version": "1"}),
            lambda: admin.sys.enable_secrets_engine("transit"),
            lambda: admin.sys.enable_auth_method("userpass"),
            lambda: admin.sys.create_or_update_acl_policy("p", 'path "x" { }'),
            lambda: admin.sys.create_or_update_acl_policy("root", {"path": {}}),
            lambda: admin.sys.create_or_update_acl_policy(
                "p", {"path": {"x": {"capabilities": ["read"], "allowed_parameters": {}}}}
            ),
        ):
            with pytest.raises(InvalidRequest):
                call()


def test_every_route_names_its_operations():
    assert all(route.operations for route in ROUTES)
    assert json.dumps([route.pattern for route in ROUTES])
