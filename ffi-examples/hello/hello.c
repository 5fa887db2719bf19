/* The smallest module that answers: greets whoever calls its dRPC method 1. */
#include <daos_srv/daos_engine.h>
#include <daos/drpc_modules.h>

enum { HELLO_GREET = 1, HELLO_MODULE_ID = 32 };

static void
hello_drpc(Drpc__Call *call, Drpc__Response *resp)
{
	char *greeting;

	if (call->method != HELLO_GREET) {
		resp->status = DRPC__STATUS__UNKNOWN_METHOD;
		return;
	}
	if (call->body.len == 0)
		return; /* nobody to greet: success, with an empty body */

	D_ASPRINTF(greeting, "Hello, %.*s!", (int)call->body.len, (char *)call->body.data);
	if (greeting == NULL) {
		resp->status = DRPC__STATUS__FAILED_MARSHAL;
		return;
	}
	resp->body.data = (uint8_t *)greeting; /* the engine frees it */
	resp->body.len = strlen(greeting);
}

static int
hello_nothing(void)
{
	return 0;
}

static struct dss_drpc_handler hello_handlers[] = {{DRPC_MODULE_TEST, hello_drpc}, {0, NULL}};

struct dss_module hello_module = {
	.sm_name = "hello",
	.sm_mod_id = HELLO_MODULE_ID,
	.sm_init = hello_nothing,
	.sm_fini = hello_nothing,
	.sm_drpc_handlers = hello_handlers,
};
