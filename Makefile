# The project's verbs. Each one makes .venv by itself (tools/bootstrap.py); `make` alone lists them.
# PYTHON chooses the interpreter that .venv is made with: make test PYTHON=python3.13

SHELL = /bin/sh
PYTHON = python3
BOOTSTRAP = $(PYTHON) tools/bootstrap.py
BIN = .venv/bin

# Whoever is free takes the next test, so that one slow file does not keep a processor waiting.
PARALLEL = -n auto --dist worksteal

# What `make check` runs; each is a program of .venv.
CHECKS = "ruff check" "ruff format --check" mypy lint-imports "python tools/docs.py --check" "imagelock check --quiet"

.PHONY: help demo test cover check bench study docs lock upgrade test-latest dist clean

help: ## list the verbs
	@sed -n 's/^\([a-z-]*\):.*## /\1: /p' Makefile | \
	while IFS=: read -r verb does; do printf '  make %-12s%s\n' "$$verb" "$$does"; done

demo: ## the whole line on a built-in example, nothing prepared, nothing kept
	@$(BOOTSTRAP)
	@$(BIN)/imagelock demo

test: ## every test, one process a processor, against docker-registry and skopeo where they are installed
	@$(BOOTSTRAP) --group dev --peers
	@$(BIN)/pytest $(PARALLEL)

# Measured, the tests take 2.1 times the processor (549 s instead of 252 s on Python 3.11): a verb of its own.
cover: ## every test, measured by branch, child processes included; fails below the floor in pyproject.toml
	@$(BOOTSTRAP) --group dev --peers
	@$(BIN)/pytest $(PARALLEL) --cov=imagelock

check: ## lint, format, types, import floors, docs and --help in step
	@$(BOOTSTRAP) --group dev
	@failed=; \
	for step in $(CHECKS); do \
		echo "==> $$step"; \
		$(BIN)/$$step || failed="$$failed$${failed:+, }$$step"; \
	done; \
	if [ -n "$$failed" ]; then echo "make check: failed: $$failed" >&2; exit 1; fi; \
	echo "make check: all clean"

bench: ## every benchmark in turn; each prints its ratios
	@$(BOOTSTRAP) --group dev --peers
	@failed=; found=; \
	for bench in benchmarks/bench_*.py; do \
		[ -e "$$bench" ] || continue; \
		found=yes; \
		echo "==> $$bench"; \
		$(BIN)/python "$$bench" || failed="$$failed$${failed:+, }$$bench"; \
	done; \
	if [ -z "$$found" ]; then echo "make bench: there are no benchmarks yet"; fi; \
	if [ -n "$$failed" ]; then echo "make bench: failed: $$failed" >&2; exit 1; fi

study: ## what becomes of tags and digests, tried again; writes docs/concepts/digests-or-tags.md
	@$(BOOTSTRAP) --group dev --peers
	@$(BIN)/python benchmarks/study_digests.py

docs: ## write docs/reference from the code, build the site and the man pages into site/
	@$(BOOTSTRAP) --group dev --group docs
	@$(BIN)/python tools/docs.py
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@$(BIN)/python tools/man.py site/man

lock: ## write requirements/ anew where pyproject.toml asks for it
	@$(PYTHON) tools/lock.py

upgrade: ## write requirements/ with the newest version of everything
	@$(PYTHON) tools/lock.py --upgrade

test-latest: ## every test with the newest versions instead of the locked ones; gates nothing
	@$(BOOTSTRAP) --group dev --peers --latest
	@$(PYTHON) tools/latest.py
	@.venv-latest/bin/pytest $(PARALLEL)

dist: ## build wheel and sdist into dist/, run the wheel in an empty environment, list its parts
	@$(BOOTSTRAP)
	@$(BIN)/python tools/dist.py --sbom

clean: ## remove .venv and every cache
	rm -rf .venv .venv-latest .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage* build dist site
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
