// SPDX-License-Identifier: GPL-2.0-only
/*
 * vst - kernel modules
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vst.h"

static int load_installed(const char *name, const char *params)
{
	char command[512];

	snprintf(command, sizeof(command), "modprobe -q %s %s", name, params);
	return system(command) ? -ENOENT : 0;
}

int __vst_module_load(const char *name, const char *params)
{
	const char *dir = getenv("VLAB_MODULES");
	char path[512];
	int fd, ret;

	if (!dir || !*dir)
		return load_installed(name, params);
	snprintf(path, sizeof(path), "%s/%s.ko", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, params, 0) ? -errno : 0;
	close(fd);
	return ret;
}

int __vst_module_unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}
