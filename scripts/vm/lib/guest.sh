# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2153 # names are shared by the files
# One guest, from an empty run directory to the code it ends with.

GUEST_PID=''     # QEMU, or what limits its time, while it runs
FOLLOW_PID=''    # what reads its control channel
GUEST_END=''     # verdict, lost, timeout or refused (by QEMU)
GUEST_CODE=''    # the command's exit code if there is a verdict
BOOT_SECONDS=''  # power-on to the first command
GUEST_SECONDS='' # power-on to power-off
GUEST_SPLAT=''   # first line of a kernel's complaint on the console

readonly SPLAT='Kernel panic|BUG: |Oops: |Oops\[|WARNING: |general protection fault|KASAN|UBSAN|kernel BUG at|INFO: task .* blocked'

# May tests start guests in the guest? Where QEMU 10 or 11 emulates the processor, the
# outer kernel dies of it now and then (docs/surprises.md): only if asked for.
nested_guests() {
	local version

	[[ $DEPTH != 1 ]] || return
	[[ $ACCEL == tcg && ! ${VLAB_NESTED_BYTES:-} ]] || return 0
	version=$("$QEMU" --version 2>/dev/null | sed -n 's/.* version \([0-9]*\)\..*/\1/p')
	((${version:-0} < 8)) || {
		say "no guests in the guest: QEMU $version emulates them badly;" \
			"VLAB_NESTED_BYTES=4096 tries all the same"
		return 1
	}
}

# What a guest needs for COMMAND, in RUN: its environment, the command, its kernel.
fill_run_dir() { # RUN COMMAND...
	local run=$1 name

	shift
	for name in console.log "$OUT_FILE" stderr control; do
		: >"$run/$name"
	done
	describe_kernel >"$run/kernel"
	{
		# What tests are told by hand: VLAB_BDF, VLAB_NESTED_BYTES and the like.
		for name in "${!VLAB_@}"; do
			[[ $name != @(VLAB_NESTED|VLAB_BOOT) ]] || continue
			echo "export $name=$(quote "${!name}")"
		done
		echo "export VLAB_LANE=$(quote "$LANE") HOME=$(quote "$HOME")"
		echo "export VLAB_VM=$(quote "$VM_DIR")"
		! nested_guests || echo "export VLAB_NESTED=$GUEST_DIR/nested"
		echo "MODULES=$(quote "$KERNEL_ROOT") REBOOT=$OPT_REBOOT"
	} >"$run/env"
	{
		echo "cd $(quote "$PWD") || exit"
		echo "exec $(quote "$@")"
	} >"$run/command"
}

# QEMU ends when we do, whatever ends us, and so does what limits its time.
start_guest() { # RUN
	local limit=() input=/dev/null

	[[ ! $OPT_TIMEOUT ]] || limit=(timeout --foreground --kill-after=5 "$OPT_TIMEOUT")
	[[ ! $OPT_SHELL ]] || input=/dev/stdin
	STARTED=$EPOCHREALTIME
	setpriv --pdeathsig TERM "${limit[@]}" setpriv --pdeathsig KILL "${ARGV[@]}" \
		<"$input" 2>"$1/qemu.log" &
	GUEST_PID=$!
	defer stop_process GUEST_PID
}

# Copies a file to stdout as it grows, for as long as the guest runs.
follow() { # FILE
	exec tail -n +1 -s 0.1 --pid="$GUEST_PID" -f -- "$1"
}

# The guest's next word, into word and value; 1 at the end. It looks up each second,
# as a signal that comes just before read blocks is seen only after it. What came of a
# line by then is the first part of it.
next_word() { # FD
	local status line='' part

	while :; do
		status=0
		IFS= read -r -t 1 part <&"$1" || status=$?
		line+=$part
		((status > 128)) || break
	done
	read -r word value <<<"$line" || :
	return "$status"
}

# Waits for the end; calls ON_START when the command starts.
wait_guest() { # RUN ON_START
	local control word value status=0

	exec {control}< <(follow "$1/control")
	FOLLOW_PID=$!
	defer stop_process FOLLOW_PID
	while next_word "$control"; do
		case $word in
		start) [[ $BOOT_SECONDS ]] || { seconds_since "$STARTED" BOOT_SECONDS && "$2"; } ;;
		exit) GUEST_CODE=$value ;;
		esac
	done
	exec {control}<&-
	FOLLOW_PID=''
	wait "$GUEST_PID" || status=$?
	GUEST_PID=''
	seconds_since "$STARTED" GUEST_SECONDS
	GUEST_SPLAT=$(grep -aEm1 "$SPLAT" "$1/console.log" | tr -d '\r') || GUEST_SPLAT=''
	judge_end "$1" "$status"
}

judge_end() { # RUN STATUS
	if [[ $2 == 124 || $2 == 137 && ${GUEST_SECONDS%.*} -ge ${OPT_TIMEOUT:-0} ]]; then
		GUEST_END=timeout
	elif [[ $GUEST_CODE =~ ^[0-9]+$ ]]; then
		GUEST_END=verdict
	elif [[ $2 != 0 && ! -s $1/console.log ]]; then
		GUEST_END=refused
	else
		GUEST_END=lost
	fi
}

# Says why there is no verdict. Returns the exit code that stands for that.
explain_end() { # RUN
	! disk_is_full "$1" || die "no space left in $1"
	case $GUEST_END in
	refused) die "QEMU does not start: $(tail -n1 "$1/qemu.log")" ;;
	timeout) say "timeout: the guest did not end in $OPT_TIMEOUT s" ;;
	lost) say "lost: the guest ended with no verdict" ;;
	esac
	[[ ! $GUEST_SPLAT ]] || say "kernel: $GUEST_SPLAT"
	[[ ! -s $1/qemu.log ]] || say "QEMU: $(tail -n 3 "$1/qemu.log")"
	say "last lines of the console:"
	console_end "$1/console.log" | tr -d '\r' | sed 's/^/    /' >&2
	[[ $GUEST_END != timeout ]] || return "$EXIT_TIMEOUT"
	return "$EXIT_LOST"
}

# Where a kernel complained, what came before is worth more than the stack.
console_end() { # FILE
	if [[ $GUEST_SPLAT ]]; then
		grep -aE -m1 -B10 -A10 "$SPLAT" "$1"
	else
		tail -n 20 "$1"
	fi
}
