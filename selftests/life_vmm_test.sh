#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A card in a guest of cloud-hypervisor, where that program is in PATH: it is no package
# of Debian's. What it needs of a card is held by vmm_test without it. Prints KTAP.
#
# shellcheck disable=SC2317 # run_cases calls them
set -euo pipefail

DIR=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=selftests/modules.sh
. "$DIR/modules.sh"
# shellcheck source=selftests/ktap.sh
. "$DIR/ktap.sh"
# shellcheck source=selftests/guest.sh
. "$DIR/guest.sh"

VFIO=vfiolab_vfio_pci

CASES=(
	cloud_hypervisor__refuses_a_card_that_its_driver_has
	cloud_hypervisor__moves_data_through_the_card
)

bind() { # DRIVER
	echo "$1" >"/sys/bus/pci/devices/$CARD/driver_override"
	echo "$CARD" >"/sys/bus/pci/devices/$CARD/driver/unbind"
	echo "$CARD" >/sys/bus/pci/drivers_probe
}

guest() {
	cloud-hypervisor --kernel "$FILES/kernel" --initramfs "$FILES/initrd" \
		--cmdline "$GUEST_CMDLINE" --cpus boot=1 --memory size=256M --console off \
		--serial "file=$FILES/console" --device "path=/sys/bus/pci/devices/$CARD/"
}

start_guest() {
	guest >"$FILES/log" 2>&1 &
	vmm=$!
}

cloud_hypervisor__refuses_a_card_that_its_driver_has() {
	if timeout "$GUEST_PATIENCE" cloud-hypervisor --kernel "$FILES/kernel" \
		--memory size=256M --console off --serial off \
		--device "path=/sys/bus/pci/devices/$CARD/"; then
		return 1
	fi
	expect_driver "$CARD" "$NATIVE"
}

cloud_hypervisor__moves_data_through_the_card() {
	local vmm=''

	bind $VFIO
	expect_driver "$CARD" $VFIO
	trap 'cat "$FILES/log" "$FILES/console"; kill $vmm' EXIT
	talk_to_guest vmm start_guest
	wait "$vmm"
	trap - EXIT
	bind ""
	works_natively "$CARD"
}

clean_up() {
	"$DIR/card.sh" down vmm || :
	rmmod "$NATIVE" || :
	rm -rf "$FILES"
} 2>/dev/null

((EUID == 0)) || skip_all "needs root"
[[ ! ${VLAB_BDF:-} ]] || skip_all "VLAB_BDF is set, and this is the life of a card of our own"
command -v cloud-hypervisor >/dev/null || skip_all "no cloud-hypervisor in PATH"
[[ -d /run/vfiolab/host ]] || skip_all "not a guest of the harness, whose kernel its guest would get"
load_modules "${VLAB_MODULES:-}" || exit 1
[[ -c /dev/kvm ]] || skip_all "no KVM in this guest"
FILES=$(mktemp -d)
trap clean_up EXIT
load_native || skip_all "no $NATIVE: the kernel has no serial core"
plug_guest_card vmm
CARD=$(<"$CONFIGFS/vmm/address")
make_guest_files "$FILES"
run_cases "${CASES[@]}"
