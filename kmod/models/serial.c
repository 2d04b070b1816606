// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab - the serial card
 *
 * 16550A ports behind one of several faces: our own with DMA and card memory,
 * or a card that a stock guest has a driver for. uapi/serial.rst is its manual;
 * numbers in comments are sections of that file.
 */
#include <linux/build_bug.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "compat.h"
#include "serport.h"
#include "vfiolab.h"
#include "vlab_ids.h"
#include "vlab_serial.h"

struct serial;

/**
 * struct face - the card that it looks like
 * @id: who it says it is
 * @ports: how many it has, 0 any number
 * @split: each port is a function of its own
 * @plain: it has no attributes beyond ports and personality
 * @init: capabilities, BARs, registers and interrupts of a function
 */
struct face {
	struct vlab_ident id;
	unsigned int ports;
	bool split;
	bool plain;
	int (*init)(struct serial *s);
};

/**
 * struct serial - a function of a serial card
 * @fn: the function
 * @face: what it looks like
 * @first: number, on the card, of its first port
 * @nports: ports of this function
 * @port: the ports; NULL until init() made them
 */
struct serial {
	struct vlab_fn fn;
	const struct face *face;
	unsigned int first;
	unsigned int nports;
	struct serport *port;
};

static struct serial *to_serial(struct vlab_fn *fn)
{
	return container_of(fn, struct serial, fn);
}

/* ---- UART registers (3) ---- */

#define UART_READ(_reg)								\
static u64 uart_read_##_reg(struct vlab_fn *fn, unsigned int inst)		\
{										\
	return serport_in(&to_serial(fn)->port[inst], _reg);			\
}

#define UART_WRITE(_reg)							\
static void uart_write_##_reg(struct vlab_fn *fn, unsigned int inst, u64 val, u64 old)	\
{										\
	serport_out(&to_serial(fn)->port[inst], _reg, val);			\
}

UART_READ(0) UART_WRITE(0)
UART_READ(1) UART_WRITE(1)
UART_READ(2) UART_WRITE(2)
UART_READ(3) UART_WRITE(3)
UART_READ(4) UART_WRITE(4)
UART_READ(5) UART_WRITE(5)
UART_READ(6) UART_WRITE(6)
UART_READ(7) UART_WRITE(7)

#define UART_REG(_name, _reg, _step)						\
	{									\
		.name = _name,							\
		.off = (_reg) * (_step),					\
		.width = 1,							\
		.read = uart_read_##_reg,					\
		.write = uart_write_##_reg,					\
	}

static const struct vlab_reg uart_regs[UART_REGS] = {
	UART_REG("RBR", 0, 1), UART_REG("IER", 1, 1), UART_REG("IIR", 2, 1),
	UART_REG("LCR", 3, 1), UART_REG("MCR", 4, 1), UART_REG("LSR", 5, 1),
	UART_REG("MSR", 6, 1), UART_REG("SCR", 7, 1),
};

static int add_uarts(struct serial *s, unsigned int bar)
{
	const struct vlab_regs block = {
		.bar = bar,
		.stride = VLAB_SERIAL_UART_STRIDE,
		.count = s->nports,
		.regs = uart_regs,
		.nregs = ARRAY_SIZE(uart_regs),
	};

	return vlab_regs_add(&s->fn, &block);
}

/* ---- own personality: control page (4) ---- */

static const struct vlab_reg ctrl_regs[];

enum { REG_ID, REG_PORTS, REG_MEMORY, REG_LIVENESS, REG_IRQ_STATUS, REG_RESETS };

static u64 ports_read(struct vlab_fn *fn, unsigned int inst)
{
	return to_serial(fn)->nports;
}

static u64 memory_read(struct vlab_fn *fn, unsigned int inst)
{
	return fn->bar[VLAB_SERIAL_BAR_CTRL].size - VLAB_SERIAL_MEM;
}

static u64 liveness_read(struct vlab_fn *fn, unsigned int inst)
{
	return ~*vlab_reg_val(fn, &ctrl_regs[REG_LIVENESS], 0);
}

static u64 irq_status_read(struct vlab_fn *fn, unsigned int inst)
{
	unsigned int i;
	u32 bits = 0;

	for (i = 0; i < min(fn->nvec, 32U); i++)
		if (fn->vec[i].level)
			bits |= BIT(i);
	return bits;
}

static u64 resets_read(struct vlab_fn *fn, unsigned int inst)
{
	return fn->resets;
}

static const struct vlab_reg ctrl_regs[] = {
	[REG_ID] = { .name = "ID", .off = VLAB_SERIAL_ID, .width = 4,
		     .reset = VLAB_SERIAL_MAGIC },
	[REG_PORTS] = { .name = "PORTS", .off = VLAB_SERIAL_PORTS, .width = 4,
			.read = ports_read },
	[REG_MEMORY] = { .name = "MEMORY", .off = VLAB_SERIAL_MEMORY, .width = 8,
			 .read = memory_read },
	[REG_LIVENESS] = { .name = "LIVENESS", .off = VLAB_SERIAL_LIVENESS, .width = 4,
			   .reset = ~0U, .rw = ~0U, .read = liveness_read },
	[REG_IRQ_STATUS] = { .name = "IRQ_STATUS", .off = VLAB_SERIAL_IRQ_STATUS, .width = 4,
			     .read = irq_status_read },
	[REG_RESETS] = { .name = "RESETS", .off = VLAB_SERIAL_RESETS, .width = 4,
			 .read = resets_read },
};

static const struct vlab_regs ctrl_block = {
	.bar = VLAB_SERIAL_BAR_CTRL,
	.stride = VLAB_SERIAL_DMA,
	.count = 1,
	.regs = ctrl_regs,
	.nregs = ARRAY_SIZE(ctrl_regs),
};

/* ---- own personality: rings (5) ---- */

static const struct vlab_reg ring_regs[];

enum {
	RING_TX_BASE, RING_TX_SIZE, RING_TX_HEAD, RING_TX_TAIL,
	RING_RX_BASE, RING_RX_SIZE, RING_RX_HEAD, RING_RX_TAIL,
	RING_CTRL, RING_STATUS, RING_FAULT,
};

static struct ring *to_ring(struct vlab_fn *fn, unsigned int inst)
{
	return &to_serial(fn)->port[inst].ring;
}

static u64 tx_head_read(struct vlab_fn *fn, unsigned int inst)
{
	return to_ring(fn, inst)->tx.head;
}

static u64 tx_tail_read(struct vlab_fn *fn, unsigned int inst)
{
	return to_ring(fn, inst)->tx.tail;
}

static u64 rx_head_read(struct vlab_fn *fn, unsigned int inst)
{
	return to_ring(fn, inst)->rx.head;
}

static u64 rx_tail_read(struct vlab_fn *fn, unsigned int inst)
{
	return to_ring(fn, inst)->rx.tail;
}

static u64 ring_ctrl_read(struct vlab_fn *fn, unsigned int inst)
{
	return ring_ctrl(to_ring(fn, inst));
}

static u64 ring_status_read(struct vlab_fn *fn, unsigned int inst)
{
	return to_ring(fn, inst)->status;
}

static u64 ring_fault_read(struct vlab_fn *fn, unsigned int inst)
{
	return to_ring(fn, inst)->fault;
}

static void tx_tail_written(struct vlab_fn *fn, unsigned int inst, u64 val, u64 old)
{
	struct ring *ring = to_ring(fn, inst);

	ring_set_tail(ring, &ring->tx, val);
}

static void rx_tail_written(struct vlab_fn *fn, unsigned int inst, u64 val, u64 old)
{
	struct ring *ring = to_ring(fn, inst);

	ring_set_tail(ring, &ring->rx, val);
}

static void ring_ctrl_written(struct vlab_fn *fn, unsigned int inst, u64 val, u64 old)
{
	struct ring *ring = to_ring(fn, inst);
	const struct ring_setup setup = {
		.tx_base = *vlab_reg_val(fn, &ring_regs[RING_TX_BASE], inst),
		.tx_size = *vlab_reg_val(fn, &ring_regs[RING_TX_SIZE], inst),
		.rx_base = *vlab_reg_val(fn, &ring_regs[RING_RX_BASE], inst),
		.rx_size = *vlab_reg_val(fn, &ring_regs[RING_RX_SIZE], inst),
	};

	ring_set_ctrl(ring, val, &setup);
	ring->changed(ring);
}

static void ring_status_written(struct vlab_fn *fn, unsigned int inst, u64 val, u64 old)
{
	struct ring *ring = to_ring(fn, inst);

	ring_clear_status(ring, val);
	ring->changed(ring);
}

static const struct vlab_reg ring_regs[] = {
	[RING_TX_BASE] = { .name = "TX_BASE", .off = VLAB_RING_TX_BASE, .width = 8, .rw = ~0ULL },
	[RING_TX_SIZE] = { .name = "TX_SIZE", .off = VLAB_RING_TX_SIZE, .width = 4, .rw = ~0U },
	[RING_TX_HEAD] = { .name = "TX_HEAD", .off = VLAB_RING_TX_HEAD, .width = 4,
			   .read = tx_head_read },
	[RING_TX_TAIL] = { .name = "TX_TAIL", .off = VLAB_RING_TX_TAIL, .width = 4,
			   .read = tx_tail_read, .write = tx_tail_written },
	[RING_RX_BASE] = { .name = "RX_BASE", .off = VLAB_RING_RX_BASE, .width = 8, .rw = ~0ULL },
	[RING_RX_SIZE] = { .name = "RX_SIZE", .off = VLAB_RING_RX_SIZE, .width = 4, .rw = ~0U },
	[RING_RX_HEAD] = { .name = "RX_HEAD", .off = VLAB_RING_RX_HEAD, .width = 4,
			   .read = rx_head_read },
	[RING_RX_TAIL] = { .name = "RX_TAIL", .off = VLAB_RING_RX_TAIL, .width = 4,
			   .read = rx_tail_read, .write = rx_tail_written },
	[RING_CTRL] = { .name = "RING_CTRL", .off = VLAB_RING_CTRL, .width = 4,
			.read = ring_ctrl_read, .write = ring_ctrl_written },
	[RING_STATUS] = { .name = "RING_STATUS", .off = VLAB_RING_STATUS, .width = 4,
			  .read = ring_status_read, .write = ring_status_written },
	[RING_FAULT] = { .name = "RING_FAULT", .off = VLAB_RING_FAULT, .width = 8,
			 .read = ring_fault_read },
};

static int add_rings(struct serial *s)
{
	const struct vlab_regs block = {
		.bar = VLAB_SERIAL_BAR_CTRL,
		.off = VLAB_SERIAL_RING,
		.stride = VLAB_SERIAL_RING_STRIDE,
		.count = s->nports,
		.regs = ring_regs,
		.nregs = ARRAY_SIZE(ring_regs),
	};

	return vlab_regs_add(&s->fn, &block);
}

/* ---- own personality: capabilities and BARs (1) ---- */

#define UART_BAR_SIZE	SZ_4K
#define MSIX_BAR_SIZE	SZ_64K
#define MSIX_PBA	SZ_32K	/* behind the largest table */

static int own_bars(struct serial *s)
{
	const u32 wide = PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH;
	u64 size = vlab_card_num(s->fn.card, "memory");
	int ret;

	ret = vlab_bar_init(&s->fn, VLAB_SERIAL_BAR_UART, UART_BAR_SIZE, 0, UART_BAR_SIZE);
	if (!ret)
		ret = vlab_bar_init(&s->fn, VLAB_SERIAL_BAR_CTRL, size, wide, VLAB_SERIAL_MEM);
	if (!ret && vlab_card_num(s->fn.card, "msix"))
		ret = vlab_bar_hole(&s->fn, VLAB_SERIAL_BAR_MSIX, MSIX_BAR_SIZE, 0);
	return ret;
}

static int own_irqs(struct serial *s)
{
	unsigned int msi = vlab_card_num(s->fn.card, "msi");
	unsigned int msix = vlab_card_num(s->fn.card, "msix");

	if (msi)
		vlab_cap_msi(&s->fn, 0x50, msi, PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT);
	if (msix)
		vlab_cap_msix(&s->fn, 0x70, msix, VLAB_SERIAL_BAR_MSIX,
			      MSIX_PBA | VLAB_SERIAL_BAR_MSIX);
	return vlab_irq_init(&s->fn, max3(s->nports, msi, msix));
}

static int own_init(struct serial *s)
{
	int ret;

	vlab_cap_pm(&s->fn, 0x40, false);
	ret = own_irqs(s);
	vlab_cap_pcie(&s->fn, 0x80, PCI_EXP_TYPE_ENDPOINT, true);
	if (!ret)
		ret = own_bars(s);
	if (!ret)
		ret = add_uarts(s, VLAB_SERIAL_BAR_UART);
	if (!ret)
		ret = vlab_regs_add(&s->fn, &ctrl_block);
	if (!ret)
		ret = vlab_dma_init(&s->fn, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_DMA);
	return ret ?: add_rings(s);
}

/* ---- MosChip MCS9922 (2.1) ---- */

#define MCS_UART_MEM	0x280	/* the UART again, in BAR1, a register each 4 bytes */
#define MCS_MSI		8
#define MCS_BAR_SIZE	SZ_4K

static const struct vlab_reg mcs_uart_regs[UART_REGS] = {
	UART_REG("RBR", 0, 4), UART_REG("IER", 1, 4), UART_REG("IIR", 2, 4),
	UART_REG("LCR", 3, 4), UART_REG("MCR", 4, 4), UART_REG("LSR", 5, 4),
	UART_REG("MSR", 6, 4), UART_REG("SCR", 7, 4),
};

static const struct vlab_regs mcs_uart_block = {
	.bar = 1,
	.off = MCS_UART_MEM,
	.stride = UART_REGS * 4,
	.count = 1,
	.regs = mcs_uart_regs,
	.nregs = ARRAY_SIZE(mcs_uart_regs),
};

/* No traffic class but the first, no arbitration: what the card says. */
static const struct {
	u8 off;
	u32 val;
} mcs_vc[] = {
	{ PCI_VC_PORT_CAP1, 1 },			/* one extended channel */
	{ PCI_VC_RES_CTRL, 0x80000001 },		/* VC0 enabled, TC0 */
	{ PCI_VC_RES_CTRL + 0x0c, 0x01000000 },		/* VC1, off */
};

static void mcs_vc_cap(struct vlab_fn *fn)
{
	unsigned int i;

	vlab_ext_cap_raw(fn, 0x100, PCI_EXT_CAP_ID_VC, 1, NULL, 0);
	for (i = 0; i < ARRAY_SIZE(mcs_vc); i++)
		vlab_cfg_reg(&fn->cfg, 0x100 + mcs_vc[i].off, 4, mcs_vc[i].val, 0, 0);
}

/* On the card the first function alone has virtual channels. */
static void mcs_ext_caps(struct vlab_fn *fn)
{
	if (!fn->index)
		mcs_vc_cap(fn);
	vlab_ext_cap_aer(fn, fn->index ? 0x100 : 0x800);
}

static void mcs_caps(struct serial *s)
{
	struct vlab_fn *fn = &s->fn;

	vlab_cap_msi(fn, 0x50, MCS_MSI, PCI_MSI_FLAGS_64BIT);
	vlab_cap_pm(fn, 0x78, false);
	vlab_cap_pcie(fn, 0x80, PCI_EXP_TYPE_LEG_END, false);
	vlab_cfg_reg(&fn->cfg, fn->pcie + PCI_EXP_FLAGS, 2, PCI_EXP_TYPE_LEG_END << 4 | 1, 0, 0);
	mcs_ext_caps(fn);
	/* Its functions use the pins in turn. */
	vlab_cfg_reg(&fn->cfg, PCI_INTERRUPT_PIN, 1, 1 + fn->index % 4, 0, 0);
	if (vlab_card_ports(fn->card) > 1)
		vlab_cfg_reg(&fn->cfg, PCI_HEADER_TYPE, 1, PCI_HEADER_TYPE_MFD, 0, 0);
}

static int mcs_init(struct serial *s)
{
	struct vlab_fn *fn = &s->fn;
	int ret;

	mcs_caps(s);
	ret = vlab_irq_init(fn, MCS_MSI);
	if (!ret)
		ret = vlab_bar_init(fn, 0, UART_REGS, PCI_BASE_ADDRESS_SPACE_IO, UART_REGS);
	if (!ret)
		ret = vlab_bar_init(fn, 1, MCS_BAR_SIZE, 0, MCS_BAR_SIZE);
	if (!ret)
		ret = vlab_bar_init(fn, 5, MCS_BAR_SIZE, 0, MCS_BAR_SIZE);
	if (!ret)
		ret = add_uarts(s, 0);
	return ret ?: vlab_regs_add(fn, &mcs_uart_block);
}

/* ---- QEMU's multiport cards (2.2) ---- */

static int qemu_init(struct serial *s)
{
	u64 size = s->nports * VLAB_SERIAL_UART_STRIDE;
	int ret;

	ret = vlab_irq_init(&s->fn, s->nports);
	if (!ret)
		ret = vlab_bar_init(&s->fn, 0, size, PCI_BASE_ADDRESS_SPACE_IO, size);
	return ret ?: add_uarts(s, 0);
}

/* ---- personalities ---- */

static const char *const face_names[] = { "vlab", "mcs9922", "qemu2x", "qemu4x", NULL };

static const struct face faces[] = {
	{
		.id = {
			.vendor = VLAB_VENDOR, .device = VLAB_DEVICE_SERIAL,
			.subvendor = VLAB_VENDOR, .subdevice = VLAB_DEVICE_SERIAL,
			.class = 0x078000, .revision = 1, .pin = 1,
		},
		.init = own_init,
	}, {
		.id = {
			.vendor = 0x9710, .device = 0x9922,
			.subvendor = 0xa000, .subdevice = 0x1000,
			.class = 0x070002, .pin = 1,
		},
		.split = true,
		.plain = true,
		.init = mcs_init,
	}, {
		.id = {
			.vendor = 0x1b36, .device = 0x0003,
			.subvendor = 0x1af4, .subdevice = 0x1100,
			.class = 0x070002, .revision = 1, .pin = 1,
		},
		.ports = 2,
		.plain = true,
		.init = qemu_init,
	}, {
		.id = {
			.vendor = 0x1b36, .device = 0x0004,
			.subvendor = 0x1af4, .subdevice = 0x1100,
			.class = 0x070002, .revision = 1, .pin = 1,
		},
		.ports = 4,
		.plain = true,
		.init = qemu_init,
	},
};

static const struct face *face_of(const struct vlab_card *card)
{
	return &faces[vlab_card_num(card, "personality")];
}

/* ---- attributes ---- */

static const char *const pace_names[] = { "off", "line", NULL };

/* A port of a live card, NULL when it does not have so many. */
static struct serport *card_port(const struct vlab_card *card, unsigned int port)
{
	bool split = face_of(card)->split;
	struct vlab_fn *fn = vlab_card_fn(card, split ? port : 0);

	if (port >= vlab_card_ports(card))
		return NULL;
	return &to_serial(fn)->port[split ? 0 : port];
}

static int line_act(struct vlab_card *card, unsigned int number, const char *text)
{
	struct serport *port = card_port(card, number);

	return port ? serport_act(port, text) : -ENODEV;
}

static int node_info(struct vlab_card *card, unsigned int number, char *buf, size_t len)
{
	struct serport *port = card_port(card, number);

	return port ? serport_node(port, buf, len) : -ENODEV;
}

enum { PARAM_PORTS, PARAM_PERSONALITY, PARAM_MEMORY, PARAM_MSI, PARAM_MSIX };

static const struct vlab_param serial_params[] = {
	[PARAM_PORTS] = { .name = "ports", .type = VLAB_PARAM_UINT,
			  .min = 1, .max = VLAB_MAX_PORTS, .def = 1 },
	[PARAM_PERSONALITY] = { .name = "personality", .type = VLAB_PARAM_CHOICE,
				.choices = face_names },
	[PARAM_MEMORY] = { .name = "memory", .type = VLAB_PARAM_POW2,
			   .min = SZ_4K, .max = SZ_1G, .def = SZ_64K },
	[PARAM_MSI] = { .name = "msi", .type = VLAB_PARAM_POW2, .max = 32, .def = 8 },
	[PARAM_MSIX] = { .name = "msix", .type = VLAB_PARAM_UINT, .max = 2048, .def = 16 },
	{ .name = "far", .type = VLAB_PARAM_TEXT, .per_port = true, .def_text = "loopback",
	  .check = serport_check_far,
	  .help = "loopback, none, tty, or null-modem:CARD/PORT" },
	{ .name = "pace", .type = VLAB_PARAM_CHOICE, .per_port = true, .choices = pace_names },
	{ .name = "line", .type = VLAB_PARAM_ACTION, .per_port = true, .act = line_act,
	  .help = "break, parity, framing, overrun, ring, carrier-loss or carrier" },
	{ .name = "node", .type = VLAB_PARAM_INFO, .per_port = true, .info = node_info },
	{}
};

/* A card of somebody else's is as it is. */
static int check_plain(const struct vlab_card *card)
{
	unsigned int i;

	for (i = PARAM_MEMORY; i <= PARAM_MSIX; i++) {
		const struct vlab_param *p = &serial_params[i];

		if (vlab_card_num(card, p->name) == p->def)
			continue;
		vlab_bad(card, "%s: only personality vlab has it, leave it at %llu",
			 p->name, p->def);
		return -EINVAL;
	}
	return 0;
}

static int serial_check(const struct vlab_card *card)
{
	const struct face *face = face_of(card);
	unsigned int ports = vlab_card_ports(card), msix = vlab_card_num(card, "msix");

	if (face->ports && ports != face->ports) {
		vlab_bad(card, "ports: this personality has %u, not %u", face->ports, ports);
		return -EINVAL;
	}
	if (face->plain)
		return check_plain(card);
	if (msix && msix < ports) {
		vlab_bad(card, "msix: 0 or at least the number of ports, %u", ports);
		return -EINVAL;
	}
	return 0;
}

/* ---- life ---- */

static unsigned int serial_functions(const struct vlab_card *card)
{
	return face_of(card)->split ? vlab_card_ports(card) : 1;
}

static const char *far_of(struct serial *s, unsigned int i)
{
	return vlab_port_text(s->fn.card, s->first + i, "far");
}

static int attach_port(struct serial *s, unsigned int i)
{
	int ret = serport_attach(&s->port[i], far_of(s, i));

	if (ret)
		vlab_bad(s->fn.card, "port%u: no far end '%s': is its module there?",
			 s->first + i, far_of(s, i));
	return ret;
}

static int init_ports(struct serial *s)
{
	unsigned int i;

	s->first = s->face->split ? s->fn.index : 0;
	s->nports = s->face->split ? 1 : vlab_card_ports(s->fn.card);
	s->port = kcalloc(s->nports, sizeof(*s->port), GFP_KERNEL_ACCOUNT);
	if (!s->port)
		return -ENOMEM;
	for (i = 0; i < s->nports; i++)
		serport_init(&s->port[i], &s->fn, i,
			     vlab_port_num(s->fn.card, s->first + i, "pace"));
	return 0;
}

static int serial_init(struct vlab_fn *fn)
{
	struct serial *s = to_serial(fn);
	unsigned int i;
	int ret;

	s->face = face_of(fn->card);
	vlab_cfg_header(fn, &s->face->id);
	ret = init_ports(s);
	if (!ret)
		ret = s->face->init(s);
	for (i = 0; !ret && i < s->nports; i++)
		ret = attach_port(s, i);
	return ret;
}

static void serial_start(struct vlab_fn *fn)
{
	struct serial *s = to_serial(fn);
	unsigned int i;

	for (i = 0; i < s->nports; i++)
		serport_plug(&s->port[i], s->first + i, far_of(s, i));
}

static void serial_stop(struct vlab_fn *fn)
{
	struct serial *s = to_serial(fn);
	unsigned int i;

	vlab_dma_stop(fn);
	for (i = 0; i < s->nports; i++)
		serport_stop(&s->port[i]);
	synchronize_rcu_expedited();
}

static void serial_exit(struct vlab_fn *fn)
{
	struct serial *s = to_serial(fn);
	unsigned int i;

	for (i = 0; s->port && i < s->nports; i++)
		serport_detach(&s->port[i]);
	kfree(s->port);
	vlab_dma_exit(fn);
}

static void serial_reset(struct vlab_fn *fn)
{
	struct serial *s = to_serial(fn);
	unsigned int i;

	vlab_dma_reset(fn);
	for (i = 0; i < s->nports; i++)
		serport_reset(&s->port[i]);
}

static const struct vlab_model serial_model = {
	.name = "serial",
	.owner = THIS_MODULE,
	.fn_size = sizeof(struct serial),
	.params = serial_params,
	.features = "loopback null-modem tty pace line rings dma vlab mcs9922 qemu2x qemu4x",
	.functions = serial_functions,
	.check = serial_check,
	.init = serial_init,
	.start = serial_start,
	.stop = serial_stop,
	.exit = serial_exit,
	.reset = serial_reset,
};
module_vlab_model(serial_model);

MODULE_DESCRIPTION("vfiolab: the serial card");
MODULE_LICENSE("GPL");
VLAB_IMPORT_NS(VFIOLAB);
