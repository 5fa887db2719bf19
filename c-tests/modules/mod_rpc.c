/* Brings an RPC protocol. */
#include "journal.h"

JOURNALED(mod_rpc, init)
JOURNALED(mod_rpc, fini)

static struct crt_proto_format mod_rpc_format = {.cpf_name = "mod_rpc", .cpf_ver = 1};

struct dss_module mod_rpc_module = {
	.sm_name = "mod_rpc",
	.sm_mod_id = 20,
	.sm_init = mod_rpc_init,
	.sm_fini = mod_rpc_fini,
	.sm_proto_count = 1,
	.sm_proto_fmt = {&mod_rpc_format},
};
