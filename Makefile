# Everything that is done with this tree. `make demo` and `make test` need Rust and a C compiler; what else
# is missing they get by themselves.

SHELL = /bin/sh
MAKEFLAGS += --no-print-directory

# More arguments for the command come in ARGS: make demo ARGS=--once

# What `make bench` measures: sync-bench, query-bench or language-bench.
BENCH ?= sync-bench

# Rust's installer puts cargo here, and only new shells know it.
export PATH := $(PATH):$(HOME)/.cargo/bin

# The prebuilt libduckdb lies in the target directory, wherever that is. The paths of all clones that share one target
# directory are then the same, so that nothing is built twice.
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
DUCKDB_LIB_DIR ?= $(TARGET)/duckdb
export DUCKDB_LIB_DIR
MODE := $(TARGET)/duckdb/mode

# Read after `libduckdb` has run: empty with the prebuilt library, `--features bundled` without.
FEATURES = $(if $(filter bundled,$(shell cat $(MODE) 2>/dev/null)),--features bundled)

# The run path of programs is right wherever they are built. Doc tests are built in a temporary directory, where only this helps.
RUN_PATH = LD_LIBRARY_PATH="$(DUCKDB_LIB_DIR)$${LD_LIBRARY_PATH:+:$$LD_LIBRARY_PATH}" \
	DYLD_LIBRARY_PATH="$(DUCKDB_LIB_DIR)$${DYLD_LIBRARY_PATH:+:$$DYLD_LIBRARY_PATH}"

.PHONY: help ui demo test core-test rust-test lint scenarios packages languages docs dist program soak check fmt bench fuzz install libduckdb clean bootstrap

help: ## what there is
	@echo "make <target> [ARGS=...]"
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' Makefile

ui: ## the dashboard, which the program embeds
	scripts/ui.sh build

demo: libduckdb ## everything at work on made-up data; ARGS=--once ends after the first sync
	@scripts/ui.sh build || echo "ui: the dashboard could not be built; the demonstration goes on without it" >&2
	cargo run --locked -p axis-http --bin axis $(FEATURES) -- demo $(ARGS)

test: bootstrap libduckdb ui ## formatting, lints, documentation and every test; with ARGS, for cargo test, only tests of Rust
ifdef ARGS
	$(RUN_PATH) cargo test --locked --workspace $(FEATURES) $(ARGS)
else
	@scripts/bootstrap.sh rust
	cargo fmt --all --check
	@AXIS_WHOLE=1 $(MAKE) languages BESIDE="core-test" MORE="rust-test lint"
endif

# The tests of the core take longest. They run beside all the rest, which leaves them the processor, and which has to name every other
# target in a `tests` directory. The module for Python is maturin's to build, and has no tests in Rust. Doc tests would look for make's own
# workers and find none.
RUST = --workspace --exclude axis-py
core-test:
	MAKEFLAGS= $(RUN_PATH) cargo test --locked $(RUST) $(FEATURES) --test engine
rust-test:
	MAKEFLAGS= $(RUN_PATH) nice cargo test --locked $(RUST) $(FEATURES) --lib --bin axis --test it --test run
	MAKEFLAGS= $(RUN_PATH) nice cargo test --locked $(RUST) $(FEATURES) --doc

# In a directory of its own nobody waits for it, and it waits for nobody.
lint:
	MAKEFLAGS= CARGO_TARGET_DIR="$(TARGET)/lint" nice cargo clippy --locked --workspace --all-targets $(FEATURES) -- -D warnings
	MAKEFLAGS= CARGO_TARGET_DIR="$(TARGET)/lint" RUSTDOCFLAGS="-D warnings" nice cargo doc --locked --workspace --no-deps $(FEATURES)

docs: ## the book in docs/, built into the target directory
	@scripts/bootstrap.sh python
	CARGO_TARGET_DIR="$(TARGET)" scripts/docs.sh build

# Rust, HTTP and C are tested by `cargo test`, and run the scenarios there.
languages: bootstrap libduckdb ui ## the tests of Python, Node and the dashboard, the scenarios in Python, Node and C, the packages in empty rooms, deploy/, and the book
	@scripts/bootstrap.sh python node chromium pkg-config patchelf nginx caddy systemd-analyze
	scripts/build.sh
	@echo "several suites run at once; what one prints follows when it has ended" >&2
	@$(MAKE) -j5 --output-sync=target $(BESIDE) python-test node-test $(MORE) ui-test deploy-test docs-test scenarios packages

# They wait for servers and browsers more than for the processor, so several run at once.
%-test:
	nice scripts/$*.sh test

# Both take what the tests of Python and Node have built.
scenarios: python-test node-test
	nice scripts/conformance.sh
packages: python-test node-test
	nice scripts/dist.sh check

dist: libduckdb ## what a release hands out, in release builds: wheel, npm package, archive for C
	scripts/dist.sh build

program: libduckdb ui ## the `axis` command in a release build, with its library; PREFIX says where, /opt/axis by default
	CARGO_TARGET_DIR="$(TARGET)" scripts/deploy.sh program "$(DESTDIR)$(or $(PREFIX),/opt/axis)"

install: libduckdb ## the C library, its header and axis.pc; PREFIX and DESTDIR say where, /usr/local by default
	@scripts/bootstrap.sh c
	cargo build --locked --release -p axis-ffi $(FEATURES)
	CARGO_TARGET_DIR="$(TARGET)" scripts/c.sh install "$(TARGET)/release"

soak: bootstrap libduckdb ui ## the tests, with those that try out chance in their long form, for about an hour; ARGS goes to cargo test
	AXIS_SOAK=1 $(RUN_PATH) cargo test --locked --workspace $(FEATURES) $(ARGS)

check: libduckdb ## formatting, lints and documentation, warnings being errors
	@scripts/bootstrap.sh rust
	cargo fmt --all --check
	@$(MAKE) lint

fmt: ## formats the source
	cargo fmt --all

bench: bootstrap libduckdb ## measures syncs against a throw-away PostgreSQL and prints JSON; BENCH=query-bench measures the served API, language-bench the packages; ARGS goes to it
ifeq ($(BENCH),language-bench)
	scripts/dist.sh build
	scripts/dist.sh bench $(ARGS)
else
	cargo run --locked --release -p axis-bench --bin $(BENCH) $(FEATURES) -- --json $(ARGS)
endif

fuzz: libduckdb ## feeds the COPY decoder and the configuration with anything, a minute each; ARGS=600 for ten minutes
	$(RUN_PATH) CARGO_TARGET_DIR="$(TARGET)/fuzz" fuzz/run.sh $(ARGS)

libduckdb: ## fetches the prebuilt DuckDB library; AXIS_DUCKDB=bundled compiles it instead
	@mkdir -p $(dir $(MODE)); \
	if CARGO_TARGET_DIR="$(TARGET)" scripts/libduckdb.sh; then \
		mode=prebuilt; \
	elif [ $$? -eq 3 ]; then \
		mode=bundled; \
		echo "libduckdb: DuckDB is compiled from source instead, which takes about a quarter of an hour the first time" >&2; \
		scripts/bootstrap.sh cxx; \
	else \
		exit 1; \
	fi && echo $$mode >$(MODE)

bootstrap: # installs what the tests need and the machine lacks
	@scripts/bootstrap.sh postgresql c curl

clean: ## removes what was built; what was downloaded stays in the cache
	cargo clean
