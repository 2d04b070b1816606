#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# guest.sh SUITE FILES CARD... - what a stock system makes of the cards it was given
#
# Runs in the guest that nested_test.sh starts, twice: the first boot soils the
# cards and asks for a reboot. SUITE is the directory of the installed suite, FILES
# has what is to be sent, and how many seconds that may take. Prints "result ok NAME" or "result not ok NAME" and
# comments. Few programs are started: each takes a tenth of a second here.
set -uo pipefail
shopt -s nullglob

SUITE=$1 FILES=$2 CARDS=("${@:3}")
PCI=/sys/bus/pci/devices
# shellcheck source=selftests/results.sh
. "$SUITE/results.sh"

# Where nested_test.sh put the root port above each card.
declare -A SLOT=([mcs9922]=10 [qemu4x]=11 [vlab]=12)

# What is at the other ends of a card's cables.
declare -A FAR=([mcs9922]=qemu4x [qemu4x]=mcs9922)

INTERRUPTS=/tmp/interrupts

# ---- finding things ----

declare -A FUNCTIONS=() # CARD: addresses of its functions
declare -A TTYS=()      # CARD: names of the ttys that the 8250 driver made of it

find_functions() { # CARD
	local dir

	for dir in "$PCI/0000:00:${SLOT[$1]}.0"/????:??:??.?; do
		FUNCTIONS[$1]+="${dir##*/} "
	done
}

# By number, which is not how a pattern sorts them. Since 6.5 two devices are in
# between, named after the function.
find_ttys() { # CARD
	local bdf path numbers number

	for bdf in ${FUNCTIONS[$1]}; do
		numbers=()
		for path in "$PCI/$bdf"/{,"$bdf":*/"$bdf":*/}tty/ttyS*; do
			numbers[${path##*ttyS}]=y
		done
		for number in "${!numbers[@]}"; do
			TTYS[$1]+="ttyS$number "
		done
	done
}

look_around() {
	local card

	for card in "${CARDS[@]}"; do
		find_functions "$card"
		find_ttys "$card"
		echo "# $card: ${FUNCTIONS[$card]:-no functions} ${TTYS[$card]:-}"
	done
}

# ---- the reset state ----

# fresh|dirty CARD
state() {
	# shellcheck disable=SC2086 # a word each
	VLAB_BACKEND=sysfs "$SUITE/cardstate" "$1" ${FUNCTIONS[$2]}
}

check_reset_state() { # BOOT
	local card

	for card in "${CARDS[@]}"; do
		check "$1_boot_finds_${card}_as_after_a_reset" state fresh "$card"
	done
}

# ---- ports ----

# TTY
is_16550a() {
	local line

	while read -r line; do
		[[ $line != "${1#ttyS}: "* ]] || break
	done </proc/tty/driver/serial
	echo "$1: $line"
	[[ $line == "${1#ttyS}: uart:16550A "* ]]
}

check_ports() { # CARD
	local port ttys

	read -ra ttys <<<"${TTYS[$1]:-}"
	for port in 0 1 2 3; do
		check "$1_port_${port}_is_a_16550a" is_16550a "${ttys[port]:-none}"
	done
}

# ---- data ----

# All ports of both cards at once, each a file of its own.
transfer() {
	local card far ttys lines=() start=$EPOCHREALTIME

	for card in "${!FAR[@]}"; do
		read -ra ttys <<<"${TTYS[$card]:-}"
		far=${FAR[$card]}
		lines+=("$(line "$card" 0 "$far")" "$(line "$card" 1 "$far")")
		lines+=("$(line "$card" 2 host)" "$(line "$card" 3 "$card")")
	done
	"$SUITE/pump" -i $INTERRUPTS "$(<"$FILES/seconds")" "${lines[@]}" >$OUTPUT 2>&1
	sed 's/^/# /' $OUTPUT
	echo "# data: $(((${EPOCHREALTIME/./} - ${start/./}) / 1000)) ms"
}

# CARD PORT FAR: one argument of pump; ttys: of the caller
line() {
	echo "/dev/${ttys[$2]:-none}:$FILES/$1.$2:/tmp/$1.$2:${1:0:1}:${3:0:1}"
}

check_data() { # CARD
	local far=${FAR[$1]}

	check "${far}_to_$1_by_null_modem" cmp "/tmp/$1.0" "$FILES/$far.0"
	check "${far}_to_$1_by_a_second_null_modem" cmp "/tmp/$1.1" "$FILES/$far.1"
	check "tty_of_the_host_to_$1" cmp "/tmp/$1.2" "$FILES/$1.host"
	check "$1_to_itself_by_a_plug" cmp "/tmp/$1.3" "$FILES/$1.3"
}

# ---- interrupts ----

# IRQ: did it arrive, on any processor, while the ports were open? There may be no
# line for it afterwards.
irq_counts() {
	local number words

	while read -r number words; do
		[[ $number == "$1:" ]] || continue
		echo "$number $words"
		[[ $words =~ ^[0\ ]*[1-9] ]]
		return
	done <$INTERRUPTS
	echo "no line for irq $1 in /proc/interrupts"
	return 1
}

# BDF
msi_counts() {
	local irq

	for irq in "$PCI/$1"/msi_irqs/*; do
		! irq_counts "${irq##*/}" || return 0
	done
	return 1
}

# BDF
intx_counts() {
	local irq

	read -r irq <"$PCI/$1/irq"
	[[ ! -d $PCI/$1/msi_irqs ]] && irq_counts "$irq"
}

check_interrupts() {
	local port functions

	read -ra functions <<<"${FUNCTIONS[mcs9922]:-}"
	for port in 0 1 2 3; do
		check "mcs9922_port_${port}_interrupts_by_msi" msi_counts "${functions[port]:-none}"
	done
	check qemu4x_interrupts_by_intx intx_counts "${FUNCTIONS[qemu4x]% }"
}

# ---- lspci ----

# What depends on the machine, not on the card, and what some lspci do not print.
normalised() {
	sed -E -e 's/^[0-9a-f:]+\.([0-7]) /XX:00.\1 /' \
		-e 's/(Memory|I\/O ports) at [0-9a-f]+/\1 at ADDRESS/' \
		-e 's/Address: [0-9a-f]+  Data: [0-9a-f]+/Address: ADDRESS  Data: DATA/' \
		-e 's/IRQ [0-9]+/IRQ N/; s/IntMsgNum ([0-9]+)$/MSI 0\1/' \
		-e 's/, TEE-IO[-+]| TEE-IO[-+]//; s/ TAG[-+]//' \
		-e '/^\t(Physical Slot|IOMMU group|NUMA node|Kernel modules|DeviceName):/d'
}

lspci_is_golden() { # CARD
	local bus=${FUNCTIONS[$1]%:*}

	lspci -nvv -s "${bus##* }:" | normalised | diff -u "$SUITE/nested/$1.lspci" -
}

check_lspci() {
	local card

	for card in "${CARDS[@]}"; do
		check "${card}_looks_to_lspci_as_ever" lspci_is_golden "$card"
	done
}

# ---- our own suite ----

suite_passes() { # PROGRAM
	VLAB_BACKEND=sysfs VLAB_BDF=${FUNCTIONS[vlab]% } "$SUITE/$1_test"
}

check_suite() {
	local program

	for program in config region uart; do
		check "suite_${program}_passes_on_vlab" suite_passes $program
	done
}

# ---- both boots ----

first_boot() {
	local card

	check_reset_state first
	for card in "${CARDS[@]}"; do
		state dirty "$card"
	done
	touch /run/vfiolab/reboot
}

second_boot() {
	check_reset_state second
	stamp lspci
	check_lspci
	stamp ports
	check_ports mcs9922
	check_ports qemu4x
	stamp data
	transfer
	check_data mcs9922
	check_data qemu4x
	check_interrupts
	stamp suite
	check_suite
}

stamp "boot $VLAB_BOOT of $(uname -r)"
look_around
case $VLAB_BOOT in
1) first_boot ;;
2) second_boot ;;
esac
stamp "done"
