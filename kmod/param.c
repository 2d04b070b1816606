// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - attributes of a card: text to value, and what would have been right
 *
 * Pure logic; configfs.c has the files, models have the tables.
 */
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/string.h>

#include "compat.h"
#include "core.h"

/**
 * vlab_param_find() - an attribute of a model, by name
 * @model: the model
 * @name: file name
 * @index: where its value is stored; may be NULL
 *
 * Return: the attribute, NULL when the model does not have it.
 */
const struct vlab_param *vlab_param_find(const struct vlab_model *model, const char *name,
					 unsigned int *index)
{
	const struct vlab_param *p;

	for (p = model->params; p && p->name; p++) {
		if (strcmp(p->name, name))
			continue;
		if (index)
			*index = p - model->params;
		return p;
	}
	return NULL;
}

static int parse_number(const struct vlab_param *p, const char *text, u64 *num)
{
	char *end;
	u64 n = memparse(text, &end);

	if (end == text || *text == '-' || *end || n < p->min || n > p->max)
		return -EINVAL;
	/* A range from 0 means "none" is allowed too. */
	if (p->type == VLAB_PARAM_POW2 && n && !is_power_of_2(n))
		return -EINVAL;
	*num = n;
	return 0;
}

static int parse_choice(const struct vlab_param *p, const char *text, u64 *num)
{
	unsigned int i;

	for (i = 0; p->choices[i]; i++) {
		if (strcmp(p->choices[i], text))
			continue;
		*num = i;
		return 0;
	}
	return -EINVAL;
}

static int parse_text(const struct vlab_param *p, const char *text, char *to)
{
	if (strlen(text) >= VLAB_TEXT_LEN || (p->check && p->check(text)))
		return -EINVAL;
	strscpy(to, text, VLAB_TEXT_LEN);
	return 0;
}

/**
 * vlab_param_parse() - what a user wrote
 * @p: the attribute
 * @text: trimmed text
 * @val: result, unchanged on failure
 *
 * Return: 0, -EINVAL.
 */
int vlab_param_parse(const struct vlab_param *p, const char *text, struct vlab_value *val)
{
	switch (p->type) {
	case VLAB_PARAM_UINT:
	case VLAB_PARAM_POW2:
		return parse_number(p, text, &val->num);
	case VLAB_PARAM_CHOICE:
		return parse_choice(p, text, &val->num);
	case VLAB_PARAM_TEXT:
		return parse_text(p, text, val->text);
	default:
		return -EINVAL;
	}
}

static void join(const char *const *words, char *buf, size_t len)
{
	size_t n = 0;

	for (; *words; words++)
		n += scnprintf(buf + n, len - n, "%s%s", n ? ", " : "", *words);
}

/**
 * vlab_param_describe() - what would have been right
 * @p: the attribute
 * @buf: text
 * @len: its size
 */
void vlab_param_describe(const struct vlab_param *p, char *buf, size_t len)
{
	switch (p->type) {
	case VLAB_PARAM_UINT:
		scnprintf(buf, len, "a number from %llu to %llu", p->min, p->max);
		break;
	case VLAB_PARAM_POW2:
		scnprintf(buf, len, "a power of two from %llu to %llu%s", p->min ?: 1, p->max,
			  p->min ? "" : ", or 0");
		break;
	case VLAB_PARAM_CHOICE:
		join(p->choices, buf, len);
		break;
	default:
		scnprintf(buf, len, "%s", p->help);
	}
}

static void set_default(const struct vlab_param *p, struct vlab_value *val)
{
	val->num = p->def;
	strscpy(val->text, p->def_text ?: "", sizeof(val->text));
}

/**
 * vlab_param_defaults() - all attributes of a card as if never written
 * @card: the card; its model is set
 */
void vlab_param_defaults(struct vlab_card *card)
{
	const struct vlab_param *p;
	unsigned int i, port;

	for (p = card->model->params, i = 0; p && p->name; p++, i++) {
		set_default(p, &card->val[i]);
		for (port = 0; port < VLAB_MAX_PORTS; port++)
			set_default(p, &card->port[port][i]);
	}
}
