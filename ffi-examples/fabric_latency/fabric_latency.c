/*
 * How long a round trip takes between two processes of this machine.
 *
 *   fabric_latency [<round trips of 8 bytes> [<of 1 MiB>]]
 *
 * Over which network, the environment says: D_PROVIDER, D_INTERFACE. It uses nothing but what CaRT
 * and gurt declare, so it runs on this library or on DAOS's libcart. A child is the server; neither
 * ever waits, so give each a core of its own. A line for each size has the least, the median and
 * the 99th percentile in microseconds.
 */
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gurt/common.h>
#include <cart/api.h>
#include <cart/types.h>
#include "measure.h"

enum { MIB = 1 << 20, CLIENT = 0, SERVER = 1 };

#define LATENCY_BASE 0x09000000
#define OPC_ECHO     CRT_PROTO_OPC(LATENCY_BASE, 1, 0)
#define OPC_PULL     CRT_PROTO_OPC(LATENCY_BASE, 1, 1)

/* Eight bytes there and back. */
#define ECHO_IN  ((uint64_t)(ei_number)CRT_VAR)
#define ECHO_OUT ((uint64_t)(eo_number)CRT_VAR)
/* Memory of the client, which the server reads before it answers. */
#define PULL_IN  ((crt_bulk_t)(pi_memory)CRT_VAR)
#define PULL_OUT ((int32_t)(po_rc)CRT_VAR)

CRT_RPC_DECLARE(echo, ECHO_IN, ECHO_OUT)
CRT_RPC_DEFINE(echo, ECHO_IN, ECHO_OUT)
CRT_RPC_DECLARE(pull, PULL_IN, PULL_OUT)
CRT_RPC_DEFINE(pull, PULL_IN, PULL_OUT)

static crt_context_t ctx;
/* 1 MiB of this process. */
static crt_bulk_t memory;

static void
echo_handler(crt_rpc_t *rpc)
{
	struct echo_in *in = crt_req_get(rpc);
	struct echo_out *out = crt_reply_get(rpc);

	out->eo_number = in->ei_number;
	check(crt_reply_send(rpc), "crt_reply_send");
}

static int
pulled(const struct crt_bulk_cb_info *info)
{
	crt_rpc_t *rpc = info->bci_bulk_desc->bd_rpc;
	struct pull_out *out = crt_reply_get(rpc);

	out->po_rc = info->bci_rc;
	check(crt_reply_send(rpc), "crt_reply_send");
	crt_req_decref(rpc);
	return 0;
}

static void
pull_handler(crt_rpc_t *rpc)
{
	struct pull_in *in = crt_req_get(rpc);
	struct crt_bulk_desc what = {
		.bd_rpc = rpc,
		.bd_bulk_op = CRT_BULK_GET,
		.bd_remote_hdl = in->pi_memory,
		.bd_local_hdl = memory,
		.bd_len = MIB,
	};

	crt_req_addref(rpc);
	check(crt_bulk_transfer(&what, pulled, NULL, NULL), "crt_bulk_transfer");
}

static struct crt_proto_rpc_format rpcs[] = {
	{.prf_req_fmt = &CQF_echo, .prf_hdlr = echo_handler},
	{.prf_req_fmt = &CQF_pull, .prf_hdlr = pull_handler},
};

static struct crt_proto_format protocol = {
	.cpf_name = "fabric_latency",
	.cpf_ver = 1,
	.cpf_count = 2,
	.cpf_prf = rpcs,
	.cpf_base = LATENCY_BASE,
};

static void
start(d_rank_t rank)
{
	static char bytes[MIB];
	d_iov_t iov = {.iov_buf = bytes, .iov_buf_len = MIB, .iov_len = MIB};
	d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &iov};

	check(crt_init(NULL, CRT_FLAG_BIT_SERVER | CRT_FLAG_BIT_AUTO_SWIM_DISABLE), "crt_init");
	check(crt_context_create(&ctx), "crt_context_create");
	check(crt_proto_register(&protocol), "crt_proto_register");
	check(crt_rank_self_set(rank, 1), "crt_rank_self_set");
	check(crt_bulk_create(ctx, &sgl, CRT_BULK_RW, &memory), "crt_bulk_create");
}

static void
end(void)
{
	check(crt_bulk_free(memory), "crt_bulk_free");
	check(crt_context_destroy(ctx, true), "crt_context_destroy");
	check(crt_finalize(), "crt_finalize");
}

static void
progress(void)
{
	int rc = crt_progress(ctx, 0);

	if (rc != -DER_TIMEDOUT)
		check(rc, "crt_progress");
}

/* Says where it is to be reached, and serves until the other end of `until` is closed. */
static void
serve(int say, int until)
{
	struct pollfd gone = {.fd = until, .events = POLLIN};
	char *uri;

	start(SERVER);
	check(crt_self_uri_get(0, &uri), "crt_self_uri_get");
	if (write(say, uri, strlen(uri) + 1) < 0)
		check(1, "write");
	close(say);
	do
		for (int i = 0; i < 1000; i++)
			progress();
	while (poll(&gone, 1, 0) == 0);
	free(uri);
	end();
}

static void
answered(const struct crt_cb_info *info)
{
	check(info->cci_rc, "a request");
	*(bool *)info->cci_arg = true;
}

static void
round_trip(const void *arg)
{
	crt_endpoint_t to = {.ep_grp = NULL, .ep_rank = SERVER, .ep_tag = 0};
	crt_opcode_t opcode = *(const crt_opcode_t *)arg;
	bool done = false;
	crt_rpc_t *rpc;

	check(crt_req_create(ctx, &to, opcode, &rpc), "crt_req_create");
	if (opcode == OPC_ECHO)
		((struct echo_in *)crt_req_get(rpc))->ei_number = 8;
	else
		((struct pull_in *)crt_req_get(rpc))->pi_memory = memory;
	check(crt_req_send(rpc, answered, &done), "crt_req_send");
	while (!done)
		progress();
}

int
main(int argc, char **argv)
{
	int small = argc > 1 ? atoi(argv[1]) : 20000;
	int large = argc > 2 ? atoi(argv[2]) : 500;
	crt_opcode_t echo = OPC_ECHO, pull = OPC_PULL;
	int says[2], until[2], status;
	char uri[512] = "";
	size_t have = 0;
	pid_t child;

	if (small <= 0 || large <= 0 || pipe(says) != 0 || pipe(until) != 0)
		check(1, "usage: fabric_latency [<round trips of 8 bytes> [<of 1 MiB>]]");
	child = fork();
	if (child < 0)
		check(1, "fork");
	if (child == 0) {
		close(says[0]);
		close(until[1]);
		serve(says[1], until[0]);
		return 0;
	}
	close(says[1]);
	close(until[0]);
	while (have < sizeof(uri) - 1) {
		ssize_t got = read(says[0], uri + have, sizeof(uri) - 1 - have);

		if (got <= 0)
			break;
		have += got;
	}
	if (have == 0)
		check(1, "the server does not say where it is");
	start(CLIENT);
	check(crt_group_primary_rank_add(ctx, crt_group_lookup(NULL), SERVER, uri),
	      "crt_group_primary_rank_add");
	print_heading();
	measure("8 B round trip", small, round_trip, &echo);
	measure("1 MiB read by bulk", large, round_trip, &pull);
	close(until[1]);
	end();
	return waitpid(child, &status, 0) == child && status == 0 ? 0 : 1;
}
