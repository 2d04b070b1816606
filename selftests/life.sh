# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Sourced by tests that give cards to QEMU: cards by name, their drivers, and QMP.

# shellcheck disable=SC2034 # those who source this use it
QEMU_PROGRAM=${VLAB_QEMU:-qemu-system-x86_64}
PCI=/sys/bus/pci

say() {
	printf '%s\n' "$*"
}

# ---- cards ----

# CARD FUNCTION: its address
bdf_of() {
	local bdf

	mapfile -t bdf < <(tr ' ' '\n' <"$CONFIGFS/$1/address")
	say "${bdf[$2]}"
}

group_file() { # BDF
	local link

	link=$(readlink "$PCI/devices/$1/iommu_group")
	say "/dev/vfio/${link##*/}"
}

bind() { # BDF DRIVER
	say "$2" >"$PCI/devices/$1/driver_override"
	[[ ! -e $PCI/devices/$1/driver ]] || say "$1" >"$PCI/devices/$1/driver/unbind"
	[[ ! $2 ]] || say "$1" >"$PCI/drivers_probe"
}

# ---- QMP: descriptors QMP_FROM and QMP_TO ----

# WORD...: lines until each was in one; those are printed
expect_qmp() {
	local line word all=''

	while read -r -t $((60 * ${VLAB_PATIENCE:-1})) -u "$QMP_FROM" line; do
		say "$line"
		all+=$line
		[[ $line != *'"error"'* ]] || return 1
		for word; do
			[[ $all == *"$word"* ]] || continue 2
		done
		return 0
	done
	return 1
}

# COMMAND: prints the answer
qmp() {
	say "$1" >&"$QMP_TO"
	expect_qmp '"return"'
}

# What "info ..." of its monitor says
monitor() {
	qmp "{\"execute\": \"human-monitor-command\", \"arguments\": {\"command-line\": \"$1\"}}"
}

# BDF BUS ID. With an address, as QEMU would put a second card into a place of the bus that
# a port has not, and confuse the guest.
qmp_plug() {
	qmp "{\"execute\": \"device_add\", \"arguments\": {\"driver\": \"vfio-pci\",
		\"host\": \"$1\", \"bus\": \"$2\", \"addr\": \"0\", \"id\": \"$3\"}}"
}

# ID: until it is gone, which a guest can put off
qmp_unplug() {
	say "{\"execute\": \"device_del\", \"arguments\": {\"id\": \"$1\"}}" >&"$QMP_TO"
	expect_qmp DEVICE_DELETED '"return"'
}

# TEXT PATTERN
expect() {
	say "$1" "expected: $2"
	[[ $1 =~ $2 ]]
}

# SAID WORDS: one of the lines of WORDS is in what was said; versions of QEMU differ
expect_words() {
	local line

	say "$1" "expected: $2"
	while IFS= read -r line; do
		[[ $1 != *"$line"* ]] || return 0
	done <<<"$2"
	return 1
}

# FILE WHY: QEMU's words for a file that it cannot open: of 7.2, of 10 and 11
cannot_open() {
	printf '%s\n' "failed to open $1: $2" "Could not open '$1': $2"
}
