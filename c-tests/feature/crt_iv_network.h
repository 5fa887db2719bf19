/* CaRT as crt_iv.c sees it, for several ranks in one process: each has a context, a group of its
 * own in which all are members, and a namespace with one class. Requests wait in a queue, and are
 * copied on the way as a network does. */
#ifndef CRT_IV_NETWORK_H
#define CRT_IV_NETWORK_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cart/api.h>
#include <cart/crt_rpc.h>
#include <cart/iv.h>
#include <gurt/common.h>

#include "../check.h"

enum {
	RANKS = 9,
	/** Ranks have other numbers in the primary group. */
	PRIMARY = 100,
	/** Namespaces' numbers, and the number of the one that no rank has. */
	NUMBER = 10,
};

/** The beginning of libcart's struct crt_context is known to crt_iv.c. */
struct context {
	char nc_others[200];
	void *nc_rpc_cb_arg;
	crt_rpc_task_t nc_rpc_cb;
	crt_rpc_task_t nc_iv_resp_cb;
};

struct bulk {
	d_sg_list_t nb_sgl;
	crt_bulk_perm_t nb_perm;
	bool nb_freed;
	/** Memory of its own, of a collective request. */
	void *nb_own;
	struct bulk *nb_next;
};

struct request {
	crt_rpc_t nr_rpc;
	int nr_refs;
	d_rank_t nr_from, nr_to;
	crt_cb_t nr_cb;
	void *nr_arg;
	/** At the receiver: the sender's, and what was unpacked. */
	struct request *nr_sender;
	void *nr_unpacked[16];
	int nr_unpacked_nr;
	bool nr_replied, nr_collective;
	int nr_missing;
};

struct event {
	void (*ne_run)(void *arg);
	void *ne_arg;
	struct event *ne_next;
};

static struct {
	struct context context[RANKS];
	crt_group_t group[RANKS], primary;
	char name[RANKS][16];
	uint32_t version[RANKS];
	bool group_gone[RANKS];
	struct event *first, **last;
	struct bulk *bulks;
	int requests, requests_made, transfers, spreads, lost_to;
	/** What fails next. */
	int fail_create, fail_send, fail_bulk, fail_transfer, fail_corpc, answer_with;
	uint32_t number_on_wire;
	/** What goes over the wire. */
	crt_iv_sync_t sync;
	int inline_pieces;
} net;

static inline void
net_later(void (*run)(void *arg), void *arg)
{
	struct event *event = calloc(1, sizeof(*event));

	event->ne_run = run;
	event->ne_arg = arg;
	*net.last = event;
	net.last = &event->ne_next;
}

static inline bool
net_step(void)
{
	struct event *event = net.first;

	if (event == NULL)
		return false;
	net.first = event->ne_next;
	if (net.first == NULL)
		net.last = &net.first;
	event->ne_run(event->ne_arg);
	free(event);
	return true;
}

static inline void
net_run(void)
{
	while (net_step())
		;
}

static inline void
net_start(void)
{
	memset(&net, 0, sizeof(net));
	net.last = &net.first;
	net.lost_to = -1;
	net.primary.cg_grpid = "primary";
	for (int i = 0; i < RANKS; i++) {
		snprintf(net.name[i], sizeof(net.name[i]), "group%d", i);
		net.group[i].cg_grpid = net.name[i];
		net.version[i] = 1;
	}
}

/** All requests have ended, and all memory was given back. */
static inline void
net_stop(void)
{
	assert_null(net.first);
	assert_int_equal(net.requests, 0);
	while (net.bulks != NULL) {
		struct bulk *next = net.bulks->nb_next;

		assert_true(net.bulks->nb_freed);
		free(net.bulks->nb_sgl.sg_iovs);
		free(net.bulks->nb_own);
		free(net.bulks);
		net.bulks = next;
	}
}

static d_rank_t
rank_of_context(crt_context_t ctx)
{
	return (struct context *)ctx - net.context;
}

static int
rank_of_group(crt_group_t *grp)
{
	return grp == NULL ? 0 : grp - net.group;
}

/* ---- groups ---- */

crt_group_t *
crt_group_lookup(crt_group_id_t name)
{
	if (name == NULL || strcmp(name, net.primary.cg_grpid) == 0)
		return &net.primary;
	for (int i = 0; i < RANKS; i++)
		if (strcmp(name, net.name[i]) == 0 && !net.group_gone[i])
			return &net.group[i];
	return NULL;
}

int
crt_group_rank(crt_group_t *grp, d_rank_t *rank)
{
	*rank = rank_of_group(grp);
	return 0;
}

int
crt_group_version(crt_group_t *grp, uint32_t *version)
{
	*version = net.version[rank_of_group(grp)];
	return 0;
}

int
crt_group_ranks_get(crt_group_t *grp, d_rank_list_t **list)
{
	(void)grp;
	*list = d_rank_list_alloc(RANKS);
	/* Sorted by nobody. */
	for (int i = 0; i < RANKS; i++)
		(*list)->rl_ranks[i] = RANKS - 1 - i;
	return 0;
}

int
crt_group_rank_s2p(crt_group_t *grp, d_rank_t rank, d_rank_t *primary)
{
	(void)grp;
	*primary = rank < RANKS ? rank + PRIMARY : CRT_NO_RANK;
	return 0;
}

/* ---- memory ---- */

int
crt_bulk_create(crt_context_t ctx, d_sg_list_t *sgl, crt_bulk_perm_t perm, crt_bulk_t *handle)
{
	struct bulk *bulk;
	int rc = net.fail_bulk;

	(void)ctx;
	net.fail_bulk = 0;
	if (rc != 0)
		return rc;
	bulk = calloc(1, sizeof(*bulk));
	bulk->nb_sgl = *sgl;
	bulk->nb_sgl.sg_iovs = calloc(sgl->sg_nr, sizeof(d_iov_t));
	memcpy(bulk->nb_sgl.sg_iovs, sgl->sg_iovs, sgl->sg_nr * sizeof(d_iov_t));
	bulk->nb_perm = perm;
	bulk->nb_next = net.bulks;
	net.bulks = *handle = bulk;
	return 0;
}

int
crt_bulk_free(crt_bulk_t handle)
{
	struct bulk *bulk = handle;

	CHECK(!bulk->nb_freed);
	bulk->nb_freed = true;
	return 0;
}

int
crt_bulk_get_sgnum(crt_bulk_t handle, unsigned int *nr)
{
	*nr = ((struct bulk *)handle)->nb_sgl.sg_nr;
	return 0;
}

int
crt_bulk_access(crt_bulk_t handle, d_sg_list_t *sgl)
{
	struct bulk *bulk = handle;

	CHECK(!bulk->nb_freed && sgl->sg_nr >= bulk->nb_sgl.sg_nr);
	memcpy(sgl->sg_iovs, bulk->nb_sgl.sg_iovs, bulk->nb_sgl.sg_nr * sizeof(d_iov_t));
	sgl->sg_nr = sgl->sg_nr_out = bulk->nb_sgl.sg_nr;
	return 0;
}

struct transfer {
	struct crt_bulk_desc nt_desc;
	crt_bulk_cb_t nt_cb;
	void *nt_arg;
};

/** All of a value; the suite's have one piece, or two of the same sizes on both sides. */
static int
copy_value(d_sg_list_t *to, d_sg_list_t *from)
{
	if (to->sg_nr != from->sg_nr)
		return -DER_HG;
	for (uint32_t i = 0; i < from->sg_nr; i++) {
		if (to->sg_iovs[i].iov_buf_len < from->sg_iovs[i].iov_buf_len)
			return -DER_HG;
		memcpy(to->sg_iovs[i].iov_buf, from->sg_iovs[i].iov_buf,
		       from->sg_iovs[i].iov_buf_len);
	}
	return 0;
}

static void
run_transfer(void *arg)
{
	struct transfer *transfer = arg;
	struct bulk *local = transfer->nt_desc.bd_local_hdl,
		    *remote = transfer->nt_desc.bd_remote_hdl;
	struct crt_bulk_cb_info info = {.bci_bulk_desc = &transfer->nt_desc,
					.bci_arg = transfer->nt_arg};

	CHECK(!local->nb_freed && local->nb_perm == CRT_BULK_RW);
	CHECK(remote->nb_perm == CRT_BULK_RW);
	/* Who has given up has taken his memory back. */
	if (remote->nb_freed)
		info.bci_rc = -DER_HG;
	else if (transfer->nt_desc.bd_bulk_op == CRT_BULK_GET)
		info.bci_rc = copy_value(&local->nb_sgl, &remote->nb_sgl);
	else
		info.bci_rc = copy_value(&remote->nb_sgl, &local->nb_sgl);
	transfer->nt_cb(&info);
	free(transfer);
}

int
crt_bulk_transfer(struct crt_bulk_desc *desc, crt_bulk_cb_t cb, void *arg, crt_bulk_opid_t *opid)
{
	struct transfer *transfer;
	int rc = net.fail_transfer;

	(void)opid;
	net.fail_transfer = 0;
	if (rc != 0)
		return rc;
	transfer = calloc(1, sizeof(*transfer));
	net.transfers++;
	*transfer = (struct transfer){*desc, cb, arg};
	net_later(run_transfer, transfer);
	return 0;
}

/* ---- requests ---- */

static struct request *
new_request(crt_context_t ctx, crt_opcode_t opc)
{
	static const size_t in[] = {sizeof(struct crt_iv_fetch_in), sizeof(struct crt_iv_update_in),
				    sizeof(struct crt_iv_sync_in)};
	static const size_t out[] = {sizeof(struct crt_iv_fetch_out),
				     sizeof(struct crt_iv_update_out),
				     sizeof(struct crt_iv_sync_out)};
	struct request *request = calloc(1, sizeof(*request));
	int kind = opc - CRT_OPC_IV_FETCH;

	CHECK(kind >= 0 && kind < 3);
	net.requests++;
	request->nr_refs = 1;
	request->nr_rpc = (crt_rpc_t){.cr_ctx = ctx,
				      .cr_opc = opc,
				      .cr_input = calloc(1, in[kind]),
				      .cr_output = calloc(1, out[kind]),
				      .cr_input_size = in[kind],
				      .cr_output_size = out[kind]};
	return request;
}

void
crt_req_addref(crt_rpc_t *rpc)
{
	((struct request *)rpc)->nr_refs++;
}

void
crt_req_decref(crt_rpc_t *rpc)
{
	struct request *request = (struct request *)rpc;

	CHECK(request->nr_refs > 0);
	if (--request->nr_refs > 0)
		return;
	net.requests--;
	for (int i = 0; i < request->nr_unpacked_nr; i++)
		free(request->nr_unpacked[i]);
	free(rpc->cr_input);
	free(rpc->cr_output);
	free(request);
}

int
crt_req_create(crt_context_t ctx, crt_endpoint_t *ep, crt_opcode_t opc, crt_rpc_t **rpc)
{
	struct request *request;
	int rc = net.fail_create;

	net.fail_create = 0;
	if (rc != 0)
		return rc;
	CHECK(ep->ep_grp == NULL && ep->ep_tag == 0);
	CHECK(ep->ep_rank >= PRIMARY && ep->ep_rank < PRIMARY + RANKS);
	net.requests_made++;
	request = new_request(ctx, opc);
	request->nr_from = rank_of_context(ctx);
	request->nr_to = ep->ep_rank - PRIMARY;
	*rpc = &request->nr_rpc;
	return 0;
}

int
crt_corpc_req_create(crt_context_t ctx, crt_group_t *grp, d_rank_list_t *filter, crt_opcode_t opc,
		     crt_bulk_t bulk, void *priv, uint32_t flags, int topo, crt_rpc_t **rpc)
{
	struct request *request;
	int rc = net.fail_corpc;

	net.fail_corpc = 0;
	if (rc != 0)
		return rc;
	CHECK(rank_of_group(grp) == (int)rank_of_context(ctx));
	CHECK(filter->rl_nr == 1 && filter->rl_ranks[0] == rank_of_context(ctx) + PRIMARY);
	CHECK(opc == CRT_OPC_IV_SYNC && priv == NULL && flags == 0);
	CHECK(topo == crt_tree_topo(CRT_TREE_KNOMIAL, 2));
	CHECK(bulk == NULL || ((struct bulk *)bulk)->nb_perm == CRT_BULK_RO);
	net.spreads++;
	request = new_request(ctx, opc);
	request->nr_from = rank_of_context(ctx);
	request->nr_rpc.cr_co_bulk_hdl = bulk;
	request->nr_collective = true;
	*rpc = &request->nr_rpc;
	return 0;
}

static void *
unpack(struct request *request, const void *bytes, size_t len)
{
	void *copy = malloc(len + 1);

	CHECK(request->nr_unpacked_nr < 16);
	if (len > 0)
		memcpy(copy, bytes, len);
	((char *)copy)[len] = '\0';
	return request->nr_unpacked[request->nr_unpacked_nr++] = copy;
}

static void
unpack_vector(struct request *request, d_iov_t *vector)
{
	vector->iov_buf = unpack(request, vector->iov_buf, vector->iov_buf_len);
}

static void
unpack_list(struct request *request, d_sg_list_t *sgl)
{
	if (sgl->sg_nr == 0) {
		sgl->sg_iovs = NULL;
		return;
	}
	sgl->sg_iovs = unpack(request, sgl->sg_iovs, sgl->sg_nr * sizeof(d_iov_t));
	for (uint32_t i = 0; i < sgl->sg_nr; i++)
		unpack_vector(request, &sgl->sg_iovs[i]);
}

/** Names the receiver's namespace instead of the sender's, which must be the one that sends. */
static void
unpack_name(struct request *request, uint32_t *number, crt_group_id_t *group)
{
	CHECK(*number == NUMBER + request->nr_from);
	CHECK(strcmp(*group, net.name[request->nr_from]) == 0);
	*number = net.number_on_wire != 0 ? net.number_on_wire : NUMBER + request->nr_to;
	*group = net.name[request->nr_to];
}

/** The request as its receiver has it. */
static struct request *
arrive(struct request *sender, d_rank_t to)
{
	struct request *request = new_request(&net.context[to], sender->nr_rpc.cr_opc);
	void *input = request->nr_rpc.cr_input;

	request->nr_from = sender->nr_from;
	request->nr_to = to;
	request->nr_sender = sender;
	memcpy(input, sender->nr_rpc.cr_input, sender->nr_rpc.cr_input_size);
	if (sender->nr_rpc.cr_opc == CRT_OPC_IV_FETCH) {
		struct crt_iv_fetch_in *in = input;

		unpack_name(request, &in->ifi_ivns_id, &in->ifi_ivns_group);
		unpack_vector(request, &in->ifi_key);
	} else if (sender->nr_rpc.cr_opc == CRT_OPC_IV_UPDATE) {
		struct crt_iv_update_in *in = input;

		unpack_name(request, &in->ivu_ivns_id, &in->ivu_ivns_group);
		unpack_vector(request, &in->ivu_key);
		memcpy(&net.sync, in->ivu_sync_type.iov_buf, sizeof(net.sync));
		unpack_vector(request, &in->ivu_sync_type);
		net.inline_pieces = in->ivu_iv_sgl.sg_nr;
		unpack_list(request, &in->ivu_iv_sgl);
		CHECK(in->padding == 0);
	} else {
		struct crt_iv_sync_in *in = input;
		struct bulk *bulk = sender->nr_rpc.cr_co_bulk_hdl;

		unpack_name(request, &in->ivs_ivns_id, &in->ivs_ivns_group);
		unpack_vector(request, &in->ivs_key);
		memcpy(&net.sync, in->ivs_sync_type.iov_buf, sizeof(net.sync));
		unpack_vector(request, &in->ivs_sync_type);
		unpack_list(request, &in->ivs_sync_sgl);
		if (bulk != NULL) {
			d_iov_t whole = bulk->nb_sgl.sg_iovs[0];
			d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &whole};
			crt_bulk_t copy;

			CHECK(!bulk->nb_freed && bulk->nb_sgl.sg_nr == 1);
			whole.iov_len = whole.iov_buf_len;
			whole.iov_buf = malloc(whole.iov_buf_len);
			memcpy(whole.iov_buf, bulk->nb_sgl.sg_iovs[0].iov_buf, whole.iov_buf_len);
			CHECK(crt_bulk_create(NULL, &sgl, CRT_BULK_RW, &copy) == 0);
			((struct bulk *)copy)->nb_own = whole.iov_buf;
			/* Nobody but CaRT frees it. */
			((struct bulk *)copy)->nb_freed = false;
			request->nr_rpc.cr_co_bulk_hdl = copy;
		}
	}
	return request;
}

static void
complete(struct request *request, int rc)
{
	struct crt_cb_info info = {
		.cci_rpc = &request->nr_rpc, .cci_arg = request->nr_arg, .cci_rc = rc};

	request->nr_cb(&info);
	crt_req_decref(&request->nr_rpc);
}

static void
complete_well(void *arg)
{
	complete(arg, 0);
}

static void
time_out(void *arg)
{
	complete(arg, -DER_TIMEDOUT);
}

static void
collect(struct request *sender)
{
	if (--sender->nr_missing == 0)
		net_later(complete_well, sender);
}

int
crt_reply_send(crt_rpc_t *rpc)
{
	struct request *request = (struct request *)rpc, *sender = request->nr_sender;
	void *output = sender->nr_rpc.cr_output;

	CHECK(!request->nr_replied);
	request->nr_replied = true;
	if (rpc->cr_opc == CRT_OPC_IV_SYNC) {
		CHECK(crt_iv_sync_corpc_aggregate(rpc, &sender->nr_rpc, NULL) == 0);
		collect(sender);
		return 0;
	}
	memcpy(output, rpc->cr_output, rpc->cr_output_size);
	if (rpc->cr_opc == CRT_OPC_IV_FETCH)
		unpack_list(sender, &((struct crt_iv_fetch_out *)output)->ifo_sgl);
	else
		unpack_list(sender, &((struct crt_iv_update_out *)output)->ivo_iv_sgl);
	net_later(complete_well, sender);
	return 0;
}

static void
deliver(void *arg)
{
	struct request *sender = arg, *request;

	if (net.answer_with != 0) {
		complete(sender, net.answer_with);
		return;
	}
	if ((int)sender->nr_to == net.lost_to) {
		net_later(time_out, sender);
		return;
	}
	request = arrive(sender, sender->nr_to);
	if (sender->nr_rpc.cr_opc == CRT_OPC_IV_FETCH)
		crt_hdlr_iv_fetch(&request->nr_rpc);
	else
		crt_hdlr_iv_update(&request->nr_rpc);
	crt_req_decref(&request->nr_rpc);
}

/** To all others, one after the other. */
static void
deliver_to_all(void *arg)
{
	struct request *sender = arg;

	sender->nr_missing = RANKS;
	for (d_rank_t to = 0; to < RANKS; to++) {
		struct request *request;
		struct bulk *bulk;
		int rc;

		if (to == sender->nr_from || (int)to == net.lost_to) {
			collect(sender);
			continue;
		}
		request = arrive(sender, to);
		rc = crt_iv_sync_corpc_pre_forward(&request->nr_rpc, NULL);
		bulk = request->nr_rpc.cr_co_bulk_hdl;
		if (rc != 0) {
			((struct crt_iv_sync_out *)sender->nr_rpc.cr_output)->ivs_rc = rc;
			collect(sender);
		} else {
			crt_hdlr_iv_sync(&request->nr_rpc);
		}
		if (bulk != NULL) {
			/* Unless the handling was put off. */
			CHECK(request->nr_refs == 1);
			CHECK(crt_bulk_free(bulk) == 0);
		}
		crt_req_decref(&request->nr_rpc);
	}
}

int
crt_req_send(crt_rpc_t *rpc, crt_cb_t cb, void *arg)
{
	struct request *request = (struct request *)rpc;
	int rc = net.fail_send;

	net.fail_send = 0;
	if (rc != 0) {
		crt_req_decref(rpc);
		return rc;
	}
	request->nr_cb = cb;
	request->nr_arg = arg;
	net_later(request->nr_collective ? deliver_to_all : deliver, request);
	return 0;
}

#endif /* CRT_IV_NETWORK_H */
