# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# A small project with the harness in it and a kernel that is none, so that a run
# takes a second and nothing outside of $T is read or written.

RELEASE=9.9.0-fake

# A build directory as kernel.sh wants it: boot header, release, and modules that
# are all built in.
fake_kernel() { # DIR
	mkdir -p "$1"/{arch/x86/boot,include/config}
	fake_image >"$1/arch/x86/boot/bzImage"
	echo "$RELEASE" >"$1/include/config/kernel.release"
	: >"$1/Module.symvers"
	cp "$TESTS/fake-kernel/Makefile" "$1"
	boot_modules >"$1/modules.builtin"
}

# What boot.sh wants of a kernel.
boot_modules() {
	sed -n 's/^readonly BOOT_MODULES=(\(.*\))$/\1/p' "$VM_DIR/lib/boot.sh" |
		tr ' ' '\n' | sed 's|.*|kernel/&.ko|'
}

# Offsets as in Documentation/arch/x86/boot.rst: setup sectors, "HdrS", version.
fake_image() {
	bytes 497
	printf '\001'
	bytes 16
	printf HdrS
	bytes 8
	printf '\000\001'
	bytes 240
	printf '%s (x@y) #1\0' "$RELEASE"
	bytes 4096
}

bytes() { # COUNT
	head -c "$1" /dev/zero
}

# Sets up $T/top; lanes "one" and "two".
project() {
	mkdir -p "$T"/{top/scripts,tmp,bin,cache}
	cp -r "$VM_DIR" "$T/top/scripts"
	fake_kernel "$T/kernel"
	printf '%s %s system intel 1 *\n' one "$T/kernel" two "$T/kernel" \
		>"$T/top/scripts/vm/lanes"
	printf '#!/bin/sh\necho %s\n' "$T" >"$T/top/scripts/vm/ksrc"
	cp "$TESTS/fake-project.mk" "$T/top/Makefile"
	export VM_QEMU=$TESTS/fake-qemu XDG_CACHE_HOME=$T/cache TMPDIR=$T/tmp
	export FAKE_STARTED=$T/started
	: >"$FAKE_STARTED"
}

vm() {
	run "$T/top/scripts/vm/vm" "$@"
}

# vm in the background, in a process group of its own, until its guest runs; its
# id is in $pid.
vm_start() {
	set -m
	"$T/top/scripts/vm/vm" "$@" >"$T/bg.out" 2>"$T/bg.err" &
	set +m
	pid=$!
	until_true test -s "$FAKE_STARTED"
}

vm_wait() {
	run wait "$pid"
	cp "$T/bg.out" "$T/out"
	cp "$T/bg.err" "$T/err"
}

# No process, no mount, no temporary file.
expect_nothing_left() {
	local qemu running

	while read -r qemu; do
		until_true ended "$qemu"
	done <"$FAKE_STARTED"
	[[ -z $(ls -A "$T/tmp") ]] || fail "left behind: $(ls -A "$T/tmp")"
	! grep -qF " $T" /proc/self/mounts || fail "still mounted: $(grep -F " $T" /proc/self/mounts)"
	running=$(processes_with "$T/top")
	[[ ! $running ]] || fail "still running: $running"
}

# The last line of stdout.
expect_total() { # PASSED FAILED SKIPPED
	[[ $(tail -n 1 "$T/out") == "$1 passed, $2 failed, $3 skipped" ]] ||
		fail "last line is not '$1 passed, $2 failed, $3 skipped'"
}
