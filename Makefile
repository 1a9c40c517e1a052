# `make` alone lists the targets. Each installs with apt what it needs and is missing.
.DEFAULT_GOAL := help
.PHONY: help build install cuda jetson demo test sanitize asan tsan fuzz bench static package format tidy coverage clean

comma := ,
empty :=
space := $(empty) $(empty)
PREFIX ?= /usr/local
TIDY_FILES ?= 'ops/*.cpp' 'engine/*.cpp' 'net/*.cpp' 'weights_tools/*.cpp' 'apps/*.cpp'
DATA ?= /usr/share/datasets/fashion-mnist
FUZZ_SECONDS ?= 60
FUZZ_RUNS ?= -1
# OFF: test without compiling the CUDA code, where its compiler cannot be had.
CUDA ?= ON
# What the CUDA code is compiled for by `make test`: one kind of GPU, since each doubles the time. CI: both.
CUDA_ARCHS ?= $(if $(wildcard /etc/nv_tegra_release),87-real,90a-real)
# ON: test with warnings as errors, as CI does.
WERROR ?= OFF
# What `package` is made for. On an ARM machine only for ARM: nothing is cross-built to x86-64.
ARCHS ?= $(if $(filter arm64,$(shell dpkg --print-architecture)),arm64,amd64 arm64)

help: ## List the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

build: ## Build build/release/quantring and build/release/quantring-weights
	@packaging/setup.sh build
	cmake --preset release -DQUANTRING_TESTS=OFF
	cmake --build --preset release

install: build ## Install programs, library and headers (PREFIX=/usr/local)
	cmake --install build/release --prefix $(PREFIX)

cuda: ## Build build/cuda/quantring, which uses a Hopper GPU where there is one (docs/CUDA.md)
	@packaging/setup.sh cuda
	cmake --preset cuda -DQUANTRING_TESTS=OFF
	cmake --build --preset cuda

jetson: ## The same on a Jetson Orin with JetPack 6: build/jetson/quantring
	@packaging/setup.sh cuda
	cmake --preset jetson -DQUANTRING_TESTS=OFF
	cmake --build --preset jetson

demo: ## Fashion-MNIST through a 3-stage ring on 50 Mbit/s links, at 32, 8, 4 bits and 1
	@packaging/setup.sh demo
	@$(MAKE) --no-print-directory build
	build/release/quantring demo --images $(DATA)/t10k-images-idx3-ubyte.gz

test: ## Build, with CUDA, and run all tests; those for a GPU skip where there is none
	@packaging/setup.sh test
	@cuda='$(CUDA)'; if [ "$$cuda" = ON ] && ! packaging/setup.sh cuda; then \
	  echo "warning: the CUDA code is neither compiled nor tested" >&2; cuda=OFF; fi; \
	cmake --preset release -DQUANTRING_TESTS=ON -DQUANTRING_CUDA=$$cuda -DQUANTRING_WERROR=$(WERROR) \
	  '-DCMAKE_CUDA_ARCHITECTURES=$(CUDA_ARCHS)'
	cmake --build --preset release
	ctest --preset release

# Built through a project that has QuantRing as a subdirectory, which is tested by that. For speed: several files
# compiled as one (where a file has many templates), and without UBSan's checks of every pointer, which double the time (`make asan` has them).
sanitized = cmake -S tests/consumer/subdirectory -B build/$(1) -G Ninja -DQUANTRING_TESTS=ON -DQUANTRING_SANITIZE=$(2) \
  -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE="-O1 $(3)" -DCMAKE_EXE_LINKER_FLAGS=-fsanitize=$(2)
threaded_tests = test_net_ring test_net_http test_session
other_tests = test_net_core test_engine_codec $(addprefix test_weights_,formats naming plan config convert model inspect)

sanitize: ## Under sanitizers (a job of CI): tests of net, session, codecs and weights files
	@packaging/setup.sh test
	$(call sanitized,consumer-asan,address$(comma)undefined,-fno-sanitize=null$(comma)alignment$(comma)vptr$(comma)object-size)
	cmake --build build/consumer-asan --target consumer_c $(threaded_tests) $(other_tests)
	ctest --test-dir build/consumer-asan --output-on-failure -R '^(consumer_c|$(subst $(space),|,$(threaded_tests) $(other_tests)))$$'
	$(call sanitized,consumer-tsan,thread,)
	cmake --build build/consumer-tsan --target $(threaded_tests)
	ctest --test-dir build/consumer-tsan --output-on-failure -R '^($(subst $(space),|,$(threaded_tests)))$$'

asan: ## All tests under AddressSanitizer and UBSan
	@packaging/setup.sh test
	cmake --preset asan
	cmake --build --preset asan
	ctest --preset asan

tsan: ## All tests under ThreadSanitizer
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

format: ## Format the sources with clang-format 14; `make test` checks it
	@packaging/setup.sh tidy
	git ls-files '*.cpp' '*.h' '*.cu' '*.cuh' | xargs clang-format-14 -i

# Its own folder: clang-tidy cannot read the precompiled headers of GCC. Nothing is built there.
tidy: ## Run clang-tidy 14 over the sources; TIDY_FILES='net/wire/*.cpp' for some
	@packaging/setup.sh tidy
	cmake --preset release -B build/tidy -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON -DQUANTRING_TESTS=OFF >/dev/null
	git ls-files $(TIDY_FILES) | grep -v static_names.cpp \
	  | xargs -n 1 -P $$(nproc) clang-tidy-14 -p build/tidy --quiet --warnings-as-errors='*'

coverage: ## Line coverage of the tests, per folder
	@packaging/setup.sh coverage
	cmake --preset coverage
	cmake --build --preset coverage
	-ctest --preset coverage
	gcovr --root . --json-summary-pretty --output build/coverage/coverage.json --exclude tests/ --exclude build/ \
	  --gcov-ignore-parse-errors build/coverage
	cmake -DSUMMARY=build/coverage/coverage.json -P cmake/PrintCoverage.cmake

clean: ## Remove everything built
	rm -rf build
