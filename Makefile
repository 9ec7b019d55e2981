# Every target does its own set-up in .venv. Needs Python >= 3.11, pip and make.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
export OMP_NUM_THREADS ?= 1

.PHONY: demo digits-mlp digits-cnn char-lstm reverse-transformer test lint docs bench wheel prove clean

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/demo: .venv/bin/python pyproject.toml constraints.txt
	@echo "Setting up .venv (once)…"
	$(PIP) install -c constraints.txt -e ".[examples]"
	@touch $@

.venv/dev: .venv/bin/python pyproject.toml constraints.txt
	@echo "Setting up .venv for tests (once; PyTorch is the long part)…"
	$(PIP) install -c constraints.txt -e ".[examples,torch,dev]"
	@touch $@ .venv/demo

.venv/docs: .venv/dev
	$(PIP) install -c constraints.txt -e ".[docs]"
	@touch $@

demo: .venv/demo          ## two DQNs, one with a leak: train, find it, compare
	$(BIN)/python examples/demo.py

digits-mlp digits-cnn char-lstm reverse-transformer: .venv/demo   ## a network that trains, each under a minute
	$(BIN)/python examples/$(subst -,_,$@).py

test: .venv/dev           ## every test that is not a long proof
	$(BIN)/python -m pytest -q -n auto -m "not prove"

lint: .venv/dev           ## style, types, spelling, and the floors of the house
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell src tests docs examples benchmarks README.md ARCHITECTURE.md CONTRIBUTING.md
	$(BIN)/lint-imports

docs: .venv/docs          ## the documentation, strictly
	$(BIN)/python -m sphinx -W -q -b html docs docs/_build/html

bench: .venv/dev          ## speed against PyTorch, interleaved
	$(BIN)/python benchmarks/run.py

wheel: .venv/dev         ## the wheel, installed in a bare environment, runs the demo
	rm -rf build dist .venv/bare
	$(PIP) install build
	$(BIN)/python -m build -q --wheel
	$(PYTHON) -m venv .venv/bare
	.venv/bare/bin/python -m pip -q --disable-pip-version-check install "$$(echo dist/*.whl)[examples]"
	cd .venv/bare && ./bin/python ../../examples/demo.py

prove: .venv/dev          ## the long proofs; figures go to benchmarks/PROOFS.md
	$(BIN)/python -m pytest -q -m prove

clean:
	rm -rf .venv build dist docs/_build .mypy_cache .ruff_cache .pytest_cache .hypothesis
