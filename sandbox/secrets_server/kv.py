"""KV version 2: every write is a new version, reads take the newest or the one asked for."""

from __future__ import annotations

from sandbox.secrets_server.core import Core, route
from sandbox.secrets_server.state import Version
from sandbox.secrets_server.wire import Call, Json, Refusal, Reply, timestamp, whole


def _mount(core: Core, parts: dict[str, str]) -> dict[str, list[Version]]:
    found = core.state.mounts.get(parts["mount"])
    if found is None:
        raise Refusal(404, f'no handler for route "{parts["mount"]}/…"')
    return found


def _metadata(number: int, version: Version) -> Json:
    return {
        "version": number,
        "created_time": timestamp(version.created_at),
        "deletion_time": timestamp(version.deleted_at),
        "destroyed": False,
        "custom_metadata": None,
    }


def _read(secrets: dict[str, list[Version]], call: Call, key: str) -> Reply:
    versions = secrets.get(key, [])
    number = whole(call.query.get("version"), "version") or len(versions)
    if not 1 <= number <= len(versions):
        raise Refusal(404)
    version = versions[number - 1]
    metadata = _metadata(number, version)
    if version.deleted_at is not None:
        raise Refusal(404, data={"data": None, "metadata": metadata})
    return Reply(data={"data": version.data, "metadata": metadata})


def _write(core: Core, secrets: dict[str, list[Version]], call: Call, key: str) -> Reply:
    data = call.data.get("data")
    if not isinstance(data, dict):
        raise Refusal(400, "no data provided")
    versions = secrets.setdefault(key, [])
    expected = (call.data.get("options") or {}).get("cas")
    if expected is not None and whole(expected, "cas") != len(versions):
        raise Refusal(400, "check-and-set parameter did not match the current version")
    versions.append(Version(data=data, created_at=core.clock()))
    return Reply(data=_metadata(len(versions), versions[-1]))


def _data(core: Core, call: Call, parts: dict[str, str]) -> Reply:
    secrets, key = _mount(core, parts), parts["key"]
    if call.operation == "read":
        return _read(secrets, call, key)
    if call.operation in ("create", "update"):
        return _write(core, secrets, call, key)
    if secrets.get(key):
        secrets[key][-1].deleted_at = core.clock()
    return Reply()


def _keys(secrets: dict[str, list[Version]], folder: str) -> Reply:
    prefix = folder.rstrip("/") + "/" if folder else ""
    below = [key.removeprefix(prefix).partition("/") for key in secrets if key.startswith(prefix)]
    if not below:
        raise Refusal(404)
    return Reply(data={"keys": sorted({name + slash for name, slash, _ in below})})


def _metadata_of(core: Core, call: Call, parts: dict[str, str]) -> Reply:
    secrets, key = _mount(core, parts), parts["key"]
    if call.operation == "list":
        return _keys(secrets, key)
    if call.operation == "delete":
        secrets.pop(key, None)
        return Reply()
    versions = secrets.get(key)
    if not versions:
        raise Refusal(404)
    numbered = {number: _metadata(number, item) for number, item in enumerate(versions, start=1)}
    return Reply(
        data={
            "current_version": len(versions),
            "oldest_version": 1,
            "created_time": timestamp(versions[0].created_at),
            "updated_time": timestamp(versions[-1].created_at),
            "versions": {
                str(number): {k: item[k] for k in ("created_time", "deletion_time", "destroyed")}
                for number, item in numbered.items()
            },
        }
    )


ROUTES = (
    route(r"(?P<mount>[^/]+)/data/(?P<key>.+)", "read", "create", "update", "delete", to=_data),
    route(r"(?P<mount>[^/]+)/metadata/?(?P<key>.*)", "read", "list", "delete", to=_metadata_of),
)
