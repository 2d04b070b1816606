// SPDX-License-Identifier: GPL-2.0-only
/*
 * vst - ttys
 */
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "vst.h"

void vst_tty_raw(int fd, unsigned int iflag, unsigned int cflag)
{
	struct termios t = {
		.c_iflag = iflag,
		.c_cflag = B115200 | CS8 | CREAD | cflag,
	};

	cfsetspeed(&t, B115200);
	t.c_cc[VMIN] = 1;
	t.c_cc[VSTART] = VST_XON;
	t.c_cc[VSTOP] = VST_XOFF;
	vst_assert(!tcsetattr(fd, TCSANOW, &t));
}

bool vst_tty_ready(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, VST_DEADLINE_MS) == 1 && p.revents & events;
}

void vst_tty_recv(int fd, void *buf, size_t len)
{
	ssize_t n;

	for (; len; buf += n, len -= n) {
		vst_assert(vst_tty_ready(fd, POLLIN));
		n = read(fd, buf, len);
		vst_assert(n > 0);
	}
}

int vst_tty_lines(int fd)
{
	int bits;

	vst_assert(!ioctl(fd, TIOCMGET, &bits));
	return bits;
}
