/* Its id is that of mod_a. */
#include "journal.h"

JOURNALED(mod_id_taken, init)
JOURNALED(mod_id_taken, fini)

struct dss_module mod_id_taken_module = {
	.sm_name = "mod_id_taken",
	.sm_mod_id = 10,
	.sm_init = mod_id_taken_init,
	.sm_fini = mod_id_taken_fini,
};
