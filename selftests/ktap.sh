# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Sourced by tests in bash: a test case is a function. It ends with 0: passed; 4:
# skipped, its last line says why; else failed. The first command in it that fails
# ends it. What it prints is shown when it fails, so that no result in it counts.
#
# Case SECTION__CLAIM, printed as SECTION.CLAIM, is the function of that name, or else
# CLAIM with SECTION as its argument.

skip_all() { # WHY
	echo "TAP version 13"
	echo "1..0 # SKIP $1"
	exit 4
}

skip() { # WHY
	echo "$1"
	exit 4
}

# What the kernel traces of each case, for vm run --report; see lib/vst_trace.c. What
# a case runs does not write there.
TRACE=${VLAB_TRACE:-}
TRACING=/sys/kernel/tracing
unset VLAB_TRACE

# Sets begun and start of the caller, which trace_end wants.
trace_begin() {
	[[ $TRACE ]] || return 0
	echo mono >$TRACING/trace_clock # and that empties it
	echo 1 >$TRACING/events/vfiolab/enable
	read -r begun _ </proc/uptime
	start=$EPOCHREALTIME
}

trace_end() { # NAME
	[[ $TRACE ]] || return 0
	{
		echo "test ${0##*/}/$1 ${begun/./}0000 $((${EPOCHREALTIME/./} - ${start/./}))"
		dd if=$TRACING/trace_pipe iflag=nonblock bs=4096 count=6 2>/dev/null || :
	} >>"$TRACE"
}

# CASE
call_case() {
	if declare -F "$1" >/dev/null; then
		"$1"
	else
		"${1#*__}" "${1%%__*}"
	fi
}

# CASE NUMBER: prints the result, and counts it in the caller's variables. Never call
# it in a condition: the shell would not look at what fails in the function.
report_case() {
	local rc name=${1/__/.} output begun start

	trace_begin
	set +e
	output=$(set -e && call_case "$1" 2>&1)
	rc=$?
	set -e
	trace_end "$name"
	case $rc in
	0) echo "ok $2 $name" ;;
	4)
		skipped=$((skipped + 1))
		echo "ok $2 $name # SKIP ${output##*$'\n'}"
		;;
	*)
		failed=$((failed + 1))
		echo "#> ${output//$'\n'/$'\n'#> }"
		echo "not ok $2 $name"
		;;
	esac
}

# CASE...
run_cases() {
	local case number=0 failed=0 skipped=0

	echo "TAP version 13"
	echo "1..$#"
	for case; do
		number=$((number + 1))
		report_case "$case" $number
	done
	echo "# Totals: pass:$((number - failed - skipped)) fail:$failed xfail:0 xpass:0 skip:$skipped error:0"
	((failed == 0))
}
