/* Says that it has more RPC protocols than a module can have. */
#include "journal.h"

JOURNALED(mod_protocols, init)
JOURNALED(mod_protocols, fini)

struct dss_module mod_protocols_module = {
	.sm_name = "mod_protocols",
	.sm_mod_id = 20,
	.sm_init = mod_protocols_init,
	.sm_fini = mod_protocols_fini,
	.sm_proto_count = 3,
};
