# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Sourced by run.sh and card.sh: what must be loaded and mounted before a card
# can be made.

# shellcheck disable=SC2034 # those who source this use it
CONFIGFS=/sys/kernel/config/vfiolab

# Buses that a port has decide how many slots fit below it.
SLOTS=(31 8 4 1)

module_is_loaded() {
	[[ -d /sys/module/${1//-/_} ]]
}

# FILE NAME: a parameter's values to try, one after the other.
module_options() {
	case $1 in
	vfiolab) printf 'slots=%s\n' "${SLOTS[@]}" ;;
	vfiolab_vfio_pci) echo check_iommu=1 ;;
	*) echo ;;
	esac
}

# Is the switch there? Without, cards go straight into root ports.
has_backplane() {
	grep -qx 0x10fe /sys/bus/pci/devices/*/device
}

# COMMAND... NAME: load a module with the first of its options that will do.
load_with_options() {
	local name=${*: -1} option options

	mapfile -t options < <(module_options "$name")
	for option in "${options[@]}"; do
		# shellcheck disable=SC2086 # no option is no argument
		"${@:1:$#-1}" $option || continue
		[[ $name == vfiolab && $option != "${options[-1]}" ]] && ! has_backplane || return 0
		rmmod "$name"
	done
	echo "$name cannot be loaded: see dmesg" >&2
	return 1
}

# A file and, before it, those of its directory that it depends on.
load_file() {
	local file=$1 name dep

	name=$(basename "$file" .ko)
	! module_is_loaded "$name" || return 0
	for dep in $(modinfo -F depends "$file" | tr , ' '); do
		if [[ -e $(dirname "$file")/$dep.ko ]]; then
			load_file "$(dirname "$file")/$dep.ko" || return
		else
			modprobe "$dep" || return
		fi
	done
	load_with_options insmod "$file" "$name"
}

load_installed() {
	local name

	for name in vfiolab vfiolab_serial vfiolab_null vfiolab_ioat vfiolab_tty \
		vfiolab_vfio_pci; do
		module_is_loaded "$name" ||
			load_with_options modprobe "$name" "$name" || return
	done
}

load_vfio() {
	modprobe vfio-pci && modprobe vfio_iommu_type1 && return
	echo "the kernel has no vfio: CONFIG_VFIO_PCI and CONFIG_VFIO_IOMMU_TYPE1 are needed" >&2
	return 1
}

mount_configfs() {
	[[ -d /sys/kernel/config ]] || modprobe configfs
	mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
}

# [DIR]: load all modules of a directory, without one those installed.
load_modules() {
	local dir=${1:-} file

	load_vfio && mount_configfs || return
	[[ $dir ]] || {
		load_installed
		return
	}
	for file in "$dir"/vfiolab*.ko; do
		[[ -e $file ]] || {
			echo "$dir has no vfiolab*.ko" >&2
			return 1
		}
		load_file "$file" || return
	done
}
