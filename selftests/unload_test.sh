#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# With no card left, all modules can go, ours and VFIO's, and come back.
#
# shellcheck disable=SC2317 # check() calls them
set -euo pipefail
shopt -s nullglob

DIR=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=selftests/modules.sh
. "$DIR/modules.sh"

number=0 failed=0

skip() {
	echo "1..0 # SKIP $*"
	exit 4
}

# NAME COMMAND...
check() {
	number=$((number + 1))
	if "${@:2}" 2>&1 | sed 's/^/# /'; then
		echo "ok $number $1"
	else
		echo "not ok $number $1"
		failed=1
	fi
}

# Modules of VFIO and ours that nobody uses, or all of them.
loaded() { # unused|all
	awk -v what="$1" '/^(vfio|iommufd)/ && (what == "all" || $3 == 0) { print $1 }' /proc/modules
}

unload() {
	local modules

	while modules=$(loaded unused) && [[ $modules ]]; do
		# shellcheck disable=SC2086 # a word each
		rmmod $modules || return
	done
	modules=$(loaded all)
	[[ ! $modules ]] || {
		echo "still there:" "$modules"
		return 1
	}
}

load() {
	load_modules "${VLAB_MODULES:-}"
}

use_card() {
	"$DIR/card.sh" up "name=unload-$$" && "$DIR/card.sh" down "unload-$$"
}

echo "TAP version 13"
((EUID == 0)) || skip "needs root"
[[ ! ${VLAB_BDF:-} ]] || skip "VLAB_BDF is set: somebody uses a card"
[[ -d $CONFIGFS ]] || skip "no module of ours is loaded"
cards=("$CONFIGFS"/*/)
((${#cards[@]} == 0)) || skip "there are cards: ${cards[*]}"
echo "1..3"
check all_modules_unload unload
check all_modules_load_again load
check a_card_can_be_plugged_in use_card
exit "$failed"
