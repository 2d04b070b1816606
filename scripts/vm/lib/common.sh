# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2153 # names are shared by the files
# Exit codes, messages, clean-up, locks: what every other file here needs.

readonly EXIT_PASS=0 EXIT_FAIL=1 EXIT_USAGE=2 EXIT_SKIP=4 EXIT_LOST=5 EXIT_TIMEOUT=124

TOP=$(readlink -f -- "$VM_DIR/../..")
OUT=$TOP/out
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/vfiolab
PATH=$PATH:/usr/sbin:/sbin

# ---- messages ----

SAY_PREFIX=${SAY_PREFIX-} # "LANE: " while a lane runs, also for its children
STAGE=''                  # name of the stage whose line is not ended yet
STAGE_START=''

say() {
	[[ ! $STAGE ]] || echo >&2
	STAGE=''
	printf '%s\n' "$SAY_PREFIX$*" >&2
}

die() {
	say "error: $*"
	finish "$EXIT_USAGE"
}

# One line a stage: "NAME ... RESULT (1.2 s)".
stage() { # NAME
	printf '%s%s ... ' "$SAY_PREFIX" "$1" >&2
	STAGE=$1
	STAGE_START=$EPOCHREALTIME
}

stage_done() { # RESULT
	local seconds

	seconds_since "$STAGE_START" seconds
	[[ $STAGE ]] || printf '%s... ' "$SAY_PREFIX" >&2
	printf '%s (%s s)\n' "$1" "$seconds" >&2
	STAGE=''
}

# No child process, as bash forgets a ^C that comes while one ends (docs/surprises.md).
seconds_since() { # EPOCHREALTIME VARIABLE
	local us=$((${EPOCHREALTIME/[.,]/} - ${1/[.,]/}))

	printf -v "$2" '%d.%d' $((us / 1000000)) $((us % 1000000 / 100000))
}

# Words as a shell takes them, quoted where need be.
quote() { # WORD...
	local word sep=''

	for word in "$@"; do
		[[ $word =~ ^[[:alnum:]_./:=,+-]+$ ]] || word=\'${word//\'/\'\\\'\'}\'
		printf '%s%s' "$sep" "$word"
		sep=' '
	done
}

# ---- the end ----

DEFERRED=() # pairs: function, argument
FINISHED='' # set once the exit code is a decision and not an accident

# Calls FUNCTION ARG when this shell ends, whatever ends it; last in, first out.
defer() { # FUNCTION ARG
	DEFERRED=("$1" "$2" "${DEFERRED[@]}")
}

finish() { # CODE
	FINISHED=y
	exit "$1"
}

on_exit() { # CODE
	local i code=$1

	trap '' HUP INT TERM
	[[ ! $STAGE ]] || echo >&2
	# 2 is what a subshell ends with that has said why.
	if [[ ! $FINISHED ]] && ((code != 0 && code != EXIT_USAGE)); then
		say "error: a command of the harness failed with code $code"
		say_full_disks
		code=$EXIT_USAGE
	fi
	for ((i = 0; i < ${#DEFERRED[@]}; i += 2)); do
		"${DEFERRED[i]}" "${DEFERRED[i + 1]}" || :
	done
	exit "$code"
}

# Subshells inherit no traps: one that defers calls this first.
own_ending() {
	DEFERRED=()
	FINISHED=''
	trap 'on_exit $?' EXIT
	trap 'finish 129' HUP
	trap 'finish 130' INT
	trap 'finish 143' TERM
}

own_ending

remove_tree() { # DIR
	rm -rf -- "$1"
}

# By the name of the variable that has its id for as long as it runs.
stop_process() { # VARIABLE
	[[ ! ${!1} ]] || {
		kill -TERM "${!1}" 2>/dev/null
		wait "${!1}" 2>/dev/null
	}
}

# ---- locks, disk ----

# Runs COMMAND while holding FILE; says what it waits for if it must wait.
with_lock() { # FILE WHAT COMMAND...
	local fd

	take_lock "$1" "$2"
	fd=$LOCK_FD
	"${@:3}"
	exec {fd}>&-
}

# Takes it for as long as this shell lives, or LOCK_FD is open.
take_lock() { # FILE WHAT
	make_dir "${1%/*}"
	exec {LOCK_FD}>"$1" || die_full "${1%/*}" "cannot write $1"
	flock -n "$LOCK_FD" || {
		say "waiting for another run: $2"
		flock "$LOCK_FD"
	}
}

make_dir() { # DIR
	mkdir -p -- "$1" || die_full "$(dirname -- "$1")" "cannot create $1"
}

# A scratch directory in the cache, from where a rename into place is atomic.
cache_scratch() {
	make_dir "$CACHE"
	SCRATCH=$(mktemp -d "$CACHE/.new.XXXXXX") || die_full "$CACHE" "cannot write to the cache"
	defer remove_tree "$SCRATCH"
	chmod 755 "$SCRATCH"
}

disk_is_full() { # DIR
	(($(df -Pk -- "$1" | awk 'NR == 2 { print $4 }') < 1024))
}

# What makes a command fail that nobody looked after, more often than not.
say_full_disks() {
	local dir

	for dir in "$OUT" "$CACHE" "${TMPDIR:-/tmp}"; do
		[[ ! -d $dir ]] || ! disk_is_full "$dir" || say "error: no space left in $dir"
	done
}

# Something failed that writes to DIR; says so if that is for lack of space.
die_full() { # DIR WHAT
	local dir=$1

	while [[ ! -d $dir ]]; do
		dir=$(dirname -- "$dir")
	done
	! disk_is_full "$dir" || die "$2: no space left in $dir"
	die "$2"
}
