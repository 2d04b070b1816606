# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# vm exec, and what all commands have in common: options, kernels, lanes.

# shellcheck source=vm_lib.sh
. "$TESTS/vm_lib.sh"

exec_guest() { # FAKE_GUEST OPTION...
	FAKE_GUEST=$1 vm exec --lane one "${@:2}" -- true
}

test_exec_ends_with_the_code_of_the_command() {
	project
	exec_guest code:7
	expect_rc 7
	exec_guest code:0
	expect_rc 0
	expect_nothing_left
}

test_exec_passes_output_on() {
	project
	exec_guest say:hello
	expect_rc 0
	[[ $(<"$T/out") == hello ]] || fail "stdout is not that of the command"
}

test_exec_without_a_verdict_is_lost() {
	project
	exec_guest lost
	expect_rc 5
	expect_err 'lost: '
	expect_err 'Linux version 0.0-fake'
	expect_nothing_left
}

test_exec_of_a_guest_that_never_comes_up_is_lost() {
	project
	exec_guest never-up
	expect_rc 5
}

test_exec_shows_the_first_line_of_a_panic() {
	project
	exec_guest panic
	expect_rc 5
	expect_err 'kernel: .*BUG: kernel NULL pointer'
}

test_exec_shows_what_qemu_said_last() {
	project
	exec_guest abort
	expect_rc 5
	expect_err 'QEMU: .*Assertion failed'
}

test_exec_takes_no_word_for_a_verdict() {
	project
	exec_guest code:abc
	expect_rc 5
}

test_exec_ends_at_its_time_limit() {
	project
	exec_guest hang --timeout 1
	expect_rc 124
	expect_err 'timeout: .* 1 s'
	expect_nothing_left
}

test_exec_says_why_qemu_does_not_start() {
	project
	exec_guest refuse
	expect_rc 2
	expect_err 'QEMU does not start: .*not a valid device'
	expect_nothing_left
}

test_exec_ended_by_ctrl_c_leaves_nothing() {
	project
	FAKE_GUEST=hang vm_start exec --lane one -- true
	kill -INT -- "-$pid"
	vm_wait
	expect_rc 130
	expect_nothing_left
}

test_exec_ended_by_a_signal_to_it_alone_leaves_nothing() {
	project
	FAKE_GUEST=hang vm_start exec --lane one -- true
	kill -TERM "$pid"
	vm_wait
	expect_rc 143
	expect_nothing_left
}

# Nothing but the kernel can clean up then: QEMU must not live on.
test_exec_killed_takes_qemu_along() {
	local qemu

	project
	FAKE_GUEST=hang vm_start exec --lane one -- true
	kill -KILL "$pid"
	qemu=$(<"$FAKE_STARTED")
	until_true ended "$qemu"
}

# Everything that PATH has, but for QEMU and what could install it.
without_qemu() {
	local dir

	IFS=: read -ra dirs <<<"$PATH:/usr/sbin:/sbin"
	for dir in "${dirs[@]}"; do
		ln -s -t "$T/bin" "$dir"/* 2>/dev/null || :
	done
	rm -f "$T"/bin/{qemu-system-x86_64,apt-get,sudo}
	printf '#!/bin/sh\nexit 100\n' | tee "$T/bin/apt-get" >"$T/bin/sudo"
	chmod +x "$T"/bin/{apt-get,sudo}
	unset VM_QEMU
	sed -i "s|^PATH=.*|PATH=$T/bin|" "$T/top/scripts/vm/lib/common.sh"
}

test_exec_without_qemu_names_the_package() {
	project
	without_qemu
	PATH=$T/bin exec_guest pass
	expect_rc 2
	expect_err 'apt-get install .*qemu-system-x86'
}

test_exec_with_a_qemu_that_is_not_there_says_so() {
	project
	VM_QEMU=$T/no-such-qemu exec_guest pass
	expect_rc 2
	expect_err 'no-such-qemu'
}

test_exec_needs_a_command() {
	project
	vm exec --lane one
	expect_rc 2
	expect_err 'usage: vm exec'
}

test_unknown_lane_is_refused_with_those_there_are() {
	project
	vm run three
	expect_rc 2
	expect_err "no lane 'three'; there are: one two"
	vm argv three
	expect_rc 2
	vm exec --lane three -- true
	expect_rc 2
	expect_err "no lane 'three'; there are: one two"
}

test_lane_with_a_wrong_word_is_refused() {
	project
	echo "odd $T/kernel system arm 1 *" >>"$T/top/scripts/vm/lanes"
	vm argv odd
	expect_rc 2
	expect_err 'lane odd: expected NAME KERNEL QEMU intel\|amd\|none'
}

test_unknown_command_is_refused() {
	project
	vm rnu
	expect_rc 2
	expect_err "no command 'rnu'"
}

test_unknown_option_is_refused() {
	local option

	project
	for option in --memory=4G '--memory 4G' -x; do
		# shellcheck disable=SC2086 # an option and its value
		vm run one $option
		expect_rc 2
		expect_err 'error: (no option|--memory)'
	done
}

test_option_without_its_value_is_refused() {
	project
	vm run one --kernel
	expect_rc 2
	expect_err -- '--kernel needs a value'
}

test_option_with_a_wrong_value_says_what_is_right() {
	project
	vm run one --mem lots
	expect_rc 2
	expect_err "mem 'lots': expected a size"
	vm run one --timeout 0
	expect_rc 2
	expect_err "timeout '0': expected .*seconds"
	vm run one --iommu arm
	expect_rc 2
	expect_err "iommu 'arm': expected intel, amd or none"
	vm run one --qmp "$T/nowhere"
	expect_rc 2
	expect_err "qmp '.*/nowhere': expected FIFOs .*/nowhere.in and .*/nowhere.out"
	[[ ! -s $FAKE_STARTED ]] || fail "started a guest all the same"
}

test_kernel_that_is_nowhere_is_refused() {
	project
	exec_guest pass --kernel "$T/no-such-kernel"
	expect_rc 2
	expect_err "no kernel '.*no-such-kernel'.*deb:VERSION"
}

test_kernel_that_is_no_kernel_is_refused() {
	project
	bytes 65536 >"$T/zeros"
	exec_guest pass --kernel "$T/zeros"
	expect_rc 2
	expect_err 'zeros is not a kernel image'
	: >"$T/empty"
	exec_guest pass --kernel "$T/empty"
	expect_rc 2
	expect_err 'empty is not a kernel image'
}

# Its payload says gzip and is not: offset 0x248 and length 0x24c of the header.
test_kernel_that_does_not_unpack_is_refused() {
	project
	{
		bytes 497
		printf '\000'
		bytes 16
		printf HdrS
		bytes 8
		printf '\000\001'
		bytes 56
		printf '\000\002\000\000\100\000\000\000'
		bytes 176
		printf '%s (x@y) #1\0' "$RELEASE"
	} >"$T/image"
	truncate -s 1024 "$T/image"
	{
		printf '\037\213broken'
		bytes 4096
	} >>"$T/image"
	cp "$T/image" "$T/kernel/arch/x86/boot/bzImage"
	exec_guest pass
	expect_rc 2
	expect_err 'bzImage is broken'
}

test_kernel_image_without_modules_is_refused() {
	project
	fake_image >"$T/bzImage"
	exec_guest pass --kernel "$T/bzImage"
	expect_rc 2
	expect_err "no modules for .*lib/modules/$RELEASE"
}

test_directory_without_a_kernel_is_refused() {
	project
	exec_guest pass --kernel "$T/tmp"
	expect_rc 2
	expect_err 'not a kernel build directory'
}

# OPTION...: the kernel at $T/kernel has these, in lane "own" whose own kernel has iommufd
tree_with() {
	project
	echo "own src:7.2+base,iommufd system intel 1 *" >>"$T/top/scripts/vm/lanes"
	mkdir "$T/top/selftests"
	printf '%s\n' CONFIG_VFIO=m CONFIG_PCI=y '# CONFIG_OFF is not set' >"$T/top/selftests/config"
	printf 'CONFIG_IOMMUFD=m\nCONFIG_VFIO_DEVICE_CDEV=y\n' \
		>"$T/top/scripts/vm/config/iommufd.config"
	printf '%s\n' "$@" >"$T/kernel/.config"
}

test_kernel_tree_that_lacks_options_of_the_lane_is_told_which() {
	tree_with CONFIG_PCI=y CONFIG_IOMMUFD=y '# CONFIG_VFIO is not set'
	exec_guest pass --lane own --kernel "$T/kernel"
	expect_rc 0
	expect_err 'lacks what selftests/config wants: CONFIG_VFIO$'
	expect_err 'lacks what scripts/vm/config/iommufd.config wants: CONFIG_VFIO_DEVICE_CDEV$'
}

test_kernel_tree_that_has_all_options_is_told_nothing() {
	tree_with CONFIG_PCI=y CONFIG_VFIO=y CONFIG_IOMMUFD=y CONFIG_VFIO_DEVICE_CDEV=y
	exec_guest pass --lane own --kernel "$T/kernel"
	expect_rc 0
	! grep lacks "$T/err" || fail "it lacks nothing"
}

# Its 9p looks each time; the guest's own part was tried by hand.
test_shell_shows_what_is_edited_outside() {
	project
	printf '#!/bin/sh\nprintf "%%s\\n" "$@" >%s/argv\n' "$T" >"$T/bin/qemu"
	chmod +x "$T/bin/qemu"
	VM_QEMU=$T/bin/qemu script -qec "$T/top/scripts/vm/vm shell one" /dev/null \
		</dev/null >"$T/out" 2>&1 || :
	expect_file "$T/argv" 'VLAB_CACHE=none'
	vm argv one
	expect_rc 0
	! grep -q VLAB_CACHE "$T/out" || fail "runs are slower than they need be"
}
