/*
 * Values that several engines share: a namespace of incast variables over all ranks of the system,
 * and dRPC methods by which variables are updated, fetched and made invalid at this rank. Who leads
 * is told by a method too; in DAOS, a pool's map says it.
 */
#define D_LOGFAC DD_FAC(server)

#include "iv_demo.h"
#include <daos/drpc_modules.h>
#include <time.h>
#include "drpc_body.h"

/*
 * An engine has one slot for each of DAOS's dRPC modules. This one is for tests; the example
 * `hello` takes it too, so the two do not go together.
 */
#define IV_DEMO_DRPC_MODULE DRPC_MODULE_TEST

enum { IV_DEMO_MODULE_ID = 35 };

enum iv_demo_method {
	IV_DEMO_UPDATE = 1,
	IV_DEMO_FETCH,
	IV_DEMO_INVALIDATE,
	IV_DEMO_LEAD,
	IV_DEMO_REPORT,
};

static struct ds_iv_ns *namespace;

static uint64_t
now_nsec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static int
set_key(struct ds_iv_key *key, const IvDemo__Request *request)
{
	size_t len = strlen(request->key);

	if ((unsigned int)request->class_ >= IV_DEMO_CLASSES || len >= IV_KEY_BUF_SIZE)
		return -DER_INVAL;
	memset(key, 0, sizeof(*key));
	key->class_id = IV_DEMO_FIRST_CLASS + request->class_;
	memcpy(key->key_buf, request->key, len);
	return 0;
}

static int
update(struct ds_iv_key *key, const IvDemo__Request *request)
{
	struct iv_demo_value value = {.sum = request->amount, .writer = dss_self_rank()};
	struct iv_demo_sgl list;
	size_t len = strlen(request->text);

	if (len >= sizeof(value.text))
		return -DER_INVAL;
	memcpy(value.text, request->text, len);
	iv_demo_sgl_set(&list, &value);
	return ds_iv_update(namespace, key, &list.sgl, CRT_IV_SHORTCUT_NONE, request->sync, 0,
			    true /* retry */);
}

static int
fetch(struct ds_iv_key *key, struct iv_demo_value *value)
{
	struct iv_demo_sgl list;

	iv_demo_sgl_set(&list, value);
	return ds_iv_fetch(namespace, key, &list.sgl, true /* retry */);
}

static int
invalidate(struct ds_iv_key *key, const IvDemo__Request *request)
{
	return ds_iv_invalidate(namespace, key, CRT_IV_SHORTCUT_NONE, request->sync, 0,
				true /* retry */);
}

/* UPDATE, FETCH and INVALIDATE: the ULT of the call sleeps until the ranks have done it. */
static void
operate(Drpc__Call *call, Drpc__Response *resp)
{
	IvDemo__Request *request = drpc_body_unpack(&iv_demo__request__descriptor, call, resp);
	IvDemo__Outcome outcome = IV_DEMO__OUTCOME__INIT;
	struct iv_demo_value value = {};
	struct ds_iv_key key;
	uint64_t start = now_nsec();

	if (request == NULL)
		return;

	outcome.status = namespace == NULL ? -DER_UNINIT : set_key(&key, request);
	if (outcome.status == 0) {
		if (call->method == IV_DEMO_UPDATE)
			outcome.status = update(&key, request);
		else if (call->method == IV_DEMO_FETCH)
			outcome.status = fetch(&key, &value);
		else
			outcome.status = invalidate(&key, request);
	}
	outcome.nsec = now_nsec() - start;
	outcome.text = value.text;
	outcome.writer = value.writer;
	outcome.sum = value.sum;
	drpc_body_pack(&outcome.base, resp);
	drpc_body_free(request);
}

static void
lead(Drpc__Call *call, Drpc__Response *resp)
{
	IvDemo__Leader *leader = drpc_body_unpack(&iv_demo__leader__descriptor, call, resp);
	IvDemo__Outcome outcome = IV_DEMO__OUTCOME__INIT;

	if (leader == NULL)
		return;
	if (namespace == NULL)
		outcome.status = -DER_UNINIT;
	else
		ds_iv_ns_update(namespace, leader->rank, leader->term);
	drpc_body_pack(&outcome.base, resp);
	drpc_body_free(leader);
}

static void
report(Drpc__Response *resp)
{
	IvDemo__Report report = IV_DEMO__REPORT__INIT;
	IvDemo__Leader leader = IV_DEMO__LEADER__INIT;
	IvDemo__Calls calls[IV_DEMO_CLASSES];
	IvDemo__Calls *of_class[IV_DEMO_CLASSES];
	int i;

	report.rank = dss_self_rank();
	if (namespace != NULL) {
		leader.rank = namespace->iv_master_rank;
		leader.term = namespace->iv_master_term;
		report.leader = &leader;
	}
	for (i = 0; i < IV_DEMO_CLASSES; i++) {
		iv_demo__calls__init(&calls[i]);
		calls[i].updates = iv_demo_calls[i].updates;
		calls[i].reads = iv_demo_calls[i].reads;
		calls[i].refreshes = iv_demo_calls[i].refreshes;
		calls[i].invalidations = iv_demo_calls[i].invalidations;
		of_class[i] = &calls[i];
	}
	report.calls = of_class;
	report.n_calls = IV_DEMO_CLASSES;
	drpc_body_pack(&report.base, resp);
}

static void
iv_demo_drpc(Drpc__Call *call, Drpc__Response *resp)
{
	switch (call->method) {
	case IV_DEMO_UPDATE:
	case IV_DEMO_FETCH:
	case IV_DEMO_INVALIDATE:
		operate(call, resp);
		break;
	case IV_DEMO_LEAD:
		lead(call, resp);
		break;
	case IV_DEMO_REPORT:
		report(resp);
		break;
	default:
		resp->status = DRPC__STATUS__UNKNOWN_METHOD;
	}
}

/* Called for SetUp, by a ULT of the system xstream, to which incast variables belong. */
static int
iv_demo_setup(void)
{
	uuid_t uuid = "iv_demo";
	uint32_t id;
	int rc;

	rc = ds_iv_ns_create(dss_get_module_info()->dmi_ctx, uuid, NULL /* all ranks */, &id,
			     &namespace);
	if (rc != 0) {
		D_ERROR("no namespace: " DF_RC "\n", DP_RC(rc));
		return rc;
	}
	ds_iv_ns_start(namespace);
	return 0;
}

static int
end_namespace(void *arg)
{
	struct ds_iv_ns *ns = namespace;

	namespace = NULL;
	ds_iv_ns_stop(ns);
	ds_iv_ns_put(ns);
	return 0;
}

/* Called by the engine's main thread. */
static int
iv_demo_cleanup(void)
{
	if (namespace == NULL)
		return 0;
	return dss_ult_execute(end_namespace, NULL, NULL, NULL, DSS_XS_SYS, 0, DSS_DEEP_STACK_SZ);
}

static int
iv_demo_init(void)
{
	return iv_demo_classes_register();
}

static int
iv_demo_fini(void)
{
	iv_demo_classes_unregister();
	return 0;
}

static struct dss_drpc_handler iv_demo_handlers[] = {{IV_DEMO_DRPC_MODULE, iv_demo_drpc},
						     {0, NULL}};

struct dss_module iv_demo_module = {
	.sm_name = "iv_demo",
	.sm_mod_id = IV_DEMO_MODULE_ID,
	.sm_ver = 1,
	.sm_init = iv_demo_init,
	.sm_fini = iv_demo_fini,
	.sm_setup = iv_demo_setup,
	.sm_cleanup = iv_demo_cleanup,
	.sm_drpc_handlers = iv_demo_handlers,
};
