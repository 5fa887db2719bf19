/* Has no sm_init. */
#include "journal.h"

JOURNALED(mod_null_init, fini)

struct dss_module mod_null_init_module = {
	.sm_name = "mod_null_init",
	.sm_mod_id = 20,
	.sm_fini = mod_null_init_fini,
};
