# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# docs/troubleshooting.md: each message that it quotes is one that is printed.

PAGE=$TOP/docs/troubleshooting.md

# SECTION...: the messages quoted there, a line each
messages_of() {
	local section

	# shellcheck disable=SC2016 # backquotes of Markdown
	for section; do
		awk -v "title=## $section" '/^## / { here = $0 == title } here' "$PAGE" |
			paste -sd' ' | grep -oE '\*\*`[^`]*`\*\*' | sed 's/^\*\*`//; s/`\*\*$//'
	done
}

# MESSAGE: its parts between what differs
parts_of() {
	printf '%s\n' "${1//.../$'\n'}" | sed 's/^[: ]*//; s/ *$//' | grep -E '.{4}'
}

# DIR|FILE... -- MESSAGE
expect_message() {
	local part where=()

	while [[ $1 != -- ]]; do
		where+=("$1")
		shift
	done
	while IFS= read -r part; do
		grep -rqF -- "$part" "${where[@]}" || fail "nobody prints '$part' of: $2"
	done < <(parts_of "$2")
}

# N WORDS...: at least so many were found, else the page is not read as it should be
expect_some() {
	(($1 >= $2)) || fail "$1 messages, expected $2 or more"
}

test_troubleshooting_quotes_messages_of_ours_as_the_sources_have_them() {
	local message n=0

	while IFS= read -r message; do
		expect_message "$TOP/scripts/vm/lib" "$TOP/scripts/vm/kernel-src" "$TOP/kmod" \
			"$TOP/selftests/run.sh" -- "$message"
		n=$((n + 1))
	done < <(messages_of "The harness" "Plugging a card in")
	expect_some $n 25
}

test_troubleshooting_quotes_messages_of_the_tests_as_the_library_has_them() {
	local message n=0

	while IFS= read -r message; do
		expect_message "$TOP/selftests/lib" -- "$message"
		n=$((n + 1))
	done < <(messages_of VFIO)
	expect_some $n 2
}

test_troubleshooting_quotes_messages_of_others_as_tests_provoke_them() {
	local message n=0

	while IFS= read -r message; do
		message=${message#*id: } message=${message#*bind: }
		expect_message "$TOP"/selftests/{life{,_qemu,_guest}_test,life}.sh -- "$message"
		n=$((n + 1))
	done < <(messages_of "Binding by hand" QEMU)
	expect_some $n 10
}

test_troubleshooting_quotes_messages_of_libvirt_as_its_test_provokes_them() {
	local message n=0

	while IFS= read -r message; do
		expect_message "$TOP/selftests/life_libvirt_test.sh" -- "$message"
		n=$((n + 1))
	done < <(messages_of libvirt)
	expect_some $n 6
}
