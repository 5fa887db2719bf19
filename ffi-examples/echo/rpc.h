/* The RPCs of the module: what goes over the network, one way and back. */
#ifndef ECHO_RPC_H
#define ECHO_RPC_H

#include <daos_srv/daos_engine.h>
#include <daos/rpc.h>

enum { ECHO_MODULE_ID = 36, ECHO_VERSION = 1 };

/* Each RPC with its number, its fields and what handles it. */
enum { ECHO_SAY, ECHO_COUNT, ECHO_RPCS };

#define ECHO_OPCODE(rpc) DAOS_RPC_OPCODE(rpc, ECHO_MODULE_ID, ECHO_VERSION)

/* clang-format off */
#define ISEQ_ECHO_SAY	/* input fields */		\
	((d_string_t)		(si_text)	CRT_VAR) \
	((uint32_t)		(si_delay_ms)	CRT_VAR)

#define OSEQ_ECHO_SAY	/* output fields */		\
	((d_string_t)		(so_text)	CRT_VAR) \
	((d_rank_t)		(so_rank)	CRT_VAR) \
	((int32_t)		(so_xstream)	CRT_VAR)

#define ISEQ_ECHO_COUNT	/* input fields */		\
	((uint32_t)		(ci_nothing)	CRT_VAR)

#define OSEQ_ECHO_COUNT	/* output fields */		\
	((int32_t)		(co_rc)		CRT_VAR) \
	((uint32_t)		(co_count)	CRT_VAR)
/* clang-format on */

CRT_RPC_DECLARE(echo_say, ISEQ_ECHO_SAY, OSEQ_ECHO_SAY)
CRT_RPC_DECLARE(echo_count, ISEQ_ECHO_COUNT, OSEQ_ECHO_COUNT)

/* For the module's structure. */
extern struct crt_proto_format echo_protocol;
extern struct daos_rpc_handler echo_rpc_handlers[];

#endif /* ECHO_RPC_H */
