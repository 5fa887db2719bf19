/* Its second dRPC handler is for mod_a's number. */
#include "journal.h"

JOURNALED(mod_bad_drpc, init)
JOURNALED(mod_bad_drpc, fini)

static void
mod_bad_drpc_handler(Drpc__Call *call, Drpc__Response *resp)
{
}

static struct dss_drpc_handler mod_bad_drpc_handlers[] = {
	{DRPC_MODULE_SEC_AGENT, mod_bad_drpc_handler},
	{DRPC_MODULE_TEST, mod_bad_drpc_handler},
	{0, NULL},
};

static struct dss_module_key mod_bad_drpc_key = {.dmk_tags = DAOS_SERVER_TAG, .dmk_index = -1};

struct dss_module mod_bad_drpc_module = {
	.sm_name = "mod_bad_drpc",
	.sm_mod_id = 12,
	.sm_key = &mod_bad_drpc_key,
	.sm_init = mod_bad_drpc_init,
	.sm_fini = mod_bad_drpc_fini,
	.sm_drpc_handlers = mod_bad_drpc_handlers,
};
