"""The project's own files agree with each other: pyproject.toml, environment.yml, the lock, the public names."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import research_kit as rk

ROOT = Path(__file__).parents[1]
CONDA_NAMES = {"arch-py": "arch", "python-build": "build", "psycopg": "psycopg", "types-pyyaml": "types-pyyaml"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def ranges(requirement: Requirement) -> frozenset[str]:
    return frozenset(map(str, requirement.specifier))


def declared() -> dict[str, Requirement]:
    """Return what pyproject.toml names for a full development environment, dask apart."""
    extras = PROJECT["optional-dependencies"]
    own = ("lab", "postgres", "s3", "search", "sources", "dev")
    texts = [*PROJECT["dependencies"], *(text for extra in own for text in extras[extra])]
    requirements = [Requirement(text) for text in texts]
    return {canonicalize_name(one.name): one for one in requirements if one.name != "research_kit"}


def environment() -> dict[str, Requirement]:
    """Return what environment.yml names, conda's names turned into those of PyPI."""
    found = {}
    for entry in yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]:
        for text in entry["pip"] if isinstance(entry, dict) else [entry]:
            if text == "-e .":
                continue
            requirement = Requirement(text)
            name = canonicalize_name(requirement.name)
            found[CONDA_NAMES.get(name, name)] = requirement
    return found


def test_environment_and_pyproject_name_the_same_packages_and_ranges():
    conda = environment()
    python = conda.pop("python")
    assert python.specifier == Requirement(f"python{PROJECT['requires-python']}").specifier
    conda.pop("pip")
    wanted = {name: ranges(requirement) for name, requirement in declared().items()}
    assert {name: ranges(requirement) for name, requirement in conda.items()} == wanted


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_the_lock_pins_every_package_within_its_range(python):
    surroundings = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux"}
    pinned = {}
    for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines():
        requirement = Requirement(line)
        if requirement.marker is None or Marker(str(requirement.marker)).evaluate(surroundings):
            pinned[canonicalize_name(requirement.name)] = next(iter(requirement.specifier)).version
    for name, requirement in declared().items():
        assert name in pinned, f"{name} is not in requirements.lock; run: make lock"
        assert requirement.specifier.contains(pinned[name]), f"{name} {pinned[name]} is outside {requirement}"


def test_the_lock_names_no_address():
    assert not re.search(r"https?://|--index|--hash", (ROOT / "requirements.lock").read_text(encoding="utf-8"))


def test_the_public_names_are_the_contract():
    assert set(rk.__all__) >= {
        "Bars",
        "EngineOptions",
        "Param",
        "Signals",
        "Strategy",
        "errors",
        "indicators",
        "open_workspace",
        "run_backtest",
        "strategies",
        "widgets",
    }
    for name in rk.__all__:
        assert getattr(rk, name) is not None
    assert set(rk.__all__) <= set(dir(rk))


def test_an_unknown_public_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Barz'"):
        _ = rk.Barz


def test_importing_the_package_loads_nothing_heavy():
    heavy = "numpy, pandas, sqlmodel, numba, plotly, papermill, ipywidgets, pydantic, pyarrow"
    code = f"import research_kit, sys; print([m for m in '{heavy}'.split(', ') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_pure_middle_needs_no_pandas():
    code = """
import sys
import numpy as np
import research_kit as rk
bars = rk.Bars(np.arange(200) * 60_000_000_000, {n: np.linspace(1, 2, 200) for n in ("open", "high", "low", "close")})
result = rk.run_backtest(bars, rk.strategies.SmaCross(fast=5, slow=20))
assert result.metrics["total_trades"] == 1, result.metrics["total_trades"]
print([m for m in ("pandas", "sqlmodel", "sqlalchemy", "plotly", "pyarrow") if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr


def test_no_module_is_kept_out_of_the_repository(tmp_path):
    """A module that git ignores is there on the machine that wrote it, and on no other."""
    shutil.copy(ROOT / ".gitignore", tmp_path)
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    paths = [path.relative_to(ROOT) for name in ("research_kit", "tests") for path in (ROOT / name).rglob("*.py")]
    answer = subprocess.run(
        ["git", "check-ignore", "--stdin"],
        input="\n".join(map(str, paths)),
        capture_output=True,
        check=False,
        text=True,
        cwd=tmp_path,
    )
    assert answer.stdout.splitlines() == []
    assert answer.returncode == 1, answer.stderr  # 1: none of them is ignored
