/* DAOS's log facilities, debug streams and fault locations: daos/debug.h, daos/common.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#define D_LOGFAC DD_FAC(tests)
#include <daos/common.h>

static char log_file[] = "/tmp/daos-debug-test-XXXXXX";

struct facility {
	const char *name;
	int *number;
	int *cache;
	int words;
};

#define FACILITY(s_name, l_name, arg) \
	{#s_name, &DD_FAC(s_name), DD_CACHE(DD_FAC(s_name)), D_LOG_WORDS(s_name)},
static struct facility facilities[] = {DAOS_FOREACH_LOG_FAC(FACILITY, D_NOOP)};

#define STREAM(flag, s_name, l_name, mask, arg) &flag,
static d_dbug_t *streams[] = {DAOS_FOREACH_DB(STREAM, D_NOOP) D_FOREACH_GURT_DB(STREAM, D_NOOP)};

static int
open_log(void **state)
{
	int fd = mkstemp(log_file);

	assert_true(fd >= 0);
	close(fd);
	setenv("D_LOG_FILE", log_file, 1);
	setenv("D_LOG_MASK", "WARN,server=DEBUG", 1);
	setenv("DAOS_IO_BYPASS", "srv_bulk,nvme", 1);
	return daos_debug_init(NULL);
}

static int
close_log(void **state)
{
	daos_debug_fini();
	return unlink(log_file);
}

static void
every_facility_has_a_number_of_its_own(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(facilities); i++) {
		int number = *facilities[i].number;

		assert_in_range(number, 0, d_log_xst.fac_cnt - 1);
		assert_string_equal(d_log_xst.dlog_facs[number].fac_aname, facilities[i].name);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(number, *facilities[j].number);
	}
}

static void
caches_have_a_word_for_each_level_and_stream(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(facilities); i++)
		assert_int_equal(facilities[i].words, 9 + 7 + 8);
	assert_int_equal(sizeof(daos_server_logfac_cache), 24 * sizeof(int));
}

static void
streams_have_bits_of_their_own(void **state)
{
	d_dbug_t seen = 0;

	for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
		if (streams[i] == &DB_ALL || streams[i] == &DB_ANY)
			continue;
		assert_int_equal(__builtin_popcountll(*streams[i]), 1);
		assert_int_equal(*streams[i] & seen, 0);
		assert_int_equal(*streams[i] & ~(d_dbug_t)DLOG_DBG, 0);
		seen |= *streams[i];
	}
}

static void
a_mask_is_looked_up_once(void **state)
{
	int *word = &DD_FLAG(DLOG_INFO, D_LOGFAC);

	assert_int_equal(*word, (int)DLOG_UNINIT);
	D_INFO("masked\n");
	assert_int_equal(*word, 0);
	assert_true(D_LOG_ENABLED(DLOG_WARN));
	assert_false(D_LOG_ENABLED(DB_IO));
#undef D_LOGFAC
#define D_LOGFAC DD_FAC(server)
	assert_true(D_LOG_ENABLED(DLOG_INFO));
	assert_true(D_LOG_ENABLED(DB_MD));
	assert_int_equal(DD_FLAG(DB_MD, D_LOGFAC), (int)DB_MD | daos_server_logfac);
}

static void
parts_of_the_io_path_can_be_left_out(void **state)
{
	assert_int_equal(daos_io_bypass, IOBP_SRV_BULK | IOBP_NVME);
	for (size_t i = 0; io_bypass_dict[i].iob_str != NULL; i++)
		assert_true(i < ARRAY_SIZE(io_bypass_dict) - 1);
}

static void
uuids_have_a_text(void **state)
{
	uuid_t uuid;
	char line[64];

	assert_int_equal(uuid_parse("01234567-89ab-cdef-0123-456789abcdef", uuid), 0);
	assert_string_equal(DP_UUID(uuid), "01234567-89ab-cdef-0123-456789abcdef");
	snprintf(line, sizeof(line), DF_CONT, DP_CONT(uuid, NULL));
	assert_string_equal(line, "01234567/?");
}

static void
values_name_shards(void **state)
{
	uint16_t shards[] = {0, 7, 300};

	daos_fail_value_set(daos_shard_fail_value(shards, 3));
	assert_true(daos_shard_in_fail_value(0));
	assert_true(daos_shard_in_fail_value(7));
	assert_true(daos_shard_in_fail_value(300));
	assert_false(daos_shard_in_fail_value(1));
	assert_int_equal(daos_shard_fail_value(shards, 5), 0);
	daos_fail_value_set(12);
	assert_int_equal(daos_fail_value_get(), 12);
	assert_int_equal(daos_fail_value, 12);
}

static int
hits(uint64_t location)
{
	int count = 0;

	for (int i = 0; i < 5; i++)
		count += daos_fail_check(location);
	return count;
}

static void
locations_hit_as_often_as_they_say(void **state)
{
	const uint64_t here = DAOS_FAIL_UNIT_TEST_GROUP_LOC | 0x42;

	assert_int_equal(daos_fail_init(), 0);
	assert_int_equal(hits(here), 0);
	daos_fail_loc_set(here | DAOS_FAIL_ONCE);
	assert_int_equal(daos_fail_loc, here | DAOS_FAIL_ONCE);
	assert_int_equal(hits(here + 1), 0);
	assert_int_equal(hits(here), 1);
	daos_fail_num_set(3);
	assert_int_equal(daos_fail_num, 3);
	daos_fail_loc_set(here | DAOS_FAIL_SOME);
	assert_int_equal(hits(here), 3);
	daos_fail_loc_set(here | DAOS_FAIL_ALWAYS);
	assert_int_equal(hits(here), 5);
	daos_fail_loc_reset();
	assert_int_equal(hits(here), 0);
	daos_fail_loc_set(DAOS_FAIL_MAX_GROUP << DAOS_FAIL_GROUP_SHIFT | DAOS_FAIL_ALWAYS);
	assert_int_equal(daos_fail_loc, 0);
	daos_fail_fini();
}

static void
bitmaps(void **state)
{
	uint8_t bitmap[4] = {0};

	setbit_range(bitmap, 3, 17);
	assert_memory_equal(bitmap, "\xf8\xff\x03\x00", 4);
	assert_true(isset_range(bitmap, 3, 17));
	assert_false(isset_range(bitmap, 2, 17));
	clrbit_range(bitmap, 5, 6);
	assert_true(isclr_range(bitmap, 5, 6));
	assert_memory_equal(bitmap, "\x98\xff\x03\x00", 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_facility_has_a_number_of_its_own),
		cmocka_unit_test(caches_have_a_word_for_each_level_and_stream),
		cmocka_unit_test(streams_have_bits_of_their_own),
		cmocka_unit_test(a_mask_is_looked_up_once),
		cmocka_unit_test(parts_of_the_io_path_can_be_left_out),
		cmocka_unit_test(uuids_have_a_text),
		cmocka_unit_test(values_name_shards),
		cmocka_unit_test(locations_hit_as_often_as_they_say),
		cmocka_unit_test(bitmaps),
	};

	return cmocka_run_group_tests(tests, open_log, close_log);
}
