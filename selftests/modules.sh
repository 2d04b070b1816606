# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Sourced by what needs cards: what must be loaded and mounted before one can be
# made. Few programs are started, since each takes its time in a slow guest.

# shellcheck disable=SC2034 # those who source this use it
CONFIGFS=/sys/kernel/config/vfiolab
NATIVE=vfiolab_serial_tty

# Buses that a port has decide how many slots fit below it.
SLOTS=(31 8 4 1)

module_is_loaded() {
	[[ -d /sys/module/${1//-/_} ]]
}

# Is the switch there? Without, cards go straight into root ports.
has_backplane() {
	local file id

	for file in /sys/bus/pci/devices/*/device; do
		read -r id <"$file"
		[[ $id != 0x10fe ]] || return 0
	done
	return 1
}

# BDF: the name of its driver, or none
driver_of() {
	local link

	link=$(readlink "/sys/bus/pci/devices/$1/driver") || link=none
	echo "${link##*/}"
}

# BDF DRIVER
expect_driver() {
	local driver

	driver=$(driver_of "$1")
	echo "$1 has driver $driver, expected $2"
	[[ $driver == "$2" ]]
}

# COMMAND...: load the core with as many slots as fit.
load_core() {
	local slots

	for slots in "${SLOTS[@]}"; do
		"$@" "slots=$slots" "aperture=${VLAB_APERTURE:-}" "segment=${VLAB_SEGMENT:-0}" || return
		has_backplane && return
		[[ $slots != "${SLOTS[-1]}" ]] || return 0
		rmmod vfiolab
	done
}

# NAME COMMAND...: load a module that may be there.
load_one() {
	local name=$1

	shift
	! module_is_loaded "$name" || return 0
	case $name in
	vfiolab) load_core "$@" ;;
	vfiolab_vfio_pci) "$@" check_iommu=1 ;;
	"$NATIVE") ;; # it would take each card as it appears
	*) "$@" ;;
	esac || {
		echo "$name cannot be loaded, the kernel says: $(dmesg | tail -n 1)" >&2
		return 1
	}
}

load_installed() {
	local name

	for name in vfiolab vfiolab_serial vfiolab_null vfiolab_tty vfiolab_vfio_pci; do
		load_one "$name" modprobe "$name" || return
	done
}

# DIR: the core first, then what builds on it.
load_files() {
	local file name

	[[ -e $1/vfiolab.ko ]] || {
		echo "$1 has no vfiolab.ko" >&2
		return 1
	}
	for file in "$1"/vfiolab.ko "$1"/vfiolab_*.ko; do
		name=${file##*/}
		load_one "${name%.ko}" insmod "$file" || return
	done
}

load_vfio() {
	modprobe -a vfio-pci vfio_iommu_type1 && return
	echo "the kernel has no vfio: CONFIG_VFIO_PCI and CONFIG_VFIO_IOMMU_TYPE1 are needed" >&2
	return 1
}

mount_configfs() {
	local mounts

	[[ -d /sys/kernel/config ]] || modprobe configfs || return
	mounts=$(</proc/self/mounts)
	[[ $mounts == *" /sys/kernel/config "* ]] ||
		mount -t configfs configfs /sys/kernel/config
}

# [DIR]: load all modules of a directory, without one those installed.
load_modules() {
	load_vfio && mount_configfs || return
	if [[ ${1:-} ]]; then
		load_files "$1"
	else
		load_installed
	fi
}

# The card's own driver, which load_modules leaves out; from where the others are.
load_native() {
	if [[ ${VLAB_MODULES:-} ]]; then
		insmod "$VLAB_MODULES/$NATIVE.ko"
	else
		modprobe "$NATIVE"
	fi
}
