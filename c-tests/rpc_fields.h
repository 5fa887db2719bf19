/* RPCs with fields of all kinds, in the form in which modules declare theirs. */
#ifndef RPC_FIELDS_H
#define RPC_FIELDS_H

#include <cart/api.h>

struct extent {
	uint64_t ex_start;
	uint64_t ex_length;
};

/* clang-format off */
#define SEQ_WHO	/* who asks */					\
	((uuid_t)		(wi_uuid)		CRT_VAR) \
	((d_rank_list_t)	(wi_ranks)		CRT_PTR)

#define ISEQ_WRITE	/* input fields */			\
	SEQ_WHO							\
	((d_string_t)		(wi_name)		CRT_VAR) \
	((d_const_string_t)	(wi_label)		CRT_VAR) \
	((struct extent)	(wi_whole)		CRT_VAR) \
	((struct extent)	(wi_raw)		CRT_RAW) \
	((struct extent)	(wi_extents)		CRT_ARRAY) \
	((d_string_t)		(wi_keys)		CRT_ARRAY) \
	((d_iov_t)		(wi_value)		CRT_VAR) \
	((d_sg_list_t)		(wi_sgl)		CRT_VAR) \
	((crt_bulk_t)		(wi_bulk)		CRT_VAR) \
	((int64_t)		(wi_i64)		CRT_VAR) \
	((int32_t)		(wi_i32)		CRT_VAR) \
	((d_rank_t)		(wi_rank)		CRT_VAR) \
	((int16_t)		(wi_i16)		CRT_VAR) \
	((uint16_t)		(wi_u16)		CRT_VAR) \
	((int8_t)		(wi_i8)			CRT_VAR) \
	((uint8_t)		(wi_u8)			CRT_VAR) \
	((bool)			(wi_flag)		CRT_VAR)

#define OSEQ_WRITE	/* output fields */			\
	((int)			(wo_rc)			CRT_VAR) \
	((uint32_t)		(wo_count)		CRT_VAR)

#define ISEQ_STOP	/* nothing */
#define OSEQ_STOP ((crt_status_t)(so_rc)CRT_VAR)
/* clang-format on */

CRT_RPC_DECLARE(write, ISEQ_WRITE, OSEQ_WRITE)
CRT_RPC_DECLARE(stop, ISEQ_STOP, OSEQ_STOP)
CRT_RPC_DECLARE(ping, , )

static inline int
crt_proc_struct_extent(crt_proc_t proc, crt_proc_op_t proc_op, struct extent *extent)
{
	int rc = crt_proc_uint64_t(proc, proc_op, &extent->ex_start);

	return rc != 0 ? rc : crt_proc_uint64_t(proc, proc_op, &extent->ex_length);
}

#endif /* RPC_FIELDS_H */
