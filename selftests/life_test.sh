#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# packages: driverctl
#
# The life of a card as people lead it: by hand with sysfs, by driverctl, as a user
# without rights. The commands are those of recipes, and the messages of what goes
# wrong those of docs/troubleshooting.md. Prints KTAP.
#
# shellcheck disable=SC2317 # run_cases calls them
set -euo pipefail

DIR=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=selftests/modules.sh
. "$DIR/modules.sh"
# shellcheck source=selftests/ktap.sh
. "$DIR/ktap.sh"
# shellcheck source=selftests/packages.sh
. "$DIR/packages.sh"

PCI=/sys/bus/pci
VFIO=vfiolab_vfio_pci
ID="1af4 10f1"
USER_ID=65534 # nobody
BYTES=1024

CASES=(
	hand__lspci_knows_it_by_its_id
	hand__group_has_the_card_alone
	hand__native_driver_moves_data_both_ways
	hand__unbind_takes_the_ttys_and_leaves_no_driver
	hand__unbind_of_what_is_not_bound_is_no_such_device
	hand__new_id_takes_the_free_card_and_leaves_the_busy_one
	hand__new_id_twice_is_file_exists
	hand__new_id_without_a_device_is_invalid_argument
	hand__new_id_of_a_module_that_is_missing_is_no_such_file
	hand__bind_takes_a_second_card_of_the_id
	hand__bind_without_the_id_is_no_such_device
	hand__bind_of_a_busy_card_is_device_or_resource_busy
	hand__remove_id_keeps_who_is_bound_and_takes_nobody_more
	hand__remove_id_of_what_is_not_there_is_no_such_device
	hand__driver_override_is_for_one_card
	hand__driver_override_to_what_does_not_exist_leaves_it_without
	hand__group_file_is_there_while_vfio_has_it
	hand__programs_use_it_while_vfio_has_it
	hand__card_comes_back_to_its_driver_and_works
	driverctl__set_override_gives_it_to_vfio
	driverctl__unset_override_gives_it_back
	driverctl__override_to_no_driver_is_refused
	name__vfio_pci_is_ours_while_the_kernels_is_not_loaded
	name__that_another_driver_has_is_refused
	name__that_no_driver_can_have_is_refused
	user__without_the_group_file_is_eacces
	user__with_the_group_file_runs_the_suite
	user__with_too_little_locked_memory_is_told_so
	user__with_enough_locked_memory_does_dma
	user__cannot_make_or_change_cards
	user__cannot_bind_drivers
)

# ---- the two cards ----

say() {
	printf '%s\n' "$*"
}

# CARD: its address
bdf_of() {
	cat "$CONFIGFS/$1/address"
}

# CARD: plug it in; driver: whoever wants it
plug() {
	"$DIR/card.sh" up "name=$1" driver= ports=4 "port1/far=null-modem:$1/2" \
		"port2/far=null-modem:$1/1" port3/far=tty
}

unbind() { # CARD
	[[ $(driver_of "$(bdf_of "$1")") == none ]] ||
		bdf_of "$1" >"$PCI/devices/$(bdf_of "$1")/driver/unbind"
}

override() { # CARD DRIVER
	say "$2" >"$PCI/devices/$(bdf_of "$1")/driver_override"
}

probe() { # CARD
	bdf_of "$1" >"$PCI/drivers_probe"
}

give_to_vfio() { # CARD
	unbind "$1"
	override "$1" $VFIO
	probe "$1"
	expect_driver "$(bdf_of "$1")" $VFIO
}

# All as it was at first: each with its own driver, which alone knows the id.
start_anew() {
	local card

	say "$ID" >"$PCI/drivers/vfio-pci/remove_id" || :
	for card in life twin; do
		override "$card" ""
		[[ $(driver_of "$(bdf_of "$card")") == "$NATIVE" ]] || unbind "$card"
		[[ $(driver_of "$(bdf_of "$card")") == "$NATIVE" ]] || probe "$card"
		expect_driver "$(bdf_of "$card")" "$NATIVE"
	done
} >/dev/null 2>&1

# COMMAND...: it fails; what it says into said of the caller
fails() {
	if said=$("$@" 2>&1); then
		say "$said" "this did not fail: $*"
		return 1
	fi
	say "$said"
}

write() { # FILE TEXT
	printf '%s\n' "$2" >"$1"
}

# MESSAGE FILE TEXT: the write is refused, with that message
refused() {
	local said

	fails write "$2" "$3"
	say "expected: $1"
	[[ $said == *": $1" ]]
}

# ---- data ----

# CARD PORT: the tty of a port, in the order of the ports
tty_of() {
	local ttys

	mapfile -t ttys < <(find "$PCI/devices/$(bdf_of "$1")/" -name 'ttyVCARD*' -printf '%f\n' |
		sort -V)
	[[ ${ttys[$2]:-} ]] || return
	say "/dev/${ttys[$2]}"
}

# FROM TO: bytes through one tty arrive at the other. Both are open before one is sent,
# as a tty that nobody has open throws away what comes.
passes() {
	local from to reader

	say "$1 to $2"
	stty -F "$1" 115200 raw -echo clocal
	stty -F "$2" 115200 raw -echo clocal
	exec {from}>"$1" {to}<"$2"
	head -c $BYTES /dev/urandom >"$TMP/sent"
	timeout 20 head -c $BYTES <&"$to" >"$TMP/got" &
	reader=$!
	timeout 20 cat "$TMP/sent" >&"$from"
	wait $reader
	exec {from}>&- {to}<&-
	cmp "$TMP/sent" "$TMP/got"
}

# CARD: port 1 is wired to port 2, and 3 to a tty on this side
moves_data() {
	local one two three far

	one=$(tty_of "$1" 1) two=$(tty_of "$1" 2) three=$(tty_of "$1" 3)
	far=/dev/$(<"$CONFIGFS/$1/port3/node")
	passes "$one" "$two"
	passes "$two" "$one"
	passes "$three" "$far"
	passes "$far" "$three"
}

# ---- by hand ----

hand__lspci_knows_it_by_its_id() {
	lspci -n -s "$(bdf_of life)" | tee /dev/stderr | grep '0780: 1af4:10f1 (rev 01)'
}

hand__group_has_the_card_alone() {
	local link

	link=$(readlink "$PCI/devices/$(bdf_of life)/iommu_group")
	say "$link"
	[[ ${link##*/} =~ ^[0-9]+$ ]]
	[[ $(ls "$PCI/devices/$(bdf_of life)/iommu_group/devices") == "$(bdf_of life)" ]]
}

hand__native_driver_moves_data_both_ways() {
	start_anew
	moves_data life
}

hand__unbind_takes_the_ttys_and_leaves_no_driver() {
	local said

	start_anew
	bdf_of life >"$PCI/drivers/$NATIVE/unbind"
	expect_driver "$(bdf_of life)" none
	fails tty_of life 0
	tty_of twin 0
}

hand__unbind_of_what_is_not_bound_is_no_such_device() {
	start_anew
	refused "No such device" "$PCI/drivers/vfio-pci/unbind" "$(bdf_of life)"
}

hand__new_id_takes_the_free_card_and_leaves_the_busy_one() {
	start_anew
	unbind life
	say "$ID" >"$PCI/drivers/vfio-pci/new_id"
	expect_driver "$(bdf_of life)" vfio-pci
	expect_driver "$(bdf_of twin)" "$NATIVE"
}

hand__new_id_twice_is_file_exists() {
	start_anew
	say "$ID" >"$PCI/drivers/vfio-pci/new_id"
	refused "File exists" "$PCI/drivers/vfio-pci/new_id" "$ID"
}

hand__new_id_without_a_device_is_invalid_argument() {
	refused "Invalid argument" "$PCI/drivers/vfio-pci/new_id" 1af4
	refused "Invalid argument" "$PCI/drivers/vfio-pci/new_id" 1af4:10f1
}

hand__new_id_of_a_module_that_is_missing_is_no_such_file() {
	refused "No such file or directory" "$PCI/drivers/vfio-pic/new_id" "$ID"
}

hand__bind_takes_a_second_card_of_the_id() {
	start_anew
	say "$ID" >"$PCI/drivers/vfio-pci/new_id"
	unbind twin
	bdf_of twin >"$PCI/drivers/vfio-pci/bind"
	expect_driver "$(bdf_of twin)" vfio-pci
	expect_driver "$(bdf_of life)" "$NATIVE"
}

hand__bind_without_the_id_is_no_such_device() {
	start_anew
	unbind life
	refused "No such device" "$PCI/drivers/vfio-pci/bind" "$(bdf_of life)"
	expect_driver "$(bdf_of life)" none
}

hand__bind_of_a_busy_card_is_device_or_resource_busy() {
	start_anew
	say "$ID" >"$PCI/drivers/vfio-pci/new_id"
	refused "Device or resource busy" "$PCI/drivers/vfio-pci/bind" "$(bdf_of life)"
	expect_driver "$(bdf_of life)" "$NATIVE"
}

hand__remove_id_keeps_who_is_bound_and_takes_nobody_more() {
	start_anew
	unbind life
	say "$ID" >"$PCI/drivers/vfio-pci/new_id"
	say "$ID" >"$PCI/drivers/vfio-pci/remove_id"
	expect_driver "$(bdf_of life)" vfio-pci
	unbind life
	refused "No such device" "$PCI/drivers/vfio-pci/bind" "$(bdf_of life)"
}

hand__remove_id_of_what_is_not_there_is_no_such_device() {
	start_anew
	refused "No such device" "$PCI/drivers/vfio-pci/remove_id" "$ID"
}

hand__driver_override_is_for_one_card() {
	start_anew
	unbind life
	unbind twin
	override life $VFIO
	probe life
	probe twin
	expect_driver "$(bdf_of life)" $VFIO
	expect_driver "$(bdf_of twin)" "$NATIVE"
}

hand__driver_override_to_what_does_not_exist_leaves_it_without() {
	start_anew
	unbind life
	override life vfio_pci
	probe life
	expect_driver "$(bdf_of life)" none
}

group_file() { # CARD
	local link

	link=$(readlink "$PCI/devices/$(bdf_of "$1")/iommu_group")
	say "/dev/vfio/${link##*/}"
}

hand__group_file_is_there_while_vfio_has_it() {
	start_anew
	[[ ! -e $(group_file life) ]]
	give_to_vfio life
	[[ -c $(group_file life) ]]
	[[ ! -e $(group_file twin) ]]
	unbind life
	[[ ! -e $(group_file life) ]]
}

hand__programs_use_it_while_vfio_has_it() {
	start_anew
	give_to_vfio life
	VLAB_BDF=$(bdf_of life) "$DIR/region_test"
}

hand__card_comes_back_to_its_driver_and_works() {
	start_anew
	give_to_vfio life
	VLAB_BDF=$(bdf_of life) "$DIR/dma_test"
	unbind life
	override life ""
	bdf_of life >"$PCI/drivers/$NATIVE/bind"
	moves_data life
}

# ---- driverctl ----

need_driverctl() {
	command -v driverctl >/dev/null || skip "no driverctl; apt-get install driverctl"
}

driverctl__set_override_gives_it_to_vfio() {
	need_driverctl
	start_anew
	driverctl --nosave set-override "$(bdf_of life)" $VFIO
	expect_driver "$(bdf_of life)" $VFIO
	expect_driver "$(bdf_of twin)" "$NATIVE"
	driverctl list-overrides | tee /dev/stderr | grep -x "$(bdf_of life) $VFIO"
}

driverctl__unset_override_gives_it_back() {
	need_driverctl
	start_anew
	driverctl --nosave set-override "$(bdf_of life)" $VFIO
	driverctl --nosave unset-override "$(bdf_of life)"
	expect_driver "$(bdf_of life)" "$NATIVE"
	moves_data life
}

driverctl__override_to_no_driver_is_refused() {
	local said

	need_driverctl
	start_anew
	fails driverctl --nosave set-override "$(bdf_of life)" vfio-pic
	[[ $said == "driverctl: no such module: vfio-pic" ]]
	expect_driver "$(bdf_of life)" "$NATIVE"
}

# ---- our driver by another name ----

# NAME: load it by that name
load_vfio_as() {
	if [[ ${VLAB_MODULES:-} ]]; then
		insmod "$VLAB_MODULES/$VFIO.ko" "name=$1"
	else
		modprobe $VFIO "name=$1"
	fi
}

# Both drivers go, and come back whatever becomes of the case.
without_vfio_drivers() {
	start_anew
	trap 'rmmod $VFIO 2>/dev/null || :; load_modules "${VLAB_MODULES:-}"' EXIT
	rmmod $VFIO vfio-pci
}

name__vfio_pci_is_ours_while_the_kernels_is_not_loaded() {
	without_vfio_drivers
	load_vfio_as vfio-pci
	unbind life
	say "$ID" >"$PCI/drivers/vfio-pci/new_id"
	expect_driver "$(bdf_of life)" vfio-pci
	[[ $(readlink "$PCI/drivers/vfio-pci/module") == */$VFIO ]]
	VLAB_BDF=$(bdf_of life) "$DIR/dma_test"
}

name__that_another_driver_has_is_refused() {
	local said

	without_vfio_drivers
	modprobe vfio-pci
	fails load_vfio_as vfio-pci
	[[ $said == *"Device or resource busy" ]]
}

name__that_no_driver_can_have_is_refused() {
	local said name

	without_vfio_drivers
	for name in "" a/b; do
		fails load_vfio_as "$name"
		[[ $said == *"Invalid parameters" ]]
		dmesg | tail -n 1 | grep -F "name=$name: a driver's name is wanted"
	done
}

# ---- a user ----

as_user() { # COMMAND...
	setpriv --reuid=$USER_ID --regid=$USER_ID --clear-groups "$@"
}

# LIMIT PROGRAM ARGUMENT...: of the suite, with so much memory to lock
user_runs() {
	VLAB_BDF=$(bdf_of life) as_user prlimit --memlock="$1" "$DIR/$2" "${@:3}"
}

give_to_user() {
	start_anew
	give_to_vfio life
	chown $USER_ID "$(group_file life)"
}

user__without_the_group_file_is_eacces() {
	local said

	start_anew
	give_to_vfio life
	fails user_runs 8388608 info_test
	[[ $said == *"vst_open"*": Permission denied (13)"* && ! $said =~ ^ok ]]
}

user__with_the_group_file_runs_the_suite() {
	local program

	give_to_user
	for program in info_test config_test region_test mmap_test dirty_test; do
		user_runs 8388608 $program
	done
}

user__with_too_little_locked_memory_is_told_so() {
	local said want='RLIMIT_MEMLOCK is too low: 8192 KiB may be locked, 0 are, this takes 65540 more'

	give_to_user
	fails user_runs 8388608 dma_test -v pages_64m
	[[ $said == *"$want"*"Cannot allocate memory (12)"* ]]
	dmesg | grep "RLIMIT_MEMLOCK (8388608) exceeded"
}

user__with_enough_locked_memory_does_dma() {
	give_to_user
	prlimit --memlock=$((160 << 20)) --pid $BASHPID
	user_runs $((160 << 20)) dma_test
}

# COMMAND: of a shell; that user is told that he may not
denied() {
	local said

	fails as_user sh -c "$1"
	[[ $said == *"Permission denied"* ]]
}

user__cannot_make_or_change_cards() {
	denied "mkdir $CONFIGFS/mine"
	denied "echo 0 >$CONFIGFS/life/live"
	denied "rmdir $CONFIGFS/life"
	[[ $(<"$CONFIGFS/life/live") == 1 ]]
}

user__cannot_bind_drivers() {
	denied "echo '$ID' >$PCI/drivers/vfio-pci/new_id"
	denied "echo $VFIO >$PCI/devices/$(bdf_of life)/driver_override"
	denied "echo $(bdf_of life) >$PCI/drivers_probe"
}

# ---- all ----

clean_up() {
	rm -rf "$TMP"
	"$DIR/card.sh" down life twin || :
	rmmod "$NATIVE" || :
} 2>/dev/null

((EUID == 0)) || skip_all "needs root"
[[ ! ${VLAB_BDF:-} ]] || skip_all "VLAB_BDF is set, and these are the lives of two cards"
take_packages
load_modules "${VLAB_MODULES:-}" || exit 1
has_backplane || skip_all "there is no backplane, and one card alone has no twin"
TMP=$(mktemp -d)
trap clean_up EXIT
load_native || skip_all "no $NATIVE: the kernel has no serial core"
plug life
plug twin
run_cases "${CASES[@]}"
