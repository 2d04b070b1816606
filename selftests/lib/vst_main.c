// SPDX-License-Identifier: GPL-2.0-only
/*
 * vst - a program's life: plug a card in, run the tests, remove all
 *
 * The tests run in a child with a session of its own. Whatever it does, even
 * being killed, the parent then ends what is left of the session and removes
 * the cards.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vst.h"
#include "vst_priv.h"

static struct {
	char prefix[16];
	struct vst_card card;
	const char *bdf;
} prog;

const char *vst_prefix(void)
{
	return prog.prefix;
}

const char *vst_bdf(void)
{
	return prog.bdf;
}

struct vst_card *vst_card(void)
{
	return prog.card.name[0] ? &prog.card : NULL;
}

const struct vst_backend *vst_backend(void)
{
	static const struct vst_backend *const all[] = {
		&vst_type1, &vst_compat, &vst_iommufd, &vst_sysfs,
	};
	const char *name = getenv("VLAB_BACKEND");
	unsigned int i;

	if (!name)
		return all[0];
	for (i = 0; i < ARRAY_SIZE(all); i++)
		if (!strcmp(all[i]->name, name))
			return all[i];
	vst_fail("VLAB_BACKEND", 0, "is none of type1, compat, iommufd, sysfs", 0);
}

bool vst_can(unsigned int what)
{
	return (vst_backend()->can & what) == what;
}

static void plug_card(const char *const *attrs)
{
	char reason[256] = "nothing about it in the kernel's log";
	int log, ret;

	prog.bdf = getenv("VLAB_BDF");
	if (prog.bdf || !attrs)
		return;
	log = __vst_log_open();
	ret = __vst_card_plug(&prog.card, attrs);
	if (ret) {
		vst_log_count(log, "vfiolab: ", reason, sizeof(reason));
		ksft_exit_fail_msg("cannot plug the card in: %s: %s\n", strerror(-ret), reason);
	}
	close(log);
	prog.bdf = prog.card.bdf[0];
}

/* What the machine lacks, NULL: nothing. */
static const char *missing(const char *const *attrs)
{
	const char *(*lacks)(void) = vst_backend()->lacks;

	if (lacks && lacks())
		return lacks();
	if (getenv("VLAB_BDF"))
		return attrs ? NULL : "plugs in its own cards, and VLAB_BDF is set";
	if (geteuid())
		return "needs root to make cards, or VLAB_BDF: a card whose group you may open";
	if (access(VST_CONFIGFS, F_OK))
		return "no " VST_CONFIGFS ": load vfiolab and its models, mount configfs";
	return NULL;
}

/* Field 6 of /proc/PID/stat; the name in field 2 may contain anything. */
static pid_t session_of(pid_t pid)
{
	char path[32], stat[512], *p;
	int session = -1;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (__vst_file_read(path, stat, sizeof(stat)) < 0)
		return -1;
	p = strrchr(stat, ')');
	if (!p || sscanf(p + 1, " %*c %*d %*d %d", &session) != 1)
		return -1;
	return session;
}

static void kill_session(pid_t session)
{
	DIR *dir = opendir("/proc");
	struct dirent *de;

	while (dir && (de = readdir(dir))) {
		pid_t pid = atoi(de->d_name);

		if (pid && session_of(pid) == session)
			kill(pid, SIGKILL);
	}
	if (dir)
		closedir(dir);
}

static int exit_code(int status)
{
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	fprintf(stderr, "# the tests were ended by signal %d\n", WTERMSIG(status));
	return KSFT_FAIL;
}

/* Until the child is over, or somebody wants us to end. */
static int wait_for(pid_t child, const sigset_t *sigs)
{
	int status, sig;

	for (;;) {
		sigwait(sigs, &sig);
		if (sig != SIGCHLD)
			return KSFT_FAIL;
		if (waitpid(child, &status, WNOHANG) == child)
			return exit_code(status);
	}
}

static int supervise(int argc, char **argv, int (*run)(int, char **))
{
	sigset_t sigs, before;
	pid_t child;
	int ret;

	sigemptyset(&sigs);
	sigaddset(&sigs, SIGCHLD);
	sigaddset(&sigs, SIGTERM);
	sigaddset(&sigs, SIGINT);
	sigaddset(&sigs, SIGHUP);
	sigprocmask(SIG_BLOCK, &sigs, &before);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	fflush(NULL);
	child = fork();
	vst_assert(child >= 0);
	if (!child) {
		setsid();
		sigprocmask(SIG_SETMASK, &before, NULL);
		vst_trace_start();
		exit(run(argc, argv));
	}
	ret = wait_for(child, &sigs);
	kill_session(child);
	while (waitpid(-1, NULL, 0) > 0)
		;
	return ret;
}

static bool asks_for_text(int argc, char **argv)
{
	return argc == 2 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "-l"));
}

int vst_main(int argc, char **argv, const char *const *attrs, int (*run)(int, char **))
{
	const char *lack = missing(attrs);
	int ret;

	if (asks_for_text(argc, argv))
		return run(argc, argv);
	if (lack) {
		ksft_print_header();
		ksft_exit_skip("%s\n", lack);
	}
	snprintf(prog.prefix, sizeof(prog.prefix), "vst%d-", getpid());
	plug_card(attrs);
	ret = supervise(argc, argv, run);
	if (__vst_card_destroy(&prog.card) || vst_cards_sweep())
		ret = KSFT_FAIL;
	return ret;
}
