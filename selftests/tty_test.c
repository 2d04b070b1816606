// SPDX-License-Identifier: GPL-2.0-only
/*
 * A tty at the far end of a port's line (serial.rst 6): data, break, modem lines
 * and flow control both ways, and cards that are pulled while the tty is open.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/serial_reg.h>
#include <poll.h>
#include <sched.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vst.h"

#define ERRORS	(UART_LSR_OE | UART_LSR_PE | UART_LSR_FE | UART_LSR_BI)
#define LINES	(UART_MSR_CTS | UART_MSR_DSR | UART_MSR_RI | UART_MSR_DCD)
#define OUTPUTS	(UART_MCR_DTR | UART_MCR_RTS)
#define FROM	(TIOCM_CTS | TIOCM_DSR | TIOCM_CAR)

static bool node_of(const struct vst_card *card, unsigned int port, char *path, size_t len)
{
	char attr[16], node[32];

	snprintf(attr, sizeof(attr), "port%u/node", port);
	if (__vst_card_get(card, attr, node, sizeof(node)) < 0)
		return false;
	snprintf(path, len, "/dev/%s", node);
	return true;
}

static int tty_open(const struct vst_card *card, unsigned int port, int flags)
{
	char path[64];
	int fd;

	if (!node_of(card, port, path, sizeof(path)))
		return -ENODEV;
	fd = open(path, O_RDWR | O_NOCTTY | flags);
	return fd < 0 ? -errno : fd;
}

static bool tty_is_silent(int fd)
{
	int n;

	return !ioctl(fd, FIONREAD, &n) && !n;
}

static bool lsr_becomes(const struct vst_uart *u, u8 bits)
{
	return vst_until((vst_in(u, UART_LSR) & bits) == bits, VST_DEADLINE_MS);
}

FIXTURE(tty) {
	struct vst_dev *dev;
	struct vst_uart u, other;
	int fd;
};

FIXTURE_SETUP(tty)
{
	if (!vst_card())
		SKIP(return, "the far end is in another machine");
	self->dev = vst_open(vst_bdf());
	vst_reset(self->dev);
	self->u = vst_uart(self->dev, 0);
	self->other = vst_uart(self->dev, 1);
	vst_uart_setup(&self->u, 1);
	vst_uart_setup(&self->other, 1);
	self->fd = vst_ok(tty_open(vst_card(), 0, 0));
	vst_tty_raw(self->fd, 0, CLOCAL);
	tcflush(self->fd, TCIOFLUSH);
	vst_in(&self->u, UART_MSR);
}

FIXTURE_TEARDOWN(tty)
{
	close(self->fd);
	vst_close(self->dev);
}

/* ---- data ---- */

TEST_F(tty, bytes_written_come_out_of_the_port)
{
	u8 got[5];

	ASSERT_EQ(5, write(self->fd, "hello", 5));
	vst_uart_recv(&self->u, got, sizeof(got));
	EXPECT_EQ(0, memcmp("hello", got, 5));
	EXPECT_FALSE(vst_in(&self->u, UART_LSR) & UART_LSR_DR);
}

TEST_F(tty, bytes_sent_by_the_port_can_be_read)
{
	char got[5];

	vst_uart_send(&self->u, "hello", 5);
	vst_tty_recv(self->fd, got, sizeof(got));
	EXPECT_EQ(0, memcmp("hello", got, 5));
}

TEST_F(tty, every_value_passes_both_ways)
{
	u8 all[256], got[256];
	unsigned int i;

	for (i = 0; i < sizeof(all); i++)
		all[i] = i;
	ASSERT_EQ(sizeof(all), write(self->fd, all, sizeof(all)));
	vst_uart_recv(&self->u, got, sizeof(got));
	EXPECT_EQ(-1, vst_differs(all, got, sizeof(all)));
	vst_uart_send(&self->u, all, sizeof(all));
	vst_tty_recv(self->fd, got, sizeof(got));
	EXPECT_EQ(-1, vst_differs(all, got, sizeof(all)));
}

TEST_F(tty, more_than_all_buffers_hold_passes_both_ways)
{
	static u8 sent[12000], got[12000];
	size_t to = 0, from = 0;
	ssize_t n;

	fcntl(self->fd, F_SETFL, O_NONBLOCK);
	vst_fill(sent, sizeof(sent), 1);
	while (from < sizeof(sent)) {
		n = write(self->fd, sent + to, sizeof(sent) - to);
		if (n > 0)
			to += n;
		ASSERT_TRUE(n >= 0 || errno == EAGAIN);
		vst_uart_recv(&self->u, got + from, 100);
		from += 100;
	}
	EXPECT_EQ(-1, vst_differs(sent, got, sizeof(sent)));

	/* What is held before the line stands still depends on who is quicker. */
	memset(got, 0, sizeof(got));
	for (to = from = 0; from < 5000;) {
		if (to < 5000 && vst_until(vst_in(&self->u, UART_LSR) & UART_LSR_THRE, 100)) {
			vst_out(&self->u, UART_TX, sent[to++]);
			continue;
		}
		vst_tty_recv(self->fd, got + from, 500);
		from += 500;
	}
	EXPECT_EQ(-1, vst_differs(sent, got, 5000));
}

TEST_F(tty, ports_have_ttys_of_their_own)
{
	int other = vst_ok(tty_open(vst_card(), 1, 0));
	char got;

	vst_tty_raw(other, 0, CLOCAL);
	vst_uart_send(&self->other, "b", 1);
	vst_tty_recv(other, &got, 1);
	EXPECT_EQ('b', got);
	EXPECT_TRUE(tty_is_silent(self->fd));
	close(other);
}

TEST_F(tty, that_is_not_open_takes_what_is_sent)
{
	char sent[100] = "lost";

	vst_uart_send(&self->other, sent, sizeof(sent));
	EXPECT_TRUE(lsr_becomes(&self->other, UART_LSR_TEMT));
}

/* ---- break ---- */

TEST_F(tty, break_goes_to_the_port)
{
	ASSERT_EQ(0, ioctl(self->fd, TIOCSBRK));
	EXPECT_TRUE(vst_until(vst_in(&self->u, UART_LSR) & UART_LSR_BI, VST_DEADLINE_MS));
	ASSERT_EQ(0, ioctl(self->fd, TIOCCBRK));
	EXPECT_EQ(0, vst_in(&self->u, UART_RX));
	EXPECT_EQ(0, vst_in(&self->u, UART_LSR) & (ERRORS | UART_LSR_DR));
}

TEST_F(tty, break_comes_from_the_port)
{
	u8 got[3];

	vst_tty_raw(self->fd, PARMRK, CLOCAL);
	vst_out(&self->u, UART_LCR, UART_LCR_WLEN8 | UART_LCR_SBC);
	vst_out(&self->u, UART_LCR, UART_LCR_WLEN8);
	vst_tty_recv(self->fd, got, sizeof(got));
	EXPECT_EQ(0xff, got[0]);
	EXPECT_EQ(0, got[1]);
	EXPECT_EQ(0, got[2]);
	EXPECT_TRUE(tty_is_silent(self->fd));
}

/* ---- modem lines ---- */

TEST_F(tty, dtr_and_rts_of_the_tty_are_the_ports_inputs)
{
	int bits = TIOCM_DTR | TIOCM_RTS;

	EXPECT_EQ(bits, vst_tty_lines(self->fd) & bits);
	EXPECT_EQ(UART_MSR_CTS | UART_MSR_DSR | UART_MSR_DCD,
		  vst_in(&self->u, UART_MSR) & LINES);
	bits = TIOCM_DTR;
	ASSERT_EQ(0, ioctl(self->fd, TIOCMBIC, &bits));
	EXPECT_EQ(UART_MSR_CTS, vst_in(&self->u, UART_MSR) & LINES);
	bits = TIOCM_DTR;
	ASSERT_EQ(0, ioctl(self->fd, TIOCMSET, &bits));
	EXPECT_EQ(UART_MSR_DSR | UART_MSR_DCD, vst_in(&self->u, UART_MSR) & LINES);
}

TEST_F(tty, dtr_and_rts_of_the_port_are_the_ttys_inputs)
{
	vst_out(&self->u, UART_MCR, 0);
	EXPECT_EQ(0, vst_tty_lines(self->fd) & FROM);
	vst_out(&self->u, UART_MCR, UART_MCR_RTS);
	EXPECT_EQ(TIOCM_CTS, vst_tty_lines(self->fd) & FROM);
	vst_out(&self->u, UART_MCR, UART_MCR_DTR);
	EXPECT_EQ(TIOCM_DSR | TIOCM_CAR, vst_tty_lines(self->fd) & FROM);
}

TEST_F(tty, speed_of_0_drops_the_lines)
{
	struct termios t;

	ASSERT_EQ(0, tcgetattr(self->fd, &t));
	cfsetspeed(&t, B0);
	ASSERT_EQ(0, tcsetattr(self->fd, TCSANOW, &t));
	EXPECT_EQ(0, vst_in(&self->u, UART_MSR) & LINES);
	vst_tty_raw(self->fd, 0, CLOCAL);
	EXPECT_EQ(UART_MSR_CTS | UART_MSR_DSR | UART_MSR_DCD,
		  vst_in(&self->u, UART_MSR) & LINES);
}

TEST_F(tty, closing_drops_the_lines_if_asked_to)
{
	vst_tty_raw(self->fd, 0, CLOCAL | HUPCL);
	close(self->fd);
	EXPECT_EQ(0, vst_in(&self->u, UART_MSR) & LINES);
	self->fd = vst_ok(tty_open(vst_card(), 0, 0));
	EXPECT_EQ(UART_MSR_CTS | UART_MSR_DSR | UART_MSR_DCD,
		  vst_in(&self->u, UART_MSR) & LINES);
}

/* Work that we cause is for a worker of this processor, which has to wait for us. */
static void let_no_worker_run(bool on)
{
	struct sched_param param = { .sched_priority = on };

	vst_assert(!sched_setscheduler(0, on ? SCHED_FIFO : SCHED_OTHER, &param));
}

TEST_F(tty, carrier_that_drops_for_a_moment_hangs_up)
{
	vst_tty_raw(self->fd, 0, 0);
	let_no_worker_run(true);
	vst_out(&self->u, UART_MCR, 0);
	vst_out(&self->u, UART_MCR, UART_MCR_DTR);
	let_no_worker_run(false);
	EXPECT_TRUE(vst_tty_ready(self->fd, POLLHUP));
}

TEST_F(tty, carrier_that_drops_hangs_up)
{
	char c;

	vst_tty_raw(self->fd, 0, 0);
	vst_out(&self->u, UART_MCR, 0);
	EXPECT_TRUE(vst_tty_ready(self->fd, POLLHUP));
	EXPECT_EQ(0, read(self->fd, &c, 1));
}

TEST_F(tty, carrier_that_drops_is_nothing_to_a_local_line)
{
	char got;

	vst_out(&self->u, UART_MCR, 0);
	vst_uart_send(&self->u, "a", 1);
	vst_tty_recv(self->fd, &got, 1);
	EXPECT_EQ('a', got);
}

static void *open_and_close(void *card)
{
	int fd = tty_open(card, 0, 0);

	if (fd >= 0)
		close(fd);
	return (void *)(long)fd;
}

TEST_F(tty, open_waits_for_the_carrier)
{
	pthread_t thread;
	void *fd;

	vst_out(&self->u, UART_MCR, 0);
	vst_tty_raw(self->fd, 0, 0);
	close(self->fd);
	ASSERT_EQ(0, pthread_create(&thread, NULL, open_and_close, vst_card()));
	/* It drives its lines while it waits. */
	EXPECT_TRUE(vst_until(vst_in(&self->u, UART_MSR) & UART_MSR_DSR, VST_DEADLINE_MS));
	vst_out(&self->u, UART_MCR, UART_MCR_DTR);
	ASSERT_EQ(0, pthread_join(thread, &fd));
	EXPECT_LE(0, (long)fd);
	self->fd = vst_ok(tty_open(vst_card(), 0, O_NONBLOCK));
	vst_tty_raw(self->fd, 0, CLOCAL);
}

/* ---- flow ---- */

TEST_F(tty, port_that_does_not_read_holds_the_writer)
{
	static u8 sent[16384];
	ssize_t n, total = 0;
	u8 got[2000];

	fcntl(self->fd, F_SETFL, O_NONBLOCK);
	while ((n = write(self->fd, sent, sizeof(sent))) > 0)
		total += n;
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_LT(0, total);
	EXPECT_GT(sizeof(sent), total);
	EXPECT_EQ(0, vst_in(&self->u, UART_LSR) & UART_LSR_OE);
	vst_uart_recv(&self->u, got, sizeof(got));
	vst_uart_recv(&self->u, got, sizeof(got));
	EXPECT_TRUE(vst_tty_ready(self->fd, POLLOUT));
	tcflush(self->fd, TCOFLUSH);
}

TEST_F(tty, reader_that_does_not_read_holds_the_port)
{
	static u8 sent[200000], got[sizeof(sent)];
	size_t n = 0;

	vst_fill(sent, sizeof(sent), 2);
	while (n < sizeof(sent) && vst_until(vst_in(&self->u, UART_LSR) & UART_LSR_THRE, 300))
		vst_out(&self->u, UART_TX, sent[n++]);
	EXPECT_GT(sizeof(sent), n);
	vst_tty_recv(self->fd, got, n);
	EXPECT_EQ(-1, vst_differs(sent, got, n));
	EXPECT_TRUE(lsr_becomes(&self->u, UART_LSR_TEMT));
}

TEST_F(tty, hardware_flow_control_waits_for_cts)
{
	u8 got;

	vst_tty_raw(self->fd, 0, CLOCAL | CRTSCTS);
	vst_out(&self->u, UART_MCR, UART_MCR_DTR);
	ASSERT_EQ(1, write(self->fd, "a", 1));
	EXPECT_FALSE(vst_in(&self->u, UART_LSR) & UART_LSR_DR);
	vst_out(&self->u, UART_MCR, OUTPUTS);
	vst_uart_recv(&self->u, &got, 1);
	EXPECT_EQ('a', got);
}

TEST_F(tty, xoff_and_xon_of_the_port_stop_and_start_the_tty)
{
	u8 got;

	vst_tty_raw(self->fd, IXON, CLOCAL);
	vst_out(&self->u, UART_TX, VST_XOFF);
	/* It is no data: what comes after it proves that it was taken. */
	vst_out(&self->u, UART_TX, 'x');
	vst_tty_recv(self->fd, &got, 1);
	ASSERT_EQ('x', got);
	ASSERT_EQ(1, write(self->fd, "a", 1));
	EXPECT_FALSE(vst_in(&self->u, UART_LSR) & UART_LSR_DR);
	vst_out(&self->u, UART_TX, VST_XON);
	vst_uart_recv(&self->u, &got, 1);
	EXPECT_EQ('a', got);
}

TEST_F(tty, flush_forgets_what_was_not_sent)
{
	static u8 sent[3000];
	unsigned int n;

	ASSERT_EQ(sizeof(sent), write(self->fd, sent, sizeof(sent)));
	ASSERT_EQ(0, tcflush(self->fd, TCOFLUSH));
	for (n = 0; vst_in(&self->u, UART_LSR) & UART_LSR_DR; n++)
		vst_in(&self->u, UART_RX);
	EXPECT_GE(20, n);
}

/* Nobody reads what is left; closing does not wait for that for long. */
TEST_F(tty, closed_with_bytes_that_nobody_reads_closes)
{
	static u8 sent[3000];
	u64 start;

	ASSERT_EQ(sizeof(sent), write(self->fd, sent, sizeof(sent)));
	start = vst_now_ms();
	close(self->fd);
	EXPECT_GT(VST_DEADLINE_MS, vst_now_ms() - start);
	self->fd = vst_ok(tty_open(vst_card(), 0, 0));
}

TEST_F(tty, drain_waits_until_the_port_has_all)
{
	u8 got[16];

	ASSERT_EQ(sizeof(got), write(self->fd, "0123456789abcdef", sizeof(got)));
	ASSERT_EQ(0, tcdrain(self->fd));
	vst_uart_recv(&self->u, got, sizeof(got));
	EXPECT_EQ(0, memcmp("0123456789abcdef", got, sizeof(got)));
}

/* ---- cards that come and go ---- */

FIXTURE(card) {
	struct vst_card card;
};

FIXTURE_SETUP(card)
{
	if (!vst_card())
		SKIP(return, "cards are another machine's");
	vst_card_create(&self->card, "serial");
	vst_card_set(&self->card, "port0/far", "tty");
	vst_card_live(&self->card);
}

FIXTURE_TEARDOWN(card)
{
	vst_card_destroy(&self->card);
}

static bool is_gone(const char *path)
{
	struct stat st;

	return stat(path, &st) && errno == ENOENT;
}

TEST_F(card, node_comes_and_goes_with_it)
{
	char path[64], node[32];
	struct stat st;

	ASSERT_TRUE(node_of(&self->card, 0, path, sizeof(path)));
	EXPECT_EQ(0, stat(path, &st));
	EXPECT_TRUE(S_ISCHR(st.st_mode));
	vst_card_pull(&self->card);
	EXPECT_TRUE(vst_until(is_gone(path), VST_DEADLINE_MS));
	EXPECT_EQ(-ENODEV, __vst_card_get(&self->card, "port0/node", node, sizeof(node)));
}

TEST_F(card, ports_that_it_does_not_have_have_no_node)
{
	char node[32];

	EXPECT_EQ(-ENODEV, __vst_card_get(&self->card, "port1/node", node, sizeof(node)));
	EXPECT_EQ(-ENODEV, __vst_card_get(&self->card, "port7/node", node, sizeof(node)));
}

TEST_F(card, pulled_while_open_hangs_up)
{
	int fd = vst_ok(tty_open(&self->card, 0, 0));
	char c;

	vst_card_pull(&self->card);
	EXPECT_TRUE(vst_tty_ready(fd, POLLHUP));
	EXPECT_EQ(0, read(fd, &c, 1));
	EXPECT_EQ(-1, write(fd, "x", 1));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(-1, tcflush(fd, TCIOFLUSH));
	EXPECT_EQ(0, close(fd));
}

static void *read_one(void *arg)
{
	char c;

	return (void *)(long)read(*(int *)arg, &c, 1);
}

TEST_F(card, pulled_while_somebody_reads_ends_the_read)
{
	int fd = vst_ok(tty_open(&self->card, 0, 0));
	pthread_t thread;
	void *n;

	vst_tty_raw(fd, 0, CLOCAL);
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_one, &fd));
	vst_card_pull(&self->card);
	ASSERT_EQ(0, pthread_join(thread, &n));
	EXPECT_GE(0, (long)n);
	close(fd);
}

TEST_F(card, pulled_while_an_open_waits_for_the_carrier_ends_it)
{
	int fd = vst_ok(tty_open(&self->card, 0, O_NONBLOCK));
	pthread_t thread;
	void *ret;

	vst_tty_raw(fd, 0, 0);
	close(fd);
	ASSERT_EQ(0, pthread_create(&thread, NULL, open_and_close, &self->card));
	vst_card_pull(&self->card);
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_GT(0, (long)ret);
}

TEST_F(card, pulled_with_bytes_under_way_forgets_them)
{
	static u8 sent[4000];
	int fd = vst_ok(tty_open(&self->card, 0, O_NONBLOCK));

	vst_tty_raw(fd, 0, CLOCAL);
	EXPECT_LT(0, write(fd, sent, sizeof(sent)));
	vst_card_pull(&self->card);
	close(fd);
}

TEST_F(card, plugged_in_again_has_a_tty_that_works_while_the_old_is_open)
{
	int old = vst_ok(tty_open(&self->card, 0, 0)), fd;
	char c;

	vst_card_pull(&self->card);
	vst_card_live(&self->card);
	fd = vst_ok(tty_open(&self->card, 0, O_NONBLOCK));
	EXPECT_EQ(-1, read(fd, &c, 1));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(0, read(old, &c, 1));
	close(old);
	EXPECT_EQ(1, write(fd, "x", 1));
	close(fd);
}

TEST_F(card, settings_are_not_those_of_the_card_before)
{
	int fd = vst_ok(tty_open(&self->card, 0, 0));
	struct termios t;

	vst_tty_raw(fd, 0, CLOCAL);
	close(fd);
	vst_card_pull(&self->card);
	vst_card_live(&self->card);
	fd = vst_ok(tty_open(&self->card, 0, 0));
	ASSERT_EQ(0, tcgetattr(fd, &t));
	EXPECT_TRUE(t.c_lflag & ICANON);
	EXPECT_TRUE(t.c_cflag & CLOCAL);
	close(fd);
}

struct opener {
	const char *path;
	bool stop;
};

static void *open_all_the_time(void *arg)
{
	struct opener *o = arg;
	int fd;

	while (!__atomic_load_n(&o->stop, __ATOMIC_RELAXED)) {
		fd = open(o->path, O_RDWR | O_NOCTTY | O_NONBLOCK);
		if (fd < 0)
			continue;
		if (write(fd, "x", 1) == 1)
			tcflush(fd, TCIOFLUSH);
		close(fd);
	}
	return NULL;
}

TEST_F(card, pulled_and_plugged_in_while_somebody_opens_and_closes)
{
	char path[64];
	struct opener o = { .path = path };
	pthread_t thread;
	unsigned int i;

	ASSERT_TRUE(node_of(&self->card, 0, path, sizeof(path)));
	ASSERT_EQ(0, pthread_create(&thread, NULL, open_all_the_time, &o));
	for (i = 0; i < 5; i++) {
		vst_card_pull(&self->card);
		vst_card_live(&self->card);
	}
	__atomic_store_n(&o.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}

TEST_F(card, pins_the_module_of_its_tty)
{
	EXPECT_EQ(-1, syscall(SYS_delete_module, "vfiolab_tty", O_NONBLOCK));
	EXPECT_TRUE(errno == EWOULDBLOCK || errno == EBUSY);
}

VST_MAIN("ports=2", "port0/far=tty", "port1/far=tty")
