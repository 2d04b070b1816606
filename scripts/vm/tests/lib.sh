# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What a test case has at hand. $T is a directory of its own, thrown away after.

# shellcheck disable=SC2034 # for all of the file: the cases use them

TESTS=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
VM_DIR=$(dirname "$TESTS")
TOP=$(dirname "$(dirname "$VM_DIR")")

skip() {
	echo "$*"
	exit 4
}

fail() {
	echo "$*"
	[[ ! -e $T/out ]] || sed 's/^/stdout: /' "$T/out"
	[[ ! -e $T/err ]] || sed 's/^/stderr: /' "$T/err"
	exit 1
}

# run COMMAND...: into $T/out and $T/err, code into $rc.
run() {
	rc=0
	"$@" >"$T/out" 2>"$T/err" || rc=$?
}

expect_rc() {
	[[ $rc -eq $1 ]] || fail "exit status $rc, expected $1"
}

expect_out() { # REGEX
	grep -qE -e "$1" "$T/out" || fail "stdout lacks /$1/"
}

expect_err() { # REGEX
	grep -qE -e "$1" "$T/err" || fail "stderr lacks /$1/"
}

expect_file() { # FILE REGEX
	[[ -e $1 ]] || fail "$1 does not exist"
	grep -qE -e "$2" "$1" || fail "${1##*/} lacks /$2/: $(head -c 2000 "$1")"
}

# until_true COMMAND...: wait for something that another process does.
until_true() {
	local deadline=$((SECONDS + 30))

	until "$@"; do
		((SECONDS < deadline)) || fail "in 30 s it did not come true: $*"
		sleep 0.05
	done
}

# Process ids and command lines of those who have TEXT in it; a bare system has no pgrep.
processes_with() { # TEXT
	local dir line

	for dir in /proc/[0-9]*; do
		line=$(tr '\0' ' ' 2>/dev/null <"$dir/cmdline") || continue
		[[ $line != *"$1"* ]] || echo "${dir#/proc/} $line"
	done
}

ended() { # PID
	! kill -0 "$1" 2>/dev/null
}
