/* Has no name. */
#include "journal.h"

JOURNALED(mod_null_name, init)
JOURNALED(mod_null_name, fini)

struct dss_module mod_null_name_module = {
	.sm_name = NULL,
	.sm_mod_id = 20,
	.sm_init = mod_null_name_init,
	.sm_fini = mod_null_name_fini,
};
