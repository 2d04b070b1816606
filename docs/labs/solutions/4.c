// SPDX-License-Identifier: GPL-2.0-only
int main(int argc, char **argv)
{
	char text[1024] = "";
	unsigned int i;
	uint32_t word;
	char *mem;

	if (argc < 4 || strcmp(argv[2], "fill"))
		errx(2, "usage: lab4 BDF fill TEXT");
	vfio_open(argv[1]);
	mem = card_memory();
	snprintf(mem, sizeof(text), "%s", argv[3]);
	memcpy(mem + 2048, mem, sizeof(text));
	for (i = 0; i < sizeof(text); i += sizeof(word)) {
		word = in(VLAB_SERIAL_MEM + 2048 + i, sizeof(word));
		memcpy(text + i, &word, sizeof(word));
	}
	puts(text);
	return 0;
}
