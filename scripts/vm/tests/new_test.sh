# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# scripts/new, and that what it writes builds.

# A copy of the project to write in.
copy_project() {
	mkdir "$T/top" && cp -r "$TOP"/{Makefile,kmod,uapi,selftests,scripts} "$T/top"
}

new() {
	run "$T/top/scripts/new" "$@"
}

test_new_model_builds_without_warnings() {
	copy_project
	new model abacus_2
	expect_rc 0
	expect_out '^kmod/models/abacus_2.c$'
	run make -C "$T/top" modules KDIR="$("$VM_DIR/kdir" deb:6.12)" OUT="$T/ko" \
		W=1 KCFLAGS=-Werror
	expect_rc 0
	[[ -e $T/ko/vfiolab_abacus_2.ko ]] || fail "no vfiolab_abacus_2.ko"
	! grep WARNING "$T/err" || fail "modpost warns"
}

# Lab 8 is that: what the page says on this side, but for the guest.
test_new_model_builds_as_the_lab_says() {
	copy_project
	sed -n 's/^    \$ //p' "$TOP/docs/labs/8-model.md" | grep -v 'vm exec' >"$T/page"
	grep -q 'scripts/new model' "$T/page" || fail "no commands in the page"
	cd "$T/top" && run bash -euo pipefail "$T/page"
	expect_rc 0
	[[ -e $T/top/out/modules/vfiolab_abacus.ko ]] || fail "no vfiolab_abacus.ko"
}

test_new_test_builds_without_warnings() {
	copy_project
	new test abacus
	expect_rc 0
	expect_out '^selftests/abacus_test.c$'
	run make -C "$T/top" selftests KSRC="$("$VM_DIR/ksrc" 6.12)" OUT="$T/tests"
	expect_rc 0
	[[ -x $T/tests/abacus_test ]] || fail "no abacus_test"
	! grep warning: "$T/err" || fail "the compiler warns"
}

test_removed_test_is_not_run_any_more() {
	copy_project
	new test abacus
	run make -C "$T/top" selftests KSRC="$("$VM_DIR/ksrc" 6.12)" OUT="$T/tests"
	expect_rc 0
	touch "$T/tests/sextant_test.sh"
	rm "$T/top/selftests/abacus_test.c"
	run make -C "$T/top" selftests KSRC="$("$VM_DIR/ksrc" 6.12)" OUT="$T/tests"
	expect_rc 0
	[[ ! -e $T/tests/abacus_test ]] || fail "abacus_test is still there"
	[[ ! -e $T/tests/sextant_test.sh ]] || fail "sextant_test.sh is still there"
	[[ -e $T/tests/info_test && -e $T/tests/nested_test.sh ]] || fail "others are gone"
}

test_new_models_get_different_device_ids() {
	local ids

	copy_project
	new model abacus
	new model sextant
	expect_rc 0
	ids=$(grep -hoE '0x10f[0-9a-f]' "$T"/top/uapi/vlab_{abacus,sextant,ids}.h)
	[[ -z $(sort <<<"$ids" | uniq -d) ]] || fail "an id is there twice: $ids"
}

test_new_overwrites_nothing() {
	copy_project
	echo mine >"$T/top/kmod/models/abacus.c"
	new model abacus
	expect_rc 2
	expect_err 'kmod/models/abacus.c is there already'
	expect_file "$T/top/kmod/models/abacus.c" '^mine$'
	[[ ! -e $T/top/uapi/vlab_abacus.h ]] || fail "half of it was written"
}

test_new_refuses_names_that_are_none() {
	local name

	copy_project
	for name in '' Abacus 2abacus a-b a/b '../x' 'a b' 'a;b'; do
		new model "$name"
		expect_rc 2
		expect_err 'is no name'
	done
	[[ -z $(diff -rq "$TOP/kmod/models" "$T/top/kmod/models") ]] || fail "wrote something"
}

test_new_refuses_what_it_cannot_make() {
	copy_project
	new lane abacus
	expect_rc 2
	expect_err "'lane' cannot be made: model or test"
	new model
	expect_rc 2
	expect_err '^new model NAME'
}
