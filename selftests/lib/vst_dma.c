// SPDX-License-Identifier: GPL-2.0-only
/*
 * vst - the DMA engine of the own personality (uapi/dma.rst)
 */
#include "vst.h"

#define RESULT_BITS	(VLAB_DMA_ST_DONE | VLAB_DMA_ST_ERROR | VLAB_DMA_ST_ABORTED)

void vst_dma_start(struct vst_dev *dev, const struct vst_dma *dma)
{
	vst_dma_write32(dev, VLAB_DMA_STATUS, RESULT_BITS);
	vst_dma_write64(dev, VLAB_DMA_SRC, dma->src);
	vst_dma_write64(dev, VLAB_DMA_DST, dma->dst);
	vst_dma_write64(dev, VLAB_DMA_LEN, dma->len);
	vst_dma_write32(dev, VLAB_DMA_COUNT, dma->count);
	vst_dma_write32(dev, VLAB_DMA_VECTOR, dma->vector);
	vst_dma_write32(dev, VLAB_DMA_CTRL, dma->flags | VLAB_DMA_CTRL_START);
}

static bool idle(struct vst_dev *dev, u32 *status)
{
	*status = vst_dma_read32(dev, VLAB_DMA_STATUS);
	return !(*status & VLAB_DMA_ST_BUSY);
}

int __vst_dma_wait(struct vst_dev *dev)
{
	u32 status;

	if (!vst_until(idle(dev, &status), VST_DEADLINE_MS))
		return -ETIMEDOUT;
	if (status & VLAB_DMA_ST_ERROR)
		return -EIO;
	if (status & VLAB_DMA_ST_ABORTED)
		return -ECANCELED;
	return status & VLAB_DMA_ST_DONE ? 0 : -ENODATA;
}

int __vst_dma_run(struct vst_dev *dev, const struct vst_dma *dma)
{
	vst_dma_start(dev, dma);
	return __vst_dma_wait(dev);
}

int __vst_dma_touch(struct vst_dev *dev, u64 iova, u64 len, bool write)
{
	struct vst_dma dma = {
		.src = write ? 0 : iova,
		.dst = write ? iova : 0,
		.len = len,
		.flags = write ? VLAB_DMA_CTRL_SRC_CARD : VLAB_DMA_CTRL_DST_CARD,
	};

	return __vst_dma_run(dev, &dma);
}

void vst_dma_abort(struct vst_dev *dev)
{
	vst_dma_write32(dev, VLAB_DMA_CTRL, VLAB_DMA_CTRL_ABORT);
	vst_assert(__vst_dma_wait(dev) != -ETIMEDOUT);
}

struct vst_dma_result vst_dma_result(struct vst_dev *dev)
{
	return (struct vst_dma_result){
		.status = vst_dma_read32(dev, VLAB_DMA_STATUS),
		.error = vst_dma_read32(dev, VLAB_DMA_ERROR),
		.done = vst_dma_read64(dev, VLAB_DMA_DONE),
		.fault = vst_dma_read64(dev, VLAB_DMA_FAULT),
		.faults = vst_dma_read32(dev, VLAB_DMA_FAULTS),
	};
}
