// SPDX-License-Identifier: GPL-2.0-only
/*
 * vst - children: processes that share what the test has open, and wait for its word
 */
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vst.h"

struct vst_child vst_fork(void)
{
	struct vst_child c;
	int fds[2];

	vst_assert(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	c.pid = fork();
	vst_assert(c.pid >= 0);
	c.sock = fds[!c.pid];
	close(fds[!!c.pid]);
	return c;
}

void vst_say(int sock)
{
	vst_assert(write(sock, "", 1) == 1);
}

void vst_hear(int sock)
{
	char byte;

	vst_assert(read(sock, &byte, 1) == 1);
}

void vst_linger(int sock)
{
	char byte;

	vst_assert(read(sock, &byte, 1) == 0);
}

int vst_child_end(struct vst_child *c)
{
	int status;

	close(c->sock);
	vst_assert(waitpid(c->pid, &status, 0) == c->pid);
	return status;
}
