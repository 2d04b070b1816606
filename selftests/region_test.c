// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads and writes of regions by pread() and pwrite(): every class of register
 * (serial.rst, dma.rst), parts of registers, what no register claims, the end of
 * a region, memory switched off, and writes by ioeventfd.
 */
#include <fcntl.h>
#include <linux/serial_reg.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "vst.h"

#define UART	VLAB_SERIAL_BAR_UART
#define CARD	VLAB_SERIAL_BAR_CTRL
#define MSIX	VLAB_SERIAL_BAR_MSIX

#define PORTS	4
#define SRC	(VLAB_SERIAL_DMA + VLAB_DMA_SRC)	/* 64 bits that keep what is written */
#define UNUSED	0xf00					/* no register is there */

/* uapi: REGION.BAR */
FIXTURE(region) {
	struct vst_dev *dev;
};

FIXTURE_SETUP(region)
{
	self->dev = vst_open(vst_bdf());
}

FIXTURE_TEARDOWN(region)
{
	vst_close(self->dev);
}

/* ---- register classes ---- */

TEST_F(region, read_only_register_has_its_value)
{
	EXPECT_EQ(VLAB_SERIAL_MAGIC, vst_read32(self->dev, CARD, VLAB_SERIAL_ID));
	EXPECT_EQ(PORTS, vst_read32(self->dev, CARD, VLAB_SERIAL_PORTS));
	EXPECT_EQ(VLAB_DMA_MAGIC, vst_dma_read32(self->dev, VLAB_DMA_ID));
}

TEST_F(region, read_only_register_ignores_writes)
{
	vst_write32(self->dev, CARD, VLAB_SERIAL_ID, 0);
	vst_write32(self->dev, CARD, VLAB_SERIAL_PORTS, 1);
	EXPECT_EQ(VLAB_SERIAL_MAGIC, vst_read32(self->dev, CARD, VLAB_SERIAL_ID));
	EXPECT_EQ(PORTS, vst_read32(self->dev, CARD, VLAB_SERIAL_PORTS));
}

TEST_F(region, read_write_register_keeps_what_was_written)
{
	vst_write64(self->dev, CARD, SRC, 0x1122334455667788);
	EXPECT_EQ(0x1122334455667788, vst_read64(self->dev, CARD, SRC));
	vst_write64(self->dev, CARD, SRC, 0);
	EXPECT_EQ(0, vst_read64(self->dev, CARD, SRC));
}

TEST_F(region, liveness_reads_as_the_complement)
{
	vst_write32(self->dev, CARD, VLAB_SERIAL_LIVENESS, 0x12345678);
	EXPECT_EQ(~0x12345678U, vst_read32(self->dev, CARD, VLAB_SERIAL_LIVENESS));
}

/* dma.rst 1: START and ABORT read 0, bits that are not listed as well. */
TEST_F(region, control_register_keeps_its_own_bits_only)
{
	vst_dma_write32(self->dev, VLAB_DMA_CTRL, ~(u32)VLAB_DMA_CTRL_START);
	EXPECT_EQ(VLAB_DMA_CTRL_IRQ | VLAB_DMA_CTRL_SRC_CARD | VLAB_DMA_CTRL_DST_CARD,
		  vst_dma_read32(self->dev, VLAB_DMA_CTRL));
}

/* dma.rst 2.3 a: the shortest way to a status bit. */
static void make_status(struct vst_dev *dev)
{
	vst_dma_write64(dev, VLAB_DMA_LEN, 0);
	vst_dma_write32(dev, VLAB_DMA_CTRL, VLAB_DMA_CTRL_START);
}

TEST_F(region, status_bit_is_cleared_by_writing_one)
{
	make_status(self->dev);
	EXPECT_EQ(VLAB_DMA_ST_ERROR, vst_dma_read32(self->dev, VLAB_DMA_STATUS));
	vst_dma_write32(self->dev, VLAB_DMA_STATUS, VLAB_DMA_ST_ERROR);
	EXPECT_EQ(0, vst_dma_read32(self->dev, VLAB_DMA_STATUS));
}

TEST_F(region, status_bit_survives_zeros_and_other_ones)
{
	make_status(self->dev);
	vst_dma_write32(self->dev, VLAB_DMA_STATUS, 0);
	vst_dma_write32(self->dev, VLAB_DMA_STATUS, ~(u32)VLAB_DMA_ST_ERROR);
	EXPECT_EQ(VLAB_DMA_ST_ERROR, vst_dma_read32(self->dev, VLAB_DMA_STATUS));
}

TEST_F(region, status_bit_survives_a_write_beside_it)
{
	make_status(self->dev);
	vst_write8(self->dev, CARD, VLAB_SERIAL_DMA + VLAB_DMA_STATUS + 1, 0xff);
	EXPECT_EQ(VLAB_DMA_ST_ERROR, vst_dma_read32(self->dev, VLAB_DMA_STATUS));
	vst_write8(self->dev, CARD, VLAB_SERIAL_DMA + VLAB_DMA_STATUS, 0xff);
	EXPECT_EQ(0, vst_dma_read32(self->dev, VLAB_DMA_STATUS));
}

TEST_F(region, write_only_register_reads_zero)
{
	vst_dma_write32(self->dev, VLAB_DMA_SEND, 1);
	EXPECT_EQ(0, vst_dma_read32(self->dev, VLAB_DMA_SEND));
}

/* dma.rst 1.2 */
TEST_F(region, vector_that_the_card_does_not_have_is_ignored)
{
	vst_dma_write32(self->dev, VLAB_DMA_VECTOR, 5);
	vst_dma_write32(self->dev, VLAB_DMA_VECTOR, 0x10000);
	EXPECT_EQ(5, vst_dma_read32(self->dev, VLAB_DMA_VECTOR));
}

TEST_F(region, scratch_of_each_port_is_its_own)
{
	unsigned int port;

	for (port = 0; port < PORTS; port++)
		vst_write8(self->dev, UART, port * 8 + UART_SCR, 0x50 + port);
	for (port = 0; port < PORTS; port++)
		EXPECT_EQ(0x50 + port, vst_read8(self->dev, UART, port * 8 + UART_SCR));
}

/* ---- parts and multiples of registers ---- */

TEST_F(region, parts_of_a_register_agree_with_the_whole)
{
	const u64 val = 0x8877665544332211;
	unsigned int i;

	vst_write64(self->dev, CARD, SRC, val);
	for (i = 0; i < 8; i++)
		EXPECT_EQ((val >> i * 8) & 0xff, vst_read8(self->dev, CARD, SRC + i));
	for (i = 0; i < 8; i += 2)
		EXPECT_EQ((val >> i * 8) & 0xffff, vst_read16(self->dev, CARD, SRC + i));
	for (i = 0; i < 8; i += 4)
		EXPECT_EQ((val >> i * 8) & 0xffffffff, vst_read32(self->dev, CARD, SRC + i));
}

TEST_F(region, register_can_be_written_in_parts)
{
	vst_write64(self->dev, CARD, SRC, 0);
	vst_write8(self->dev, CARD, SRC + 7, 0x88);
	vst_write16(self->dev, CARD, SRC + 2, 0x4433);
	vst_write32(self->dev, CARD, SRC + 4, 0x77665544);
	EXPECT_EQ(0x7766554444330000, vst_read64(self->dev, CARD, SRC));
}

TEST_F(region, accesses_of_any_length_at_any_offset_agree)
{
	u8 whole[16], part[16];
	unsigned int off, len;

	vst_fill(whole, sizeof(whole), 1);
	vst_write(self->dev, CARD, SRC, whole, sizeof(whole));
	for (off = 0; off < sizeof(whole); off++) {
		for (len = 1; len <= sizeof(whole) - off; len++) {
			vst_read(self->dev, CARD, SRC + off, part, len);
			ASSERT_EQ(-1, vst_differs(whole + off, part, len)) {
				TH_LOG("%u bytes at %u", len, off);
			}
		}
	}
}

TEST_F(region, writes_of_any_length_at_any_offset_change_nothing_else)
{
	u8 model[16], now[16], junk[16];
	unsigned int off, len;

	vst_fill(model, sizeof(model), 2);
	vst_write(self->dev, CARD, SRC, model, sizeof(model));
	for (off = 0; off < sizeof(model); off++) {
		for (len = 1; len <= sizeof(model) - off; len++) {
			vst_fill(junk, len, off * 16 + len);
			vst_write(self->dev, CARD, SRC + off, junk, len);
			memcpy(model + off, junk, len);
			vst_read(self->dev, CARD, SRC, now, sizeof(now));
			ASSERT_EQ(-1, vst_differs(model, now, sizeof(now))) {
				TH_LOG("%u bytes at %u", len, off);
			}
		}
	}
}

TEST_F(region, one_access_reaches_two_registers)
{
	u64 both = vst_read64(self->dev, CARD, VLAB_SERIAL_ID);

	EXPECT_EQ(VLAB_SERIAL_MAGIC, both & 0xffffffff);
	EXPECT_EQ(PORTS, both >> 32);
}

/* An eight-byte read takes in a port's registers in their order. */
TEST_F(region, one_access_reads_all_registers_of_a_port)
{
	u64 all;

	vst_write8(self->dev, UART, UART_LCR, UART_LCR_WLEN8);
	vst_write8(self->dev, UART, UART_SCR, 0xa5);
	all = vst_read64(self->dev, UART, 0);
	EXPECT_EQ(UART_LCR_WLEN8, (all >> UART_LCR * 8) & 0xff);
	EXPECT_EQ(0xa5, all >> UART_SCR * 8);
}

/* ---- what no register claims ---- */

TEST_F(region, unclaimed_offset_reads_ones)
{
	EXPECT_EQ(0xff, vst_read8(self->dev, CARD, UNUSED));
	EXPECT_EQ(0xffff, vst_read16(self->dev, CARD, UNUSED));
	EXPECT_EQ(0xffffffff, vst_read32(self->dev, CARD, UNUSED));
	EXPECT_EQ(~0ULL, vst_read64(self->dev, CARD, UNUSED));
}

TEST_F(region, unclaimed_offset_ignores_writes)
{
	vst_write64(self->dev, CARD, UNUSED, 0);
	EXPECT_EQ(~0ULL, vst_read64(self->dev, CARD, UNUSED));
}

TEST_F(region, port_that_the_card_does_not_have_reads_ones)
{
	vst_write8(self->dev, UART, PORTS * 8 + UART_SCR, 0);
	EXPECT_EQ(~0ULL, vst_read64(self->dev, UART, PORTS * 8));
	EXPECT_EQ(0xffffffff, vst_read32(self->dev, CARD, VLAB_SERIAL_RING +
					 PORTS * VLAB_SERIAL_RING_STRIDE));
}

TEST_F(region, gap_beside_a_register_reads_ones_in_the_same_access)
{
	EXPECT_EQ(0xffffffff00000000,
		  vst_read64(self->dev, CARD, VLAB_SERIAL_RING + VLAB_RING_TX_TAIL));
}

/* ---- card memory ---- */

TEST_F(region, memory_keeps_what_was_written)
{
	size_t len = self->dev->region[CARD].size - VLAB_SERIAL_MEM;
	u8 *in = malloc(len), *out = malloc(len);

	vst_fill(in, len, 3);
	vst_write(self->dev, CARD, VLAB_SERIAL_MEM, in, len);
	vst_read(self->dev, CARD, VLAB_SERIAL_MEM, out, len);
	EXPECT_EQ(-1, vst_differs(in, out, len));
	free(in);
	free(out);
}

TEST_F(region, memory_takes_writes_of_any_length_at_any_offset)
{
	u8 model[256], now[256], junk[64];
	unsigned int i;

	memset(model, 0, sizeof(model));
	vst_write(self->dev, CARD, VLAB_SERIAL_MEM, model, sizeof(model));
	for (i = 0; i < 200; i++) {
		unsigned int len = i % sizeof(junk) + 1, off = i * 37 % (sizeof(model) - len);

		vst_fill(junk, len, i);
		vst_write(self->dev, CARD, VLAB_SERIAL_MEM + off, junk, len);
		memcpy(model + off, junk, len);
	}
	vst_read(self->dev, CARD, VLAB_SERIAL_MEM, now, sizeof(now));
	EXPECT_EQ(-1, vst_differs(model, now, sizeof(now)));
}

TEST_F(region, access_across_the_control_page_reaches_both_sides)
{
	u8 buf[16];

	vst_write64(self->dev, CARD, VLAB_SERIAL_MEM, 0x0102030405060708);
	vst_read(self->dev, CARD, VLAB_SERIAL_MEM - 8, buf, sizeof(buf));
	EXPECT_EQ(0xff, buf[0]);
	EXPECT_EQ(0xff, buf[7]);
	EXPECT_EQ(0x08, buf[8]);
	EXPECT_EQ(0x01, buf[15]);
}

/* ---- the end of a region, and beyond ---- */

/* mtty: 3 */
TEST_F(region, read_past_the_end_is_short)
{
	u64 size = self->dev->region[UART].size;
	u32 val = 0x11111111;

	EXPECT_EQ(2, __vst_read(self->dev, UART, size - 2, &val, sizeof(val)));
	EXPECT_EQ(0x1111ffff, val);	/* nothing behind what was returned */
}

TEST_F(region, write_past_the_end_is_short)
{
	u64 size = self->dev->region[CARD].size;
	u64 val = 0x8877665544332211;

	EXPECT_EQ(4, __vst_write(self->dev, CARD, size - 4, &val, sizeof(val)));
	EXPECT_EQ(0x44332211, vst_read32(self->dev, CARD, size - 4));
}

TEST_F(region, access_at_the_end_is_refused)
{
	const unsigned int bars[] = { UART, CARD };
	unsigned int i;
	u32 val = 0;

	for (i = 0; i < ARRAY_SIZE(bars); i++) {
		u64 size = self->dev->region[bars[i]].size;

		EXPECT_EQ(-EINVAL, __vst_read(self->dev, bars[i], size, &val, 1));
		EXPECT_EQ(-EINVAL, __vst_write(self->dev, bars[i], size, &val, 4));
		EXPECT_EQ(-EINVAL, __vst_read(self->dev, bars[i], size + 0x12345, &val, 4));
	}
}

TEST_F(region, access_at_the_last_offset_of_a_region_is_refused)
{
	u64 val = 0;

	EXPECT_EQ(-EINVAL, __vst_read(self->dev, UART, (1ULL << 40) - 1, &val, 1));
	EXPECT_EQ(-EINVAL, __vst_read(self->dev, CARD, (1ULL << 40) - 8, &val, 8));
	EXPECT_EQ(-EINVAL, __vst_write(self->dev, CARD, (1ULL << 40) - 8, &val, 16));
}

/* uapi: REGION.ROM REGION.VGA, mtty: 2 */
TEST_F(region, access_to_a_region_that_is_not_there_is_refused)
{
	u32 val = 0;

	EXPECT_EQ(-EINVAL, __vst_read(self->dev, 1, 0, &val, 4));
	EXPECT_EQ(-EINVAL, __vst_write(self->dev, 5, 0, &val, 4));
	EXPECT_EQ(-EINVAL, __vst_read(self->dev, VFIO_PCI_ROM_REGION_INDEX, 0, &val, 4));
	EXPECT_EQ(-EINVAL, __vst_write(self->dev, VFIO_PCI_ROM_REGION_INDEX, 0, &val, 4));
	EXPECT_EQ(-EINVAL, __vst_read(self->dev, VFIO_PCI_VGA_REGION_INDEX, 0xa0000, &val, 4));
}

/* uapi: REGION.DEVICE */
TEST_F(region, access_past_the_last_region_is_refused)
{
	unsigned int index;
	u32 val = 0;

	VST_NEEDS(VST_CAN_VFIO);
	for (index = VFIO_PCI_NUM_REGIONS; index < 24; index++) {
		EXPECT_EQ(-EINVAL, __vst_read(self->dev, index, 0, &val, 4));
		EXPECT_EQ(-EINVAL, __vst_write(self->dev, index, 0, &val, 4));
	}
	EXPECT_EQ(-EINVAL, __vst_read(self->dev, (1U << 23) - 1, 0, &val, 4));
}

TEST_F(region, access_at_a_negative_offset_is_refused)
{
	u32 val = 0;

	VST_NEEDS(VST_CAN_VFIO);
	EXPECT_EQ(-1, pread(self->dev->fd, &val, 4, -4));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, pwrite(self->dev->fd, &val, 4, INT64_MIN));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(region, empty_access_does_nothing)
{
	u32 val = 0x5a5a5a5a;

	vst_write32(self->dev, CARD, SRC, 0x600d);
	EXPECT_EQ(0, __vst_read(self->dev, CARD, SRC, &val, 0));
	EXPECT_EQ(0, __vst_write(self->dev, CARD, SRC, &val, 0));
	EXPECT_EQ(0x5a5a5a5a, val);
	EXPECT_EQ(0x600d, vst_read32(self->dev, CARD, SRC));
}

TEST_F(region, huge_read_ends_with_the_region)
{
	size_t size = self->dev->region[CARD].size;
	u8 *buf = vst_anon(2 * size);

	memset(buf, 0xa5, 2 * size);
	EXPECT_EQ(size, __vst_read(self->dev, CARD, 0, buf, 0x40000000));
	EXPECT_EQ(0xa5, buf[size]);
	EXPECT_EQ(VLAB_SERIAL_MAGIC, *(u32 *)buf);
	munmap(buf, 2 * size);
}

TEST_F(region, bad_buffer_is_efault)
{
	VST_NEEDS(VST_CAN_VFIO);
	vst_write32(self->dev, CARD, SRC, 0x600d);
	EXPECT_EQ(-EFAULT, __vst_read(self->dev, CARD, SRC, (void *)8, 4));
	EXPECT_EQ(-EFAULT, __vst_write(self->dev, CARD, SRC, (void *)8, 4));
	EXPECT_EQ(-EFAULT, __vst_read(self->dev, CARD, VLAB_SERIAL_MEM, (void *)8, 4096));
	EXPECT_EQ(0x600d, vst_read32(self->dev, CARD, SRC));
}

/* ---- the MSI-X table's BAR ---- */

TEST_F(region, msix_table_reads_ones_and_ignores_writes)
{
	VST_NEEDS(VST_CAN_VFIO);
	vst_write32(self->dev, MSIX, 0, 0xfee00000);
	EXPECT_EQ(~0U, vst_read32(self->dev, MSIX, 0));
	EXPECT_EQ(~0U, vst_read32(self->dev, MSIX, PCI_MSIX_ENTRY_VECTOR_CTRL));
}

/* ---- memory switched off ---- */

/* mtty: 10 */
TEST_F(region, nothing_answers_while_memory_is_disabled)
{
	const u64 off[] = { VLAB_SERIAL_ID, UNUSED, VLAB_SERIAL_MEM };
	unsigned int i;
	u32 val = 0x12345678;

	VST_NEEDS(VST_CAN_VFIO);
	vst_command(self->dev, 0, PCI_COMMAND_MEMORY);
	for (i = 0; i < ARRAY_SIZE(off); i++) {
		EXPECT_EQ(-EIO, __vst_read(self->dev, CARD, off[i], &val, 4));
		EXPECT_EQ(-EIO, __vst_write(self->dev, CARD, off[i], &val, 4));
	}
	EXPECT_EQ(-EIO, __vst_read(self->dev, UART, UART_LSR, &val, 1));
	EXPECT_EQ(-EIO, __vst_read(self->dev, MSIX, 0x1000, &val, 4));
	EXPECT_EQ(0x12345678, val);
}

TEST_F(region, registers_and_memory_are_the_same_after_memory_was_disabled)
{
	VST_NEEDS(VST_CAN_VFIO);
	vst_write32(self->dev, CARD, SRC, 0xcafe);
	vst_write32(self->dev, CARD, VLAB_SERIAL_MEM, 0xbeef);
	vst_command(self->dev, 0, PCI_COMMAND_MEMORY);
	vst_command(self->dev, PCI_COMMAND_MEMORY, 0);
	EXPECT_EQ(0xcafe, vst_read32(self->dev, CARD, SRC));
	EXPECT_EQ(0xbeef, vst_read32(self->dev, CARD, VLAB_SERIAL_MEM));
}

TEST_F(region, write_while_memory_is_disabled_is_lost)
{
	u32 val = 0xbad;

	VST_NEEDS(VST_CAN_VFIO);
	vst_write32(self->dev, CARD, SRC, 0x600d);
	vst_command(self->dev, 0, PCI_COMMAND_MEMORY);
	__vst_write(self->dev, CARD, SRC, &val, 4);
	vst_command(self->dev, PCI_COMMAND_MEMORY, 0);
	EXPECT_EQ(0x600d, vst_read32(self->dev, CARD, SRC));
}

TEST_F(region, nothing_answers_in_d3hot)
{
	u32 val = 0;

	VST_NEEDS(VST_CAN_VFIO);
	vst_power(self->dev, 3);
	EXPECT_EQ(-EIO, __vst_read(self->dev, CARD, VLAB_SERIAL_ID, &val, 4));
	EXPECT_EQ(-EIO, __vst_write(self->dev, CARD, VLAB_SERIAL_MEM, &val, 4));
	vst_power(self->dev, 0);
	EXPECT_EQ(VLAB_SERIAL_MAGIC, vst_read32(self->dev, CARD, VLAB_SERIAL_ID));
}

/* ---- more than one at it ---- */

TEST_F(region, two_files_of_a_device_see_the_same)
{
	int fd, other = 0x77;

	VST_NEEDS(VST_CAN_GROUP);
	fd = ioctl(vst_group_fd(self->dev), VFIO_GROUP_GET_DEVICE_FD, vst_bdf());
	ASSERT_GE(fd, 0);
	vst_write32(self->dev, CARD, SRC, 0xabcd);
	EXPECT_EQ(4, pread(fd, &other, 4, self->dev->region[CARD].offset + SRC));
	EXPECT_EQ(0xabcd, other);
	close(fd);
	EXPECT_EQ(0xabcd, vst_read32(self->dev, CARD, SRC));
}

struct writer {
	struct vst_dev *dev;
	u32 val;
};

static void *write_many(void *arg)
{
	struct writer *w = arg;
	unsigned int i;

	for (i = 0; i < 300; i++)
		__vst_write(w->dev, CARD, SRC, &w->val, sizeof(w->val));
	return NULL;
}

TEST_F(region, concurrent_writers_do_not_tear_a_register)
{
	struct writer w[2] = { { self->dev, 0x11111111 }, { self->dev, 0x22222222 } };
	pthread_t thread[2];
	unsigned int i;

	vst_write32(self->dev, CARD, SRC, w[0].val);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, write_many, &w[i]));
	for (i = 0; i < 300; i++) {
		u32 val = vst_read32(self->dev, CARD, SRC);

		EXPECT_TRUE(val == w[0].val || val == w[1].val);
	}
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
}

/* ---- writes by ioeventfd ---- */

/* uapi: IOEVENTFD */
FIXTURE(ioeventfd) {
	struct vst_dev *dev;
	int fd;
};

FIXTURE_SETUP(ioeventfd)
{
	VST_NEEDS(VST_CAN_VFIO);
	self->dev = vst_open(vst_bdf());
	self->fd = vst_eventfd();
}

FIXTURE_TEARDOWN(ioeventfd)
{
	vst_close(self->dev);
	close(self->fd);
}

static int set_ioeventfd(struct vst_dev *dev, unsigned int bar, u64 off, u64 data, u32 flags,
			 int fd)
{
	struct vfio_device_ioeventfd io = {
		.argsz = sizeof(io),
		.flags = flags,
		.offset = ((u64)bar << 40) + off,
		.data = data,
		.fd = fd,
	};

	return __vst_ioctl(dev, VFIO_DEVICE_IOEVENTFD, &io);
}

static void kick(int fd)
{
	u64 one = 1;

	vst_assert(write(fd, &one, sizeof(one)) == sizeof(one));
}

TEST_F(ioeventfd, writes_a_register)
{
	vst_ok(set_ioeventfd(self->dev, CARD, SRC, 0xfeed, 4, self->fd));
	kick(self->fd);
	EXPECT_TRUE(vst_until(vst_read32(self->dev, CARD, SRC) == 0xfeed, VST_DEADLINE_MS));
}

TEST_F(ioeventfd, writes_a_byte_and_nothing_beside_it)
{
	vst_write32(self->dev, CARD, SRC, 0);
	vst_ok(set_ioeventfd(self->dev, CARD, SRC + 1, 0x5a, 1, self->fd));
	kick(self->fd);
	EXPECT_TRUE(vst_until(vst_read32(self->dev, CARD, SRC) == 0x5a00, VST_DEADLINE_MS));
}

TEST_F(ioeventfd, writes_memory)
{
	vst_write32(self->dev, CARD, VLAB_SERIAL_MEM, 0);
	vst_ok(set_ioeventfd(self->dev, CARD, VLAB_SERIAL_MEM, 0xfeed, 4, self->fd));
	kick(self->fd);
	EXPECT_TRUE(vst_until(vst_read32(self->dev, CARD, VLAB_SERIAL_MEM) == 0xfeed,
			      VST_DEADLINE_MS));
}

TEST_F(ioeventfd, sends_a_byte_through_a_port)
{
	struct vst_uart u = vst_uart(self->dev, 0);
	u8 byte;

	vst_uart_setup(&u, 1);
	vst_ok(set_ioeventfd(self->dev, UART, UART_TX, 'x', 1, self->fd));
	kick(self->fd);
	vst_uart_recv(&u, &byte, 1);
	EXPECT_EQ('x', byte);
}

/* Eight bytes are refused by kernels that have no such access everywhere. */
TEST_F(ioeventfd, writes_each_width_and_nothing_beside_it)
{
	static const unsigned int width[] = { 1, 2, 4, 8 };
	const u64 data = 0x8877665544332211;
	unsigned int i;
	u64 want;
	int ret;

	for (i = 0; i < ARRAY_SIZE(width); i++) {
		want = width[i] == 8 ? data : data & ((1ULL << width[i] * 8) - 1);
		vst_write64(self->dev, CARD, SRC, 0);
		vst_write64(self->dev, CARD, SRC + 8, 0);
		ret = set_ioeventfd(self->dev, CARD, SRC, data, width[i], self->fd);
		if (width[i] == 8 && ret == -EINVAL)
			break;
		ASSERT_EQ(0, ret);
		kick(self->fd);
		EXPECT_TRUE(vst_until(vst_read64(self->dev, CARD, SRC) == want, VST_DEADLINE_MS))
			TH_LOG("%u bytes", width[i]);
		EXPECT_EQ(0, vst_read64(self->dev, CARD, SRC + 8));
		vst_ok(set_ioeventfd(self->dev, CARD, SRC, data, width[i], -1));
	}
}

/*
 * A circle: the first eventfd has the card send both messages, of which one signals the
 * first eventfd. It goes round as long as we let it, and others run beside it.
 */
TEST_F(ioeventfd, may_be_signalled_by_the_interrupt_that_it_causes)
{
	const u64 send = VLAB_SERIAL_DMA + VLAB_DMA_SEND;
	int fds[] = { self->fd, vst_eventfd() };
	unsigned int n = 0, i;

	vst_master(self->dev, true);
	vst_irq_eventfds(self->dev, VFIO_PCI_MSI_IRQ_INDEX, 0, 2, fds);
	for (i = 0; i < 2; i++)
		vst_ok(set_ioeventfd(self->dev, CARD, send, i, 4, self->fd));
	kick(self->fd);
	EXPECT_TRUE(vst_until((n += vst_event_count(fds[1])) >= 100, VST_DEADLINE_MS));
	for (i = 0; i < 2; i++)
		vst_ok(set_ioeventfd(self->dev, CARD, send, i, 4, -1));
	close(fds[1]);
}

TEST_F(ioeventfd, into_the_msix_table_is_refused)
{
	EXPECT_EQ(-EINVAL, set_ioeventfd(self->dev, MSIX, 0, 1, 4, self->fd));
	EXPECT_EQ(-EINVAL, set_ioeventfd(self->dev, MSIX, 16 * PCI_MSIX_ENTRY_SIZE - 4, 1, 4,
					 self->fd));
}

TEST_F(ioeventfd, the_same_twice_is_eexist)
{
	vst_ok(set_ioeventfd(self->dev, CARD, SRC, 1, 4, self->fd));
	EXPECT_EQ(-EEXIST, set_ioeventfd(self->dev, CARD, SRC, 1, 4, self->fd));
	EXPECT_EQ(0, set_ioeventfd(self->dev, CARD, SRC, 2, 4, self->fd));
}

TEST_F(ioeventfd, removed_one_writes_no_more)
{
	int other = vst_eventfd();

	vst_write32(self->dev, CARD, SRC, 0);
	vst_ok(set_ioeventfd(self->dev, CARD, SRC, 0xbad, 4, self->fd));
	vst_ok(set_ioeventfd(self->dev, CARD, SRC + 4, 0x600d, 4, other));
	vst_ok(set_ioeventfd(self->dev, CARD, SRC, 0xbad, 4, -1));
	kick(self->fd);
	kick(other);
	EXPECT_TRUE(vst_until(vst_read32(self->dev, CARD, SRC + 4) == 0x600d, VST_DEADLINE_MS));
	EXPECT_EQ(0, vst_read32(self->dev, CARD, SRC));
	close(other);
}

TEST_F(ioeventfd, removing_what_is_not_there_is_enodev)
{
	EXPECT_EQ(-ENODEV, set_ioeventfd(self->dev, CARD, SRC, 1, 4, -1));
}

TEST_F(ioeventfd, bad_arguments_are_refused)
{
	EXPECT_EQ(-EINVAL, set_ioeventfd(self->dev, CARD, SRC, 1, 0, self->fd));
	EXPECT_EQ(-EINVAL, set_ioeventfd(self->dev, CARD, SRC, 1, 3, self->fd));
	EXPECT_EQ(-EINVAL, set_ioeventfd(self->dev, CARD, SRC, 1, 0x10, self->fd));
	EXPECT_EQ(-EINVAL, set_ioeventfd(self->dev, CARD, SRC, 1, 4, -2));
	EXPECT_EQ(-EINVAL, set_ioeventfd(self->dev, CARD, self->dev->region[CARD].size - 2, 1, 4,
					 self->fd));
	EXPECT_EQ(-EINVAL, set_ioeventfd(self->dev, VST_CONFIG, 4, 1, 2, self->fd));
	EXPECT_GT(0, set_ioeventfd(self->dev, CARD, SRC, 1, 4, 12345));
}

TEST_F(ioeventfd, many_end_with_the_device)
{
	unsigned int i;

	for (i = 0; i < 1000; i++)
		ASSERT_EQ(0, set_ioeventfd(self->dev, CARD, SRC, i, 4, self->fd));
	EXPECT_EQ(-ENOSPC, set_ioeventfd(self->dev, CARD, SRC, i, 4, self->fd));
}

TEST_F(ioeventfd, write_while_memory_is_disabled_is_lost)
{
	vst_write32(self->dev, CARD, SRC, 0x600d);
	vst_ok(set_ioeventfd(self->dev, CARD, SRC, 0xbad, 4, self->fd));
	vst_command(self->dev, 0, PCI_COMMAND_MEMORY);
	kick(self->fd);
	vst_command(self->dev, PCI_COMMAND_MEMORY, 0);
	EXPECT_EQ(0x600d, vst_read32(self->dev, CARD, SRC));
}

VST_MAIN("ports=4", "memory=64K", "msi=8", "msix=16")
