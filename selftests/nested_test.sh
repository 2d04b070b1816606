#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Cards in a guest of this guest, by vfio-pci: a stock system with no module of
# ours finds 16550A ports and moves data through them; it reboots and finds the
# cards as after a reset; our own suite runs there as far as it needs no IOMMU.
#
# The guest has the MCS9922, QEMU's card and our own. Null-modem cables go from the
# first to the second, and from each to a tty over here. nested/guest.sh does the
# guest's part. Prints KTAP.
#
# Needs VLAB_NESTED, what starts a guest: $VLAB_NESTED OPTION... -- COMMAND...
# VLAB_NESTED_BYTES is how much goes each way through the first cable and through
# the tty over here; 0 skips all of this. Default: 64 KiB, and 4 KiB where the
# processor is emulated, as there it takes a millisecond a byte.
set -euo pipefail

DIR=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=selftests/modules.sh
. "$DIR/modules.sh"
# shellcheck source=selftests/ktap.sh
. "$DIR/ktap.sh"
# shellcheck source=selftests/results.sh
. "$DIR/results.sh"

FEW=64 # bytes each way through the second cable and the plug

TESTS=(
	{first,second}_boot_finds_{mcs9922,qemu4x,vlab}_as_after_a_reset
	{mcs9922,qemu4x}_port_{0,1,2,3}_is_a_16550a
	mcs9922_to_qemu4x_by_{,a_second_}null_modem
	qemu4x_to_mcs9922_by_{,a_second_}null_modem
	tty_of_the_host_to_{mcs9922,qemu4x}
	{mcs9922,qemu4x}_to_the_tty_of_the_host
	{mcs9922,qemu4x}_to_itself_by_a_plug
	mcs9922_port_{0,1,2,3}_interrupts_by_msi
	qemu4x_interrupts_by_intx
	{mcs9922,qemu4x,vlab}_looks_to_lspci_as_ever
	suite_{config,region,uart}_passes_on_vlab
	cards_can_be_pulled_after_the_guests
)

# The cards, each by the name of its personality. guest.sh knows the slots.
declare -A SLOT=([mcs9922]=10 [qemu4x]=11 [vlab]=12)
declare -A ATTRIBUTES=(
	[mcs9922]="personality=mcs9922 port0/far=null-modem:qemu4x/0
		port1/far=null-modem:qemu4x/1 port2/far=tty"
	[qemu4x]="personality=qemu4x port0/far=null-modem:mcs9922/0
		port1/far=null-modem:mcs9922/1 port2/far=tty"
	[vlab]="port1/pace=line port2/far=none"
)

FILES='' STARTED=()

# ---- cards ----

# CARD: plug it in; leaves its functions' addresses in FILES
card_up() {
	# shellcheck disable=SC2086 # a word each
	"$DIR/card.sh" up "name=$1" ports=4 ${ATTRIBUTES[$1]} | awk '{ print $1 }' >"$FILES/$1.bdf"
}

cards_down() {
	timeout 60 "$DIR/card.sh" down "${!SLOT[@]}"
}

# CARD: QEMU's arguments for it, below a root port of its own
devices() {
	local slot=${SLOT[$1]} fn=0 more='' bdf bdfs

	mapfile -t bdfs <"$FILES/$1.bdf"
	((${#bdfs[@]} == 1)) || more=,multifunction=on
	echo --device
	echo "pcie-root-port,id=nest$slot,chassis=$slot,slot=$slot,addr=0x$slot,hotplug=off"
	for bdf in "${bdfs[@]}"; do
		echo --device
		echo "vfio-pci,host=$bdf,bus=nest$slot,addr=0.$fn$more"
		fn=$((fn + 1))
	done
}

# ---- data ----

default_bytes() {
	if grep -q TCG /proc/cpuinfo; then
		echo 4096
	else
		echo 65536
	fi
}

# And how long it may take.
make_files() { # BYTES
	local card

	echo $((60 + $1 / 100)) >"$FILES/seconds"
	for card in mcs9922 qemu4x; do
		head -c "$1" /dev/urandom >"$FILES/$card.0"
		head -c $FEW /dev/urandom >"$FILES/$card.1"
		head -c "$1" /dev/urandom >"$FILES/$card.2"
		head -c $FEW /dev/urandom >"$FILES/$card.3"
		head -c "$1" /dev/urandom >"$FILES/$card.host"
	done
}

# CARD: this side of its port 2
pump() {
	local node seconds

	read -r seconds <"$FILES/seconds"
	node=$(<"$CONFIGFS/$1/port2/node")
	exec "$DIR/pump" $((seconds + 120)) "/dev/$node:$FILES/$1.host:$FILES/$1.got:h:${1:0:1}" \
		>"$FILES/$1.pump" 2>&1
}

# CARD: what came to this side
judge_data() {
	local name=$1_to_the_tty_of_the_host

	sed "s/^/# $1: /" "$FILES/$1.pump"
	if [[ $(sha256sum <"$FILES/$1.got") == "$(sha256sum <"$FILES/$1.2")" ]]; then
		echo "result ok $name"
	else
		echo "result not ok $name"
	fi
}

# ---- all ----

clean_up() {
	local pid

	for pid in "${STARTED[@]}"; do
		kill "$pid" 2>/dev/null || :
	done
	rm -rf "$FILES"
	cards_down 2>/dev/null || :
}

# The guest that has all cards
guest() {
	local args=() card seconds

	read -r seconds <"$FILES/seconds"
	for card in "${!SLOT[@]}"; do
		mapfile -t -O ${#args[@]} args < <(devices "$card")
	done
	# shellcheck disable=SC2086 # a command and its first arguments
	$VLAB_NESTED --cpus 1 --mem 768M --timeout $((seconds + 240)) --allow-reboot \
		--append 8250.nr_uarts=32 "${args[@]}" \
		-- "$DIR/nested/guest.sh" "$DIR" "$FILES" "${!SLOT[@]}" 2>&1 ||
		echo "# the guest ended with $?"
}

# FUNCTION ARGUMENT...: in the background
start() {
	"$@" &
	STARTED+=($!)
}

main() {
	local card bytes

	[[ ${VLAB_NESTED:-} ]] || skip_all "VLAB_NESTED is not set: guests of this guest are not possible"
	bytes=${VLAB_NESTED_BYTES:-$(default_bytes)}
	[[ $bytes =~ ^[0-9]+$ ]] || skip_all "VLAB_NESTED_BYTES '$bytes': expected a number of bytes"
	((bytes)) || skip_all "VLAB_NESTED_BYTES is 0: not asked for"
	((EUID == 0)) || skip_all "needs root"
	load_modules "" || exit 1
	FILES=$(mktemp -d)
	trap clean_up EXIT
	make_files "$bytes"
	for card in "${!SLOT[@]}"; do
		card_up "$card"
	done
	start pump mcs9922
	start pump qemu4x
	echo "TAP version 13"
	echo "1..${#TESTS[@]}"
	trace_begin
	take_results < <(guest)
	take_results < <(judge_data mcs9922 && judge_data qemu4x)
	! cards_down || RESULT[cards_can_be_pulled_after_the_guests]=ok
	print_results "${TESTS[@]}"
}

main
