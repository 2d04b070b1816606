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
MARK="vfiolab selftests"

passed=0 failed=0 skipped=0
declare -A setting=([timeout]=45)
kick='' # its process

die() {
	printf 'run.sh: %s\n' "$*" >&2
	exit 2
}

usage() {
	sed -n '4,10s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

# ---- which ----

# NAME PATTERN...: does one of them mean it? With or without its ending; one with a !
# leaves out what it names in any of these ways.
is_wanted() {
	local forms=("$1" "${1%.sh}" "${1%_test*}") form hits pattern

	for pattern in "${@:2}"; do
		hits=0
		for form in "${forms[@]}"; do
			# shellcheck disable=SC2053 # a pattern is meant
			[[ $form != $pattern ]] || hits=$((hits + 1))
		done
		case $pattern in
		'!'*) ((hits < ${#forms[@]})) || return 0 ;;
		*) ((!hits)) || return 0 ;;
		esac
	done
	return 1
}

# PATTERN...: into list
choose_programs() {
	local file

	list=()
	for file in "$DIR"/*_test "$DIR"/*_test.sh; do
		! is_wanted "${file##*/}" "$@" || list+=("${file##*/}")
	done
}

read_settings() {
	local key value

	while IFS='=' read -r key value; do
		setting[$key]=$value
	done <"$DIR/settings"
}

# ---- one program ----

# NAME: longer where the kernel is slow, as all deadlines of the programs
timeout_of() {
	echo "$((${setting[timeout_${1%.sh}]:-${setting[timeout]}} * ${VLAB_PATIENCE:-1}))"
}

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

# NAME
execute() {
	local rc=0

	timeout -k 10 "$(timeout_of "$1")" "$DIR/$1" </dev/null 2>&1 || rc=$?
	echo "exit $rc"
}

# Cards that are there now and were not before: say so, and remove them.
remove_leaks() {
	local card

	for card in "$CONFIGFS"/*/; do
		card=${card%/}
		[[ $cards_before != *" $card "* ]] || continue
		echo "# card ${card##*/} was left behind"
		timeout 20 "$DIR/card.sh" down "${card##*/}" || :
		trouble=1
	done
}

# Warnings and worse taint the kernel; which one it was is told at the end.
look_at_taint() {
	local now

	read -r now </proc/sys/kernel/tainted
	[[ $now == "$taint" ]] || {
		echo "# the kernel complained, tainted: $taint -> $now"
		taint=$now
		trouble=1
	}
}

log_mark() {
	[[ ! -w /dev/kmsg ]] || echo "$MARK: $*" >/dev/kmsg
}

# RC NAME: the directive behind a result that is not simply ok.
directive() {
	case $1 in
	0) ;;
	4) echo " # SKIP" ;;
	124 | 137) echo " # TIMEOUT $(timeout_of "$2") seconds" ;;
	*) echo " # exit=$1" ;;
	esac
}

run_one() {
	local number=$1 name=$2 rc=0 before=$failed trouble='' word=ok start=$EPOCHREALTIME

	echo "# selftests: vfiolab: $name"
	log_mark "$name"
	relay < <(execute "$name") || rc=$?
	echo "# $name: $(((${EPOCHREALTIME/./} - ${start/./}) / 1000)) ms"
	remove_leaks
	look_at_taint
	[[ $rc == [04] && ! $trouble ]] || {
		word="not ok"
		((failed > before)) || failed=$((failed + 1))
	}
	echo "$word $number selftests: vfiolab: $name$(directive "$rc" "$name")"
}

# ---- all ----

# What the kernel complained about since we began, among the programs' marks. By awk,
# as bash takes half a minute to cut a long log in two.
show_splats() {
	dmesg | awk -v mark="$MARK" -v splats="$SPLATS" '
		index($0, mark ": start") { n = bad = 0 }
		index($0, mark) { line[++n] = $0 }
		!index($0, mark) && $0 ~ splats { line[++n] = $0; bad = 1 }
		END {
			for (i = 1; bad && i <= n; i++)
				print "# kernel: " line[i]
			exit bad
		}'
}

check_log() {
	if show_splats; then
		passed=$((passed + 1))
		echo "ok $1 selftests: vfiolab: kernel_log"
	else
		failed=$((failed + 1))
		echo "not ok $1 selftests: vfiolab: kernel_log"
	fi
}

run_all() {
	local name number=0

	echo "KTAP version 1"
	echo "1..$(($# + 1))"
	log_mark start
	for name; do
		number=$((number + 1))
		run_one "$number" "$name"
	done
	check_log "$((number + 1))"
	echo "# Totals: pass:$passed fail:$failed skip:$skipped"
}

# Emulated processors need help where they run guests; see kick.c.
start_kick() {
	"$DIR/kick" &
	kick=$!
}

# shellcheck disable=SC2317 # the trap calls it
clean_up() {
	kill "$kick" 2>/dev/null || :
	wait "$kick" || :
}

verdict() {
	((!failed)) || exit 1
	((passed > 1)) || exit 4
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
[[ ! $modules ]] || modules=$(cd "$modules" && pwd) || die "--modules wants a directory"
choose_programs "${patterns[@]:-*}"
((${#list[@]})) || {
	choose_programs '*'
	die "no test matches ${patterns[*]}; there are: ${list[*]}"
}
read_settings
start_kick
trap clean_up EXIT
[[ ${VLAB_BDF:-} ]] || load_modules "$modules" || die "set-up failed"
export VLAB_MODULES=$modules
cards_before=" $(printf '%s ' "$CONFIGFS"/*)"
read -r taint </proc/sys/kernel/tainted
run_all "${list[@]}"
verdict
