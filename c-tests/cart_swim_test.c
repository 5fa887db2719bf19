/* The failure detector: crt_swim_*, crt_rank_state_get, and who is told. */
#include "cart_node.h"

#include <pthread.h>

enum { COUNT = 4 };

#define BASE   0x0e000000
#define OPCODE CRT_PROTO_OPC(BASE, 1, 0)

/* What a process believes of another. */
#define ISEQ_STATE ((d_rank_t)(st_rank)CRT_VAR)
#define OSEQ_STATE                                                           \
	((uint64_t)(st_incarnation)CRT_VAR)((int32_t)(st_rc)CRT_VAR)(        \
		(uint32_t)(st_status)CRT_VAR)((uint32_t)(st_deaths)CRT_VAR)( \
		(uint32_t)(st_padding)CRT_VAR)
CRT_RPC_DECLARE(state, ISEQ_STATE, OSEQ_STATE)
CRT_RPC_DEFINE(state, ISEQ_STATE, OSEQ_STATE)

static uint32_t deaths[COUNT];

static void
told(d_rank_t rank, uint64_t incarnation, enum crt_event_source source, enum crt_event_type type,
     void *arg)
{
	CHECK(arg == deaths);
	CHECK(rank < COUNT);
	if (source == CRT_EVS_SWIM && type == CRT_EVT_DEAD) {
		CHECK(incarnation != CRT_NO_INCARNATION);
		deaths[rank]++;
	}
}

static void
tell(crt_rpc_t *rpc)
{
	struct state_in *in = crt_req_get(rpc);
	struct state_out *out = crt_reply_get(rpc);
	struct swim_member_state state = {0};

	out->st_rc = crt_rank_state_get(crt_group_lookup(NULL), in->st_rank, &state);
	out->st_incarnation = state.sms_incarnation;
	out->st_status = state.sms_status;
	out->st_deaths = deaths[in->st_rank];
	CHECK(crt_reply_send(rpc) == 0);
}

static struct crt_proto_rpc_format rpcs[] = {{.prf_req_fmt = &CQF_state, .prf_hdlr = tell}};
static struct crt_proto_format protocol = {
	.cpf_name = "test", .cpf_ver = 1, .cpf_count = 1, .cpf_prf = rpcs, .cpf_base = BASE};

static void
setup(void)
{
	CHECK(crt_proto_register(&protocol) == 0);
	CHECK(crt_register_event_cb(told, deaths) == 0);
}

static int
start(void **state)
{
	(void)state;
	/* Fast, and patient enough for a loaded machine under valgrind. */
	setenv("SWIM_PROTOCOL_PERIOD_LEN", "100", 1);
	setenv("SWIM_PING_TIMEOUT", "900", 1);
	setenv("SWIM_SUSPECT_TIMEOUT", "3000", 1);
	cn_system_start(COUNT, 0, setup);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	return cn_system_stop();
}

static struct state_out
ask(d_rank_t whom, d_rank_t about)
{
	crt_rpc_t *rpc = cn_request(whom, 0, OPCODE);
	struct state_in *in = crt_req_get(rpc);
	struct state_out out;

	in->st_rank = about;
	crt_req_addref(rpc);
	assert_int_equal(cn_call(rpc, NULL), 0);
	out = *(struct state_out *)crt_reply_get(rpc);
	crt_req_decref(rpc);
	return out;
}

/* Everybody has heard from everybody: each life is known. */
static void
all_hear_of_each_other(void **state)
{
	double end = cn_now() + CN_SECONDS;
	uint64_t own;

	(void)state;
	assert_int_equal(crt_self_incarnation_get(&own), 0);
	for (d_rank_t whom = 0; whom < COUNT; whom++) {
		for (d_rank_t about = 0; about < COUNT; about++) {
			struct state_out out;

			do {
				out = ask(whom, about);
				assert_int_equal(out.st_rc, 0);
				assert_int_equal(out.st_deaths, 0);
				assert_true(cn_now() < end);
			} while (out.st_incarnation == 0 || out.st_status != SWIM_MEMBER_ALIVE);
		}
	}
}

static void
who_dies_is_found_dead_by_all(void **state)
{
	double end = cn_now() + CN_SECONDS;

	(void)state;
	cn_system_kill(2);
	for (d_rank_t whom = 0; whom < COUNT; whom++) {
		struct state_out out;

		if (whom == 2)
			continue;
		do {
			out = ask(whom, 2);
			assert_int_equal(out.st_rc, 0);
			assert_true(cn_now() < end);
		} while (out.st_status != SWIM_MEMBER_DEAD);
		assert_int_equal(out.st_deaths, 1);
	}
	for (d_rank_t about = 0; about < COUNT; about++) {
		if (about != 2)
			assert_int_equal(ask(0, about).st_deaths, 0);
	}
}

static void
who_leaves_the_group_is_not_known_any_more(void **state)
{
	d_rank_t gone[] = {2};
	d_rank_list_t list = {.rl_ranks = gone, .rl_nr = 1};
	struct swim_member_state member;
	uint64_t incarnation = 0;

	(void)state;
	assert_int_equal(crt_group_primary_modify(NULL, cn_ctx, 1, &list, &incarnation, NULL,
						  CRT_GROUP_MOD_OP_REMOVE, 3),
			 0);
	assert_int_equal(crt_rank_state_get(crt_group_lookup(NULL), 2, &member), -DER_NONEXIST);
	assert_int_equal(crt_rank_state_get(NULL, 1, &member), -DER_INVAL);
	assert_int_equal(crt_rank_state_get(crt_group_lookup(NULL), 1, NULL), -DER_INVAL);
}

static void
it_is_started_once(void **state)
{
	struct swim_member_state member;

	(void)state;
	assert_int_equal(crt_swim_init(1), -DER_ALREADY);
	assert_int_equal(crt_swim_init(0), -DER_INVAL);
	crt_swim_fini();
	assert_int_equal(crt_rank_state_get(crt_group_lookup(NULL), 1, &member), -DER_NONEXIST);
	assert_int_equal(crt_swim_init(1), 0);
	assert_int_equal(crt_rank_state_get(crt_group_lookup(NULL), 1, &member), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_hear_of_each_other),
		cmocka_unit_test(who_dies_is_found_dead_by_all),
		cmocka_unit_test(who_leaves_the_group_is_not_known_any_more),
		cmocka_unit_test(it_is_started_once),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
