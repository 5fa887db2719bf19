/* Cannot be initialised. */
#include "journal.h"

static int
mod_bad_init_init(void)
{
	journal("mod_bad_init:init");
	return -DER_NOSPACE;
}

JOURNALED(mod_bad_init, fini)

struct dss_module mod_bad_init_module = {
	.sm_name = "mod_bad_init",
	.sm_mod_id = 12,
	.sm_init = mod_bad_init_init,
	.sm_fini = mod_bad_init_fini,
};
