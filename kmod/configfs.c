// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - the configfs tree
 *
 *	/sys/kernel/config/vfiolab/CARD/	one directory a card
 *		model slot live address features
 *		ports personality memory ...	as far as the model has them
 *		port0 ... port7/
 *			far pace line ...	as far as the model has them
 *
 * This file translates files to values. Which values are right is the model's
 * table's business, what live means is card.c's.
 */
#include <linux/configfs.h>
#include <linux/slab.h>

#include "compat.h"
#include "core.h"

/**
 * struct card_dir - a card's directory
 * @group: the directory
 * @card: what it stands for
 * @port: its port directories, all of them always there
 *
 * The directory's reference count keeps all of it.
 */
struct card_dir {
	struct config_group group;
	struct vlab_card card;
	struct port_dir {
		struct config_group group;
		unsigned int number;
		struct card_dir *dir;
	} port[VLAB_MAX_PORTS];
};

static struct configfs_subsystem subsystem;

static struct card_dir *to_card_dir(struct config_item *item)
{
	return container_of(to_config_group(item), struct card_dir, group);
}

static struct port_dir *to_port_dir(struct config_item *item)
{
	return container_of(to_config_group(item), struct port_dir, group);
}

/* A user's text, trimmed, in @buf. */
static int get_text(const char *page, size_t count, char *buf, size_t len)
{
	char *text;

	if (count >= len)
		return -EINVAL;
	memcpy(buf, page, count);
	buf[count] = 0;
	text = strim(buf);
	memmove(buf, text, strlen(text) + 1);
	return 0;
}

/* ---- attributes that the model has a table entry for ---- */

/**
 * struct target - an attribute of one card or port
 * @card: the card
 * @port: port number, -1 the card itself
 * @name: the attribute's
 */
struct target {
	struct vlab_card *card;
	int port;
	const char *name;
};

static const struct vlab_param *find_param(const struct target *t, struct vlab_value **val)
{
	struct vlab_card *card = t->card;
	const struct vlab_param *p;
	unsigned int i;

	if (!card->model)
		return NULL;
	p = vlab_param_find(card->model, t->name, &i);
	if (p)
		*val = t->port < 0 ? &card->val[i] : &card->port[t->port][i];
	return p;
}

static ssize_t show_value(const struct target *t, const struct vlab_param *p,
			  const struct vlab_value *val, char *page)
{
	int ret;

	switch (p->type) {
	case VLAB_PARAM_CHOICE:
		return sysfs_emit(page, "%s\n", p->choices[val->num]);
	case VLAB_PARAM_TEXT:
		return sysfs_emit(page, "%s\n", val->text);
	case VLAB_PARAM_INFO:
		ret = t->card->live ? p->info(t->card, max(t->port, 0), page, PAGE_SIZE - 1) :
				      -ENODEV;
		return ret ?: strlen(strcat(page, "\n"));
	case VLAB_PARAM_ACTION:
		return sysfs_emit(page, "%s\n", p->help);
	default:
		return sysfs_emit(page, "%llu\n", val->num);
	}
}

static ssize_t param_show(const struct target *t, char *page)
{
	const struct vlab_param *p;
	struct vlab_value *val;
	ssize_t ret = -ENOENT;

	mutex_lock(&t->card->lock);
	p = find_param(t, &val);
	if (p)
		ret = show_value(t, p, val, page);
	mutex_unlock(&t->card->lock);
	return ret;
}

static int refuse(const struct target *t, const struct vlab_param *p, const char *text)
{
	char *right = kmalloc(256, GFP_KERNEL);

	if (right) {
		vlab_param_describe(p, right, 256);
		vlab_bad(t->card, "%s: '%s' is not allowed: %s", t->name, text, right);
	}
	kfree(right);
	return -EINVAL;
}

/* Is this the time and the place for a store? */
static int may_store(const struct target *t, const struct vlab_param *p)
{
	struct vlab_card *card = t->card;

	if (!card->model) {
		vlab_bad(card, "%s: write a model first", t->name);
		return -EINVAL;
	}
	if (!p || p->type == VLAB_PARAM_INFO) {
		vlab_bad(card, "%s: model %s has no such attribute to write", t->name,
			 card->model->name);
		return -EINVAL;
	}
	if (t->port >= (int)vlab_card_ports(card)) {
		vlab_bad(card, "port%d: the card has %u ports", t->port, vlab_card_ports(card));
		return -EINVAL;
	}
	if (p->type == VLAB_PARAM_ACTION && !card->live) {
		vlab_bad(card, "%s: only while the card is live", t->name);
		return -ENODEV;
	}
	return p->type != VLAB_PARAM_ACTION && card->live ? -EBUSY : 0;
}

static int store_locked(const struct target *t, const char *text)
{
	struct vlab_value *val;
	const struct vlab_param *p = find_param(t, &val);
	int ret = may_store(t, p);

	if (ret)
		return ret;
	if (p->type == VLAB_PARAM_ACTION)
		ret = p->act(t->card, max(t->port, 0), text);
	else
		ret = vlab_param_parse(p, text, val);
	return ret == -EINVAL ? refuse(t, p, text) : ret;
}

static ssize_t param_store(const struct target *t, const char *page, size_t count)
{
	char text[64];
	int ret = get_text(page, count, text, sizeof(text));

	if (ret) {
		vlab_bad(t->card, "%s: longer than any value", t->name);
		return ret;
	}
	mutex_lock(&t->card->lock);
	ret = store_locked(t, text);
	mutex_unlock(&t->card->lock);
	return ret ?: count;
}

#define CARD_PARAM(_name)							\
static ssize_t vlab_card_##_name##_show(struct config_item *item, char *page)	\
{										\
	struct target t = { &to_card_dir(item)->card, -1, #_name };		\
										\
	return param_show(&t, page);						\
}										\
static ssize_t vlab_card_##_name##_store(struct config_item *item,		\
					 const char *page, size_t count)	\
{										\
	struct target t = { &to_card_dir(item)->card, -1, #_name };		\
										\
	return param_store(&t, page, count);					\
}										\
CONFIGFS_ATTR(vlab_card_, _name)

#define PORT_PARAM(_name)							\
static ssize_t vlab_port_##_name##_show(struct config_item *item, char *page)	\
{										\
	struct port_dir *port = to_port_dir(item);				\
	struct target t = { &port->dir->card, port->number, #_name };		\
										\
	return param_show(&t, page);						\
}										\
static ssize_t vlab_port_##_name##_store(struct config_item *item,		\
					 const char *page, size_t count)	\
{										\
	struct port_dir *port = to_port_dir(item);				\
	struct target t = { &port->dir->card, port->number, #_name };		\
										\
	return param_store(&t, page, count);					\
}										\
CONFIGFS_ATTR(vlab_port_, _name)

CARD_PARAM(ports);
CARD_PARAM(personality);
CARD_PARAM(memory);
CARD_PARAM(msi);
CARD_PARAM(msix);
CARD_PARAM(functions);
CARD_PARAM(bar0);
CARD_PARAM(bar1);
CARD_PARAM(bar2);
CARD_PARAM(bar3);
CARD_PARAM(bar4);
CARD_PARAM(bar5);
CARD_PARAM(msix_table);
CARD_PARAM(msix_pba);
CARD_PARAM(msi_64);
CARD_PARAM(msi_mask);
CARD_PARAM(flr);
CARD_PARAM(pm);
CARD_PARAM(type);
CARD_PARAM(pin);
CARD_PARAM(disintx);
CARD_PARAM(caps);
CARD_PARAM(chain);
CARD_PARAM(rom);
CARD_PARAM(region);
CARD_PARAM(regs);
CARD_PARAM(raise);
CARD_PARAM(lower);

PORT_PARAM(far);
PORT_PARAM(pace);
PORT_PARAM(line);
PORT_PARAM(node);

/* ---- attributes of every card ---- */

static ssize_t vlab_card_model_show(struct config_item *item, char *page)
{
	struct vlab_card *card = &to_card_dir(item)->card;
	ssize_t ret;

	mutex_lock(&card->lock);
	ret = sysfs_emit(page, "%s\n", card->model ? card->model->name : "");
	mutex_unlock(&card->lock);
	return ret;
}

static int set_model(struct vlab_card *card, const struct vlab_model *model)
{
	if (card->live)
		return -EBUSY;
	swap(card->model, model);
	vlab_param_defaults(card);
	vlab_model_put(model);
	return 0;
}

static void refuse_model(struct vlab_card *card, const char *name)
{
	char names[128];

	vlab_model_names(names, sizeof(names));
	vlab_bad(card, "model: no model '%s'; loaded: %s", name, *names ? names : "none");
}

static ssize_t vlab_card_model_store(struct config_item *item, const char *page, size_t count)
{
	struct vlab_card *card = &to_card_dir(item)->card;
	const struct vlab_model *model;
	char name[32];
	int ret = get_text(page, count, name, sizeof(name));

	model = ret ? NULL : vlab_model_get(name);
	if (!model) {
		refuse_model(card, ret ? "..." : name);
		return -EINVAL;
	}
	mutex_lock(&card->lock);
	ret = set_model(card, model);
	mutex_unlock(&card->lock);
	if (ret)
		vlab_model_put(model);
	return ret ?: count;
}
CONFIGFS_ATTR(vlab_card_, model);

static ssize_t vlab_card_slot_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%s\n", to_card_dir(item)->card.slot_name);
}

static int set_slot(struct vlab_card *card, const char *text)
{
	if (card->live)
		return -EBUSY;
	strscpy(card->slot_name, text, sizeof(card->slot_name));
	return 0;
}

static ssize_t vlab_card_slot_store(struct config_item *item, const char *page, size_t count)
{
	struct vlab_card *card = &to_card_dir(item)->card;
	char text[sizeof(card->slot_name)];
	int ret = get_text(page, count, text, sizeof(text));

	if (ret || !vlab_slot_name_valid(text)) {
		vlab_bad(card, "slot: neither a slot number nor a root port as 0000:00:04.0");
		return -EINVAL;
	}
	mutex_lock(&card->lock);
	ret = set_slot(card, text);
	mutex_unlock(&card->lock);
	return ret ?: count;
}
CONFIGFS_ATTR(vlab_card_, slot);

/* Without the lock: it must answer while a pull waits for somebody's driver. */
static ssize_t vlab_card_live_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%d\n", READ_ONCE(to_card_dir(item)->card.live));
}

static int set_live(struct vlab_card *card, bool live)
{
	int ret = 0;

	if (live && !card->model) {
		vlab_bad(card, "live: write a model first");
		return -EINVAL;
	}
	if (live && !card->live)
		ret = vlab_card_live(card);
	else if (!live && card->live)
		vlab_card_pull(card);
	return ret;
}

/*
 * A live card's directory must not be removed. The dependency is taken before
 * card->lock, since configfs has locks of its own around it.
 */
static int change_live(struct card_dir *dir, bool live)
{
	struct vlab_card *card = &dir->card;
	bool was, is;
	int ret = 0;

	if (live)
		ret = configfs_depend_item_unlocked(&subsystem, &dir->group.cg_item);
	if (ret)
		return ret;

	mutex_lock(&card->lock);
	was = card->live;
	ret = set_live(card, live);
	is = card->live;
	mutex_unlock(&card->lock);

	if (live ? was || !is : was)
		configfs_undepend_item(&dir->group.cg_item);
	return ret;
}

static ssize_t vlab_card_live_store(struct config_item *item, const char *page, size_t count)
{
	struct card_dir *dir = to_card_dir(item);
	bool live;
	int ret = kstrtobool(page, &live);

	if (ret)
		vlab_bad(&dir->card, "live: 0 or 1 is allowed");
	else
		ret = change_live(dir, live);
	return ret ?: count;
}
CONFIGFS_ATTR(vlab_card_, live);

static ssize_t vlab_card_address_show(struct config_item *item, char *page)
{
	struct vlab_card *card = &to_card_dir(item)->card;
	ssize_t ret = 0;

	mutex_lock(&card->lock);
	if (card->live)
		ret = vlab_slot_address(card, page, PAGE_SIZE - 1);
	mutex_unlock(&card->lock);
	return ret < 0 ? ret : ret + sysfs_emit_at(page, ret, "\n");
}
CONFIGFS_ATTR_RO(vlab_card_, address);

static ssize_t vlab_card_features_show(struct config_item *item, char *page)
{
	struct vlab_card *card = &to_card_dir(item)->card;
	ssize_t ret;

	mutex_lock(&card->lock);
	ret = sysfs_emit(page, "%s\n",
			 card->model && card->model->features ? card->model->features : "");
	mutex_unlock(&card->lock);
	return ret;
}
CONFIGFS_ATTR_RO(vlab_card_, features);

/* ---- the tree ---- */

static struct configfs_attribute *card_attrs[] = {
	&vlab_card_attr_model,
	&vlab_card_attr_slot,
	&vlab_card_attr_live,
	&vlab_card_attr_address,
	&vlab_card_attr_features,
	&vlab_card_attr_ports,
	&vlab_card_attr_personality,
	&vlab_card_attr_memory,
	&vlab_card_attr_msi,
	&vlab_card_attr_msix,
	&vlab_card_attr_functions,
	&vlab_card_attr_bar0,
	&vlab_card_attr_bar1,
	&vlab_card_attr_bar2,
	&vlab_card_attr_bar3,
	&vlab_card_attr_bar4,
	&vlab_card_attr_bar5,
	&vlab_card_attr_msix_table,
	&vlab_card_attr_msix_pba,
	&vlab_card_attr_msi_64,
	&vlab_card_attr_msi_mask,
	&vlab_card_attr_flr,
	&vlab_card_attr_pm,
	&vlab_card_attr_type,
	&vlab_card_attr_pin,
	&vlab_card_attr_disintx,
	&vlab_card_attr_caps,
	&vlab_card_attr_chain,
	&vlab_card_attr_rom,
	&vlab_card_attr_region,
	&vlab_card_attr_regs,
	&vlab_card_attr_raise,
	&vlab_card_attr_lower,
	NULL
};

static struct configfs_attribute *port_attrs[] = {
	&vlab_port_attr_far,
	&vlab_port_attr_pace,
	&vlab_port_attr_line,
	&vlab_port_attr_node,
	NULL
};

static void release_card(struct config_item *item)
{
	struct card_dir *dir = to_card_dir(item);

	vlab_model_put(dir->card.model);
	mutex_destroy(&dir->card.lock);
	kfree(dir);
}

static struct configfs_item_operations card_item_ops = {
	.release = release_card,
};

static const struct config_item_type card_type = {
	.ct_item_ops = &card_item_ops,
	.ct_attrs = card_attrs,
	.ct_owner = THIS_MODULE,
};

static const struct config_item_type port_type = {
	.ct_attrs = port_attrs,
	.ct_owner = THIS_MODULE,
};

static void add_port(struct card_dir *dir, unsigned int number)
{
	struct port_dir *port = &dir->port[number];
	char name[8];

	port->number = number;
	port->dir = dir;
	snprintf(name, sizeof(name), "port%u", number);
	config_group_init_type_name(&port->group, name, &port_type);
	configfs_add_default_group(&port->group, &dir->group);
}

static struct config_group *make_card(struct config_group *parent, const char *name)
{
	struct card_dir *dir = kzalloc(sizeof(*dir), GFP_KERNEL_ACCOUNT);
	unsigned int i;

	if (!dir)
		return ERR_PTR(-ENOMEM);

	mutex_init(&dir->card.lock);
	config_group_init_type_name(&dir->group, name, &card_type);
	dir->card.name = config_item_name(&dir->group.cg_item);
	for (i = 0; i < VLAB_MAX_PORTS; i++)
		add_port(dir, i);
	return &dir->group;
}

static struct configfs_group_operations root_ops = {
	.make_group = make_card,
};

static const struct config_item_type root_type = {
	.ct_group_ops = &root_ops,
	.ct_owner = THIS_MODULE,
};

static struct configfs_subsystem subsystem = {
	.su_group = {
		.cg_item = {
			.ci_namebuf = "vfiolab",
			.ci_type = &root_type,
		},
	},
};

int vlab_configfs_init(void)
{
	config_group_init(&subsystem.su_group);
	mutex_init(&subsystem.su_mutex);
	return configfs_register_subsystem(&subsystem);
}

void vlab_configfs_exit(void)
{
	configfs_unregister_subsystem(&subsystem);
	mutex_destroy(&subsystem.su_mutex);
}
