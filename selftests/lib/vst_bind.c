// SPDX-License-Identifier: GPL-2.0-only
/*
 * vst - which driver has a function, and its IOMMU group
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vst.h"
#include "vst_priv.h"

/* Last component of the link @name of a function. */
static int read_link(const char *bdf, const char *name, char *buf, size_t len)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), VST_PCI_DEVICES "/%s/%s", bdf, name);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return errno == ENOENT ? -ENODEV : -errno;
	target[n] = '\0';
	snprintf(buf, len, "%s", strrchr(target, '/') + 1);
	return 0;
}

static int write_attr(const char *bdf, const char *name, const char *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), VST_PCI_DEVICES "/%s/%s", bdf, name);
	return __vst_file_write(path, text);
}

int __vst_driver(const char *bdf, char *buf, size_t len)
{
	return read_link(bdf, "driver", buf, len);
}

int __vst_group(const char *bdf)
{
	char text[16];
	int ret = read_link(bdf, "iommu_group", text, sizeof(text));

	return ret ?: atoi(text);
}

int __vst_unbind(const char *bdf)
{
	return write_attr(bdf, "driver/unbind", bdf);
}

int __vst_bind(const char *bdf, const char *driver)
{
	char now[64];
	int ret;

	ret = write_attr(bdf, "driver_override", *driver ? driver : "none");
	if (ret)
		return ret;
	ret = __vst_unbind(bdf);
	if (ret && ret != -ENOENT)
		return ret;
	if (!*driver)
		return 0;
	ret = __vst_file_write("/sys/bus/pci/drivers_probe", bdf);
	if (ret)
		return ret;
	ret = __vst_driver(bdf, now, sizeof(now));
	return ret ?: strcmp(now, driver) ? -ENODEV : 0;
}

int __vst_new_id(const char *driver, u16 vendor, u16 device, bool add)
{
	char path[PATH_MAX], id[16];

	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/%s/%s_id", driver,
		 add ? "new" : "remove");
	snprintf(id, sizeof(id), "%04x %04x", vendor, device);
	return __vst_file_write(path, id);
}
