/* Groups, and who is told of their members: crt_group_*, crt_rank_*. */
#include "cart_node.h"

/* What was told of ranks. */
static struct {
	d_rank_t ev_rank;
	uint64_t ev_incarnation;
	enum crt_event_source ev_source;
	enum crt_event_type ev_type;
} events[32];
static int event_count;

static void
told(d_rank_t rank, uint64_t incarnation, enum crt_event_source source, enum crt_event_type type,
     void *arg)
{
	assert_ptr_equal(arg, &event_count);
	assert_in_range(event_count, 0, ARRAY_SIZE(events) - 1);
	events[event_count].ev_rank = rank;
	events[event_count].ev_incarnation = incarnation;
	events[event_count].ev_source = source;
	events[event_count].ev_type = type;
	event_count++;
}

static void
is_event(int at, d_rank_t rank, uint64_t incarnation, enum crt_event_type type)
{
	assert_in_range(at, 0, event_count - 1);
	assert_int_equal(events[at].ev_rank, rank);
	assert_int_equal(events[at].ev_incarnation, incarnation);
	assert_int_equal(events[at].ev_source, CRT_EVS_GRPMOD);
	assert_int_equal(events[at].ev_type, type);
}

static int
start(void **state)
{
	(void)state;
	setenv("D_PROVIDER", "tcp", 1);
	assert_int_equal(crt_init_opt("cart_group",
				      CRT_FLAG_BIT_SERVER | CRT_FLAG_BIT_AUTO_SWIM_DISABLE, NULL),
			 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(crt_context_create(&cn_ctx[i]), 0);
	event_count = 0;
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	return cn_stop();
}

static int
modify(const d_rank_t *ranks, uint32_t count, crt_group_mod_op_t op, uint32_t version)
{
	d_rank_list_t list = {.rl_ranks = (d_rank_t *)ranks, .rl_nr = count};
	uint64_t incarnations[8];
	char texts[8][64], *uris[8];

	for (uint32_t i = 0; i < count; i++) {
		incarnations[i] = 1000 + ranks[i];
		snprintf(texts[i], sizeof(texts[i]), "tcp://127.0.0.1:%u", 10000 + ranks[i]);
		uris[i] = texts[i];
	}
	return crt_group_primary_modify(NULL, cn_ctx, 1, &list, incarnations, uris, op, version);
}

static void
has_members(crt_group_t *group, const d_rank_t *ranks, uint32_t count)
{
	d_rank_list_t *list = NULL;
	uint32_t size;

	assert_int_equal(crt_group_size(group, &size), 0);
	assert_int_equal(size, count);
	assert_int_equal(crt_group_ranks_get(group, &list), 0);
	assert_int_equal(list->rl_nr, count);
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(list->rl_ranks[i], ranks[i]);
	d_rank_list_free(list);
}

static void
a_rank_is_set_once(void **state)
{
	static const d_rank_t me[] = {3};
	uint32_t version;
	d_rank_t rank = 0;
	char *uri, *own;

	(void)state;
	assert_int_equal(crt_group_rank(NULL, &rank), -DER_NONEXIST);
	assert_int_equal(rank, CRT_NO_RANK);
	assert_int_equal(crt_group_rank(NULL, NULL), -DER_INVAL);
	assert_int_equal(modify(me, 1, CRT_GROUP_MOD_OP_ADD, 5), -DER_GRPVER);
	assert_int_equal(crt_rank_self_set(CRT_NO_RANK, 1), -DER_INVAL);
	assert_int_equal(crt_rank_self_set(3, 0), -DER_INVAL);
	assert_int_equal(crt_rank_self_set(3, 1), 0);
	assert_int_equal(crt_rank_self_set(4, 1), -DER_INVAL);
	assert_int_equal(crt_group_rank(NULL, &rank), 0);
	assert_int_equal(rank, 3);
	has_members(NULL, me, 1);
	assert_int_equal(crt_group_version(NULL, &version), 0);
	assert_int_equal(version, 0);

	for (int tag = 0; tag < 2; tag++) {
		assert_int_equal(crt_rank_uri_get(NULL, 3, tag, &uri), 0);
		assert_int_equal(crt_self_uri_get(tag, &own), 0);
		assert_string_equal(uri, own);
		assert_int_equal(strncmp(uri, "tcp://127.0.0.1:", 16), 0);
		D_FREE(uri);
		D_FREE(own);
	}
	assert_int_equal(crt_self_uri_get(2, &own), -DER_NONEXIST);
	assert_int_equal(crt_self_uri_get(0, NULL), -DER_INVAL);
	assert_int_equal(crt_rank_uri_get(NULL, 4, 0, &uri), -DER_OOG);
}

static void
a_life_has_a_number(void **state)
{
	uint64_t one = 0, other = 0;

	(void)state;
	assert_int_equal(crt_self_incarnation_get(&one), 0);
	assert_int_equal(crt_self_incarnation_get(&other), 0);
	assert_int_not_equal(one, 0);
	assert_int_equal(one, other);
	assert_int_equal(crt_self_incarnation_get(NULL), -DER_INVAL);
}

static void
changes_of_the_group_are_told(void **state)
{
	static const d_rank_t first[] = {1, 2, 3}, second[] = {2, 4, 3}, gone[] = {2, 9},
			      left[] = {3, 4};
	static const d_rank_t moved[] = {2, 3, 4};
	uint32_t version;
	char *uri;

	(void)state;
	assert_int_equal(crt_register_event_cb(told, &event_count), 0);
	assert_int_equal(crt_register_event_cb(told, &event_count), -DER_EXIST);
	assert_int_equal(crt_register_event_cb(NULL, NULL), -DER_INVAL);
	assert_int_equal(modify(first, 3, CRT_GROUP_MOD_OP_REPLACE, 2), 0);
	assert_int_equal(event_count, 2);
	is_event(0, 1, 1001, CRT_EVT_ALIVE);
	is_event(1, 2, 1002, CRT_EVT_ALIVE);
	has_members(NULL, first, 3);
	assert_int_equal(crt_rank_uri_get(NULL, 1, 0, &uri), 0);
	assert_string_equal(uri, "tcp://127.0.0.1:10001");
	D_FREE(uri);

	/* Old news, and none. */
	assert_int_equal(modify(second, 3, CRT_GROUP_MOD_OP_REPLACE, 2), -DER_GRPVER);
	assert_int_equal(modify(second, 0, CRT_GROUP_MOD_OP_REPLACE, 3), -DER_INVAL);
	assert_int_equal(modify(second, 3, CRT_GROUP_MOD_OP_COUNT, 3), -DER_INVAL);
	assert_int_equal(event_count, 2);

	assert_int_equal(modify(second, 3, CRT_GROUP_MOD_OP_REPLACE, 7), 0);
	assert_int_equal(event_count, 4);
	is_event(2, 4, 1004, CRT_EVT_ALIVE);
	is_event(3, 1, CRT_NO_INCARNATION, CRT_EVT_DEAD);
	has_members(NULL, moved, 3);
	assert_int_equal(crt_rank_uri_get(NULL, 1, 0, &uri), -DER_OOG);

	assert_int_equal(crt_unregister_event_cb(told, &event_count), 0);
	assert_int_equal(crt_unregister_event_cb(told, &event_count), -DER_NONEXIST);
	assert_int_equal(modify(gone, 2, CRT_GROUP_MOD_OP_REMOVE, 8), 0);
	assert_int_equal(event_count, 4);
	has_members(NULL, left, 2);
	assert_int_equal(crt_group_version(NULL, &version), 0);
	assert_int_equal(version, 8);
}

static void
ranks_come_and_go_one_by_one(void **state)
{
	static const d_rank_t more[] = {3, 4, 6}, less[] = {3, 4};

	(void)state;
	assert_int_equal(
		crt_group_primary_rank_add(cn_ctx[0], NULL, 6, (char *)"tcp://127.0.0.1:10006"), 0);
	assert_int_equal(crt_group_primary_rank_add(cn_ctx[0], NULL, 7, NULL), -DER_INVAL);
	has_members(NULL, more, 3);
	assert_int_equal(crt_group_rank_remove(NULL, 6), 0);
	assert_int_equal(crt_group_rank_remove(NULL, 6), -DER_OOG);
	has_members(NULL, less, 2);
}

static void
a_secondary_group_has_numbers_of_its_own(void **state)
{
	static const d_rank_t two[] = {0, 1}, three[] = {0, 1, 5};
	d_rank_t primary[] = {4, 3}, more[] = {5}, target[] = {8};
	d_rank_list_t list = {.rl_ranks = primary, .rl_nr = 2};
	d_rank_list_t from = {.rl_ranks = more, .rl_nr = 1}, to = {.rl_ranks = target, .rl_nr = 1};
	crt_group_t *group = NULL, *other = NULL;
	uint32_t version;
	d_rank_t rank;

	(void)state;
	assert_int_equal(crt_group_secondary_create("pool", NULL, &list, &group), 0);
	assert_string_equal(group->cg_grpid, "pool");
	assert_int_equal(crt_group_secondary_create("pool", NULL, NULL, &other), -DER_EXIST);
	assert_int_equal(crt_group_secondary_create("cart_group", NULL, NULL, &other), -DER_EXIST);
	assert_int_equal(crt_group_secondary_create("bad\"name", NULL, NULL, &other), -DER_INVAL);
	assert_int_equal(crt_group_secondary_create("other", group, NULL, &other), -DER_INVAL);
	assert_ptr_equal(crt_group_lookup("pool"), group);
	assert_null(crt_group_lookup("pond"));
	assert_ptr_equal(crt_group_lookup(NULL), crt_group_lookup("cart_group"));
	has_members(group, two, 2);
	assert_int_equal(crt_group_rank(group, &rank), 0);
	assert_int_equal(rank, 1);
	assert_int_equal(crt_group_rank_s2p(group, 0, &rank), 0);
	assert_int_equal(rank, 4);
	assert_int_equal(crt_group_rank_p2s(group, 4, &rank), 0);
	assert_int_equal(rank, 0);
	assert_int_equal(crt_group_rank_p2s(group, 7, &rank), -DER_OOG);
	assert_int_equal(crt_group_rank_s2p(group, 7, &rank), -DER_OOG);

	assert_int_equal(crt_group_secondary_modify(group, &from, &to, CRT_GROUP_MOD_OP_ADD, 12),
			 0);
	has_members(group, three, 3);
	assert_int_equal(crt_group_version(group, &version), 0);
	assert_int_equal(version, 12);
	assert_int_equal(crt_group_secondary_modify(group, &from, &list, CRT_GROUP_MOD_OP_ADD, 13),
			 -DER_INVAL);
	assert_int_equal(crt_group_secondary_modify(NULL, &from, &to, CRT_GROUP_MOD_OP_ADD, 13),
			 -DER_INVAL);
	assert_int_equal(
		crt_group_secondary_modify(group, &from, NULL, CRT_GROUP_MOD_OP_REMOVE, 13), 0);
	has_members(group, two, 2);
	assert_int_equal(crt_group_secondary_rank_add(group, 5, 8), 0);
	assert_int_equal(crt_group_secondary_rank_add(group, 5, 9), -DER_EXIST);
	assert_int_equal(crt_group_rank_remove(group, 5), 0);
	assert_int_equal(crt_group_rank_remove(group, 5), -DER_OOG);

	/* Who leaves the primary group leaves this one if that is wished for. */
	assert_int_equal(crt_group_auto_rank_remove(NULL, true), 0);
	assert_int_equal(crt_group_rank_remove(NULL, 4), 0);
	has_members(group, two + 1, 1);
	assert_int_equal(crt_group_secondary_destroy(group), 0);
	assert_null(crt_group_lookup("pool"));
	assert_int_equal(crt_group_secondary_destroy(NULL), -DER_INVAL);
}

static void
servers_look_at_no_other_group(void **state)
{
	crt_group_t *group;

	(void)state;
	assert_int_equal(crt_group_view_create("others", &group), -DER_NOSYS);
	assert_int_equal(crt_group_view_destroy(crt_group_lookup(NULL)), -DER_INVAL);
}

#define BASE   0x0d000000
#define OPCODE CRT_PROTO_OPC(BASE, 1, 0)

static void
answer(crt_rpc_t *rpc)
{
	d_rank_t rank;

	CHECK(crt_req_src_rank_get(rpc, &rank) == 0);
	CHECK(rank == CRT_NO_RANK);
	CHECK(crt_reply_send(rpc) == 0);
}

static struct crt_proto_rpc_format rpcs[] = {{.prf_hdlr = answer}};
static struct crt_proto_format protocol = {
	.cpf_name = "test", .cpf_ver = 1, .cpf_count = 1, .cpf_prf = rpcs, .cpf_base = BASE};

/* A client of two servers, of which it is told one. */
static void
a_client_finds_servers_and_their_contexts(void **state)
{
	struct cn_uri uris[2];
	crt_group_t *group, *other;
	d_rank_t rank;
	int to[2], from[2];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(to), 0);
	assert_int_equal(pipe(from), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(to[1]);
		close(from[0]);
		cn_start_as(1, CRT_FLAG_BIT_AUTO_SWIM_DISABLE);
		CHECK(crt_proto_register(&protocol) == 0);
		memset(uris, 0, sizeof(uris));
		/* Of rank 0 it knows what is not true. */
		snprintf(uris[0].cu_text, sizeof(uris[0].cu_text), "tcp://127.0.0.1:1");
		cn_own_uri(&uris[1]);
		cn_join(uris, 2);
		cn_transfer(from[1], &uris[1], sizeof(uris[1]), true);
		cn_serve(to[0]);
		cn_stop();
		exit(0);
	}
	close(to[0]);
	close(from[1]);
	cn_transfer(from[0], &uris[1], sizeof(uris[1]), false);

	assert_int_equal(crt_init_opt("clients", 0, NULL), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(crt_context_create(&cn_ctx[i]), 0);
	assert_int_equal(crt_proto_register(&protocol), 0);
	assert_int_equal(crt_group_view_create("cart_test", &group), 0);
	assert_int_equal(crt_group_view_create("others", &other), -DER_BUSY);
	assert_ptr_equal(crt_group_lookup("cart_test"), group);
	assert_int_equal(crt_group_rank(group, &rank), -DER_NONEXIST);
	assert_int_equal(crt_group_rank(NULL, &rank), 0);
	assert_int_equal(rank, 0);
	assert_int_equal(crt_group_primary_rank_add(cn_ctx[0], group, 1, uris[1].cu_text), 0);
	for (uint32_t tag = 0; tag < 2; tag++) {
		crt_endpoint_t ep = {.ep_grp = group, .ep_rank = 1, .ep_tag = tag};
		crt_rpc_t *rpc;

		assert_int_equal(crt_req_create(cn_ctx[tag], &ep, OPCODE, &rpc), 0);
		assert_ptr_equal(rpc->cr_ep.ep_grp, group);
		assert_int_equal(cn_call(rpc, NULL), 0);
	}
	/* It is told of rank 0, whom nobody reaches there, and not of rank 5. */
	assert_int_equal(cn_call(cn_request(0, 0, OPCODE), NULL), -DER_UNREACH);
	assert_int_equal(cn_call(cn_request(5, 0, OPCODE), NULL), -DER_OOG);
	assert_int_equal(crt_group_view_destroy(group), 0);
	assert_int_equal(cn_call(cn_request(1, 0, OPCODE), NULL), -DER_OOG);
	cn_stop();
	close(to[1]);
	assert_int_equal(waitpid(pid, &to[0], 0), pid);
	assert_int_equal(to[0], 0);
	close(from[0]);
}

int
main(void)
{
	const struct CMUnitTest client[] = {
		cmocka_unit_test(a_client_finds_servers_and_their_contexts),
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rank_is_set_once),
		cmocka_unit_test(a_life_has_a_number),
		cmocka_unit_test(changes_of_the_group_are_told),
		cmocka_unit_test(ranks_come_and_go_one_by_one),
		cmocka_unit_test(a_secondary_group_has_numbers_of_its_own),
		cmocka_unit_test(servers_look_at_no_other_group),
	};
	int failed = cmocka_run_group_tests(client, NULL, NULL);

	return failed + cmocka_run_group_tests(tests, start, stop);
}
