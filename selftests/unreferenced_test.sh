#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the tests before it left behind in the kernel's memory, as kmemleak has it. By
# its name it comes after them.
#
# shellcheck disable=SC2317 # run_cases calls them
set -euo pipefail

DIR=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=selftests/ktap.sh
. "$DIR/ktap.sh"

KMEMLEAK=/sys/kernel/debug/kmemleak
AGE=6 # seconds; younger objects are not looked at (MSECS_MIN_AGE in mm/kmemleak.c)
SCANS=3

# The first scan takes all that is new for changed, and spares it.
all_memory_is_referenced() {
	local i

	sleep "$AGE"
	for ((i = 0; i < SCANS; i++)); do
		echo scan >"$KMEMLEAK"
	done
	cat "$KMEMLEAK"
	[[ ! $(<"$KMEMLEAK") ]]
}

((EUID == 0)) || skip_all "needs root"
[[ -w $KMEMLEAK ]] || skip_all "the kernel has no CONFIG_DEBUG_KMEMLEAK"
(echo scan >"$KMEMLEAK") 2>/dev/null || skip_all "kmemleak is off: dmesg says why"
run_cases all_memory_is_referenced
