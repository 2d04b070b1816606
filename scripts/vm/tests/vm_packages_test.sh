# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# vm run: programs that tests want, by an apt-get and a dpkg that play along.

# shellcheck source=vm_lib.sh
. "$TESTS/vm_lib.sh"

# PLAN DOWNLOAD: what apt-get does when it is asked for its plan, and for a package
project_with_packages() {
	project
	mkdir -p "$T/top/out/selftests"
	printf '#!/bin/bash\n# packages: foo bar\n' >"$T/top/out/selftests/some_test.sh"
	program apt-get "case \" \$* \" in *' install '*) $1 ;; *' download '*) $2 ;; esac"
	# shellcheck disable=SC2016 # the program's own
	program dpkg 'mkdir -p "$3/usr/bin" && cp "$2" "$3/usr/bin/foo"'
	export PATH=$T/bin:$PATH
}

# NAME COMMANDS
program() {
	printf '#!/bin/bash\n%s\n' "$2" >"$T/bin/$1"
	chmod +x "$T/bin/$1"
}

PLAN="echo 'Inst foo [0.9] (1.0-1 Debian:12/stable [amd64]) []'"
# shellcheck disable=SC2016 # the program's own
DOWNLOAD='printf %s "$*" >foo.deb'

test_packages_of_a_test_are_unpacked_and_the_guest_is_told_where() {
	local dir

	project_with_packages "$PLAN" "$DOWNLOAD"
	vm run one
	expect_rc 0
	expect_err 'packages for tests \.\.\. 1 unpacked'
	dir=$(sed -n 's/^export VLAB_PACKAGES=//p' "$T/top/out/one/env")
	expect_file "$dir/usr/bin/foo" 'download foo=1\.0-1$'
	vm run one
	expect_rc 0
	! grep -q unpacked "$T/err" || fail "they were unpacked again"
	expect_nothing_left
}

test_packages_of_a_test_that_does_not_run_are_left_alone() {
	project_with_packages "$PLAN" "$DOWNLOAD"
	vm run --tests 'other*' one
	expect_rc 0
	! grep -q VLAB_PACKAGES "$T/top/out/one/env" || fail "they were fetched"
}

test_packages_that_are_installed_are_not_fetched() {
	project_with_packages "echo 'foo is already the newest version.'" "exit 1"
	vm run one
	expect_rc 0
	expect_file "$T/top/out/one/env" "^export VLAB_PACKAGES=''\$"
}

test_packages_that_apt_does_not_know_are_named_and_the_run_goes_on() {
	project_with_packages "echo 'E: Unable to locate package foo'; exit 100" "$DOWNLOAD"
	vm run one
	expect_rc 0
	expect_err 'packages foo bar: Unable to locate package foo'
	! grep -q VLAB_PACKAGES "$T/top/out/one/env" || fail "the guest was told of some"
}

test_packages_that_do_not_arrive_are_named_and_the_run_goes_on() {
	project_with_packages "$PLAN" "echo 'E: Failed to fetch it'; exit 100"
	vm run one
	expect_rc 0
	expect_err 'apt-get download foo=1\.0-1: E: Failed to fetch it'
	! grep -q VLAB_PACKAGES "$T/top/out/one/env" || fail "the guest was told of some"
	[[ -z $(find "$T/cache/vfiolab" -name '.new.*') ]] || fail "half of it was left"
}
