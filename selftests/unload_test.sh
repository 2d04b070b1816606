#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# With no card left, all modules can go, ours and VFIO's, and come back.
#
# shellcheck disable=SC2317 # run_cases calls them
set -euo pipefail
shopt -s nullglob

DIR=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=selftests/modules.sh
. "$DIR/modules.sh"
# shellcheck source=selftests/ktap.sh
. "$DIR/ktap.sh"

# Modules of VFIO and ours that nobody uses, or all of them.
loaded() { # unused|all
	awk -v what="$1" '/^(vfio|iommufd)/ && (what == "all" || $3 == 0) { print $1 }' /proc/modules
}

all_modules_unload() {
	local modules

	while modules=$(loaded unused) && [[ $modules ]]; do
		# shellcheck disable=SC2086 # a word each
		rmmod $modules
	done
	modules=$(loaded all)
	[[ ! $modules ]] || {
		echo "still there:" "$modules"
		return 1
	}
}

all_modules_load_again() {
	load_modules "${VLAB_MODULES:-}"
}

a_card_can_be_plugged_in() {
	"$DIR/card.sh" up "name=unload-$$"
	"$DIR/card.sh" down "unload-$$"
}

((EUID == 0)) || skip_all "needs root"
[[ ! ${VLAB_BDF:-} ]] || skip_all "VLAB_BDF is set: somebody uses a card"
[[ -d $CONFIGFS ]] || skip_all "no module of ours is loaded"
cards=("$CONFIGFS"/*/)
((${#cards[@]} == 0)) || skip_all "there are cards: ${cards[*]}"
run_cases all_modules_unload all_modules_load_again a_card_can_be_plugged_in
