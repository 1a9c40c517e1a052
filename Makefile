# `make` alone lists the targets. Each installs with apt what it needs and is missing.
.DEFAULT_GOAL := help
.PHONY: help build cuda jetson demo test asan tsan fuzz bench static package format tidy clean

DATA ?= /usr/share/datasets/fashion-mnist
FUZZ_SECONDS ?= 60
FUZZ_RUNS ?= -1
# OFF: test without compiling the CUDA code, where its compiler cannot be had.
CUDA ?= ON
# What `package` is made for. On an ARM machine only for ARM: nothing is cross-built to x86-64.
ARCHS ?= $(if $(filter arm64,$(shell dpkg --print-architecture)),arm64,amd64 arm64)

help: ## List the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

build: ## Build build/release/quantring and build/release/quantring-weights
	@packaging/setup.sh build
	cmake --preset release -DQUANTRING_TESTS=OFF
	cmake --build --preset release

cuda: ## Build build/cuda/quantring, which uses a Hopper GPU where there is one (docs/CUDA.md)
	@packaging/setup.sh cuda
	cmake --preset cuda -DQUANTRING_TESTS=OFF
	cmake --build --preset cuda

jetson: ## The same on a Jetson Orin with JetPack 6: build/jetson/quantring
	@packaging/setup.sh cuda
	cmake --preset jetson -DQUANTRING_TESTS=OFF
	cmake --build --preset jetson

demo: ## Fashion-MNIST through a 3-stage ring on 50 Mbit/s links, at 32, 8 and 4 bits
	@packaging/setup.sh demo
	@$(MAKE) --no-print-directory build
	build/release/quantring demo --images $(DATA)/t10k-images-idx3-ubyte.gz

test: ## Build, with CUDA, and run all tests; those for a GPU skip where there is none
	@packaging/setup.sh test
	@cuda='$(CUDA)'; if [ "$$cuda" = ON ] && ! packaging/setup.sh cuda; then \
	  echo "warning: the CUDA code is neither compiled nor tested" >&2; cuda=OFF; fi; \
	cmake --preset release -DQUANTRING_TESTS=ON -DQUANTRING_CUDA=$$cuda
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

fuzz: ## Fuzz every target for FUZZ_SECONDS (60), FUZZ_RUNS or both; FUZZ_TARGETS=fuzz_zip for one
	@packaging/setup.sh fuzz
	cmake --preset fuzz
	cmake --build --preset fuzz --target $(or $(FUZZ_TARGETS),all)
	@FUZZ_TARGETS='$(FUZZ_TARGETS)' FUZZ_SECONDS=$(FUZZ_SECONDS) FUZZ_RUNS=$(FUZZ_RUNS) tests/fuzz/run.sh

bench: build ## Speed of the forward pass on this machine
	@for shape in deit_tiny vit_base; do for batch in 1 8; do \
	  printf '%-10s' $$shape; build/release/quantring bench --model-shape $$shape --batch $$batch; \
	done; done

static: ## Fully static programs in build/static
	@packaging/setup.sh build
	cmake --preset static
	cmake --build --preset static

package: ## Static programs and a .deb for x86-64 and 64-bit ARM in build/package, tested under qemu (ARCHS=amd64 for one)
	@packaging/setup.sh package $(ARCHS)
	packaging/package.sh $(ARCHS)

format: ## Format the C++ sources with clang-format
	git ls-files '*.cpp' '*.h' | xargs clang-format -i

# Its own folder: clang-tidy cannot read the precompiled headers of GCC. Nothing is built there.
tidy: ## Run clang-tidy
	cmake -S . -B build/tidy -DCMAKE_BUILD_TYPE=Release -DQUANTRING_TESTS=OFF -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON
	git ls-files 'ops/*.cpp' 'engine/*.cpp' 'net/*.cpp' 'weights_tools/*.cpp' 'apps/*.cpp' \
	  | xargs -n 1 -P 2 clang-tidy -p build/tidy --quiet

clean: ## Remove everything built
	rm -rf build
