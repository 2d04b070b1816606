# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Sourced by tests whose cases are run by a guest, after ktap.sh, and by what runs there,
# without set -e: "result ok NAME" and "result not ok NAME" among comments, which the test
# makes KTAP of.

OUTPUT=/tmp/output.$$ # of the command that is checked

# ---- who checks ----

# NAME COMMAND...: what fails first ends it. Its output matters only then.
check() {
	local name=$1 line rc

	shift
	(
		set -e
		"$@"
	) >$OUTPUT 2>&1
	rc=$?
	if ((!rc)); then
		echo "result ok $name"
		return
	fi
	while IFS= read -r line; do
		printf '# %s\n' "$line"
	done <$OUTPUT
	echo "result not ok $name"
}

# WHAT: how far we are, in seconds since power-on
stamp() {
	local up

	read -r up _ </proc/uptime
	echo "# $up s: $1"
}

# ---- who asks ----

declare -A RESULT=() # NAME: ok or not ok

# Results from stdin into RESULT, all else as a comment.
take_results() {
	local line

	while IFS= read -r line; do
		take_result "$line"
	done
}

# What was traced since the result before, or trace_begin, belongs to this one.
take_result() { # LINE
	case $1 in
	"result ok "*) RESULT[${1#result ok }]=ok ;;
	"result not ok "*) RESULT[${1#result not ok }]="not ok" ;;
	*)
		printf '# %s\n' "${1#\# }"
		return
		;;
	esac
	trace_end "${1#result *ok }"
	trace_begin
}

# NAME...: in this order, whoever ran them
print_results() {
	local name number=0 failed=0

	for name; do
		number=$((number + 1))
		[[ ${RESULT[$name]:-} ]] || echo "# nothing was said about this:"
		echo "${RESULT[$name]:-not ok} $number $name"
		[[ ${RESULT[$name]:-} == ok ]] || failed=$((failed + 1))
	done
	echo "# Totals: pass:$((number - failed)) fail:$failed xfail:0 xpass:0 skip:0 error:0"
	((failed == 0))
}
