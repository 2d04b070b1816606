# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# scripts/vm/kernel-src, on sources that build in no time.

fake_ksrc() {
	cat <<-END
		#!/bin/sh
		[ "\$1" = 9.9 ] && echo '$TESTS/fake-linux'
	END
}

# kernel_src SPEC: a copy of it with a cache and fragments of its own.
kernel_src() {
	[[ -d $T/vm ]] || {
		mkdir -p "$T/vm/config"
		cp -r "$VM_DIR"/{kernel-src,lib} "$T/vm"
		echo 'CONFIG_A=y' >"$T/vm/config/base.config"
		printf '%s\n' '# CONFIG_A is not set' 'CONFIG_B=m' >"$T/vm/config/more.config"
		echo 'CONFIG_NOSUCH=y' >"$T/vm/config/odd.config"
		fake_ksrc >"$T/ksrc"
		chmod +x "$T/ksrc"
	}
	XDG_CACHE_HOME=$T VM_KSRC=$T/ksrc run "$T/vm/kernel-src" "$@"
}

build_dir() {
	cat "$T/out"
}

test_kernel_src_prints_a_whole_build_directory() {
	kernel_src src:9.9+base
	expect_rc 0
	expect_err 'built 9.9.0-base'
	expect_file "$(build_dir)/.config" '^CONFIG_A=y'
	expect_file "$(build_dir)/.config" '^CONFIG_LOCALVERSION="-base"'
	[[ $(wc -l <"$T/out") -eq 1 ]] || fail "more than one line on stdout"
}

test_kernel_src_builds_once() {
	kernel_src src:9.9+base
	kernel_src src:9.9+base
	expect_rc 0
	[[ $(wc -l <"$(build_dir)/builds") -eq 1 ]] || fail "built twice"
	[[ ! -s $T/err ]] || fail "talks when there is nothing to do"
}

test_kernel_src_twice_at_once_builds_once() {
	local first

	kernel_src src:9.9+nosuch # makes the copy
	XDG_CACHE_HOME=$T VM_KSRC=$T/ksrc "$T/vm/kernel-src" src:9.9+base &
	first=$!
	kernel_src src:9.9+base
	expect_rc 0
	wait "$first"
	[[ $(wc -l <"$(build_dir)/builds") -eq 1 ]] || fail "built twice"
}

test_kernel_src_later_fragments_win() {
	kernel_src src:9.9+base,more
	expect_rc 0
	expect_file "$(build_dir)/.config" '^CONFIG_B=m'
}

test_kernel_src_takes_a_fragment_of_its_version_and_no_other() {
	kernel_src src:9.9+nosuch # makes the copy
	echo '# CONFIG_NOSUCH is not set' >"$T/vm/config/odd-9.9.config"
	echo 'CONFIG_NOSUCH=y' >"$T/vm/config/base-9.8.config"
	kernel_src src:9.9+base,odd
	expect_rc 0
	kernel_src src:9.9+nosuch
	expect_err '\(there: base more odd\)'
}

test_kernel_src_another_fragment_is_another_kernel() {
	local before

	kernel_src src:9.9+base
	before=$(build_dir)
	echo CONFIG_C=y >>"$T/vm/config/base.config"
	kernel_src src:9.9+base
	expect_rc 0
	[[ $(build_dir) != "$before" ]] || fail "a changed fragment was not noticed"
}

test_kernel_src_gives_make_what_a_fragment_says() {
	kernel_src src:9.9+nosuch # makes the copy
	# shellcheck disable=SC2016 # make is to expand it
	echo '# make: VFIOLAB=one $(VERSION) two' >>"$T/vm/config/more.config"
	kernel_src src:9.9+base,more
	expect_rc 0
	expect_file "$(build_dir)/variable" '^one 9 two$'
	kernel_src src:9.9+base
	expect_file "$(build_dir)/variable" '^$'
}

test_kernel_src_names_an_option_that_does_not_stick() {
	kernel_src src:9.9+base,odd
	expect_rc 2
	expect_err 'odd.config: wants CONFIG_NOSUCH=y, got n'
	[[ ! -s $T/out ]] || fail "printed a directory all the same"
}

test_kernel_src_shows_why_a_build_failed() {
	FAKE_LINUX=broken kernel_src src:9.9+base
	expect_rc 2
	expect_err 'main.c:1:1: error'
	expect_err 'all of it is in .*\.log'
}

test_kernel_src_says_that_the_disk_is_full() {
	FAKE_LINUX=full kernel_src src:9.9+base
	expect_rc 2
	expect_err 'no space left in '
}

test_kernel_src_never_takes_a_build_that_failed() {
	FAKE_LINUX=broken kernel_src src:9.9+base
	kernel_src src:9.9+base
	expect_rc 0
	expect_err 'built'
}

test_kernel_src_ends_its_build_when_told_to_end() {
	local pid make

	kernel_src src:9.9+nosuch # makes the copy
	FAKE_LINUX=hang XDG_CACHE_HOME=$T VM_KSRC=$T/ksrc "$T/vm/kernel-src" src:9.9+base &
	pid=$!
	until_true compgen -G "$T/vfiolab/kernels/*/hanging"
	make=$(cat "$T"/vfiolab/kernels/*/hanging)
	kill -TERM "$pid"
	run wait "$pid"
	expect_rc 143
	until_true ended "$make"
}

test_kernel_src_refuses_an_unknown_fragment() {
	kernel_src src:9.9+bsae
	expect_rc 2
	expect_err "no fragment 'bsae'.*there: base more odd"
}

test_kernel_src_refuses_an_unknown_version() {
	kernel_src src:1.0+base
	expect_rc 2
	[[ ! -s $T/out ]] || fail "printed a directory all the same"
}

test_kernel_src_refuses_what_is_no_spec() {
	local spec

	for spec in deb:6.1 src:7.2 src:7.2+ 'src:7.2+../x' src:+base 7.2; do
		kernel_src "$spec"
		expect_rc 2
		expect_err 'is not src:VERSION'
	done
}

test_kernel_src_without_arguments_explains_itself() {
	kernel_src
	expect_rc 2
	expect_err 'usage: kernel-src src:'
}
