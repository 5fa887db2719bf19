/* Brings two RPC protocols and a place for a third that has no format: one that this engine
 * handles, one that only clients send. */
#include "journal.h"

JOURNALED(mod_rpcs, init)
JOURNALED(mod_rpcs, fini)

void
mod_rpcs_first(crt_rpc_t *rpc)
{
}

void
mod_rpcs_second(crt_rpc_t *rpc)
{
}

static struct crt_corpc_ops mod_rpcs_ops;
static struct crt_proto_rpc_format mod_rpcs_handled_rpcs[2];
static struct crt_proto_rpc_format mod_rpcs_sent_rpcs[3];

static struct crt_proto_format mod_rpcs_handled = {
	.cpf_name = "handled",
	.cpf_ver = 1,
	.cpf_count = 2,
	.cpf_prf = mod_rpcs_handled_rpcs,
};

static struct crt_proto_format mod_rpcs_sent = {
	.cpf_name = "sent",
	.cpf_ver = 2,
	.cpf_count = 3,
	.cpf_prf = mod_rpcs_sent_rpcs,
};

static struct daos_rpc_handler mod_rpcs_handlers[] = {
	{.dr_opc = 1, .dr_hdlr = mod_rpcs_first},
	{.dr_opc = 2, .dr_hdlr = mod_rpcs_second, .dr_corpc_ops = &mod_rpcs_ops},
};

struct dss_module mod_rpcs_module = {
	.sm_name = "mod_rpcs",
	.sm_mod_id = 20,
	.sm_init = mod_rpcs_init,
	.sm_fini = mod_rpcs_fini,
	.sm_proto_count = 2,
	.sm_proto_fmt = {&mod_rpcs_handled, &mod_rpcs_sent},
	.sm_cli_count = {0, 2},
	.sm_handlers = {mod_rpcs_handlers, NULL},
};
