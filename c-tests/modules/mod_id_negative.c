/* Its id is before the first one. */
#include "journal.h"

JOURNALED(mod_id_negative, init)
JOURNALED(mod_id_negative, fini)

struct dss_module mod_id_negative_module = {
	.sm_name = "mod_id_negative",
	.sm_mod_id = -1,
	.sm_init = mod_id_negative_init,
	.sm_fini = mod_id_negative_fini,
};
