# SPDX-License-Identifier: GPL-2.0-or-later
# What is built goes to build/. Each goal first installs packages that are
# missing (tests/packages).
PROTOCOL ?= protocols/demo.yaml
KDIR ?=
ONLY ?=
# Passed on to the build of the modules when given here.
MODULE_VARIABLES = $(foreach v,ARCH CROSS_COMPILE W C CC LLVM,$(if $($(v)),$(if $(filter command environment,$(firstword $(origin $(v)))),$(v)=$($(v)))))

.PHONY: all install uninstall deb setup demo test coccicheck coverage fuzz soak stock bench modules style clean distclean help
.DEFAULT_GOAL := all

all: setup
	@tests/vm/programs

# PREFIX=/usr/local, DESTDIR= below another root. The driver is built by make modules KDIR=.
INSTALL_VARIABLES = $(foreach v,PREFIX DESTDIR,$(if $($(v)),$(v)=$($(v))))

install: setup
	@tests/vm/programs install $(INSTALL_VARIABLES)

uninstall:
	@tests/vm/programs uninstall $(INSTALL_VARIABLES)

# Debian packages, to build/deb; REVISION= goes behind the version.
deb: setup
	@tests/vm/setup deb
	@userspace/packaging/deb $(REVISION)

setup:
	@tests/vm/setup

demo: setup
	@tests/vm/demo $(PROTOCOL)

test: setup
	@tests/vm/setup test
	@tests/run $(ONLY)

# The tests once more, with modules that count which of their lines were executed.
coverage: setup
	@tests/coverage

# Minutes under emulation: not among the tests of each change.
stock: setup
	@/usr/bin/python3 tests/integration/stock_kernels.py

# Hostile input for as long as wanted: make test has a short form. The seed is
# printed: ND_SEED repeats it.
CALLS ?= 10000000
HOSTILE = ND_VM_TIMEOUT=1000000 tests/vm/uml --debug --rig rig0 -- env ND_SEED=$(or $(ND_SEED),$(shell date +%s))

fuzz: setup
	@tests/vm/programs
	@ND_FUZZ_SECONDS=600 /usr/bin/python3 tests/integration/fuzz.py
	@$(MAKE) -s -C tests/uapi
	@$(HOSTILE) ND_CALLS=$(CALLS) build/uapi/hostile
	@$(HOSTILE) ND_CALLS=$$(($(CALLS) / 10)) build/uapi/hostile_rig

# What comes and goes, ten thousand times, and sixteen pumps for an hour of the machine's
# time (ND_SECONDS=86400: a day, 14 GB): make test has short forms.
soak: setup
	@$(MAKE) -s -C tests/uapi
	@ND_VM_TIMEOUT=20000 tests/vm/uml --debug --rig rig0 -- env ND_CYCLES=10000 build/uapi/lifetimes
	@ND_VM_TIMEOUT=20000 tests/vm/uml $$(sed -n 's/^# vm: //p' tests/integration/endurance.py) -- \
		env ND_SECONDS=$(or $(ND_SECONDS),3600) /usr/bin/python3 tests/integration/endurance.py

bench: setup
	@tests/bench/run $(ONLY)

modules: setup
ifeq ($(KDIR),)
	@tests/vm/kernel uml
	@tests/vm/modules uml
else
	@tests/vm/modules $(KDIR) $(MODULE_VARIABLES)
endif

style: setup
	@tests/style

coccicheck: setup
	@tests/coccicheck

# The kernels stay: they take minutes and do not change with our sources.
clean:
	@if [ -d build ]; then find build -mindepth 1 -maxdepth 1 ! -name vm -exec rm -rf {} +; fi

distclean:
	@rm -rf build

help:
	@echo 'make                 the programs, to build/bin'
	@echo 'make install         what make has built, to PREFIX=/usr/local; DESTDIR= for another root;'
	@echo '                     make uninstall takes it away'
	@echo 'make deb             Debian packages of programs, library and driver, to build/deb'
	@echo 'make demo            dose on a simulated rig; PROTOCOL=file for another protocol.'
	@echo '                     The status of the protocol is printed; make fails if it is not 0,'
	@echo '                     tests/vm/demo PROTOCOL exits with it'
	@echo 'make test            all tests; ONLY=pattern for some (ONLY=integration/, ONLY=debug/)'
	@echo 'make coverage        which lines of the driver the tests execute'
	@echo 'make stock           the modules on the stock kernels of the distribution, under QEMU'
	@echo 'make fuzz            ten minutes of hostile protocols, inputs and tables, then hostile calls'
	@echo '                     at the device on the debug kernel; CALLS=number, ND_SEED= repeats'
	@echo 'make soak            the device, its sensor and its rig go 10 000 times while all is in use'
	@echo 'make bench           the figures, to build/bench.json; ONLY=prefix for some'
	@echo 'make modules         the kernel modules, for the virtual machine; KDIR=/lib/modules/.../build'
	@echo '                     [ARCH= CROSS_COMPILE=] for another kernel; to build/modules'
	@echo 'make style           checkpatch, sparse, compiler warnings, shellcheck'
	@echo 'make coccicheck      what the semantic checks of the kernel say of the modules'
	@echo 'make clean           remove what was built, but the kernels; make distclean: those too'
