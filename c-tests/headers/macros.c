/* Uses every macro of include/ that takes arguments, as modules do. It is compiled, not run: `cargo
 * xtask abi
 * --check` does so, and says which macro is missing here. Macros that another one expands to count
 * as used. */
#include <abt.h>
#include <cart/api.h>
#include <daos/common.h>
#include <daos/drpc.h>
#include <daos/drpc_types.h>
#include <daos/rpc.h>
#include <daos_errno.h>
#include <daos_srv/daos_engine.h>
#include <daos_srv/ras.h>
#include <daos_srv/vos_types.h>
#include <engine/srv_internal.h>
#include <gurt/atomic.h>
#include <gurt/common.h>
#include <gurt/debug.h>
#include <gurt/list.h>

/* ---- RPCs ---- */

#define EXAMPLE_IN  ((uuid_t)(id)CRT_VAR)((uint64_t)(size)CRT_VAR)((uint32_t)(ranks)CRT_ARRAY)
#define EXAMPLE_OUT ((int32_t)(rc)CRT_VAR)((uint32_t)(count)CRT_VAR)

CRT_RPC_DECLARE(example, EXAMPLE_IN, EXAMPLE_OUT)
CRT_RPC_DEFINE(example, EXAMPLE_IN, EXAMPLE_OUT)

#define PAIR ((uint32_t)(a)CRT_VAR)((uint32_t)(b)CRT_VAR)
CRT_GEN_STRUCT(pair, PAIR)
CRT_GEN_PROC_FUNC(pair, PAIR)

DEFINE_DS_RPC_PROTOCOL(example, DAOS_POOL_MODULE)

int
use_of_rpc(crt_proc_t proc, crt_proc_op_t op)
{
	struct pair pair = {1, 2};
	uint32_t opcode = DAOS_RPC_OPCODE(3, DAOS_POOL_MODULE, 7);

	if (ENCODING(op) || DECODING(op) || FREEING(op))
		return crt_proc_pair(proc, &pair);
	return opc_get(opcode) + opc_get_mod_id(opcode) + opc_get_rpc_ver(opcode) +
	       CRT_PROTO_OPC(opcode, 2, 5) + DAOS_IO_CTX_ID(4);
}

/* ---- log and assertions ---- */

/** Mercury's. */
const char *HG_Error_to_string(int code);

D_CASSERT(sizeof(struct pair) == 8, "two numbers");

void
use_of_log(void *ptr, int rc)
{
	d_iov_t iov = {0};
	uuid_t pool = {0}, cont = {0};

	D_INFO("%d\n", rc);
	D_NOTE("note\n");
	D_WARN("warn\n");
	D_ERROR(DF_RC "\n", DP_RC(rc));
	D_CRIT("crit\n");
	D_ALERT("alert\n");
	D_FATAL("fatal\n");
	D_EMIT("emit\n");
	D_CDEBUG(rc == 0, DB_TRACE, DLOG_ERR, "%d\n", rc);
	D_TRACE_INFO(ptr, "info\n");
	D_TRACE_NOTE(ptr, "note\n");
	D_TRACE_WARN(ptr, "warn\n");
	D_TRACE_ERROR(ptr, "error\n");
	D_TRACE_CRIT(ptr, "crit\n");
	D_TRACE_ALERT(ptr, "alert\n");
	D_TRACE_FATAL(ptr, "fatal\n");
	D_TRACE_EMIT(ptr, "emit\n");
	D_TRACE_UP(DB_ANY, ptr, &rc, "example");
	D_TRACE_DOWN(DB_ANY, ptr);
	D_TRACE_ROOT(DB_ANY, ptr, "example");
	DL_INFO(rc, "pool " DF_UUID, DP_UUID(pool));
	DL_WARN(rc, "container " DF_CONT, DP_CONT(pool, cont));
	DL_ERROR(rc, "key " DF_KEY ", vector " DF_IOV, DP_KEY(&iov), DP_IOV(&iov));
	DL_CDEBUG(rc == 0, DB_ANY, DLOG_WARN, rc, "bool " DF_BOOL, DP_BOOL(rc == 0));
	DHL_INFO(ptr, rc, "info");
	DHL_WARN(ptr, rc, "warn");
	DHL_ERROR(ptr, rc, "error");
	DS_INFO(rc, "info");
	DS_WARN(rc, "warn");
	DS_ERROR(rc, "error");
	DHS_INFO(ptr, rc, "info");
	DHS_WARN(ptr, rc, "warn");
	DHS_ERROR(ptr, rc, "error");
	D_ERROR("%s(%d): %s\n", AP_RC(rc));
	D_PRINT("%d\n", rc);
	D_PRINT_ERR("%d\n", rc);
	if (D_LOG_ENABLED(DB_ANY) && likely(rc == 0) && !unlikely(rc != 0))
		D_ASSERT(rc == 0);
	D_ASSERTF(rc == 0, "%d\n", rc);
	D_ASSERTF_MEM(rc == 0, ptr, 8, "%d\n", rc);
	(void)DLOG_PRI(DLOG_ERR);
	D_NOOP(rc);
	D_ERROR("Mercury: " DF_HG_RC "\n", DP_HG_RC(rc));
}

#define ONE(...) +1

int
use_of_facilities(void)
{
	int rc = D_LOG_REGISTER_DB(DAOS_FOREACH_DB);

	if (rc == 0)
		rc = D_LOG_REGISTER_FAC(DAOS_FOREACH_LOG_FAC);
	return rc D_FOREACH_GURT_FAC(ONE, 0);
}

/* ---- memory ---- */

int
use_of_memory(void)
{
	struct pair *one = NULL, *more;
	char *text = NULL, *copy = NULL;
	char name[16] = "example";
	int rc = 0;

	D_ALLOC(text, 16);
	D_FREE(text);
	D_ALLOC_NZ(text, 16);
	D_REALLOC(copy, text, 16, 32);
	D_REALLOC_NZ(text, copy, 64);
	D_REALLOC_Z(copy, text, 128);
	D_FREE(copy);
	D_ALLOC_PTR(one);
	D_FREE(one);
	D_ALLOC_PTR_NZ(one);
	D_FREE(one);
	D_ALLOC_ARRAY_NZ(one, 2);
	D_REALLOC_ARRAY(more, one, 2, 4);
	D_REALLOC_ARRAY_NZ(one, more, 8);
	D_REALLOC_ARRAY_Z(more, one, 16);
	D_FREE(more);
	D_ALLOC_ARRAY(one, 2);
	D_FREE(one);
	D_ALIGNED_ALLOC(one, 64, 128);
	D_FREE(one);
	D_ALIGNED_ALLOC_NZ(one, 64, 128);
	D_FREE(one);
	D_STRNDUP(text, name, 8);
	D_FREE(text);
	D_STRNDUP_S(text, name);
	D_FREE(text);
	D_ASPRINTF(text, "%d", rc);
	D_FREE(text);
	D_REALPATH(text, name);
	if (text == NULL)
		D_GOTO(out, rc = -DER_NOMEM);
	VALGRIND_MAKE_MEM_DEFINED(text, 1);
	VALGRIND_DISABLE_ADDR_ERROR_REPORTING_IN_RANGE(text, 1);
	VALGRIND_ENABLE_ADDR_ERROR_REPORTING_IN_RANGE(text, 1);
	rc = D_FPRINTF(stdout, "%s\n", text);
out:
	D_FREE(text);
	return rc;
}

/* ---- locks and atomics ---- */

int
use_of_locks(void)
{
	pthread_spinlock_t spin;
	pthread_mutex_t mutex;
	pthread_rwlock_t rwlock;
	pthread_cond_t cond;
	int rc = D_SPIN_INIT(&spin, 0) + D_MUTEX_INIT(&mutex, NULL) + D_RWLOCK_INIT(&rwlock, NULL) +
		 D_COND_INIT(&cond, NULL);

	D_SPIN_LOCK(&spin);
	D_SPIN_UNLOCK(&spin);
	D_SPIN_DESTROY(&spin);
	D_MUTEX_LOCK(&mutex);
	D_MUTEX_UNLOCK(&mutex);
	if (D_MUTEX_TRYLOCK(&mutex) == 0)
		D_MUTEX_UNLOCK(&mutex);
	D_MUTEX_DESTROY(&mutex);
	D_RWLOCK_RDLOCK(&rwlock);
	D_RWLOCK_UNLOCK(&rwlock);
	D_RWLOCK_WRLOCK(&rwlock);
	D_RWLOCK_UNLOCK(&rwlock);
	if (D_RWLOCK_TRYWRLOCK(&rwlock) == 0)
		D_RWLOCK_UNLOCK(&rwlock);
	D_RWLOCK_DESTROY(&rwlock);
	D_COND_DESTROY(&cond);
	return rc;
}

uint32_t
use_of_atomics(ATOMIC uint32_t *count)
{
	uint32_t expected = 1;

	atomic_store_relaxed(count, 1);
	atomic_store_release(count, 2);
	atomic_fetch_add_relaxed(count, 3);
	atomic_fetch_sub_relaxed(count, 4);
	return atomic_compare_exchange(count, expected, 5) ? atomic_load_relaxed(count) : expected;
}

/* ---- lists ---- */

struct item {
	int value;
	d_list_t link;
	d_hlist_node_t node;
};

int
use_of_lists(void)
{
	D_LIST_HEAD(list);
	D_HLIST_HEAD(hlist);
	struct item item = {.value = 1}, *it, *next;
	d_list_t *pos, *after;
	d_hlist_node_t *node, *after_node;
	int sum = 0;

	D_INIT_LIST_HEAD(&item.link);
	D_INIT_HLIST_HEAD(&hlist);
	D_INIT_HLIST_NODE(&item.node);
	d_list_for_each(pos, &list) sum += d_list_entry(pos, struct item, link)->value;
	d_list_for_each_prev(pos, &list) sum += container_of(pos, struct item, link)->value;
	d_list_for_each_safe(pos, after, &list) d_list_del(pos);
	d_list_for_each_entry(it, &list, link) sum += it->value;
	d_list_for_each_entry_reverse(it, &list, link) sum += it->value;
	d_list_for_each_entry_safe(it, next, &list, link) sum += it->value;
	it = &item;
	d_list_for_each_entry_safe_from(it, next, &item.link, link) sum += it->value;
	d_list_for_each_entry_reverse_safe(it, next, &list, link) sum += it->value;
	it = &item;
	d_list_for_each_entry_continue(it, &item.link, link) sum += it->value;
	it = d_list_pop_entry(&list, struct item, link);

	dhlist_for_each(node, &hlist) sum += d_hlist_entry(node, struct item, node)->value;
	dhlist_for_each_safe(node, after_node, &hlist) d_hlist_del(node);
	dhlist_for_each_entry(it, node, &hlist, node) sum += it->value;
	dhlist_for_each_entry_safe(it, node, after_node, &hlist, node) sum += it->value;
	node = &item.node;
	dhlist_for_each_entry_from(it, node, node) sum += it->value;
	node = &item.node;
	dhlist_for_each_entry_continue(it, node, node) sum += it->value;
	return sum;
}

/* ---- numbers ---- */

uint64_t
use_of_numbers(int a, int b)
{
	uint16_t two = 2;
	uint32_t four = 4;
	uint64_t eight = 8;
	uuid_t uuid = {0};
	char string[] = "text";

	D_SWAP16S(&two);
	D_SWAP32S(&four);
	D_SWAP64S(&eight);
	return MIN(a, b) + MAX(a, b) + min(a, b) + max(a, b) + min_t(long, a, b) +
	       max_t(long, a, b) + D_ALIGNUP(a, 8) + LOWEST_BIT_SET(a) + D_BIT_IS_SET(a, 4) +
	       ARRAY_SIZE(string) + d_is_uuid(uuid) + d_is_string(string) + two + four + eight +
	       daos_errno2der(a) + ABT_CALC_VERSION(1, 2, 0, 0, 0);
}

/* ---- Argobots, dRPC, faults, space, xstreams ---- */

int
use_of_handles(ABT_mutex_memory *mutex, ABT_cond_memory *cond, ABT_eventual_memory *eventual)
{
	return ABT_MUTEX_MEMORY_GET_HANDLE(mutex) != ABT_MUTEX_NULL &&
	       ABT_COND_MEMORY_GET_HANDLE(cond) != ABT_COND_NULL &&
	       ABT_EVENTUAL_MEMORY_GET_HANDLE(eventual) != ABT_EVENTUAL_NULL;
}

size_t
use_of_drpc(uint8_t *packet, size_t left)
{
	struct drpc_alloc alloc = PROTO_ALLOCATOR_INIT(alloc);

	return DRPC_CHUNK_SIZE(left) + DRPC_CHUNK_DATA_SIZE(left) + *DRPC_CHUNK_DATA_PTR(packet) +
	       alloc.oom;
}

uint64_t
use_of_faults(uint64_t location)
{
	return D_SHOULD_FAIL(d_fault_attr_mem) || DAOS_FAIL_CHECK(location)
		       ? DAOS_FAIL_ID_GET(location)
		       : DAOS_FAIL_GROUP_GET(location);
}

uint64_t
use_of_space(struct vos_pool_space *space)
{
	return SCM_TOTAL(space) + SCM_FREE(space) + SCM_SYS(space) + NVME_TOTAL(space) +
	       NVME_FREE(space) + NVME_SYS(space);
}

unsigned int
use_of_xstreams(unsigned int target)
{
	return DSS_MAIN_XS_ID(target) + DSS_XS_NR_TOTAL + DSS_CTX_NR_TOTAL;
}
