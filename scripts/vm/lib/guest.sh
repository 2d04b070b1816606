# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# One guest: from an empty run directory to the code it ends with.

BOOT_SECONDS='' # power-on to the first command

write_command() { # RUN COMMAND...
	local run=$1

	shift
	{
		printf 'export VLAB_LANE=%q VLAB_MODULES=%q\n' "$OPT_LANE" "$KERNEL_ROOT"
	} >"$run/env"
	{
		printf 'cd -- %q\n' "$PWD"
		printf 'exec'
		printf ' %q' "$@"
		echo
	} >"$run/command"
}

kill_process() { # PID
	kill -KILL "$1" 2>/dev/null
}

# Prints a file as it grows, until a process ends.
follow() { # PID FILE
	exec tail -n +1 -s 0.1 --pid="$1" -f "$2"
}

# Runs QEMU to its end and returns the code of the command in the guest.
run_guest() { # RUN
	local run=$1 pid out err started=$EPOCHREALTIME word value code='' status=0

	: >"$run/control" >"$run/out" >"$run/err"
	setpriv --pdeathsig TERM timeout -k 5 "$OPT_TIMEOUT" "${ARGV[@]}" </dev/null &
	pid=$!
	defer kill_process "$pid"
	follow "$pid" "$run/out" &
	out=$!
	follow "$pid" "$run/err" >&2 &
	err=$!
	while read -r word value; do
		case $word in
		start) BOOT_SECONDS=$(seconds_since "$started") ;;
		exit) code=$value ;;
		esac
	done < <(follow "$pid" "$run/control")
	wait "$out" "$err"
	wait "$pid" || status=$?
	((status != 124 && status != 137)) || return "$EXIT_TIMEOUT"
	[[ $code =~ ^[0-9]+$ ]] || return "$EXIT_LOST"
	return "$code"
}
