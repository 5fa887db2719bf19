/* Loading modules: what daos_srv/daos_engine.h and engine/srv_internal.h offer of module.c. */
#define _GNU_SOURCE /* pipe2 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <daos/debug.h>
#include <daos/drpc_modules.h>
#include <daos_srv/daos_engine.h>
#include <engine/drpc_handler.h>
#include <engine/drpc_internal.h>
#include <engine/srv_internal.h>

/* No header of DAOS declares them. */
extern d_list_t loaded_mod_list;
extern pthread_mutex_t loaded_mod_list_lock;

enum { ID_A = 10, ID_B = 11, ID_C = 12 };

static int journal_fd;
static FILE *log_file;

/* Takes what the modules have told since the last call. */
static void
journal_read(char *events, size_t size)
{
	ssize_t len = read(journal_fd, events, size - 1);

	events[len > 0 ? len : 0] = '\0';
}

#define assert_journal(expected)                       \
	do {                                           \
		char events[1024];                     \
		journal_read(events, sizeof(events));  \
		assert_string_equal(events, expected); \
	} while (0)

/* Takes the lines that were logged since the last call and counts those with an error in them. */
static int
log_read(char *text, size_t size)
{
	int lines = 0;
	size_t used = 0;

	clearerr(log_file);
	text[0] = '\0';
	while (used < size - 1 && fgets(text + used, (int)(size - used), log_file) != NULL) {
		if (strstr(text + used, " ERR ") != NULL)
			lines++;
		used += strlen(text + used);
	}
	return lines;
}

static int
loaded_count(void)
{
	int count = 0;
	d_list_t *link;

	for (link = loaded_mod_list.next; link != &loaded_mod_list; link = link->next)
		count++;
	return count;
}

static void
assert_unlocked(void)
{
	assert_int_equal(pthread_mutex_trylock(&loaded_mod_list_lock), 0);
	pthread_mutex_unlock(&loaded_mod_list_lock);
}

static void
load(const char *name)
{
	assert_int_equal(dss_module_load(name), 0);
}

/* A file that the dynamic linker finds, but that is no library. */
static void
write_no_library(void)
{
	char path[1024];
	FILE *file;

	snprintf(path, sizeof(path), "%s/libmod_no_library.so", getenv("C_TEST_MODULES"));
	file = fopen(path, "w");
	assert_non_null(file);
	fputs("this is no library\n", file);
	fclose(file);
}

static int
suite_setup(void **state)
{
	char number[16];
	char path[] = "/tmp/daos_engine_module_test.XXXXXX";
	int fds[2];

	if (pipe2(fds, O_NONBLOCK) != 0)
		return -1;
	journal_fd = fds[0];
	snprintf(number, sizeof(number), "%d", fds[1]);
	setenv("MODULE_JOURNAL", number, 1);

	close(mkstemp(path));
	setenv("D_LOG_FILE", path, 1);
	if (daos_debug_init(NULL) != 0)
		return -1;
	log_file = fopen(path, "r");
	unlink(path);
	write_no_library();
	return log_file == NULL ? -1 : dss_module_init();
}

static int
suite_teardown(void **state)
{
	dss_module_fini(true);
	fclose(log_file);
	daos_debug_fini();
	return 0;
}

/* Every test leaves nothing loaded behind, and nothing unread. */
static int
teardown(void **state)
{
	char text[4096];

	dss_module_unload_all();
	do {
		journal_read(text, sizeof(text));
	} while (text[0] != '\0');
	log_read(text, sizeof(text));
	return loaded_count();
}

static void
a_bad_module_is_refused_with_one_line_and_leaves_nothing(void **state)
{
	static const struct {
		const char *name;
		int id;
		int rc;
		const char *reason;
	} bad[] = {
		{"mod_missing", -1, -DER_INVAL, "libmod_missing.so"},
		{"mod_missing", -1, -DER_INVAL, "LD_LIBRARY_PATH"},
		{"mod_no_library", -1, -DER_INVAL, "modules/libmod_no_library.so"},
		{"mod_no_symbol", -1, -DER_INVAL, "mod_no_symbol_module"},
		{"mod_other_name", 20, -DER_INVAL, "\"mod_another\""},
		{"mod_null_name", 20, -DER_INVAL, "sm_name is null"},
		{"mod_null_init", 20, -DER_INVAL, "sm_init"},
		{"mod_null_fini", 20, -DER_INVAL, "sm_fini"},
		{"mod_id_negative", -1, -DER_INVAL, "sm_mod_id -1"},
		{"mod_id_too_big", 64, -DER_INVAL, "sm_mod_id 64"},
		{"mod_protocols", 20, -DER_INVAL, "sm_proto_count 3"},
		{"mod_metrics_id", 13, -DER_INVAL, "sm_metrics"},
		{"", -1, -DER_INVAL, "empty"},
		{"a_name_that_is_longer_than_32_byte", -1, -DER_INVAL, "longer than 32 bytes"},
		{"../modules/mod_a", -1, -DER_INVAL, "file name"},
	};
	char text[4096];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		print_message("%s\n", bad[i].name);
		assert_int_equal(dss_module_load(bad[i].name), bad[i].rc);
		assert_int_equal(loaded_count(), 0);
		assert_null(dss_module_get(bad[i].id));
		assert_unlocked();
		assert_int_equal(log_read(text, sizeof(text)), 1);
		assert_non_null(strstr(text, bad[i].name));
		assert_non_null(strstr(text, bad[i].reason));
	}
	assert_int_equal(dss_module_load(NULL), -DER_INVAL);
	assert_journal("");
}

static void
names_and_ids_are_unique(void **state)
{
	struct dss_module *a;
	char text[4096];

	load("mod_a");
	a = dss_module_get(ID_A);
	assert_string_equal(a->sm_name, "mod_a");
	assert_int_equal(log_read(text, sizeof(text)), 0);

	assert_int_equal(dss_module_load("mod_a"), -DER_EXIST);
	assert_int_equal(log_read(text, sizeof(text)), 1);
	assert_non_null(strstr(text, "loaded already"));

	assert_int_equal(dss_module_load("mod_id_taken"), -DER_EXIST);
	assert_int_equal(log_read(text, sizeof(text)), 1);
	assert_non_null(strstr(text, "10 is that of module mod_a"));

	assert_int_equal(loaded_count(), 1);
	assert_ptr_equal(dss_module_get(ID_A), a);
}

static void
ids_outside_the_table_name_no_module(void **state)
{
	assert_null(dss_module_get(-1));
	assert_null(dss_module_get(INT32_MIN));
	assert_null(dss_module_get(DAOS_MAX_MODULE));
	assert_null(dss_module_get(0xfe));
}

static void
modules_come_up_and_go_down_in_order(void **state)
{
	uint64_t facilities = 0x100;

	load("mod_a");
	load("mod_b");
	assert_journal("");
	assert_int_equal(dss_module_init_all(&facilities), 0);
	assert_int_equal(facilities, 0x105);
	assert_journal("mod_a:init mod_b:init ");
	assert_unlocked();

	assert_int_equal(dss_module_setup_all(), 0);
	assert_journal("mod_a:setup mod_b:setup ");
	assert_int_equal(dss_module_cleanup_all(), 0);
	assert_journal("mod_b:cleanup mod_a:cleanup ");
	assert_unlocked();

	dss_module_unload_all();
	assert_journal("mod_a:fini mod_b:fini ");
	assert_int_equal(loaded_count(), 0);
	assert_null(dss_module_get(ID_A));
	assert_null(dss_module_get(ID_B));
	assert_unlocked();
}

static void
a_module_is_registered_while_it_is_up(void **state)
{
	uint64_t facilities = 0;
	struct dss_module_key *key;

	load("mod_a");
	key = dss_module_get(ID_A)->sm_key;
	assert_null(drpc_hdlr_get_handler(DRPC_MODULE_TEST));

	assert_int_equal(dss_module_init_all(&facilities), 0);
	assert_true(key->dmk_index >= 0);
	assert_ptr_equal(daos_get_module_key(key->dmk_index), key);
	assert_non_null(drpc_hdlr_get_handler(DRPC_MODULE_TEST));

	assert_int_equal(dss_module_unload("mod_a"), 0);
	assert_journal("mod_a:init mod_a:fini ");
	assert_null(daos_get_module_key(0));
	assert_null(drpc_hdlr_get_handler(DRPC_MODULE_TEST));
	assert_null(dss_module_get(ID_A));
	assert_unlocked();
}

static void
a_module_that_is_not_loaded_cannot_be_unloaded(void **state)
{
	load("mod_a");
	assert_int_equal(dss_module_unload("mod_b"), -DER_ENOENT);
	assert_int_equal(dss_module_unload(NULL), -DER_INVAL);
	assert_int_equal(dss_module_unload("mod_a"), 0);
	assert_journal("");
	assert_null(dss_module_get(ID_A));
	assert_int_equal(dss_module_unload("mod_a"), -DER_ENOENT);
	assert_unlocked();
}

static void
a_module_can_be_loaded_again(void **state)
{
	uint64_t facilities = 0;
	int i;

	for (i = 0; i < 100; i++) {
		load("mod_b");
		assert_int_equal(dss_module_init_all(&facilities), 0);
		assert_int_equal(dss_module_unload("mod_b"), 0);
		assert_journal("mod_b:init mod_b:fini ");
	}
}

static void
a_failed_init_unloads_it_and_those_after_it(void **state)
{
	uint64_t facilities = 0;
	char text[4096];

	load("mod_a");
	load("mod_bad_init");
	load("mod_b");
	assert_int_equal(loaded_count(), 3);
	assert_int_equal(dss_module_init_all(&facilities), -DER_INVAL);
	assert_int_equal(facilities, 1);
	assert_journal("mod_a:init mod_bad_init:init ");
	assert_int_equal(log_read(text, sizeof(text)), 1);
	assert_non_null(strstr(text, "mod_bad_init: its sm_init returned -1007"));

	assert_int_equal(loaded_count(), 1);
	assert_non_null(dss_module_get(ID_A));
	assert_null(dss_module_get(ID_B));
	assert_null(dss_module_get(ID_C));
	assert_unlocked();
}

static void
a_failed_registration_takes_back_what_was_registered(void **state)
{
	uint64_t facilities = 0;
	drpc_handler_t handler;
	char text[4096];

	load("mod_a");
	load("mod_bad_drpc");
	assert_int_equal(dss_module_init_all(&facilities), -DER_EXIST);
	assert_journal("mod_a:init mod_bad_drpc:init mod_bad_drpc:fini ");
	assert_null(daos_get_module_key(1));
	assert_null(dss_module_get(ID_C));
	log_read(text, sizeof(text));
	assert_non_null(strstr(text, "mod_bad_drpc: its dRPC handler 1"));

	assert_null(drpc_hdlr_get_handler(DRPC_MODULE_SEC_AGENT));
	handler = drpc_hdlr_get_handler(DRPC_MODULE_TEST);
	assert_ptr_equal(handler, dss_module_get(ID_A)->sm_drpc_handlers[0].handler);
}

static void
a_module_whose_key_finds_no_room_does_not_come_up(void **state)
{
	static struct dss_module_key others[DAOS_MODULE_KEYS_NR];
	uint64_t facilities = 0;
	int i;

	for (i = 0; i < DAOS_MODULE_KEYS_NR; i++)
		dss_register_key(&others[i]);
	load("mod_a");
	assert_int_equal(dss_module_init_all(&facilities), -DER_NOSPACE);
	assert_journal("mod_a:init mod_a:fini ");
	assert_null(dss_module_get(ID_A));
	assert_null(drpc_hdlr_get_handler(DRPC_MODULE_TEST));

	for (i = 0; i < DAOS_MODULE_KEYS_NR; i++)
		dss_unregister_key(&others[i]);
	load("mod_a");
	assert_int_equal(dss_module_init_all(&facilities), 0);
}

static void
setup_stops_at_a_failure_and_cleanup_does_not(void **state)
{
	uint64_t facilities = 0;
	char text[4096];

	load("mod_a");
	load("mod_bad_setup");
	load("mod_b");
	assert_int_equal(dss_module_init_all(&facilities), 0);
	assert_journal("mod_a:init mod_bad_setup:init mod_b:init ");
	assert_int_equal(dss_module_setup_all(), -DER_NOSPACE);
	assert_journal("mod_a:setup mod_bad_setup:setup ");
	assert_int_equal(dss_module_cleanup_all(), -DER_IO);
	assert_journal("mod_b:cleanup mod_bad_setup:cleanup mod_a:cleanup ");
	assert_int_equal(log_read(text, sizeof(text)), 2);
	assert_unlocked();

	dss_module_unload_all();
	assert_journal("mod_a:fini mod_bad_setup:fini mod_b:fini ");
	assert_int_equal(log_read(text, sizeof(text)), 1);
	assert_non_null(strstr(text, "sm_fini returned"));
	assert_int_equal(loaded_count(), 0);
	assert_null(dss_module_get(ID_C));
}

static void
a_module_that_calls_for_the_list_while_it_is_initialised_gets_busy(void **state)
{
	uint64_t facilities = 0;

	load("mod_reentrant");
	assert_int_equal(dss_module_init_all(&facilities), 0);
	assert_journal("mod_reentrant:found mod_reentrant:busy mod_reentrant:busy ");
	assert_int_equal(loaded_count(), 1);
	assert_unlocked();
}

static void
metrics_are_made_and_freed_for_the_xstreams_of_a_tag(void **state)
{
	void *metrics[DAOS_NR_MODULE] = {NULL};
	unsigned int targets = dss_tgt_nr;

	load("mod_a");
	load("mod_b");

	assert_int_equal(dss_module_init_metrics(DAOS_SYS_TAG, metrics, "pool/1", 3), 0);
	assert_journal("mod_a:metrics_init ");
	assert_int_equal(*(int *)metrics[ID_A], 4);
	assert_null(metrics[ID_B]);
	dss_module_fini_metrics(DAOS_SYS_TAG, metrics);
	assert_journal("mod_a:metrics_fini ");
	assert_null(metrics[ID_A]);
	dss_module_fini_metrics(DAOS_SYS_TAG, metrics);
	assert_journal("");

	assert_int_equal(dss_module_init_metrics(DAOS_TGT_TAG, metrics, "pool/1", 1), 0);
	dss_module_fini_metrics(DAOS_TGT_TAG, metrics);
	assert_journal("mod_a:metrics_init mod_b:metrics_init "
		       "mod_a:metrics_fini mod_b:metrics_fini ");

	assert_int_equal(dss_module_init_metrics(DAOS_TGT_TAG, metrics, "pool/1", 7), -DER_NOMEM);
	assert_journal("mod_a:metrics_init mod_b:metrics_init mod_a:metrics_fini ");
	assert_null(metrics[ID_A]);
	assert_null(metrics[ID_B]);

	dss_tgt_nr = 4;
	assert_int_equal(dss_module_nr_pool_metrics(), 3 * (1 + 4));
	dss_tgt_nr = targets;
}

static void *
load_and_unload(void *rounds)
{
	uint64_t facilities = 0;
	int i;

	for (i = 0; i < *(int *)rounds; i++)
		if (dss_module_load("mod_b") == 0 &&
		    (dss_module_init_all(&facilities) != 0 || dss_module_unload("mod_b") != 0))
			return rounds;
	return NULL;
}

/* Two threads load and unload the same module: one of them at a time has it. */
static void
threads_take_turns(void **state)
{
	int rounds = 200;
	pthread_t threads[2];
	void *failed[2];
	int i;

	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, load_and_unload, &rounds), 0);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], &failed[i]);
	assert_null(failed[0]);
	assert_null(failed[1]);
	assert_int_equal(loaded_count(), 0);
}

/* What an engine has around its xstreams. */
static void
start_xstreams(char *sockets)
{
	assert_non_null(mkdtemp(sockets));
	dss_socket_dir = sockets;
	assert_int_equal(ds_tls_key_create(), 0);
	dss_register_key(&daos_srv_modkey);
	assert_int_equal(drpc_init(), 0);
	assert_int_equal(ABT_init(0, NULL), ABT_SUCCESS);
	assert_int_equal(
		crt_init_opt("test", CRT_FLAG_BIT_SERVER | CRT_FLAG_BIT_AUTO_SWIM_DISABLE, NULL),
		0);
	dss_tgt_nr = 1;
	assert_int_equal(dss_srv_init(), 0);
	dss_xstreams_open_barrier(false);
}

static void
stop_xstreams(char *sockets)
{
	assert_int_equal(dss_srv_fini(true), 0);
	assert_int_equal(crt_finalize(), 0);
	assert_int_equal(ABT_finalize(), ABT_SUCCESS);
	drpc_fini();
	dss_unregister_key(&daos_srv_modkey);
	ds_tls_key_delete();
	rmdir(sockets);
}

static void
set_up(void *rc)
{
	*(int *)rc = dss_module_setup_all();
}

/* Two SetUp calls at once: ULTs of one xstream, the first of which lets the second run meanwhile.
 */
static void
two_ults_set_modules_up_one_after_the_other(void **state)
{
	char sockets[] = "/tmp/daos_engine_module_test.XXXXXX";
	ABT_thread ults[2];
	int rcs[2] = {-1, -1};
	int i;

	start_xstreams(sockets);
	load("mod_slow_setup");
	for (i = 0; i < 2; i++)
		assert_int_equal(dss_ult_create(set_up, &rcs[i], DSS_XS_SYS, 0, 0, &ults[i]), 0);
	for (i = 0; i < 2; i++)
		ABT_thread_free(&ults[i]);
	assert_int_equal(rcs[0], 0);
	assert_int_equal(rcs[1], 0);
	assert_journal("begin end begin end ");
	assert_unlocked();
	stop_xstreams(sockets);
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_bad_module_is_refused_with_one_line_and_leaves_nothing),
		TEST(names_and_ids_are_unique),
		TEST(ids_outside_the_table_name_no_module),
		TEST(modules_come_up_and_go_down_in_order),
		TEST(a_module_is_registered_while_it_is_up),
		TEST(a_module_that_is_not_loaded_cannot_be_unloaded),
		TEST(a_module_can_be_loaded_again),
		TEST(a_failed_init_unloads_it_and_those_after_it),
		TEST(a_failed_registration_takes_back_what_was_registered),
		TEST(a_module_whose_key_finds_no_room_does_not_come_up),
		TEST(setup_stops_at_a_failure_and_cleanup_does_not),
		TEST(a_module_that_calls_for_the_list_while_it_is_initialised_gets_busy),
		TEST(metrics_are_made_and_freed_for_the_xstreams_of_a_tag),
		TEST(threads_take_turns),
		TEST(two_ults_set_modules_up_one_after_the_other),
	};

	return cmocka_run_group_tests_name("daos_srv/daos_engine.h: modules", tests, suite_setup,
					   suite_teardown);
}
