/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vfiolab - unit tests: what is around a function: slot, memory, owner
 */
#ifndef VFIOLAB_TESTS_WORLD_H
#define VFIOLAB_TESTS_WORLD_H

#include "core.h"

#define WORLD_MEM_IOVA	0x10000
#define WORLD_MEM_SIZE	0x20000

/**
 * struct world - what the function did to it
 * @sent: messages sent, by hardware interrupt number
 * @intx: the INTx line
 * @mem: memory behind the IOMMU, from WORLD_MEM_IOVA on; nothing else is mapped
 * @dma_ret: what an access returns, 0 the truth
 * @accesses: how many there were
 * @longest: bytes of the longest
 * @before: called before each access, may be NULL
 * @during: called in the middle of each access, may be NULL
 */
struct world {
	unsigned int sent[64];
	bool intx;
	u8 mem[WORLD_MEM_SIZE];
	int dma_ret;
	unsigned int accesses;
	size_t longest;
	void (*before)(void);
	void (*during)(void);
};

extern struct world world;

void world_reset(void);

/* A function of a model on a card, in its reset state; with fn->lock a call. */
struct vlab_fn *world_fn(struct vlab_card *card, const struct vlab_model *model);

/* Registers by their width, through the door. */
u64 world_read(struct vlab_fn *fn, unsigned int bar, u64 off, unsigned int len);
void world_write(struct vlab_fn *fn, unsigned int bar, u64 off, unsigned int len, u64 val);

u32 world_random(void);

#endif
