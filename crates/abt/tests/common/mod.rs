//! What the tests share: the runtime runs once per process, so tests that need it take turns.
#![allow(dead_code)]

extern crate abt as _;

use abi::*;
use core::ffi::{c_int, c_void};
use core::ptr;
use std::sync::Mutex;

/// `ABT_SUCCESS` as the functions return it.
pub const OK: c_int = ABT_SUCCESS;

/// Fails a test that hangs, by ending the process.
struct Watchdog(std::sync::mpsc::Sender<()>);

impl Watchdog {
    fn start() -> Watchdog {
        let (alive, watch) = std::sync::mpsc::channel::<()>();
        let name = std::thread::current().name().unwrap_or("?").to_string();
        std::thread::spawn(move || {
            if watch.recv_timeout(std::time::Duration::from_secs(120))
                == Err(std::sync::mpsc::RecvTimeoutError::Timeout)
            {
                eprintln!("test {name} hangs");
                std::process::abort();
            }
        });
        Watchdog(alive)
    }
}

/// Runs a test as the primary ULT.
pub fn with_abt(test: impl FnOnce()) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(|e| e.into_inner());
    let watchdog = Watchdog::start();
    unsafe {
        assert_eq!(ABT_init(0, ptr::null_mut()), OK);
        test();
        assert_eq!(ABT_finalize(), OK);
    }
    drop(watchdog);
}

/// Calls a closure from C: the function and argument for `ABT_thread_create`.
pub fn boxed(f: impl FnOnce() + Send + 'static) -> (Option<unsafe extern "C" fn(*mut c_void)>, *mut c_void) {
    type Boxed = Box<dyn FnOnce() + Send>;
    unsafe extern "C" fn call(arg: *mut c_void) {
        let f = unsafe { Box::from_raw(arg.cast::<Boxed>()) };
        if let Err(panic) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)) {
            // Nothing to unwind to, and what libtest has captured so far is lost with the process.
            let message = panic.downcast_ref::<String>().map(String::as_str);
            let message = message.or(panic.downcast_ref::<&str>().copied()).unwrap_or("?");
            let text = format!("a ULT has panicked: {message}\n");
            unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
            std::process::abort();
        }
    }
    (Some(call), Box::into_raw(Box::new(Box::new(f) as Boxed)).cast())
}

/// Creates a ULT whose stack has room for a failing assertion with its backtrace.
fn create(pool: ABT_pool, f: impl FnOnce() + Send + 'static, thread: *mut ABT_thread) {
    let (func, arg) = boxed(f);
    let mut attr = ABT_THREAD_ATTR_NULL;
    unsafe {
        assert_eq!(ABT_thread_attr_create(&mut attr), OK);
        assert_eq!(ABT_thread_attr_set_stacksize(attr, 256 << 10), OK);
        assert_eq!(ABT_thread_create(pool, func, arg, attr, thread), OK);
        assert_eq!(ABT_thread_attr_free(&mut attr), OK);
    }
}

/// A named ULT that runs a closure.
pub fn spawn(pool: ABT_pool, f: impl FnOnce() + Send + 'static) -> ABT_thread {
    let mut thread = ABT_THREAD_NULL;
    create(pool, f, &mut thread);
    assert_ne!(thread, ABT_THREAD_NULL);
    thread
}

/// An unnamed ULT that runs a closure.
pub fn spawn_unnamed(pool: ABT_pool, f: impl FnOnce() + Send + 'static) {
    create(pool, f, ptr::null_mut());
}

/// Joins and frees.
pub fn finish(mut thread: ABT_thread) {
    unsafe { assert_eq!(ABT_thread_free(&mut thread), OK) };
    assert_eq!(thread, ABT_THREAD_NULL);
}

/// The execution stream's pools.
pub fn pools_of(xstream: ABT_xstream) -> Vec<ABT_pool> {
    unsafe {
        let mut sched = ABT_SCHED_NULL;
        assert_eq!(ABT_xstream_get_main_sched(xstream, &mut sched), OK);
        let mut count = 0;
        assert_eq!(ABT_sched_get_num_pools(sched, &mut count), OK);
        let mut pools = vec![ABT_POOL_NULL; count as usize];
        assert_eq!(ABT_sched_get_pools(sched, count, 0, pools.as_mut_ptr()), OK);
        pools
    }
}

/// What one of the `ABT_info_print_*` functions prints.
pub fn printed(print: impl FnOnce(*mut FILE)) -> String {
    unsafe {
        let file = libc::tmpfile();
        assert!(!file.is_null());
        print(file);
        libc::rewind(file);
        let mut text = vec![0u8; 1 << 20];
        let length = libc::fread(text.as_mut_ptr().cast(), 1, text.len(), file);
        libc::fclose(file);
        text.truncate(length);
        String::from_utf8(text).unwrap()
    }
}

/// The value of `key : value` in the first line that has it.
pub fn field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.into_iter().find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim())
}

/// The pool of the primary execution stream, which has no handle in this interface: the report of all
/// execution streams begins with it and tells its scheduler.
pub fn primary_pool() -> ABT_pool {
    let report = printed(|file| unsafe { assert_eq!(ABT_info_print_all_xstreams(file), OK) });
    assert_eq!(field(&report, "type"), Some("PRIMARY"));
    let sched = field(&report, "main_sched").and_then(|text| text.strip_prefix("0x")).unwrap();
    let sched = usize::from_str_radix(sched, 16).unwrap() as ABT_sched;
    let mut pool = ABT_POOL_NULL;
    unsafe { assert_eq!(ABT_sched_get_pools(sched, 1, 0, &mut pool), OK) };
    pool
}

/// An execution stream with the built-in scheduler, and its pool.
pub fn basic_xstream(rank: c_int) -> (ABT_xstream, ABT_pool) {
    let mut xstream = ABT_XSTREAM_NULL;
    unsafe { assert_eq!(ABT_xstream_create_with_rank(ABT_SCHED_NULL, rank, &mut xstream), OK) };
    (xstream, pools_of(xstream)[0])
}

/// Joins and frees.
pub fn finish_xstream(mut xstream: ABT_xstream) {
    unsafe {
        assert_eq!(ABT_xstream_join(xstream), OK);
        assert_eq!(ABT_xstream_free(&mut xstream), OK);
    }
    assert_eq!(xstream, ABT_XSTREAM_NULL);
}

/// A handle that may be sent to other threads.
#[derive(Clone, Copy)]
pub struct Send_<T>(pub T);
unsafe impl<T> Send for Send_<T> {}
unsafe impl<T> Sync for Send_<T> {}
impl<T: Copy> Send_<T> {
    pub fn get(&self) -> T {
        self.0
    }
}

/// A scheduler made like DAOS's: three pools by priority, its own loop, parameters by configuration.
pub mod user_sched {
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    pub const POOLS: usize = 3;

    #[derive(Default)]
    pub struct Stats {
        pub runs: AtomicUsize,
        pub freed: AtomicBool,
    }

    struct Data {
        event_freq: c_int,
        stats: *const Stats,
        ratio: f64,
    }

    unsafe extern "C" fn init(sched: ABT_sched, config: ABT_sched_config) -> c_int {
        let mut data = Box::new(Data { event_freq: 0, stats: ptr::null(), ratio: 0.0 });
        unsafe {
            let rc = ABT_sched_config_read(config, 3, &mut data.event_freq, &mut data.stats, &mut data.ratio);
            assert_eq!(rc, OK);
            assert_eq!((data.event_freq, data.ratio), (512, 0.25));
            ABT_sched_set_data(sched, Box::into_raw(data).cast())
        }
    }

    unsafe extern "C" fn run(sched: ABT_sched) {
        unsafe {
            let mut data = ptr::null_mut();
            assert_eq!(ABT_sched_get_data(sched, &mut data), OK);
            let data = &*data.cast::<Data>();
            let mut pools = [ABT_POOL_NULL; POOLS];
            assert_eq!(ABT_sched_get_pools(sched, POOLS as c_int, 0, pools.as_mut_ptr()), OK);
            let mut count = 0;
            loop {
                for pool in pools {
                    let mut unit = ABT_UNIT_NULL;
                    assert_eq!(ABT_pool_pop(pool, &mut unit), OK);
                    if unit != ABT_UNIT_NULL {
                        let mut thread = ABT_THREAD_NULL;
                        assert_eq!(ABT_unit_get_thread(unit, &mut thread), OK);
                        assert_eq!(ABT_xstream_run_unit(unit, pool), OK);
                        (*data.stats).runs.fetch_add(1, Ordering::Relaxed);
                    }
                }
                count += 1;
                if count == data.event_freq {
                    count = 0;
                    std::thread::yield_now();
                    let mut stop = ABT_FALSE;
                    assert_eq!(ABT_sched_has_to_stop(sched, &mut stop), OK);
                    if stop == ABT_TRUE {
                        break;
                    }
                    assert_eq!(ABT_xstream_check_events(sched), OK);
                }
            }
        }
    }

    unsafe extern "C" fn free(sched: ABT_sched) -> c_int {
        unsafe {
            let mut data = ptr::null_mut();
            assert_eq!(ABT_sched_get_data(sched, &mut data), OK);
            let data = Box::from_raw(data.cast::<Data>());
            (*data.stats).freed.store(true, Ordering::Relaxed);
        }
        OK
    }

    /// The scheduler and its pools, which go with it.
    pub fn create(stats: &'static Stats) -> (ABT_sched, [ABT_pool; POOLS]) {
        let mut pools = [ABT_POOL_NULL; POOLS];
        for pool in &mut pools {
            unsafe {
                let rc = ABT_pool_create_basic(ABT_POOL_FIFO, ABT_POOL_ACCESS_MPSC, ABT_TRUE, pool);
                assert_eq!(rc, OK);
            }
        }
        (create_over(stats, &mut pools), pools)
    }

    /// A scheduler over these pools.
    pub fn create_over(stats: &'static Stats, pools: &mut [ABT_pool; POOLS]) -> ABT_sched {
        let mut def = ABT_sched_def {
            type_: ABT_SCHED_TYPE_ULT,
            init: Some(init),
            run: Some(run),
            free: Some(free),
            get_migr_pool: None,
        };
        let freq = ABT_sched_config_var { idx: 0, type_: ABT_SCHED_CONFIG_INT };
        let pointer = ABT_sched_config_var { idx: 1, type_: ABT_SCHED_CONFIG_PTR };
        let ratio = ABT_sched_config_var { idx: 2, type_: ABT_SCHED_CONFIG_DOUBLE };
        let mut config = ABT_SCHED_CONFIG_NULL;
        let mut sched = ABT_SCHED_NULL;
        unsafe {
            let rc = ABT_sched_config_create(
                &mut config,
                freq,
                512 as c_int,
                pointer,
                ptr::from_ref(stats),
                ratio,
                0.25f64,
                ABT_sched_config_var_end,
            );
            assert_eq!(rc, OK);
            assert_eq!(
                ABT_sched_create(&mut def, POOLS as c_int, pools.as_mut_ptr(), config, &mut sched),
                OK
            );
            assert_eq!(ABT_sched_config_free(&mut config), OK);
            assert_eq!(config, ABT_SCHED_CONFIG_NULL);
        }
        sched
    }
}
