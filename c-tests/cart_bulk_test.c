/* Bulk handles and transfers: crt_bulk_*. */
#include "cart_node.h"

enum { COUNT = 3, SIZE = 3 << 20 };

#define BASE          0x0c000000
#define OPCODE(index) CRT_PROTO_OPC(BASE, 1, index)

/* Moves memory of the sender, forwards the handle to another rank that does. */
enum { MOVE, FORWARD };

#define ISEQ_MOVE                                                      \
	((crt_bulk_t)(mi_bulk)CRT_VAR)((uint64_t)(mi_offset)CRT_VAR)(( \
		uint64_t)(mi_length)CRT_VAR)((uint32_t)(mi_put)CRT_VAR)((uint32_t)(mi_how)CRT_VAR)
#define OSEQ_MOVE ((int32_t)(mo_rc)CRT_VAR)((uint32_t)(mo_sum)CRT_VAR)
CRT_RPC_DECLARE(move, ISEQ_MOVE, OSEQ_MOVE)
CRT_RPC_DEFINE(move, ISEQ_MOVE, OSEQ_MOVE)

/* What `mi_how` asks for besides. */
enum { USUAL, BOUND, ABORTED, UNKNOWN };

static uint32_t
sum_of(const unsigned char *memory, size_t size)
{
	uint32_t sum = 0;

	for (size_t at = 0; at < size; at++)
		sum = sum * 31 + memory[at];
	return sum;
}

struct moving {
	crt_bulk_t mg_local;
	unsigned char *mg_memory;
	crt_rpc_t *mg_rpc;
	int mg_told;
};

static int
moved(const struct crt_bulk_cb_info *info)
{
	struct moving *mg = info->bci_arg;
	struct move_in *in = crt_req_get(mg->mg_rpc);
	struct move_out *out = crt_reply_get(mg->mg_rpc);
	struct crt_bulk_desc *desc = info->bci_bulk_desc;

	CHECK(++mg->mg_told == 1);
	CHECK(desc->bd_rpc == mg->mg_rpc && desc->bd_local_hdl == mg->mg_local);
	CHECK(desc->bd_len == in->mi_length && desc->bd_remote_off == (off_t)in->mi_offset);
	out->mo_rc = info->bci_rc;
	out->mo_sum = sum_of(mg->mg_memory, in->mi_length);
	CHECK(crt_bulk_free(mg->mg_local) == 0);
	CHECK(crt_reply_send(mg->mg_rpc) == 0);
	crt_req_decref(mg->mg_rpc);
	free(mg->mg_memory);
	free(mg);
	return 0;
}

static void
move(crt_rpc_t *rpc)
{
	struct move_in *in = crt_req_get(rpc);
	struct move_out *out = crt_reply_get(rpc);
	struct moving *mg = calloc(1, sizeof(*mg));
	struct crt_bulk_desc desc = {0};
	crt_bulk_opid_t opid = NULL;
	d_iov_t iovs[2];
	d_sg_list_t sgl = {.sg_nr = 2, .sg_iovs = iovs};
	unsigned int pieces;
	size_t len;
	int rc;

	CHECK(mg != NULL);
	/* Too much is asked for on purpose, too. */
	mg->mg_memory = malloc(in->mi_length);
	CHECK(mg->mg_memory != NULL);
	for (uint64_t at = 0; at < in->mi_length; at++)
		mg->mg_memory[at] = at * 5;
	mg->mg_rpc = rpc;
	crt_req_addref(rpc);
	d_iov_set(&iovs[0], mg->mg_memory, 1);
	d_iov_set(&iovs[1], mg->mg_memory + 1, in->mi_length - 1);
	CHECK(crt_bulk_create(rpc->cr_ctx, &sgl, CRT_BULK_RW, &mg->mg_local) == 0);
	CHECK(crt_bulk_get_sgnum(mg->mg_local, &pieces) == 0 && pieces == 2);
	CHECK(crt_bulk_get_len(in->mi_bulk, &len) == 0 && len == SIZE);
	CHECK(crt_bulk_access(in->mi_bulk, &sgl) == -DER_INVAL);
	CHECK(crt_bulk_bind(in->mi_bulk, rpc->cr_ctx) == -DER_INVAL);

	desc.bd_rpc = rpc;
	desc.bd_bulk_op = in->mi_put ? CRT_BULK_PUT : CRT_BULK_GET;
	desc.bd_remote_hdl = in->mi_bulk;
	desc.bd_remote_off = in->mi_offset;
	desc.bd_local_hdl = mg->mg_local;
	desc.bd_len = in->mi_length;
	if (in->mi_how == UNKNOWN)
		desc.bd_bulk_op = 7;
	if (in->mi_how == BOUND)
		rc = crt_bulk_bind_transfer(&desc, moved, mg, &opid);
	else
		rc = crt_bulk_transfer(&desc, moved, mg, &opid);
	if (rc != 0) {
		out->mo_rc = rc;
		CHECK(crt_bulk_free(mg->mg_local) == 0);
		CHECK(crt_reply_send(rpc) == 0);
		crt_req_decref(rpc);
		free(mg->mg_memory);
		free(mg);
		return;
	}
	CHECK(opid != NULL);
	if (in->mi_how == ABORTED)
		CHECK(crt_bulk_abort(rpc->cr_ctx, opid) == 0);
}

static void
forwarded(const struct crt_cb_info *info)
{
	crt_rpc_t *rpc = info->cci_arg;
	struct move_out *from = crt_reply_get(info->cci_rpc);
	struct move_out *to = crt_reply_get(rpc);

	*to = *from;
	if (info->cci_rc != 0)
		to->mo_rc = info->cci_rc;
	CHECK(crt_reply_send(rpc) == 0);
	crt_req_decref(rpc);
}

/* Rank 2 is told of memory of rank 0, whom it does not know otherwise. */
static void
forward(crt_rpc_t *rpc)
{
	crt_endpoint_t ep = {.ep_grp = NULL, .ep_rank = 2, .ep_tag = 0};
	crt_rpc_t *next;

	CHECK(crt_req_create(rpc->cr_ctx, &ep, OPCODE(MOVE), &next) == 0);
	*(struct move_in *)crt_req_get(next) = *(struct move_in *)crt_req_get(rpc);
	crt_req_addref(rpc);
	CHECK(crt_req_send(next, forwarded, rpc) == 0);
}

static struct crt_proto_rpc_format rpcs[] = {
	[MOVE] = {.prf_req_fmt = &CQF_move, .prf_hdlr = move},
	[FORWARD] = {.prf_req_fmt = &CQF_move, .prf_hdlr = forward},
};

static struct crt_proto_format protocol = {.cpf_name = "test",
					   .cpf_ver = 1,
					   .cpf_count = ARRAY_SIZE(rpcs),
					   .cpf_prf = rpcs,
					   .cpf_base = BASE};

static unsigned char *memory;

static void
setup(void)
{
	CHECK(crt_proto_register(&protocol) == 0);
}

static int
start(void **state)
{
	(void)state;
	cn_system_start(COUNT, CRT_FLAG_BIT_AUTO_SWIM_DISABLE, setup);
	memory = malloc(SIZE);
	assert_non_null(memory);
	for (int i = 0; i < SIZE; i++)
		memory[i] = i * 13;
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	free(memory);
	return cn_system_stop();
}

static crt_bulk_t
create(crt_bulk_perm_t permission)
{
	d_iov_t iovs[3];
	d_sg_list_t sgl = {.sg_nr = 3, .sg_iovs = iovs};
	crt_bulk_t bulk = NULL;

	d_iov_set(&iovs[0], memory, 100);
	d_iov_set(&iovs[1], memory + 100, SIZE / 2);
	d_iov_set(&iovs[2], memory + 100 + SIZE / 2, SIZE / 2 - 100);
	assert_int_equal(crt_bulk_create(cn_ctx[0], &sgl, permission, &bulk), 0);
	assert_non_null(bulk);
	return bulk;
}

struct how {
	crt_bulk_t bulk;
	uint64_t offset;
	uint64_t length;
	bool put;
	uint32_t how;
};

static int
ask(d_rank_t rank, uint32_t tag, int index, struct how how, uint32_t *sum)
{
	crt_rpc_t *rpc = cn_request(rank, tag, OPCODE(index));
	struct move_in *in = crt_req_get(rpc);
	struct move_out *out = crt_reply_get(rpc);
	int rc;

	in->mi_bulk = how.bulk;
	in->mi_offset = how.offset;
	in->mi_length = how.length;
	in->mi_put = how.put;
	in->mi_how = how.how;
	crt_req_addref(rpc);
	rc = cn_call(rpc, NULL);
	if (rc == 0)
		rc = out->mo_rc;
	if (sum != NULL)
		*sum = out->mo_sum;
	crt_req_decref(rpc);
	return rc;
}

static void
memory_is_read(void **state)
{
	static const uint64_t ranges[][2] = {
		{0, SIZE}, {0, 2}, {99, 3}, {SIZE / 2, SIZE / 2}, {50, SIZE - 60}};
	crt_bulk_t bulk = create(CRT_BULK_RO);

	(void)state;
	/* Another process, another context, this one. */
	for (int where = 0; where < 3; where++) {
		for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
			struct how how = {
				.bulk = bulk, .offset = ranges[i][0], .length = ranges[i][1]};
			uint32_t sum;

			assert_int_equal(ask(where == 0, where == 1, MOVE, how, &sum), 0);
			assert_int_equal(sum, sum_of(memory + how.offset, how.length));
		}
	}
	assert_int_equal(crt_bulk_free(bulk), 0);
}

static void
memory_is_written(void **state)
{
	crt_bulk_t bulk = create(CRT_BULK_WO);

	(void)state;
	for (int where = 0; where < 3; where++) {
		struct how how = {.bulk = bulk, .offset = 77, .length = SIZE - 99, .put = true};

		memset(memory, 1, SIZE);
		assert_int_equal(ask(where == 0, where == 1, MOVE, how, NULL), 0);
		for (uint64_t at = 0; at < SIZE; at++) {
			bool inside = at >= how.offset && at < how.offset + how.length;

			assert_int_equal(memory[at],
					 inside ? (unsigned char)((at - how.offset) * 5) : 1);
		}
	}
	assert_int_equal(crt_bulk_free(bulk), 0);
}

static void
who_may_not_does_not(void **state)
{
	crt_bulk_t read = create(CRT_BULK_RO), write = create(CRT_BULK_WO);

	(void)state;
	for (d_rank_t rank = 0; rank < 2; rank++) {
		assert_int_equal(ask(rank, 0, MOVE,
				     (struct how){.bulk = read, .length = 9, .put = true}, NULL),
				 -DER_NO_PERM);
		assert_int_equal(ask(rank, 0, MOVE, (struct how){.bulk = write, .length = 9}, NULL),
				 -DER_NO_PERM);
		assert_int_equal(
			ask(rank, 0, MOVE, (struct how){.bulk = read, .length = SIZE + 1}, NULL),
			-DER_INVAL);
		assert_int_equal(ask(rank, 0, MOVE,
				     (struct how){.bulk = read, .offset = SIZE, .length = 2}, NULL),
				 -DER_INVAL);
		assert_int_equal(ask(rank, 0, MOVE,
				     (struct how){.bulk = read, .offset = -9, .length = 2}, NULL),
				 -DER_INVAL);
		assert_int_equal(ask(rank, 0, MOVE,
				     (struct how){.bulk = read, .length = 9, .how = UNKNOWN}, NULL),
				 -DER_INVAL);
		assert_int_equal(ask(rank, 0, MOVE,
				     (struct how){.bulk = read, .length = 9, .how = BOUND}, NULL),
				 -DER_INVAL);
	}
	assert_int_equal(crt_bulk_free(read), 0);
	assert_int_equal(crt_bulk_free(write), 0);
}

static void
a_transfer_is_given_up(void **state)
{
	crt_bulk_t bulk = create(CRT_BULK_RO);
	struct how how = {.bulk = bulk, .length = SIZE, .how = ABORTED};

	(void)state;
	assert_int_equal(ask(1, 0, MOVE, how, NULL), -DER_CANCELED);
	assert_int_equal(crt_bulk_free(bulk), 0);
	/* What is no transfer is not given up. */
	assert_int_equal(crt_bulk_abort(cn_ctx[0], (crt_bulk_opid_t)12345), 0);
}

static void
others_reach_bound_memory(void **state)
{
	crt_bulk_t bulk = create(CRT_BULK_RO);
	struct how how = {.bulk = bulk, .length = SIZE, .how = BOUND};
	uint32_t sum;

	(void)state;
	assert_int_equal(ask(1, 0, FORWARD, how, &sum), -DER_INVAL);
	assert_int_equal(crt_bulk_bind(bulk, cn_ctx[0]), 0);
	assert_int_equal(ask(1, 0, FORWARD, how, &sum), 0);
	assert_int_equal(sum, sum_of(memory, SIZE));
	assert_int_equal(crt_bulk_free(bulk), 0);
}

static void
handles_are_counted(void **state)
{
	crt_bulk_t bulk = create(CRT_BULK_RW);
	d_iov_t iovs[3] = {0};
	d_sg_list_t sgl = {.sg_nr = 2, .sg_iovs = iovs};
	uint32_t sum;
	size_t len;

	(void)state;
	assert_int_equal(crt_bulk_addref(bulk), 0);
	assert_int_equal(crt_bulk_free(bulk), 0);
	assert_int_equal(ask(1, 0, MOVE, (struct how){.bulk = bulk, .length = 9}, &sum), 0);
	assert_int_equal(crt_bulk_get_len(bulk, &len), 0);
	assert_int_equal(len, SIZE);
	assert_int_equal(crt_bulk_access(bulk, &sgl), -DER_TRUNC);
	assert_int_equal(sgl.sg_nr_out, 3);
	sgl.sg_nr = 3;
	assert_int_equal(crt_bulk_access(bulk, &sgl), 0);
	assert_ptr_equal(iovs[0].iov_buf, memory);
	assert_int_equal(iovs[2].iov_len, SIZE / 2 - 100);
	assert_int_equal(crt_bulk_free(bulk), 0);
}

static void
what_is_no_memory_is_refused(void **state)
{
	d_iov_t iov = {0};
	d_sg_list_t sgl = {.sg_nr = 0, .sg_iovs = &iov};
	crt_bulk_t bulk;
	size_t len;

	(void)state;
	assert_int_equal(crt_bulk_create(cn_ctx[0], NULL, CRT_BULK_RW, &bulk), -DER_INVAL);
	assert_int_equal(crt_bulk_create(cn_ctx[0], &sgl, CRT_BULK_RW, &bulk), -DER_INVAL);
	sgl.sg_nr = 1;
	assert_int_equal(crt_bulk_create(cn_ctx[0], &sgl, CRT_BULK_RW, &bulk), -DER_INVAL);
	d_iov_set(&iov, memory, 10);
	assert_int_equal(crt_bulk_create(NULL, &sgl, CRT_BULK_RW, &bulk), -DER_INVAL);
	assert_int_equal(crt_bulk_create(cn_ctx[0], &sgl, 7, &bulk), -DER_INVAL);
	assert_int_equal(crt_bulk_create(cn_ctx[0], &sgl, CRT_BULK_RW, NULL), -DER_INVAL);
	assert_int_equal(crt_bulk_free(NULL), -DER_INVAL);
	assert_int_equal(crt_bulk_addref(NULL), -DER_INVAL);
	assert_int_equal(crt_bulk_get_len(NULL, &len), -DER_INVAL);
	assert_int_equal(crt_bulk_transfer(NULL, NULL, NULL, NULL), -DER_INVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_read),
		cmocka_unit_test(memory_is_written),
		cmocka_unit_test(who_may_not_does_not),
		cmocka_unit_test(a_transfer_is_given_up),
		cmocka_unit_test(others_reach_bound_memory),
		cmocka_unit_test(handles_are_counted),
		cmocka_unit_test(what_is_no_memory_is_refused),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
