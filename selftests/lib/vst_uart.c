// SPDX-License-Identifier: GPL-2.0-only
/*
 * vst - ports of a serial card (uapi/serial.rst)
 */
#include <linux/serial_reg.h>

#include "vst.h"

/* Every personality has its ports in BAR0, eight registers each. */
struct vst_uart vst_uart(struct vst_dev *dev, unsigned int port)
{
	return (struct vst_uart){
		.dev = dev,
		.bar = VLAB_SERIAL_BAR_UART,
		.off = port * VLAB_SERIAL_UART_STRIDE,
	};
}

void vst_uart_setup(const struct vst_uart *u, u16 divisor)
{
	vst_out(u, UART_IER, 0);
	vst_out(u, UART_LCR, UART_LCR_DLAB);
	vst_out(u, UART_DLL, divisor & 0xff);
	vst_out(u, UART_DLM, divisor >> 8);
	vst_out(u, UART_LCR, UART_LCR_WLEN8);
	vst_out(u, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR | UART_FCR_CLEAR_XMIT);
	vst_out(u, UART_MCR, UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT2);
	vst_in(u, UART_LSR);
	vst_in(u, UART_MSR);
	vst_in(u, UART_IIR);
}

void vst_uart_raise(struct vst_dev *dev, unsigned int port)
{
	struct vst_uart u = vst_uart(dev, port);

	vst_out(&u, UART_IER, UART_IER_THRI);
}

void vst_uart_lower(struct vst_dev *dev, unsigned int port)
{
	struct vst_uart u = vst_uart(dev, port);

	vst_out(&u, UART_IER, 0);
}

static bool lsr_has(const struct vst_uart *u, u8 bits)
{
	return vst_until(vst_in(u, UART_LSR) & bits, VST_DEADLINE_MS);
}

int __vst_uart_send(const struct vst_uart *u, const void *buf, size_t len)
{
	const u8 *p = buf;

	for (; len; len--) {
		if (!lsr_has(u, UART_LSR_THRE))
			return -ETIMEDOUT;
		vst_out(u, UART_TX, *p++);
	}
	return 0;
}

int __vst_uart_recv(const struct vst_uart *u, void *buf, size_t len)
{
	u8 *p = buf;

	for (; len; len--) {
		if (!lsr_has(u, UART_LSR_DR))
			return -ETIMEDOUT;
		*p++ = vst_in(u, UART_RX);
	}
	return 0;
}
