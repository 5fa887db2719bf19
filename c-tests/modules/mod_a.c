/* A module with everything that needs no network. */
#include "journal.h"

JOURNALED(mod_a, init)
JOURNALED(mod_a, fini)
JOURNALED(mod_a, setup)
JOURNALED(mod_a, cleanup)

static void
mod_a_handler(Drpc__Call *call, Drpc__Response *resp)
{
}

static struct dss_drpc_handler mod_a_handlers[] = {{DRPC_MODULE_TEST, mod_a_handler}, {0, NULL}};

static void *
mod_a_key_init(int tags, int xs_id, int tgt_id)
{
	return mod_a_handlers;
}

static void
mod_a_key_fini(int tags, void *data)
{
}

static struct dss_module_key mod_a_key = {
	.dmk_tags = DAOS_SERVER_TAG,
	.dmk_index = -1,
	.dmk_init = mod_a_key_init,
	.dmk_fini = mod_a_key_fini,
};

/* The metrics of a target are a copy of its number, plus one. */
static void *
mod_a_metrics_init(const char *path, int tgt_id)
{
	int *metrics = malloc(sizeof(*metrics));

	journal("mod_a:metrics_init");
	if (metrics != NULL)
		*metrics = tgt_id + 1;
	return metrics;
}

static void
mod_a_metrics_fini(void *metrics)
{
	journal("mod_a:metrics_fini");
	free(metrics);
}

static int
mod_a_metrics_nr(void)
{
	return 3;
}

static struct daos_module_metrics mod_a_metrics = {
	.dmm_tags = DAOS_SYS_TAG | DAOS_TGT_TAG,
	.dmm_init = mod_a_metrics_init,
	.dmm_fini = mod_a_metrics_fini,
	.dmm_nr_metrics = mod_a_metrics_nr,
};

struct dss_module mod_a_module = {
	.sm_name = "mod_a",
	.sm_mod_id = 10,
	.sm_facs = 1,
	.sm_key = &mod_a_key,
	.sm_init = mod_a_init,
	.sm_fini = mod_a_fini,
	.sm_setup = mod_a_setup,
	.sm_cleanup = mod_a_cleanup,
	.sm_proto_count = 2, /* without formats, as a module that has given up its RPCs */
	.sm_drpc_handlers = mod_a_handlers,
	.sm_metrics = &mod_a_metrics,
};
