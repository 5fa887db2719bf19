/* Keys and storages: daos/tls.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <daos/tls.h>

/* What the keys have done, one letter each: a, b, … made, A, B, … destroyed. */
static char events[64];
/* Which key's dmk_init fails, or 0. */
static char failing;
static int init_args[3];

static void
note(char event)
{
	size_t len = strlen(events);

	assert_true(len + 1 < sizeof(events));
	events[len] = event;
	events[len + 1] = '\0';
}

#define SPY_KEY(letter, LETTER)                                        \
	static char value_##letter;                                    \
	static void *init_##letter(int tags, int xs_id, int tgt)       \
	{                                                              \
		note(#letter[0]);                                      \
		init_args[0] = tags;                                   \
		init_args[1] = xs_id;                                  \
		init_args[2] = tgt;                                    \
		return failing == #letter[0] ? NULL : &value_##letter; \
	}                                                              \
	static void fini_##letter(int tags, void *data)                \
	{                                                              \
		assert_ptr_equal(data, &value_##letter);               \
		note(#LETTER[0]);                                      \
	}                                                              \
	static struct daos_module_key key_##letter = {                 \
		.dmk_index = -1,                                       \
		.dmk_init = init_##letter,                             \
		.dmk_fini = fini_##letter,                             \
	}

SPY_KEY(a, A);
SPY_KEY(b, B);
SPY_KEY(c, C);

static int
register_spies(void **state)
{
	events[0] = '\0';
	failing = 0;
	key_a.dmk_tags = DAOS_SYS_TAG | DAOS_CLI_TAG;
	key_b.dmk_tags = DAOS_TGT_TAG;
	key_c.dmk_tags = DAOS_SERVER_TAG;
	daos_register_key(&key_a);
	daos_register_key(&key_b);
	daos_register_key(&key_c);
	return ds_tls_key_create() || dc_tls_key_create();
}

static int
unregister_spies(void **state)
{
	daos_unregister_key(&key_a);
	daos_unregister_key(&key_b);
	daos_unregister_key(&key_c);
	ds_tls_key_delete();
	dc_tls_key_delete();
	return 0;
}

static void
a_key_has_an_index_while_it_is_registered(void **state)
{
	assert_int_equal(key_a.dmk_index, 0);
	assert_int_equal(key_c.dmk_index, 2);
	assert_ptr_equal(daos_get_module_key(1), &key_b);
	daos_unregister_key(&key_b);
	assert_null(daos_get_module_key(1));
	assert_null(daos_get_module_key(-1));
	assert_null(daos_get_module_key(DAOS_MODULE_KEYS_NR));
	daos_register_key(&key_b);
	assert_int_equal(key_b.dmk_index, 1);
	daos_unregister_key(NULL);
	/* Whoever takes the lock can give it back: nobody has kept it. */
	assert_int_equal(pthread_mutex_trylock(&daos_module_keys_lock), 0);
	assert_int_equal(pthread_mutex_unlock(&daos_module_keys_lock), 0);
}

static void
registering_twice_changes_nothing(void **state)
{
	daos_register_key(&key_a);
	assert_int_equal(key_a.dmk_index, 0);
	assert_null(daos_get_module_key(3));
	/* And a key that is not registered takes none away. */
	daos_unregister_key(&(struct daos_module_key){.dmk_index = 0});
	assert_ptr_equal(daos_get_module_key(0), &key_a);
}

static void
a_key_too_many_has_no_index(void **state)
{
	struct daos_module_key more[DAOS_MODULE_KEYS_NR] = {0};
	int i;

	for (i = 0; i < DAOS_MODULE_KEYS_NR; i++)
		daos_register_key(&more[i]);
	assert_int_equal(more[DAOS_MODULE_KEYS_NR - 4].dmk_index, DAOS_MODULE_KEYS_NR - 1);
	assert_int_equal(more[DAOS_MODULE_KEYS_NR - 3].dmk_index, -1);
	for (i = 0; i < DAOS_MODULE_KEYS_NR; i++)
		daos_unregister_key(&more[i]);
	assert_null(daos_get_module_key(DAOS_MODULE_KEYS_NR - 1));
}

static void
values_follow_the_tags_and_go_in_reverse(void **state)
{
	struct daos_thread_local_storage *dtls = dss_tls_init(DAOS_TGT_TAG, 5, 2);

	assert_non_null(dtls);
	assert_int_equal(dtls->dtls_tag, DAOS_TGT_TAG);
	assert_int_equal(init_args[0], DAOS_TGT_TAG);
	assert_int_equal(init_args[1], 5);
	assert_int_equal(init_args[2], 2);
	assert_ptr_equal(dss_tls_get(), dtls);
	assert_null(dtls->dtls_values[key_a.dmk_index]);
	assert_ptr_equal(dss_module_key_get(dtls, &key_b), &value_b);
	assert_ptr_equal(dss_module_key_get(dtls, &key_c), &value_c);
	dss_tls_fini(dtls);
	assert_null(dss_tls_get());
	assert_string_equal(events, "bcCB");
}

static void
a_failing_key_undoes_the_others(void **state)
{
	failing = 'c';
	assert_null(dss_tls_init(DAOS_SYS_TAG | DAOS_TGT_TAG, 0, 0));
	assert_null(dss_tls_get());
	assert_string_equal(events, "abcBA");
}

static void
a_key_that_comes_later_has_no_value(void **state)
{
	struct daos_thread_local_storage *dtls;

	daos_unregister_key(&key_b);
	dtls = dss_tls_init(DAOS_TGT_TAG, 0, 0);
	assert_non_null(dtls);
	daos_register_key(&key_b);
	assert_null(dss_module_key_get(dtls, &key_b));
	dss_tls_fini(dtls);
	assert_string_equal(events, "cC");
}

static void *
get_elsewhere(void *arg)
{
	return dss_tls_get();
}

static void
each_thread_has_its_own(void **state)
{
	struct daos_thread_local_storage *dtls = dss_tls_init(DAOS_SYS_TAG, 0, -1);
	void *other = dtls;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, get_elsewhere, NULL), 0);
	assert_int_equal(pthread_join(thread, &other), 0);
	assert_null(other);
	assert_ptr_equal(dss_tls_get(), dtls);
	dss_tls_fini(dtls);
}

static void
without_a_thread_key_there_is_no_storage(void **state)
{
	ds_tls_key_delete();
	assert_null(dss_tls_get());
	assert_null(dss_tls_init(DAOS_SYS_TAG, 0, 0));
	assert_string_equal(events, "acCA");
	assert_int_equal(ds_tls_key_create(), 0);
}

static void
a_client_has_its_storage_when_it_asks(void **state)
{
	struct daos_thread_local_storage *dtls = dc_tls_get(DAOS_CLI_TAG);

	assert_non_null(dtls);
	assert_int_equal(dtls->dtls_tag, DAOS_CLI_TAG);
	assert_int_equal(init_args[1], -1);
	assert_int_equal(init_args[2], getpid());
	assert_ptr_equal(dc_tls_get(DAOS_CLI_TAG), dtls);
	assert_null(dss_tls_get());

	/* After fini there is none until reset. */
	dc_tls_fini();
	assert_string_equal(events, "acCA");
	assert_null(dc_tls_get(DAOS_CLI_TAG));
	dc_tls_reset();
	assert_non_null(dc_tls_get(DAOS_CLI_TAG));
	dc_tls_reset();
	assert_string_equal(events, "acCAacCA");
}

#define SPIED(test) cmocka_unit_test_setup_teardown(test, register_spies, unregister_spies)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SPIED(a_key_has_an_index_while_it_is_registered),
		SPIED(registering_twice_changes_nothing),
		SPIED(a_key_too_many_has_no_index),
		SPIED(values_follow_the_tags_and_go_in_reverse),
		SPIED(a_failing_key_undoes_the_others),
		SPIED(a_key_that_comes_later_has_no_value),
		SPIED(each_thread_has_its_own),
		SPIED(without_a_thread_key_there_is_no_storage),
		SPIED(a_client_has_its_storage_when_it_asks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
