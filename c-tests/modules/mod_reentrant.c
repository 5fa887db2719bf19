/* Calls the engine's module functions while it is initialised, and tells what they return. */
#include "journal.h"
#include <engine/srv_internal.h>

extern struct dss_module mod_reentrant_module;

static int
mod_reentrant_init(void)
{
	if (dss_module_get(13) == &mod_reentrant_module)
		journal("mod_reentrant:found");
	if (dss_module_load("mod_b") == -DER_BUSY)
		journal("mod_reentrant:busy");
	if (dss_module_setup_all() == -DER_BUSY)
		journal("mod_reentrant:busy");
	return 0;
}

JOURNALED(mod_reentrant, fini)

struct dss_module mod_reentrant_module = {
	.sm_name = "mod_reentrant",
	.sm_mod_id = 13,
	.sm_init = mod_reentrant_init,
	.sm_fini = mod_reentrant_fini,
};
