# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# vm exec: one command in one guest.

exec_command() { # COMMAND...
	local run code=0

	run=$(mktemp -d "${TMPDIR:-/tmp}/vfiolab.XXXXXX")
	defer remove_tree "$run"
	use_kernel "$OPT_KERNEL"
	use_initramfs
	write_command "$run" "$@"
	build_argv "$run"
	run_guest "$run" || code=$?
	case $code in
	"$EXIT_LOST") tail -n 30 "$run/console" >&2 ;;
	esac
	return "$code"
}
