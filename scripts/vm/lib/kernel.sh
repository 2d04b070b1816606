# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2153 # names are shared by the files
# Kernels: a spec or a path becomes an image, a release, a directory with modules
# and one to build our modules in.

KERNEL_SPEC=''    # what was asked for
KERNEL_IMAGE=''   # bzImage
KERNEL_RELEASE='' # uname -r
KERNEL_ROOT=''    # has lib/modules/RELEASE, with modules.dep
KERNEL_BUILD=''   # for make -C; empty if there is none

use_kernel() { # SPEC|PATH
	KERNEL_SPEC=$1
	case $1 in
	running) use_running_kernel ;;
	deb:?*) use_deb_kernel "${1#deb:}" ;;
	src:?*) use_src_kernel "$1" ;;
	*)
		if [[ -d $1 ]]; then
			use_build_tree "$(realpath -- "$1")"
		elif [[ -f $1 ]]; then
			use_image "$(realpath -- "$1")"
		else
			die "no kernel '$1': give deb:VERSION, deb:stock," \
				"src:VERSION+FRAGMENT, a bzImage or a kernel build directory"
		fi
		;;
	esac
}

# In a guest: the kernel it runs, as the machine that started it knows it.
use_running_kernel() {
	[[ -e $GUEST_DIR/host/kernel ]] || die "--kernel running: this is no guest of ours"
	# shellcheck source=/dev/null
	. "$GUEST_DIR/host/kernel"
}

# For a guest to find its own kernel.
describe_kernel() {
	local name

	for name in KERNEL_IMAGE KERNEL_RELEASE KERNEL_ROOT KERNEL_BUILD BOOT_IMAGE BOOT_INITRAMFS; do
		printf '%s=%q\n' "$name" "${!name}"
	done
}

# ---- Debian's packages ----

use_deb_kernel() { # VERSION|stock
	local link=$CACHE/kernels/deb-$1

	with_lock "$link.lock" "kernel deb:$1" fetch_deb_kernel "$1" "$link"
	KERNEL_ROOT=$(realpath -- "$link")
	KERNEL_RELEASE=$(<"$KERNEL_ROOT/release")
	KERNEL_IMAGE=$KERNEL_ROOT/boot/vmlinuz-$KERNEL_RELEASE
	KERNEL_BUILD=$KERNEL_ROOT/usr/src/linux-headers-$KERNEL_RELEASE
}

# The link keeps what was found for a week. Then it is looked up again, and
# serves on if that fails.
fetch_deb_kernel() { # VERSION|stock LINK
	[[ ! -e $2 || $(find "$2" -maxdepth 0 -mtime +6) ]] || return 0
	if find_package newest_image "$1"; then
		unpack_deb_kernel "$FOUND" "$2"
	elif [[ ! -e $2 ]]; then
		die "no package linux-image-$1*-amd64 in your apt sources, nor in: ${APT_PLACES[*]:1}"
	fi
}

newest_image() { # VERSION|stock
	local version=${1//./\\.}

	if [[ $1 == stock ]]; then
		apt_query depends linux-image-amd64 |
			sed -n 's/^ *Depends: \(linux-image-.*-amd64\)$/\1/p' | awk 'NR == 1'
	else
		apt_query pkgnames "linux-image-$1" |
			grep -E "^linux-image-$version(\\.[^-]*)?(-[0-9]+)?-amd64\$" |
			sort -V | tail -n1
	fi
}

unpack_deb_kernel() { # PACKAGE LINK
	local release=${1#linux-image-} name packages

	name=$1_$(package_version "$1")
	if [[ ! -d $CACHE/kernels/$name ]]; then
		stage "kernel $release"
		cache_scratch
		mapfile -t packages < <(kernel_packages "$1" "linux-headers-$release")
		unpack_packages "$SCRATCH" "${packages[@]}"
		[[ -d $SCRATCH/lib/modules ]] || ln -s usr/lib "$SCRATCH/lib"
		"$VM_DIR/relocate-headers" "$SCRATCH"
		depmod -b "$SCRATCH" "$release"
		echo "$release" >"$SCRATCH/release"
		mv -T -- "$SCRATCH" "$CACHE/kernels/$name"
		stage_done "unpacked $name"
	fi
	ln -sfnT "$name" "$2"
}

# ---- kernels of the user's, and our own ----

use_src_kernel() { # SPEC
	local dir

	dir=$("$VM_DIR/kernel-src" "$1") || finish "$EXIT_USAGE"
	use_build_tree "$dir"
}

use_build_tree() { # DIR
	KERNEL_BUILD=$1
	KERNEL_IMAGE=$1/arch/x86/boot/bzImage
	[[ -f $KERNEL_IMAGE && -f $1/include/config/kernel.release ]] ||
		die "$1 is not a kernel build directory with a kernel in it (no arch/x86/boot/bzImage)"
	read_release
	KERNEL_ROOT=$CACHE/modules/$(sha256sum <<<"$1" | cut -c1-16)
	with_lock "$KERNEL_ROOT.lock" "modules of $1" stage_modules
}

# Installs the modules of a build directory, again whenever it was built again.
stage_modules() {
	local root=$KERNEL_ROOT

	[[ $root/stamp -ot $KERNEL_IMAGE || $root/stamp -ot $KERNEL_BUILD/Module.symvers ]] || return 0
	stage "modules of $KERNEL_RELEASE"
	cache_scratch
	make -s -C "$KERNEL_BUILD" modules_install INSTALL_MOD_PATH="$SCRATCH" \
		INSTALL_MOD_STRIP=1 DEPMOD=true >"$SCRATCH/log" 2>&1 ||
		die_full "$SCRATCH" "make modules_install in $KERNEL_BUILD: $(tail -n1 "$SCRATCH/log")"
	depmod -b "$SCRATCH" "$KERNEL_RELEASE"
	touch "$SCRATCH/stamp"
	remove_tree "$root"
	mv -T -- "$SCRATCH" "$root"
	stage_done "installed"
}

# A kernel of the user's in a lane: what the suite, or the lane's fragments, want of a
# kernel that its configuration has not. What needs that will skip or fail.
say_what_kernel_lacks() {
	local file names

	[[ -f $KERNEL_BUILD/.config ]] || return 0
	for file in "$TOP/selftests/config" $(lane_fragments); do
		[[ -f $file ]] || continue
		names=$(lacking_options "$file" "$KERNEL_BUILD/.config" | paste -sd' ')
		[[ ! $names ]] || say "kernel $KERNEL_RELEASE lacks what ${file#"$TOP/"} wants: $names"
	done
}

# Those of the lane's own kernel. Most of base is for want of a distribution, and the
# rest is known by its absence (see boot_modules).
lane_fragments() {
	local names=${LANE_KERNEL#*+} name

	[[ $LANE_KERNEL == src:*+* ]] || return 0
	for name in ${names//,/ }; do
		[[ $name == base ]] || echo "$VM_DIR/config/$name.config"
	done
}

# FILE CONFIG: options that FILE has on and CONFIG has not, built in or as a module
lacking_options() {
	awk -F= 'FNR == NR { if (/^CONFIG_/) wanted[++n] = $1; next }
		/^CONFIG_/ { have[$1] = 1 }
		END { for (i = 1; i <= n; i++) if (!have[wanted[i]]) print wanted[i] }' "$1" "$2"
}

# An image alone is no use: its modules are looked for where its package would have
# them, in this system, and among the kernels fetched before.
use_image() { # FILE
	local tree=${1%/arch/x86/boot/*} root

	KERNEL_IMAGE=$1
	read_release
	if [[ -f $tree/include/config/kernel.release ]]; then
		use_build_tree "$tree"
		return
	fi
	for root in "${1%/boot/*}" / "$CACHE"/kernels/*/; do
		[[ ! -f $root/lib/modules/$KERNEL_RELEASE/modules.dep ]] || break
	done
	[[ -f $root/lib/modules/$KERNEL_RELEASE/modules.dep ]] ||
		die "no modules for $1: there is no lib/modules/$KERNEL_RELEASE with a modules.dep;" \
			"give the build directory of the kernel instead of its image"
	KERNEL_ROOT=$(realpath -- "$root")
	KERNEL_BUILD=$(realpath -qe -- "$root/lib/modules/$KERNEL_RELEASE/build") || KERNEL_BUILD=''
}

# ---- the image itself ----

# Little-endian number of SIZE bytes at OFFSET.
image_number() { # OFFSET SIZE
	od -An "-tu$2" "-j$1" "-N$2" -- "$KERNEL_IMAGE" | tr -d ' '
}

# The header is that of Documentation/arch/x86/boot.rst: "HdrS" at 0x202, and at
# 0x20e where the version string is, less 0x200.
read_release() {
	[[ $(image_number 514 4) == $((0x53726448)) ]] ||
		die "$KERNEL_IMAGE is not a kernel image (no x86 boot header)"
	KERNEL_RELEASE=$(dd if="$KERNEL_IMAGE" bs=1 skip=$(($(image_number 526 2) + 512)) \
		count=128 status=none | tr '\0' '\n' | sed -n '1s/ .*//p')
	[[ $KERNEL_RELEASE =~ ^[0-9]+\. ]] ||
		die "$KERNEL_IMAGE is not a kernel image (no version in its boot header)"
}
