// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfiolab_serial_tty - the driver of the serial card in the kernel that owns it
 *
 * /dev/ttyVCARDn, a port of a card each. What it is to users is what a card's own
 * driver is: here before the card is given away, and again when it comes back.
 *
 * It binds to the card's own id as soon as there is one. A card with the face of
 * another is left to the driver of that (8250, as with a real one), unless
 * driver_override names us. Nothing is behind the physical addresses of the BARs,
 * so registers are accessed by vlab_bar_rw(), not by readb().
 */
#include <linux/idr.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/serial_core.h>
#include <linux/serial_reg.h>
#include <linux/tty.h>
#include <linux/tty_flip.h>

#include "compat.h"
#include "core.h"
#include "vlab_ids.h"
#include "vlab_serial.h"

#define MAX_TTYS	256	/* more than ports of all cards in all slots */
#define CLOCK		1843200	/* Hz, see serial.rst */
#define FIFO_LEN	16
#define MAX_RX		256	/* at once */
#define MAX_PASSES	64	/* reasons looked at in one interrupt */

/**
 * struct native_uart - one port
 * @port: the serial core's side
 * @fn: the function that it is on
 * @base: offset of its registers in BAR0
 * @ier: what is in IER
 * @lcr: LCR but its break bit
 * @lcr_break: that bit
 *
 * port.lock protects the last three and orders accesses to registers.
 */
struct native_uart {
	struct uart_port port;
	struct vlab_fn *fn;
	unsigned int base;
	u8 ier, lcr, lcr_break;
};

/**
 * struct native_card - one function
 * @nports: ports that the serial core knows of
 * @uart: the ports
 */
struct native_card {
	unsigned int nports;
	struct native_uart uart[];
};

static DEFINE_IDA(lines);

static struct uart_driver native_driver = {
	.owner = THIS_MODULE,
	.driver_name = KBUILD_MODNAME,
	.dev_name = "ttyVCARD",
	.nr = MAX_TTYS,
};

static struct native_uart *to_uart(struct uart_port *port)
{
	return container_of(port, struct native_uart, port);
}

/* ---- registers ---- */

static u8 in(struct native_uart *u, unsigned int reg)
{
	u8 val = 0xff;

	vlab_bar_rw(u->fn, VLAB_SERIAL_BAR_UART, u->base + reg, &val, 1, false);
	return val;
}

static void out(struct native_uart *u, unsigned int reg, u8 val)
{
	vlab_bar_rw(u->fn, VLAB_SERIAL_BAR_UART, u->base + reg, &val, 1, true);
}

static void set_ier(struct native_uart *u, u8 clear, u8 set)
{
	u->ier = (u->ier & ~clear) | set;
	out(u, UART_IER, u->ier);
}

/* ---- interrupt ---- */

static void take_char(struct uart_port *port, u8 lsr, u8 ch)
{
	u8 flag = TTY_NORMAL;

	port->icount.rx++;
	if (lsr & UART_LSR_BI) {
		port->icount.brk++;
		if (uart_handle_break(port))
			return;
		flag = TTY_BREAK;
	} else if (lsr & UART_LSR_PE) {
		port->icount.parity++;
		flag = TTY_PARITY;
	} else if (lsr & UART_LSR_FE) {
		port->icount.frame++;
		flag = TTY_FRAME;
	}
	if (lsr & UART_LSR_OE)
		port->icount.overrun++;
	if (!(lsr & port->read_status_mask & UART_LSR_BRK_ERROR_BITS))
		flag = TTY_NORMAL;
	uart_insert_char(port, lsr, UART_LSR_OE, ch, flag);
}

static u8 receive(struct native_uart *u, u8 lsr)
{
	unsigned int n;

	for (n = 0; n < MAX_RX && lsr & (UART_LSR_DR | UART_LSR_BI); n++) {
		take_char(&u->port, lsr, in(u, UART_RX));
		lsr = in(u, UART_LSR);
	}
	if (n)
		tty_flip_buffer_push(&u->port.state->port);
	return lsr;
}

#ifdef VLAB_UART_CIRC
static unsigned int uart_fifo_get(struct uart_port *port, u8 *ch)
{
	struct circ_buf *xmit = &port->state->xmit;

	if (uart_circ_empty(xmit))
		return 0;
	*ch = xmit->buf[xmit->tail];
	uart_xmit_advance(port, 1);
	return 1;
}
#endif

/* False when there is nothing (more) to send. */
static bool next_char(struct uart_port *port, u8 *ch)
{
	if (port->x_char) {
		*ch = port->x_char;
		port->x_char = 0;
		port->icount.tx++;
		return true;
	}
	return !uart_tx_stopped(port) && uart_fifo_get(port, ch);
}

static void transmit(struct native_uart *u)
{
	unsigned int n;
	u8 ch;

	for (n = 0; n < FIFO_LEN; n++) {
		if (!next_char(&u->port, &ch)) {
			set_ier(u, UART_IER_THRI, 0);
			break;
		}
		out(u, UART_TX, ch);
	}
	uart_write_wakeup(&u->port);
}

static void modem_changed(struct uart_port *port, u8 msr)
{
	if (!(msr & UART_MSR_ANY_DELTA) || !port->state)
		return;
	if (msr & UART_MSR_TERI)
		port->icount.rng++;
	if (msr & UART_MSR_DDSR)
		port->icount.dsr++;
	if (msr & UART_MSR_DDCD)
		uart_handle_dcd_change(port, msr & UART_MSR_DCD);
	if (msr & UART_MSR_DCTS)
		uart_handle_cts_change(port, msr & UART_MSR_CTS);
	wake_up_interruptible(&port->state->port.delta_msr_wait);
}

static void serve(struct native_uart *u)
{
	u8 lsr = receive(u, in(u, UART_LSR));

	modem_changed(&u->port, in(u, UART_MSR));
	if (lsr & UART_LSR_THRE && u->ier & UART_IER_THRI)
		transmit(u);
}

/*
 * A message comes with the first reason only: none may be left when we leave. Where
 * they do not end, the line falls and rises, so that others get the processor.
 */
static irqreturn_t native_irq(int irq, void *data)
{
	struct native_uart *u = data;
	unsigned long flags;
	unsigned int n;

	spin_lock_irqsave(&u->port.lock, flags);
	for (n = 0; n < MAX_PASSES && !(in(u, UART_IIR) & UART_IIR_NO_INT); n++)
		serve(u);
	if (n == MAX_PASSES) {
		out(u, UART_IER, 0);
		out(u, UART_IER, u->ier);
	}
	spin_unlock_irqrestore(&u->port.lock, flags);
	return n ? IRQ_HANDLED : IRQ_NONE;
}

/* ---- what the serial core asks for ---- */

static unsigned int native_tx_empty(struct uart_port *port)
{
	unsigned long flags;
	u8 lsr;

	spin_lock_irqsave(&port->lock, flags);
	lsr = in(to_uart(port), UART_LSR);
	spin_unlock_irqrestore(&port->lock, flags);
	return lsr & UART_LSR_TEMT ? TIOCSER_TEMT : 0;
}

static const struct {
	unsigned int tiocm;
	u8 mcr, msr;
} modem_lines[] = {
	{ TIOCM_RTS, .mcr = UART_MCR_RTS },
	{ TIOCM_DTR, .mcr = UART_MCR_DTR },
	{ TIOCM_OUT1, .mcr = UART_MCR_OUT1 },
	{ TIOCM_OUT2, .mcr = UART_MCR_OUT2 },
	{ TIOCM_LOOP, .mcr = UART_MCR_LOOP },
	{ TIOCM_CTS, .msr = UART_MSR_CTS },
	{ TIOCM_DSR, .msr = UART_MSR_DSR },
	{ TIOCM_RI, .msr = UART_MSR_RI },
	{ TIOCM_CD, .msr = UART_MSR_DCD },
};

static void native_set_mctrl(struct uart_port *port, unsigned int mctrl)
{
	unsigned int i;
	u8 mcr = 0;

	for (i = 0; i < ARRAY_SIZE(modem_lines); i++)
		if (mctrl & modem_lines[i].tiocm)
			mcr |= modem_lines[i].mcr;
	out(to_uart(port), UART_MCR, mcr);
}

static unsigned int native_get_mctrl(struct uart_port *port)
{
	u8 msr = in(to_uart(port), UART_MSR);
	unsigned int mctrl = 0, i;

	/* Reading took the deltas away. */
	modem_changed(port, msr);
	for (i = 0; i < ARRAY_SIZE(modem_lines); i++)
		if (msr & modem_lines[i].msr)
			mctrl |= modem_lines[i].tiocm;
	return mctrl;
}

static void native_stop_tx(struct uart_port *port)
{
	set_ier(to_uart(port), UART_IER_THRI, 0);
}

/* With an empty FIFO that is an interrupt at once. */
static void native_start_tx(struct uart_port *port)
{
	if (!(to_uart(port)->ier & UART_IER_THRI))
		set_ier(to_uart(port), 0, UART_IER_THRI);
}

static void native_stop_rx(struct uart_port *port)
{
	set_ier(to_uart(port), UART_IER_RLSI | UART_IER_RDI, 0);
}

static void native_enable_ms(struct uart_port *port)
{
	set_ier(to_uart(port), 0, UART_IER_MSI);
}

static void native_break_ctl(struct uart_port *port, int on)
{
	struct native_uart *u = to_uart(port);
	unsigned long flags;

	spin_lock_irqsave(&port->lock, flags);
	u->lcr_break = on ? UART_LCR_SBC : 0;
	out(u, UART_LCR, u->lcr | u->lcr_break);
	spin_unlock_irqrestore(&port->lock, flags);
}

/* FIFOs on and empty, nothing pending. */
static void clear_port(struct native_uart *u)
{
	out(u, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR | UART_FCR_CLEAR_XMIT |
	    UART_FCR_TRIGGER_8);
	in(u, UART_LSR);
	in(u, UART_RX);
	in(u, UART_IIR);
	in(u, UART_MSR);
}

static int native_startup(struct uart_port *port)
{
	struct native_uart *u = to_uart(port);
	unsigned long flags;
	int ret;

	ret = request_irq(port->irq, native_irq, IRQF_SHARED, KBUILD_MODNAME, u);
	if (ret)
		return ret;
	spin_lock_irqsave(&port->lock, flags);
	clear_port(u);
	u->lcr = UART_LCR_WLEN8;
	u->lcr_break = 0;
	out(u, UART_LCR, u->lcr);
	set_ier(u, 0xff, UART_IER_RLSI | UART_IER_RDI);
	spin_unlock_irqrestore(&port->lock, flags);
	return 0;
}

static void native_shutdown(struct uart_port *port)
{
	struct native_uart *u = to_uart(port);
	unsigned long flags;

	spin_lock_irqsave(&port->lock, flags);
	set_ier(u, 0xff, 0);
	out(u, UART_LCR, u->lcr);
	clear_port(u);
	out(u, UART_FCR, 0);
	spin_unlock_irqrestore(&port->lock, flags);
	free_irq(port->irq, u);
}

static u8 lcr_of(tcflag_t cflag)
{
	u8 lcr = UART_LCR_WLEN(tty_get_char_size(cflag));

	if (cflag & CSTOPB)
		lcr |= UART_LCR_STOP;
	if (cflag & PARENB)
		lcr |= UART_LCR_PARITY;
	if (!(cflag & PARODD))
		lcr |= UART_LCR_EPAR;
	if (cflag & CMSPAR)
		lcr |= UART_LCR_SPAR;
	return lcr;
}

static void set_masks(struct uart_port *port, const struct ktermios *termios)
{
	port->read_status_mask = UART_LSR_OE | UART_LSR_THRE | UART_LSR_DR;
	if (termios->c_iflag & INPCK)
		port->read_status_mask |= UART_LSR_FE | UART_LSR_PE;
	if (termios->c_iflag & (IGNBRK | BRKINT | PARMRK))
		port->read_status_mask |= UART_LSR_BI;

	port->ignore_status_mask = 0;
	if (termios->c_iflag & IGNPAR)
		port->ignore_status_mask |= UART_LSR_PE | UART_LSR_FE;
	if (termios->c_iflag & IGNBRK)
		port->ignore_status_mask |= UART_LSR_BI;
	if ((termios->c_iflag & (IGNBRK | IGNPAR)) == (IGNBRK | IGNPAR))
		port->ignore_status_mask |= UART_LSR_OE;
	if (!(termios->c_cflag & CREAD))
		port->ignore_status_mask |= UART_LSR_DR;
}

static void native_set_termios(struct uart_port *port, struct ktermios *termios,
			       const struct ktermios *old)
{
	unsigned int baud = uart_get_baud_rate(port, termios, old, 0, CLOCK / 16);
	unsigned int divisor = uart_get_divisor(port, baud);
	struct native_uart *u = to_uart(port);
	unsigned long flags;

	spin_lock_irqsave(&port->lock, flags);
	uart_update_timeout(port, termios->c_cflag, baud);
	set_masks(port, termios);
	set_ier(u, UART_IER_MSI, UART_ENABLE_MS(port, termios->c_cflag) ? UART_IER_MSI : 0);
	u->lcr = lcr_of(termios->c_cflag);
	out(u, UART_LCR, u->lcr | UART_LCR_DLAB);
	out(u, UART_DLL, divisor & 0xff);
	out(u, UART_DLM, divisor >> 8);
	out(u, UART_LCR, u->lcr | u->lcr_break);
	spin_unlock_irqrestore(&port->lock, flags);

	if (tty_termios_baud_rate(termios))
		tty_termios_encode_baud_rate(termios, baud, baud);
}

static const char *native_type(struct uart_port *port)
{
	return "16550A";
}

/* There is nothing to claim: the resources are the PCI function's. */
static void native_release_port(struct uart_port *port)
{
}

static int native_request_port(struct uart_port *port)
{
	return 0;
}

static void native_config_port(struct uart_port *port, int flags)
{
	port->type = PORT_16550A;
}

static int native_verify_port(struct uart_port *port, struct serial_struct *ser)
{
	return ser->type == PORT_16550A && ser->irq == port->irq ? 0 : -EINVAL;
}

static const struct uart_ops native_ops = {
	.tx_empty = native_tx_empty,
	.set_mctrl = native_set_mctrl,
	.get_mctrl = native_get_mctrl,
	.stop_tx = native_stop_tx,
	.start_tx = native_start_tx,
	.stop_rx = native_stop_rx,
	.enable_ms = native_enable_ms,
	.break_ctl = native_break_ctl,
	.startup = native_startup,
	.shutdown = native_shutdown,
	.set_termios = native_set_termios,
	.type = native_type,
	.release_port = native_release_port,
	.request_port = native_request_port,
	.config_port = native_config_port,
	.verify_port = native_verify_port,
};

/* ---- the PCI function ---- */

/* Our own card says how many it has; those of others have a BAR that just fits. */
static unsigned int count_ports(struct pci_dev *pdev, struct vlab_fn *fn)
{
	__le32 ports = 0;

	if (pdev->vendor != VLAB_VENDOR || pdev->device != VLAB_DEVICE_SERIAL)
		return fn->bar[VLAB_SERIAL_BAR_UART].size / VLAB_SERIAL_UART_STRIDE;
	vlab_bar_rw(fn, VLAB_SERIAL_BAR_CTRL, VLAB_SERIAL_PORTS, &ports, sizeof(ports), false);
	return le32_to_cpu(ports);
}

static int add_port(struct pci_dev *pdev, struct native_uart *u, struct vlab_fn *fn,
		    unsigned int number, int irq)
{
	int ret, line = ida_alloc_max(&lines, MAX_TTYS - 1, GFP_KERNEL);

	if (line < 0)
		return line;
	u->fn = fn;
	u->base = number * VLAB_SERIAL_UART_STRIDE;
	spin_lock_init(&u->port.lock);
	u->port.dev = &pdev->dev;
	u->port.line = line;
	u->port.ops = &native_ops;
	u->port.irq = irq;
	u->port.uartclk = CLOCK;
	u->port.fifosize = FIFO_LEN;
	u->port.type = PORT_16550A;
	u->port.iotype = UPIO_MEM;
	u->port.mapbase = pci_resource_start(pdev, VLAB_SERIAL_BAR_UART) + u->base;
	u->port.flags = UPF_BOOT_AUTOCONF | UPF_FIXED_PORT | UPF_FIXED_TYPE | UPF_SHARE_IRQ;
	ret = uart_add_one_port(&native_driver, &u->port);
	if (ret)
		ida_free(&lines, line);
	return ret;
}

static void del_ports(struct native_card *card)
{
	struct native_uart *u;

	while (card->nports) {
		u = &card->uart[--card->nports];
		uart_remove_one_port(&native_driver, &u->port);
		ida_free(&lines, u->port.line);
	}
}

/* Port N interrupts on vector N; with fewer of them the card folds as we do. */
static int add_ports(struct pci_dev *pdev, struct native_card *card, struct vlab_fn *fn,
		     unsigned int nports)
{
	int ret, nvec = pci_alloc_irq_vectors(pdev, 1, nports, PCI_IRQ_ALL_TYPES);

	if (nvec < 0)
		return nvec;
	pci_set_master(pdev);
	for (; card->nports < nports; card->nports++) {
		ret = add_port(pdev, &card->uart[card->nports], fn, card->nports,
			       pci_irq_vector(pdev, card->nports % nvec));
		if (ret) {
			del_ports(card);
			pci_free_irq_vectors(pdev);
			return ret;
		}
	}
	return 0;
}

static int native_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct vlab_fn *fn = vlab_fn_of_pdev(pdev);
	struct native_card *card;
	unsigned int nports;
	int ret;

	if (!fn || strcmp(fn->model->name, "serial")) {
		pci_err(pdev, "not a serial card of vfiolab\n");
		return -ENODEV;
	}
	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	nports = count_ports(pdev, fn);
	card = devm_kzalloc(&pdev->dev, struct_size(card, uart, nports), GFP_KERNEL);
	if (!card)
		return -ENOMEM;
	pci_set_drvdata(pdev, card);
	return add_ports(pdev, card, fn, nports);
}

static void native_remove(struct pci_dev *pdev)
{
	del_ports(pci_get_drvdata(pdev));
	pci_clear_master(pdev);
	pci_free_irq_vectors(pdev);
}

static const struct pci_device_id native_ids[] = {
	{ PCI_DEVICE(VLAB_VENDOR, VLAB_DEVICE_SERIAL) },
	{}
};
MODULE_DEVICE_TABLE(pci, native_ids);

static struct pci_driver native_pci_driver = {
	.name = KBUILD_MODNAME,
	.id_table = native_ids,
	.probe = native_probe,
	.remove = native_remove,
};

static int __init native_init(void)
{
	int ret = uart_register_driver(&native_driver);

	if (ret)
		return ret;
	/* The serial core leaves it out: a hung up tty would be closed after we are gone. */
	native_driver.tty_driver->owner = THIS_MODULE;
	ret = pci_register_driver(&native_pci_driver);
	if (ret)
		uart_unregister_driver(&native_driver);
	return ret;
}
module_init(native_init);

static void __exit native_exit(void)
{
	pci_unregister_driver(&native_pci_driver);
	uart_unregister_driver(&native_driver);
	ida_destroy(&lines);
}
module_exit(native_exit);

MODULE_DESCRIPTION("vfiolab: ttys of the serial card where it is plugged in");
MODULE_LICENSE("GPL");
VLAB_IMPORT_NS(VFIOLAB);
