#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The labs (docs/labs): all commands of each page work, the exercise's check finds
# what is missing before, and the solution right after. Prints KTAP.
#
# Needs VLAB_VM, where the harness and so the labs are, and gcc. Lab 7 needs
# VLAB_NESTED, too. Lab 8 is for the machine, not the guest: scripts/vm/tests.
#
# shellcheck disable=SC2317 # run_cases calls them
set -euo pipefail

DIR=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=selftests/modules.sh
. "$DIR/modules.sh"
# shellcheck source=selftests/ktap.sh
. "$DIR/ktap.sh"

LABS=${VLAB_VM:-}/../../docs/labs
CASES=({look,groups,registers,mmap,dma,interrupts,guest}__{commands_work,exercise_is_open,solution_is_right})

page_of() { # LAB
	echo "$LABS"/?-"$1".md
}

number_of() { # LAB
	local page

	page=$(page_of "$1")
	page=${page##*/}
	echo "${page%%-*}"
}

# The page's commands, in one shell, as they are typed. With a card of its own.
commands_work() { # LAB
	[[ $1 != guest || ${VLAB_NESTED:-} ]] || skip "VLAB_NESTED is not set"
	"$DIR/card.sh" down
	"$DIR/card.sh" up name=card0 >/dev/null
	sed -n 's/^    # //p' "$(page_of "$1")" >"$TMP/page"
	[[ -s $TMP/page ]]
	timeout 200 bash -euo pipefail "$TMP/page"
}

# Not done, and the check says so.
exercise_is_open() { # LAB
	local output rc=0

	output=$("$LABS/check" "$(number_of "$1")") || rc=$?
	echo "$output"
	[[ $rc == 1 && $output == *missing:* ]]
}

solution_is_right() { # LAB
	local n

	[[ $1 != guest || ${VLAB_NESTED:-} ]] || skip "VLAB_NESTED is not set"
	n=$(number_of "$1")
	(cd "$LABS" && timeout 200 bash -euo pipefail "solutions/$n.sh")
	"$LABS/check" "$n"
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
run_cases "${CASES[@]}"
