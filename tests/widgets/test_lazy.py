"""The room costs nothing until a control is wanted."""

import subprocess
import sys

import pytest

import research_kit as rk


def test_ipywidgets_is_loaded_only_with_a_control():
    code = (
        "import sys, research_kit as rk; room = rk.widgets; early = 'ipywidgets' in sys.modules; "
        "room.Dashboard; print(early, 'ipywidgets' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["False", "True"]


def test_the_controls_are_gathered_under_their_names():
    first = {"Dashboard", "DatasetPicker", "StrategyPicker", "ParameterForm", "EngineForm", "RunPanel", "SweepPanel"}
    assert first <= set(rk.widgets.__all__)
    assert rk.widgets.__all__ == sorted(rk.widgets.__all__)
    assert all(getattr(rk.widgets, name).__name__ == name for name in rk.widgets.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Dashbord'"):
        _ = rk.widgets.Dashbord
