/* Logging as C code does it: gurt/debug.h, gurt/dlog.h. Each test logs to a file of its own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <regex.h>
#include <sys/stat.h>

/* A facility of this program's own, declared as daos/debug.h declares DAOS's. */
#define DD_FAC(name) name##_logfac
#define D_LOGFAC     DD_FAC(test)
#include <gurt/debug_setup.h>
#define TEST_FAC(ACTION, arg) ACTION(test, testing, arg)
TEST_FAC(D_LOG_DECLARE_FAC, D_NOOP)
#include <gurt/common.h>
TEST_FAC(D_LOG_INSTANTIATE_FAC, D_NOOP)

static char dir[] = "/tmp/gurt-debug-test-XXXXXX";
static char path[sizeof(dir) + 32];
static char text[1 << 16];

/* Opens a log with the settings of the environment. */
static void
start(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(d_setenv("D_LOG_FILE", path, 1), 0);
	assert_int_equal(d_log_init(), 0);
	assert_int_equal(D_LOG_REGISTER_FAC(TEST_FAC), 0);
	d_log_sync_mask();
}

/* What is in a file of the test folder. */
static const char *
content(const char *name)
{
	char file[sizeof(dir) + 64];
	FILE *stream;
	size_t size;

	snprintf(file, sizeof(file), "%s/%s", dir, name);
	stream = fopen(file, "r");
	assert_non_null(stream);
	size = fread(text, 1, sizeof(text) - 1, stream);
	fclose(stream);
	text[size] = '\0';
	return text;
}

/* Lines that a file of the test folder holds. */
static int
count_lines(const char *name)
{
	char file[sizeof(dir) + 64];
	FILE *stream;
	int lines = 0;

	snprintf(file, sizeof(file), "%s/%s", dir, name);
	stream = fopen(file, "r");
	assert_non_null(stream);
	for (int c = getc(stream); c != EOF; c = getc(stream))
		lines += c == '\n';
	fclose(stream);
	return lines;
}

static int
matches(const char *string, const char *pattern)
{
	regex_t regex;
	int rc;

	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB | REG_NEWLINE), 0);
	rc = regexec(&regex, string, 0, NULL, 0);
	regfree(&regex);
	return rc == 0;
}

static void
a_line_has_date_host_tag_facility_and_level(void **state)
{
	const char *log;

	start("line");
	D_ERROR("cannot open '%s': %d\n", "file", 5);
	D_WARN("no newline");
	DL_ERROR(-DER_BUSY, "pool %d", 3);
	d_log_fini();
	log = content("line");
	assert_true(matches(
		log, "^[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6} [^ .]+ "
		     "CaRT\\[[0-9]+/[0-9]+/0\\] test ERR  [^ ]*gurt_debug_test.c:[0-9]+ "
		     "a_line_has_date_host_tag_facility_and_level\\(\\) cannot open 'file': 5$"));
	assert_true(matches(log, "test WARN .* no newline$"));
	assert_true(matches(log, " pool 3: DER_BUSY\\(-1012\\): 'Device or resource busy'$"));
}

static void
masks_select_lines(void **state)
{
	char masks[512];

	start("masks");
	D_INFO("masked out by default\n");
	assert_true(d_log_setmasks("test=INFO,mem=ERR", -1) >= 0);
	D_INFO("now enabled\n");
	D_DEBUG(DB_IO, "still masked out\n");
	d_log_sync_mask_ex("DEBUG", "io");
	D_DEBUG(DB_IO, "an io line\n");
	D_DEBUG(DB_MEM, "a mem line\n");
	assert_int_equal(d_log_setmasks("nosuch=ERR", -1), -1);
	assert_true(d_log_setmasks("WARN,testing=CRIT", -1) >= 0);
	D_ERROR("error that is masked out\n");
	D_CRIT("critical\n");
	assert_true(d_log_getmasks(masks, 0, sizeof(masks), 0) > 0);
	assert_string_equal(
		masks, "CLOG=WARN,misc=WARN,mem=WARN,swim=WARN,fi=WARN,telem=WARN,testing=CRIT\n");
	d_log_fini();
	assert_null(strstr(content("masks"), "masked out"));
	assert_non_null(strstr(text, "now enabled"));
	assert_non_null(strstr(text, "an io line"));
	assert_null(strstr(text, "a mem line"));
	assert_non_null(strstr(text, "critical"));
}

static void
long_lines_are_cut(void **state)
{
	char line[3000];
	char *end;

	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	start("long");
	D_ERROR("%s\n", line);
	D_ERROR("next\n");
	d_log_fini();
	end = strchr(content("long"), '\n');
	assert_non_null(end);
	assert_int_equal(end - text, 1022);
	assert_non_null(strstr(end, "next\n"));
}

static void
full_files_are_set_aside(void **state)
{
	struct stat st;

	assert_int_equal(d_setenv("D_LOG_SIZE", "1", 1), 0);
	start("full");
	assert_int_equal(d_unsetenv("D_LOG_SIZE"), 0);
	for (int line = 0; line < 9000; line++)
		D_WARN("%0150d\n", line);
	d_log_fini();
	snprintf(text, sizeof(text), "%s/full.first", dir);
	assert_int_equal(stat(text, &st), 0);
	assert_in_range(st.st_size, (1 << 20) - 1024, 1 << 20);
	assert_int_equal(count_lines("full.first") + count_lines("full.old") + count_lines("full"),
			 9000);
}

static void
the_rank_is_added_to_the_name(void **state)
{
	assert_int_equal(d_setenv("D_LOG_FILE_APPEND_RANK", "1", 1), 0);
	start("ranked");
	assert_int_equal(d_unsetenv("D_LOG_FILE_APPEND_RANK"), 0);
	d_log_rank_setup(3);
	d_log_rank_setup(4);
	D_ERROR("ranked\n");
	d_log_fini();
	assert_non_null(strstr(content("ranked.rank=3"), "ranked"));
}

static void
an_unwritable_file_does_not_stop_the_process(void **state)
{
	assert_int_equal(d_setenv("D_LOG_FILE", "/nonexistent/folder/log", 1), 0);
	assert_int_equal(d_log_init(), 0);
	D_ERROR("this line goes to stderr\n");
	d_log_fini();
}

static void
debug_bits_are_handed_out(void **state)
{
	d_dbug_t bit = 0;
	d_dbug_t again = 0;

	start("bits");
	assert_true(DB_ALL == DLOG_DBG && DB_ANY == 1 << 8 && DB_TEST == 1 << 13);
	assert_int_equal(d_log_dbg_bit_alloc(&bit, "mine", "my_own"), 0);
	assert_int_equal(bit, 1 << 14);
	assert_int_equal(d_log_dbg_bit_alloc(&again, "MINE", NULL), 0);
	assert_int_equal(again, bit);
	assert_int_equal(d_log_getdbgbit(&again, "mine"), 0);
	assert_int_equal(d_log_dbg_grp_alloc(bit | DB_IO, "both", D_LOG_SET_AS_DEFAULT), 0);
	assert_int_equal(d_dbglog_data.dd_mask, bit | DB_IO);
	assert_int_equal(d_log_dbg_grp_dealloc("both"), 0);
	assert_int_equal(d_log_dbg_grp_dealloc("both"), -1);
	assert_int_equal(d_log_dbg_bit_dealloc("mine"), 0);
	assert_int_equal(d_log_getdbgbit(&again, "mine"), -1);
	d_log_fini();
}

static void
ids(uint32_t *xs, uint64_t *ult)
{
	if (xs != NULL)
		*xs = 7;
	if (ult != NULL)
		*ult = 4242;
}

static void
the_tag_names_xstream_and_ult(void **state)
{
	snprintf(path, sizeof(path), "%s/tag", dir);
	d_log_reset();
	assert_int_equal(d_log_init_adv("DAOS", path, DLOG_FLV_LOGPID | DLOG_FLV_TAG, DLOG_INFO,
					DLOG_EMERG, ids),
			 0);
	D_ERROR("tagged\n");
	d_log_fini();
	d_log_reset();
	snprintf(path, sizeof(path), "^[0-9]{2}/[0-9]{2} .* DAOS\\[%d/7/4242\\] ERR  ", getpid());
	assert_true(matches(content("tag"), path));
}

static void *
chatter(void *arg)
{
	for (int i = 0; i < 100; i++)
		D_WARN("thread %d line %02d.\n", (int)(intptr_t)arg, i);
	return NULL;
}

static void
threads_do_not_mix_their_lines(void **state)
{
	pthread_t threads[4];
	int lines = 0;

	start("threads");
	for (intptr_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, chatter, (void *)i), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	d_log_fini();
	for (const char *line = content("threads"); *line != '\0'; line = strchr(line, '\n') + 1) {
		if (strstr(line, "chatter() thread ") == NULL)
			continue;
		assert_true(strchr(line, '\n')[-1] == '.');
		lines++;
	}
	assert_int_equal(lines, 400);
}

static void
asserted(const int result, const char *expression, const char *file, const int line)
{
	mock_assert(result, expression, file, line);
}

static void
assertions_can_be_tested(void **state)
{
	assert_int_equal(d_register_alt_assert(NULL), -DER_INVAL);
	assert_int_equal(d_register_alt_assert(asserted), 0);
	expect_assert_failure(D_ASSERT(1 == 2));
	d_alt_assert = NULL;
}

static int
setup(void **state)
{
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	snprintf(text, sizeof(text), "rm -rf '%s'", dir);
	return system(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_date_host_tag_facility_and_level),
		cmocka_unit_test(masks_select_lines),
		cmocka_unit_test(long_lines_are_cut),
		cmocka_unit_test(full_files_are_set_aside),
		cmocka_unit_test(the_rank_is_added_to_the_name),
		cmocka_unit_test(an_unwritable_file_does_not_stop_the_process),
		cmocka_unit_test(debug_bits_are_handed_out),
		cmocka_unit_test(the_tag_names_xstream_and_ult),
		cmocka_unit_test(threads_do_not_mix_their_lines),
		cmocka_unit_test(assertions_can_be_tested),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
