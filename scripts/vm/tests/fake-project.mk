# SPDX-License-Identifier: GPL-2.0-only
# Takes the place of the project's Makefile; FAKE_MAKE in the environment makes
# it fail.
modules selftests:
	@test ! '$(FAKE_MAKE)' || { echo 'error: as told'; exit 1; }
	@mkdir -p $(OUT) && echo $@ >$(OUT)/$@
