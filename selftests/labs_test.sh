#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The labs (docs/labs): all commands of each page work, the exercise's check finds
# what is missing before, and the solution right after. Prints KTAP.
#
# Needs VLAB_VM, where the harness and so the labs are, and gcc. Lab 7 needs
# VLAB_NESTED, too. Lab 8 is for the machine, not the guest: scripts/vm/tests.
set -euo pipefail

DIR=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=selftests/modules.sh
. "$DIR/modules.sh"

LABS=${VLAB_VM:-}/../../docs/labs
PAGES=7

number=0 failed=0 skipped=0

skip_all() {
	echo "TAP version 13"
	echo "1..0 # SKIP $1"
	exit 4
}

# RESULT NAME
result() {
	number=$((number + 1))
	echo "$1 $number $2"
	[[ $1 != not* ]] || failed=$((failed + 1))
}

# NAME COMMAND...: what it prints matters when it fails
check() {
	local name=$1 output

	shift
	if output=$("$@" 2>&1); then
		result ok "$name"
	else
		echo "# ${output//$'\n'/$'\n'# }"
		result "not ok" "$name"
	fi
}

# N: the page's commands, in one shell, as they are typed
run_page() {
	sed -n 's/^    # //p' "$LABS/$1"-*.md >"$TMP/page"
	[[ -s $TMP/page ]] || return
	timeout 200 bash -euo pipefail "$TMP/page"
}

# N: not done, and says so
exercise_is_open() {
	local output rc=0

	output=$("$LABS/check" "$1") || rc=$?
	echo "$output"
	[[ $rc == 1 && $output == *missing:* ]]
}

solve() {
	(cd "$LABS" && timeout 200 bash -euo pipefail "solutions/$1.sh")
	"$LABS/check" "$1"
}

lab() { # N
	local page

	page=$(basename "$LABS/$1"-*.md .md)
	"$DIR/card.sh" up name=card0 >/dev/null
	check "${page#*-}.commands_work" run_page "$1"
	check "${page#*-}.exercise_is_open" exercise_is_open "$1"
	check "${page#*-}.solution_is_right" solve "$1"
	"$DIR/card.sh" down
}

clean_up() {
	rm -rf "$TMP"
	"$DIR/card.sh" down 2>/dev/null || :
}

[[ ${VLAB_VM:-} && -d $LABS ]] || skip_all "no docs/labs: VLAB_VM does not say where scripts/vm is"
((EUID == 0)) || skip_all "needs root"
command -v gcc >/dev/null || skip_all "no gcc"
load_modules "" || exit 1
[[ -z $(ls "$CONFIGFS") ]] || skip_all "there are cards already"
TMP=$(mktemp -d)
trap clean_up EXIT

echo "TAP version 13"
echo "1..$((3 * PAGES))"
for ((page = 1; page <= PAGES; page++)); do
	if [[ $page == 7 && ! ${VLAB_NESTED:-} ]]; then
		for name in commands_work exercise_is_open solution_is_right; do
			skipped=$((skipped + 1))
			result ok "guest.$name # SKIP VLAB_NESTED is not set"
		done
	else
		lab "$page"
	fi
done
echo "# Totals: pass:$((number - failed - skipped)) fail:$failed xfail:0 xpass:0 skip:$skipped error:0"
((failed == 0))
