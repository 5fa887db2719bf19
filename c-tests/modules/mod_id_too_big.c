/* Its id is after the last one. */
#include "journal.h"

JOURNALED(mod_id_too_big, init)
JOURNALED(mod_id_too_big, fini)

struct dss_module mod_id_too_big_module = {
	.sm_name = "mod_id_too_big",
	.sm_mod_id = DAOS_MAX_MODULE,
	.sm_init = mod_id_too_big_init,
	.sm_fini = mod_id_too_big_fini,
};
