#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh [--modules DIR] [GLOB...]
#
# Loads the modules (of DIR, else those installed), runs the test programs that
# match (info, 'd*', nested_test.sh; default all) and prints KTAP. With VLAB_BDF
# set nothing is loaded, and that function is tested.
#
# Exit status: 0 all passed, 1 a test failed, 2 usage or set-up, 4 all skipped.
set -euo pipefail
shopt -s nullglob

DIR=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=selftests/modules.sh
. "$DIR/modules.sh"

SPLATS='BUG:|WARNING:|Oops|general protection|Call Trace:|INFO: task .* blocked|possible .* (locking|recursion)|refcount_t:|UBSAN:|unreferenced object'

passed=0 failed=0 skipped=0

die() {
	printf 'run.sh: %s\n' "$*" >&2
	exit 2
}

usage() {
	sed -n '4,10s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

# ---- which ----

# NAME PATTERN...: does one of them mean it? With and without its ending.
is_wanted() {
	local name=$1 pattern

	for pattern in "${@:2}"; do
		# shellcheck disable=SC2053 # a pattern is meant
		[[ $name != $pattern && ${name%_test*} != $pattern && ${name%.sh} != $pattern ]] ||
			return 0
	done
	return 1
}

# PATTERN...
programs() {
	local file name

	for file in "$DIR"/*_test "$DIR"/*_test.sh; do
		name=$(basename "$file")
		! is_wanted "$name" "$@" || echo "$name"
	done
}

# NAME: seconds, by the settings file: timeout=, and timeout_NAME= for one.
timeout_of() {
	local name=${1%.sh} key value secs=45

	while IFS='=' read -r key value; do
		[[ $key != timeout ]] || secs=$value
		[[ $key != "timeout_$name" ]] || {
			secs=$value
			break
		}
	done <"$DIR/settings"
	echo "$secs"
}

# ---- one program ----

# What the program printed, as a comment; and its test cases, counted. The last
# line is the exit status, which becomes ours.
relay() {
	local line

	while IFS= read -r line; do
		case $line in
		"exit "*) return "${line#exit }" ;;
		"ok "*"# SKIP"* | "1..0 # SKIP"*) skipped=$((skipped + 1)) ;;
		"ok "*) passed=$((passed + 1)) ;;
		"not ok "*) failed=$((failed + 1)) ;;
		esac
		printf '# %s\n' "$line"
	done
}

execute() {
	local rc=0

	timeout -k 10 "$(timeout_of "$1")" "$DIR/$1" </dev/null 2>&1 || rc=$?
	echo "exit $rc"
}

cards() {
	[[ ! -d $CONFIGFS ]] || ls "$CONFIGFS"
}

# Cards that are there and were not before: say so, and remove them.
leaks() {
	local card

	while read -r card; do
		echo "# card $card was left behind"
		timeout 20 "$DIR/card.sh" down "$card" || :
	done < <(comm -13 <(printf '%s' "$cards_before") <(cards))
}

# MARK: what the kernel complained about since that line of its log.
splats() {
	dmesg | sed "1,/$1/d" | grep -E "$SPLATS" | sed 's/^/# kernel: /' || :
}

# NAME RC TROUBLE: the directive behind a result that is not simply ok.
directive() {
	case $2 in
	0 | 4) ;;
	124 | 137) echo " # TIMEOUT $(timeout_of "$1") seconds" ;;
	*) echo " # exit=$2" ;;
	esac
	[[ $2 != 4 ]] || echo " # SKIP"
}

run_one() {
	local number=$1 name=$2 mark="vfiolab selftest $1 $2" rc=0 before=$failed trouble word=ok

	echo "# selftests: vfiolab: $name"
	[[ ! -w /dev/kmsg ]] || echo "$mark" >/dev/kmsg
	relay < <(execute "$name") || rc=$?
	trouble=$(leaks && splats "$mark")
	[[ ! $trouble ]] || printf '%s\n' "$trouble"
	[[ $rc == [04] && ! $trouble ]] || {
		word="not ok"
		((failed > before)) || failed=$((failed + 1))
	}
	echo "$word $number selftests: vfiolab: $name$(directive "$name" "$rc")"
}

# ---- all ----

run_all() {
	local name number=0

	echo "KTAP version 1"
	echo "1..$#"
	for name; do
		number=$((number + 1))
		run_one "$number" "$name"
	done
	echo "# Totals: pass:$passed fail:$failed skip:$skipped"
}

verdict() {
	((!failed)) || exit 1
	((passed)) || exit 4
	exit 0
}

modules='' patterns=()
while (($#)); do
	case $1 in
	--modules)
		(($# > 1)) || usage
		modules=$2
		shift
		;;
	-*) usage ;;
	*) patterns+=("$1") ;;
	esac
	shift
done

((EUID == 0)) || die "needs root"
[[ ! $modules || -d $modules ]] || die "$modules is not a directory"
((${#patterns[@]})) || patterns=('*')
mapfile -t list < <(programs "${patterns[@]}")
((${#list[@]})) || die "no test matches ${patterns[*]}; there are: $(programs '*' | xargs)"
[[ ${VLAB_BDF:-} ]] || load_modules "$modules" || die "set-up failed"
cards_before=$(cards)
run_all "${list[@]}"
verdict
