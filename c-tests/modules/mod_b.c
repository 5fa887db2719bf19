/* A module that comes after mod_a. Its metrics, on targets only, are none for target 7. */
#include "journal.h"

JOURNALED(mod_b, init)
JOURNALED(mod_b, fini)
JOURNALED(mod_b, setup)
JOURNALED(mod_b, cleanup)

static void *
mod_b_metrics_init(const char *path, int tgt_id)
{
	journal("mod_b:metrics_init");
	return tgt_id == 7 ? NULL : mod_b_metrics_init;
}

static void
mod_b_metrics_fini(void *metrics)
{
	journal("mod_b:metrics_fini");
}

static struct daos_module_metrics mod_b_metrics = {
	.dmm_tags = DAOS_TGT_TAG,
	.dmm_init = mod_b_metrics_init,
	.dmm_fini = mod_b_metrics_fini,
};

struct dss_module mod_b_module = {
	.sm_name = "mod_b",
	.sm_mod_id = 11,
	.sm_facs = 4,
	.sm_init = mod_b_init,
	.sm_fini = mod_b_fini,
	.sm_setup = mod_b_setup,
	.sm_cleanup = mod_b_cleanup,
	.sm_metrics = &mod_b_metrics,
};
