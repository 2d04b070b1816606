# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Sourced by tests that want programs of packages, which they name in a line
# "# packages: NAME...". The harness fetches them as files, and installs nothing.

# Unpacks them, once, where all that is written is gone with the guest: its root is a
# tmpfs over that of the machine outside. Elsewhere what is installed must do.
take_packages() {
	[[ ${VLAB_PACKAGES:-} && -d /run/vfiolab/host && ! -e /run/vfiolab/packages ]] || return 0
	tar -C "$VLAB_PACKAGES" --exclude=./usr/share/{doc,man,locale} -c . |
		tar -C / -x --keep-directory-symlink --no-overwrite-dir --no-same-owner
	: >/run/vfiolab/packages
}
