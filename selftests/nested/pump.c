// SPDX-License-Identifier: GPL-2.0-only
/*
 * pump - bytes through ttys, both ways at once
 *
 *	pump [-i FILE] SECONDS TTY:SEND:GOT:I:YOU...
 *
 * Sends the file SEND to each TTY and receives as many bytes from it into the file
 * GOT; all ttys at once, raw, 8N1 at 115200. There is another pump at the far end
 * of each line, or a plug.
 *
 * Opening a port empties its FIFOs, and until it is raw it echoes. So each side
 * first says who it is, a letter I, now and then, until it hears YOU: the other
 * one is there and raw. Then it says "I!", and its bytes follow.
 *
 * Neither is ever more than a WINDOW ahead of what it has received. A line without
 * pace would otherwise keep an interrupt handler busy for as long as there is
 * something to send, and Linux gives up on an interrupt after 512 rounds.
 *
 * With -i, /proc/interrupts is copied to FILE before the ttys are closed.
 *
 * Prints a line for each tty. Exit status: 0 all sent and received, 1 not, or not
 * in time, 2 usage or a file that cannot be opened.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define MAX_TTYS	8
#define WINDOW		512
#define CALL_MS		100	/* how often to say who we are */
#define GO		'!'

/**
 * struct line - a tty and what has become of its two files
 * @name: of the tty
 * @tty: its descriptor
 * @me: what we say until we hear @you
 * @you: what the far end says
 * @heard: it did
 * @told: how much of "I!" is sent
 * @synced: the far end's bytes follow
 * @out: bytes to send, @len of them; as many must come
 * @sent: how many are sent
 * @in: file for those that come
 * @got: how many have
 * @error: why it ended early
 */
struct line {
	const char *name;
	int tty;
	char me, you;
	bool heard, synced;
	size_t told;
	char *out;
	size_t len, sent;
	FILE *in;
	size_t got;
	const char *error;
};

static void die(const char *what)
{
	fprintf(stderr, "pump: %s: %s\n", what, strerror(errno));
	exit(2);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* ---- opening ---- */

static int open_raw(const char *name)
{
	int fd = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK);
	struct termios tio;

	if (fd < 0 || tcgetattr(fd, &tio))
		die(name);
	cfmakeraw(&tio);
	cfsetspeed(&tio, B115200);
	tio.c_cflag |= CLOCAL | CREAD;
	tio.c_cflag &= ~(CRTSCTS | CSTOPB);
	if (tcsetattr(fd, TCSANOW, &tio) || tcflush(fd, TCIFLUSH))
		die(name);
	return fd;
}

static char *read_file(const char *name, size_t *len)
{
	struct stat st;
	int fd = open(name, O_RDONLY);
	char *buf;

	if (fd < 0 || fstat(fd, &st))
		die(name);
	*len = st.st_size;
	buf = malloc(*len + 1);
	if (!buf || read(fd, buf, *len) != (ssize_t)*len)
		die(name);
	close(fd);
	return buf;
}

static char *field(char *spec)
{
	char *word = strtok(spec, ":");

	errno = EINVAL;
	if (!word)
		die("TTY:SEND:GOT:I:YOU");
	return word;
}

static void open_line(struct line *l, char *spec)
{
	const char *got;

	l->name = field(spec);
	l->out = read_file(field(NULL), &l->len);
	got = field(NULL);
	l->me = *field(NULL);
	l->you = *field(NULL);
	l->in = fopen(got, "w");
	if (!l->in)
		die(got);
	l->tty = open_raw(l->name);
}

/* ---- sending and receiving ---- */

static bool is_done(const struct line *l)
{
	return l->error || (l->sent == l->len && l->got == l->len);
}

static size_t may_send(const struct line *l)
{
	size_t end = l->got + WINDOW;

	return (end < l->len ? end : l->len) - l->sent;
}

static size_t put(struct line *l, const char *buf, size_t len)
{
	ssize_t n = write(l->tty, buf, len);

	if (n >= 0)
		return n;
	if (errno != EAGAIN && errno != EINTR)
		l->error = strerror(errno);
	return 0;
}

static void send_some(struct line *l)
{
	const char hello[] = { l->me, GO };

	if (l->told < sizeof(hello))
		l->told += put(l, hello + l->told, sizeof(hello) - l->told);
	else
		l->sent += put(l, l->out + l->sent, may_send(l));
}

static void take(struct line *l, char c)
{
	if (l->synced && l->got < l->len)
		l->got += fwrite(&c, 1, 1, l->in);
	else if (l->synced)
		l->error = "more came than was to come";
	else if (c == l->you)
		l->heard = true;
	else if (c == GO)
		l->synced = true;
}

static void receive_some(struct line *l)
{
	char buf[WINDOW];
	ssize_t i, n = read(l->tty, buf, sizeof(buf));

	if (!n)
		l->error = "hung up";
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		l->error = strerror(errno);
	for (i = 0; i < n; i++)
		take(l, buf[i]);
}

/* What to wait for on a tty. */
static short watch(const struct line *l)
{
	if (l->heard && (l->told < 2 || may_send(l)))
		return POLLIN | POLLOUT;
	return POLLIN;
}

static void serve(struct line *l, short events)
{
	if (events & (POLLIN | POLLHUP | POLLERR))
		receive_some(l);
	if (events & POLLOUT && !l->error)
		send_some(l);
}

static void call(struct line *lines, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (!lines[i].heard && !lines[i].error)
			put(&lines[i], &lines[i].me, 1);
}

/* Until all is done or there is no time left. */
static void run(struct line *lines, int n, double end)
{
	struct pollfd fds[MAX_TTYS];
	bool busy = true;
	double next = 0;
	int i;

	while (busy && now() < end) {
		if (now() >= next) {
			call(lines, n);
			next = now() + CALL_MS / 1e3;
		}
		for (i = 0, busy = false; i < n; i++) {
			busy |= !is_done(&lines[i]);
			fds[i] = (struct pollfd){
				.fd = is_done(&lines[i]) ? -1 : lines[i].tty,
				.events = watch(&lines[i]),
			};
		}
		if (busy && poll(fds, n, CALL_MS) > 0)
			for (i = 0; i < n; i++)
				serve(&lines[i], fds[i].revents);
	}
}

/* What is under way in the driver is sent before the tty is closed. */
static int report(struct line *l)
{
	bool all = is_done(l) && !l->error;

	if (all)
		tcdrain(l->tty);
	printf("%s sent %zu, received %zu of %zu%s%s%s\n", l->name, l->sent, l->got, l->len,
	       l->heard ? "" : ": heard nobody", l->error ? ": " : "", l->error ? l->error : "");
	fclose(l->in);
	return all ? 0 : 1;
}

static void save_interrupts(const char *name)
{
	int in = open("/proc/interrupts", O_RDONLY);
	int out = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	char buf[4096];
	ssize_t n;

	if (in < 0 || out < 0)
		die(name);
	while ((n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, n) != n)
			die(name);
	close(in);
	close(out);
}

int main(int argc, char **argv)
{
	struct line lines[MAX_TTYS] = { 0 };
	const char *interrupts = NULL;
	unsigned int seconds;
	int n, i, ret = 0;

	if (argc > 2 && !strcmp(argv[1], "-i")) {
		interrupts = argv[2];
		argc -= 2;
		argv += 2;
	}
	n = argc - 2;
	if (n < 1 || n > MAX_TTYS) {
		fprintf(stderr, "usage: pump [-i FILE] SECONDS TTY:SEND:GOT:I:YOU...\n");
		return 2;
	}
	seconds = atoi(argv[1]);
	/* A driver that never drains must not keep us. */
	alarm(seconds + 10);
	for (i = 0; i < n; i++)
		open_line(&lines[i], argv[2 + i]);
	run(lines, n, now() + seconds);
	if (interrupts)
		save_interrupts(interrupts);
	for (i = 0; i < n; i++)
		ret |= report(&lines[i]);
	return ret;
}
