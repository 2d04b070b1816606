#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# life_guest.sh plain|chain SUITE FILES CARD=SLOT... - what a guest does with its cards
#
# Runs in the guests that life_guest_test.sh starts; that has the names and slots. plain
# boots twice: it is reset while data flows. Prints "result ok NAME" or "result not ok
# NAME", comments, and "please VERB" when it is the host's turn: the guest then waits for
# what that brings. Few programs are started: each takes a tenth of a second here.
set -uo pipefail
shopt -s nullglob

MODE=$1 SUITE=$2 FILES=$3
PCI=/sys/bus/pci
INTERRUPTS=/tmp/interrupts
# shellcheck source=selftests/results.sh
. "$SUITE/results.sh"

declare -A SLOT=()
for card in "${@:4}"; do
	SLOT[${card%=*}]=${card#*=}
done

# ---- finding things ----

# CARD: address of its first function; fails when nothing is there
bdf_of() {
	local dir

	for dir in "$PCI/devices/0000:00:${SLOT[$1]}.0"/????:??:??.0; do
		echo "${dir##*/}"
		return
	done
	return 1
}

# CARD: the tty that the 8250 driver made of it. Since 6.5 two devices are in between,
# named after the function.
tty_of() {
	local bdf path

	bdf=$(bdf_of "$1") || return
	for path in "$PCI/devices/$bdf"/{,"$bdf":*/"$bdf":*/}tty/ttyS*; do
		echo "/dev/${path##*/}"
		return
	done
	return 1
}

# COMMAND...: comes true, with a deadline
until_true() {
	local end=$((SECONDS + 60 * ${VLAB_PATIENCE:-1}))

	until "$@" >/dev/null; do
		((SECONDS < end)) || {
			echo "in time this did not come true: $*"
			return 1
		}
		read -rt 0.1 <> <(:) || :
	done
}

is_gone() { # CARD
	! bdf_of "$1"
}

# ---- cards of our own, with no driver ----

# PROGRAM ARGUMENT...: with the card's registers at hand
by_sysfs() {
	VLAB_BACKEND=sysfs "$SUITE/$1" "${@:2}"
}

# PROGRAM CASE...: of the suite; none of them is skipped
passes() {
	local name args=() said

	for name in "${@:2}"; do
		args+=(-t "$name")
	done
	said=$("$SUITE/$1_test" "${args[@]}") || {
		echo "$said"
		return 1
	}
	[[ $said =~ pass:([0-9]+).*\ skip:0 ]] && ((BASH_REMATCH[1] >= $# - 1))
}

suite() { # CARD PROGRAM CASE...
	VLAB_BACKEND=sysfs VLAB_BDF=$(bdf_of "$1") passes "${@:2}"
}

memory() { # fill|check SEED CARD
	by_sysfs cardmem "$1" "$2" "$(bdf_of "$3")"
}

dma() { # reach|miss FROM TO
	by_sysfs cardmem "$1" "$(bdf_of "$2")" "$(bdf_of "$3")"
}

state() { # fresh|dirty CARD
	by_sysfs cardstate "$1" "$(bdf_of "$2")"
}

check_memory() {
	local card

	for card in mapped trapped; do
		check "${card}_memory_has_what_the_host_wrote" memory check 1 $card
		check "suite_passes_on_the_${card}_card" suite $card region \
			memory_keeps_what_was_written \
			memory_takes_writes_of_any_length_at_any_offset \
			access_across_the_control_page_reaches_both_sides \
			parts_of_a_register_agree_with_the_whole
		check "data_comes_back_through_the_${card}_card" \
			suite $card uart every_value_comes_back
	done
	check dma_of_a_card_reaches_the_mapped_memory_of_another dma reach trapped mapped
	check dma_of_a_card_does_not_reach_memory_that_is_trapped dma miss mapped trapped
}

# Late, as the cards then ask for interrupts that nobody takes, on a line that the card which
# is plugged in has, too.
soil_cards() {
	local card

	for card in mapped trapped; do
		memory fill 2 $card
		state dirty $card
	done
}

# ---- interrupts ----

# CARD FILE: interrupts of it arrived by now, on any processor. FILE is what
# /proc/interrupts was then: there may be no line for them afterwards.
interrupted() {
	local number words bdf line

	bdf=$(bdf_of "$1")
	read -r line <"$PCI/devices/$bdf/irq"
	while read -r number words; do
		[[ ${number%:} == "$line" || -e $PCI/devices/$bdf/msi_irqs/${number%:} ]] || continue
		echo "$number $words"
		[[ ! $words =~ ^[0\ ]*[1-9] ]] || return 0
	done <"$2"
	echo "none of $bdf, whose line is $line"
	return 1
}

# KIND CARD FILE: msix, msi or intx
interrupted_by() {
	local dir

	dir=$PCI/devices/$(bdf_of "$2")/msi_irqs
	if [[ $1 == intx ]]; then
		[[ ! -d $dir ]]
	else
		grep -x "$1" "$dir"/*
	fi
	interrupted "$2" "$3"
}

# Its driver lets the channel copy and waits for the interrupt before it has it.
stock_driver_takes_msix() {
	local bdf

	bdf=$(bdf_of ioat)
	modprobe ioatdma
	[[ $(readlink "$PCI/devices/$bdf/driver") == */ioatdma ]]
	ls /sys/class/dma/dma0chan0
	interrupted_by msix ioat /proc/interrupts
}

# ---- ports, with the stock driver ----

# CARD: its first port sends to itself
moves_data() {
	local tty

	tty=$(tty_of "$1")
	"$SUITE/pump" -i $INTERRUPTS $((60 * ${VLAB_PATIENCE:-1})) "$tty:$FILES/few:/tmp/got:p:p"
	cmp /tmp/got "$FILES/few"
	interrupted_by intx "$1" $INTERRUPTS
}

check_hot_plug() {
	local round

	for round in first second; do
		stamp "$round plug"
		echo "please plug_$round"
		check "${round}_plug_brings_the_card_and_its_driver" until_true tty_of plug
		check "${round}_plugged_card_moves_data_by_intx" moves_data plug
		stamp "$round unplug"
		echo "please unplug_$round"
		check "${round}_unplug_takes_the_card_from_the_guest" until_true is_gone plug
	done
}

# The host resets us when it has seen some of it.
let_data_flow() {
	local tty

	tty=$(tty_of flow)
	stty -F "$tty" raw -echo clocal
	echo reboot >&3
	echo "please reset"
	exec yes flowing >"$tty"
}

talks_to_the_host() {
	local tty

	tty=$(tty_of flow)
	"$SUITE/pump" -i $INTERRUPTS $((60 * ${VLAB_PATIENCE:-1})) "$tty:$FILES/few:/tmp/got:g:h"
	cmp /tmp/got "$FILES/few"
}

# ---- a guest with an IOMMU ----

sees_its_iommu() {
	[[ -d /sys/class/iommu/dmar0 ]]
	dmesg | grep 'DMAR: IOMMU enabled'
	dmesg | grep 'DMAR-IR: Enabled IRQ remapping'
}

is_alone_in_its_group() { # CARD
	local bdf

	bdf=$(bdf_of "$1")
	ls "$PCI/devices/$bdf/iommu_group/devices"
	[[ $(ls "$PCI/devices/$bdf/iommu_group/devices") == "$bdf" ]]
}

vfio_takes() { # CARD
	local bdf group

	bdf=$(bdf_of "$1")
	modprobe -a vfio-pci vfio_iommu_type1
	echo vfio-pci >"$PCI/devices/$bdf/driver_override"
	echo "$bdf" >"$PCI/drivers_probe"
	group=$(readlink "$PCI/devices/$bdf/iommu_group")
	[[ -c /dev/vfio/${group##*/} ]]
}

# What of each program. Not more, as each case takes half a second here; and not what is
# otherwise with the kernel's vfio-pci, whose BARs are mapped whole, or ends the guest
# (docs/surprises.md).
declare -A CASES=(
	[info]="device_is_pci_and_can_be_reset group_is_viable_and_has_its_container
		container_speaks_type1 address_space_keeps_the_message_window_out"
	[config]="bytes_words_and_dwords_agree command_bits_stick
		ids_and_class_cannot_be_written bar_sizes_are_those_of_the_regions
		pm_goes_to_d3hot_and_back msi_cannot_be_enabled_through_config_space
		read_past_the_end_is_refused"
	[region]="read_write_register_keeps_what_was_written memory_keeps_what_was_written
		access_across_the_control_page_reaches_both_sides
		access_at_the_end_is_refused nothing_answers_while_memory_is_disabled"
	[mmap]="stores_are_seen_by_reads writes_are_seen_by_loads
		two_mappings_are_the_same_memory across_the_end_is_refused
		memory_disable_takes_it_away mapping_works_again_after_reset"
	[irq]="interrupt_of_a_port_arrives interrupt_of_the_engine_arrives
		disabled_is_silent unmask_eventfd_fires_again_while_asserted
		engine_sends_on_any_vector waits_for_bus_master"
	[dma]="memory_to_card_arrives card_to_memory_arrives
		scattered_pages_are_found_in_the_order_of_their_iovas
		iova_that_is_mapped_anew_leads_to_the_new_memory
		read_only_map_cannot_be_written unmapped_source_is_an_error_with_its_iova
		unmapped_destination_is_an_error_with_its_iova
		fault_in_the_middle_keeps_what_came_before
		unmapped_memory_is_not_reached_any_more
		unmap_of_the_destination_ends_a_transfer"
	[p2p]="memory_of_the_other_card_is_read memory_of_the_other_card_is_written
		cards_write_to_each_other_at_once memory_of_one_card_is_copied_to_the_other
		memory_mapped_for_reading_is_not_written"
)

by_vfio() { # PROGRAM
	# shellcheck disable=SC2086 # a word each
	VLAB_BDF=$(bdf_of one) VLAB_PEER=$(bdf_of two) passes "$1" ${CASES[$1]}
}

chain() {
	local program card

	check guest_sees_its_own_iommu sees_its_iommu
	for card in one two; do
		check "card_${card}_is_alone_in_its_group_of_the_guest" is_alone_in_its_group $card
		check "vfio_of_the_guest_takes_card_$card" vfio_takes $card
	done
	for program in info config region mmap irq dma; do
		stamp "$program"
		check "suite_${program}_passes_by_vfio_of_the_guest" by_vfio $program
	done
	stamp p2p
	check card_reaches_the_memory_of_another_through_both_iommus by_vfio p2p
}

# ---- a guest without ----

first_boot() {
	stamp memory
	check_memory
	stamp ioat
	check stock_driver_takes_msix stock_driver_takes_msix
	check_hot_plug
	stamp reset
	soil_cards
	let_data_flow
}

second_boot() {
	local card

	for card in mapped trapped; do
		check "reset_guest_finds_the_${card}_card_as_after_a_reset" state fresh $card
	done
	echo "please talk"
	check data_flows_again_after_the_reset talks_to_the_host
	check interrupts_come_by_msi_after_the_reset interrupted_by msi flow $INTERRUPTS
}

stamp "boot $VLAB_BOOT of $(uname -r)"
case $MODE.$VLAB_BOOT in
plain.1) first_boot ;;
plain.2) second_boot ;;
chain.1) chain ;;
esac
stamp "done"
