#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# guest.sh SUITE FILES CARD... - what a stock system makes of the cards it was given
#
# Runs in each guest that nested_test.sh starts, twice: the first boot soils the
# cards and asks for a reboot. SUITE is the directory of the installed suite, FILES
# has what is to be sent. Prints "result ok NAME" or "result not ok NAME" and
# comments.
set -uo pipefail

SUITE=$1 FILES=$2 CARDS=("${@:3}")
PCI=/sys/bus/pci/devices

# Where nested_test.sh put the root port above each card.
declare -A SLOT=([mcs9922]=10 [qemu4x]=11 [vlab]=12)

SECONDS_MAX=300
DIRT=5a

# ---- results ----

# NAME COMMAND...: its output matters only when it fails.
check() {
	local name=$1 output

	shift
	if output=$("$@" 2>&1); then
		echo "result ok $name"
	else
		printf '%s\n' "$output" | sed 's/^/# /'
		echo "result not ok $name"
	fi
}

# ---- finding things ----

# CARD: addresses of its functions
functions() {
	local dir

	for dir in "$PCI/0000:00:${SLOT[$1]}.0"/????:??:??.?; do
		basename "$dir"
	done
}

# CARD PORT: the function that has the port, and the port's number there
function_of() {
	local all

	mapfile -t all < <(functions "$1")
	if ((${#all[@]} > 1)); then
		echo "${all[$2]} 0"
	else
		echo "${all[0]} $2"
	fi
}

# CARD PORT: name of the tty that the 8250 driver made of it
tty_of() {
	local bdf port

	read -r bdf port < <(function_of "$1" "$2")
	find "$PCI/$bdf/" -path '*/tty/ttyS*' -prune -printf '%f\n' | sort -V |
		sed -n "$((port + 1))p"
}

# CARD PORT: the line of the driver's table
serial_line() {
	local tty

	tty=$(tty_of "$1" "$2")
	grep "^${tty#ttyS}:" /proc/tty/driver/serial
}

# ---- the reset state ----

# CARD PORT: I/O address of the scratch register
scratch_of() {
	local bdf port start

	read -r bdf port < <(function_of "$1" "$2")
	read -r start _ <"$PCI/$bdf/resource"
	echo $((start + port * 8 + 7))
}

# CARD: all scratch registers are 0, as after a reset
scratch_is_fresh() {
	local port val

	for port in 0 1 2 3; do
		val=$(dd if=/dev/port bs=1 skip="$(scratch_of "$1" $port)" count=1 status=none |
			od -An -tx1)
		[[ $val == ' 00' ]] || {
			echo "port $port: SCR is$val, not 00"
			return 1
		}
	done
}

soil_scratch() {
	local port

	for port in 0 1 2 3; do
		printf '%b' "\\x$DIRT" |
			dd of=/dev/port bs=1 seek="$(scratch_of "$1" $port)" conv=notrunc status=none
	done
}

vlab_state() {
	VLAB_BACKEND=sysfs "$SUITE/cardstate" "$1" "$(functions vlab)"
}

check_reset_state() { # BOOT
	local card

	for card in "${CARDS[@]}"; do
		if [[ $card == vlab ]]; then
			check "$1_boot_finds_vlab_as_after_a_reset" vlab_state fresh
		else
			check "$1_boot_finds_${card}_as_after_a_reset" scratch_is_fresh "$card"
		fi
	done
}

soil() {
	local card

	for card in "${CARDS[@]}"; do
		if [[ $card == vlab ]]; then
			vlab_state dirty
		else
			soil_scratch "$card"
		fi
	done
}

# ---- ports ----

# CARD PORT
is_16550a() {
	serial_line "$1" "$2" | grep 'uart:16550A ' || {
		serial_line "$1" "$2"
		return 1
	}
}

check_ports() {
	local port

	for port in 0 1 2 3; do
		check "$1_port_${port}_is_a_16550a" is_16550a "$1" $port
	done
}

# ---- data ----

# CARD PORT FAR: one argument of pump. Each port sends a file of its own.
line() {
	echo "/dev/$(tty_of "$1" "$2"):$FILES/$1.$2:/tmp/$1.$2:${1:0:1}:${3:0:1}"
}

# CARD FAR
transfer() {
	local start=$EPOCHREALTIME

	"$SUITE/pump" "$SECONDS_MAX" "$(line "$1" 0 "$2")" "$(line "$1" 1 "$2")" \
		"$(line "$1" 2 host)" "$(line "$1" 3 "$1")" | sed "s/^/# $1: /"
	echo "# $1: $(((${EPOCHREALTIME/./} - ${start/./}) / 1000)) ms"
}

# GOT SENT
same() {
	sha256sum "$1" "$2"
	[[ $(sha256sum <"$1") == "$(sha256sum <"$2")" ]]
}

# CARD FAR: the card at the other ends of both cables
check_data() {
	transfer "$1" "$2"
	check "$2_to_$1_by_null_modem" same "/tmp/$1.0" "$FILES/$2.0"
	check "$2_to_$1_by_a_second_null_modem" same "/tmp/$1.1" "$FILES/$2.1"
	check "tty_of_the_host_to_$1" same "/tmp/$1.2" "$FILES/$1.host"
	check "$1_to_itself_by_a_plug" same "/tmp/$1.3" "$FILES/$1.3"
}

# ---- interrupts ----

# IRQ: how often, on all processors
irq_count() {
	awk -v irq="$1:" '$1 == irq { for (i = 2; $i ~ /^[0-9]+$/; i++) n += $i } END { print n + 0 }' \
		/proc/interrupts
}

# PORT
msi_counts() {
	local bdf irq

	read -r bdf _ < <(function_of mcs9922 "$1")
	for irq in "$PCI/$bdf"/msi_irqs/*; do
		irq=$(basename "$irq")
		grep -E "^ *$irq:" /proc/interrupts
		(($(irq_count "$irq") > 0)) && return
	done
	return 1
}

intx_counts() {
	local bdf irq

	bdf=$(functions qemu4x)
	irq=$(<"$PCI/$bdf/irq")
	grep -E "^ *$irq:" /proc/interrupts
	[[ ! -d $PCI/$bdf/msi_irqs ]] && (($(irq_count "$irq") > 0))
}

check_interrupts() {
	local port

	case $1 in
	mcs9922)
		for port in 0 1 2 3; do
			check "mcs9922_port_${port}_interrupts_by_msi" msi_counts $port
		done
		;;
	qemu4x) check qemu4x_interrupts_by_intx intx_counts ;;
	esac
}

# ---- lspci ----

# What depends on the machine, not on the card, and what some lspci do not print.
normalised() {
	sed -E -e 's/^[0-9a-f:]+\.([0-7]) /XX:00.\1 /' \
		-e 's/(Memory|I\/O ports) at [0-9a-f]+/\1 at ADDRESS/' \
		-e 's/Address: [0-9a-f]+  Data: [0-9a-f]+/Address: ADDRESS  Data: DATA/' \
		-e 's/IRQ [0-9]+/IRQ N/' \
		-e 's/, TEE-IO[-+]| TEE-IO[-+]//; s/ TAG[-+]//' \
		-e '/^\t(Physical Slot|IOMMU group|NUMA node|Kernel modules|DeviceName):/d'
}

lspci_of() {
	local bdf

	for bdf in $(functions "$1"); do
		lspci -nvv -s "$bdf"
	done | normalised
}

lspci_is_golden() {
	diff -u "$SUITE/nested/$1.lspci" <(lspci_of "$1")
}

# ---- our own suite ----

# PROGRAM: passed, and not by skipping all
suite_passes() {
	local output rc=0

	output=$(VLAB_BACKEND=sysfs VLAB_BDF=$(functions vlab) "$SUITE/$1_test" 2>&1) || rc=$?
	grep -E '^not ok|Expected|^# Totals' <<<"$output"
	((rc == 0))
}

check_suite() {
	local program

	for program in config region uart; do
		check "suite_${program}_passes_on_vlab" suite_passes $program
	done
}

# ---- both boots ----

first_boot() {
	check_reset_state first
	soil
	touch /run/vfiolab/reboot
}

# CARD FAR
check_serial() {
	check_ports "$1"
	check_data "$1" "$2"
	check_interrupts "$1"
}

second_boot() {
	local card

	check_reset_state second
	for card in "${CARDS[@]}"; do
		check "${card}_looks_to_lspci_as_ever" lspci_is_golden "$card"
	done
	for card in "${CARDS[@]}"; do
		case $card in
		mcs9922) check_serial mcs9922 qemu4x ;;
		qemu4x) check_serial qemu4x mcs9922 ;;
		vlab) check_suite ;;
		esac
	done
}

echo "# boot $VLAB_BOOT of $(uname -r) with ${CARDS[*]}"
case $VLAB_BOOT in
1) first_boot ;;
2) second_boot ;;
esac
