/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vfiolab - tracepoints: what a driver does to the card and what the card does
 *
 * echo 1 > /sys/kernel/tracing/events/vfiolab/enable
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vfiolab

#if !defined(VFIOLAB_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define VFIOLAB_TRACE_H

#include <linux/string.h>
#include <linux/tracepoint.h>

#include "vfiolab.h"

#define VLAB_TRACE_NAME	32	/* sizeof_field(struct vlab_fn, name) */

/* An access to a trapped part of a BAR. */
TRACE_EVENT(vlab_access,
	TP_PROTO(const struct vlab_fn *fn, unsigned int bar, u64 off, unsigned int len,
		 u64 val, bool write),
	TP_ARGS(fn, bar, off, len, val, write),
	TP_STRUCT__entry(
		__array(char, fn, VLAB_TRACE_NAME)
		__field(u64, off)
		__field(u64, val)
		__field(u8, bar)
		__field(u8, len)
		__field(bool, write)
	),
	TP_fast_assign(
		memcpy(__entry->fn, fn->name, VLAB_TRACE_NAME);
		__entry->off = off;
		__entry->val = val;
		__entry->bar = bar;
		__entry->len = len;
		__entry->write = write;
	),
	TP_printk("%s bar%u+0x%llx %s%u 0x%llx", __entry->fn, __entry->bar, __entry->off,
		  __entry->write ? "write" : "read", __entry->len * 8, __entry->val)
);

/* An access to config space. */
TRACE_EVENT(vlab_config,
	TP_PROTO(const struct vlab_fn *fn, unsigned int off, unsigned int len, u32 val,
		 bool write),
	TP_ARGS(fn, off, len, val, write),
	TP_STRUCT__entry(
		__array(char, fn, VLAB_TRACE_NAME)
		__field(u32, val)
		__field(u16, off)
		__field(u8, len)
		__field(bool, write)
	),
	TP_fast_assign(
		memcpy(__entry->fn, fn->name, VLAB_TRACE_NAME);
		__entry->val = val;
		__entry->off = off;
		__entry->len = len;
		__entry->write = write;
	),
	TP_printk("%s config+0x%x %s%u 0x%x", __entry->fn, __entry->off,
		  __entry->write ? "write" : "read", __entry->len * 8, __entry->val)
);

/* A message was sent, or the INTx line changed (vec -1). */
TRACE_EVENT(vlab_irq,
	TP_PROTO(const struct vlab_fn *fn, int vec, bool level),
	TP_ARGS(fn, vec, level),
	TP_STRUCT__entry(
		__array(char, fn, VLAB_TRACE_NAME)
		__field(int, vec)
		__field(bool, level)
	),
	TP_fast_assign(
		memcpy(__entry->fn, fn->name, VLAB_TRACE_NAME);
		__entry->vec = vec;
		__entry->level = level;
	),
	TP_printk("%s vector %d level %d", __entry->fn, __entry->vec, __entry->level)
);

/* The device accessed memory. */
TRACE_EVENT(vlab_dma,
	TP_PROTO(const struct vlab_fn *fn, u64 iova, size_t len, bool write, int ret),
	TP_ARGS(fn, iova, len, write, ret),
	TP_STRUCT__entry(
		__array(char, fn, VLAB_TRACE_NAME)
		__field(u64, iova)
		__field(size_t, len)
		__field(bool, write)
		__field(int, ret)
	),
	TP_fast_assign(
		memcpy(__entry->fn, fn->name, VLAB_TRACE_NAME);
		__entry->iova = iova;
		__entry->len = len;
		__entry->write = write;
		__entry->ret = ret;
	),
	TP_printk("%s %s iova 0x%llx len %zu ret %d", __entry->fn,
		  __entry->write ? "write" : "read", __entry->iova, __entry->len, __entry->ret)
);

/* The function went back to its reset state. */
TRACE_EVENT(vlab_reset,
	TP_PROTO(const struct vlab_fn *fn, const char *why),
	TP_ARGS(fn, why),
	TP_STRUCT__entry(
		__array(char, fn, VLAB_TRACE_NAME)
		__array(char, why, 16)
	),
	TP_fast_assign(
		memcpy(__entry->fn, fn->name, VLAB_TRACE_NAME);
		strscpy(__entry->why, why, 16);
	),
	TP_printk("%s %s", __entry->fn, __entry->why)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
