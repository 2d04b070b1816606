#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the tests before it left behind in the kernel's memory, as kmemleak has it. By
# its name it comes after them.
set -euo pipefail

KMEMLEAK=/sys/kernel/debug/kmemleak
AGE=6 # seconds; younger objects are not looked at (MSECS_MIN_AGE in mm/kmemleak.c)
SCANS=3

skip() {
	echo "1..0 # SKIP $*"
	exit 4
}

# The first scan takes all that is new for changed, and spares it.
scan() {
	local i

	for ((i = 0; i < SCANS; i++)); do
		echo scan >"$KMEMLEAK"
	done
}

echo "TAP version 13"
((EUID == 0)) || skip "needs root"
[[ -w $KMEMLEAK ]] || skip "the kernel has no CONFIG_DEBUG_KMEMLEAK"
(echo scan >"$KMEMLEAK") 2>/dev/null || skip "kmemleak is off: dmesg says why"
sleep "$AGE"
scan
echo "1..1"
found=$(<"$KMEMLEAK")
if [[ ! $found ]]; then
	echo "ok 1 all_memory_is_referenced"
else
	awk '{ print "# " $0 }' <<<"$found"
	echo "not ok 1 all_memory_is_referenced"
	exit 1
fi
