// SPDX-License-Identifier: GPL-2.0-only
int main(int argc, char **argv)
{
	if (argc < 4 || strcmp(argv[2], "liveness"))
		errx(2, "usage: lab3 BDF liveness VALUE");
	vfio_open(argv[1]);
	out(VLAB_SERIAL_LIVENESS, strtoul(argv[3], NULL, 0), 4);
	printf("%#lx\n", in(VLAB_SERIAL_LIVENESS, 4));
	return 0;
}
