# Everything here needs Python 3.11 to 3.13 (with venv) and make; the rest is installed into .venv.
PYTHON ?= python3
PY := .venv/bin/python
# tests run in this many processes
JOBS ?= 2

.PHONY: help demo test check lab faults soak bench notebooks lock clean
help:            ## show this list
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed 's/: .*##/\t/' | expand -t 14

.venv/.ready: pyproject.toml requirements.lock scripts/bootstrap.py
	@$(PYTHON) scripts/bootstrap.py

demo: .venv/.ready          ## import real data, run two strategies, write an HTML report and print its path
	@$(PY) -m research_kit demo

test: .venv/.ready          ## run the whole test suite, notebooks included
	$(PY) -m pytest -n $(JOBS) --dist loadfile --nbval-lax tests research_kit notebooks

check: .venv/.ready         ## lint, formatting, types, layers
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m pytest -q tests/test_layers.py

lab: .venv/.ready           ## open JupyterLab on the course
	@$(PY) -m research_kit lab

notebooks: .venv/.ready     ## execute every notebook in full
	$(PY) -m pytest -n $(JOBS) --dist loadfile --nbval-lax notebooks

faults: .venv/.ready        ## kill, stop and starve what runs; nothing may be lost (under ten minutes)
	$(PY) -m pytest -n $(JOBS) --dist loadfile -m faults tests

soak: .venv/.ready          ## an hour of random kills under load (SECONDS=3600 DATABASE=url), and 200 notebooks
	$(PY) scripts/soak.py --seconds $(or $(SECONDS),3600) $(if $(DATABASE),--database $(DATABASE))
	$(PY) scripts/soak_batches.py

bench: .venv/.ready         ## time this project and its peers side by side
	$(PY) benchmarks/run.py

lock: .venv/.ready          ## renew requirements.lock from pyproject.toml
	$(PY) -m uv pip compile --quiet --universal --all-extras --upgrade --no-emit-index-url --no-header --no-annotate \
		pyproject.toml -o requirements.lock

clean:           ## remove what was built
	rm -rf .venv build dist demo .mypy_cache .pytest_cache .ruff_cache
