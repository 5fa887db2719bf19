/* Has metrics for pools, and an id for which a pool has no place. */
#include "journal.h"

JOURNALED(mod_metrics_id, init)
JOURNALED(mod_metrics_id, fini)

static struct daos_module_metrics mod_metrics_id_metrics = {.dmm_tags = DAOS_TGT_TAG};

struct dss_module mod_metrics_id_module = {
	.sm_name = "mod_metrics_id",
	.sm_mod_id = DAOS_NR_MODULE,
	.sm_init = mod_metrics_id_init,
	.sm_fini = mod_metrics_id_fini,
	.sm_metrics = &mod_metrics_id_metrics,
};
