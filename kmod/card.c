// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - models by name, cards, and how a card goes live and is pulled
 */
#include <linux/list.h>
#include <linux/slab.h>

#include "compat.h"
#include "core.h"

/* ---- models ---- */

struct registered {
	struct list_head list;
	const struct vlab_model *model;
};

static LIST_HEAD(models);
static DEFINE_MUTEX(models_lock);	/* protects models */

static struct registered *find_model(const char *name)
{
	struct registered *r;

	lockdep_assert_held(&models_lock);
	list_for_each_entry(r, &models, list)
		if (!strcmp(r->model->name, name))
			return r;
	return NULL;
}

static int add_model(const struct vlab_model *model)
{
	struct registered *r;

	if (find_model(model->name))
		return -EEXIST;
	r = kzalloc(sizeof(*r), GFP_KERNEL);
	if (!r)
		return -ENOMEM;
	r->model = model;
	list_add_tail(&r->list, &models);
	return 0;
}

/**
 * vlab_model_register() - offer a model to the model attribute
 * @model: the model; stays as it is until unregistered
 *
 * Return: 0, -EEXIST a model of that name is there, -ENOMEM.
 */
int vlab_model_register(const struct vlab_model *model)
{
	int ret;

	mutex_lock(&models_lock);
	ret = add_model(model);
	mutex_unlock(&models_lock);
	return ret;
}
EXPORT_SYMBOL_VLAB(vlab_model_register);

/**
 * vlab_model_unregister() - take it back
 * @model: a registered model; no card uses it, since cards pin its module
 */
void vlab_model_unregister(const struct vlab_model *model)
{
	struct registered *r;

	mutex_lock(&models_lock);
	r = find_model(model->name);
	if (r)
		list_del(&r->list);
	mutex_unlock(&models_lock);
	kfree(r);
}
EXPORT_SYMBOL_VLAB(vlab_model_unregister);

static const struct vlab_model *try_get(const char *name)
{
	struct registered *r;
	const struct vlab_model *model = NULL;

	mutex_lock(&models_lock);
	r = find_model(name);
	if (r && try_module_get(r->model->owner))
		model = r->model;
	mutex_unlock(&models_lock);
	return model;
}

/**
 * vlab_model_get() - find a model and pin its module
 * @name: as written to the model attribute
 *
 * Loads the module vfiolab_NAME when it is not there yet. Sleeps.
 *
 * Return: the model, NULL when there is none of that name.
 */
const struct vlab_model *vlab_model_get(const char *name)
{
	const struct vlab_model *model = try_get(name);

	if (!model && !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")]) {
		request_module("vfiolab_%s", name);
		model = try_get(name);
	}
	return model;
}

/**
 * vlab_model_put() - unpin a model
 * @model: from vlab_model_get(), or NULL
 */
void vlab_model_put(const struct vlab_model *model)
{
	if (model)
		module_put(model->owner);
}

/**
 * vlab_model_names() - what there is to choose from
 * @buf: text
 * @len: its size
 */
void vlab_model_names(char *buf, size_t len)
{
	struct registered *r;
	size_t n = 0;

	*buf = 0;
	mutex_lock(&models_lock);
	list_for_each_entry(r, &models, list)
		n += scnprintf(buf + n, len - n, "%s%s", n ? ", " : "", r->model->name);
	mutex_unlock(&models_lock);
}

/* ---- what models ask of a card ---- */

const char *vlab_card_name(const struct vlab_card *card)
{
	return card->name;
}
EXPORT_SYMBOL_VLAB(vlab_card_name);

struct vlab_fn *vlab_card_fn(const struct vlab_card *card, unsigned int index)
{
	return index < card->nfns ? card->fn[index] : NULL;
}
EXPORT_SYMBOL_VLAB(vlab_card_fn);

static const struct vlab_value *value(const struct vlab_card *card, const char *name,
				      const struct vlab_value *row)
{
	unsigned int i;

	if (WARN_ON_ONCE(!vlab_param_find(card->model, name, &i)))
		i = 0;
	return &row[i];
}

unsigned int vlab_card_ports(const struct vlab_card *card)
{
	unsigned int i;

	if (!vlab_param_find(card->model, "ports", &i))
		return 0;
	return card->val[i].num;
}
EXPORT_SYMBOL_VLAB(vlab_card_ports);

u64 vlab_card_num(const struct vlab_card *card, const char *name)
{
	return value(card, name, card->val)->num;
}
EXPORT_SYMBOL_VLAB(vlab_card_num);

const char *vlab_card_text(const struct vlab_card *card, const char *name)
{
	return value(card, name, card->val)->text;
}
EXPORT_SYMBOL_VLAB(vlab_card_text);

u64 vlab_port_num(const struct vlab_card *card, unsigned int port, const char *name)
{
	return value(card, name, card->port[port])->num;
}
EXPORT_SYMBOL_VLAB(vlab_port_num);

const char *vlab_port_text(const struct vlab_card *card, unsigned int port, const char *name)
{
	return value(card, name, card->port[port])->text;
}
EXPORT_SYMBOL_VLAB(vlab_port_text);

/* ---- live ---- */

static void destroy_functions(struct vlab_card *card)
{
	while (card->nfns) {
		vlab_fn_destroy(card->fn[--card->nfns]);
		card->fn[card->nfns] = NULL;
	}
}

static int create_functions(struct vlab_card *card)
{
	unsigned int n = card->model->functions ? card->model->functions(card) : 1;
	struct vlab_fn *fn;

	while (card->nfns < n) {
		fn = vlab_fn_create(card, card->model, card->nfns);
		if (IS_ERR(fn)) {
			destroy_functions(card);
			return PTR_ERR(fn);
		}
		card->fn[card->nfns++] = fn;
	}
	return 0;
}

static void stop_functions(struct vlab_card *card)
{
	unsigned int i;

	for (i = 0; i < card->nfns; i++)
		vlab_fn_stop(card->fn[i]);
	destroy_functions(card);
}

static int start_functions(struct vlab_card *card)
{
	int ret = create_functions(card);
	unsigned int i;

	for (i = 0; !ret && i < card->nfns; i++)
		vlab_fn_start(card->fn[i]);
	return ret;
}

/**
 * vlab_card_live() - make the functions and plug the card in
 * @card: the card; card->lock held
 *
 * Return: 0; -EINVAL after a line that says why; what vlab_slot_plug() says;
 * -ENOMEM. On failure nothing is left behind.
 */
int vlab_card_live(struct vlab_card *card)
{
	int ret;

	lockdep_assert_held(&card->lock);
	ret = card->model->check ? card->model->check(card) : 0;
	if (!ret)
		ret = start_functions(card);
	if (ret)
		return ret;

	ret = vlab_slot_plug(card);
	if (ret) {
		stop_functions(card);
		return ret;
	}
	WRITE_ONCE(card->live, true);
	return 0;
}

/**
 * vlab_card_pull() - pull the card, free the functions
 * @card: a live card; card->lock held
 *
 * Returns when no driver, no timer and no work knows the card any more.
 */
void vlab_card_pull(struct vlab_card *card)
{
	lockdep_assert_held(&card->lock);
	vlab_slot_unplug(card);
	stop_functions(card);
	WRITE_ONCE(card->live, false);
}
