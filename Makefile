# `make` alone lists the targets. Each installs with apt what it needs and is missing.
.DEFAULT_GOAL := help
.PHONY: help build demo test asan tsan fuzz bench static format tidy clean

DATA ?= /usr/share/datasets/fashion-mnist
FUZZ_SECONDS ?= 60

help: ## List the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

build: ## Build build/release/quantring and build/release/quantring-weights
	@packaging/setup.sh build
	cmake --preset release -DQUANTRING_TESTS=OFF
	cmake --build --preset release

demo: ## Fashion-MNIST through a 3-stage ring on 50 Mbit/s links, at 32, 8 and 4 bits
	@packaging/setup.sh demo
	@$(MAKE) --no-print-directory build
	build/release/quantring demo --images $(DATA)/t10k-images-idx3-ubyte.gz

test: ## Build and run all tests
	@packaging/setup.sh test
	cmake --preset release -DQUANTRING_TESTS=ON
	cmake --build --preset release
	ctest --preset release

asan: ## The tests under AddressSanitizer and UBSan
	@packaging/setup.sh test
	cmake --preset asan
	cmake --build --preset asan
	ctest --preset asan

tsan: ## The tests under ThreadSanitizer
	@packaging/setup.sh test
	cmake --preset tsan
	cmake --build --preset tsan
	ctest --preset tsan

fuzz: ## Run every fuzz target for FUZZ_SECONDS (60)
	@packaging/setup.sh fuzz
	cmake --preset fuzz
	cmake --build --preset fuzz
	@for target in build/fuzz/fuzz/fuzz_*; do \
	  echo "== $$target"; mkdir -p build/fuzz/corpus/$$(basename $$target); \
	  $$target -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 -print_final_stats=1 \
	    -artifact_prefix=build/fuzz/ build/fuzz/corpus/$$(basename $$target) 2>&1 >build/fuzz/log 2>&1 || { tail -n 30 build/fuzz/log; exit 1; }; grep -E "stat::(number_of|new_units|peak)" build/fuzz/log; \
	done

bench: build ## Speed of the forward pass on this machine
	@for shape in deit_tiny vit_base; do for batch in 1 8; do \
	  printf '%-10s' $$shape; build/release/quantring bench --model-shape $$shape --batch $$batch; \
	done; done

static: ## Fully static programs in build/static
	@packaging/setup.sh build
	cmake --preset static
	cmake --build --preset static

format: ## Format the C++ sources with clang-format
	git ls-files '*.cpp' '*.h' | xargs clang-format -i

tidy: ## Run clang-tidy (needs a built release tree)
	git ls-files 'ops/*.cpp' 'engine/*.cpp' 'net/*.cpp' 'weights_tools/*.cpp' 'apps/*.cpp' \
	  | xargs -n 1 -P 2 clang-tidy -p build/release --quiet

clean: ## Remove everything built
	rm -rf build
