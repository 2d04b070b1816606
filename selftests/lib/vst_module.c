// SPDX-License-Identifier: GPL-2.0-only
/*
 * vst - kernel modules
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* From the end of the alphabet: the core last, what uses a model before it. */
int __vst_modules_unload(void)
{
	glob_t found;
	size_t i;
	int ret = 0;

	if (glob("/sys/module/vfiolab*", 0, NULL, &found))
		return 0;
	for (i = found.gl_pathc; i-- && !ret;)
		ret = __vst_module_unload(strrchr(found.gl_pathv[i], '/') + 1);
	globfree(&found);
	return ret;
}

void vst_modules_restore(void)
{
	char dir[PATH_MAX], command[3 * PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);

	vst_assert(n > 0);
	dir[n] = '\0';
	*strrchr(dir, '/') = '\0';
	snprintf(command, sizeof(command),
		 "exec bash -c '. \"$1/modules.sh\" && load_modules \"$2\"' - '%s' '%s'",
		 dir, getenv("VLAB_MODULES") ?: "");
	vst_assert(!__vst_modules_unload() && !system(command));
}
