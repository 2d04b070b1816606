# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Packages fetched as files and unpacked into the cache, with no root and
# nothing installed. Asks the user's apt first; what that does not know is
# looked for in more suites of the same mirrors, through lists of our own.

APT=() # options for apt-get and apt-cache: the user's apt, or ours

apt_query() { # COMMAND ARG...
	apt-cache "${APT[@]}" "$@" 2>/dev/null
}

# The newest image package of a version; "stock": what linux-image-amd64 wants.
newest_image() { # VERSION|stock
	local v=${1//./\\.}

	if [[ $1 == stock ]]; then
		apt_query depends linux-image-amd64 |
			sed -n 's/^ *Depends: \(linux-image-.*-amd64\)$/\1/p' | head -n1
	else
		apt_query pkgnames "linux-image-$1" |
			grep -E "^linux-image-$v(\\.[^-]*)?(-[0-9]+)?-amd64\$" | sort -V | tail -n1
	fi
}

candidate() { # PACKAGE
	apt_query show --no-all-versions "$1" | sed -n 's/^Version: //p' | head -n1
}

# Sets package and version of the caller.
find_deb_kernel() { # VERSION|stock
	package=$(newest_image "$1")
	[[ $package ]] || die "no package linux-image-$1*-amd64"
	version=$(candidate "$package")
}

# The packages that make up a kernel: those named, and what they need of their
# own source package.
kernel_closure() { # PACKAGE...
	local todo=("$@") done=' ' p

	while ((${#todo[@]})); do
		p=${todo[0]} todo=("${todo[@]:1}")
		[[ $done != *" $p "* ]] || continue
		done+="$p "
		mapfile -t -O "${#todo[@]}" todo < <(apt_query show --no-all-versions "$p" |
			sed -nE 's/^(Pre-)?Depends: //p' | tr ',|' '\n\n' |
			sed -nE 's/^ *(linux-(headers|kbuild|modules|binary)-[^ :]*).*/\1/p')
	done
	printf '%s\n' $done
}

fetch_debs() { # DIR PACKAGE...
	local dir=$1 deb packages

	mapfile -t packages < <(kernel_closure "${@:2}")
	mkdir "$dir/debs"
	(cd "$dir/debs" && apt-get "${APT[@]}" -q download "${packages[@]}" >../log 2>&1) ||
		die_full "$dir" "apt-get download ${packages[*]} failed: $(tail -n1 "$dir/log")"
	for deb in "$dir"/debs/*.deb; do
		dpkg -x "$deb" "$dir" || die_full "$dir" "dpkg -x ${deb##*/} failed"
	done
	rm -r "$dir/debs" "$dir/log"
}
