# The front door; meson does the work. `make` builds build/ullage.
#
#   make run       measure this machine for half a minute (as root)
#   make test      unit, golden and command line tests, then kernels in virtual machines
#   make lint      format, static checks, layers, shell, man pages
#   make fuzz      every fuzz target for FUZZ_SECONDS
#   make bench     what tracing, sampling and recording cost
#   make fixes-index  the index of known fixes, from today's changelogs
#   make deps      install the Debian packages that are missing
#   make install   DESTDIR and PREFIX are respected

BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_SECONDS ?= 10
CC ?= gcc
RUN_ARGS ?= --for 30s
MESON_FLAGS ?=
NINJA ?= ninja

.DEFAULT_GOAL := build
.DELETE_ON_ERROR:

$(BUILD)/build.ninja:
	meson setup $(MESON_FLAGS) --prefix $(PREFIX) $(BUILD) .

.PHONY: build
build: $(BUILD)/build.ninja
	$(NINJA) -C $(BUILD)

.PHONY: run
run: deps build
	@if [ "$$(id -u)" -ne 0 ]; then \
		echo "ullage find needs root. Run: sudo make run" >&2; exit 4; fi
	$(BUILD)/ullage find $(RUN_ARGS)

.PHONY: test
test: test-deps build
	meson test -C $(BUILD) --print-errorlogs
	tests/kernel/run.sh $(BUILD)/ullage

.PHONY: bench
bench: deps build
	@if [ -x tests/bench/run.sh ]; then tests/bench/run.sh $(BUILD)/ullage; \
	else meson test -C $(BUILD) --benchmark --verbose; fi

.PHONY: lint
lint: $(BUILD)/build.ninja
	tools/lint $(BUILD)

.PHONY: fuzz
fuzz:
	tools/fuzz $(BUILD)-fuzz $(FUZZ_SECONDS)

# data/leak-fixes.gz, from Debian's changelogs of today; KERNEL_GIT=DIR adds a clone of the kernel.
.PHONY: fixes-index
fixes-index: build
	tools/fixes_index $(BUILD)/ullage $(if $(KERNEL_GIT),--kernel-git $(KERNEL_GIT))

.PHONY: install
install: $(BUILD)/build.ninja
	meson configure $(BUILD) -Dprefix=$(PREFIX)
	$(NINJA) -C $(BUILD)
	DESTDIR=$(abspath $(DESTDIR)) meson install -C $(BUILD) --no-rebuild

.PHONY: deps
deps:
	@tools/deps packages.txt

.PHONY: test-deps
test-deps:
	@tools/deps packages.txt tests/kernel/packages.txt

.PHONY: clean
clean:
	rm -rf $(BUILD) $(BUILD)-fuzz
