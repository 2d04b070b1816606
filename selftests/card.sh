#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# card.sh [--modules DIR] up [NAME=VALUE...]   plug a card in, bind it
# card.sh down [CARD...]                       pull those cards, else all
#
# up: model=serial and ports=4 unless said otherwise, any other attribute as in
# configfs (personality=mcs9922, slot=0, port0/far=tty), name=CARD (default the
# first free of card0, card1 ...) and driver=DRIVER (default vfiolab_vfio_pci;
# empty: none). Prints a line for each function: address, IOMMU group, driver,
# card. Exit status: 0, 1 it did not work (the kernel's reason is printed), 2 usage.
set -euo pipefail

DIR=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=selftests/modules.sh
. "$DIR/modules.sh"

PCI=/sys/bus/pci

usage() {
	sed -n '4,13s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

fail() {
	printf 'card.sh: %s\n' "$*" >&2
	dmesg | grep 'vfiolab: ' | tail -n 1 >&2 || :
	exit 1
}

first_free() {
	local n=0

	while [[ -d $CONFIGFS/card$n ]]; do
		n=$((n + 1))
	done
	echo "card$n"
}

# FILE TEXT: one write; bash would complain about a failed one twice.
put() {
	{ printf '%s\n' "$2" >"$1"; } 2>/dev/null
}

bind() {
	local bdf=$1 dev=$PCI/devices/$1

	put "$dev/driver_override" "$driver" || return
	[[ ! -e $dev/driver ]] || put "$dev/driver/unbind" "$bdf" || return
	put $PCI/drivers_probe "$bdf" || return
	[[ $(driver_of "$bdf") == "$driver" ]]
}

group_of() {
	[[ ! -e $PCI/devices/$1/iommu_group ]] ||
		basename "$(readlink "$PCI/devices/$1/iommu_group")"
}

describe() {
	local group driver

	group=$(group_of "$1")
	driver=$(driver_of "$1")
	echo "$1 group ${group:-none} driver $driver card $name"
}

remove() {
	put "$CONFIGFS/$1/live" 0 && rmdir "$CONFIGFS/$1"
}

abandon() {
	remove "$name" || :
	fail "$@"
}

up() {
	local name='' driver=vfiolab_vfio_pci model=serial attrs=() attr bdf
	local given=" $* "

	for attr; do
		case $attr in
		name=*) name=${attr#*=} ;;
		driver=*) driver=${attr#*=} ;;
		model=*) model=${attr#*=} ;;
		*=*) attrs+=("$attr") ;;
		*) usage ;;
		esac
	done
	[[ $model != serial || $given == *" ports="* || $given == *" personality="* ]] ||
		attrs=(ports=4 "${attrs[@]}")
	load_modules "$modules" || exit 1
	name=${name:-$(first_free)}
	mkdir "$CONFIGFS/$name" || exit 1
	plug
	for bdf in $(<"$CONFIGFS/$name/address"); do
		[[ ! $driver ]] || bind "$bdf" || abandon "$bdf: $driver did not bind"
		describe "$bdf"
	done
}

plug() {
	local attr

	put "$CONFIGFS/$name/model" "$model" || abandon "model=$model was refused"
	for attr in "${attrs[@]}"; do
		put "$CONFIGFS/$name/${attr%%=*}" "${attr#*=}" || abandon "$attr was refused"
	done
	put "$CONFIGFS/$name/live" 1 || abandon "it could not be plugged in"
}

down() {
	local card cards=("$@")

	(($#)) || mapfile -t cards < <(ls "$CONFIGFS" 2>/dev/null)
	for card in "${cards[@]}"; do
		[[ -d $CONFIGFS/$card ]] || fail "there is no $card"
		remove "$card" || fail "$card could not be removed"
	done
}

modules=''
if [[ ${1:-} == --modules ]]; then
	modules=${2:?}
	shift 2
fi
case ${1:-} in
up | down) "$@" ;;
*) usage ;;
esac
