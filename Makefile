# Everything a person or a machine does here is one of these targets; continuous integration runs `make test`.
# Each says at once what is missing on this machine. State and downloads stay under target/.

.DEFAULT_GOAL := help
.PHONY: help up down test lint demo mutants soak bench-build clean-state tools
SHELL := /bin/bash
# The programs beside the daemon, which nothing builds unless asked.
PROGRAMS := demo,bench

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: tools ## Django's documentation, searchable and live, on real servers (CHECK=1: check the answers and end)
	CHECK=$(CHECK) demo/run

test: tools ## every check and every test, on real servers
	stack/stack up
	$(MAKE) --no-print-directory lint
	set -a && eval "$$(stack/stack env)" && cargo test --locked --all-targets --features $(PROGRAMS)
	@echo "make test: all passed"

lint: tools ## format, clippy, dependencies, documentation
	cargo fmt --check
	cargo clippy --locked --all-targets --features $(PROGRAMS) -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items
	@if cargo deny --version >/dev/null 2>&1; then cargo deny --offline check bans licenses sources; \
	else echo "cargo-deny is not installed: the test house::deny keeps the same rules"; fi

mutants: tools ## takes out one guard of the protocol at a time and sees a test fail
	stack/stack up
	tests/mutants/run

soak: tools ## what takes long: hours of writes, kills and restarts
	stack/stack up
	tests/soak/run

bench-build: tools ## what building documents costs, beside other ways to the same bytes (SCALE=0.05)
	stack/stack up
	set -a && eval "$$(stack/stack env)" && cargo run --profile dist --locked --features bench --bin bench-build -- --scale $(or $(SCALE),0.05)

up: ## start the local Postgres, Kafka and Elasticsearch
	stack/stack up

down: ## stop them; their data stays
	stack/stack down

clean-state: ## stop them and forget data and ports; downloads and builds stay
	for folder in target/stack/*/lock; do [ ! -e "$$folder" ] || STACK_NAME=$$(basename "$$(dirname "$$folder")") stack/stack clean; done

tools: # what compiling needs, see the script
	@stack/tools
