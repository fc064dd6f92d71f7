"""What the documents say is true: the README's example runs, its commands exist, its links lead somewhere."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

import research_kit as rk
from research_kit.search.specification import read_specification

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = ("batches", "strategies", "search", "lookahead", "inference", "storage", "verify", "reports", "widgets")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def run_example(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "example.py"], cwd=folder, env=os.environ, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_the_readmes_example_runs(tmp_path, make_bars):
    make_bars(700, step_ns=86_400_000_000_000).frame.to_csv(tmp_path / "SPY.csv")
    (tmp_path / "example.py").write_text(blocks("python")[0], encoding="utf-8")
    done = run_example(tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "spy.html").stat().st_size > 1_000_000
    assert (tmp_path / "my-research" / "research.db").exists()


@pytest.mark.slow
@pytest.mark.parametrize("page", EXAMPLES)
def test_the_examples_of_a_page_run(page, tmp_path, make_bars, monkeypatch):
    monkeypatch.setenv("RESEARCH_KIT_CACHE", str(tmp_path / "cache"))
    code = "\n".join(blocks("python", (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")))
    (tmp_path / "example.py").write_text(code, encoding="utf-8")
    make_bars(900, step_ns=86_400_000_000_000).frame.to_csv(tmp_path / "SPY.csv")
    with rk.open_workspace(tmp_path / "my-research") as ws:
        ws.import_dataset(tmp_path / "SPY.csv", name="SPY daily", symbol="SPY", timezone="UTC")
    done = run_example(tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_specification_of_the_page_is_one(tmp_path):
    text = blocks("yaml", (ROOT / "docs" / "search.md").read_text(encoding="utf-8"))[0]
    (tmp_path / "search.yml").write_text(text, encoding="utf-8")
    asked = read_specification(tmp_path / "search.yml")
    assert asked["grid"]["fast"] == rk.between(5, 50, 5)
    assert asked["commission"] == 0.001


def test_the_commands_of_the_page_exist_with_their_options():
    from research_kit.cli import app

    known = get_command(app).commands
    text = "\n".join(blocks("bash", (ROOT / "docs" / "reports.md").read_text(encoding="utf-8")))
    lines = [line.split("#")[0].split() for line in text.splitlines()]
    assert len(lines) == 7
    for _, command, *rest in lines:
        options = {name for one in known[command].params for name in one.opts}
        assert {word for word in rest if word.startswith("-")} <= options


def test_the_readmes_commands_exist():
    text = "\n".join(blocks("bash"))
    commands = set(re.findall(r"^research-kit ([\w-]+)", text, flags=re.MULTILINE))
    targets = set(re.findall(r"^make (\w+)", text, flags=re.MULTILINE))
    from research_kit.cli import app

    known = set(get_command(app).commands)
    assert commands
    assert commands <= known
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert targets == {"demo", "test", "lab"}
    assert all(re.search(rf"^{target}:", makefile, flags=re.MULTILINE) for target in targets)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), f"{page.name} links to {target}"


def test_continuous_integration_runs_the_readmes_own_command():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.search(r"^make check$", script, flags=re.MULTILINE)
    assert re.search(r"^make test$", script, flags=re.MULTILINE)
    assert "RESEARCH_KIT_NO_SKIPS=1" in script
