/*
 * The side that answers. A handler runs in a ULT of the xstream whose network context the request
 * was sent to, so it may wait.
 */
#define D_LOGFAC DD_FAC(server)

#include "rpc.h"

CRT_RPC_DEFINE(echo_say, ISEQ_ECHO_SAY, OSEQ_ECHO_SAY)
CRT_RPC_DEFINE(echo_count, ISEQ_ECHO_COUNT, OSEQ_ECHO_COUNT)

static struct crt_proto_rpc_format echo_rpcs[ECHO_RPCS] = {
	[ECHO_SAY] = {.prf_req_fmt = &CQF_echo_say},
	[ECHO_COUNT] = {.prf_req_fmt = &CQF_echo_count},
};

struct crt_proto_format echo_protocol = {
	.cpf_name = "echo",
	.cpf_ver = ECHO_VERSION,
	.cpf_count = ECHO_RPCS,
	.cpf_prf = echo_rpcs,
	.cpf_base = DAOS_RPC_OPCODE(0, ECHO_MODULE_ID, 0),
};

static void
say_handler(crt_rpc_t *rpc)
{
	struct echo_say_in *in = crt_req_get(rpc);
	struct echo_say_out *out = crt_reply_get(rpc);

	if (in->si_delay_ms > 0)
		dss_sleep(in->si_delay_ms);
	out->so_text = in->si_text; /* which lives as long as the request */
	out->so_rank = dss_self_rank();
	out->so_xstream = dss_get_module_info()->dmi_xs_id;
	dss_rpc_reply(rpc, 0);
}

static void
count_handler(crt_rpc_t *rpc)
{
	struct echo_count_out *out = crt_reply_get(rpc);

	out->co_rc = 0;
	out->co_count = 1;
	dss_rpc_reply(rpc, 0);
}

/* On the way back each rank adds what its children have counted to its own. */
static int
add_counts(crt_rpc_t *source, crt_rpc_t *result, void *arg)
{
	struct echo_count_out *from = crt_reply_get(source);
	struct echo_count_out *to = crt_reply_get(result);

	to->co_count += from->co_count;
	if (to->co_rc == 0)
		to->co_rc = from->co_rc;
	return 0;
}

static struct crt_corpc_ops count_ops = {.co_aggregate = add_counts};

struct daos_rpc_handler echo_rpc_handlers[] = {
	{.dr_opc = ECHO_OPCODE(ECHO_SAY), .dr_hdlr = say_handler},
	{.dr_opc = ECHO_OPCODE(ECHO_COUNT), .dr_hdlr = count_handler, .dr_corpc_ops = &count_ops},
	{.dr_opc = 0},
};
