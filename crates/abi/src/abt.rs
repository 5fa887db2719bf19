//! `abt.h`: handles, constants and functions of Argobots 1.2 that DAOS 2.8 uses.

use crate::*;
use core::ffi::{c_char, c_int, c_uint, c_void};

/// The version 1.2rc1 as a number, see `ABT_CALC_VERSION` of abt.h.
pub const ABT_NUMVERSION: u32 = 10200201;
/// Type of an alpha release in `ABT_NUMVERSION`.
pub const ABT_RELEASE_TYPE_ALPHA: u32 = 0;
/// Type of a beta release.
pub const ABT_RELEASE_TYPE_BETA: u32 = 1;
/// Type of a release candidate.
pub const ABT_RELEASE_TYPE_RC: u32 = 2;
/// Type of a release or of its patches.
pub const ABT_RELEASE_TYPE_PATCH: u32 = 3;
/// Whether the behaviour of version 2.0 is on; it is not.
pub const ABT_ENABLE_VER_20_API_VAL: u32 = 0;
/// The function has done what it is for.
pub const ABT_SUCCESS: c_int = 0;
/// The runtime is not up: `ABT_init` comes first.
pub const ABT_ERR_UNINITIALIZED: c_int = 1;
/// There is no memory.
pub const ABT_ERR_MEM: c_int = 2;
/// Any other error.
pub const ABT_ERR_OTHER: c_int = 3;
/// An argument is not an execution stream where one is needed.
pub const ABT_ERR_INV_XSTREAM: c_int = 4;
/// An argument is not the rank of an execution stream where one is needed.
pub const ABT_ERR_INV_XSTREAM_RANK: c_int = 5;
/// An argument is not a barrier of execution streams where one is needed.
pub const ABT_ERR_INV_XSTREAM_BARRIER: c_int = 6;
/// An argument is not a scheduler where one is needed.
pub const ABT_ERR_INV_SCHED: c_int = 7;
/// An argument is not a kind of scheduler where one is needed.
pub const ABT_ERR_INV_SCHED_KIND: c_int = 8;
/// An argument is not a predefined scheduler where one is needed.
pub const ABT_ERR_INV_SCHED_PREDEF: c_int = 9;
/// An argument is not a type of scheduler where one is needed.
pub const ABT_ERR_INV_SCHED_TYPE: c_int = 10;
/// An argument is not a configuration of a scheduler where one is needed.
pub const ABT_ERR_INV_SCHED_CONFIG: c_int = 11;
/// An argument is not a pool where one is needed.
pub const ABT_ERR_INV_POOL: c_int = 12;
/// An argument is not a kind of pool where one is needed.
pub const ABT_ERR_INV_POOL_KIND: c_int = 13;
/// An argument is not a kind of access to a pool where one is needed.
pub const ABT_ERR_INV_POOL_ACCESS: c_int = 14;
/// An argument is not a configuration of a pool where one is needed.
pub const ABT_ERR_INV_POOL_CONFIG: c_int = 56;
/// An argument is not a definition of a pool where one is needed.
pub const ABT_ERR_INV_POOL_USER_DEF: c_int = 57;
/// An argument is not a unit where one is needed.
pub const ABT_ERR_INV_UNIT: c_int = 15;
/// An argument is not a ULT where one is needed.
pub const ABT_ERR_INV_THREAD: c_int = 16;
/// An argument is not attributes of a ULT where one is needed.
pub const ABT_ERR_INV_THREAD_ATTR: c_int = 17;
/// An argument is not a tasklet where one is needed.
pub const ABT_ERR_INV_TASK: c_int = 18;
/// An argument is not a key of unit-local data where one is needed.
pub const ABT_ERR_INV_KEY: c_int = 19;
/// An argument is not a mutex where one is needed.
pub const ABT_ERR_INV_MUTEX: c_int = 20;
/// An argument is not attributes of a mutex where one is needed.
pub const ABT_ERR_INV_MUTEX_ATTR: c_int = 21;
/// An argument is not a condition variable where one is needed.
pub const ABT_ERR_INV_COND: c_int = 22;
/// An argument is not a read-write lock where one is needed.
pub const ABT_ERR_INV_RWLOCK: c_int = 23;
/// An argument is not an eventual where one is needed.
pub const ABT_ERR_INV_EVENTUAL: c_int = 24;
/// An argument is not a future where one is needed.
pub const ABT_ERR_INV_FUTURE: c_int = 25;
/// An argument is not a barrier where one is needed.
pub const ABT_ERR_INV_BARRIER: c_int = 26;
/// An argument is not a timer where one is needed.
pub const ABT_ERR_INV_TIMER: c_int = 27;
/// An argument is not a kind of query where one is needed.
pub const ABT_ERR_INV_QUERY_KIND: c_int = 28;
/// An argument is not a context of a tool where one is needed.
pub const ABT_ERR_INV_TOOL_CONTEXT: c_int = 52;
/// An argument is out of its range.
pub const ABT_ERR_INV_ARG: c_int = 53;
/// An operation on an execution stream failed or is not allowed now.
pub const ABT_ERR_XSTREAM: c_int = 29;
/// The execution stream is not in a state that allows this.
pub const ABT_ERR_XSTREAM_STATE: c_int = 30;
/// An operation on a barrier of execution streams failed or is not allowed now.
pub const ABT_ERR_XSTREAM_BARRIER: c_int = 31;
/// An operation on a scheduler failed or is not allowed now.
pub const ABT_ERR_SCHED: c_int = 32;
/// An operation on a configuration of a scheduler failed or is not allowed now.
pub const ABT_ERR_SCHED_CONFIG: c_int = 33;
/// An operation on a pool failed or is not allowed now.
pub const ABT_ERR_POOL: c_int = 34;
/// An operation on a unit failed or is not allowed now.
pub const ABT_ERR_UNIT: c_int = 35;
/// An operation on a ULT failed or is not allowed now.
pub const ABT_ERR_THREAD: c_int = 36;
/// An operation on a tasklet failed or is not allowed now.
pub const ABT_ERR_TASK: c_int = 37;
/// An operation on a key of unit-local data failed or is not allowed now.
pub const ABT_ERR_KEY: c_int = 38;
/// An operation on a mutex failed or is not allowed now.
pub const ABT_ERR_MUTEX: c_int = 39;
/// The mutex is held: what trying to lock it returns.
pub const ABT_ERR_MUTEX_LOCKED: c_int = 40;
/// An operation on a condition variable failed or is not allowed now.
pub const ABT_ERR_COND: c_int = 41;
/// The time for which to wait for a condition is over.
pub const ABT_ERR_COND_TIMEDOUT: c_int = 42;
/// An operation on a read-write lock failed or is not allowed now.
pub const ABT_ERR_RWLOCK: c_int = 43;
/// An operation on an eventual failed or is not allowed now.
pub const ABT_ERR_EVENTUAL: c_int = 44;
/// An operation on a future failed or is not allowed now.
pub const ABT_ERR_FUTURE: c_int = 45;
/// An operation on a barrier failed or is not allowed now.
pub const ABT_ERR_BARRIER: c_int = 46;
/// An operation on a timer failed or is not allowed now.
pub const ABT_ERR_TIMER: c_int = 47;
/// No pool to migrate to.
pub const ABT_ERR_MIGRATION_TARGET: c_int = 48;
/// Migration is not built in.
pub const ABT_ERR_MIGRATION_NA: c_int = 49;
/// An execution stream must be joined first.
pub const ABT_ERR_MISSING_JOIN: c_int = 50;
/// The feature is not built in.
pub const ABT_ERR_FEATURE_NA: c_int = 51;
/// A system call failed.
pub const ABT_ERR_SYS: c_int = 54;
/// There is no CPU of this number.
pub const ABT_ERR_CPUID: c_int = 55;
/// No event of a unit.
pub const ABT_TOOL_EVENT_THREAD_NONE: u32 = 0;
/// A unit is created.
pub const ABT_TOOL_EVENT_THREAD_CREATE: u32 = 1;
/// A unit is joined.
pub const ABT_TOOL_EVENT_THREAD_JOIN: u32 = 2;
/// A unit is freed.
pub const ABT_TOOL_EVENT_THREAD_FREE: u32 = 4;
/// A unit that has ended is used again.
pub const ABT_TOOL_EVENT_THREAD_REVIVE: u32 = 8;
/// A unit begins to run.
pub const ABT_TOOL_EVENT_THREAD_RUN: u32 = 16;
/// A unit ends.
pub const ABT_TOOL_EVENT_THREAD_FINISH: u32 = 32;
/// A unit ends because it was cancelled.
pub const ABT_TOOL_EVENT_THREAD_CANCEL: u32 = 64;
/// A ULT yields.
pub const ABT_TOOL_EVENT_THREAD_YIELD: u32 = 128;
/// A ULT suspends itself.
pub const ABT_TOOL_EVENT_THREAD_SUSPEND: u32 = 256;
/// A ULT is made ready again.
pub const ABT_TOOL_EVENT_THREAD_RESUME: u32 = 512;
/// Yes, as an `ABT_bool`.
pub const ABT_TRUE: c_int = 1;
/// No, as an `ABT_bool`.
pub const ABT_FALSE: c_int = 0;
/// Any free rank will do.
pub const ABT_XSTREAM_ANY_RANK: c_int = -1;
/// Whether handles of nothing are null pointers; they are small numbers.
pub const ABT_NULL: u32 = 0;
/// It runs its scheduler.
pub const ABT_XSTREAM_STATE_RUNNING: ABT_xstream_state = 0;
/// It has stopped.
pub const ABT_XSTREAM_STATE_TERMINATED: ABT_xstream_state = 1;

/// State of an execution stream.
pub type ABT_xstream_state = c_uint;

/// It waits in a pool.
pub const ABT_THREAD_STATE_READY: ABT_thread_state = 0;
/// It runs.
pub const ABT_THREAD_STATE_RUNNING: ABT_thread_state = 1;
/// It waits for something.
pub const ABT_THREAD_STATE_BLOCKED: ABT_thread_state = 2;
/// It has ended.
pub const ABT_THREAD_STATE_TERMINATED: ABT_thread_state = 3;

/// State of a ULT.
pub type ABT_thread_state = c_uint;

/// It waits in a pool.
pub const ABT_TASK_STATE_READY: ABT_task_state = 0;
/// It runs.
pub const ABT_TASK_STATE_RUNNING: ABT_task_state = 1;
/// It has ended.
pub const ABT_TASK_STATE_TERMINATED: ABT_task_state = 2;

/// State of a tasklet.
pub type ABT_task_state = c_uint;

/// It has not run yet.
pub const ABT_SCHED_STATE_READY: ABT_sched_state = 0;
/// It runs.
pub const ABT_SCHED_STATE_RUNNING: ABT_sched_state = 1;
/// It is between two runs.
pub const ABT_SCHED_STATE_STOPPED: ABT_sched_state = 2;
/// It has ended.
pub const ABT_SCHED_STATE_TERMINATED: ABT_sched_state = 3;

/// State of a scheduler.
pub type ABT_sched_state = c_uint;

/// What Argobots chooses.
pub const ABT_SCHED_DEFAULT: ABT_sched_predef = 0;
/// Takes units of its pools in their order.
pub const ABT_SCHED_BASIC: ABT_sched_predef = 1;
/// Takes a unit of the first pool that has one.
pub const ABT_SCHED_PRIO: ABT_sched_predef = 2;
/// Steals from a random other pool when its own is empty.
pub const ABT_SCHED_RANDWS: ABT_sched_predef = 3;
/// Takes units in the order of pools, and sleeps when there are none.
pub const ABT_SCHED_BASIC_WAIT: ABT_sched_predef = 4;

/// Predefined schedulers.
pub type ABT_sched_predef = c_uint;

/// It may yield.
pub const ABT_SCHED_TYPE_ULT: ABT_sched_type = 0;
/// It runs like a tasklet.
pub const ABT_SCHED_TYPE_TASK: ABT_sched_type = 1;

/// How a scheduler runs.
pub type ABT_sched_type = c_uint;

/// First in, first out.
pub const ABT_POOL_FIFO: ABT_pool_kind = 0;
/// First in, first out, with a wait for the first.
pub const ABT_POOL_FIFO_WAIT: ABT_pool_kind = 1;
/// A queue with two ends, for stealing.
pub const ABT_POOL_RANDWS: ABT_pool_kind = 2;

/// Predefined pools.
pub type ABT_pool_kind = c_uint;

/// One execution stream pushes and pops.
pub const ABT_POOL_ACCESS_PRIV: ABT_pool_access = 0;
/// One execution stream pushes, one pops.
pub const ABT_POOL_ACCESS_SPSC: ABT_pool_access = 1;
/// Any pushes, one pops.
pub const ABT_POOL_ACCESS_MPSC: ABT_pool_access = 2;
/// One pushes, any pops.
pub const ABT_POOL_ACCESS_SPMC: ABT_pool_access = 3;
/// Any pushes and pops.
pub const ABT_POOL_ACCESS_MPMC: ABT_pool_access = 4;

/// Who pushes to a pool and pops from it.
pub type ABT_pool_access = c_uint;

/// A ULT.
pub const ABT_UNIT_TYPE_THREAD: ABT_unit_type = 0;
/// A tasklet.
pub const ABT_UNIT_TYPE_TASK: ABT_unit_type = 1;
/// Not in use.
pub const ABT_UNIT_TYPE_XSTREAM: ABT_unit_type = 2;
/// A thread that Argobots does not know.
pub const ABT_UNIT_TYPE_EXT: ABT_unit_type = 3;

/// What runs.
pub type ABT_unit_type = c_uint;

/// An `ABT_bool`: whether Argobots was built or started with debug.
pub const ABT_INFO_QUERY_KIND_ENABLED_DEBUG: ABT_info_query_kind = 0;
/// An `ABT_bool`: whether Argobots was built or started with print errno.
pub const ABT_INFO_QUERY_KIND_ENABLED_PRINT_ERRNO: ABT_info_query_kind = 1;
/// An `ABT_bool`: whether Argobots was built or started with log.
pub const ABT_INFO_QUERY_KIND_ENABLED_LOG: ABT_info_query_kind = 2;
/// An `ABT_bool`: whether Argobots was built or started with valgrind.
pub const ABT_INFO_QUERY_KIND_ENABLED_VALGRIND: ABT_info_query_kind = 3;
/// An `ABT_bool`: whether Argobots was built or started with check error.
pub const ABT_INFO_QUERY_KIND_ENABLED_CHECK_ERROR: ABT_info_query_kind = 4;
/// An `ABT_bool`: whether Argobots was built or started with check pool producer.
pub const ABT_INFO_QUERY_KIND_ENABLED_CHECK_POOL_PRODUCER: ABT_info_query_kind = 5;
/// An `ABT_bool`: whether Argobots was built or started with check pool consumer.
pub const ABT_INFO_QUERY_KIND_ENABLED_CHECK_POOL_CONSUMER: ABT_info_query_kind = 6;
/// An `ABT_bool`: whether Argobots was built or started with preserve fpu.
pub const ABT_INFO_QUERY_KIND_ENABLED_PRESERVE_FPU: ABT_info_query_kind = 7;
/// An `ABT_bool`: whether Argobots was built or started with thread cancel.
pub const ABT_INFO_QUERY_KIND_ENABLED_THREAD_CANCEL: ABT_info_query_kind = 8;
/// An `ABT_bool`: whether Argobots was built or started with task cancel.
pub const ABT_INFO_QUERY_KIND_ENABLED_TASK_CANCEL: ABT_info_query_kind = 9;
/// An `ABT_bool`: whether Argobots was built or started with migration.
pub const ABT_INFO_QUERY_KIND_ENABLED_MIGRATION: ABT_info_query_kind = 10;
/// An `ABT_bool`: whether Argobots was built or started with stackable sched.
pub const ABT_INFO_QUERY_KIND_ENABLED_STACKABLE_SCHED: ABT_info_query_kind = 11;
/// An `ABT_bool`: whether Argobots was built or started with external thread.
pub const ABT_INFO_QUERY_KIND_ENABLED_EXTERNAL_THREAD: ABT_info_query_kind = 12;
/// An `ABT_bool`: whether Argobots was built or started with sched sleep.
pub const ABT_INFO_QUERY_KIND_ENABLED_SCHED_SLEEP: ABT_info_query_kind = 13;
/// An `ABT_bool`: whether Argobots was built or started with print config.
pub const ABT_INFO_QUERY_KIND_ENABLED_PRINT_CONFIG: ABT_info_query_kind = 14;
/// An `ABT_bool`: whether Argobots was built or started with affinity.
pub const ABT_INFO_QUERY_KIND_ENABLED_AFFINITY: ABT_info_query_kind = 15;
/// An `unsigned int`: how many execution streams there may be.
pub const ABT_INFO_QUERY_KIND_MAX_NUM_XSTREAMS: ABT_info_query_kind = 16;
/// A `size_t`: bytes of a ULT's stack unless its attributes say otherwise.
pub const ABT_INFO_QUERY_KIND_DEFAULT_THREAD_STACKSIZE: ABT_info_query_kind = 17;
/// A `size_t`: bytes of a scheduler's stack.
pub const ABT_INFO_QUERY_KIND_DEFAULT_SCHED_STACKSIZE: ABT_info_query_kind = 18;
/// An `unsigned int`: units that a scheduler runs between two looks at events.
pub const ABT_INFO_QUERY_KIND_DEFAULT_SCHED_EVENT_FREQ: ABT_info_query_kind = 19;
/// A `uint64_t`: nanoseconds that an idle scheduler sleeps.
pub const ABT_INFO_QUERY_KIND_DEFAULT_SCHED_SLEEP_NSEC: ABT_info_query_kind = 20;
/// An `ABT_bool`: whether Argobots was built or started with tool.
pub const ABT_INFO_QUERY_KIND_ENABLED_TOOL: ABT_info_query_kind = 21;
/// An `ABT_bool`: whether stacks are switched by assembly.
pub const ABT_INFO_QUERY_KIND_FCONTEXT: ABT_info_query_kind = 22;
/// An `ABT_bool`: whether a ULT gets a context only when it blocks.
pub const ABT_INFO_QUERY_KIND_DYNAMIC_PROMOTION: ABT_info_query_kind = 23;
/// An `ABT_bool`: whether Argobots was built or started with stack unwind.
pub const ABT_INFO_QUERY_KIND_ENABLED_STACK_UNWIND: ABT_info_query_kind = 24;
/// An `ABT_bool`: whether Argobots was built or started with stack overflow check.
pub const ABT_INFO_QUERY_KIND_ENABLED_STACK_OVERFLOW_CHECK: ABT_info_query_kind = 25;
/// An `int`: 0 if threads that Argobots does not know wait passively, 1 if they spin.
pub const ABT_INFO_QUERY_KIND_WAIT_POLICY: ABT_info_query_kind = 26;
/// An `ABT_bool`: whether Argobots was built or started with lazy stack alloc.
pub const ABT_INFO_QUERY_KIND_ENABLED_LAZY_STACK_ALLOC: ABT_info_query_kind = 27;

/// What can be asked of the runtime.
pub type ABT_info_query_kind = c_uint;

/// The pool of the event.
pub const ABT_TOOL_QUERY_KIND_POOL: ABT_tool_query_kind = 0;
/// How many units run on top of each other.
pub const ABT_TOOL_QUERY_KIND_STACK_DEPTH: ABT_tool_query_kind = 1;
/// What caused the event.
pub const ABT_TOOL_QUERY_KIND_CALLER_TYPE: ABT_tool_query_kind = 2;
/// The unit that caused the event.
pub const ABT_TOOL_QUERY_KIND_CALLER_HANDLE: ABT_tool_query_kind = 3;
/// What is waited for.
pub const ABT_TOOL_QUERY_KIND_SYNC_OBJECT_TYPE: ABT_tool_query_kind = 4;
/// The object that is waited for.
pub const ABT_TOOL_QUERY_KIND_SYNC_OBJECT_HANDLE: ABT_tool_query_kind = 5;

/// What a tool can ask of an event.
pub type ABT_tool_query_kind = c_uint;

/// A thread that Argobots does not know.
pub const ABT_EXEC_ENTITY_TYPE_EXT: ABT_exec_entity_type = 0;
/// A unit.
pub const ABT_EXEC_ENTITY_TYPE_THREAD: ABT_exec_entity_type = 1;

/// What caused an event.
pub type ABT_exec_entity_type = c_uint;

/// Unknown.
pub const ABT_SYNC_EVENT_TYPE_UNKNOWN: ABT_sync_event_type = 0;
/// The user's own code.
pub const ABT_SYNC_EVENT_TYPE_USER: ABT_sync_event_type = 1;
/// Anything else.
pub const ABT_SYNC_EVENT_TYPE_OTHER: ABT_sync_event_type = 2;
/// The end of an execution stream.
pub const ABT_SYNC_EVENT_TYPE_XSTREAM_JOIN: ABT_sync_event_type = 3;
/// The end of a unit.
pub const ABT_SYNC_EVENT_TYPE_THREAD_JOIN: ABT_sync_event_type = 4;
/// A mutex.
pub const ABT_SYNC_EVENT_TYPE_MUTEX: ABT_sync_event_type = 5;
/// A condition variable.
pub const ABT_SYNC_EVENT_TYPE_COND: ABT_sync_event_type = 6;
/// A read-write lock.
pub const ABT_SYNC_EVENT_TYPE_RWLOCK: ABT_sync_event_type = 7;
/// An eventual.
pub const ABT_SYNC_EVENT_TYPE_EVENTUAL: ABT_sync_event_type = 8;
/// A future.
pub const ABT_SYNC_EVENT_TYPE_FUTURE: ABT_sync_event_type = 9;
/// A barrier.
pub const ABT_SYNC_EVENT_TYPE_BARRIER: ABT_sync_event_type = 10;

/// What a unit waits for.
pub type ABT_sync_event_type = c_uint;

/// What the handle of an execution stream refers to; never looked into.
#[repr(C)]
pub struct ABT_xstream_opaque {
    _opaque: [u8; 0],
}

/// What the handle of a barrier of execution streams refers to; never looked into.
#[repr(C)]
pub struct ABT_xstream_barrier_opaque {
    _opaque: [u8; 0],
}

/// What the handle of a scheduler refers to; never looked into.
#[repr(C)]
pub struct ABT_sched_opaque {
    _opaque: [u8; 0],
}

/// What the handle of a configuration of a scheduler refers to; never looked into.
#[repr(C)]
pub struct ABT_sched_config_opaque {
    _opaque: [u8; 0],
}

/// What the handle of a pool refers to; never looked into.
#[repr(C)]
pub struct ABT_pool_opaque {
    _opaque: [u8; 0],
}

/// What the handle of a configuration of a pool refers to; never looked into.
#[repr(C)]
pub struct ABT_pool_config_opaque {
    _opaque: [u8; 0],
}

/// What the handle of a unit refers to; never looked into.
#[repr(C)]
pub struct ABT_unit_opaque {
    _opaque: [u8; 0],
}

/// What the handle of a ULT refers to; never looked into.
#[repr(C)]
pub struct ABT_thread_opaque {
    _opaque: [u8; 0],
}

/// What the handle of attributes of a ULT refers to; never looked into.
#[repr(C)]
pub struct ABT_thread_attr_opaque {
    _opaque: [u8; 0],
}

/// What the handle of a tasklet refers to; never looked into.
#[repr(C)]
pub struct ABT_task_opaque {
    _opaque: [u8; 0],
}

/// What the handle of a key of unit-local data refers to; never looked into.
#[repr(C)]
pub struct ABT_key_opaque {
    _opaque: [u8; 0],
}

/// What the handle of a mutex refers to; never looked into.
#[repr(C)]
pub struct ABT_mutex_opaque {
    _opaque: [u8; 0],
}

/// What the handle of attributes of a mutex refers to; never looked into.
#[repr(C)]
pub struct ABT_mutex_attr_opaque {
    _opaque: [u8; 0],
}

/// What the handle of a condition variable refers to; never looked into.
#[repr(C)]
pub struct ABT_cond_opaque {
    _opaque: [u8; 0],
}

/// What the handle of a read-write lock refers to; never looked into.
#[repr(C)]
pub struct ABT_rwlock_opaque {
    _opaque: [u8; 0],
}

/// What the handle of an eventual refers to; never looked into.
#[repr(C)]
pub struct ABT_eventual_opaque {
    _opaque: [u8; 0],
}

/// What the handle of a future refers to; never looked into.
#[repr(C)]
pub struct ABT_future_opaque {
    _opaque: [u8; 0],
}

/// What the handle of a barrier refers to; never looked into.
#[repr(C)]
pub struct ABT_barrier_opaque {
    _opaque: [u8; 0],
}

/// What the handle of a timer refers to; never looked into.
#[repr(C)]
pub struct ABT_timer_opaque {
    _opaque: [u8; 0],
}

/// What the handle of a context of a tool refers to; never looked into.
#[repr(C)]
pub struct ABT_tool_context_opaque {
    _opaque: [u8; 0],
}

/// Handle of an execution stream.
pub type ABT_xstream = *mut ABT_xstream_opaque;

/// Handle of a barrier of execution streams.
pub type ABT_xstream_barrier = *mut ABT_xstream_barrier_opaque;

/// Handle of a scheduler.
pub type ABT_sched = *mut ABT_sched_opaque;

/// Handle of a configuration of a scheduler.
pub type ABT_sched_config = *mut ABT_sched_config_opaque;

/// Handle of a pool.
pub type ABT_pool = *mut ABT_pool_opaque;

/// Handle of a configuration of a pool.
pub type ABT_pool_config = *mut ABT_pool_config_opaque;

/// Handle of a pool's definition by functions.
pub type ABT_pool_user_def = *mut ABT_pool_def;

/// Handle of a unit.
pub type ABT_unit = *mut ABT_unit_opaque;

/// Number of a unit, never used twice.
pub type ABT_unit_id = u64;

/// Handle of a ULT.
pub type ABT_thread = *mut ABT_thread_opaque;

/// Handle of attributes of a ULT.
pub type ABT_thread_attr = *mut ABT_thread_attr_opaque;

/// Number of a ULT.
pub type ABT_thread_id = ABT_unit_id;

/// Handle of a tasklet.
pub type ABT_task = *mut ABT_thread_opaque;

/// Handle of a key of unit-local data.
pub type ABT_key = *mut ABT_key_opaque;

/// Handle of a mutex.
pub type ABT_mutex = *mut ABT_mutex_opaque;

/// Handle of attributes of a mutex.
pub type ABT_mutex_attr = *mut ABT_mutex_attr_opaque;

/// Handle of a condition variable.
pub type ABT_cond = *mut ABT_cond_opaque;

/// Handle of a read-write lock.
pub type ABT_rwlock = *mut ABT_rwlock_opaque;

/// Handle of an eventual.
pub type ABT_eventual = *mut ABT_eventual_opaque;

/// Handle of a future.
pub type ABT_future = *mut ABT_future_opaque;

/// Handle of a barrier.
pub type ABT_barrier = *mut ABT_barrier_opaque;

/// Handle of a timer.
pub type ABT_timer = *mut ABT_timer_opaque;

/// `ABT_TRUE` or `ABT_FALSE`.
pub type ABT_bool = c_int;

/// Handle of a context of a tool.
pub type ABT_tool_context = *mut ABT_tool_context_opaque;

/// The handle that stands for not being an execution stream.
pub const ABT_XSTREAM_NULL: ABT_xstream = 0x1 as ABT_xstream;
/// The handle that stands for not being a barrier of execution streams.
pub const ABT_XSTREAM_BARRIER_NULL: ABT_xstream_barrier = 0x2 as ABT_xstream_barrier;
/// The handle that stands for not being a scheduler.
pub const ABT_SCHED_NULL: ABT_sched = 0x3 as ABT_sched;
/// The handle that stands for not being a configuration of a scheduler.
pub const ABT_SCHED_CONFIG_NULL: ABT_sched_config = 0x4 as ABT_sched_config;
/// The handle that stands for not being a pool.
pub const ABT_POOL_NULL: ABT_pool = 0x5 as ABT_pool;
/// The handle that stands for not being a configuration of a pool.
pub const ABT_POOL_CONFIG_NULL: ABT_pool_config = 0x6 as ABT_pool_config;
/// The handle that stands for not being a unit.
pub const ABT_UNIT_NULL: ABT_unit = 0x7 as ABT_unit;
/// The handle that stands for not being a ULT.
pub const ABT_THREAD_NULL: ABT_thread = 0x8 as ABT_thread;
/// The handle that stands for not being attributes of a ULT.
pub const ABT_THREAD_ATTR_NULL: ABT_thread_attr = 0x9 as ABT_thread_attr;
/// The handle that stands for not being a tasklet.
pub const ABT_TASK_NULL: ABT_task = 0xa as ABT_task;
/// The handle that stands for not being a key of unit-local data.
pub const ABT_KEY_NULL: ABT_key = 0xb as ABT_key;
/// The handle that stands for not being a mutex.
pub const ABT_MUTEX_NULL: ABT_mutex = 0xc as ABT_mutex;
/// The handle that stands for not being attributes of a mutex.
pub const ABT_MUTEX_ATTR_NULL: ABT_mutex_attr = 0xd as ABT_mutex_attr;
/// The handle that stands for not being a condition variable.
pub const ABT_COND_NULL: ABT_cond = 0xe as ABT_cond;
/// The handle that stands for not being a read-write lock.
pub const ABT_RWLOCK_NULL: ABT_rwlock = 0xf as ABT_rwlock;
/// The handle that stands for not being an eventual.
pub const ABT_EVENTUAL_NULL: ABT_eventual = 0x10 as ABT_eventual;
/// The handle that stands for not being a future.
pub const ABT_FUTURE_NULL: ABT_future = 0x11 as ABT_future;
/// The handle that stands for not being a barrier.
pub const ABT_BARRIER_NULL: ABT_barrier = 0x12 as ABT_barrier;
/// The handle that stands for not being a timer.
pub const ABT_TIMER_NULL: ABT_timer = 0x13 as ABT_timer;
/// The handle that stands for not being a context of a tool.
pub const ABT_TOOL_CONTEXT_NULL: ABT_tool_context = 0x14 as ABT_tool_context;
/// The handle that stands for no definition of a pool.
pub const ABT_POOL_USER_DEF_NULL: ABT_pool_user_def = 0x15 as ABT_pool_user_def;

/// Memory for a mutex that is not created; zeros before its first use, see `ABT_MUTEX_INITIALIZER`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ABT_mutex_memory {
    /// For the runtime.
    pub dummy: [c_int; 16],
}

/// Memory for a condition variable that is not created; zeros before its first use.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ABT_cond_memory {
    /// For the runtime.
    pub dummy: [c_int; 16],
}

/// Memory for an eventual that is not created; zeros before its first use.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ABT_eventual_memory {
    /// For the runtime.
    pub dummy: [c_int; 16],
}

/// An `int`.
pub const ABT_SCHED_CONFIG_INT: ABT_sched_config_type = 0;
/// A `double`.
pub const ABT_SCHED_CONFIG_DOUBLE: ABT_sched_config_type = 1;
/// A pointer.
pub const ABT_SCHED_CONFIG_PTR: ABT_sched_config_type = 2;

/// Type of a setting.
pub type ABT_sched_config_type = c_uint;

/// A setting of a scheduler, by its index.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ABT_sched_config_var {
    /// Its index, from 0; negative ones are the runtime's.
    pub idx: c_int,
    /// Type of its value.
    pub type_: ABT_sched_config_type,
}

/// Prepares a scheduler; `ABT_SUCCESS` or an error.
pub type ABT_sched_init_fn = Option<unsafe extern "C" fn(arg1: ABT_sched, arg2: ABT_sched_config) -> c_int>;

/// Runs units of the scheduler's pools until it has to stop.
pub type ABT_sched_run_fn = Option<unsafe extern "C" fn(arg1: ABT_sched)>;

/// Frees what the scheduler has of its own; `ABT_SUCCESS` or an error.
pub type ABT_sched_free_fn = Option<unsafe extern "C" fn(arg1: ABT_sched) -> c_int>;

/// The pool that takes units which migrate to the scheduler.
pub type ABT_sched_get_migr_pool_fn = Option<unsafe extern "C" fn(arg1: ABT_sched) -> ABT_pool>;

/// A scheduler by its functions.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ABT_sched_def {
    /// How it runs.
    pub type_: ABT_sched_type,
    /// May be null.
    pub init: ABT_sched_init_fn,
    /// Must be there.
    pub run: ABT_sched_run_fn,
    /// May be null.
    pub free: ABT_sched_free_fn,
    /// May be null; then it is the first pool.
    pub get_migr_pool: ABT_sched_get_migr_pool_fn,
}

/// An `int`.
pub const ABT_POOL_CONFIG_INT: ABT_pool_config_type = 0;
/// A `double`.
pub const ABT_POOL_CONFIG_DOUBLE: ABT_pool_config_type = 1;
/// A pointer.
pub const ABT_POOL_CONFIG_PTR: ABT_pool_config_type = 2;

/// Type of a setting.
pub type ABT_pool_config_type = c_uint;

/// A setting of a pool, by its key.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ABT_pool_config_var {
    /// Its key, from 0; negative ones are the runtime's.
    pub key: c_int,
    /// Type of its value.
    pub type_: ABT_pool_config_type,
}

/// Bits that say by which operation a unit comes or goes.
pub type ABT_pool_context = u64;

/// Makes the pool's unit of a ULT or tasklet.
pub type ABT_pool_user_create_unit_fn =
    Option<unsafe extern "C" fn(arg1: ABT_pool, arg2: ABT_thread) -> ABT_unit>;

/// Frees a unit.
pub type ABT_pool_user_free_unit_fn = Option<unsafe extern "C" fn(arg1: ABT_pool, arg2: ABT_unit)>;

/// Whether there is no unit.
pub type ABT_pool_user_is_empty_fn = Option<unsafe extern "C" fn(arg1: ABT_pool) -> ABT_bool>;

/// Takes one out, `ABT_THREAD_NULL` if there is none.
pub type ABT_pool_user_pop_fn =
    Option<unsafe extern "C" fn(arg1: ABT_pool, arg2: ABT_pool_context) -> ABT_thread>;

/// Puts one in.
pub type ABT_pool_user_push_fn =
    Option<unsafe extern "C" fn(arg1: ABT_pool, arg2: ABT_unit, arg3: ABT_pool_context)>;

/// Prepares the pool; `ABT_SUCCESS` or an error.
pub type ABT_pool_user_init_fn = Option<unsafe extern "C" fn(arg1: ABT_pool, arg2: ABT_pool_config) -> c_int>;

/// Frees what the pool has of its own.
pub type ABT_pool_user_free_fn = Option<unsafe extern "C" fn(arg1: ABT_pool)>;

/// How many units there are.
pub type ABT_pool_user_get_size_fn = Option<unsafe extern "C" fn(arg1: ABT_pool) -> usize>;

/// Takes one out, waits for it for some seconds.
pub type ABT_pool_user_pop_wait_fn =
    Option<unsafe extern "C" fn(arg1: ABT_pool, arg2: f64, arg3: ABT_pool_context) -> ABT_thread>;

/// Takes several out.
pub type ABT_pool_user_pop_many_fn = Option<
    unsafe extern "C" fn(
        arg1: ABT_pool,
        arg2: *mut ABT_thread,
        arg3: usize,
        arg4: *mut usize,
        arg5: ABT_pool_context,
    ),
>;

/// Puts several in.
pub type ABT_pool_user_push_many_fn =
    Option<unsafe extern "C" fn(arg1: ABT_pool, arg2: *const ABT_unit, arg3: usize, arg4: ABT_pool_context)>;

/// Calls a function for each.
pub type ABT_pool_user_print_all_fn = Option<
    unsafe extern "C" fn(
        arg1: ABT_pool,
        arg: *mut c_void,
        arg2: Option<unsafe extern "C" fn(arg1: *mut c_void, arg2: ABT_thread)>,
    ),
>;

/// What a unit is.
pub type ABT_unit_get_type_fn = Option<unsafe extern "C" fn(arg1: ABT_unit) -> ABT_unit_type>;

/// The ULT of a unit.
pub type ABT_unit_get_thread_fn = Option<unsafe extern "C" fn(arg1: ABT_unit) -> ABT_thread>;

/// The tasklet of a unit.
pub type ABT_unit_get_task_fn = Option<unsafe extern "C" fn(arg1: ABT_unit) -> ABT_task>;

/// Whether the unit is in a pool.
pub type ABT_unit_is_in_pool_fn = Option<unsafe extern "C" fn(arg1: ABT_unit) -> ABT_bool>;

/// Makes the pool's unit of a ULT.
pub type ABT_unit_create_from_thread_fn = Option<unsafe extern "C" fn(arg1: ABT_thread) -> ABT_unit>;

/// Makes the pool's unit of a tasklet.
pub type ABT_unit_create_from_task_fn = Option<unsafe extern "C" fn(arg1: ABT_task) -> ABT_unit>;

/// Frees a unit.
pub type ABT_unit_free_fn = Option<unsafe extern "C" fn(arg1: *mut ABT_unit)>;

/// Prepares the pool; `ABT_SUCCESS` or an error.
pub type ABT_pool_init_fn = Option<unsafe extern "C" fn(arg1: ABT_pool, arg2: ABT_pool_config) -> c_int>;

/// How many units there are.
pub type ABT_pool_get_size_fn = Option<unsafe extern "C" fn(arg1: ABT_pool) -> usize>;

/// Puts one in.
pub type ABT_pool_push_fn = Option<unsafe extern "C" fn(arg1: ABT_pool, arg2: ABT_unit)>;

/// Takes one out, `ABT_UNIT_NULL` if there is none.
pub type ABT_pool_pop_fn = Option<unsafe extern "C" fn(arg1: ABT_pool) -> ABT_unit>;

/// Takes one out, waits for it for some seconds.
pub type ABT_pool_pop_wait_fn = Option<unsafe extern "C" fn(arg1: ABT_pool, arg2: f64) -> ABT_unit>;

/// Takes one out, waits for it until a time.
pub type ABT_pool_pop_timedwait_fn = Option<unsafe extern "C" fn(arg1: ABT_pool, arg2: f64) -> ABT_unit>;

/// Takes a certain one out.
pub type ABT_pool_remove_fn = Option<unsafe extern "C" fn(arg1: ABT_pool, arg2: ABT_unit) -> c_int>;

/// Frees what the pool has of its own.
pub type ABT_pool_free_fn = Option<unsafe extern "C" fn(arg1: ABT_pool) -> c_int>;

/// Calls a function for each.
pub type ABT_pool_print_all_fn = Option<
    unsafe extern "C" fn(
        arg1: ABT_pool,
        arg: *mut c_void,
        arg2: Option<unsafe extern "C" fn(arg1: *mut c_void, arg2: ABT_unit)>,
    ) -> c_int,
>;

/// A pool by its functions.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ABT_pool_def {
    /// Who pushes and pops.
    pub access: ABT_pool_access,
    /// Must be there.
    pub u_get_type: ABT_unit_get_type_fn,
    /// Must be there.
    pub u_get_thread: ABT_unit_get_thread_fn,
    /// Must be there.
    pub u_get_task: ABT_unit_get_task_fn,
    /// Must be there.
    pub u_is_in_pool: ABT_unit_is_in_pool_fn,
    /// Must be there.
    pub u_create_from_thread: ABT_unit_create_from_thread_fn,
    /// Must be there.
    pub u_create_from_task: ABT_unit_create_from_task_fn,
    /// Must be there.
    pub u_free: ABT_unit_free_fn,
    /// May be null.
    pub p_init: ABT_pool_init_fn,
    /// Must be there.
    pub p_get_size: ABT_pool_get_size_fn,
    /// Must be there.
    pub p_push: ABT_pool_push_fn,
    /// Must be there.
    pub p_pop: ABT_pool_pop_fn,
    /// May be null.
    pub p_pop_timedwait: ABT_pool_pop_timedwait_fn,
    /// May be null.
    pub p_remove: ABT_pool_remove_fn,
    /// May be null.
    pub p_free: ABT_pool_free_fn,
    /// May be null.
    pub p_print_all: ABT_pool_print_all_fn,
}

/// What a tool wants to be called with for an event of a ULT.
pub type ABT_tool_thread_callback_fn = Option<
    unsafe extern "C" fn(
        arg1: ABT_thread,
        arg2: ABT_xstream,
        event: u64,
        context: ABT_tool_context,
        user_arg: *mut c_void,
    ),
>;

/// What a tool wants to be called with for an event of a tasklet.
pub type ABT_tool_task_callback_fn = Option<
    unsafe extern "C" fn(
        arg1: ABT_task,
        arg2: ABT_xstream,
        event: u64,
        context: ABT_tool_context,
        user_arg: *mut c_void,
    ),
>;

unsafe extern "C" {
    /// sched/config.c: ends the list of settings of `ABT_sched_config_create`.
    pub static mut ABT_sched_config_var_end: ABT_sched_config_var;
    /// global.c: starts the runtime, unless it is up; counts its calls.
    pub fn ABT_init(argc: c_int, argv: *mut *mut c_char) -> c_int;
    /// global.c: ends the runtime at the last call. Only the primary ULT may.
    pub fn ABT_finalize() -> c_int;
    /// stream.c: an execution stream with a scheduler (null: the built-in one) and a rank that no other has.
    pub fn ABT_xstream_create_with_rank(sched: ABT_sched, rank: c_int, newxstream: *mut ABT_xstream)
    -> c_int;
    /// stream.c: joins and frees an execution stream.
    pub fn ABT_xstream_free(xstream: *mut ABT_xstream) -> c_int;
    /// stream.c: waits until its scheduler has nothing left to run.
    pub fn ABT_xstream_join(xstream: ABT_xstream) -> c_int;
    /// stream.c: the scheduler that an execution stream runs.
    pub fn ABT_xstream_get_main_sched(xstream: ABT_xstream, sched: *mut ABT_sched) -> c_int;
    /// stream.c: runs a unit now, on the caller's execution stream; it belongs to `pool` from then on. To be
    /// called by a scheduler.
    pub fn ABT_xstream_run_unit(unit: ABT_unit, pool: ABT_pool) -> c_int;
    /// stream.c: a scheduler must call it from time to time.
    pub fn ABT_xstream_check_events(sched: ABT_sched) -> c_int;
    /// sched/sched.c: a scheduler with the user's functions. Null pools are replaced by new ones.
    pub fn ABT_sched_create(
        def: *mut ABT_sched_def,
        num_pools: c_int,
        pools: *mut ABT_pool,
        config: ABT_sched_config,
        newsched: *mut ABT_sched,
    ) -> c_int;
    /// sched/sched.c: frees a scheduler that no execution stream uses, and its automatic pools.
    pub fn ABT_sched_free(sched: *mut ABT_sched) -> c_int;
    /// sched/sched.c: stores the scheduler's own data.
    pub fn ABT_sched_set_data(sched: ABT_sched, data: *mut c_void) -> c_int;
    /// sched/sched.c: what `ABT_sched_set_data` has stored, null at first.
    pub fn ABT_sched_get_data(sched: ABT_sched, data: *mut *mut c_void) -> c_int;
    /// sched/sched.c: how many pools a scheduler has.
    pub fn ABT_sched_get_num_pools(sched: ABT_sched, num_pools: *mut c_int) -> c_int;
    /// sched/sched.c: `max_pools` pools from index `idx` on.
    pub fn ABT_sched_get_pools(sched: ABT_sched, max_pools: c_int, idx: c_int, pools: *mut ABT_pool)
    -> c_int;
    /// sched/sched.c: whether somebody joins and nothing is left to run.
    pub fn ABT_sched_has_to_stop(sched: ABT_sched, stop: *mut ABT_bool) -> c_int;
    /// sched/config.c: makes a configuration of pairs of `ABT_sched_config_var` and value, up to
    /// `ABT_sched_config_var_end`.
    pub fn ABT_sched_config_create(config: *mut ABT_sched_config, ...) -> c_int;
    /// sched/config.c: stores the values of settings 0 to `num_vars` - 1 where the pointers after it say; a
    /// null pointer skips one.
    pub fn ABT_sched_config_read(config: ABT_sched_config, num_vars: c_int, ...) -> c_int;
    /// sched/config.c: frees a configuration; the handle becomes null.
    pub fn ABT_sched_config_free(config: *mut ABT_sched_config) -> c_int;
    /// pool/pool.c: a predefined pool. With `automatic` it is freed with the last scheduler that has it.
    pub fn ABT_pool_create_basic(
        kind: ABT_pool_kind,
        access: ABT_pool_access,
        automatic: ABT_bool,
        newpool: *mut ABT_pool,
    ) -> c_int;
    /// pool/pool.c: an empty pool that no scheduler has.
    pub fn ABT_pool_free(pool: *mut ABT_pool) -> c_int;
    /// pool/pool.c: units that are ready.
    pub fn ABT_pool_get_size(pool: ABT_pool, size: *mut usize) -> c_int;
    /// pool/pool.c: units that are ready or blocked.
    pub fn ABT_pool_get_total_size(pool: ABT_pool, size: *mut usize) -> c_int;
    /// pool/pool.c: the unit that was pushed first, or `ABT_UNIT_NULL`.
    pub fn ABT_pool_pop(pool: ABT_pool, unit: *mut ABT_unit) -> c_int;
    /// unit.c: the ULT or tasklet that a popped unit is.
    pub fn ABT_unit_get_thread(unit: ABT_unit, thread: *mut ABT_thread) -> c_int;
    /// thread.c: a ULT, ready in `pool`. Unnamed if `newthread` is null: it then frees itself when it ends.
    pub fn ABT_thread_create(
        pool: ABT_pool,
        thread_func: Option<unsafe extern "C" fn(arg1: *mut c_void)>,
        arg: *mut c_void,
        attr: ABT_thread_attr,
        newthread: *mut ABT_thread,
    ) -> c_int;
    /// thread.c: joins and frees a named ULT or tasklet.
    pub fn ABT_thread_free(thread: *mut ABT_thread) -> c_int;
    /// thread.c: waits until a ULT has ended.
    pub fn ABT_thread_join(thread: ABT_thread) -> c_int;
    /// thread.c: the calling ULT.
    pub fn ABT_thread_self(thread: *mut ABT_thread) -> c_int;
    /// thread.c: lets other units run; without effect on a thread that Argobots does not know.
    pub fn ABT_thread_yield() -> c_int;
    /// thread.c: makes a ULT ready that has suspended itself.
    pub fn ABT_thread_resume(thread: ABT_thread) -> c_int;
    /// thread.c: whether a ULT was created without a handle; such a one frees itself.
    pub fn ABT_thread_is_unnamed(thread: ABT_thread, is_unnamed: *mut ABT_bool) -> c_int;
    /// thread.c: the function that the ULT runs.
    pub fn ABT_thread_get_thread_func(
        thread: ABT_thread,
        thread_func: *mut Option<unsafe extern "C" fn(arg1: *mut c_void)>,
    ) -> c_int;
    /// thread_attr.c: attributes with the default stack size.
    pub fn ABT_thread_attr_create(newattr: *mut ABT_thread_attr) -> c_int;
    /// thread_attr.c: frees attributes; the handle becomes null.
    pub fn ABT_thread_attr_free(attr: *mut ABT_thread_attr) -> c_int;
    /// thread_attr.c: in bytes; rounded up to pages.
    pub fn ABT_thread_attr_set_stacksize(attr: ABT_thread_attr, stacksize: usize) -> c_int;
    /// task.c: a tasklet, which runs on the scheduler's stack.
    pub fn ABT_task_create(
        pool: ABT_pool,
        task_func: Option<unsafe extern "C" fn(arg1: *mut c_void)>,
        arg: *mut c_void,
        newtask: *mut ABT_task,
    ) -> c_int;
    /// task.c: joins and frees a named tasklet.
    pub fn ABT_task_free(task: *mut ABT_task) -> c_int;
    /// self.c: a number of the calling unit.
    pub fn ABT_self_get_thread_id(id: *mut ABT_unit_id) -> c_int;
    /// self.c: what the caller is.
    pub fn ABT_self_get_type(type_: *mut ABT_unit_type) -> c_int;
    /// self.c: suspends the calling ULT until `ABT_thread_resume`.
    pub fn ABT_self_suspend() -> c_int;
    /// mutex.c: a mutex that nobody holds.
    pub fn ABT_mutex_create(newmutex: *mut ABT_mutex) -> c_int;
    /// mutex.c: a mutex with attributes, which may be null.
    pub fn ABT_mutex_create_with_attr(attr: ABT_mutex_attr, newmutex: *mut ABT_mutex) -> c_int;
    /// mutex.c: a mutex that nobody holds; the handle becomes null.
    pub fn ABT_mutex_free(mutex: *mut ABT_mutex) -> c_int;
    /// mutex.c: waits until nobody holds it; a ULT lets others run meanwhile.
    pub fn ABT_mutex_lock(mutex: ABT_mutex) -> c_int;
    /// mutex.c: `ABT_ERR_MUTEX_LOCKED` if somebody holds it.
    pub fn ABT_mutex_trylock(mutex: ABT_mutex) -> c_int;
    /// mutex.c: gives it back.
    pub fn ABT_mutex_unlock(mutex: ABT_mutex) -> c_int;
    /// mutex_attr.c: attributes of a plain mutex.
    pub fn ABT_mutex_attr_create(newattr: *mut ABT_mutex_attr) -> c_int;
    /// mutex_attr.c: frees attributes; the handle becomes null.
    pub fn ABT_mutex_attr_free(attr: *mut ABT_mutex_attr) -> c_int;
    /// mutex_attr.c: whether the holder may lock it again.
    pub fn ABT_mutex_attr_set_recursive(attr: ABT_mutex_attr, recursive: ABT_bool) -> c_int;
    /// cond.c: a condition variable that nobody waits for.
    pub fn ABT_cond_create(newcond: *mut ABT_cond) -> c_int;
    /// cond.c: `ABT_ERR_COND` if somebody waits.
    pub fn ABT_cond_free(cond: *mut ABT_cond) -> c_int;
    /// cond.c: gives the mutex back, waits to be woken, takes the mutex again.
    pub fn ABT_cond_wait(cond: ABT_cond, mutex: ABT_mutex) -> c_int;
    /// cond.c: until a time of the real-time clock; then `ABT_ERR_COND_TIMEDOUT`.
    pub fn ABT_cond_timedwait(cond: ABT_cond, mutex: ABT_mutex, abstime: *const timespec) -> c_int;
    /// cond.c: wakes one.
    pub fn ABT_cond_signal(cond: ABT_cond) -> c_int;
    /// cond.c: wakes all.
    pub fn ABT_cond_broadcast(cond: ABT_cond) -> c_int;
    /// rwlock.c: a lock that many may hold for reading or one for writing.
    pub fn ABT_rwlock_create(newrwlock: *mut ABT_rwlock) -> c_int;
    /// rwlock.c: a lock that nobody holds or waits for.
    pub fn ABT_rwlock_free(rwlock: *mut ABT_rwlock) -> c_int;
    /// rwlock.c: waits until nobody holds it for writing.
    pub fn ABT_rwlock_rdlock(rwlock: ABT_rwlock) -> c_int;
    /// rwlock.c: waits until nobody holds it.
    pub fn ABT_rwlock_wrlock(rwlock: ABT_rwlock) -> c_int;
    /// rwlock.c: gives it back, whichever way it was taken.
    pub fn ABT_rwlock_unlock(rwlock: ABT_rwlock) -> c_int;
    /// eventual.c: for a value of `nbytes` bytes.
    pub fn ABT_eventual_create(nbytes: c_int, neweventual: *mut ABT_eventual) -> c_int;
    /// eventual.c: an eventual that nobody waits for; the handle becomes null.
    pub fn ABT_eventual_free(eventual: *mut ABT_eventual) -> c_int;
    /// eventual.c: until it is set; then `value`, if not null, gets the address of the value.
    pub fn ABT_eventual_wait(eventual: ABT_eventual, value: *mut *mut c_void) -> c_int;
    /// eventual.c: `nbytes` bytes from `value`.
    pub fn ABT_eventual_set(eventual: ABT_eventual, value: *mut c_void, nbytes: c_int) -> c_int;
    /// eventual.c: it may be set again.
    pub fn ABT_eventual_reset(eventual: ABT_eventual) -> c_int;
    /// futures.c: ready when it has been set `num_compartments` times; `cb_func` then gets all values.
    pub fn ABT_future_create(
        num_compartments: u32,
        cb_func: Option<unsafe extern "C" fn(arg: *mut *mut c_void)>,
        newfuture: *mut ABT_future,
    ) -> c_int;
    /// futures.c: a future that nobody waits for.
    pub fn ABT_future_free(future: *mut ABT_future) -> c_int;
    /// futures.c: waits until all compartments are set.
    pub fn ABT_future_wait(future: ABT_future) -> c_int;
    /// futures.c: whether all compartments are set.
    pub fn ABT_future_test(future: ABT_future, is_ready: *mut ABT_bool) -> c_int;
    /// futures.c: the next compartment; `ABT_ERR_FUTURE` if all are set.
    pub fn ABT_future_set(future: ABT_future, value: *mut c_void) -> c_int;
    /// timer.c: seconds since the epoch.
    pub fn ABT_get_wtime() -> f64;
    /// info.c: prints how Argobots was built and started.
    pub fn ABT_info_print_config(fp: *mut FILE) -> c_int;
    /// info.c: prints all execution streams.
    pub fn ABT_info_print_all_xstreams(fp: *mut FILE) -> c_int;
    /// info.c: prints an execution stream.
    pub fn ABT_info_print_xstream(fp: *mut FILE, xstream: ABT_xstream) -> c_int;
    /// info.c: a scheduler with its pools.
    pub fn ABT_info_print_sched(fp: *mut FILE, sched: ABT_sched) -> c_int;
    /// info.c: prints a pool.
    pub fn ABT_info_print_pool(fp: *mut FILE, pool: ABT_pool) -> c_int;
    /// info.c: prints a ULT.
    pub fn ABT_info_print_thread(fp: *mut FILE, thread: ABT_thread) -> c_int;
    /// info.c: all execution streams dump their ULTs at the next opportunity; those that have not after
    /// `timeout` seconds (negative: ever) are left out. Async-signal-safe.
    pub fn ABT_info_trigger_print_all_thread_stacks(
        fp: *mut FILE,
        timeout: f64,
        cb_func: Option<unsafe extern "C" fn(arg1: ABT_bool, arg2: *mut c_void)>,
        arg: *mut c_void,
    ) -> c_int;
}

// What this project's runtime (`crates/abt`) adds to Argobots. Absent from libabt: only code of
// embedded mode may call these.

unsafe extern "C" {
    /// Parks the calling scheduler until one of its pools has a unit to pop.
    ///
    /// Called from the `run` function of a scheduler, on the xstream that pops from `pools`. Returns as soon
    /// as one of the `num_pools` pools is not empty, `ABT_xstream_join` or `ABT_xstream_cancel` asks the
    /// xstream to stop, there are events for `ABT_xstream_check_events`, or `timeout_ns` nanoseconds have
    /// passed; it may also return for no reason. A push by another thread wakes the parked one at once, and
    /// none is lost: the pools are looked at again after the parking is announced.
    ///
    /// `ABT_SUCCESS` when a pool is not empty, `ABT_ERR_COND_TIMEDOUT` otherwise; `ABT_ERR_INV_POOL` for a
    /// null pool, `ABT_ERR_INV_XSTREAM` when the caller is not an xstream of the runtime.
    pub fn ABTX_pool_wait(pools: *const ABT_pool, num_pools: c_int, timeout_ns: u64) -> c_int;

    /// Watches pools for a scheduler that is about to sleep elsewhere, where `wake(arg)` ends its sleep.
    ///
    /// Called on the xstream that pops from `pools`. Until `ABTX_pool_unwatch`, `wake(arg)` is called, on any
    /// thread and perhaps for no reason, when another thread pushes to one of the pools, or for what else ends
    /// `ABTX_pool_wait`; it must not wait. A sleep that begins after this and ends with the call misses nothing.
    ///
    /// `ABT_SUCCESS`; `ABT_ERR_POOL` when there is something to do already, and then nothing is watched;
    /// `ABT_ERR_INV_ARG` without `wake`; other errors as above.
    pub fn ABTX_pool_watch(
        pools: *const ABT_pool,
        num_pools: c_int,
        wake: Option<unsafe extern "C" fn(arg: *mut c_void)>,
        arg: *mut c_void,
    ) -> c_int;

    /// Ends `ABTX_pool_watch` of the same pools: `wake` is not called any more. Errors as above.
    pub fn ABTX_pool_unwatch(pools: *const ABT_pool, num_pools: c_int) -> c_int;
}
