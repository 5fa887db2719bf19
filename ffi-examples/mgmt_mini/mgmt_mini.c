/*
 * The part of DAOS's management module that brings an engine up and down: SetRank, GroupUpdate,
 * SetUp, PingRank and PrepShutdown, answered as the full module answers them. With it,
 * daos_server's calls, or any control plane's, take an engine from NotifyReady to serving.
 */
#define D_LOGFAC DD_FAC(server)

#include <daos_srv/daos_engine.h>
#include <daos/drpc_modules.h>
#include <cart/api.h>
#include <daos_version.h>
#include "drpc_body.h"
#include "mgmt.pb-c.h"

/* A method that only returns a code ends here. */
static void
answer_code(int rc, Drpc__Response *resp)
{
	Mgmt__DaosResp answer = MGMT__DAOS_RESP__INIT;

	answer.status = rc;
	drpc_body_pack(&answer.base, resp);
}

static void
set_rank(Drpc__Call *call, Drpc__Response *resp)
{
	Mgmt__SetRankReq *req = drpc_body_unpack(&mgmt__set_rank_req__descriptor, call, resp);
	daos_version_t version;
	int rc;

	if (req == NULL)
		return;

	rc = crt_rank_self_set(req->rank, req->map_version);
	if (rc == 0) {
		daos_version_pack(&version);
		dss_set_join_version(version);
		D_INFO("this engine is rank %u, map version %u\n", req->rank, req->map_version);
	} else {
		D_ERROR("cannot become rank %u: " DF_RC "\n", req->rank, DP_RC(rc));
	}

	answer_code(rc, resp);
	drpc_body_free(req);
}

/* Replaces the ranks of the group, unless what this engine knows is as new. */
static int
replace_group(const Mgmt__GroupUpdateReq *req)
{
	crt_context_t ctx = dss_get_module_info()->dmi_ctx;
	d_rank_list_t *ranks;
	uint64_t *incarnations;
	char **uris;
	uint32_t version;
	size_t i;
	int rc;

	rc = crt_group_version(NULL, &version);
	if (rc != 0 || req->map_version <= version)
		return rc;

	ranks = d_rank_list_alloc(req->n_engines);
	D_ALLOC_ARRAY(incarnations, req->n_engines);
	D_ALLOC_ARRAY(uris, req->n_engines);
	if (ranks == NULL || incarnations == NULL || uris == NULL) {
		rc = -DER_NOMEM;
		goto out;
	}
	for (i = 0; i < req->n_engines; i++) {
		ranks->rl_ranks[i] = req->engines[i]->rank;
		incarnations[i] = req->engines[i]->incarnation;
		uris[i] = req->engines[i]->uri;
	}
	rc = crt_group_primary_modify(NULL, &ctx, 1, ranks, incarnations, uris,
				      CRT_GROUP_MOD_OP_REPLACE, req->map_version);
	if (rc == 0)
		D_INFO("the group has %zu ranks in version %u\n", req->n_engines, req->map_version);
	else
		D_ERROR("cannot go from version %u to %u of the group: " DF_RC "\n", version,
			req->map_version, DP_RC(rc));
out:
	D_FREE(uris);
	D_FREE(incarnations);
	d_rank_list_free(ranks);
	return rc;
}

static void
group_update(Drpc__Call *call, Drpc__Response *resp)
{
	Mgmt__GroupUpdateReq *req =
		drpc_body_unpack(&mgmt__group_update_req__descriptor, call, resp);
	Mgmt__GroupUpdateResp answer = MGMT__GROUP_UPDATE_RESP__INIT;

	if (req == NULL)
		return;
	answer.status = replace_group(req);
	drpc_body_pack(&answer.base, resp);
	drpc_body_free(req);
}

/* All modules are set up, then the engine's start-up goes on, which waits for this state. */
static void
set_up(Drpc__Response *resp)
{
	int rc = dss_module_setup_all();

	if (rc == 0)
		dss_init_state_set(DSS_INIT_STATE_SET_UP);
	else
		D_ERROR("modules are not set up: " DF_RC "\n", DP_RC(rc));

	answer_code(rc, resp);
}

static void
ping_rank(Drpc__Call *call, Drpc__Response *resp)
{
	Mgmt__PingRankReq *req = drpc_body_unpack(&mgmt__ping_rank_req__descriptor, call, resp);

	if (req == NULL)
		return;
	D_DEBUG(DB_MGMT, "rank %u is asked whether it is alive\n", req->rank);
	answer_code(0, resp);
	drpc_body_free(req);
}

/* The full module stops excluding ranks from pools here; without pools there is nothing to stop. */
static void
prepare_shutdown(Drpc__Call *call, Drpc__Response *resp)
{
	Mgmt__PrepShutdownReq *req =
		drpc_body_unpack(&mgmt__prep_shutdown_req__descriptor, call, resp);

	if (req == NULL)
		return;
	D_INFO("rank %u is about to be shut down\n", req->rank);
	answer_code(0, resp);
	drpc_body_free(req);
}

static void
mgmt_mini_drpc(Drpc__Call *call, Drpc__Response *resp)
{
	switch (call->method) {
	case DRPC_METHOD_MGMT_SET_RANK:
		set_rank(call, resp);
		break;
	case DRPC_METHOD_MGMT_GROUP_UPDATE:
		group_update(call, resp);
		break;
	case DRPC_METHOD_MGMT_SET_UP:
		set_up(resp);
		break;
	case DRPC_METHOD_MGMT_PING_RANK:
		ping_rank(call, resp);
		break;
	case DRPC_METHOD_MGMT_PREP_SHUTDOWN:
		prepare_shutdown(call, resp);
		break;
	default:
		resp->status = DRPC__STATUS__UNKNOWN_METHOD;
	}
}

static int
mgmt_mini_init(void)
{
	return 0;
}

static int
mgmt_mini_fini(void)
{
	return 0;
}

static struct dss_drpc_handler mgmt_mini_handlers[] = {{DRPC_MODULE_MGMT, mgmt_mini_drpc},
						       {0, NULL}};

struct dss_module mgmt_mini_module = {
	.sm_name = "mgmt_mini",
	.sm_mod_id = DAOS_MGMT_MODULE,
	.sm_ver = DAOS_MGMT_VERSION,
	.sm_init = mgmt_mini_init,
	.sm_fini = mgmt_mini_fini,
	.sm_drpc_handlers = mgmt_mini_handlers,
};
