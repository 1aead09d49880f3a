# Two commands do everything: `make demo` and `make test`. Both need Python >= 3.11, pip and a network or a wheel cache.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo-output

.PHONY: demo test lint types clean

demo: $(VENV)/.train
	$(BIN)/gristmill run sample_data/recipe.toml --output $(DEMO)
	$(BIN)/gristmill train $(DEMO) --depth 2 --steps 60 --batch 4
	$(BIN)/gristmill evaluate $(DEMO)
	@echo "Open $(DEMO)/report.html, or ask: $(BIN)/gristmill sql $(DEMO) reasons"

test: $(VENV)/.train
	$(BIN)/python -m pytest

lint: $(VENV)/.train
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.train
	$(BIN)/mypy

$(VENV)/.train: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[train,dev]'
	@touch $@

clean:
	rm -rf $(VENV) $(DEMO)
