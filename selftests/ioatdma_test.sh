#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The I/OAT card in the kernel that owns it: ioatdma finds it at its physical address,
# and tests it as it binds; dmatest has it copy; and all of it by the DMA API, through
# the IOMMU. ioat.rst 1.2 and 7.4, dma.rst 8.4. Prints KTAP.
#
# shellcheck disable=SC2317 # run_cases calls them
set -euo pipefail
shopt -s nullglob

DIR=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=selftests/modules.sh
. "$DIR/modules.sh"
# shellcheck source=selftests/ktap.sh
. "$DIR/ktap.sh"

PCI=/sys/bus/pci
DRIVER=ioatdma
DMATEST=/sys/module/dmatest/parameters
INSTANCE=/sys/kernel/tracing/instances/ioatdma-$$
CARD=ioatdma-$$
SECONDS_TO_WAIT=$((30 * ${VLAB_PATIENCE:-1}))

# uapi/vlab_ioat.h
CHANCMD=0x84.8 DMACOUNT=0x86.16 CHANSTS=0x88.64 CHAINADDR=0x90.64 CHANERR=0xa8.32
RESET=0x20
ERR_CHAIN_ADDR=0x10 ERR_CMP_ADDR=0x1000

CASES=(
	nothing__without_memory_at_the_bar_it_finds_no_channel
	nothing__card_it_let_go_of_works_for_vfio
	bind__it_tests_the_card_and_offers_a_channel
	bind__again_and_again
	bind__second_card_is_another_channel
	bind__module_goes_and_comes_under_a_card
	copy__one_thread_with_an_interrupt_each
	copy__buffers_of_64_bytes
	copy__buffers_of_a_page
	copy__buffers_of_256_kilobytes
	copy__four_threads_of_a_channel
	copy__two_cards_at_once
	iommu__addresses_are_its_own_and_no_memory_is_there
	iommu__identity_means_physical_addresses
	iommu__address_that_maps_nowhere_is_refused
	user__vfio_has_it_in_between
	trouble__bus_master_off_stops_it_and_on_again_it_works
	trouble__reset_under_way_is_got_over
	trouble__unbound_with_a_channel_in_use
	trouble__pulled_while_bound
)

say() {
	printf '%s\n' "$*"
}

# COMMAND...: until it succeeds
until_it() {
	local end=$((SECONDS + SECONDS_TO_WAIT))

	until "$@"; do
		((SECONDS < end)) || {
			say "in $SECONDS_TO_WAIT s this did not come true: $*"
			return 1
		}
		read -rt 0.1 <>"$NOTHING" || :
	done
}

# ---- the kernel's log ----

log_begin() {
	MARK="ioatdma_test: ${FUNCNAME[1]} $EPOCHREALTIME"
	say "$MARK" >/dev/kmsg
}

# PATTERN: lines since log_begin
logged() {
	dmesg | awk -v mark="$MARK" -v pattern="$1" '
		index($0, mark) { begun = 1; next }
		begun && $0 ~ pattern { print; found = 1 }
		END { exit !found }'
}

was_logged() {
	logged "$1" >/dev/null
}

# PATTERN: in how many lines
times_logged() {
	logged "$1" | wc -l
}

# PATTERN COUNT: in so many lines
was_logged_times() {
	(($(times_logged "$1") == $2))
}

# ---- cards and drivers ----

bdf_of() { # [CARD]
	cat "$CONFIGFS/${1:-$CARD}/address"
}

dev_of() { # [CARD]
	say "$PCI/devices/$(bdf_of "$@")"
}

unbind() {
	local dev

	dev=$(dev_of)
	[[ ! -e $dev/driver ]] || bdf_of >"$dev/driver/unbind"
}

# DRIVER: give the card to it
bind() {
	local dev

	unbind
	dev=$(dev_of)
	say "$1" >"$dev/driver_override"
	bdf_of >$PCI/drivers_probe
	expect_driver "$(bdf_of)" "$1"
}

plug() { # [CARD]
	"$DIR/card.sh" up "name=${1:-$CARD}" driver= model=ioat
}

pull() { # [CARD]
	"$DIR/card.sh" down "${1:-$CARD}"
}

channel_of() { # [CARD]
	local channels

	channels=("$(dev_of "$@")"/dma/dma*chan*)
	((${#channels[@]} == 1)) || {
		say "channels: ${channels[*]:-none}"
		return 1
	}
	say "${channels[0]##*/}"
}

# Interrupts of the card so far.
interrupts() {
	local irqs

	irqs=("$(dev_of)"/msi_irqs/*)
	awk -v irq="${irqs[0]##*/}:" '
		$1 == irq { for (i = 2; $i ~ /^[0-9]+$/; i++) n += $i }
		END { print n + 0 }' /proc/interrupts
}

# COUNT: so many more than before, that is before in the caller
interrupted() {
	(($(interrupts) >= before + $1))
}

has_aperture() {
	[[ $(</sys/module/vfiolab/parameters/aperture) == *@* ]]
}

# A card that the driver has.
start() {
	has_aperture || skip "vfiolab was loaded without an aperture"
	log_begin
	stop_dmatest
	[[ -d $CONFIGFS/$CARD ]] || plug
	module_is_loaded $DRIVER || modprobe $DRIVER
	[[ $(driver_of "$(bdf_of)") == "$DRIVER" ]] || bind $DRIVER
	channel_of >/dev/null
}

# ---- without memory at the BAR ----

nothing__without_memory_at_the_bar_it_finds_no_channel() {
	! has_aperture || skip "vfiolab was loaded with an aperture"
	log_begin
	plug
	modprobe $DRIVER
	expect_driver "$(bdf_of)" none
	[[ ! -e $(dev_of)/dma ]]
	! logged 'Self-test|Call Trace'
}

nothing__card_it_let_go_of_works_for_vfio() {
	! has_aperture || skip "vfiolab was loaded with an aperture"
	[[ -d $CONFIGFS/$CARD ]] || plug
	bind vfiolab_vfio_pci
	VLAB_BDF=$(bdf_of) "$DIR/ioat_test" -v page
}

# ---- binding ----

bind__it_tests_the_card_and_offers_a_channel() {
	start
	unbind
	log_begin
	bind $DRIVER
	channel_of
	(($(interrupts) > 0))
	! logged "$DRIVER .*(test|fail|timed out|halted|Err)"
}

bind__again_and_again() {
	local rounds

	start
	for ((rounds = 3; rounds; rounds--)); do
		unbind
		[[ ! -e $(dev_of)/dma ]]
		bind $DRIVER
		channel_of
	done
}

bind__second_card_is_another_channel() {
	start
	plug second-$$
	[[ $(driver_of "$(bdf_of second-$$)") == "$DRIVER" ]]
	[[ $(channel_of) != "$(channel_of second-$$)" ]]
	pull second-$$
	channel_of
}

bind__module_goes_and_comes_under_a_card() {
	start
	rmmod $DRIVER
	expect_driver "$(bdf_of)" none
	modprobe $DRIVER
	expect_driver "$(bdf_of)" $DRIVER
	channel_of
}

# ---- copies ----

needs_dmatest() {
	module_is_loaded dmatest || modprobe -q dmatest || skip "the kernel has no dmatest"
	say 3000 >$DMATEST/timeout
	say 16384 >$DMATEST/test_buf_size
	say 1 >$DMATEST/threads_per_chan
	say N >$DMATEST/polled
	say N >$DMATEST/verbose
}

# ITERATIONS CHANNEL...: starts it
start_dmatest() {
	local channel

	say "$1" >$DMATEST/iterations
	for channel in "${@:2}"; do
		say "$channel" >$DMATEST/channel
	done
	say 1 >$DMATEST/run
}

# Gives the channels back, too.
stop_dmatest() {
	! module_is_loaded dmatest || say 0 >$DMATEST/run
}

# ITERATIONS CHANNEL...: all of it succeeds, of each thread
run_dmatest() {
	local threads

	threads=$(($(<$DMATEST/threads_per_chan) * ($# - 1)))
	log_begin
	start_dmatest "$@"
	until_it was_logged_times "dmatest: .*: summary" "$threads"
	stop_dmatest
	logged "dmatest: .*: (summary|result)"
	was_logged_times "dmatest: .*: summary $1 tests, 0 failures" "$threads"
	! logged "$DRIVER .*(halted|timeout|CHANSTS)"
}

copy__one_thread_with_an_interrupt_each() {
	local before

	start
	needs_dmatest
	before=$(interrupts)
	run_dmatest 100 "$(channel_of)"
	say "interrupts: $before, now $(interrupts)"
	# One that comes before the driver is ready for it is lost: its timer helps.
	interrupted 90
}

copy_in_buffers_of() { # BYTES ITERATIONS
	start
	needs_dmatest
	say "$1" >$DMATEST/test_buf_size
	run_dmatest "$2" "$(channel_of)"
}

copy__buffers_of_64_bytes() {
	copy_in_buffers_of 64 100
}

copy__buffers_of_a_page() {
	copy_in_buffers_of 4096 100
}

copy__buffers_of_256_kilobytes() {
	copy_in_buffers_of $((256 << 10)) 10
}

copy__four_threads_of_a_channel() {
	start
	needs_dmatest
	say 4 >$DMATEST/threads_per_chan
	run_dmatest 50 "$(channel_of)"
}

copy__two_cards_at_once() {
	start
	needs_dmatest
	plug second-$$
	run_dmatest 50 "$(channel_of)" "$(channel_of second-$$)"
	pull second-$$
}

# ---- where it goes ----

trace_dma() {
	[[ -d $INSTANCE ]] || mkdir "$INSTANCE" || skip "the kernel has no instances of its tracer"
	say 0 >"$INSTANCE/events/enable"
	say >"$INSTANCE/trace"
	say 1 >"$INSTANCE/events/vfiolab/vlab_dma/enable"
}

# Each access of the card: address result, a line each
accesses() {
	say 0 >"$INSTANCE/events/enable"
	sed -n "s/.*vlab_dma: $CARD\.0 [a-z]* iova \(0x[0-9a-f]*\) len [0-9]* ret \(-\?[0-9]*\)$/\1 \2/p" \
		"$INSTANCE/trace"
}

# Ranges of memory: first last, in decimal
memory_ranges() {
	local line

	while read -r line; do
		[[ $line =~ ^([0-9a-f]+)-([0-9a-f]+)\ :\ System\ RAM$ ]] || continue
		say $((16#${BASH_REMATCH[1]})) $((16#${BASH_REMATCH[2]}))
	done </proc/iomem
}

# Of the addresses of stdin: how many, and how many of them where there is memory
count_in_memory() {
	local address result first last all=0 inside=0 ranges

	mapfile -t ranges < <(memory_ranges)
	((${#ranges[@]} > 0))
	while read -r address result; do
		[[ $result == 0 ]] || say "$address: $result" >&2
		all=$((all + 1))
		for range in "${ranges[@]}"; do
			read -r first last <<<"$range"
			((address < first || address > last)) || inside=$((inside + 1))
		done
	done
	say "$all $inside"
}

# Its own test of the card reads descriptors and data, writes data and status.
test_itself() {
	trace_dma
	unbind
	bind $DRIVER
}

set_domain() { # TYPE
	local file

	file=$(dev_of)/iommu_group/type
	[[ -w $file ]] || skip "the card has no IOMMU group"
	unbind
	say "$1" >"$file" || skip "the kernel has no $1 domains"
	say "domain $(<"$file")"
}

iommu__addresses_are_its_own_and_no_memory_is_there() {
	local all inside

	start
	[[ $(<"$(dev_of)/iommu_group/type") == DMA* ]] || skip "the IOMMU is off, or lets all through"
	test_itself
	read -r all inside < <(accesses | count_in_memory)
	say "$all accesses, $inside of them to where memory is"
	((all >= 5 && inside == 0))
}

iommu__identity_means_physical_addresses() {
	local all inside

	start
	set_domain identity
	test_itself
	read -r all inside < <(accesses | count_in_memory)
	say "$all accesses, $inside of them to where memory is"
	((all >= 5 && inside == all))
	set_domain auto
	bind $DRIVER
}

# ADDRESS: no descriptor is there, nor can it be told where CHANCMP (0) points
refused_at() {
	local mmio=("$DIR/mmio" "$(dev_of)/resource0")

	"${mmio[@]}" $CHAINADDR="$1" $DMACOUNT=1 || skip "the kernel lets nobody map a BAR in use"
	until_it chanerr_is $((ERR_CHAIN_ADDR | ERR_CMP_ADDR))
	(($("${mmio[@]}" $CHANSTS) % 8 == 3))
	"${mmio[@]}" $CHANCMD=$RESET
	until_it chanerr_is 0
}

chanerr_is() {
	(($("$DIR/mmio" "$(dev_of)/resource0" $CHANERR) == $1))
}

# The driver has set up no channel, so nobody minds.
iommu__address_that_maps_nowhere_is_refused() {
	local address list=(0x100000 0x40000000 0xfee00000 0xfedcba9876543240)

	start
	[[ $(<"$(dev_of)/iommu_group/type") == DMA* ]] || skip "the IOMMU is off, or lets all through"
	trace_dma
	for address in "${list[@]}"; do
		refused_at "$address"
	done
	[[ $(accesses) == "$(printf '%s -14\n0x0 -14\n' "${list[@]}")" ]]
	unbind
	bind $DRIVER
}

# ---- somebody else in between ----

user__vfio_has_it_in_between() {
	start
	bind vfiolab_vfio_pci
	VLAB_BDF=$(bdf_of) "$DIR/ioat_test" -v page
	bind $DRIVER
	channel_of
	if modprobe -q dmatest; then
		needs_dmatest
		run_dmatest 20 "$(channel_of)"
	fi
}

# ---- what goes wrong ----

# Endless; returns when it is at it. The driver forgets the copy that it gave up its channel
# for, or reports it late, and dmatest warns of an end that it no longer waits for: so it
# is to ask. It gives up what it does not hear of in five seconds.
keep_copying() {
	needs_dmatest
	say Y >$DMATEST/polled
	say $((256 << 10)) >$DMATEST/test_buf_size
	start_dmatest 0 "$(channel_of)"
	copies_go_well 3
}

# COUNT: so many from here on
copies_go_well() {
	log_begin
	say Y >$DMATEST/verbose
	until_it copied "$1"
	say N >$DMATEST/verbose
}

# COUNT: since log_begin, where dmatest says so
copied() {
	(($(times_logged 'dmatest: .*test passed') >= $1))
}

comes_back() {
	copies_go_well 10
	stop_dmatest
	logged 'dmatest: .*summary'
	needs_dmatest
	run_dmatest 20 "$(channel_of)"
}

trouble__bus_master_off_stops_it_and_on_again_it_works() {
	start
	keep_copying
	setpci -s "$(bdf_of)" COMMAND=0:4
	until_it was_logged "$DRIVER .*Channel halted"
	setpci -s "$(bdf_of)" COMMAND=4:4
	comes_back
}

trouble__reset_under_way_is_got_over() {
	start
	keep_copying
	say 1 >"$(dev_of)/reset"
	comes_back
}

# The channel is set up and idle: the driver gives it up when its last user does. With a
# copy under way the kernel dies of it, and of a card pulled with a channel in use.
trouble__unbound_with_a_channel_in_use() {
	local before

	start
	[[ ! -e /sys/kernel/debug/dma-api ]] || skip "CONFIG_DMA_API_DEBUG warns of what is still mapped"
	needs_dmatest
	before=$(interrupts)
	say "$(channel_of)" >$DMATEST/channel
	until_it interrupted 1
	unbind
	expect_driver "$(bdf_of)" none
	stop_dmatest
	bind $DRIVER
	run_dmatest 20 "$(channel_of)"
}

trouble__pulled_while_bound() {
	start
	pull
	[[ ! -d $CONFIGFS/$CARD ]]
	logged "$DRIVER .*Removing dma and dca services"
	plug
	expect_driver "$(bdf_of)" $DRIVER
	channel_of
}

# ---- all ----

# Its user goes before the channel, and the driver before the card.
clean_up() {
	local card module

	for module in dmatest $DRIVER dca; do
		! module_is_loaded "$module" || rmmod "$module" || :
	done
	for card in $CARD second-$$; do
		[[ ! -d $CONFIGFS/$card ]] || pull "$card" || :
	done
	[[ ! -d $INSTANCE ]] || rmdir "$INSTANCE" || :
	rm -f "$NOTHING"
} >/dev/null 2>&1

((EUID == 0)) || skip_all "needs root"
[[ ! ${VLAB_BDF:-} ]] || skip_all "VLAB_BDF is set, and this has cards of its own"
load_modules "${VLAB_MODULES:-}" || exit 1
module_is_loaded $DRIVER || modprobe -qn $DRIVER || skip_all "the kernel has no $DRIVER"
! module_is_loaded $DRIVER || skip_all "somebody has loaded $DRIVER"
NOTHING=$(mktemp -u)
mkfifo "$NOTHING"
trap clean_up EXIT
run_cases "${CASES[@]}"
