"""Each room imports only from the rooms that the table in docs/design.md names."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "research_kit"
ROW = re.compile(r"^\| `([\w/.]+)`[^|]*\|[^|]*\|([^|]*)\|$", re.MULTILINE)
HEAVY = {"pandas", "pyarrow", "sqlmodel", "sqlalchemy", "plotly", "papermill", "ipywidgets", "exchange_calendars"}
PURE = ("bars", "strategy", "engine", "metrics", "errors", "compiled", "__init__", "version")


def room_of(module: str) -> str:
    """Return the room of ``research_kit.room.module``."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def allowed_imports() -> dict[str, set[str]]:
    """Return what each room may import, as the design's table says."""
    table = {}
    for name, cell in ROW.findall((ROOT / "docs" / "design.md").read_text(encoding="utf-8")):
        room = name.removesuffix("/").removesuffix(".py")
        table[room] = {word.strip() for word in cell.split(",")} - {"", "–"}
    everything = set(table)
    return {room: everything if rooms == {"all"} else rooms | {room} for room, rooms in table.items()}


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        relative = path.relative_to(PACKAGE)
        yield relative.parts[0].removesuffix(".py"), path


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "research_kit" else []
            yield from names or [node.module]


def at_import(tree: ast.Module) -> ast.Module:
    """Return the statements that run when a module is imported: not those in functions or under TYPE_CHECKING."""

    def runs(node: ast.stmt) -> bool:
        checking = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        return not checking and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)

    return ast.Module(body=[node for node in tree.body if runs(node)], type_ignores=[])


@pytest.mark.parametrize(("room", "path"), list(modules()), ids=lambda value: getattr(value, "name", value))
def test_a_room_imports_only_what_the_design_allows(room, path):
    allowed = allowed_imports()
    assert room in allowed, f"docs/design.md has no row for the room {room!r}"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    used = {room_of(module) for module in imported(tree) if module.split(".")[0] == "research_kit"}
    assert used <= allowed[room] | {"__init__"}, f"{path.relative_to(ROOT)} imports {sorted(used - allowed[room])}"


@pytest.mark.parametrize(("room", "path"), list(modules()), ids=lambda value: getattr(value, "name", value))
def test_the_pure_middle_imports_nothing_heavy(room, path):
    if room not in PURE:
        return
    tree = at_import(ast.parse(path.read_text(encoding="utf-8")))
    heavy = {module for module in imported(tree) if module.split(".")[0] in HEAVY}
    assert not heavy, f"{path.relative_to(ROOT)} imports {sorted(heavy)} when it is imported"


def test_every_room_of_the_package_stands_in_the_table():
    rooms = {room for room, _ in modules()}
    assert rooms <= set(allowed_imports())


def test_the_table_has_no_circle():
    allowed = {room: rooms - {room} for room, rooms in allowed_imports().items() if len(rooms) < len(allowed_imports())}
    while allowed:
        ground = {room for room, rooms in allowed.items() if not rooms & set(allowed)}
        assert ground, f"these rooms import each other: {sorted(allowed)}"
        allowed = {room: rooms for room, rooms in allowed.items() if room not in ground}
