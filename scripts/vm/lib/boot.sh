# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2153 # names are shared by the files
# What QEMU loads: the kernel, unpacked, and a thin initramfs. Both are kept in
# the cache by what went into them, and go when unused for a month.

BOOT_IMAGE=''     # vmlinux, or the bzImage where that cannot be had
BOOT_INITRAMFS='' # busybox, guest/* and the modules of BOOT_MODULES

# What it takes to reach the root over 9p and to report over virtio-serial.
readonly BOOT_MODULES=(virtio_pci 9pnet_virtio 9p overlay virtio_console)

use_boot_files() {
	local dir=$CACHE/boot key

	[[ $KERNEL_SPEC != running ]] || return 0
	make_dir "$dir"
	key=$(sha256sum <"$KERNEL_IMAGE" | cut -c1-16)
	BOOT_IMAGE=$dir/$KERNEL_RELEASE-$key.vmlinux
	key=$(cat "$VM_DIR"/guest/* "$(command -v busybox)" \
		"$KERNEL_ROOT/lib/modules/$KERNEL_RELEASE/modules.dep" | sha256sum | cut -c1-16)
	BOOT_INITRAMFS=$dir/$KERNEL_RELEASE-$key.cpio
	with_lock "$dir/lock" "boot files of $KERNEL_RELEASE" make_boot_files "$dir"
}

make_boot_files() { # DIR
	if [[ ! -s $BOOT_IMAGE || ! -s $BOOT_INITRAMFS ]]; then
		find "$1" -type f -atime +30 -delete
		cache_scratch
		unpack_image "$SCRATCH/image"
		pack_initramfs "$SCRATCH/root"
		mv -- "$SCRATCH/image" "$BOOT_IMAGE"
		mv -- "$SCRATCH/root.cpio" "$BOOT_INITRAMFS"
		remove_tree "$SCRATCH"
	fi
	touch -a "$BOOT_IMAGE" "$BOOT_INITRAMFS"
}

# An emulated CPU takes seconds to unpack a kernel, we take half of one. QEMU boots
# the result through its PVH entry; a kernel without one stays as it is.
unpack_image() { # FILE
	unpack_payload >"$1" ||
		die_full "$1" "$KERNEL_IMAGE is broken: its compressed kernel does not unpack"
	LC_ALL=C grep -qaP '\x12\0\0\0Xen\0' "$1" || cp -- "$KERNEL_IMAGE" "$1"
}

# Where the payload is, is in the header too: (setup sectors at 0x1f1 + 1) * 512 +
# the offset at 0x248, length at 0x24c. But for gzip its last four bytes are the
# unpacked size and no part of the stream.
unpack_payload() {
	local start length

	start=$((($(image_number 497 1) + 1) * 512 + $(image_number 584 4)))
	length=$(image_number 588 4)
	case $(od -An -tx1 "-j$start" -N4 -- "$KERNEL_IMAGE" | tr -d ' ') in
	1f8b*) payload "$start" "$length" | gzip -dc ;;
	fd377a58) payload "$start" $((length - 4)) | xz -dc ;;
	28b52ffd) payload "$start" $((length - 4)) | zstd -dc ;;
	*) cat -- "$KERNEL_IMAGE" ;; # boots as it is
	esac
}

payload() { # START LENGTH
	dd if="$KERNEL_IMAGE" bs=64K iflag=skip_bytes,count_bytes skip="$1" count="$2" status=none
}

pack_initramfs() { # DIR; makes DIR.cpio
	mkdir -p "$1"/{bin,dev,proc,modules,lower,over,sysroot}
	cp -- "$(command -v busybox)" "$1/bin/busybox"
	cp -- "$VM_DIR"/guest/* "$1/"
	boot_modules | copy_modules "$1/modules"
	(cd "$1" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) >"$1.cpio" ||
		die_full "$1" "cannot pack an initramfs"
}

# Files of the boot modules, each after those it needs; none for what is built in.
# And configfs if there is one: cards are made there, and it is quicker now.
boot_modules() {
	local name

	for name in "${BOOT_MODULES[@]}"; do
		module_files "$name" ||
			die "kernel $KERNEL_RELEASE cannot be booted here: it has no $name"
	done | awk '!seen[$0]++'
	module_files configfs || :
}

module_files() { # NAME
	modprobe -qd "$KERNEL_ROOT" -S "$KERNEL_RELEASE" -D "$1" |
		sed -n 's/^insmod \([^ ]*\).*/\1/p'
}

# Copies the files named on stdin, and their order.
copy_modules() { # DIR
	local file name

	while read -r file; do
		name=${file##*/}
		name=${name%.ko*}.ko
		case $file in
		*.xz) xz -dc -- "$file" ;;
		*.zst) zstd -dcq -- "$file" ;;
		*.gz) gzip -dc -- "$file" ;;
		*) cat -- "$file" ;;
		esac >"$1/$name"
		echo "$name"
	done >"$1/order"
}
