/* Has no sm_fini. */
#include "journal.h"

JOURNALED(mod_null_fini, init)

struct dss_module mod_null_fini_module = {
	.sm_name = "mod_null_fini",
	.sm_mod_id = 20,
	.sm_init = mod_null_fini_init,
};
