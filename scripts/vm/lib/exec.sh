# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2153 # names are shared by the files
# vm exec, vm shell and vm argv: one guest, for one command or for a person.

# Packages that any guest takes.
readonly GUEST_PACKAGES=(qemu-system-x86 busybox-static cpio kmod xz-utils zstd)

scratch_run_dir() {
	RUN=$(mktemp -d "${TMPDIR:-/tmp}/vfiolab.XXXXXX") ||
		die_full "${TMPDIR:-/tmp}" "cannot make a run directory"
	defer remove_tree "$RUN"
}

prepare_guest() { # LANE
	use_lane "$1"
	in_guest || need_packages "${GUEST_PACKAGES[@]}"
	have_command "$QEMU" || die "no QEMU: cannot find $QEMU; apt-get install qemu-system-x86"
	use_kernel "$KERNEL"
	[[ $KERNEL == "$LANE_KERNEL" ]] || say_what_kernel_lacks
	use_boot_files
	in_guest || use_nested_qemu
}

# VLAB_QEMU=of:SUITE, of the environment or else of the lane's words: guests of the guest
# have the QEMU of that suite.
use_nested_qemu() {
	local words=" $APPEND $OPT_APPEND "

	[[ ${VLAB_QEMU:-} || ! $words =~ .*\ VLAB_QEMU=([^ ]*)\  ]] ||
		export VLAB_QEMU="${BASH_REMATCH[1]}"
	[[ ${VLAB_QEMU:-} == of:* ]] || return 0
	VLAB_QEMU=$("$VM_DIR/qemu-of" "${VLAB_QEMU#of:}") || finish "$EXIT_USAGE"
}

vm_exec() {
	local out err code

	((${#WORDS[@]} == 0 && ${#COMMAND[@]} > 0)) ||
		die "usage: vm exec [OPTION]... -- COMMAND [ARGUMENT]..."
	OPT_TIMEOUT=${OPT_TIMEOUT:-600}
	prepare_guest "${OPT_LANE:-stock}"
	scratch_run_dir
	fill_run_dir "$RUN" "${COMMAND[@]}"
	build_argv "$RUN"
	start_guest "$RUN"
	follow "$RUN/$OUT_FILE" &
	out=$!
	follow "$RUN/stderr" >&2 &
	err=$!
	wait_guest "$RUN" :
	wait "$out" "$err" || :
	[[ $GUEST_END == verdict ]] || {
		code=0
		explain_end "$RUN" || code=$?
		finish "$code"
	}
	finish "$GUEST_CODE"
}

# The serial console on this terminal: ^A x ends it at once, as does leaving the
# guest's shell.
vm_shell() {
	local tty

	((${#WORDS[@]} <= 1)) || die "usage: vm shell [LANE] [OPTION]..."
	[[ -t 0 && -t 1 ]] || die "vm shell needs a terminal"
	OPT_SHELL=y
	prepare_guest "${WORDS[0]:-stock}"
	scratch_run_dir
	build_for_guest "$RUN"
	tty=$(stty -g)
	defer restore_tty "$tty"
	fill_run_dir "$RUN" env "TERM=$TERM" "SIZE=$(stty size)" \
		"$GUEST_DIR/shell" "$RUN"
	build_argv "$RUN"
	start_guest "$RUN"
	wait_guest "$RUN" :
	[[ $GUEST_END != refused ]] || explain_end "$RUN"
	finish 0
}

restore_tty() { # STATE
	stty "$1"
}

vm_argv() {
	((${#WORDS[@]} == 1)) || die "usage: vm argv LANE [OPTION]..."
	OUT_FILE=results.ktap
	prepare_guest "${WORDS[0]}"
	build_argv "$OUT/$LANE"
	print_argv
}

vm_list() {
	((${#WORDS[@]} == 0)) || die "usage: vm list"
	sed -n -e 's/^# name/name  /p;t' -e '/^[[:alnum:]]/p' "$LANES_FILE"
}
