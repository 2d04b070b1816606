// SPDX-License-Identifier: GPL-2.0-only
/*
 * The card in the kernel that owns it: ports are ttys by the card's own driver,
 * until it is given away and after it comes back.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/serial.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vst.h"

#define NATIVE	"vfiolab_serial_tty"
#define PORTS	4
#define DEVICES	"/sys/bus/pci/devices"

/* ---- the driver ---- */

/* A tty that was closed is given up by a worker. */
static bool unloads(void)
{
	return vst_until(!__vst_module_unload(NATIVE), VST_DEADLINE_MS);
}

static bool is_bound_to(const char *bdf, const char *want)
{
	char driver[64];

	return !__vst_driver(bdf, driver, sizeof(driver)) && !strcmp(driver, want);
}

/* ---- its ttys ---- */

/* Since 6.5 two devices are in between, named after the function. */
static size_t find_ttys(const char *bdf, glob_t *g)
{
	char path[128];

	snprintf(path, sizeof(path), DEVICES "/%s/tty/ttyVCARD*", bdf);
	if (!glob(path, 0, NULL, g))
		return g->gl_pathc;
	snprintf(path, sizeof(path), DEVICES "/%s/%s:*/%s:*/tty/ttyVCARD*", bdf, bdf, bdf);
	return glob(path, 0, NULL, g) ? 0 : g->gl_pathc;
}

static size_t count_ttys(const char *bdf)
{
	glob_t g;
	size_t n = find_ttys(bdf, &g);

	globfree(&g);
	return n;
}

/* Line numbers are given in the order of the ports. */
static int number_of(const char *path)
{
	return atoi(strstr(path, "ttyVCARD") + strlen("ttyVCARD"));
}

static int first_line(const char *bdf)
{
	int first = 1 << 20;
	size_t i, n;
	glob_t g;

	n = find_ttys(bdf, &g);
	for (i = 0; i < n; i++)
		if (number_of(g.gl_pathv[i]) < first)
			first = number_of(g.gl_pathv[i]);
	globfree(&g);
	vst_assert(n);
	return first;
}

static int tty_open(const char *bdf, unsigned int port)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/ttyVCARD%u", first_line(bdf) + port);
	fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	vst_assert(fd >= 0);
	vst_tty_raw(fd, 0, CLOCAL);
	tcflush(fd, TCIOFLUSH);
	return fd;
}

static bool passes(int from, int to, size_t len)
{
	u8 sent[4096], got[4096];
	size_t done, n;
	ssize_t ret;

	vst_fill(sent, len, len);
	for (done = 0; done < len; done += n) {
		n = len - done < 256 ? len - done : 256;
		ret = write(from, sent + done, n);
		vst_assert(ret == (ssize_t)n);
		vst_tty_recv(to, got + done, n);
	}
	return !memcmp(sent, got, len);
}

static unsigned long count_interrupts(void)
{
	char line[1024], *word, *end;
	unsigned long total = 0, n;
	FILE *f = fopen("/proc/interrupts", "r");

	vst_assert(f);
	while (fgets(line, sizeof(line), f)) {
		if (!strstr(line, NATIVE))
			continue;
		strtok(line, " ");
		while ((word = strtok(NULL, " "))) {
			n = strtoul(word, &end, 10);
			if (*end)
				break;
			total += n;
		}
	}
	fclose(f);
	return total;
}

/* ---- a card with its driver ---- */

FIXTURE(native) {
	struct vst_card card;
	const char *bdf;
	bool loaded;
};

static void plug(struct vst_card *card, const char *personality)
{
	char far[64];

	vst_card_create(card, "serial");
	vst_card_set(card, "personality", personality);
	vst_card_set(card, "ports", "4");
	vst_card_set(card, "port0/far", "loopback");
	snprintf(far, sizeof(far), "null-modem:%s/2", card->name);
	vst_card_set(card, "port1/far", far);
	snprintf(far, sizeof(far), "null-modem:%s/1", card->name);
	vst_card_set(card, "port2/far", far);
	vst_card_live(card);
}

FIXTURE_SETUP(native)
{
	int ret = __vst_module_load(NATIVE, "");

	if (ret == -ENOENT)
		SKIP(return, NATIVE " is not here: the kernel has no serial core");
	vst_ok(ret);
	self->loaded = true;
	plug(&self->card, "vlab");
	self->bdf = self->card.bdf[0];
	ASSERT_TRUE(is_bound_to(self->bdf, NATIVE));
}

FIXTURE_TEARDOWN(native)
{
	vst_card_destroy(&self->card);
	if (self->loaded)
		EXPECT_TRUE(unloads());
}

TEST_F(native, each_port_is_a_tty_of_a_16550a)
{
	struct serial_struct s;
	unsigned int i;
	int fd;

	ASSERT_EQ(PORTS, count_ttys(self->bdf));
	for (i = 0; i < PORTS; i++) {
		fd = tty_open(self->bdf, i);
		ASSERT_EQ(0, ioctl(fd, TIOCGSERIAL, &s));
		EXPECT_EQ(PORT_16550A, s.type);
		EXPECT_EQ(16, s.xmit_fifo_size);
		EXPECT_EQ(115200, s.baud_base);
		close(fd);
	}
}

TEST_F(native, bytes_pass_both_ways_by_a_null_modem)
{
	int a = tty_open(self->bdf, 1), b = tty_open(self->bdf, 2);

	EXPECT_TRUE(passes(a, b, 4096));
	EXPECT_TRUE(passes(b, a, 4096));
	close(a);
	close(b);
}

TEST_F(native, bytes_come_back_by_a_plug)
{
	int fd = tty_open(self->bdf, 0);

	EXPECT_TRUE(passes(fd, fd, 1024));
	close(fd);
}

TEST_F(native, port_interrupts_while_it_is_open)
{
	int fd = tty_open(self->bdf, 0);
	unsigned long before = count_interrupts();

	EXPECT_TRUE(passes(fd, fd, 64));
	EXPECT_LT(before, count_interrupts());
	close(fd);
	EXPECT_EQ(0, count_interrupts());
}

TEST_F(native, modem_lines_cross_the_cable)
{
	int a = tty_open(self->bdf, 1), b = tty_open(self->bdf, 2), all = TIOCM_DTR | TIOCM_RTS;

	ASSERT_EQ(0, ioctl(a, TIOCMBIC, &all));
	EXPECT_EQ(0, vst_tty_lines(b) & (TIOCM_CTS | TIOCM_DSR | TIOCM_CAR));
	ASSERT_EQ(0, ioctl(a, TIOCMBIS, &all));
	EXPECT_EQ(TIOCM_CTS | TIOCM_DSR | TIOCM_CAR,
		  vst_tty_lines(b) & (TIOCM_CTS | TIOCM_DSR | TIOCM_CAR));
	close(a);
	close(b);
}

static struct serial_icounter_struct counts(int fd)
{
	struct serial_icounter_struct c;

	vst_assert(!ioctl(fd, TIOCGICOUNT, &c));
	return c;
}

TEST_F(native, change_of_a_modem_line_is_counted)
{
	int a = tty_open(self->bdf, 1), b = tty_open(self->bdf, 2);
	int rts = TIOCM_RTS, dtr = TIOCM_DTR;
	struct serial_icounter_struct before;

	/* With flow control the driver wants to hear of it. */
	vst_tty_raw(b, 0, CLOCAL | CRTSCTS);
	before = counts(b);
	ASSERT_EQ(0, ioctl(a, TIOCMBIC, &rts));
	EXPECT_TRUE(vst_until(counts(b).cts == before.cts + 1, VST_DEADLINE_MS));
	ASSERT_EQ(0, ioctl(a, TIOCMBIC, &dtr));
	EXPECT_TRUE(vst_until(counts(b).dsr == before.dsr + 1, VST_DEADLINE_MS));
	EXPECT_TRUE(vst_until(counts(b).dcd == before.dcd + 1, VST_DEADLINE_MS));
	vst_card_set(&self->card, "port2/line", "ring");
	EXPECT_TRUE(vst_until(counts(b).rng == before.rng + 1, VST_DEADLINE_MS));
	close(a);
	close(b);
}

TEST_F(native, carrier_that_drops_hangs_up)
{
	int a = tty_open(self->bdf, 1), b = tty_open(self->bdf, 2), dtr = TIOCM_DTR;
	char c;

	vst_tty_raw(b, 0, 0);
	ASSERT_EQ(-1, read(b, &c, 1));
	ASSERT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, ioctl(a, TIOCMBIC, &dtr));
	EXPECT_TRUE(vst_tty_ready(b, POLLHUP));
	EXPECT_EQ(0, read(b, &c, 1));
	close(a);
	close(b);
}

TEST_F(native, break_arrives_as_one)
{
	int a = tty_open(self->bdf, 1), b = tty_open(self->bdf, 2);
	struct serial_icounter_struct before = counts(b);
	char c = 'x';

	ASSERT_EQ(0, ioctl(a, TIOCSBRK, 0));
	EXPECT_TRUE(vst_until(counts(b).brk == before.brk + 1, VST_DEADLINE_MS));
	ASSERT_EQ(0, ioctl(a, TIOCCBRK, 0));
	vst_tty_recv(b, &c, 1);
	EXPECT_EQ(0, c);
	EXPECT_TRUE(passes(a, b, 16));
	close(a);
	close(b);
}

TEST_F(native, seven_bits_cut_the_eighth_off)
{
	int fd = tty_open(self->bdf, 0);
	struct termios t;
	u8 got;

	vst_assert(!tcgetattr(fd, &t));
	t.c_cflag = (t.c_cflag & ~CSIZE) | CS7;
	vst_assert(!tcsetattr(fd, TCSADRAIN, &t));
	ASSERT_EQ(1, write(fd, "\xc1", 1));
	vst_tty_recv(fd, &got, 1);
	EXPECT_EQ(0x41, got);
	close(fd);
}

TEST_F(native, reader_that_stops_the_writer_gets_all)
{
	int a = tty_open(self->bdf, 1), b = tty_open(self->bdf, 2), rts = TIOCM_RTS;
	char got[8];

	vst_tty_raw(a, 0, CLOCAL | CRTSCTS);
	ASSERT_EQ(0, ioctl(b, TIOCMBIC, &rts));
	ASSERT_EQ(0, vst_tty_lines(a) & TIOCM_CTS);
	ASSERT_EQ(8, write(a, "12345678", 8));
	EXPECT_EQ(-1, read(b, got, 1));
	ASSERT_EQ(0, ioctl(b, TIOCMBIS, &rts));
	vst_tty_recv(b, got, sizeof(got));
	EXPECT_EQ(0, memcmp("12345678", got, sizeof(got)));
	close(a);
	close(b);
}

/* ---- given away and back ---- */

static void works_by_vfio(struct __test_metadata *_metadata, const char *bdf)
{
	struct vst_dev *dev;
	struct vst_uart u;
	char got[5];

	vst_bind(bdf, VST_DRIVER);
	dev = vst_open(bdf);
	u = vst_uart(dev, 0);
	vst_uart_setup(&u, 1);
	vst_uart_send(&u, "hello", 5);
	vst_uart_recv(&u, got, sizeof(got));
	EXPECT_EQ(0, memcmp("hello", got, sizeof(got)));
	vst_close(dev);
	vst_unbind(bdf);
}

TEST_F(native, card_that_was_given_away_works_when_it_comes_back)
{
	int fd = tty_open(self->bdf, 0);

	EXPECT_TRUE(passes(fd, fd, 64));
	close(fd);
	vst_unbind(self->bdf);
	EXPECT_EQ(0, count_ttys(self->bdf));
	works_by_vfio(_metadata, self->bdf);
	vst_bind(self->bdf, NATIVE);
	ASSERT_EQ(PORTS, count_ttys(self->bdf));
	fd = tty_open(self->bdf, 0);
	EXPECT_TRUE(passes(fd, fd, 64));
	close(fd);
}

static bool is_hung_up(int fd)
{
	char c;

	return vst_tty_ready(fd, POLLHUP) && read(fd, &c, 1) <= 0 && write(fd, "x", 1) == -1;
}

TEST_F(native, unbound_while_open_hangs_up)
{
	int fd = tty_open(self->bdf, 0);

	vst_unbind(self->bdf);
	EXPECT_TRUE(is_hung_up(fd));
	EXPECT_EQ(-1, ioctl(fd, TIOCMGET, &(int){ 0 }));
	close(fd);
}

TEST_F(native, pulled_while_open_hangs_up)
{
	int a = tty_open(self->bdf, 1), b = tty_open(self->bdf, 2);

	ASSERT_EQ(8, write(a, "12345678", 8));
	EXPECT_EQ(0, __vst_card_pull(&self->card));
	EXPECT_TRUE(is_hung_up(a));
	EXPECT_TRUE(is_hung_up(b));
	close(a);
	close(b);
}

TEST_F(native, driver_of_an_open_port_cannot_be_unloaded)
{
	int fd = tty_open(self->bdf, 0);

	EXPECT_EQ(-EWOULDBLOCK, __vst_module_unload(NATIVE));
	EXPECT_TRUE(passes(fd, fd, 16));
	close(fd);
}

TEST_F(native, driver_can_be_unloaded_and_loaded_under_a_card)
{
	int fd;

	ASSERT_TRUE(unloads());
	EXPECT_EQ(0, count_ttys(self->bdf));
	ASSERT_EQ(0, __vst_module_load(NATIVE, ""));
	fd = tty_open(self->bdf, 0);
	EXPECT_TRUE(passes(fd, fd, 16));
	close(fd);
}

/* ---- who gets which card ---- */

FIXTURE(choice) {
	struct vst_card card;
	bool loaded;
};

FIXTURE_SETUP(choice)
{
	int ret = __vst_module_load(NATIVE, "");

	if (ret == -ENOENT)
		SKIP(return, NATIVE " is not here: the kernel has no serial core");
	vst_ok(ret);
	self->loaded = true;
}

FIXTURE_TEARDOWN(choice)
{
	vst_card_destroy(&self->card);
	if (self->loaded)
		EXPECT_TRUE(unloads());
}

TEST_F(choice, card_of_others_is_left_to_their_driver)
{
	plug(&self->card, "mcs9922");
	EXPECT_FALSE(is_bound_to(self->card.bdf[0], NATIVE));
}

TEST_F(choice, card_of_others_is_ours_by_driver_override)
{
	unsigned int i;
	int a, b;

	plug(&self->card, "mcs9922");
	for (i = 0; i < PORTS; i++) {
		vst_bind(self->card.bdf[i], NATIVE);
		EXPECT_EQ(1, count_ttys(self->card.bdf[i]));
	}
	a = tty_open(self->card.bdf[1], 0);
	b = tty_open(self->card.bdf[2], 0);
	EXPECT_TRUE(passes(a, b, 256));
	close(a);
	close(b);
}

TEST_F(choice, card_with_io_ports_and_a_shared_interrupt_works)
{
	int a, b;

	plug(&self->card, "qemu4x");
	vst_bind(self->card.bdf[0], NATIVE);
	ASSERT_EQ(PORTS, count_ttys(self->card.bdf[0]));
	a = tty_open(self->card.bdf[0], 1);
	b = tty_open(self->card.bdf[0], 2);
	EXPECT_TRUE(passes(a, b, 256));
	EXPECT_TRUE(passes(b, a, 256));
	close(a);
	close(b);
}

TEST_F(choice, card_that_is_not_serial_is_refused)
{
	vst_card_create(&self->card, "ioat");
	vst_card_live(&self->card);
	EXPECT_EQ(-ENODEV, __vst_bind(self->card.bdf[0], NATIVE));
	EXPECT_FALSE(is_bound_to(self->card.bdf[0], NATIVE));
}

VST_MAIN_NO_CARD
