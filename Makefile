# SPDX-License-Identifier: GPL-3.0-or-later
# Splitbed's one build file: an archive per folder, linked downwards only, so an upward call does not link.
#   make VARIANT=release|debug|asan|tsan  CC=gcc|clang     into build/$(VARIANT)/

VARIANT ?= release
B       ?= build/$(VARIANT)
PREFIX  ?= /usr/local
CC      := $(if $(filter default undefined,$(origin CC)),$(CROSS)gcc,$(CC))
WERROR  ?=
# For another architecture (`make arm64`): the tools' prefix, and the folder in which its libraries are.
CROSS   ?=
SYSROOT ?=
AR      := $(CROSS)ar

# The folders from the bottom up: each may include and call only those before it
# (models, link, wire and netns never each other; scheduler never wire). tests/lint checks the includes.
FOLDERS := base models link wire netns experiment scheduler device-agent edge-server testbed

# What each folder's archive needs from the system; a program takes the union of its folders.
PKG_models    := openblas zlib jansson
PKG_wire      := libzmq libprotobuf-c
PKG_netns     := libnl-3.0
PKG_experiment:= yaml-0.1
PKG_scheduler := jansson
LIB_scheduler := -lglpk
PKG_edge-server := jansson
PKG_testbed   := jansson

# What each program is linked from, top first.
BELOW_base        :=
BELOW_models      := base
BELOW_link        := base
BELOW_wire        := base
BELOW_netns       := base
BELOW_experiment  := models link wire base
BELOW_scheduler   := experiment models link base
BELOW_device-agent:= wire link models base
BELOW_edge-server := scheduler experiment netns wire link models base
BELOW_testbed     := edge-server device-agent scheduler experiment netns wire link models base

PROGRAMS := $(B)/bin/splitbed $(B)/bin/splitbed-server $(B)/bin/splitbed-agent
PROGRAM_FOLDER_splitbed        := testbed
PROGRAM_FOLDER_splitbed-server := edge-server
PROGRAM_FOLDER_splitbed-agent  := device-agent

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
            -Wwrite-strings -Wformat=2 -Wundef -Wvla -Wdouble-promotion -Wcast-qual -Wswitch-enum
OPT_release := -O3 -g
OPT_debug   := -O0 -g3
OPT_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OPT_tsan    := -O1 -g -fsanitize=thread
ifeq ($(OPT_$(VARIANT)),)
$(error VARIANT '$(VARIANT)': allowed are release, debug, asan, tsan)
endif

CPPFLAGS += -I. -I$(B)/gen -D_GNU_SOURCE
CFLAGS   := -std=c11 $(OPT_$(VARIANT)) $(WARNINGS) $(if $(WERROR),-Werror) $(CFLAGS)
LDFLAGS  += $(filter -fsanitize=%,$(OPT_$(VARIANT)))
ifneq ($(SYSROOT),)
CC       += --sysroot=$(SYSROOT)
PKG_CONFIG_OF_SYSROOT := PKG_CONFIG_SYSROOT_DIR=$(SYSROOT) \
    PKG_CONFIG_LIBDIR=$(SYSROOT)/usr/lib/$(CROSS:-=)/pkgconfig:$(SYSROOT)/usr/share/pkgconfig
endif

# pkg-config only once the packages are there: `make setup` runs before them.
pkg_cflags = $(if $(1),$(shell $(PKG_CONFIG_OF_SYSROOT) pkg-config --cflags $(1) 2>/dev/null))
pkg_libs   = $(if $(strip $(1)),$(shell $(PKG_CONFIG_OF_SYSROOT) pkg-config --libs $(1) 2>/dev/null))
system_libs = $(call pkg_libs,$(foreach f,$(1),$(PKG_$(f)))) $(foreach f,$(1),$(LIB_$(f))) -lpthread -lm

PKG_CFLAGS := $(call pkg_cflags,$(foreach f,$(FOLDERS),$(PKG_$(f))))

# models/kernels_*.c are compiled once for each instruction set (models/kernels.h). Vectors wider than a register cross
# no file's border (psabi), and nobody looks at errno after a root.
OPT_kernels := -Wno-psabi -Wno-pass-failed -fno-math-errno -ffp-contract=fast
ISAS     := $(if $(findstring x86_64,$(shell $(CC) -dumpmachine)),v1 v3 v4,base)
ISA_v3   := -march=x86-64-v3
ISA_v4   := -march=x86-64-v4 -mprefer-vector-width=512
# arm64 above all: gcc would bring loads forward until sums fall out of the registers.
ISA_base := -fno-schedule-insns -Wno-ignored-optimization-argument

sources   = $(filter-out %_main.c models/kernels_%,$(wildcard $(1)/*.c))
kernels   = $(wildcard $(1)/kernels_*.c)
objects   = $(patsubst %.c,$(B)/%.o,$(call sources,$(1))) \
            $(foreach isa,$(ISAS),$(patsubst %.c,$(B)/%.$(isa).o,$(call kernels,$(1))))
archive   = $(B)/lib/lib$(1).a
archives  = $(foreach f,$(1),$(call archive,$(f)))
tests_in  = $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/$(1)/test_*.c))
TESTS    := $(foreach f,$(FOLDERS) e2e,$(call tests_in,$(f)))

# One short line a step; V=1 shows the commands.
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $@;)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

## all: build the three programs into build/$(VARIANT)/bin
.PHONY: all
all: $(PROGRAMS)

## setup: install what is missing from Debian (packages.txt)
.PHONY: setup
setup:
	@./install-packages packages.txt

## quickstart: set up, build, train LeNet-5 on Fashion-MNIST with five device processes
.PHONY: quickstart
quickstart: setup
	@$(MAKE) --no-print-directory all
	$(B)/bin/splitbed run configs/experiments/quickstart.yaml

## check: set up, build with warnings as errors, run every test
.PHONY: check
check: setup
	@$(MAKE) --no-print-directory WERROR=1 B=build/check-$(VARIANT) all test

## test: build and run every test (test-FOLDER: one folder's)
.PHONY: test
test: $(PROGRAMS) $(TESTS)
	@SPLITBED_BIN=$(B)/bin tests/run-tests $(TESTS)

define folder_rules
$(call archive,$(1)): $(call objects,$(1))
	@mkdir -p $$(@D); rm -f $$@
	$$(call say,AR) $$(AR) rcs $$@ $$^

.PHONY: test-$(1)
test-$(1): $(call tests_in,$(1))
	@SPLITBED_BIN=$(B)/bin tests/run-tests $$^

$(call tests_in,$(1)): $(B)/tests/%: $(B)/tests/%.o $(call archives,$(1) $(BELOW_$(1)))
	$$(call say,LINK) $$(CC) $$(LDFLAGS) $$^ -o $$@ -lcmocka $$(call system_libs,$(1) $(BELOW_$(1)))
endef
$(foreach f,$(FOLDERS),$(eval $(call folder_rules,$(f))))

$(call tests_in,e2e): $(B)/tests/%: $(B)/tests/%.o $(call archive,base) | $(PROGRAMS)
	$(call say,LINK) $(CC) $(LDFLAGS) $^ -o $@ -lcmocka -ljansson -lm
.PHONY: test-e2e
test-e2e: $(PROGRAMS) $(call tests_in,e2e)
	@SPLITBED_BIN=$(B)/bin tests/run-tests $(call tests_in,e2e)

define program_rules
$(B)/bin/$(1): $(patsubst %.c,$(B)/%.o,$(wildcard $(2)/*_main.c)) $(call archives,$(2) $(BELOW_$(2)))
	@mkdir -p $$(@D)
	$$(call say,LINK) $$(CC) $$(LDFLAGS) $$^ -o $$@ $$(call system_libs,$(2) $(BELOW_$(2)))
endef
$(foreach p,$(PROGRAMS),$(eval $(call program_rules,$(notdir $(p)),$(PROGRAM_FOLDER_$(notdir $(p))))))

# Other flags, other objects: a change of compiler or flags rebuilds.
FLAGS := $(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(OPT_kernels) $(foreach isa,$(ISAS),$(isa) $(ISA_$(isa)))
$(B)/flags: force
	@mkdir -p $(@D); echo '$(FLAGS)' | cmp -s - $@ || echo '$(FLAGS)' > $@
.PHONY: force
force:

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC) $(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

define kernel_rules
$(B)/models/kernels_%.$(1).o: models/kernels_%.c $(B)/flags
	@mkdir -p $$(@D)
	$$(call say,CC) $$(CC) $$(CPPFLAGS) $$(PKG_CFLAGS) $$(CFLAGS) $$(OPT_kernels) $$(ISA_$(1)) -DKERNEL_ISA=$(1) -MMD -MP -c $$< -o $$@
endef
$(foreach isa,$(ISAS),$(eval $(call kernel_rules,$(isa))))

# protobuf-c: the generated pair lives under build/, never in the tree.
PROTO := $(B)/gen/wire/splitbed.pb-c
$(PROTO).c $(PROTO).h &: wire/splitbed.proto
	@mkdir -p $(@D)
	$(call say,PROTO) protoc-c --c_out=$(B)/gen $<
$(B)/wire/splitbed.pb-c.o: $(PROTO).c
	@mkdir -p $(@D)
	$(call say,CC) $(CC) $(CPPFLAGS) $(PKG_CFLAGS) $(CFLAGS) -w -MMD -MP -c $< -o $@
$(call archive,wire): $(B)/wire/splitbed.pb-c.o
$(call objects,wire) $(patsubst tests/%.c,$(B)/tests/%.o,$(wildcard tests/wire/*.c)): | $(PROTO).h

## bench-scheduler: measure the scheduler; writes the tables and the figure of docs/SCHEDULER.md (BENCH="c5 c20": some parts)
BENCH ?=
.PHONY: bench-scheduler
bench-scheduler: $(B)/tests/bench/bench_scheduler
	$< docs/SCHEDULER.md $(B)/scheduler-growth.data $(BENCH)
	if [ -s $(B)/scheduler-growth.data ]; then gnuplot -e "data='$(B)/scheduler-growth.data'; \
	    figure='docs/scheduler-growth.svg'" tests/bench/growth.gnuplot; fi
$(B)/tests/bench/bench_scheduler: $(B)/tests/bench/bench_scheduler.o $(call archives,scheduler $(BELOW_scheduler))
	$(call say,LINK) $(CC) $(LDFLAGS) $^ -o $@ $(call system_libs,scheduler $(BELOW_scheduler))

# The benches of the learning side compare with PyTorch and read its packages from a list of their own. RUNS, BENCH:
# runs of each case, some parts only.
PYTHON ?= /usr/bin/python3
RUNS   ?= 5
BENCH_PROGRAMS := $(B)/tests/bench/bench_models $(B)/tests/bench/bench_peak
$(BENCH_PROGRAMS): $(B)/tests/bench/%: $(B)/tests/bench/%.o $(call archives,experiment $(BELOW_experiment))
	$(call say,LINK) $(CC) $(LDFLAGS) $^ -o $@ $(call system_libs,experiment $(BELOW_experiment))

# These compare with nobody.
$(B)/tests/bench/bench_copy: $(B)/tests/bench/bench_copy.o $(call archives,base)
	$(call say,LINK) $(CC) $(LDFLAGS) $^ -o $@ $(call system_libs,base)

## bench-limits: what binds each layer, and each algorithm of a convolution; writes tables of docs/PERFORMANCE.md (RUNS=5)
.PHONY: bench-limits
bench-limits: $(PROGRAMS) $(B)/tests/bench/bench_copy $(B)/tests/bench/bench_conv
	$(PYTHON) tests/bench/run_limits.py --bin $(B)/bin --doc docs/PERFORMANCE.md --runs $(RUNS) $(BENCH)

## bench-simulate: simulations of up to 10,000 devices, and next to a run; writes tables of docs/PERFORMANCE.md (RUNS=5)
.PHONY: bench-simulate
bench-simulate: $(PROGRAMS)
	$(PYTHON) tests/bench/run_simulate.py --bin $(B)/bin --doc docs/PERFORMANCE.md --runs $(RUNS) $(BENCH)

## bench-readme: the quick start's table in README.md
.PHONY: bench-readme
bench-readme: $(PROGRAMS)
	$(PYTHON) tests/bench/run_readme.py --bin $(B)/bin --doc README.md

## setup-bench: install what bench-models and bench-split compare with (tests/bench/packages.txt)
.PHONY: setup-bench
setup-bench: setup
	@./install-packages tests/bench/packages.txt

## bench-models: training steps against PyTorch; writes tables of docs/PERFORMANCE.md (RUNS=5 BENCH="lenet5 front-28")
.PHONY: bench-models
bench-models: $(BENCH_PROGRAMS)
	$(PYTHON) tests/bench/run_models.py --bin $(B)/tests/bench --doc docs/PERFORMANCE.md --runs $(RUNS) $(BENCH)

## bench-split: whole runs against PyTorch with ZeroMQ; writes tables of docs/PERFORMANCE.md (RUNS=5 BENCH="lenet5-4x64")
.PHONY: bench-split
bench-split: $(PROGRAMS)
	$(PYTHON) tests/bench/run_split.py --bin $(B)/bin --doc docs/PERFORMANCE.md --runs $(RUNS) $(BENCH)

## bench-conv: measure each algorithm of a convolution on the models' shapes (BENCH="THREADS WORD": some)
.PHONY: bench-conv
bench-conv: $(B)/tests/bench/bench_conv
	$< $(BENCH)
$(B)/tests/bench/bench_conv: $(B)/tests/bench/bench_conv.o $(call archives,models $(BELOW_models))
	$(call say,LINK) $(CC) $(LDFLAGS) $^ -o $@ $(call system_libs,models $(BELOW_models))

# MAX_LINKS: 1 leaves out the five at once; MIN_MBPS: slower links, which take minutes, are left out.
MAX_LINKS ?= 5
MIN_MBPS  ?= 0
## bench-link: what an emulated link achieves of what it was asked for, alone and five at once (MAX_LINKS=1: alone)
.PHONY: bench-link
bench-link: $(B)/tests/bench/bench_link
	$< $(MAX_LINKS) $(MIN_MBPS)
$(B)/tests/bench/bench_link: $(B)/tests/bench/bench_link.o $(call archives,wire link base)
	$(call say,LINK) $(CC) $(LDFLAGS) $^ -o $@ $(call system_libs,wire link base)

## fidelity: planned, simulated and measured time side by side; writes docs/FIDELITY.md (BENCH="lenet5 link")
.PHONY: fidelity
fidelity: $(PROGRAMS) $(B)/tests/bench/bench_link
	$(PYTHON) tests/bench/run_fidelity.py --bin $(B)/bin --doc docs/FIDELITY.md $(BENCH)

# Programs for boards, built here: Debian's compiler for arm64, its libraries in a folder, and QEMU to run the tests.
ARM64         := build/arm64
ARM64_SYSROOT := build/sysroot-arm64
MAKE_ARM64     = $(MAKE) --no-print-directory CROSS=aarch64-linux-gnu- SYSROOT=$(CURDIR)/$(ARM64_SYSROOT) B=$(ARM64)
$(ARM64_SYSROOT): packages.txt tests/arm64/make-sysroot
	tests/arm64/make-sysroot $@ packages.txt
	@touch $@

.PHONY: setup-arm64
setup-arm64: setup
	@./install-packages tests/arm64/packages.txt
	@$(MAKE) --no-print-directory $(ARM64_SYSROOT)

## arm64: build the programs for arm64 into build/arm64/bin, and list what the agent needs there
.PHONY: arm64
arm64: setup-arm64
	@$(MAKE_ARM64) all
	@tests/arm64/list-needs $(ARM64)/bin/splitbed-agent

# Left out: what starts other programs or asks for namespaces, and a search whose answer depends on how far it gets in time.
ARM64_FOLDERS  := base models link wire experiment scheduler device-agent edge-server
ARM64_LEFT_OUT := tests/scheduler/test_cover.c
ARM64_TESTS    := $(filter-out $(ARM64_LEFT_OUT),$(wildcard $(ARM64_FOLDERS:%=tests/%/test_*.c)))
## check-arm64: run the folders' tests for arm64 in an emulator; takes long
.PHONY: check-arm64
check-arm64: setup-arm64
	@SPLITBED_TEST_RUNNER="qemu-aarch64 -L $(ARM64_SYSROOT)" SPLITBED_TEST_LIMIT_S=1800 OPENBLAS_NUM_THREADS=1 \
	    $(MAKE_ARM64) WERROR=1 TESTS="$(ARM64_TESTS:%.c=$(ARM64)/%)" test

## count-arm64: instructions for a multiply-add of each algorithm of a convolution, counted in the emulator
.PHONY: count-arm64
count-arm64: setup-arm64 $(B)/tests/arm64/instruction_count.so
	@$(MAKE_ARM64) $(ARM64)/tests/arm64/conv_once
	@tests/arm64/count $(ARM64_SYSROOT) $(B)/tests/arm64/instruction_count.so $(ARM64)/tests/arm64/conv_once
$(B)/tests/arm64/instruction_count.so: tests/arm64/instruction_count.c
	@mkdir -p $(@D)
	$(call say,CC) $(CC) $(CFLAGS) -shared -fPIC $< -o $@
$(B)/tests/arm64/conv_once: $(B)/tests/arm64/conv_once.o $(call archives,models $(BELOW_models))
	$(call say,LINK) $(CC) $(LDFLAGS) $^ -o $@ $(call system_libs,models $(BELOW_models))

## check-netem: netns on a kernel with netem, in a virtual machine (ACCEL=kvm: not emulated); tests/netns/packages.txt
.PHONY: check-netem
check-netem: setup
	@./install-packages tests/netns/packages.txt
	@$(MAKE) --no-print-directory $(PROGRAMS) $(call tests_in,netns)
	@ACCEL=$(ACCEL) tests/netns/in_vm $(B)

## lint: format, layering, licence lines, static analysis
.PHONY: lint
lint: setup
	@tests/lint

## format: let clang-format rewrite the tree
.PHONY: format
format:
	git ls-files '*.c' '*.h' | xargs clang-format -i

## install: copy the programs to $(PREFIX)/bin
.PHONY: install
install: all
	install -D -t $(DESTDIR)$(PREFIX)/bin $(PROGRAMS)

## clean: remove build/
.PHONY: clean
clean:
	rm -rf build

## help: this list
.PHONY: help
help:
	@sed -n 's/^## \([a-z0-9-]*\): /\1\t/p' $(MAKEFILE_LIST) | expand -t 14
	@echo "Variants: make VARIANT=release|debug|asan|tsan; compilers: make CC=gcc|clang."

-include $(shell find $(B) -name '*.d' 2>/dev/null)
