/* Lets other ULTs run while it is set up. */
#include "journal.h"

JOURNALED(mod_slow_setup, init)
JOURNALED(mod_slow_setup, fini)

static int
mod_slow_setup_setup(void)
{
	int i;

	journal("begin");
	for (i = 0; i < 5; i++)
		dss_sleep(2);
	journal("end");
	return 0;
}

struct dss_module mod_slow_setup_module = {
	.sm_name = "mod_slow_setup",
	.sm_mod_id = 14,
	.sm_init = mod_slow_setup_init,
	.sm_fini = mod_slow_setup_fini,
	.sm_setup = mod_slow_setup_setup,
};
