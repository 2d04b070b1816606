#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# packages: libvirt-daemon-system libvirt-clients
#
# A card in the hands of libvirt: virsh finds it, takes it from its driver and gives
# it back, domains get it and nobody else then, and a guest moves data through it. The
# daemon is libvirt's own, started here, with QEMU as its unprivileged user. Messages
# are those of docs/troubleshooting.md. Prints KTAP.
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
# shellcheck source=selftests/guest.sh
. "$DIR/guest.sh"

VARIANT=vfiolab_vfio_pci
VFIO=vfio-pci # the name it gets here, as older libvirt knows no other
QEMU_USER=libvirt-qemu
MEMORY=256           # MiB of a guest
NOWHERE=0000:fe:1f.7 # nothing is there

CASES=(
	nodedev__list_has_the_card
	nodedev__dumpxml_tells_ids_driver_and_iommu_group
	nodedev__detach_gives_it_to_vfio_and_reattach_back
	nodedev__detach_by_an_unknown_driver_is_refused
	nodedev__detach_of_what_is_not_there_is_refused
	domain__start_takes_the_card_from_its_driver_and_end_gives_it_back
	domain__has_the_card_alone
	domain__runs_as_a_user_who_has_the_group_and_memory_to_lock
	domain__keeps_its_card_from_detach_and_reattach
	domain__not_managed_refuses_a_card_that_its_driver_has
	domain__not_managed_takes_a_card_that_was_detached
	domain__with_an_address_of_nothing_is_refused
	guest__moves_data_through_the_card
)

say() {
	printf '%s\n' "$*"
}

# COMMAND...: it fails; what it says into said of the caller
fails() {
	if said=$("$@" 2>&1); then
		say "$said" "this did not fail: $*"
		return 1
	fi
	say "$said"
}

# WORDS COMMAND...
refused() {
	local said

	fails "${@:2}"
	say "expected: $1"
	[[ $said == *"$1"* ]]
}

group() {
	local link

	link=$(readlink "/sys/bus/pci/devices/$CARD/iommu_group")
	say "${link##*/}"
}

# ---- libvirt ----

v() {
	timeout "$GUEST_PATIENCE" virsh -q -c qemu:///system "$@"
}

# BDF: what libvirt calls it
node_of() {
	say "pci_${1//[:.]/_}"
}

# NAME BDF MANAGED [TEXT]: a domain of 256 MiB with the card; TEXT is more of <os>
domain_xml() {
	local domain bus slot function

	IFS=:. read -r domain bus slot function <<<"$2"
	cat <<-END
		<domain type='$ACCEL'>
			<name>$1</name>
			<memory unit='MiB'>$MEMORY</memory>
			<os>
				<type arch='x86_64' machine='q35'>hvm</type>
				${4:-}
			</os>
			<features><acpi/><apic/></features>
			<cpu mode='custom' match='exact' check='none'>
				<model fallback='forbid'>qemu64</model>
				<feature policy='require' name='rdrand'/>
			</cpu>
			<devices>
				<controller type='usb' model='none'/>
				<memballoon model='none'/>
				<serial type='file'><source path='$LOGS/$1.log'/></serial>
				<hostdev mode='subsystem' type='pci' managed='$3'>
					<driver name='vfio'/>
					<source>
						<address domain='0x$domain' bus='0x$bus' slot='0x$slot' function='0x$function'/>
					</source>
				</hostdev>
			</devices>
		</domain>
	END
}

# NAME BDF MANAGED: it is there, and does not run
create() {
	domain_xml "$@" >"$TMP/$1.xml"
	v create --paused "$TMP/$1.xml"
}

is_shut_off() { # NAME
	! v domstate "$1" >/dev/null 2>&1
}

# As it was at first
start_anew() {
	local name

	for name in one two; do
		v destroy "$name" || :
	done
	[[ $(driver_of "$CARD") == "$NATIVE" ]] || v nodedev-reattach "$(node_of "$CARD")" || :
	[[ $(driver_of "$CARD") == "$NATIVE" ]]
} >/dev/null 2>&1

# ---- devices of the node ----

nodedev__list_has_the_card() {
	v nodedev-list --cap pci | tee /dev/stderr | grep -x "$(node_of "$CARD")"
}

nodedev__dumpxml_tells_ids_driver_and_iommu_group() {
	local xml domain bus slot function

	xml=$(v nodedev-dumpxml "$(node_of "$CARD")")
	say "$xml"
	IFS=:. read -r domain bus slot function <<<"$CARD"
	[[ $xml == *"<name>$NATIVE</name>"* ]]
	[[ $xml == *"<class>0x078000</class>"* ]]
	[[ $xml == *"<product id='0x10f1'"* && $xml == *"<vendor id='0x1af4'"* ]]
	[[ $xml == *"<iommuGroup number='$(group)'>"*"<address domain='0x$domain' bus='0x$bus' slot='0x$slot' function='0x$function'/>"*"</iommuGroup>"* ]]
}

nodedev__detach_gives_it_to_vfio_and_reattach_back() {
	start_anew
	works_natively "$CARD"
	v nodedev-detach "$(node_of "$CARD")" --driver vfio
	expect_driver "$CARD" $VFIO
	[[ $(v nodedev-dumpxml "$(node_of "$CARD")") == *"<name>$VFIO</name>"* ]]
	VLAB_BDF=$CARD "$DIR/info_test"
	v nodedev-reattach "$(node_of "$CARD")"
	expect_driver "$CARD" "$NATIVE"
	works_natively "$CARD"
}

nodedev__detach_by_an_unknown_driver_is_refused() {
	start_anew
	fails v nodedev-detach "$(node_of "$CARD")" --driver vfoi
	expect_driver "$CARD" "$NATIVE"
}

nodedev__detach_of_what_is_not_there_is_refused() {
	refused "Could not find matching device '$(node_of $NOWHERE)'" \
		v nodedev-detach "$(node_of $NOWHERE)"
}

# ---- domains ----

domain__start_takes_the_card_from_its_driver_and_end_gives_it_back() {
	start_anew
	create one "$CARD" yes
	expect_driver "$CARD" $VFIO
	v qemu-monitor-command one --hmp info qtree | tee /dev/stderr | grep 'pci id 1af4:10f1'
	v destroy one
	expect_driver "$CARD" "$NATIVE"
	works_natively "$CARD"
}

domain__has_the_card_alone() {
	start_anew
	create one "$CARD" yes
	refused "PCI device $CARD is in use by driver QEMU, domain one" create two "$CARD" yes
	refused "PCI device $CARD is in use by driver QEMU, domain one" create two "$CARD" no
	v qemu-monitor-command one --hmp info qtree | grep 'pci id 1af4:10f1'
	v destroy one
}

# NAME: QEMU's process
pid_of() {
	cat "/run/libvirt/qemu/$1.pid"
}

# FILE USER
expect_owner() {
	local owner

	owner=$(stat -c %U "$1")
	say "$1 is $owner's, expected $2's"
	[[ $owner == "$2" ]]
}

domain__runs_as_a_user_who_has_the_group_and_memory_to_lock() {
	local limit file

	start_anew
	v nodedev-detach "$(node_of "$CARD")"
	file=/dev/vfio/$(group)
	expect_owner "$file" root
	create one "$CARD" no
	expect_owner "/proc/$(pid_of one)" $QEMU_USER
	expect_owner "$file" $QEMU_USER
	limit=$(awk '/^Max locked memory/ { print $4 }' "/proc/$(pid_of one)/limits")
	say "it may lock $limit bytes"
	((limit >= MEMORY << 20))
	v destroy one
	expect_owner "$file" root
	v nodedev-reattach "$(node_of "$CARD")"
	[[ ! -e $file ]]
}

domain__keeps_its_card_from_detach_and_reattach() {
	local words="PCI device $CARD is in use by driver QEMU, domain one"

	start_anew
	create one "$CARD" yes
	refused "$words" v nodedev-detach "$(node_of "$CARD")"
	refused "$words" v nodedev-reattach "$(node_of "$CARD")"
	refused "Not resetting active device $CARD" v nodedev-reset "$(node_of "$CARD")"
	expect_driver "$CARD" $VFIO
	v destroy one
}

domain__not_managed_refuses_a_card_that_its_driver_has() {
	start_anew
	refused "Unmanaged PCI device $CARD must be manually detached from the host" \
		create one "$CARD" no
	expect_driver "$CARD" "$NATIVE"
	works_natively "$CARD"
}

domain__not_managed_takes_a_card_that_was_detached() {
	start_anew
	v nodedev-detach "$(node_of "$CARD")"
	create one "$CARD" no
	v destroy one
	expect_driver "$CARD" $VFIO
	v nodedev-reattach "$(node_of "$CARD")"
	works_natively "$CARD"
}

# Which of the two depends on libvirt's version.
domain__with_an_address_of_nothing_is_refused() {
	local said

	start_anew
	fails create one $NOWHERE yes
	[[ $said == *"Device $NOWHERE not found: could not access"* ||
		$said == *"An error occurred, but the cause is unknown"* ]]
	fails v dominfo one
	works_natively "$CARD"
}

# ---- a guest ----

guest__moves_data_through_the_card() {
	[[ $ACCEL == kvm ]] || skip "no KVM in this guest"
	start_anew
	make_guest_files "$LOGS"
	domain_xml one "$CARD" yes "<kernel>$LOGS/kernel</kernel><initrd>$LOGS/initrd</initrd>
		<cmdline>$GUEST_CMDLINE</cmdline>" >"$TMP/one.xml"
	trap 'cat "$LOGS/one.log"' EXIT
	talk_to_guest virt v create "$TMP/one.xml"
	wait_for is_shut_off one
	works_natively "$CARD"
}

# ---- all ----

# NAME: what the package makes as it is installed
make_user() {
	local id=64055

	getent group kvm >/dev/null || echo "kvm:x:$((id + 1)):" >>/etc/group
	getent group "$1" >/dev/null || echo "$1:x:$id:" >>/etc/group
	getent passwd "$1" >/dev/null ||
		echo "$1:x:$id:$id::/var/lib/libvirt:/usr/sbin/nologin" >>/etc/passwd
}

# No init, no udev, no AppArmor and no control groups are here, and the one who asks is
# root. /dev stays the guest's own, so that it can be looked at.
configure() {
	mkdir -p /etc/libvirt
	cat >/etc/libvirt/libvirtd.conf <<-'END'
		auth_unix_rw = "none"
		host_uuid = "6b1a0f1e-52d8-4a35-9a07-8e1f2c3d4b5a"
	END
	cat >/etc/libvirt/qemu.conf <<-END
		user = "$QEMU_USER"
		group = "kvm"
		security_driver = "none"
		cgroup_controllers = []
		namespaces = []
		stdio_handler = "file"
	END
	[[ ! -c /dev/kvm ]] || {
		chgrp kvm /dev/kvm
		chmod 660 /dev/kvm
	}
}

is_up() {
	kill -0 "$DAEMON" || {
		say "libvirtd has ended: $(tail -n 3 "$TMP/libvirtd.log")"
		exit 1
	}
	v version >/dev/null 2>&1
}

start_libvirt() {
	make_user $QEMU_USER
	configure
	libvirtd >"$TMP/libvirtd.log" 2>&1 &
	DAEMON=$!
	wait_for is_up
}

# By the name of the kernel's own, which must not be loaded then.
load_variant() {
	if [[ ${VLAB_MODULES:-} ]]; then
		insmod "$VLAB_MODULES/$VARIANT.ko" "name=$VFIO" check_iommu=1
	else
		modprobe $VARIANT "name=$VFIO" check_iommu=1
	fi
}

clean_up() {
	local name

	for name in one two; do
		v destroy "$name" || :
	done
	[[ ! $DAEMON ]] || {
		kill "$DAEMON"
		wait "$DAEMON" || :
	}
	"$DIR/card.sh" down virt || :
	rmmod "$NATIVE" $VARIANT || :
	rm -rf "$TMP" "$LOGS"
} 2>/dev/null

((EUID == 0)) || skip_all "needs root"
[[ ! ${VLAB_BDF:-} ]] || skip_all "VLAB_BDF is set, and this is the life of a card of our own"
[[ -d /run/vfiolab/host ]] || skip_all "not a guest of the harness: a libvirt that is used stays alone"
take_packages
command -v libvirtd virsh >/dev/null ||
	skip_all "no libvirt: apt has no libvirt-daemon-system and libvirt-clients, see the harness' output"
load_modules "${VLAB_MODULES:-}" || exit 1
DAEMON='' TMP=$(mktemp -d) LOGS=$(mktemp -d /var/tmp/vfiolab.XXXXXX)
chmod 755 "$LOGS"
trap clean_up EXIT
ACCEL=qemu
[[ ! -c /dev/kvm ]] || ACCEL=kvm
load_native || skip_all "no $NATIVE: the kernel has no serial core"
plug_guest_card virt
CARD=$(<"$CONFIGFS/virt/address")
rmmod $VARIANT vfio-pci
load_variant
start_libvirt
run_cases "${CASES[@]}"
