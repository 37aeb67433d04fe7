"""Settings: a bad one is named with its rule."""

import pytest

from billcopy import settings
from billcopy.errors import SettingsError


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("DATABASE_PORT", "99999", "less than or equal to 65535"),
        ("DATABASE_PORT", "five", "valid integer"),
        ("VAULT_URL", "vault:8200", "match pattern"),
        ("REQUEST_LIMIT", "0", "greater than or equal to 1"),
        ("PORTAL_URLS", "practice=http://x", "written as JSON"),
    ],
)
def test_a_bad_setting_is_named_with_its_rule(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, rule: str
) -> None:
    monkeypatch.setenv(f"BILLCOPY_{name}", value)
    with pytest.raises(SettingsError, match=rule) as caught:
        settings.load()
    assert caught.value.field in {f"BILLCOPY_{name}", "BILLCOPY_"}


def test_the_environment_wins_over_the_settings_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    file = f"{tmp_path}/settings.env"
    with open(file, "w", encoding="utf-8") as out:  # noqa: PTH123
        out.write("BILLCOPY_DATABASE_PORT=6000\nBILLCOPY_DATABASE_NAME=from_file\n")
    monkeypatch.setenv("BILLCOPY_SETTINGS_FILE", file)
    monkeypatch.setenv("BILLCOPY_DATABASE_PORT", "7000")
    loaded = settings.load()
    assert (loaded.database_port, loaded.database_name) == (7000, "from_file")
