/* The trees along which collective requests go: crt_tree_topo. */
#include "cart_node.h"

enum { COUNT = 8 };

#define BASE   0x0f000000
#define OPCODE CRT_PROTO_OPC(BASE, 1, 0)

/* From whom each rank has the request: 4 bits a rank. */
#define ISEQ_PARENTS ((uint64_t)(pi_unused)CRT_VAR)
#define OSEQ_PARENTS ((uint64_t)(po_parents)CRT_VAR)
CRT_RPC_DECLARE(parents, ISEQ_PARENTS, OSEQ_PARENTS)
CRT_RPC_DEFINE(parents, ISEQ_PARENTS, OSEQ_PARENTS)

static void
parents(crt_rpc_t *rpc)
{
	struct parents_out *out = crt_reply_get(rpc);
	d_rank_t parent, self;

	CHECK(crt_req_src_rank_get(rpc, &parent) == 0);
	CHECK(crt_group_rank(NULL, &self) == 0);
	out->po_parents = (uint64_t)parent << 4 * self;
	CHECK(crt_reply_send(rpc) == 0);
}

static int
add(crt_rpc_t *source, crt_rpc_t *result, void *priv)
{
	struct parents_out *from = crt_reply_get(source);
	struct parents_out *to = crt_reply_get(result);

	(void)priv;
	CHECK((to->po_parents & from->po_parents) == 0);
	to->po_parents |= from->po_parents;
	return 0;
}

static struct crt_corpc_ops ops = {.co_aggregate = add};
static struct crt_proto_rpc_format rpcs[] = {
	{.prf_req_fmt = &CQF_parents, .prf_hdlr = parents, .prf_co_ops = &ops}};
static struct crt_proto_format protocol = {
	.cpf_name = "test", .cpf_ver = 1, .cpf_count = 1, .cpf_prf = rpcs, .cpf_base = BASE};

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
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	return cn_system_stop();
}

/* The parents of ranks 7 to 0 in a tree whose root is 0, as hexadecimal digits. */
static uint64_t
shape(enum crt_tree_type type, uint32_t ratio, d_rank_list_t *left_out)
{
	struct cn_end end = {0};
	struct parents_out *out;
	crt_rpc_t *rpc;
	uint64_t shape;

	assert_int_equal(crt_corpc_req_create(cn_ctx[0], NULL, left_out, OPCODE, NULL, NULL, 0,
					      crt_tree_topo(type, ratio), &rpc),
			 0);
	crt_req_addref(rpc);
	assert_int_equal(crt_req_send(rpc, cn_ended, &end), 0);
	cn_wait(&end.ce_done);
	assert_int_equal(end.ce_rc, 0);
	out = crt_reply_get(rpc);
	shape = out->po_parents;
	crt_req_decref(rpc);
	return shape;
}

static void
trees_have_the_shapes_of_cart(void **state)
{
	(void)state;
	assert_int_equal(shape(CRT_TREE_FLAT, 0, NULL), 0x00000000);
	assert_int_equal(shape(CRT_TREE_KARY, 2, NULL), 0x32211000);
	assert_int_equal(shape(CRT_TREE_KARY, 3, NULL), 0x21110000);
	assert_int_equal(shape(CRT_TREE_KARY, 64, NULL), 0x00000000);
	assert_int_equal(shape(CRT_TREE_KNOMIAL, 2, NULL), 0x64402000);
	assert_int_equal(shape(CRT_TREE_KNOMIAL, 4, NULL), 0x44400000);
}

static void
who_is_left_out_is_not_in_the_tree(void **state)
{
	d_rank_t ranks[] = {1, 2};
	d_rank_list_t list = {.rl_ranks = ranks, .rl_nr = 2};

	(void)state;
	/* Of 0, 3, 4, 5, 6, 7. */
	assert_int_equal(shape(CRT_TREE_KARY, 2, &list), 0x43300000);
	assert_int_equal(shape(CRT_TREE_KNOMIAL, 2, &list), 0x60400000);
}

static void
what_is_no_tree_is_refused(void **state)
{
	const int wrong[] = {
		0,
		-1,
		crt_tree_topo(CRT_TREE_INVALID, 2),
		crt_tree_topo(CRT_TREE_KARY, CRT_TREE_MIN_RATIO - 1),
		crt_tree_topo(CRT_TREE_KNOMIAL, CRT_TREE_MAX_RATIO + 1),
		(CRT_TREE_MAX + 1) << CRT_TREE_TYPE_SHIFT | 2,
	};
	crt_rpc_t *rpc;

	(void)state;
	assert_int_equal(crt_tree_topo(CRT_TREE_KNOMIAL, 32), CRT_TREE_KNOMIAL << 16 | 32);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(crt_corpc_req_create(cn_ctx[0], NULL, NULL, OPCODE, NULL, NULL, 0,
						      wrong[i], &rpc),
				 -DER_INVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trees_have_the_shapes_of_cart),
		cmocka_unit_test(who_is_left_out_is_not_in_the_tree),
		cmocka_unit_test(what_is_no_tree_is_refused),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
