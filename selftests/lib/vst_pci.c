// SPDX-License-Identifier: GPL-2.0-only
/*
 * vst - PCI functions as sysfs shows them, and what root may do to any of them
 */
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vst.h"
#include "vst_priv.h"

#define STATE_LEN	(128 * 1024)

static void pci_path(const char *bdf, const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, VST_PCI_DEVICES "/%s/%s", bdf, name);
}

bool vst_pci_exists(const char *bdf)
{
	char path[PATH_MAX];

	pci_path(bdf, "", path);
	return !access(path, F_OK);
}

void vst_pci_attr(const char *bdf, const char *name, char *buf, size_t len)
{
	char path[PATH_MAX];

	pci_path(bdf, name, path);
	vst_file_read(path, buf, len);
}

/* .../0000:00:04.0/0000:01:00.0; a root bus, pci10000:00, may be between them. */
void vst_pci_above(const char *bdf, char parent[VST_BDF_LEN])
{
	char path[PATH_MAX], real[PATH_MAX], *last;

	pci_path(bdf, "..", path);
	vst_assert(realpath(path, real));
	last = strrchr(real, '/');
	if (!strncmp(last, "/pci", 4)) {
		*last = '\0';
		last = strrchr(real, '/');
	}
	snprintf(parent, VST_BDF_LEN, "%s", last + 1);
}

void vst_pci_remove(const char *bdf)
{
	char path[PATH_MAX];

	pci_path(bdf, "remove", path);
	vst_file_write(path, "1");
}

void vst_pci_rescan(void)
{
	vst_file_write("/sys/bus/pci/rescan", "1");
}

bool vst_pci_find(unsigned int device, char bdf[VST_BDF_LEN])
{
	char id[16], want[16];
	bool found = false;
	glob_t g;
	size_t i;

	snprintf(want, sizeof(want), "0x%04x", device);
	vst_assert(!glob(VST_PCI_DEVICES "/*", 0, NULL, &g));
	for (i = 0; i < g.gl_pathc && !found; i++) {
		snprintf(bdf, VST_BDF_LEN, "%s", strrchr(g.gl_pathv[i], '/') + 1);
		vst_pci_attr(bdf, "device", id, sizeof(id));
		found = !strcmp(id, want);
	}
	globfree(&g);
	return found;
}

static bool has(const char *path, const char *what)
{
	char pattern[PATH_MAX];
	glob_t g;

	snprintf(pattern, sizeof(pattern), "%s/%s", path, what);
	if (glob(pattern, 0, NULL, &g))
		return false;
	globfree(&g);
	return true;
}

/* What is behind BARs and ROM; 0x200 is IORESOURCE_MEM of include/linux/ioport.h. */
static bool has_memory_window(const char *path)
{
	unsigned long long start, end, flags;
	char name[PATH_MAX];
	bool found = false;
	unsigned int i;
	FILE *f;

	snprintf(name, sizeof(name), "%s/resource", path);
	f = fopen(name, "r");
	for (i = 0; f && !found && fscanf(f, "%llx %llx %llx", &start, &end, &flags) == 3; i++)
		found = i > VFIO_PCI_ROM_REGION_INDEX && flags & 0x200 && end > start;
	if (f)
		fclose(f);
	return found;
}

/* It has a bus, with no function on it, and no segment hangs on it. */
static bool is_empty_port(const char *path)
{
	return has(path, "pci_bus/*") && !has(path, "*:*:*.*/vendor") && !has(path, "pci*:*") &&
	       has_memory_window(path);
}

bool vst_pci_empty_port(const char *root, unsigned int skip, char bdf[VST_BDF_LEN])
{
	char pattern[PATH_MAX];
	bool found = false;
	glob_t g;
	size_t i;

	snprintf(pattern, sizeof(pattern), "/sys/devices/pci%s/*:*:*.*", root);
	if (glob(pattern, 0, NULL, &g))
		return false;
	for (i = g.gl_pathc; i-- && !found; ) {
		found = is_empty_port(g.gl_pathv[i]) && !skip--;
		snprintf(bdf, VST_BDF_LEN, "%s", strrchr(g.gl_pathv[i], '/') + 1);
	}
	globfree(&g);
	return found;
}

static size_t whole_file(const char *path, char *buf, size_t len)
{
	FILE *file = fopen(path, "r");
	size_t n;

	vst_assert(file);
	n = fread(buf, 1, len, file);
	fclose(file);
	return n;
}

char *vst_pci_state(void)
{
	char *text = calloc(1, STATE_LEN);
	size_t n, i;
	glob_t g;

	vst_assert(text);
	n = whole_file("/proc/iomem", text, STATE_LEN / 4);
	n += whole_file("/proc/ioports", text + n, STATE_LEN / 4);
	vst_assert(!glob(VST_PCI_DEVICES "/*", 0, NULL, &g));
	for (i = 0; i < g.gl_pathc; i++)
		n += snprintf(text + n, STATE_LEN - n, "\n%s", g.gl_pathv[i]);
	globfree(&g);
	return text;
}

/* The first line that differs. */
static void show_difference(const char *before, const char *after)
{
	const char *a = before, *b = after;

	while (*a && *a == *b) {
		a++;
		b++;
	}
	while (a > before && a[-1] != '\n') {
		a--;
		b--;
	}
	ksft_print_msg("was: %.*s\n", (int)strcspn(a, "\n"), a);
	ksft_print_msg("is:  %.*s\n", (int)strcspn(b, "\n"), b);
}

bool vst_pci_unchanged(char *before)
{
	char *after = vst_pci_state();
	bool same = !strcmp(before, after);

	if (!same)
		show_difference(before, after);
	free(before);
	free(after);
	return same;
}
