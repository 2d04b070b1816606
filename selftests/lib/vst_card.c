// SPDX-License-Identifier: GPL-2.0-only
/*
 * vst - cards through configfs
 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vst.h"
#include "vst_priv.h"

static void card_path(const char *name, const char *attr, char *path)
{
	snprintf(path, PATH_MAX, VST_CONFIGFS "/%s/%s", name, attr);
}

/* Unique also when tests before left cards behind. */
static void card_name(struct vst_card *card)
{
	static unsigned int count;

	snprintf(card->name, sizeof(card->name), "%s%d-%u", vst_prefix(), getpid(), count++);
}

int __vst_card_create(struct vst_card *card, const char *model)
{
	char path[PATH_MAX];
	int ret;

	memset(card, 0, sizeof(*card));
	card_name(card);
	card_path(card->name, "", path);
	if (mkdir(path, 0755)) {
		card->name[0] = '\0';
		return -errno;
	}
	ret = __vst_card_set(card, "model", model);
	if (ret)
		__vst_card_destroy(card);
	return ret;
}

int __vst_card_set(const struct vst_card *card, const char *attr, const char *value)
{
	char path[PATH_MAX];

	card_path(card->name, attr, path);
	return __vst_file_write(path, value);
}

int __vst_card_get(const struct vst_card *card, const char *attr, char *buf, size_t len)
{
	char path[PATH_MAX];

	card_path(card->name, attr, path);
	return __vst_file_read(path, buf, len);
}

static int read_address(struct vst_card *card)
{
	char text[VST_MAX_FNS * VST_BDF_LEN], *word, *save;
	int ret = __vst_card_get(card, "address", text, sizeof(text));

	if (ret < 0)
		return ret;
	card->nfns = 0;
	for (word = strtok_r(text, "\n ", &save); word && card->nfns < VST_MAX_FNS;
	     word = strtok_r(NULL, "\n ", &save))
		snprintf(card->bdf[card->nfns++], VST_BDF_LEN, "%s", word);
	return card->nfns ? 0 : -ENODEV;
}

int __vst_card_live(struct vst_card *card)
{
	int ret = __vst_card_set(card, "live", "1");

	return ret ?: read_address(card);
}

int __vst_card_pull(struct vst_card *card)
{
	int ret = __vst_card_set(card, "live", "0");

	if (!ret)
		card->nfns = 0;
	return ret;
}

static int remove_dir(const char *name)
{
	char path[PATH_MAX];

	card_path(name, "live", path);
	__vst_file_write(path, "0");
	card_path(name, "", path);
	return rmdir(path) ? -errno : 0;
}

int __vst_card_destroy(struct vst_card *card)
{
	int ret;

	if (!card->name[0])
		return 0;
	ret = remove_dir(card->name);
	if (!ret)
		memset(card, 0, sizeof(*card));
	return ret;
}

/* The value of "name=value" when it is @name, else NULL. */
static const char *attr_value(const char *attr, const char *name)
{
	size_t len = strlen(name);

	return !strncmp(attr, name, len) && attr[len] == '=' ? attr + len + 1 : NULL;
}

static const char *find_attr(const char *const *attrs, const char *name, const char *found)
{
	for (; *attrs; attrs++)
		found = attr_value(*attrs, name) ?: found;
	return found;
}

static int set_attrs(struct vst_card *card, const char *const *attrs)
{
	int ret = 0;

	for (; *attrs && !ret; attrs++) {
		const char *value = strchr(*attrs, '=');
		char name[32];

		if (attr_value(*attrs, "model") || attr_value(*attrs, "driver"))
			continue;
		if (!value)
			return -EINVAL;
		snprintf(name, sizeof(name), "%.*s", (int)(value - *attrs), *attrs);
		ret = __vst_card_set(card, name, value + 1);
	}
	return ret;
}

static int bind_all(struct vst_card *card, const char *driver)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < card->nfns && *driver && !ret; i++)
		ret = __vst_bind(card->bdf[i], driver);
	return ret;
}

int __vst_card_plug(struct vst_card *card, const char *const *attrs)
{
	int ret = __vst_card_create(card, find_attr(attrs, "model", ""));

	if (ret)
		return ret;
	ret = set_attrs(card, attrs);
	if (!ret)
		ret = __vst_card_live(card);
	if (!ret)
		ret = bind_all(card, find_attr(attrs, "driver", VST_DRIVER));
	if (ret)
		__vst_card_destroy(card);
	return ret;
}

bool vst_card_feature(const struct vst_card *card, const char *word)
{
	char text[512], *w, *save;

	if (__vst_card_get(card, "features", text, sizeof(text)) < 0)
		return false;
	for (w = strtok_r(text, "\n ", &save); w; w = strtok_r(NULL, "\n ", &save))
		if (!strcmp(w, word))
			return true;
	return false;
}

/* Its upstream port shows that it is there. */
static bool has_backplane(void)
{
	char path[PATH_MAX], id[16];
	struct dirent *de;
	bool found = false;
	DIR *dir = opendir(VST_PCI_DEVICES);

	while (dir && !found && (de = readdir(dir))) {
		snprintf(path, sizeof(path), VST_PCI_DEVICES "/%s/device", de->d_name);
		found = __vst_file_read(path, id, sizeof(id)) > 0 &&
			strtoul(id, NULL, 16) == VLAB_DEVICE_UPSTREAM;
	}
	if (dir)
		closedir(dir);
	return found;
}

unsigned int vst_slots(void)
{
	char text[16];

	if (__vst_file_read("/sys/module/vfiolab/parameters/slots", text, sizeof(text)) < 0)
		return 0;
	return has_backplane() ? atoi(text) : 0;
}

unsigned int vst_segment(void)
{
	char text[16];

	if (__vst_file_read("/sys/module/vfiolab/parameters/segment", text, sizeof(text)) < 0)
		return 0;
	return strtoul(text, NULL, 10);
}

int vst_cards_sweep(void)
{
	DIR *dir = opendir(VST_CONFIGFS);
	struct dirent *de;
	int swept = 0;

	if (!dir)
		return 0;
	while ((de = readdir(dir))) {
		if (strncmp(de->d_name, vst_prefix(), strlen(vst_prefix())))
			continue;
		swept++;
		fprintf(stderr, "# card %s was left behind\n", de->d_name);
		remove_dir(de->d_name);
	}
	closedir(dir);
	return swept;
}
