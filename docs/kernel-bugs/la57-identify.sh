#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# la57-identify.sh KERNEL [ROUNDS] - boot until an interrupt comes while CPUID is read
#
# On the machine itself, not in a guest: KERNEL is a bzImage or vmlinux with KASAN, as
# "kernel" of scripts/vm/vm argv debug has it. Each round ends when the kernel knows its
# first processor, or died before.
set -euo pipefail

(($# >= 1)) || {
	sed -n '4p' "$0" >&2
	exit 2
}

# Its log up to the line that a complaint, or the first processor's name, is on.
boot() {
	timeout 120 qemu-system-x86_64 -machine q35 -accel tcg -cpu max -smp 2 -m 2G -display none \
		-no-reboot -serial stdio -kernel "$1" -append \
		'console=ttyS0 panic_on_warn=1 panic=-1 nokaslr mitigations=off no_timer_check' \
		</dev/null | sed '/smpboot: CPU0\|Kernel panic/q' || :
}

for ((round = 1; round <= ${2:-200}; round++)); do
	log=$(boot "$1")
	[[ $log != *'BUG: KASAN'* ]] || {
		echo "round $round"
		grep -A 30 'BUG: KASAN' <<<"$log"
		exit
	}
done
echo "nothing happened"
