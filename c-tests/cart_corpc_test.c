/* Collective requests: crt_corpc_req_create. */
#include "cart_node.h"

enum { COUNT = 6 };

#define BASE          0x0b000000
#define OPCODE(index) CRT_PROTO_OPC(BASE, 1, index)

/* Adds up the ranks that it reaches, each with 1 more; only as many as there are; without functions
 * of its own. */
enum { SUM, LOOKED_AT, PLAIN };

#define ISEQ_SUM ((d_string_t)(si_text)CRT_VAR)((uint32_t)(si_refuses)CRT_VAR)
#define OSEQ_SUM \
	((uint32_t)(so_sum)CRT_VAR)((uint32_t)(so_count)CRT_VAR)((d_string_t)(so_text)CRT_VAR)
CRT_RPC_DECLARE(sum, ISEQ_SUM, OSEQ_SUM)
CRT_RPC_DEFINE(sum, ISEQ_SUM, OSEQ_SUM)

static d_rank_t
self(void)
{
	d_rank_t rank;

	CHECK(crt_group_rank(NULL, &rank) == 0);
	return rank;
}

/* The sum of the bytes that came along. */
static uint32_t
bytes_of(crt_bulk_t bulk)
{
	d_iov_t iovs[3];
	d_sg_list_t sgl = {.sg_nr = 0, .sg_iovs = iovs};
	uint32_t sum = 0;
	size_t len;

	if (bulk == CRT_BULK_NULL)
		return 0;
	CHECK(crt_bulk_access(bulk, &sgl) == -DER_TRUNC);
	CHECK(sgl.sg_nr_out >= 1 && sgl.sg_nr_out <= 3);
	sgl.sg_nr = sgl.sg_nr_out;
	CHECK(crt_bulk_access(bulk, &sgl) == 0);
	CHECK(crt_bulk_get_len(bulk, &len) == 0);
	for (uint32_t i = 0; i < sgl.sg_nr_out; i++) {
		for (size_t at = 0; at < iovs[i].iov_len; at++)
			sum += ((unsigned char *)iovs[i].iov_buf)[at];
		len -= iovs[i].iov_len;
	}
	CHECK(len == 0);
	return sum;
}

static void
sum(crt_rpc_t *rpc)
{
	struct sum_in *in = crt_req_get(rpc);
	struct sum_out *out = crt_reply_get(rpc);

	CHECK(strcmp(in->si_text, "text") == 0);
	out->so_sum = self() + 1 + bytes_of(rpc->cr_co_bulk_hdl);
	out->so_count = 1;
	out->so_text = NULL;
	CHECK(crt_reply_send(rpc) == 0);
}

static int
add(crt_rpc_t *source, crt_rpc_t *result, void *priv)
{
	struct sum_out *from = crt_reply_get(source);
	struct sum_out *to = crt_reply_get(result);
	struct sum_in *in = crt_req_get(source);

	CHECK(strcmp(in->si_text, "text") == 0);
	/* What the root was given is only the root's. */
	CHECK((priv != NULL) == (self() == 0));
	to->so_sum += from->so_sum;
	to->so_count += from->so_count;
	return 0;
}

static int replied;

static int
post_reply(crt_rpc_t *rpc, void *priv)
{
	(void)rpc;
	CHECK(priv == NULL && self() != 0);
	replied++;
	return 0;
}

static int looked_at;

static int
look_at(crt_rpc_t *rpc, void *priv)
{
	struct sum_in *in = crt_req_get(rpc);

	(void)priv;
	looked_at++;
	return in->si_refuses == self() ? -DER_BUSY : 0;
}

static struct crt_corpc_ops sum_ops = {.co_aggregate = add, .co_post_reply = post_reply};
static struct crt_corpc_ops looked_at_ops = {.co_aggregate = add, .co_pre_forward = look_at};

static struct crt_proto_rpc_format rpcs[] = {
	[SUM] = {.prf_req_fmt = &CQF_sum, .prf_hdlr = sum, .prf_co_ops = &sum_ops},
	[LOOKED_AT] = {.prf_req_fmt = &CQF_sum, .prf_hdlr = sum, .prf_co_ops = &looked_at_ops},
	[PLAIN] = {.prf_req_fmt = &CQF_sum, .prf_hdlr = sum},
};

static struct crt_proto_format protocol = {.cpf_name = "test",
					   .cpf_ver = 1,
					   .cpf_count = ARRAY_SIZE(rpcs),
					   .cpf_prf = rpcs,
					   .cpf_base = BASE};

static crt_group_t *pair;
static int topologies[3];

static void
setup(void)
{
	d_rank_t ranks[] = {4, 0};
	d_rank_list_t list = {.rl_ranks = ranks, .rl_nr = 2};

	CHECK(crt_proto_register(&protocol) == 0);
	CHECK(crt_group_secondary_create("pair", NULL, &list, &pair) == 0);
}

static int
start(void **state)
{
	(void)state;
	cn_system_start(COUNT, CRT_FLAG_BIT_AUTO_SWIM_DISABLE, setup);
	topologies[0] = crt_tree_topo(CRT_TREE_FLAT, 0);
	topologies[1] = crt_tree_topo(CRT_TREE_KARY, 2);
	topologies[2] = crt_tree_topo(CRT_TREE_KNOMIAL, 4);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	return cn_system_stop();
}

struct what {
	crt_group_t *group;
	d_rank_list_t *filter;
	crt_bulk_t bulk;
	uint32_t flags;
	uint32_t refuses;
};

/* Sends a collective request, and stores what it has added up. */
static int
broadcast(int index, int topology, struct what what, uint32_t *total, uint32_t *count)
{
	struct cn_end end = {0};
	struct sum_out *out;
	struct sum_in *in;
	crt_rpc_t *rpc;
	int priv;

	assert_int_equal(crt_corpc_req_create(cn_ctx[0], what.group, what.filter, OPCODE(index),
					      what.bulk, &priv, what.flags, topology, &rpc),
			 0);
	in = crt_req_get(rpc);
	in->si_text = (char *)"text";
	in->si_refuses = what.refuses;
	crt_req_addref(rpc);
	assert_int_equal(crt_req_send(rpc, cn_ended, &end), 0);
	cn_wait(&end.ce_done);
	assert_int_equal(end.ce_count, 1);
	out = crt_reply_get(rpc);
	*total = out->so_sum;
	*count = out->so_count;
	crt_req_decref(rpc);
	return end.ce_rc;
}

#define NOBODY 99

static void
everybody_is_reached_once(void **state)
{
	uint32_t total, count;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(topologies); i++) {
		for (int index = SUM; index <= LOOKED_AT; index++) {
			assert_int_equal(broadcast(index, topologies[i],
						   (struct what){.refuses = NOBODY}, &total,
						   &count),
					 0);
			assert_int_equal(total, 1 + 2 + 3 + 4 + 5 + 6);
			assert_int_equal(count, COUNT);
		}
		assert_int_equal(broadcast(PLAIN, topologies[i], (struct what){0}, &total, &count),
				 0);
		assert_int_equal(total, 1);
	}
	assert_int_equal(looked_at, ARRAY_SIZE(topologies));
	assert_int_equal(replied, 0);
}

static void
some_are_left_out(void **state)
{
	d_rank_t ranks[] = {1, 4};
	d_rank_t with_root[] = {0, 2, 5};
	d_rank_list_t list = {.rl_ranks = ranks, .rl_nr = 2};
	d_rank_list_t rooted = {.rl_ranks = with_root, .rl_nr = 3};
	uint32_t total, count;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(topologies); i++) {
		struct what what = {.filter = &list};

		assert_int_equal(broadcast(SUM, topologies[i], what, &total, &count), 0);
		assert_int_equal(total, 1 + 3 + 4 + 6);
		what.flags = CRT_RPC_FLAG_FILTER_INVERT;
		assert_int_equal(broadcast(SUM, topologies[i], what, &total, &count), 0);
		assert_int_equal(total, 2 + 5);
		what = (struct what){.filter = &rooted};
		assert_int_equal(broadcast(SUM, topologies[i], what, &total, &count), 0);
		assert_int_equal(total, 2 + 4 + 5);
		assert_int_equal(count, 3);
		what.flags = CRT_RPC_FLAG_FILTER_INVERT;
		assert_int_equal(broadcast(SUM, topologies[i], what, &total, &count), 0);
		assert_int_equal(total, 1 + 3 + 6);
	}
}

static void
memory_goes_along(void **state)
{
	enum { SIZE = 700000 };
	unsigned char *memory = malloc(SIZE);
	uint32_t expected = 0, total, count;
	d_iov_t iovs[2];
	d_sg_list_t sgl = {.sg_nr = 2, .sg_iovs = iovs};
	struct what what = {0};

	(void)state;
	assert_non_null(memory);
	for (int i = 0; i < SIZE; i++)
		expected += memory[i] = i * 7;
	d_iov_set(&iovs[0], memory, 1000);
	d_iov_set(&iovs[1], memory + 1000, SIZE - 1000);
	assert_int_equal(crt_bulk_create(cn_ctx[0], &sgl, CRT_BULK_RO, &what.bulk), 0);
	for (size_t i = 0; i < ARRAY_SIZE(topologies); i++) {
		assert_int_equal(broadcast(SUM, topologies[i], what, &total, &count), 0);
		assert_int_equal(count, COUNT);
		assert_int_equal(total, 21 + COUNT * expected);
	}
	assert_int_equal(crt_bulk_free(what.bulk), 0);
	free(memory);
}

static void
who_may_not_go_on_fails_it(void **state)
{
	struct what what = {.refuses = 3};
	uint32_t total, count;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(topologies); i++) {
		what.flags = 0;
		assert_int_equal(broadcast(LOOKED_AT, topologies[i], what, &total, &count),
				 -DER_BUSY);
		what.flags = CRT_RPC_FLAG_CO_FAILOUT;
		assert_int_equal(broadcast(LOOKED_AT, topologies[i], what, &total, &count),
				 -DER_BUSY);
		what.refuses = 0;
		assert_int_equal(broadcast(LOOKED_AT, topologies[i], what, &total, &count),
				 -DER_BUSY);
		assert_int_equal(count, 0);
		what.refuses = 3;
	}
}

static void
a_secondary_group_has_its_own_tree(void **state)
{
	struct what what = {.group = pair};
	uint32_t total, count;
	d_rank_t rank;

	(void)state;
	assert_int_equal(crt_group_rank(pair, &rank), 0);
	assert_int_equal(rank, 1);
	for (size_t i = 0; i < ARRAY_SIZE(topologies); i++) {
		assert_int_equal(broadcast(SUM, topologies[i], what, &total, &count), 0);
		assert_int_equal(total, 1 + 5);
	}
}

static void
all_must_agree_on_the_group(void **state)
{
	uint32_t total, count, version;

	(void)state;
	assert_int_equal(crt_group_version(NULL, &version), 0);
	assert_int_equal(version, 2);
	assert_int_equal(crt_group_version_set(NULL, 3), 0);
	for (size_t i = 0; i < ARRAY_SIZE(topologies); i++)
		assert_int_equal(broadcast(SUM, topologies[i], (struct what){0}, &total, &count),
				 -DER_GRPVER);
	assert_int_equal(crt_group_version_set(NULL, 2), 0);
	assert_int_equal(broadcast(SUM, topologies[1], (struct what){0}, &total, &count), 0);
}

static void
what_cannot_be_sent_is_refused(void **state)
{
	crt_rpc_t *rpc;

	(void)state;
	assert_int_equal(crt_corpc_req_create(NULL, NULL, NULL, OPCODE(SUM), NULL, NULL, 0,
					      topologies[0], &rpc),
			 -DER_INVAL);
	assert_int_equal(crt_corpc_req_create(cn_ctx[0], NULL, NULL, OPCODE(SUM), NULL, NULL, 0,
					      topologies[0], NULL),
			 -DER_INVAL);
	assert_int_equal(crt_corpc_req_create(cn_ctx[0], NULL, NULL, OPCODE(77), NULL, NULL, 0,
					      topologies[0], &rpc),
			 -DER_UNREG);
	/* It is not sent. */
	assert_int_equal(crt_corpc_req_create(cn_ctx[0], NULL, NULL, OPCODE(SUM), NULL, NULL, 0,
					      topologies[0], &rpc),
			 0);
	crt_req_decref(rpc);
}

static void
who_is_gone_fails_it(void **state)
{
	uint32_t total, count;

	(void)state;
	cn_system_kill(COUNT - 1);
	for (size_t i = 0; i < ARRAY_SIZE(topologies); i++) {
		assert_int_equal(broadcast(SUM, topologies[i], (struct what){0}, &total, &count),
				 -DER_UNREACH);
		/* What those have answered whose child it was goes nowhere. */
		assert_in_range(count, 1, COUNT - 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everybody_is_reached_once),
		cmocka_unit_test(some_are_left_out),
		cmocka_unit_test(memory_goes_along),
		cmocka_unit_test(who_may_not_go_on_fails_it),
		cmocka_unit_test(a_secondary_group_has_its_own_tree),
		cmocka_unit_test(all_must_agree_on_the_group),
		cmocka_unit_test(what_cannot_be_sent_is_refused),
		/* The last one. */
		cmocka_unit_test(who_is_gone_fails_it),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
