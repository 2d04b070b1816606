# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Debian packages as files: looked up, fetched and unpacked with no root and
# nothing installed. The user's apt is asked first. What it does not know is
# looked for in other suites of the same mirrors, through lists of our own; the
# user's configuration is read, never written.

APT=()          # options of apt-get and apt-cache: the user's apt (none) or ours
FOUND=''        # result of find_package
PACKAGES_DIR='' # result of use_packages

# Where packages may be, in the order in which they are asked: the user's apt, the
# same suites with fresh lists, then other releases.
readonly APT_PLACES=(user own bookworm trixie sid)

apt_query() { # COMMAND ARG...
	apt-cache "${APT[@]}" "$@" 2>/dev/null
}

# Prints what FINDER ARG prints, in the first place where that is something;
# APT then points to that place. Sets FOUND.
find_package() { # FINDER ARG
	local place

	for place in "${APT_PLACES[@]}"; do
		use_place "$place" || continue
		FOUND=$("$1" "$2") || FOUND=''
		[[ ! $FOUND ]] || return 0
	done
	APT=()
	return 1
}

use_place() { # PLACE
	local dir=$CACHE/apt/$1

	APT=()
	[[ $1 != user ]] || return 0
	make_dir "$dir"
	# A mirror that stands still, as CI likes them, is signed but out of date.
	APT=(-o "Dir::State::Lists=$dir/lists" -o "Dir::Cache=$dir/cache"
		-o Acquire::Languages=none -o Acquire::Check-Valid-Until=false)
	((UID != 0)) || APT+=(-o APT::Sandbox::User=root)
	[[ $1 == own ]] || other_suite_sources "$1" "$dir" || return 1
	with_lock "$dir.lock" "package lists of $1" update_lists "$1" "$dir"
}

# Fresh for a day. A source that cannot be reached is no reason to stop: what
# the others have may do.
update_lists() { # PLACE DIR
	[[ ! $(find "$2/stamp" -mtime -1 2>/dev/null) ]] || return 0
	stage "package lists ($1)"
	make_dir "$2/lists/partial"
	make_dir "$2/cache/archives/partial"
	if apt-get "${APT[@]}" -q update >"$2/log" 2>&1; then
		touch "$2/stamp"
		stage_done "read"
	else
		stage_done "not all could be read, see $2/log"
	fi
}

# The Debian mirrors of the user's sources, URI|RELEASE each, whatever the format
# they are written in. Asks through our own lists, as the user's may be empty.
mirrors() {
	local format="\$(REPO_URI)|\$(RELEASE)" # filled in by apt-get

	apt-get -o "Dir::State::Lists=$CACHE/apt/own/lists" indextargets --format "$format" \
		'Created-By: Packages' 'Origin: Debian' 'Component: main' 2>/dev/null
}

other_suite_sources() { # SUITE DIR
	local all main security keyring=/usr/share/keyrings/debian-archive-keyring.gpg

	APT+=(-o "Dir::Etc::SourceList=$2/sources.list" -o Dir::Etc::SourceParts=/dev/null)
	all=$(mirrors)
	main=$(sed -n 's/|[a-z]*$//p' <<<"$all" | awk 'NR == 1')
	security=$(sed -n 's/|[a-z]*-security$//p' <<<"$all" | awk 'NR == 1')
	[[ $main ]] || return 1
	: "${security:=${main%/}-security/}" # where mirrors have it
	{
		echo "deb [arch=amd64 signed-by=$keyring] $main $1 main"
		[[ $1 == sid ]] ||
			echo "deb [arch=amd64 signed-by=$keyring] $security $1-security main"
	} >"$2/sources.list"
}

package_version() { # PACKAGE
	apt_query show --no-all-versions "$1" | awk '/^Version: / && !n++ { print $2 }'
}

# The packages named and what they need of the kernel's own.
kernel_packages() { # PACKAGE...
	local todo=("$@") done=' ' p

	while ((${#todo[@]})); do
		p=${todo[0]}
		todo=("${todo[@]:1}")
		[[ $done != *" $p "* ]] || continue
		done+="$p "
		echo "$p"
		mapfile -t -O "${#todo[@]}" todo < <(
			apt_query show --no-all-versions "$p" |
				sed -nE 's/^(Pre-)?Depends: //p' | tr ',' '\n' |
				sed -nE 's/^ *(linux-(headers|kbuild|modules|binary)-[^ :]*).*/\1/p'
		)
	done
}

# Downloads packages and unpacks them below DIR.
unpack_packages() { # DIR PACKAGE...
	local dir=$1 deb

	mkdir "$dir/debs"
	(cd "$dir/debs" && apt-get "${APT[@]}" -q download "${@:2}") >"$dir/log" 2>&1 ||
		die_full "$dir" "apt-get download ${*:2}: $(awk '/^E:/ { print; exit }' "$dir/log")"
	for deb in "$dir"/debs/*.deb; do
		dpkg -x "$deb" "$dir" || die_full "$dir" "cannot unpack ${deb##*/}"
	done
	rm -r "$dir/debs" "$dir/log"
}

# ---- programs that tests want ----

# The files of packages and of all they need that is not installed here, as apt would
# install it, below PACKAGES_DIR; empty when nothing is missing. 1 when they cannot be
# had. Not from other suites, whose libraries would not go with those that are here.
use_packages() { # PACKAGE...
	local place plan

	PACKAGES_DIR=''
	for place in "${APT_PLACES[@]:0:2}"; do
		use_place "$place" || continue
		mapfile -t plan < <(would_install "$@")
		[[ ${plan[-1]} != lacks* ]] || continue
		unset "plan[-1]"
		((${#plan[@]})) || return 0
		PACKAGES_DIR=$CACHE/packages/$(sha256sum <<<"${plan[*]}" | cut -c1-16)
		with_lock "$CACHE/packages/.lock" packages unpack_plan "${plan[@]}"
		[[ -d $PACKAGES_DIR ]]
		return
	done
	say "packages $*: ${plan[-1]#lacks }"
	return 1
}

# A line NAME=VERSION for each, then "all"; or "lacks " and what apt says.
would_install() { # PACKAGE...
	local said

	if said=$(apt-get "${APT[@]}" -s --no-install-recommends install "$@" 2>&1); then
		sed -nE 's/^Inst ([^ ]+) (\[[^]]*\] )?\(([^ ]+) .*/\1=\3/p' <<<"$said"
		echo all
	else
		echo "lacks $(awk '/^E:/ { sub("E: ", ""); print; exit }' <<<"$said")"
	fi
}

# Into PACKAGES_DIR, unless something goes wrong, which is said; those that nobody used
# for a month go.
unpack_plan() { # NAME=VERSION...
	if [[ ! -d $PACKAGES_DIR ]]; then
		find "${PACKAGES_DIR%/*}" -mindepth 1 -maxdepth 1 -type d -mtime +30 -exec rm -r {} +
		stage "packages for tests"
		cache_scratch
		(unpack_packages "$SCRATCH" "$@") || return 0
		mv -T -- "$SCRATCH" "$PACKAGES_DIR"
		stage_done "$# unpacked"
	fi
	touch "$PACKAGES_DIR"
}
