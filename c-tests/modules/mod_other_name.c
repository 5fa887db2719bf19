/* Says that it is another module. */
#include "journal.h"

JOURNALED(mod_other_name, init)
JOURNALED(mod_other_name, fini)

struct dss_module mod_other_name_module = {
	.sm_name = "mod_another",
	.sm_mod_id = 20,
	.sm_init = mod_other_name_init,
	.sm_fini = mod_other_name_fini,
};
