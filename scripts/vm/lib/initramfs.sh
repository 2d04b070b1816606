# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# The thin initramfs: busybox, guest/init and the few modules it takes to reach
# the root over 9p. Cached by what is in it.

readonly BOOT_MODULES=(virtio_pci 9pnet_virtio 9p overlay virtio_console)

INITRAMFS='' # result of use_initramfs

use_initramfs() {
	local key

	key=$(sha256sum "$VM_DIR"/guest/* "$(command -v busybox)" \
		"$KERNEL_ROOT/lib/modules/$KERNEL_RELEASE/modules.dep" | sha256sum)
	INITRAMFS=$CACHE/initramfs/$KERNEL_RELEASE-${key:0:16}.cpio
	[[ -f $INITRAMFS ]] || with_lock "initramfs-${key:0:16}" build_initramfs
}

build_initramfs() {
	local new

	[[ ! -f $INITRAMFS ]] || return 0
	cache_scratch
	new=$SCRATCH/root
	mkdir -p "$new"/{bin,dev,proc,modules,lower,over,root}
	cp "$(command -v busybox)" "$new/bin/busybox"
	cp "$VM_DIR"/guest/* "$new/"
	boot_modules | copy_modules "$new/modules"
	(cd "$new" && find . | cpio --quiet -o -H newc -R 0:0) >"$SCRATCH/cpio" ||
		die_full "$CACHE" "cannot pack the initramfs"
	mkdir -p "$CACHE/initramfs"
	mv "$SCRATCH/cpio" "$INITRAMFS"
	remove_tree "$SCRATCH"
}

# Files of the boot modules in the order in which they must be loaded.
boot_modules() {
	local m

	for m in "${BOOT_MODULES[@]}"; do
		/sbin/modprobe -d "$KERNEL_ROOT" -S "$KERNEL_RELEASE" -D "$m" ||
			die "kernel $KERNEL_RELEASE has no module $m, needed to boot it"
	done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++'
}

copy_modules() { # DIR; reads file names
	local file name

	while read -r file; do
		name=${file##*/}
		name=${name%.ko*}.ko
		case $file in
		*.xz) xz -dc "$file" >"$1/$name" ;;
		*.zst) zstd -dcq "$file" >"$1/$name" ;;
		*.gz) gzip -dc "$file" >"$1/$name" ;;
		*) cp "$file" "$1/$name" ;;
		esac
		printf '%s\n' "$name"
	done >"$1/order"
}
