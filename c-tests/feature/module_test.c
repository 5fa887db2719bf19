/* The feature module alone: the suite is CaRT, with which modules may bring RPC protocols. */
#define _GNU_SOURCE /* pipe2 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <abt.h>
#include <daos_errno.h>
#include <daos_srv/daos_engine.h>
#include <engine/srv_internal.h>

enum { ID = 20 };

static int journal_fd;

/** What was registered, in order, and which registration fails, from 1. */
static char registered[64];
static int registrations;
static int refused;

int
crt_proto_register(struct crt_proto_format *format)
{
	if (++registrations == refused)
		return -DER_EXIST;
	snprintf(registered + strlen(registered), sizeof(registered) - strlen(registered), "%s/%d ",
		 format->cpf_name, format->cpf_count);
	return 0;
}

static void
assert_journal(const char *expected)
{
	char events[256];
	ssize_t len = read(journal_fd, events, sizeof(events) - 1);

	events[len > 0 ? len : 0] = '\0';
	assert_string_equal(events, expected);
}

static int
set_up(void **state)
{
	registered[0] = '\0';
	registrations = refused = 0;
	return dss_module_load("mod_rpcs");
}

static int
tear_down(void **state)
{
	dss_module_unload_all();
	return 0;
}

static void
protocols_are_registered_with_their_handlers(void **state)
{
	uint64_t facilities = 0;
	struct dss_module *module = dss_module_get(ID);
	struct crt_proto_rpc_format *rpcs = module->sm_proto_fmt[0]->cpf_prf;

	assert_int_equal(dss_module_init_all(&facilities), 0);
	assert_journal("mod_rpcs:init ");
	assert_string_equal(registered, "handled/2 sent/2 ");

	assert_ptr_equal(rpcs[0].prf_hdlr, dlsym(RTLD_DEFAULT, "mod_rpcs_first"));
	assert_null(rpcs[0].prf_co_ops);
	assert_ptr_equal(rpcs[1].prf_hdlr, dlsym(RTLD_DEFAULT, "mod_rpcs_second"));
	assert_ptr_equal(rpcs[1].prf_co_ops, module->sm_handlers[0][1].dr_corpc_ops);

	assert_int_equal(dss_module_unload("mod_rpcs"), 0);
	assert_journal("mod_rpcs:fini ");
}

static void
a_protocol_that_is_refused_ends_the_module(void **state)
{
	uint64_t facilities = 0;

	for (refused = 1; refused <= 2; refused++) {
		registrations = 0;
		assert_int_equal(dss_module_init_all(&facilities), -DER_EXIST);
		assert_journal("mod_rpcs:init mod_rpcs:fini ");
		assert_int_equal(registrations, refused);
		assert_null(dss_module_get(ID));
		assert_int_equal(dss_module_load("mod_rpcs"), 0);
	}
}

static int
start(void **state)
{
	char number[16];
	int fds[2];

	if (pipe2(fds, O_NONBLOCK) != 0)
		return -1;
	journal_fd = fds[0];
	snprintf(number, sizeof(number), "%d", fds[1]);
	setenv("MODULE_JOURNAL", number, 1);
	return dss_module_init();
}

static int
stop(void **state)
{
	return dss_module_fini(false);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(protocols_are_registered_with_their_handlers,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_protocol_that_is_refused_ends_the_module, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
