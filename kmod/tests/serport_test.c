// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - unit tests of ports and lines, serial.rst 6: cards of two ports in a
 * world where time passes on request
 */
#include "serport.h"
#include "tap.h"
#include "world.h"

#define CHAR_NS		86805ULL	/* of 8N1 at divisor 1 */

/* ---- a card ---- */

struct rig {
	struct vlab_fn fn;
	struct serport port[2];
};

static const char *far[2];
static bool paced[2];

static struct rig *to_rig(struct vlab_fn *fn)
{
	return container_of(fn, struct rig, fn);
}

static int rig_init(struct vlab_fn *fn)
{
	static const struct vlab_ident id = { .vendor = 1, .pin = 1 };
	struct rig *rig = to_rig(fn);
	unsigned int i;

	vlab_cfg_header(fn, &id);
	for (i = 0; i < 2; i++) {
		serport_init(&rig->port[i], fn, i, paced[i]);
		assert(!serport_attach(&rig->port[i], far[i]));
	}
	return vlab_irq_init(fn, 2);
}

static void rig_start(struct vlab_fn *fn)
{
	unsigned int i;

	for (i = 0; i < 2; i++)
		serport_plug(&to_rig(fn)->port[i], i, far[i]);
}

static void rig_stop(struct vlab_fn *fn)
{
	unsigned int i;

	for (i = 0; i < 2; i++)
		serport_stop(&to_rig(fn)->port[i]);
}

static void rig_exit(struct vlab_fn *fn)
{
	unsigned int i;

	for (i = 0; i < 2; i++)
		serport_detach(&to_rig(fn)->port[i]);
}

static void rig_reset(struct vlab_fn *fn)
{
	unsigned int i;

	for (i = 0; i < 2; i++)
		serport_reset(&to_rig(fn)->port[i]);
}

static const struct vlab_model rig_model = {
	.name = "rig",
	.fn_size = sizeof(struct rig),
	.init = rig_init,
	.start = rig_start,
	.stop = rig_stop,
	.exit = rig_exit,
	.reset = rig_reset,
};

static struct vlab_card card_a = { .name = "a" }, card_b = { .name = "b" };

static void out(struct serport *port, unsigned int reg, u8 val)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&port->fn->lock, flags);
	serport_out(port, reg, val);
	raw_spin_unlock_irqrestore(&port->fn->lock, flags);
	shim_run();
}

static u8 in(struct serport *port, unsigned int reg)
{
	unsigned long flags;
	u8 val;

	raw_spin_lock_irqsave(&port->fn->lock, flags);
	val = serport_in(port, reg);
	raw_spin_unlock_irqrestore(&port->fn->lock, flags);
	shim_run();
	return val;
}

static void set_up(struct serport *port)
{
	out(port, UART_LCR, UART_LCR_DLAB);
	out(port, UART_DLL, 1);
	out(port, UART_DLM, 0);
	out(port, UART_LCR, UART_LCR_WLEN8);
	out(port, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_8);
}

static struct rig *plug_card(struct vlab_card *card, const char *far0, const char *far1)
{
	struct rig *rig;

	far[0] = far0;
	far[1] = far1;
	rig = to_rig(world_fn(card, &rig_model));
	set_up(&rig->port[0]);
	set_up(&rig->port[1]);
	return rig;
}

static struct rig *plug(const char *far0, const char *far1)
{
	paced[0] = false;
	paced[1] = false;
	return plug_card(&card_a, far0, far1);
}

static struct rig *plug_paced(const char *far0, const char *far1)
{
	paced[0] = true;
	paced[1] = true;
	return plug_card(&card_a, far0, far1);
}

static void pull(struct rig *rig)
{
	vlab_fn_stop(&rig->fn);
	vlab_fn_destroy(&rig->fn);
}

static void reset(struct rig *rig)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&rig->fn.lock, flags);
	vlab_fn_reset(&rig->fn, "test");
	raw_spin_unlock_irqrestore(&rig->fn.lock, flags);
	shim_run();
}

static void send(struct serport *port, const char *text)
{
	for (; *text; text++)
		out(port, UART_TX, *text);
}

#define MAX_REST	(20 * NSEC_PER_MSEC)

/* The driver sees that there is nothing left, twice, and time passes. */
static void be_idle(struct serport *port)
{
	in(port, UART_LSR);
	in(port, UART_LSR);
	shim_advance(MAX_REST);
}

static void expect_text(struct serport *port, const char *text)
{
	for (; *text; text++) {
		if (!(in(port, UART_LSR) & UART_LSR_DR))
			be_idle(port);
		EXPECT_TRUE(in(port, UART_LSR) & UART_LSR_DR);
		EXPECT_EQ(*text, in(port, UART_RX));
	}
	EXPECT_FALSE(in(port, UART_LSR) & UART_LSR_DR);
}

/* ---- who is connected to whom ---- */

TEST(plug_returns_what_is_sent)
{
	struct rig *r = plug("loopback", "loopback");

	send(&r->port[0], "ping");
	expect_text(&r->port[0], "ping");
	expect_text(&r->port[1], "");
	pull(r);
}

TEST(nothing_at_the_far_end_takes_all)
{
	struct rig *r = plug("none", "none");

	send(&r->port[0], "0123456789abcdef0123456789abcdef");
	EXPECT_EQ(UART_LSR_THRE | UART_LSR_TEMT, in(&r->port[0], UART_LSR));
	pull(r);
}

TEST(null_modem_crosses)
{
	struct rig *r = plug("null-modem:a/1", "null-modem:a/0");

	send(&r->port[0], "to one");
	send(&r->port[1], "to nought");
	expect_text(&r->port[0], "to nought");
	expect_text(&r->port[1], "to one");
	pull(r);
}

TEST(null_modem_to_itself_is_a_plug)
{
	struct rig *r = plug("null-modem:a/0", "none");

	send(&r->port[0], "me");
	expect_text(&r->port[0], "me");
	pull(r);
}

TEST(null_modem_needs_both_to_ask)
{
	struct rig *r = plug("null-modem:a/1", "null-modem:b/0");

	send(&r->port[0], "x");
	expect_text(&r->port[0], "");
	expect_text(&r->port[1], "");
	pull(r);
}

TEST(null_modem_joins_two_cards_in_any_order_and_parts)
{
	struct rig *a = plug("null-modem:b/1", "none"), *b;

	out(&a->port[0], UART_MCR, UART_MCR_DTR);
	send(&a->port[0], "lost");
	b = plug_card(&card_b, "none", "null-modem:a/0");
	EXPECT_EQ(UART_MSR_DSR | UART_MSR_DCD, in(&b->port[1], UART_MSR) & 0xf0);
	send(&a->port[0], "found");
	expect_text(&b->port[1], "found");
	pull(a);
	EXPECT_EQ(UART_MSR_DDSR | UART_MSR_DDCD, in(&b->port[1], UART_MSR));
	send(&b->port[1], "lost");
	a = plug_card(&card_a, "null-modem:b/1", "none");
	send(&b->port[1], "again");
	expect_text(&a->port[0], "again");
	pull(b);
	pull(a);
}

TEST(name_too_long_to_be_asked_for_is_nobodys)
{
	static struct vlab_card longest = {
		.name = "0123456789012345678901234567890123456789012345",
	};
	struct rig *r = plug_card(&longest, "null-modem:a/1", "none");

	EXPECT_EQ(0, r->port[0].end.name[0]);
	pull(r);
}

TEST(far_ends_are_told_from_nonsense)
{
	static const char *const good[] = {
		"loopback", "none", "tty", "null-modem:a/0", "null-modem:a/b/7",
	};
	static const char *const bad[] = {
		"", "Loopback", "loopback ", "null-modem", "null-modem:", "null-modem:a",
		"null-modem:/0", "null-modem:a/", "null-modem:a/8", "null-modem:a/00",
		"null-modem:a/x", "tty0",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(good); i++)
		EXPECT_EQ(0, serport_check_far(good[i]));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(-EINVAL, serport_check_far(bad[i]));
}

TEST(far_end_without_its_module_is_an_error)
{
	struct serport port = {};

	EXPECT_EQ(-ENOENT, serport_attach(&port, "tty"));
	serport_detach(&port);
}

/* ---- flow ---- */

TEST(unpaced_line_holds_back_and_loses_nothing)
{
	struct rig *r = plug("null-modem:a/1", "null-modem:a/0");

	send(&r->port[0], "0123456789abcdefghijklmnopqrstuvw");
	EXPECT_EQ(0, in(&r->port[0], UART_LSR));
	EXPECT_FALSE(in(&r->port[1], UART_LSR) & UART_LSR_OE);
	expect_text(&r->port[1], "0123456789abcdefghijklmnopqrstuvw");
	EXPECT_EQ(UART_LSR_THRE | UART_LSR_TEMT, in(&r->port[0], UART_LSR));
	pull(r);
}

/* The loop of an interrupt handler, which reads until nothing is left. */
static unsigned int handle(struct serport *port)
{
	unsigned int n = 0;

	while (!(in(port, UART_IIR) & UART_IIR_NO_INT))
		for (; in(port, UART_LSR) & UART_LSR_DR; n++)
			in(port, UART_RX);
	return n;
}

TEST(handler_ends_however_much_the_far_end_has)
{
	struct rig *r = plug("null-modem:a/1", "null-modem:a/0");

	out(&r->port[1], UART_IER, UART_IER_RDI);
	send(&r->port[0], "0123456789abcdefghijklmnopqrstuvw");
	EXPECT_EQ(16, handle(&r->port[1]));
	EXPECT_EQ(0, handle(&r->port[1]));
	shim_advance(MAX_REST);
	EXPECT_EQ(16, handle(&r->port[1]));
	pull(r);
}

/* The simplest of handlers: it never looks at IIR, and at LSR once too few. */
static unsigned int read_all(struct serport *port)
{
	unsigned int n;

	for (n = 0; in(port, UART_LSR) & UART_LSR_DR; n++)
		in(port, UART_RX);
	return n;
}

TEST(driver_that_does_not_look_again_gets_the_rest)
{
	struct rig *r = plug("null-modem:a/1", "null-modem:a/0");

	out(&r->port[1], UART_IER, UART_IER_RDI);
	send(&r->port[0], "0123456789abcdefghijklmnopqrstuvw");
	EXPECT_EQ(16, read_all(&r->port[1]));
	EXPECT_FALSE(r->fn.vec[1].level);
	shim_advance(MAX_REST);
	EXPECT_TRUE(r->fn.vec[1].level);
	EXPECT_EQ(16, read_all(&r->port[1]));
	shim_advance(MAX_REST);
	EXPECT_EQ(1, read_all(&r->port[1]));
	pull(r);
}

TEST(driver_that_reads_some_of_it_gets_the_rest)
{
	struct rig *r = plug("null-modem:a/1", "null-modem:a/0");
	unsigned int n = 0;

	out(&r->port[1], UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_14);
	out(&r->port[1], UART_IER, UART_IER_RDI);
	send(&r->port[0], "0123456789abcdefghijklmnopqrstuvw");
	while (r->fn.vec[1].level) {
		for (; r->fn.vec[1].level; n++)
			in(&r->port[1], UART_RX);
		shim_advance(2 * MAX_REST);
	}
	EXPECT_EQ(33, n);
	pull(r);
}

TEST(unpaced_line_waits_without_fifos_too)
{
	struct rig *r = plug("loopback", "none");

	out(&r->port[0], UART_FCR, 0);
	send(&r->port[0], "abc");
	expect_text(&r->port[0], "abc");
	EXPECT_FALSE(in(&r->port[0], UART_LSR) & UART_LSR_OE);
	pull(r);
}

TEST(clearing_the_receiver_lets_the_line_go_on)
{
	struct rig *r = plug("loopback", "none");

	send(&r->port[0], "0123456789abcdefX");
	out(&r->port[0], UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR);
	expect_text(&r->port[0], "X");
	pull(r);
}

TEST(paced_line_takes_its_time)
{
	struct rig *r = plug_paced("loopback", "none");

	send(&r->port[0], "ab");
	shim_advance(CHAR_NS - 1);
	expect_text(&r->port[0], "");
	shim_advance(1);
	expect_text(&r->port[0], "a");
	EXPECT_EQ(UART_LSR_THRE, in(&r->port[0], UART_LSR));
	shim_advance(CHAR_NS);
	expect_text(&r->port[0], "b");
	EXPECT_EQ(UART_LSR_THRE | UART_LSR_TEMT, in(&r->port[0], UART_LSR));
	pull(r);
}

TEST(paced_line_overruns)
{
	struct rig *r = plug_paced("loopback", "none");

	send(&r->port[0], "0123456789abcdef");
	shim_advance(16 * CHAR_NS);
	send(&r->port[0], "X");
	shim_advance(2 * CHAR_NS);
	EXPECT_EQ(UART_LSR_OE, in(&r->port[0], UART_LSR) & UART_LSR_OE);
	expect_text(&r->port[0], "0123456789abcdef");
	pull(r);
}

TEST(divisor_slows_a_paced_line_down)
{
	struct rig *r = plug_paced("loopback", "none");

	out(&r->port[0], UART_LCR, UART_LCR_DLAB | UART_LCR_WLEN8);
	out(&r->port[0], UART_DLL, 12);
	out(&r->port[0], UART_LCR, UART_LCR_WLEN8);
	send(&r->port[0], "a");
	shim_advance(12 * CHAR_NS);
	expect_text(&r->port[0], "");
	shim_advance(12 * 10);
	expect_text(&r->port[0], "a");
	pull(r);
}

/* ---- loop mode ---- */

TEST(loop_mode_needs_no_far_end_and_disturbs_none)
{
	struct rig *r = plug("null-modem:a/1", "null-modem:a/0");

	out(&r->port[0], UART_MCR, UART_MCR_LOOP | UART_MCR_DTR);
	send(&r->port[0], "in");
	send(&r->port[1], "out");
	expect_text(&r->port[0], "in");
	expect_text(&r->port[1], "");
	EXPECT_EQ(0, in(&r->port[1], UART_MSR));
	EXPECT_EQ(UART_LSR_THRE | UART_LSR_TEMT, in(&r->port[1], UART_LSR));
	pull(r);
}

/* As the 8250 driver sizes a FIFO. */
TEST(loop_mode_overruns)
{
	struct rig *r = plug("loopback", "none");
	unsigned int i;

	out(&r->port[0], UART_MCR, UART_MCR_LOOP);
	for (i = 0; i < 256; i++)
		out(&r->port[0], UART_TX, i);
	EXPECT_EQ(UART_LSR_OE, in(&r->port[0], UART_LSR) & UART_LSR_OE);
	for (i = 0; in(&r->port[0], UART_LSR) & UART_LSR_DR; i++)
		EXPECT_EQ(i, in(&r->port[0], UART_RX));
	EXPECT_EQ(UART_FIFO_LEN, i);
	pull(r);
}

/* ---- modem lines, break ---- */

TEST(outputs_cross_to_the_far_ends_inputs)
{
	struct rig *r = plug("null-modem:a/1", "null-modem:a/0");

	out(&r->port[0], UART_MCR, UART_MCR_RTS);
	EXPECT_EQ(UART_MSR_CTS | UART_MSR_DCTS, in(&r->port[1], UART_MSR));
	out(&r->port[0], UART_MCR, UART_MCR_DTR);
	EXPECT_EQ(UART_MSR_DSR | UART_MSR_DCD | UART_MSR_DCTS | UART_MSR_DDSR | UART_MSR_DDCD,
		  in(&r->port[1], UART_MSR));
	EXPECT_EQ(0, in(&r->port[0], UART_MSR));
	pull(r);
}

TEST(break_is_one_character_however_long)
{
	struct rig *r = plug("loopback", "none");

	out(&r->port[0], UART_LCR, UART_LCR_WLEN8 | UART_LCR_SBC);
	send(&r->port[0], "lost");
	out(&r->port[0], UART_LCR, UART_LCR_WLEN8);
	EXPECT_EQ(UART_LSR_BI | UART_LSR_FE,
		  in(&r->port[0], UART_LSR) & UART_LSR_BRK_ERROR_BITS);
	EXPECT_EQ(0, in(&r->port[0], UART_RX));
	send(&r->port[0], "kept");
	expect_text(&r->port[0], "kept");
	pull(r);
}

TEST(break_waits_behind_a_full_receiver)
{
	struct rig *r = plug("loopback", "none");

	send(&r->port[0], "0123456789abcdef");
	out(&r->port[0], UART_LCR, UART_LCR_WLEN8 | UART_LCR_SBC);
	out(&r->port[0], UART_LCR, UART_LCR_WLEN8);
	EXPECT_FALSE(in(&r->port[0], UART_LSR) & UART_LSR_FIFOE);
	expect_text(&r->port[0], "0123456789abcdef");
	be_idle(&r->port[0]);
	EXPECT_TRUE(in(&r->port[0], UART_LSR) & UART_LSR_FIFOE);
	pull(r);
}

/* ---- conditions on demand ---- */

TEST(conditions_happen_once)
{
	static const struct {
		const char *what;
		u8 lsr;
	} row[] = {
		{ "parity", UART_LSR_PE }, { "framing", UART_LSR_FE }, { "overrun", UART_LSR_OE },
	};
	struct rig *r = plug("loopback", "none");
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(row); i++) {
		EXPECT_EQ(0, serport_act(&r->port[0], row[i].what));
		send(&r->port[0], "a");
		EXPECT_EQ(row[i].lsr, in(&r->port[0], UART_LSR) & UART_LSR_BRK_ERROR_BITS);
		send(&r->port[0], "b");
		EXPECT_EQ(0, in(&r->port[0], UART_LSR) & UART_LSR_BRK_ERROR_BITS);
		expect_text(&r->port[0], "ab");
	}
	pull(r);
}

TEST(break_on_demand_is_a_character)
{
	struct rig *r = plug("none", "none");

	EXPECT_EQ(0, serport_act(&r->port[0], "break"));
	EXPECT_EQ(UART_LSR_BI | UART_LSR_FE | UART_LSR_DR,
		  in(&r->port[0], UART_LSR) & (UART_LSR_BRK_ERROR_BITS | UART_LSR_DR));
	pull(r);
}

TEST(ring_on_demand_is_its_trailing_edge)
{
	struct rig *r = plug("none", "none");

	EXPECT_EQ(0, serport_act(&r->port[0], "ring"));
	EXPECT_EQ(UART_MSR_TERI, in(&r->port[0], UART_MSR));
	pull(r);
}

TEST(carrier_is_lost_and_comes_back)
{
	struct rig *r = plug("loopback", "none");

	out(&r->port[0], UART_MCR, UART_MCR_DTR);
	in(&r->port[0], UART_MSR);
	serport_act(&r->port[0], "carrier-loss");
	EXPECT_EQ(UART_MSR_DSR | UART_MSR_DDCD, in(&r->port[0], UART_MSR));
	serport_act(&r->port[0], "carrier");
	EXPECT_EQ(UART_MSR_DSR | UART_MSR_DCD | UART_MSR_DDCD, in(&r->port[0], UART_MSR));
	pull(r);
}

TEST(conditions_that_are_none_are_refused)
{
	static const char *const bad[] = { "", "Break", "breaks", "parity ", "hangup" };
	struct rig *r = plug("none", "none");
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(-EINVAL, serport_act(&r->port[0], bad[i]));
	EXPECT_EQ(UART_LSR_THRE | UART_LSR_TEMT, in(&r->port[0], UART_LSR));
	pull(r);
}

/* ---- interrupts and time-out ---- */

TEST(interrupt_is_the_ports_own)
{
	struct rig *r = plug("loopback", "loopback");

	out(&r->port[1], UART_IER, UART_IER_RDI);
	send(&r->port[1], "01234567");
	EXPECT_EQ(0, r->fn.vec[0].level);
	EXPECT_TRUE(r->fn.vec[1].level);
	EXPECT_TRUE(world.intx);
	in(&r->port[1], UART_RX);
	EXPECT_FALSE(r->fn.vec[1].level);
	EXPECT_FALSE(world.intx);
	pull(r);
}

static bool timed_out(struct serport *port)
{
	return (in(port, UART_IIR) & 0x0f) == UART_IIR_RX_TIMEOUT;
}

TEST(timeout_comes_after_four_characters_of_silence)
{
	struct rig *r = plug_paced("loopback", "none");

	out(&r->port[0], UART_IER, UART_IER_RDI);
	send(&r->port[0], "a");
	shim_advance(CHAR_NS + 4 * CHAR_NS - 1);
	EXPECT_FALSE(timed_out(&r->port[0]));
	shim_advance(1);
	EXPECT_TRUE(timed_out(&r->port[0]));
	expect_text(&r->port[0], "a");
	EXPECT_FALSE(timed_out(&r->port[0]));
	pull(r);
}

TEST(timeout_starts_again_with_each_character)
{
	struct rig *r = plug("loopback", "none");

	out(&r->port[0], UART_IER, UART_IER_RDI);
	send(&r->port[0], "a");
	shim_advance(3 * CHAR_NS);
	send(&r->port[0], "b");
	shim_advance(3 * CHAR_NS);
	EXPECT_FALSE(timed_out(&r->port[0]));
	EXPECT_EQ('a', in(&r->port[0], UART_RX));
	shim_advance(3 * CHAR_NS);
	EXPECT_FALSE(timed_out(&r->port[0]));
	shim_advance(2 * CHAR_NS);
	EXPECT_TRUE(timed_out(&r->port[0]));
	pull(r);
}

TEST(unpaced_timeout_does_not_wait_for_the_divisor)
{
	struct rig *r = plug("loopback", "none");

	out(&r->port[0], UART_LCR, UART_LCR_DLAB | UART_LCR_WLEN8);
	out(&r->port[0], UART_DLM, 0xff);
	out(&r->port[0], UART_LCR, UART_LCR_WLEN8);
	out(&r->port[0], UART_IER, UART_IER_RDI);
	send(&r->port[0], "a");
	shim_advance(5 * CHAR_NS);
	EXPECT_TRUE(timed_out(&r->port[0]));
	pull(r);
}

TEST(idle_port_has_no_timer)
{
	struct rig *r = plug_paced("loopback", "loopback");

	send(&r->port[0], "abc");
	shim_advance(20 * CHAR_NS);
	EXPECT_EQ(0, shim_timers());
	expect_text(&r->port[0], "abc");
	shim_advance(20 * CHAR_NS);
	EXPECT_EQ(0, shim_timers());
	pull(r);
}

/* ---- resets and pulls at bad times ---- */

TEST(reset_leaves_nothing_behind)
{
	struct rig *r = plug("loopback", "none");

	out(&r->port[0], UART_MCR, UART_MCR_DTR | UART_MCR_RTS);
	out(&r->port[0], UART_IER, 0x0f);
	send(&r->port[0], "0123456789abcdefghijklmnopqrstuvwxyz");
	serport_act(&r->port[0], "parity");
	serport_act(&r->port[0], "carrier-loss");
	reset(r);
	EXPECT_EQ(UART_LSR_THRE | UART_LSR_TEMT, in(&r->port[0], UART_LSR));
	EXPECT_EQ(0, in(&r->port[0], UART_MSR));
	EXPECT_FALSE(world.intx);
	set_up(&r->port[0]);
	send(&r->port[0], "new");
	EXPECT_EQ(0, in(&r->port[0], UART_LSR) & UART_LSR_BRK_ERROR_BITS);
	expect_text(&r->port[0], "new");
	pull(r);
}

TEST(reset_keeps_what_the_far_end_drives)
{
	struct rig *r = plug("null-modem:a/1", "null-modem:a/0"), *b;

	pull(r);
	r = plug("null-modem:b/0", "none");
	b = plug_card(&card_b, "null-modem:a/0", "none");
	out(&b->port[0], UART_MCR, UART_MCR_DTR);
	reset(r);
	EXPECT_EQ(UART_MSR_DSR | UART_MSR_DCD, in(&r->port[0], UART_MSR));
	pull(r);
	pull(b);
}

TEST(reset_in_the_middle_of_a_paced_character_forgets_it)
{
	struct rig *r = plug_paced("loopback", "none");

	send(&r->port[0], "a");
	shim_advance(CHAR_NS / 2);
	reset(r);
	set_up(&r->port[0]);
	send(&r->port[0], "b");
	shim_advance(CHAR_NS * 3 / 4);
	expect_text(&r->port[0], "");
	shim_advance(CHAR_NS / 2);
	expect_text(&r->port[0], "b");
	pull(r);
}

TEST(pull_in_the_middle_leaves_no_timer)
{
	struct rig *r = plug_paced("loopback", "loopback");

	send(&r->port[0], "abcdef");
	send(&r->port[1], "a");
	shim_advance(3 * CHAR_NS);
	pull(r);
	EXPECT_EQ(0, shim_timers());
	shim_advance(20 * CHAR_NS);
}

/* ---- hostile ---- */

static void do_anything(struct rig *r[2])
{
	static const char *const what[] = {
		"break", "parity", "framing", "overrun", "ring", "carrier-loss", "carrier",
	};
	u32 rnd = world_random();
	struct rig *rig = r[rnd >> 16 & 1];
	struct serport *port = &rig->port[rnd >> 17 & 1];

	switch (rnd >> 24) {
	case 0:
		reset(rig);
		break;
	case 1 ... 3:
		serport_act(port, what[rnd % ARRAY_SIZE(what)]);
		break;
	case 4 ... 60:
		shim_advance(rnd & 0x3ffff);
		break;
	case 61 ... 150:
		in(port, rnd % UART_REGS);
		break;
	default:
		out(port, rnd % UART_REGS, rnd >> 8);
	}
}

TEST(a_hundred_thousand_random_events_on_four_ports_break_nothing)
{
	struct rig *r[2];
	unsigned int i;

	paced[0] = true;
	paced[1] = false;
	r[0] = plug_card(&card_a, "null-modem:b/1", "loopback");
	r[1] = plug_card(&card_b, "null-modem:a/1", "null-modem:a/0");
	for (i = 0; i < 100000; i++)
		do_anything(r);
	reset(r[0]);
	reset(r[1]);
	set_up(&r[0]->port[1]);
	send(&r[0]->port[1], "alive");
	expect_text(&r[0]->port[1], "alive");
	pull(r[0]);
	pull(r[1]);
	EXPECT_EQ(0, shim_timers());
}
