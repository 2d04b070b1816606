# SPDX-License-Identifier: GPL-2.0-only
#
# make modules   [KDIR=DIR] [OUT=DIR]   kernel modules for the kernel built in KDIR
# make selftests [KSRC=DIR] [OUT=DIR]   the test suite, with the kselftest files of KSRC
# make upstream  [UPSTREAM=DIR] [OUT=DIR]   the kernel's own VFIO selftests
# make unit      [OUT=DIR]              host unit tests, built and run (ASan, UBSan)
# make fuzz      [FOR=60] [OUT=DIR]     the same code under libFuzzer, which wants clang
# make clean                            remove out/
# make help                             this text
#
# KDIR is a kernel's build tree (default: the running kernel's), KSRC a kernel's
# source tree (scripts/vm/ksrc prints one), UPSTREAM one of 7.2 or later. W=1, which is
# the default, C=2, V=1 and KCFLAGS mean what they mean to Kbuild. Nothing is written
# outside of OUT: Kbuild puts objects next to sources, so it gets a tree of links in
# OUT/obj.

MAKEFLAGS += --no-print-directory

KDIR ?= /lib/modules/$(shell uname -r)/build
KSRC ?= $(shell scripts/vm/ksrc 6.12)
UPSTREAM ?= $(shell scripts/vm/ksrc 7.2)
OUT ?= $(CURDIR)/out/$(firstword $(MAKECMDGOALS))
W ?= 1
override OUT := $(abspath $(OUT))
override KDIR := $(abspath $(KDIR))
SHELL := bash

# One at a time in one OUT: in-OUT,TARGET runs TARGET under a lock.
in-OUT = +@mkdir -p $(OUT) && flock $(OUT)/.lock $(MAKE) $(1) OUT=$(OUT)

help:
	@sed -n '2,/^$$/s/^# \{0,1\}//p' Makefile

modules:
	$(call in-OUT,_modules KDIR=$(KDIR))

selftests:
	$(call in-OUT,_selftests)

upstream:
	$(call in-OUT,_upstream UPSTREAM=$(UPSTREAM))

unit:
	$(call in-OUT,_unit)

fuzz:
	$(call in-OUT,_fuzz)

clean:
	rm -rf out

# ---- modules ----

# Debian's headers ask for the compiler that built the kernel, by version. Any
# gcc will do when that one is not there.
kernel-cc = $(shell sed -n 's/^CC = .*\(gcc-[0-9]*\)$$/\1/p' $(KDIR)/.kernelvariables 2>/dev/null)
cc-flag = $(if $(kernel-cc),$(if $(shell command -v $(kernel-cc)),,CC=gcc))

# What objects in OUT/obj were built for; others are of no use.
kernel-id = $(realpath $(KDIR)) $(shell cat $(KDIR)/include/config/kernel.release 2>/dev/null)

_modules: _module-links
	$(MAKE) -C $(KDIR) M=$(OUT)/obj/kmod $(cc-flag) \
		W=$(W) CONFIG_DEBUG_INFO_BTF_MODULES= modules
	@sed 's|.*/||; s|\.k\?o$$|.ko|' $(OUT)/obj/kmod/modules.order | sort >$(OUT)/obj/list
	@cd $(OUT) && ls | grep '\.ko$$' | grep -vxFf obj/list | xargs -r rm -f
	@cd $(OUT) && grep -Ff obj/list <<<"$$(find obj/kmod -name '*.ko')" | xargs -r cp -ut .

_module-links: _kernel-tree
	@[ "$$(cat $(OUT)/obj/kernel-id 2>/dev/null)" = "$(kernel-id)" ] || \
		{ rm -rf $(OUT)/obj && mkdir $(OUT)/obj && echo "$(kernel-id)" >$(OUT)/obj/kernel-id; }
	@cp -rs --remove-destination $(CURDIR)/kmod $(CURDIR)/uapi $(OUT)/obj
	@find $(OUT)/obj -xtype l -delete

_kernel-tree:
	@[ -e $(KDIR)/Makefile ] && [ -e $(KDIR)/Module.symvers ] || \
		{ echo "$(KDIR) is not a kernel's build tree: set KDIR, or install its linux-headers" >&2; exit 1; }

# ---- selftests, unit ----

_selftests:
	@[ -e "$(KSRC)/tools/testing/selftests/lib.mk" ] || \
		{ echo "'$(KSRC)' is not a kernel's source tree: set KSRC" >&2; exit 1; }
	$(MAKE) -C selftests KSRC=$(abspath $(KSRC)) OUTPUT=$(OUT)/obj INSTALL_PATH=$(OUT) install
	@cd $(OUT) && ls | grep '_test\(\.sh\)\?$$' | while read -r test; do \
		[ -e "$(CURDIR)/selftests/$$test" ] || [ -e "$(CURDIR)/selftests/$$test.c" ] || \
			rm -f "$$test"; done

# As they are; 7.2.13 calls a function that it has nowhere. Their include paths
# want the kernel's headers as programs see them, and those of its own version.
upstream-flags = '-Dcalloc_assert(n,s)=calloc(n,s)' -include stdlib.h

_upstream:
	@[ -e "$(UPSTREAM)/tools/testing/selftests/vfio/lib/libvfio.mk" ] || \
		{ echo "'$(UPSTREAM)' has no VFIO selftests: set UPSTREAM to a 7.2 source tree" >&2; exit 1; }
	@[ -e /usr/include/uuid/uuid.h ] || \
		{ echo "uuid/uuid.h is missing: install uuid-dev" >&2; exit 1; }
	@mkdir -p $(OUT)/obj/headers $(OUT)/obj/vfio
	$(MAKE) -C $(UPSTREAM) O=$(OUT)/obj/headers headers
	$(MAKE) -C $(UPSTREAM)/tools/testing/selftests/vfio OUTPUT=$(OUT)/obj/vfio \
		KHDR_INCLUDES="-isystem $(OUT)/obj/headers/usr/include" \
		EXTRA_CFLAGS="$(upstream-flags)" all
	@cp -u -t $(OUT) $(OUT)/obj/vfio/*_test

_unit:
	$(MAKE) -C kmod/tests OUT=$(OUT) run replay

_fuzz:
	$(MAKE) -C kmod/tests OUT=$(OUT) fuzz

.PHONY: help modules selftests upstream unit fuzz clean
.PHONY: _modules _module-links _kernel-tree _selftests _upstream _unit _fuzz
