# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Exit codes, messages, clean-up and the cache: what every other file needs.

# shellcheck disable=SC2034 # used by the files that source this one
readonly EXIT_PASS=0 EXIT_FAIL=1 EXIT_USAGE=2 EXIT_SKIP=4 EXIT_LOST=5 EXIT_TIMEOUT=124

CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/vfiolab

say() {
	printf '%s\n' "$*" >&2
}

die() {
	say "vm: $*"
	exit "$EXIT_USAGE"
}

# One line a stage: stage NAME... prints its name, done_stage what came of it.
stage() {
	STAGE_START=$EPOCHREALTIME
	printf '%s ... ' "$*" >&2
}

stage_done() {
	say "$* ($(seconds_since "$STAGE_START") s)"
}

seconds_since() { # EPOCHREALTIME
	local us=$((${EPOCHREALTIME/[.,]/} - ${1/[.,]/}))

	printf '%d.%d\n' $((us / 1000000)) $((us % 1000000 / 100000))
}

# defer FUNCTION ARG: call it when the script ends, whatever ends it; last first.
DEFERRED=()

defer() {
	DEFERRED=("$@" "${DEFERRED[@]}")
}

run_deferred() {
	local i

	for ((i = 0; i < ${#DEFERRED[@]}; i += 2)); do
		"${DEFERRED[i]}" "${DEFERRED[i + 1]}" || :
	done
	DEFERRED=()
}

trap run_deferred EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

remove_tree() { # DIR
	rm -rf -- "$1"
}

# with_lock NAME COMMAND...: one at a time on this cache; says so when it waits.
with_lock() {
	local name=$1 fd status=0

	shift
	mkdir -p "$CACHE/locks" || die "cannot write to the cache $CACHE"
	exec {fd}>"$CACHE/locks/${name//\//_}"
	if ! flock -n "$fd"; then
		say "waiting for another run that prepares $name"
		flock "$fd"
	fi
	"$@" {fd}>&- || status=$?
	exec {fd}>&-
	return "$status"
}

# A scratch directory inside the cache, so that a rename into place is atomic.
cache_scratch() {
	mkdir -p "$CACHE"
	SCRATCH=$(mktemp -d "$CACHE/.new.XXXXXX") || die "cannot write to the cache $CACHE"
	chmod 755 "$SCRATCH"
	defer remove_tree "$SCRATCH"
}

# After something failed: is it because there is no space left?
die_full() { # DIR WHAT
	local free

	free=$(df -Pk -- "$1" | awk 'NR == 2 { print $4 }')
	((free > 1024)) || die "$2: no space left in $1"
	die "$2"
}
