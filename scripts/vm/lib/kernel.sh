# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Kernels: a spec or a path becomes an image, its release, its modules and a
# directory to build our modules against.

KERNEL_SPEC='' # what was asked for
KERNEL_IMAGE='' # bzImage
KERNEL_RELEASE='' # uname -r
KERNEL_ROOT='' # directory with lib/modules/RELEASE, depmod already run
KERNEL_BUILD='' # directory for make -C, empty if there is none

use_kernel() { # SPEC|PATH
	KERNEL_SPEC=$1
	case $1 in
	deb:?*) use_deb_kernel "${1#deb:}" ;;
	src:?*) use_build_tree "$("$VM_DIR/kernel-src" "$1")" ;;
	*)
		if [[ -d $1/arch/x86 ]]; then
			use_build_tree "$(realpath -- "$1")"
		elif [[ -f $1 ]]; then
			use_image "$(realpath -- "$1")"
		else
			die "no kernel '$1': expected deb:VERSION, src:VERSION+FRAGMENT," \
				"a bzImage or a kernel build directory"
		fi
		;;
	esac
}

# The release as the bzImage header has it (Documentation/arch/x86/boot.rst:
# "HdrS" at 0x202, at 0x20e the offset of the version string less 0x200).
image_release() { # FILE
	local magic offset

	magic=$(dd if="$1" bs=1 skip=514 count=4 status=none | tr -d '\0')
	[[ $magic == HdrS ]] || return 1
	offset=$(od -An -tu2 -j526 -N2 -- "$1")
	dd if="$1" bs=1 skip=$((offset + 512)) count=128 status=none |
		tr '\0' '\n' | head -n1 | cut -d' ' -f1
}

read_image() { # FILE
	KERNEL_IMAGE=$1
	KERNEL_RELEASE=$(image_release "$1") && [[ $KERNEL_RELEASE ]] ||
		die "$1 is not a kernel image: no bzImage header"
}

use_deb_kernel() { # VERSION|stock
	local entry=$CACHE/kernels/deb-$1

	with_lock "deb-$1" fetch_deb_kernel "$1" "$entry"
	KERNEL_ROOT=$(readlink -f -- "$entry")
	KERNEL_RELEASE=$(<"$KERNEL_ROOT/release")
	KERNEL_IMAGE=$KERNEL_ROOT/boot/vmlinuz-$KERNEL_RELEASE
	KERNEL_BUILD=$KERNEL_ROOT/usr/src/linux-headers-$KERNEL_RELEASE
}

# The link names what the spec meant when last looked up; a week later it is
# looked up again, and kept if that fails.
fetch_deb_kernel() { # VERSION|stock LINK
	local package version

	[[ ! $(find "$2" -maxdepth 0 -mtime -7 2>/dev/null) ]] || return 0
	stage "kernel deb:$1"
	find_deb_kernel "$1"
	unpack_deb_kernel "$package" "$version" "$2"
}

unpack_deb_kernel() { # PACKAGE VERSION LINK
	local name=${1}_$2 release=${1#linux-image-}

	if [[ ! -d $CACHE/kernels/$name ]]; then
		cache_scratch
		fetch_debs "$SCRATCH" "$1" "linux-headers-$release"
		[[ -d $SCRATCH/lib/modules ]] || ln -s usr/lib "$SCRATCH/lib"
		"$VM_DIR/relocate-headers" "$SCRATCH"
		depmod -b "$SCRATCH" "$release"
		printf '%s\n' "$release" >"$SCRATCH/release"
		mkdir -p "$CACHE/kernels"
		mv -T -- "$SCRATCH" "$CACHE/kernels/$name"
	fi
	ln -sfnT "$name" "$3"
	stage_done "unpacked $release"
}
