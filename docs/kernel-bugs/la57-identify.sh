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

# Its log into log, up to where the features are known, or the end.
boot() {
	local line pid fd

	exec {fd}< <(exec qemu-system-x86_64 -machine q35,kernel_irqchip=split -accel tcg \
		-cpu max -device intel-iommu,intremap=on -smp 2 -m 4G -nodefaults -display none \
		-no-reboot -serial stdio -kernel "$1" -append 'console=ttyS0 panic_on_warn=1
			panic=-1 nokaslr mitigations=off no_timer_check intel_iommu=on' </dev/null)
	pid=$!
	log=''
	while IFS= read -r line <&"$fd"; do
		log+=$line$'\n'
		[[ $line != *'Spectre V2'* && $line != *'Kernel panic'* ]] || break
	done
	kill -KILL "$pid" 2>/dev/null || :
	exec {fd}<&-
}

for ((round = 1; round <= ${2:-200}; round++)); do
	boot "$1"
	[[ $log == *'Linux version'* ]] || {
		echo "$1 does not boot" >&2
		exit 1
	}
	[[ $log != *'BUG: KASAN'* ]] || {
		echo "round $round"
		grep -A 30 'BUG: KASAN' <<<"$log"
		exit
	}
done
echo "nothing happened"
