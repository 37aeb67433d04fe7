"""Who may import whom, and which module alone imports which library."""

from __future__ import annotations

import re
import sys

import pytest

from tests.rules.source import (
    PACKAGE,
    ROOT,
    imports,
    module_name,
    python_files,
    relative,
    third_party,
)

# What a layer may import of ours. The first pattern that fits a module counts.
MAY_IMPORT = (
    (r"billcopy\.errors", r""),
    (r"billcopy\.model", r""),
    (r"billcopy\.settings", r"billcopy\.errors"),
    (r"billcopy\.database", r"billcopy\.(errors|settings)"),
    (r"billcopy\.request_queue(\..*)?", r"billcopy\.(request_queue|database|model|errors)"),
    (r"billcopy\.intake\w*", r"billcopy\.(intake\w*|model|errors)"),
    (r"billcopy\.submission", r"billcopy\.(intake|request_queue|database|model|errors)"),
    (r"billcopy\.(credentials|vault_client)", r"billcopy\.(vault_client|errors|settings)"),
    (r"billcopy\.(cli\..*|__main__)", r"billcopy(?!\.airflow_parts)"),
    (
        r"billcopy\.desk(\..*)?",
        r"billcopy\.(desk|request_queue|intake\w*|submission|evidence|database|model|errors)",
    ),
    (r"billcopy\.airflow_parts(\..*)?", r"billcopy(?!\.cli)"),
    (r"billcopy(\..*)?", r"billcopy(?!\.(cli|airflow_parts|intake|desk))"),
    (r"dags\..*", r"billcopy"),
    (r"robot\.libraries\..*", r"billcopy(?!\.(cli|airflow_parts|intake))"),
    (r"sandbox(\..*)?", r"billcopy|sandbox"),
)

# Each library is imported by the named modules alone; what is not here may not be imported.
LIBRARIES = {
    "BrowserBatteries": r"billcopy\.chromium",
    "PIL": r"billcopy\.evidence",
    "airflow": r"billcopy\.airflow_parts(\..*)?",
    "apprise": r"billcopy\.watch\.notify",
    "asyncpg": r"billcopy\.airflow_parts(\..*)?",
    "fastapi": r"billcopy\.desk\..*",
    "fsspec": r"billcopy\.evidence",
    "hvac": r"billcopy\.vault_client",
    "jinja2": r"billcopy\.desk\.rendering",
    "markupsafe": r"billcopy\.desk\.rendering",
    "openpyxl": r"billcopy\.intake_workbook",
    "pandas": r"billcopy\.intake",
    "prometheus_client": r"billcopy\.watch\.metrics",
    "psycopg2": r"billcopy\.database",
    "pydantic": r"billcopy\.settings",
    "pydantic_settings": r"billcopy\.settings",
    "requests": r"billcopy\.vault_client",
    "robot": r"billcopy\.(bot\.robot_run|portal_model)",
    "rich": r"billcopy\.cli\.output",
    "sqlalchemy": r"billcopy\.airflow_parts\.run_note",
    "starlette": r"billcopy\.desk\.app",
    "typer": r"billcopy\.cli\..*",
    "urllib3": r"billcopy\.vault_client",
    "yaml": r"billcopy\.portal_profile",
}
# What requirements.in calls a library by, where that is another name; or what surely brings it.
REQUIRED_AS = {
    "BrowserBatteries": "robotframework-browser-batteries",
    "PIL": "pillow",
    "airflow": "apache-airflow",
    "fastapi": "apache-airflow",
    "jinja2": "apache-airflow",
    "markupsafe": "apache-airflow",
    "starlette": "apache-airflow",
    "psycopg2": "psycopg2-binary",
    "pydantic": "pydantic-settings",
    "requests": "hvac",
    "robot": "robotframework",
    "sqlalchemy": "apache-airflow",
    "urllib3": "hvac",
    "yaml": "pyyaml",
}


def is_ours(name: str) -> bool:
    return name.partition(".")[0] in {"billcopy", "sandbox", "tests", "dags", "robot_libraries"}


@pytest.mark.parametrize(
    "path", python_files("plugins/billcopy", "dags", "robot", "sandbox"), ids=relative
)
def test_a_layer_imports_only_what_lies_below_it(path) -> None:
    module = module_name(path)
    allowed = next(allowed for pattern, allowed in MAY_IMPORT if re.fullmatch(pattern, module))
    package = module.rpartition(".")[0]
    for name in sorted(filter(is_ours, imports(path))):
        below = bool(allowed) and re.match(rf"({allowed})(\.|$)", name)
        assert below or name in (module, package, "billcopy") or _is_package(name, allowed), (
            f"{relative(path)} imports {name}"
        )


def _is_package(name: str, allowed: str) -> bool:
    """`from billcopy import errors` also names the package itself."""
    return name == "billcopy" and bool(allowed)


@pytest.mark.parametrize("path", python_files("plugins/billcopy"), ids=relative)
def test_a_library_is_imported_by_one_named_module(path) -> None:
    for library in third_party(path):
        assert library in LIBRARIES, f"{relative(path)}: {library} has no module in the table"
        assert re.fullmatch(LIBRARIES[library], module_name(path)), (
            f"{relative(path)} imports {library}, which is for {LIBRARIES[library]} alone"
        )


def test_the_table_of_libraries_names_nothing_that_is_gone() -> None:
    used = {name for path in python_files("plugins/billcopy") for name in third_party(path)}
    assert set(LIBRARIES) - used <= {"asyncpg", "airflow"}  # of parts that come and go together


def test_every_library_is_asked_for_in_production() -> None:
    asked = (ROOT / "requirements.in").read_text(encoding="utf-8")
    names = set(re.findall(r"^([a-z0-9-]+)", asked, re.M))
    used = {name for path in python_files("plugins/billcopy") for name in third_party(path)}
    assert {REQUIRED_AS.get(name, name.replace("_", "-")) for name in used} <= names


@pytest.mark.parametrize(
    "path", python_files("plugins/billcopy", "robot", "dags", "sandbox"), ids=relative
)
def test_no_module_is_called_like_another_library(path) -> None:
    locked = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    taken = {name.replace("-", "_") for name in re.findall(r"^([a-z0-9-]+)==", locked, re.M)}
    if not path.stem.startswith("__"):
        assert path.stem not in taken | set(sys.stdlib_module_names), relative(path)


def test_airflow_runs_no_file_of_the_package_as_a_plugin() -> None:
    lines = (PACKAGE.parent / ".airflowignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules == ["*.py", "!billcopy_plugin.py"]


@pytest.mark.parametrize("folder", ["robot", "superset"])
def test_robot_and_superset_are_no_python_packages(folder: str) -> None:
    assert list((ROOT / folder).rglob("__init__.py")) == []
