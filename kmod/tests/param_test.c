// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - unit tests of attributes: text to value
 */
#include "tap.h"
#include "world.h"

static int check_even(const char *text)
{
	return strlen(text) % 2 ? -EINVAL : 0;
}

static const char *const words[] = { "one", "two", "three", NULL };

enum { COUNT, SIZE, NONE_OR_SIZE, WORD, TEXT, ACTION };

static const struct vlab_param params[] = {
	[COUNT] = { .name = "count", .type = VLAB_PARAM_UINT, .min = 1, .max = 8, .def = 2 },
	[SIZE] = { .name = "size", .type = VLAB_PARAM_POW2, .min = 4096, .max = 1 << 30,
		   .def = 65536 },
	[NONE_OR_SIZE] = { .name = "none", .type = VLAB_PARAM_POW2, .max = 32, .def = 8 },
	[WORD] = { .name = "word", .type = VLAB_PARAM_CHOICE, .choices = words, .def = 1 },
	[TEXT] = { .name = "text", .type = VLAB_PARAM_TEXT, .def_text = "none",
		   .check = check_even, .help = "an even number of letters" },
	[ACTION] = { .name = "do", .type = VLAB_PARAM_ACTION, .help = "something" },
	{}
};

static const struct vlab_model model = { .name = "params", .params = params };

static bool takes(unsigned int i, const char *text, u64 want)
{
	struct vlab_value val = { .num = 77 };

	return !vlab_param_parse(&params[i], text, &val) && val.num == want;
}

static bool refuses(unsigned int i, const char *text)
{
	struct vlab_value val = { .num = 77, .text = "as before" };

	return vlab_param_parse(&params[i], text, &val) == -EINVAL && val.num == 77 &&
	       !strcmp(val.text, "as before");
}

TEST(attribute_is_found_by_its_name)
{
	unsigned int i = 99;

	EXPECT_TRUE(vlab_param_find(&model, "word", &i) == &params[WORD]);
	EXPECT_EQ(WORD, i);
	EXPECT_TRUE(vlab_param_find(&model, "size", NULL) == &params[SIZE]);
	EXPECT_TRUE(!vlab_param_find(&model, "wor", &i));
	EXPECT_TRUE(!vlab_param_find(&model, "", &i));
	EXPECT_EQ(WORD, i);
}

TEST(model_without_attributes_has_none)
{
	static const struct vlab_model bare = { .name = "bare" };

	EXPECT_TRUE(!vlab_param_find(&bare, "ports", NULL));
}

TEST(numbers_in_range_are_taken)
{
	EXPECT_TRUE(takes(COUNT, "1", 1));
	EXPECT_TRUE(takes(COUNT, "8", 8));
	EXPECT_TRUE(takes(COUNT, "0x4", 4));
}

TEST(numbers_out_of_range_are_refused)
{
	EXPECT_TRUE(refuses(COUNT, "0"));
	EXPECT_TRUE(refuses(COUNT, "9"));
	EXPECT_TRUE(refuses(COUNT, "-1"));
	EXPECT_TRUE(refuses(COUNT, "18446744073709551617"));
}

TEST(text_that_is_no_number_is_refused)
{
	EXPECT_TRUE(refuses(COUNT, ""));
	EXPECT_TRUE(refuses(COUNT, "two"));
	EXPECT_TRUE(refuses(COUNT, "2 2"));
	EXPECT_TRUE(refuses(COUNT, "2x"));
}

TEST(powers_of_two_are_taken_with_suffix)
{
	EXPECT_TRUE(takes(SIZE, "4096", 4096));
	EXPECT_TRUE(takes(SIZE, "64K", 65536));
	EXPECT_TRUE(takes(SIZE, "1G", 1 << 30));
}

TEST(what_is_no_power_of_two_is_refused)
{
	EXPECT_TRUE(refuses(SIZE, "5000"));
	EXPECT_TRUE(refuses(SIZE, "96K"));
	EXPECT_TRUE(refuses(SIZE, "0"));
	EXPECT_TRUE(refuses(SIZE, "2G"));
	EXPECT_TRUE(refuses(NONE_OR_SIZE, "3"));
	EXPECT_TRUE(takes(NONE_OR_SIZE, "0", 0));
	EXPECT_TRUE(takes(NONE_OR_SIZE, "32", 32));
}

TEST(choice_is_by_word)
{
	EXPECT_TRUE(takes(WORD, "one", 0));
	EXPECT_TRUE(takes(WORD, "three", 2));
	EXPECT_TRUE(refuses(WORD, "four"));
	EXPECT_TRUE(refuses(WORD, "tw"));
	EXPECT_TRUE(refuses(WORD, "two "));
	EXPECT_TRUE(refuses(WORD, "1"));
}

TEST(text_is_checked_and_bounded)
{
	struct vlab_value val = {};
	char text[VLAB_TEXT_LEN + 2];

	EXPECT_EQ(0, vlab_param_parse(&params[TEXT], "abcd", &val));
	EXPECT_EQ(0, strcmp(val.text, "abcd"));
	EXPECT_TRUE(refuses(TEXT, "abc"));
	memset(text, 'x', sizeof(text));
	text[VLAB_TEXT_LEN] = 0;
	EXPECT_TRUE(refuses(TEXT, text));
	text[VLAB_TEXT_LEN - 2] = 0;
	EXPECT_EQ(0, vlab_param_parse(&params[TEXT], text, &val));
}

TEST(action_has_no_value)
{
	EXPECT_TRUE(refuses(ACTION, "something"));
}

TEST(every_attribute_describes_what_is_right)
{
	char buf[64];

	vlab_param_describe(&params[COUNT], buf, sizeof(buf));
	EXPECT_EQ(0, strcmp(buf, "a number from 1 to 8"));
	vlab_param_describe(&params[SIZE], buf, sizeof(buf));
	EXPECT_EQ(0, strcmp(buf, "a power of two from 4096 to 1073741824"));
	vlab_param_describe(&params[NONE_OR_SIZE], buf, sizeof(buf));
	EXPECT_EQ(0, strcmp(buf, "a power of two from 1 to 32, or 0"));
	vlab_param_describe(&params[WORD], buf, sizeof(buf));
	EXPECT_EQ(0, strcmp(buf, "one, two, three"));
	vlab_param_describe(&params[TEXT], buf, sizeof(buf));
	EXPECT_EQ(0, strcmp(buf, "an even number of letters"));
	vlab_param_describe(&params[WORD], buf, 6);
	EXPECT_EQ(0, strcmp(buf, "one, "));
}

TEST(defaults_are_those_of_the_table)
{
	static struct vlab_card card = { .model = &model };
	unsigned int port;

	vlab_param_defaults(&card);
	EXPECT_EQ(2, card.val[COUNT].num);
	EXPECT_EQ(1, card.val[WORD].num);
	for (port = 0; port < VLAB_MAX_PORTS; port++)
		EXPECT_EQ(0, strcmp(card.port[port][TEXT].text, "none"));
}
