#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What QEMU takes and what it refuses, with the words it has for that. Its guests are
# never started: cards are given to them, looked at by QMP and taken away, which needs
# no boot; nested_test.sh boots guests. Prints KTAP.
#
# shellcheck disable=SC2317 # run_cases calls them
set -euo pipefail

DIR=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=selftests/modules.sh
. "$DIR/modules.sh"
# shellcheck source=selftests/ktap.sh
. "$DIR/ktap.sh"
# shellcheck source=selftests/life.sh
. "$DIR/life.sh"

VFIO=vfiolab_vfio_pci
USER_ID=65534 # nobody
MEMORY=64     # MiB of the guest

CASES=(
	qemu__takes_a_card_by_host
	qemu__takes_a_card_by_sysfsdev
	qemu__takes_all_functions_of_a_card
	qemu__is_given_a_card_while_it_runs_and_gives_it_back
	qemu__refuses_a_card_that_another_has
	qemu__refuses_a_card_that_vfio_has_not
	qemu__refuses_an_address_where_nothing_is
	qemu__refuses_a_group_of_which_another_driver_has_a_part
	qemu__takes_that_group_once_vfio_has_all_of_it
	qemu__refuses_a_card_that_the_user_may_not_open
	qemu__of_a_user_with_enough_memory_to_lock_takes_it
)

# ---- QEMU ----

# Sets argv of the caller. With hot-plug by the port itself, as nobody is there to
# answer ACPI.
qemu_argv() { # DEVICE...
	local device

	# shellcheck disable=SC2054 # commas of QEMU's
	argv=("$QEMU_PROGRAM" -nodefaults -no-user-config -display none -S -m "${MEMORY}M"
		-machine q35,accel=tcg -global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off
		-device pcie-root-port,id=rp,chassis=1,slot=1
		-qmp stdio)
	for device; do
		argv+=(-device "$device")
	done
}

# DEVICE...: it starts; commands go to it by qmp. Ends when this shell does.
start_qemu() {
	local argv

	qemu_argv "$@"
	start_argv "${argv[@]}"
}

start_argv() { # WORD...
	coproc QEMU { exec "$@" 2>"$TMP/qemu.log"; }
	pid=$QEMU_PID # bash forgets it when QEMU ends
	QMP_FROM=${QEMU[0]} QMP_TO=${QEMU[1]}
	expect_qmp '"QMP"' || {
		cat "$TMP/qemu.log"
		return 1
	}
	qmp '{"execute": "qmp_capabilities"}'
}

stop_qemu() {
	say '{"execute": "quit"}' >&"$QMP_TO"
	wait "$pid"
}

# WORDS DEVICE...: it does not start, and says that
refuses() {
	local words=$1 argv

	qemu_argv "${@:2}"
	refused "$words" "${argv[@]}"
}

# WORDS COMMAND...
refused() {
	local said words=$1

	if said=$(timeout 60 "${@:2}" </dev/null 2>&1); then
		say "$said" "it was not refused: ${*:2}"
		return 1
	fi
	expect_words "$said" "$words"
}

qemu__takes_a_card_by_host() {
	start_qemu "vfio-pci,host=$CARD,bus=rp"
	expect "$(monitor 'info qtree')" 'pci id 1af4:10f1'
	stop_qemu
}

qemu__takes_a_card_by_sysfsdev() {
	start_qemu "vfio-pci,sysfsdev=$PCI/devices/$CARD,bus=rp"
	expect "$(monitor 'info qtree')" 'pci id 1af4:10f1'
	stop_qemu
}

qemu__takes_all_functions_of_a_card() {
	local fn devices=() tree

	for fn in 0 1 2 3; do
		bind "$(bdf_of many $fn)" $VFIO
		devices+=("vfio-pci,host=$(bdf_of many $fn),bus=rp,addr=0.$fn,multifunction=on")
	done
	start_qemu "${devices[@]}"
	tree=$(monitor 'info qtree')
	stop_qemu
	say "$tree"
	[[ $(grep -o 'pci id 9710:9922' <<<"$tree" | wc -l) == 4 ]]
}

qemu__is_given_a_card_while_it_runs_and_gives_it_back() {
	local round tree

	start_qemu
	for round in 1 2; do
		qmp_plug "$CARD" rp card
		expect "$(monitor 'info qtree')" 'pci id 1af4:10f1'
		refuses "$(cannot_open "$(group_file "$CARD")" "Device or resource busy")" \
			"vfio-pci,host=$CARD,bus=rp"
		qmp_unplug card
		tree=$(monitor 'info qtree')
		say "round $round: $tree"
		[[ $tree != *1af4:10f1* ]]
	done
	VLAB_BDF=$CARD "$DIR/info_test"
	stop_qemu
}

qemu__refuses_a_card_that_another_has() {
	start_qemu "vfio-pci,host=$CARD,bus=rp"
	refuses "$(cannot_open "$(group_file "$CARD")" "Device or resource busy")" \
		"vfio-pci,host=$CARD,bus=rp"
	stop_qemu
}

qemu__refuses_a_card_that_vfio_has_not() {
	local file

	file=$(group_file "$CARD")
	bind "$CARD" ""
	refuses "$(cannot_open "$file" "No such file or directory")" \
		"vfio-pci,host=$CARD,bus=rp"
	bind "$CARD" $VFIO
}

qemu__refuses_an_address_where_nothing_is() {
	refuses "0000:fe:1f.7: no such host device: No such file or directory" \
		"vfio-pci,host=fe:1f.7,bus=rp"
}

qemu__refuses_a_group_of_which_another_driver_has_a_part() {
	local group

	need_group_of_two
	group=$(group_file "$(bdf_of many 0)")
	bind "$(bdf_of many 0)" $VFIO
	bind "$(bdf_of many 1)" serial
	refuses "group ${group##*/} is not viable" "vfio-pci,host=$(bdf_of many 0),bus=rp"
	refuses "Please ensure all devices within the iommu_group are bound to their vfio bus driver" \
		"vfio-pci,host=$(bdf_of many 0),bus=rp"
}

qemu__takes_that_group_once_vfio_has_all_of_it() {
	need_group_of_two
	bind "$(bdf_of many 1)" $VFIO
	start_qemu "vfio-pci,host=$(bdf_of many 0),bus=rp"
	expect "$(monitor 'info qtree')" 'pci id 9710:9922'
	stop_qemu
}

# Functions of one card share a group, and its other driver is the kernel's own.
need_group_of_two() {
	[[ -d $PCI/drivers/serial ]] || skip "no driver for 16550A cards"
	[[ $(group_file "$(bdf_of many 0)") == "$(group_file "$(bdf_of many 1)")" ]] ||
		skip "the functions have a group each"
}

AS_USER=(setpriv "--reuid=$USER_ID" "--regid=$USER_ID" --clear-groups)

qemu__refuses_a_card_that_the_user_may_not_open() {
	local argv

	chown root "$(group_file "$CARD")"
	qemu_argv "vfio-pci,host=$CARD,bus=rp"
	refused "$(cannot_open "$(group_file "$CARD")" "Permission denied")" \
		"${AS_USER[@]}" "${argv[@]}"
}

qemu__of_a_user_with_enough_memory_to_lock_takes_it() {
	chown $USER_ID "$(group_file "$CARD")"
	prlimit --memlock=$(((MEMORY + 64) << 20)) --pid $BASHPID
	start_qemu_as_user "vfio-pci,host=$CARD,bus=rp"
	expect "$(monitor 'info qtree')" 'pci id 1af4:10f1'
	stop_qemu
	chown root "$(group_file "$CARD")"
}

start_qemu_as_user() { # DEVICE...
	local argv

	qemu_argv "$@"
	start_argv "${AS_USER[@]}" "${argv[@]}"
}

# ---- all ----

clean_up() {
	rm -rf "$TMP"
	"$DIR/card.sh" down one many || :
} 2>/dev/null

((EUID == 0)) || skip_all "needs root"
[[ ! ${VLAB_BDF:-} ]] || skip_all "VLAB_BDF is set, and these are cards of our own"
command -v "$QEMU_PROGRAM" >/dev/null || skip_all "no $QEMU_PROGRAM"
load_modules "${VLAB_MODULES:-}" || exit 1
has_backplane || skip_all "there is no backplane for two cards"
TMP=$(mktemp -d)
trap clean_up EXIT
"$DIR/card.sh" up name=one
"$DIR/card.sh" up name=many personality=mcs9922 ports=4 driver= >/dev/null
CARD=$(bdf_of one 0)
run_cases "${CASES[@]}"
