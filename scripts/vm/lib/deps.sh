# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Packages of the distribution that a step needs: installed if we may, else
# named in one line.

# need_packages PACKAGE...: each is tested for by the file it is wanted for.
need_packages() {
	local package missing=()

	for package in "$@"; do
		have_package "$package" || missing+=("$package")
	done
	((${#missing[@]} == 0)) || install_packages "${missing[@]}"
	for package in "${missing[@]}"; do
		have_package "$package" || die "$package is installed but what it is for is not there"
	done
}

have_package() { # PACKAGE
	case $1 in
	qemu-system-x86) have_command "$QEMU" || [[ $QEMU != qemu-system-x86_64 ]] ;;
	busybox-static) have_command busybox && ! is_dynamic "$(command -v busybox)" ;;
	libelf-dev) [[ -e /usr/include/libelf.h ]] ;;
	libc6-dev) [[ -e /usr/include/stdio.h ]] ;;
	uuid-dev) [[ -e /usr/include/uuid/uuid.h ]] ;;
	kmod) have_command modprobe ;;
	xz-utils) have_command xz ;;
	pciutils) have_command lspci ;;
	binutils) have_command readelf ;;
	*) have_command "$1" ;;
	esac
}

have_command() { # COMMAND
	command -v "$1" >/dev/null
}

# A PT_INTERP segment names the dynamic loader.
is_dynamic() { # FILE
	grep -qa '/ld-linux' "$1"
}

install_packages() { # PACKAGE...
	local root=() install=(apt-get install -y --no-install-recommends "$@")

	have_command apt-get || die "missing, and no apt-get to install them: $*"
	if ((UID != 0)); then
		sudo -n true 2>/dev/null || die "packages are missing; run: sudo ${install[*]}"
		root=(sudo -n)
	fi
	stage "packages $*"
	apt_install "${root[@]}" || die_full / "cannot install packages; run: ${install[*]}"
	stage_done installed
}

# The lists may be absent or out of date: read them and try again, once. Uses
# install of the caller.
apt_install() { # [SUDO -n]
	local try=("$@" env DEBIAN_FRONTEND=noninteractive)

	"${try[@]}" "${install[@]}" </dev/null >/dev/null 2>&1 ||
		{
			"${try[@]}" apt-get -q update </dev/null >/dev/null 2>&1
			"${try[@]}" "${install[@]}" </dev/null >/dev/null
		}
}
