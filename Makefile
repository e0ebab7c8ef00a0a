# Everything runs in .build/venv, which the first target makes by itself; a Python >= 3.11 is all that is needed.
#   make demo      see Hansard at work, in a temporary folder
#   make test      all tests but the torture ones
#   make lint      ruff and pyright
#   make test-adapters   the adapters, each with its framework alone, newest and oldest; ARGS=strands for one
#   make torture   kill -9, races and damage byte by byte, for minutes
#   make torture-ha  hurt a cluster of PostgreSQL with Patroni under writers
#   make soak      mixed work with kills for half an hour: does anything grow?
#   make bench     measure, and print the figures; ARGS=--page writes them into docs/explanation/performance.md
#   make bench-full  every figure, at full size, for half an hour; ARGS="--only import" for a part of them
#   make bench-scale  a million sessions in PostgreSQL, listed, searched, pruned; ARGS="--sessions 10000" for fewer
#   make bench-peers  Hansard beside other stores, installed for it
#   make docs      write docs/reference/cli.md anew from the program's own help
.PHONY: demo test test-adapters lint torture torture-ha soak bench bench-full bench-scale bench-peers docs clean
.DEFAULT_GOAL := test

BIN := .build/venv/bin
READY := .build/venv/.ready
WORKERS ?= 2
ARGS ?=
export PYTHON
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME

$(READY): pyproject.toml uv.lock scripts/environment
	@sh scripts/environment

demo: $(READY)
	@$(BIN)/hansard demo $(ARGS)

test: $(READY)
	@sh scripts/postgres
	HANSARD_TESTS_NEED_POSTGRES=1 $(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

test-adapters: $(READY)
	$(BIN)/python scripts/adapters.py $(ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python

torture: $(READY)
	@sh scripts/postgres
	@sh scripts/pgbouncer
	HANSARD_TESTS_NEED_POSTGRES=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -o faulthandler_timeout=3600 \
		-m torture tests $(ARGS)
	@sh scripts/postgres 18
	HANSARD_TESTS_NEED_POSTGRES=1 HANSARD_TEST_POSTGRES= HANSARD_TEST_POSTGRES_MAJOR=18 $(BIN)/python -m pytest \
		-n $(WORKERS) -m "not ha and not torture" tests/postgres tests/contract/test_postgres.py

torture-ha: $(READY)
	@sh scripts/ha $(ARGS)

soak: $(READY)
	$(BIN)/python scripts/soak.py $(ARGS)

bench: $(READY)
	@$(BIN)/python -m benchmarks --strict $(ARGS)

bench-peers: $(READY)
	@sh scripts/peers $(ARGS)

bench-full: $(READY)
	@$(BIN)/python -m benchmarks --full --strict $(ARGS)
	@sh scripts/postgres
	@$(BIN)/python -m benchmarks.scale --strict

bench-scale: $(READY)
	@sh scripts/postgres
	@$(BIN)/python -m benchmarks.scale --strict --page docs/explanation/scale.md $(ARGS)

docs: $(READY)
	$(BIN)/python scripts/cli_reference.py

clean:
	rm -rf .build
