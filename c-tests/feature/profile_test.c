/* The feature profile alone: the suite has the profiles, the rank and the xstream. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <daos/tls.h>
#include <daos_errno.h>
#include <daos_srv/daos_engine.h>

enum { RANK = 5, TARGET = 3, AVERAGE = 100 };

/** Libdaos_common's; the engine sees only pointers to it. */
struct daos_profile {
	bool dumped;
};

static struct daos_profile profile;
static int profiles;
static int init_rc;
static int rank_rc;
static char path[] = "/profiles";

struct daos_module_key daos_srv_modkey = {.dmk_index = 1};
static struct dss_module_info info = {.dmi_tgt_id = TARGET};
static void *values[] = {NULL, &info};
static struct daos_thread_local_storage storage = {.dtls_values = values};
static bool on_xstream;

struct daos_thread_local_storage *
dss_tls_get(void)
{
	return on_xstream ? &storage : NULL;
}

int
crt_group_rank(crt_group_t *grp, d_rank_t *rank)
{
	assert_null(grp);
	*rank = RANK;
	return rank_rc;
}

int
daos_profile_init(struct daos_profile **dp_p, char *where, int avg, int rank, int tgt_id)
{
	assert_ptr_equal(where, path);
	assert_int_equal(avg, AVERAGE);
	assert_int_equal(rank, RANK);
	assert_int_equal(tgt_id, TARGET);
	if (init_rc != 0)
		return init_rc;
	profiles++;
	profile.dumped = false;
	*dp_p = &profile;
	return 0;
}

void
daos_profile_dump(struct daos_profile *dp)
{
	assert_ptr_equal(dp, &profile);
	dp->dumped = true;
}

void
daos_profile_destroy(struct daos_profile *dp)
{
	assert_ptr_equal(dp, &profile);
	assert_true(dp->dumped);
	profiles--;
}

static int
set_up(void **state)
{
	on_xstream = true;
	init_rc = rank_rc = profiles = 0;
	info.dmi_dp = NULL;
	return 0;
}

static void
a_profile_starts_and_stops(void **state)
{
	assert_int_equal(srv_profile_start(path, AVERAGE), 0);
	assert_ptr_equal(info.dmi_dp, &profile);
	assert_int_equal(srv_profile_stop(), 0);
	assert_null(info.dmi_dp);
	assert_int_equal(profiles, 0);
}

static void
starting_again_ends_the_first(void **state)
{
	assert_int_equal(srv_profile_start(path, AVERAGE), 0);
	assert_int_equal(srv_profile_start(path, AVERAGE), 0);
	assert_int_equal(profiles, 1);
	assert_int_equal(srv_profile_stop(), 0);
	assert_int_equal(profiles, 0);
}

static void
what_was_not_started_does_not_stop(void **state)
{
	assert_int_equal(srv_profile_stop(), -DER_NONEXIST);
}

static void
errors_are_passed_on(void **state)
{
	rank_rc = -DER_UNINIT;
	assert_int_equal(srv_profile_start(path, AVERAGE), -DER_UNINIT);
	rank_rc = 0;
	init_rc = -DER_NOMEM;
	assert_int_equal(srv_profile_start(path, AVERAGE), -DER_NOMEM);
	assert_null(info.dmi_dp);
}

static void
other_threads_have_no_profile(void **state)
{
	on_xstream = false;
	assert_int_equal(srv_profile_start(path, AVERAGE), -DER_UNINIT);
	assert_int_equal(srv_profile_stop(), -DER_UNINIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_profile_starts_and_stops, set_up),
		cmocka_unit_test_setup(starting_again_ends_the_first, set_up),
		cmocka_unit_test_setup(what_was_not_started_does_not_stop, set_up),
		cmocka_unit_test_setup(errors_are_passed_on, set_up),
		cmocka_unit_test_setup(other_threads_have_no_profile, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
