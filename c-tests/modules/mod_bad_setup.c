/* Comes up, but cannot be set up, cleaned up or finalised. */
#include "journal.h"

JOURNALED(mod_bad_setup, init)

static int
mod_bad_setup_fini(void)
{
	journal("mod_bad_setup:fini");
	return -DER_BUSY;
}

static int
mod_bad_setup_setup(void)
{
	journal("mod_bad_setup:setup");
	return -DER_NOSPACE;
}

static int
mod_bad_setup_cleanup(void)
{
	journal("mod_bad_setup:cleanup");
	return -DER_IO;
}

struct dss_module mod_bad_setup_module = {
	.sm_name = "mod_bad_setup",
	.sm_mod_id = 12,
	.sm_init = mod_bad_setup_init,
	.sm_fini = mod_bad_setup_fini,
	.sm_setup = mod_bad_setup_setup,
	.sm_cleanup = mod_bad_setup_cleanup,
};
