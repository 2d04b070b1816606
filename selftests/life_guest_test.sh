#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Cards in guests of this guest that run: with their memory mapped and trapped, plugged in
# and pulled by QMP, reset while data flows; and in a guest with an IOMMU of its own, whose
# VFIO has them. Prints KTAP.
#
# Two guests are booted, and what is done in them is nested/life_guest.sh. When it asks
# "please VERB", host_VERB() is called here.
#
# Needs VLAB_NESTED, what starts a guest: $VLAB_NESTED OPTION... -- COMMAND...
# VLAB_QEMU is another QEMU for it.
#
# shellcheck disable=SC2317 # check calls them
set -uo pipefail

DIR=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=selftests/modules.sh
. "$DIR/modules.sh"
# shellcheck source=selftests/ktap.sh
. "$DIR/ktap.sh"
# shellcheck source=selftests/life.sh
. "$DIR/life.sh"
# shellcheck source=selftests/results.sh
. "$DIR/results.sh"

PATIENCE=${VLAB_PATIENCE:-1}
BYTES=64 # each way through a port

TESTS=(
	{mapped,trapped}_memory_has_what_the_host_wrote
	suite_passes_on_the_{mapped,trapped}_card
	data_comes_back_through_the_{mapped,trapped}_card
	dma_of_a_card_reaches_the_mapped_memory_of_another
	dma_of_a_card_does_not_reach_memory_that_is_trapped
	stock_driver_takes_msix
	qemu_maps_memory_unless_told_not_to
	{first,second}_plug_is_done
	{first,second}_plug_brings_the_card_and_its_driver
	{first,second}_plugged_card_moves_data_by_intx
	{first,second}_unplug_is_done
	{first,second}_unplug_takes_the_card_from_the_guest
	{first,second}_unplugged_card_is_the_hosts_again
	plug_of_a_card_that_a_guest_has_is_refused
	plug_into_a_{slot_that_is_taken,port_without_hot_plug}_is_refused
	unplug_of_what_is_not_there_is_refused
	interrupts_come_by_msi_after_the_reset
	reset_comes_while_data_flows
	reset_guest_finds_the_{mapped,trapped}_card_as_after_a_reset
	data_flows_again_after_the_reset
	host_hears_the_guest_after_the_reset
	{mapped,trapped}_memory_has_what_the_guest_wrote
	plain_guest_ends_well
	guest_sees_its_own_iommu
	card_{one,two}_is_alone_in_its_group_of_the_guest
	vfio_of_the_guest_takes_card_{one,two}
	suite_{info,config,region,mmap,irq,dma}_passes_by_vfio_of_the_guest
	card_reaches_the_memory_of_another_through_both_iommus
	chain_guest_ends_well
	cards_can_be_pulled_after_the_guests
)

# The cards of both guests, each with the slot of the root port above it.
declare -A SLOT=([mapped]=10 [trapped]=11 [flow]=12 [ioat]=13 [plug]=14 [one]=10 [two]=11)
declare -A ATTRIBUTES=(
	[flow]="personality=mcs9922 ports=1 port0/far=tty"
	[plug]="personality=qemu4x ports=4"
	[ioat]="model=ioat"
)
# shellcheck disable=SC2054 # commas of QEMU's
declare -A QEMU_OPTIONS=([trapped]=,x-no-mmap=on [ioat]=,x-no-mmap=on)
PLAIN=(mapped trapped flow ioat plug)
CHAIN=(one two)

# ---- cards ----

card_up() { # CARD
	# shellcheck disable=SC2086 # a word each
	"$DIR/card.sh" up "name=$1" ${ATTRIBUTES[$1]:-} | sed 's/^/# /'
}

memory() { # fill|check SEED CARD
	"$DIR/cardmem" "$1" "$2" "$(bdf_of "$3" 0)"
}

# CARD: QEMU's arguments for it, below a root port of its own; what is to be plugged in
# later has only that.
devices() {
	local slot=${SLOT[$1]} port

	port=pcie-root-port,id=port-$1,chassis=$slot,slot=$slot,addr=0x$slot
	if [[ $1 == plug ]]; then
		printf '%s\n' --device "$port,io-reserve=4K"
		return
	fi
	printf '%s\n' --device "$port,hotplug=off"
	printf '%s\n' --device "vfio-pci,host=$(bdf_of "$1" 0),bus=port-$1${QEMU_OPTIONS[$1]:-}"
}

# ---- the host's turn ----

host_plug_first() {
	check qemu_maps_memory_unless_told_not_to maps_memory
	check plug_into_a_port_without_hot_plug_is_refused plug_into_a_dead_port
	check first_plug_is_done plug
}

host_plug_second() {
	check unplug_of_what_is_not_there_is_refused unplug_nothing
	check plug_of_a_card_that_a_guest_has_is_refused plug_twice
	check second_plug_is_done plug
}

host_unplug_first() {
	check plug_into_a_slot_that_is_taken_is_refused plug_into_a_taken_slot
	check first_unplug_is_done unplug
	check first_unplugged_card_is_the_hosts_again is_ours_again
}

host_unplug_second() {
	check second_unplug_is_done unplug
	check second_unplugged_card_is_the_hosts_again is_ours_again
}

host_reset() {
	check reset_comes_while_data_flows reset_guest
}

host_talk() {
	check host_hears_the_guest_after_the_reset hear_guest
}

# QEMU names what it maps of a BAR.
maps_memory() {
	local tree

	tree=$(monitor 'info mtree')
	say "$tree" | grep -o '[0-9a-f:.]* BAR 2 mmaps\[0\]' | sort -u
	[[ $tree == *"$(bdf_of mapped 0) BAR 2 mmaps[0]"* ]]
	[[ $tree != *"$(bdf_of trapped 0) BAR 2 mmaps[0]"* ]]
}

plug() {
	qmp_plug "$(bdf_of plug 0)" port-plug card
}

# A slot whose power indicator blinks takes no requests: the guest is not done with the
# plug, though its driver is.
unplug() {
	local said end=$((SECONDS + 60 * PATIENCE))

	until said=$(qmp_unplug card); do
		say "$said"
		[[ $said == *"Hot-unplug failed: guest is busy (power indicator blinking)"* ]]
		((SECONDS < end))
	done
}

# WORDS COMMAND...: QEMU says no, and why
refused() {
	local said

	if said=$("${@:2}"); then
		return 1
	fi
	expect_words "$said" "$1"
}

plug_into_a_taken_slot() {
	refused "not available for vfio-pci, in use by vfio-pci" qmp_plug "$(bdf_of one 0)" port-plug other
}

plug_into_a_dead_port() {
	refused "Hot-plug failed: unsupported by the port device
Bus 'port-flow' does not support hotplugging" qmp_plug "$(bdf_of plug 0)" port-flow card
}

plug_twice() {
	refused "device is already attached" qmp_plug "$(bdf_of flow 0)" port-plug card
}

unplug_nothing() {
	refused "Device 'card' not found" qmp_unplug card
}

is_ours_again() {
	VLAB_BDF=$(bdf_of plug 0) "$DIR/uart_test" -t every_value_comes_back
}

far_end() {
	say "/dev/$(<"$CONFIGFS/flow/port0/node")"
}

# What flows is seen here, then the guest is reset.
reset_guest() {
	local line count=0 tty

	tty=$(far_end)
	stty -F "$tty" raw -echo clocal
	while ((count < 4)) && read -rt $((60 * PATIENCE)) line; do
		[[ $line != flowing ]] || count=$((count + 1))
	done <"$tty"
	say "$count lines came"
	((count == 4))
	say '{"execute": "system_reset"}' >&"$QMP_TO"
	expect_qmp '"return"' '"RESET"'
}

hear_guest() {
	"$DIR/pump" $((60 * PATIENCE)) "$(far_end):$TMP/few:$TMP/heard:h:g"
	cmp "$TMP/few" "$TMP/heard"
}

# ---- a guest ----

# MODE CARD... -- OPTION...: runs it, and does what it asks for. Its QMP is QMP_FROM and
# QMP_TO.
guest() {
	local mode=$1 args=() slots=() line

	shift
	while [[ $1 != -- ]]; do
		mapfile -t -O ${#args[@]} args < <(devices "$1")
		slots+=("$1=${SLOT[$1]}")
		shift
	done
	# shellcheck disable=SC2086 # a command and its first arguments
	exec {guest}< <(
		$VLAB_NESTED --cpus 1 --mem 768M --timeout $((300 * PATIENCE)) "${@:2}" \
			"${args[@]}" -- "$DIR/nested/life_guest.sh" "$mode" "$DIR" "$TMP" "${slots[@]}" 2>&1
		say "guest $?"
	)
	[[ $mode != plain ]] || greet_qmp >/dev/null || say "# QEMU has no monitor"
	while IFS= read -r line; do
		hear "$line"
	done <&"$guest"
	exec {guest}<&-
}

hear() { # LINE
	local verb=${1#please }

	case $1 in
	"please "*) take_results < <("host_$verb") ;;
	"guest "*) [[ $1 != "guest 0" ]] || RESULT[${mode}_guest_ends_well]=ok ;;
	esac
	take_result "$1"
}

open_qmp() {
	mkfifo "$TMP/qmp.in" "$TMP/qmp.out"
	exec {QMP_TO}<>"$TMP/qmp.in" {QMP_FROM}<>"$TMP/qmp.out"
}

greet_qmp() {
	expect_qmp '"QMP"' && qmp '{"execute": "qmp_capabilities"}'
}

# ---- all ----

clean_up() {
	rm -rf "$TMP"
	"$DIR/card.sh" down "${PLAIN[@]}" "${CHAIN[@]}"
} >/dev/null 2>&1

plain_guest() {
	local card

	for card in mapped trapped; do
		memory fill 1 $card
	done
	open_qmp
	guest plain "${PLAIN[@]}" -- --allow-reboot --qmp "$TMP/qmp" \
		--append 8250.nr_uarts=32
	for card in mapped trapped; do
		take_results < <(check "${card}_memory_has_what_the_guest_wrote" memory check 2 $card)
	done
}

chain_guest() {
	guest chain "${CHAIN[@]}" -- --iommu intel
}

main() {
	local card

	echo "TAP version 13"
	echo "1..${#TESTS[@]}"
	for card in "${PLAIN[@]}" "${CHAIN[@]}"; do
		card_up "$card"
	done
	trace_begin
	plain_guest
	chain_guest
	! "$DIR/card.sh" down "${PLAIN[@]}" "${CHAIN[@]}" ||
		RESULT[cards_can_be_pulled_after_the_guests]=ok
	print_results "${TESTS[@]}"
}

[[ ${VLAB_NESTED:-} ]] || skip_all "VLAB_NESTED is not set: guests of this guest are not possible"
((EUID == 0)) || skip_all "needs root"
load_modules "${VLAB_MODULES:-}" || exit 1
command -v "$QEMU_PROGRAM" >/dev/null || skip_all "no $QEMU_PROGRAM"
has_backplane || skip_all "there is no backplane for these cards"
TMP=$(mktemp -d)
trap clean_up EXIT
head -c $BYTES /dev/urandom >"$TMP/few"
main
