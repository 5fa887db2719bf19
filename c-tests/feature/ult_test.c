/* The feature ult alone, as over DAOS's libraries: pools of VOS are created and opened by VOS's
 * functions, which are mocked, in a ULT of the caller's xstream with a deep stack; dss_main_exec
 * and dss_offload_exec are the suite's own, as DAOS's are weak. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include <daos_errno.h>
#include <daos/tls.h>
#include <daos_srv/daos_engine.h>
#include <daos_srv/vos.h>
#include <engine/srv_internal.h>

enum { VOS_FLAGS = 12 };

static struct dss_xstream dx;
static struct dss_module_info info;
static void *values[DAOS_MODULE_KEYS_NR];
static struct dss_thread_local_storage storage = {.dtls_values = values};

/* ---- mocks ---- */

struct dss_module_key daos_srv_modkey;

struct dss_module_key *
daos_get_module_key(int index)
{
	return &daos_srv_modkey;
}

struct dss_thread_local_storage *
dss_tls_get(void)
{
	return &storage;
}

/** What VOS was called with, and on which ULT. */
static struct {
	const char *path;
	unsigned char *uuid;
	daos_size_t scm, data, meta;
	unsigned int flags;
	uint32_t version;
	daos_handle_t *pool;
	size_t stack;
	int rc;
} vos;

/** Uses more stack than a ULT gets if nobody asks for more: below that is a guard page. */
static size_t
use_stack(void)
{
	volatile char deep[DSS_DEEP_STACK_SZ * 3 / 4];
	size_t i;

	for (i = 0; i < sizeof(deep); i += 512)
		deep[i] = 1;
	return sizeof(deep);
}

int
vos_pool_create(const char *path, unsigned char *uuid, daos_size_t scm_sz, daos_size_t data_sz,
		daos_size_t meta_sz, unsigned int flags, uint32_t version, daos_handle_t *poh)
{
	vos.path = path;
	vos.uuid = uuid;
	vos.scm = scm_sz;
	vos.data = data_sz;
	vos.meta = meta_sz;
	vos.flags = flags;
	vos.version = version;
	vos.pool = poh;
	vos.stack = use_stack();
	return vos.rc;
}

int
vos_pool_open(const char *path, unsigned char *uuid, unsigned int flags, daos_handle_t *poh)
{
	vos.path = path;
	vos.uuid = uuid;
	vos.flags = flags;
	vos.pool = poh;
	vos.stack = use_stack();
	return vos.rc;
}

/* Not the library's: DAOS's tests replace them. */
int
dss_main_exec(void (*func)(void *), void *arg)
{
	return 4711;
}

static int
start(void **state)
{
	int i;

	if (ABT_init(0, NULL) != ABT_SUCCESS ||
	    ABT_future_create(1, NULL, &dx.dx_stopping) != ABT_SUCCESS)
		return -1;
	for (i = 0; i < DSS_POOL_CNT; i++)
		dx.dx_pools[i] = ABT_POOL_NULL;
	dx.dx_main_xs = true;
	info.dmi_xstream = &dx;
	values[0] = &info;
	if (dss_sched_init(&dx) != 0)
		return -1;
	return ABT_xstream_create_with_rank(dx.dx_sched, 1, &dx.dx_xstream);
}

static int
stop(void **state)
{
	ABT_xstream_join(dx.dx_xstream);
	ABT_xstream_free(&dx.dx_xstream);
	dss_sched_fini(&dx);
	ABT_future_free(&dx.dx_stopping);
	return ABT_finalize();
}

static void
a_pool_is_created_on_a_deep_stack(void **state)
{
	daos_handle_t pool = {0};
	uuid_t uuid = {7};

	memset(&vos, 0, sizeof(vos));
	vos.rc = -DER_NOSPACE;
	assert_int_equal(dss_vos_pool_create("/p", uuid, 1, 2, 3, VOS_FLAGS, 5, &pool),
			 -DER_NOSPACE);
	assert_string_equal(vos.path, "/p");
	assert_ptr_equal(vos.uuid, uuid);
	assert_int_equal(vos.scm, 1);
	assert_int_equal(vos.data, 2);
	assert_int_equal(vos.meta, 3);
	assert_int_equal(vos.flags, VOS_FLAGS);
	assert_int_equal(vos.version, 5);
	assert_ptr_equal(vos.pool, &pool);
	assert_int_equal(vos.stack, DSS_DEEP_STACK_SZ * 3 / 4);
}

static void
a_pool_is_opened_on_a_deep_stack(void **state)
{
	daos_handle_t pool = {0};
	uuid_t uuid = {7};

	memset(&vos, 0, sizeof(vos));
	assert_int_equal(dss_vos_pool_open("/q", uuid, VOS_FLAGS, &pool), 0);
	assert_string_equal(vos.path, "/q");
	assert_ptr_equal(vos.uuid, uuid);
	assert_int_equal(vos.flags, VOS_FLAGS);
	assert_ptr_equal(vos.pool, &pool);
	assert_int_equal(vos.stack, DSS_DEEP_STACK_SZ * 3 / 4);
}

static void
main_exec_can_be_replaced(void **state)
{
	assert_int_equal(dss_main_exec(NULL, NULL), 4711);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pool_is_created_on_a_deep_stack),
		cmocka_unit_test(a_pool_is_opened_on_a_deep_stack),
		cmocka_unit_test(main_exec_can_be_replaced),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
