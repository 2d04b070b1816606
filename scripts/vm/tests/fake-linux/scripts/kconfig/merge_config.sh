#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# merge_config.sh -m -O DIR CONFIG FRAGMENT...
shift 3
config=$1
shift
cat "$@" >>"$config"
