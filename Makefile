# Everything a person does with this project. `make` lists it.

# A cmake that is new enough for HDF5, where scripts/setup had to fetch one.
export PATH := $(CURDIR)/.tools/venv/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup build install demo test bench bench-catalog bench-load faults oracle lint fmt docs sample-data clean-demo

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what is missing to build (Debian, Ubuntu)
	@scripts/setup build

build: setup ## build the cube command: target/debug/cube
	cargo build --package terracube-cli

install: setup ## install the cube command for this user (release build, into cargo's bin directory)
	cargo install --locked --path crates/cli

demo: setup ## index the sample data; water extents, temperature series and map in demo-output
	@scripts/demo

test: ## all checks and tests, as CI runs them
	@scripts/test

bench: ## kernels, and how fast an archive is indexed (release build)
	@scripts/bench

bench-load: ## whole loads beside odc-stac, rasterio, gdalwarp and the floor, some 20 minutes (release build)
	@scripts/bench-load $(BENCH_LOAD)

bench-catalog: ## indexing and search beside the Open Data Cube, on a PostgreSQL of its own (release build)
	@scripts/bench-catalog

faults: ## all rounds of the fault tests: kills, races, full servers (make test does some of each)
	@scripts/setup test
	@CUBE_FAULTS=all scripts/postgres run cargo test --package cube-tests --test faults -- --nocapture --test-threads 1

oracle: ## all resampling modes beside the installed gdalwarp, in some minutes
	@scripts/oracle

lint: ## the quick checks: format, arrows between crates, licences, clippy
	cargo fmt --all --check
	scripts/check-arrows
	scripts/check-licences
	scripts/check-files
	cargo clippy --workspace --all-targets -- -D warnings

fmt: ## format the sources
	cargo fmt --all

docs: ## the documentation of the crates: target/doc
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

sample-data: ## make the committed sample data anew
	@scripts/setup test
	cargo run --package cube-sample-data

clean-demo: ## remove what the demo wrote
	rm -rf demo-output
