.PHONY: install test quick lint format docs site smoke bench chaos rehearse mutants lock audit

PYTHON = .venv/bin/python

install:  ## make .venv from the lock
	sh install.sh

test: install  ## the whole suite
	$(PYTHON) -m pytest

quick: install  ## the suite without its slow tests
	$(PYTHON) -m pytest -m "not slow"

lint: install  ## format, lint and types, as CI checks them
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy

format: install  ## repair the format, and whatever the linter can repair
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

docs: install  ## write the generated pages again: the options, and the tree of folders in docs/house.md
	$(PYTHON) -m tests.house
	$(PYTHON) -m tests.options

site: install  ## the documents as a site, in site/
	NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build --strict --quiet

smoke: install  ## the shortest possible sweep, on phantom images
	$(PYTHON) -m platform.sweep retina --epochs 1 --trials 1 --repeats 1 --name smoke

bench: install  ## every target with its figure on record; `make bench MINUTES=10` measures what is missing or oldest
	$(PYTHON) -m tests.benchmarks $(if $(MINUTES),--minutes $(MINUTES))

chaos: install  ## small sweeps, broken at random for twelve minutes; the next run goes on where this one ends
	$(PYTHON) -m tests.chaos --minutes 12

mutants: install  ## change the code in small ways and see whether a test notices: ten minutes of it, then again from there
	$(PYTHON) -m tests.mutants --minutes 10

rehearse: install  ## ray up, a sweep and ray down on three hosts made of namespaces: six to twenty minutes; needs root
	$(PYTHON) -m tests.cluster

lock: install  ## pin again what pyproject.toml asks for
	.venv/bin/uv pip compile pyproject.toml --all-extras --universal --fork-strategy fewest --upgrade \
		--generate-hashes --no-header --no-emit-index-url --quiet --output-file requirements.lock

audit: install  ## known weaknesses of the locked packages; needs the network, and fails where one could not be looked up
	.venv/bin/uv tool run pip-audit --requirement requirements.lock --disable-pip --strict --progress-spinner off
