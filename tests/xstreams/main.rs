//! Xstreams and their schedulers, as a module of the engine meets them.
#![allow(clippy::undocumented_unsafe_blocks)]

mod engine;

use engine::{Layout, REFUSED, Runtime, Witness, module_info};
use std::ffi::{CStr, c_int, c_uint, c_void};
use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicUsize, Ordering};

const ONE_HELPER_EACH: Layout = Layout { targets: 2, offload: 2 };
const MAIN_OF_TARGET_0: c_int = 3;
const OFFLOAD_OF_TARGET_0: c_int = 4;
/// `SCHED_REQ_*` attributes without flags.
fn attributes(kind: c_uint) -> abi::sched_req_attr {
    abi::sched_req_attr {
        sra_pool_id: [7; 16],
        sra_type: kind,
        sra_flags: 0,
        sra_timeout: 0,
        sra_enqueue_id: 0,
    }
}

/// A request of the calling ULT.
fn own_request(kind: c_uint) -> *mut abi::sched_request {
    let request = unsafe { abi::sched_req_get(&mut attributes(kind), abi::ABT_THREAD_NULL) };
    assert!(!request.is_null());
    request
}

fn names_of_threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let comm = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm"));
    let mut names: Vec<String> =
        tasks.filter_map(|task| Some(comm(task.ok()?).ok()?.trim().to_owned())).collect();
    names.retain(|name| name.starts_with("daos_"));
    names.sort();
    names
}

/// Id, target and context of an xstream.
type Ids = (c_int, c_int, c_int);

#[test]
fn modules_see_the_ids_that_daos_gives() {
    let runtime = Runtime::start();
    // (targets, offload): per xstream (id, target, context), as DAOS 2.8 numbers them.
    let expected: [(Layout, &[Ids]); 4] = [
        (Layout { targets: 1, offload: 0 }, &[(0, -1, 0), (1, -1, 1), (2, -1, -1), (3, 0, 2)]),
        (ONE_HELPER_EACH, &[(0, -1, 0), (1, -1, 1), (2, -1, -1), (3, 0, 2), (4, 0, 4), (5, 1, 3), (6, 1, 5)]),
        (
            Layout { targets: 1, offload: 2 },
            &[(0, -1, 0), (1, -1, 1), (2, -1, -1), (3, 0, 2), (4, 0, 3), (5, 0, -1)],
        ),
        (
            Layout { targets: 2, offload: 1 },
            &[(0, -1, 0), (1, -1, 1), (2, -1, -1), (3, 0, 2), (4, 1, 3), (5, -1, 4)],
        ),
    ];
    for (layout, ids) in expected {
        let xstreams = runtime.xstreams(layout).unwrap();
        assert_eq!(unsafe { abi::dss_xstream_cnt() }, layout.xstreams());
        let seen = xstreams.everywhere(|| {
            let info = module_info();
            let dx = unsafe { &*info.dmi_xstream };
            assert_eq!(
                (info.dmi_xs_id, info.dmi_tgt_id, info.dmi_ctx_id),
                (dx.dx_xs_id, dx.dx_tgt_id, dx.dx_ctx_id)
            );
            assert_eq!(unsafe { abi::dss_get_xstream(abi::DSS_XS_SELF) }, info.dmi_xstream);
            (info.dmi_xs_id, info.dmi_tgt_id, info.dmi_ctx_id)
        });
        assert_eq!(seen, ids, "{layout:?}");
        let contexts = seen.iter().filter(|(_, _, context)| *context >= 0).count();
        assert_eq!(unsafe { abi::dss_ctx_nr_get() } as usize, contexts, "{layout:?}");
    }
}

#[test]
fn each_xstream_has_the_data_of_its_tags_made_in_the_order_of_the_start() {
    let runtime = Runtime::start();
    let witness = Witness::register(abi::DAOS_SERVER_TAG);
    let expected =
        [(0xfd, 0, -1), (0xf9, 1, -1), (0xf9, 2, -1), (0xff, 3, 0), (0xff, 5, 1), (0x08, 4, 0), (0x08, 6, 1)];
    drop(runtime.xstreams(ONE_HELPER_EACH).unwrap());
    assert_eq!(witness.notes("init"), expected);
    let mut freed = witness.notes("fini");
    freed.sort_by_key(|(_, xs_id, _)| expected.iter().position(|(_, id, _)| id == xs_id));
    assert_eq!(freed, expected);
    drop(witness);

    let targets_only = Witness::register(abi::DAOS_TGT_TAG);
    drop(runtime.xstreams(ONE_HELPER_EACH).unwrap());
    assert_eq!(targets_only.notes("init"), [(0xff, 3, 0), (0xff, 5, 1)]);
}

#[test]
fn threads_are_named_and_each_runs_on_one_core() {
    let runtime = Runtime::start();
    let xstreams = runtime.xstreams(ONE_HELPER_EACH).unwrap();
    assert_eq!(
        names_of_threads(),
        ["daos_io_0", "daos_io_1", "daos_off_4", "daos_off_6", "daos_sys_0", "daos_sys_1", "daos_sys_2"]
    );
    let machine = topology::Topology::discover().unwrap();
    let bound = xstreams.everywhere(|| {
        let dx = unsafe { &*module_info().dmi_xstream };
        let mut name = [0 as std::ffi::c_char; 16];
        let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
        unsafe {
            assert_eq!(libc::pthread_getname_np(libc::pthread_self(), name.as_mut_ptr(), name.len()), 0);
            assert_eq!(CStr::from_ptr(name.as_ptr()), CStr::from_ptr(dx.dx_name.as_ptr()));
            assert_eq!(libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set), 0);
        }
        (0..libc::CPU_SETSIZE as usize)
            .filter(|&cpu| unsafe { libc::CPU_ISSET(cpu, &set) })
            .collect::<Vec<_>>()
    });
    for cpus in bound {
        assert!(machine.cores().iter().any(|core| core.cpus[..] == cpus), "{cpus:?} is no core");
    }
    drop(xstreams);
    assert_eq!(names_of_threads(), [""; 0]);
}

#[test]
fn a_start_that_fails_leaves_nothing_behind() {
    let runtime = Runtime::start();
    for refused in 0..ONE_HELPER_EACH.xstreams() {
        let witness = Witness::register(abi::DAOS_SERVER_TAG);
        *REFUSED.lock().unwrap() = Some(refused);
        let outcome = runtime.xstreams(ONE_HELPER_EACH).err();
        *REFUSED.lock().unwrap() = None;
        assert_eq!(outcome, Some(-(abi::DER_NOMEM as c_int)), "xs {refused}");
        assert_eq!(unsafe { abi::dss_xstream_cnt() }, 0);
        assert_eq!(names_of_threads(), [""; 0]);
        let (mut made, mut freed) = (witness.notes("init"), witness.notes("fini"));
        made.sort_unstable();
        freed.sort_unstable();
        assert_eq!(made, freed, "xs {refused}");
    }
    drop(runtime.xstreams(ONE_HELPER_EACH).unwrap());
}

#[test]
fn misuse_of_start_and_stop_is_an_error_not_a_crash() {
    let runtime = Runtime::start();
    assert_eq!(unsafe { abi::dss_srv_fini(true) }, 0);
    assert_eq!(
        runtime.xstreams(Layout { targets: 5000, offload: 0 }).err(),
        Some(-(abi::DER_INVAL as c_int))
    );
    let xstreams = runtime.xstreams(ONE_HELPER_EACH).unwrap();
    assert_eq!(unsafe { abi::dss_srv_init() }, -(abi::DER_ALREADY as c_int));
    assert_eq!(xstreams.on(MAIN_OF_TARGET_0, || module_info().dmi_tgt_id), 0);
    // Outside of xstreams.
    unsafe {
        assert_eq!(abi::dss_sleep(1), -(abi::DER_INVAL as c_int));
        assert!(abi::sched_req_get(&mut attributes(abi::SCHED_REQ_ANONYM), abi::ABT_THREAD_NULL).is_null());
        assert!(abi::dss_get_xstream(abi::DSS_XS_SELF).is_null());
        assert!(!abi::dss_srv_shutting_down());
        assert!(abi::sched_cur_msec() > 0);
    }
    xstreams.on(MAIN_OF_TARGET_0, || unsafe {
        assert!(abi::sched_req_get(ptr::null_mut(), abi::ABT_THREAD_NULL).is_null());
        assert!(abi::sched_req_get(&mut attributes(abi::SCHED_REQ_TYPE_MAX), abi::ABT_THREAD_NULL).is_null());
        let mut task = abi::dss_acc_task {
            at_offload_type: abi::DSS_OFFLOAD_MAX,
            at_opcode: 0,
            at_params: ptr::null_mut(),
            at_cb: None,
        };
        assert_eq!(abi::dss_acc_offload(ptr::null_mut()), -(abi::DER_INVAL as c_int));
        assert_eq!(abi::dss_acc_offload(&mut task), -(abi::DER_INVAL as c_int));
        task.at_offload_type = abi::DSS_OFFLOAD_ULT;
        assert_eq!(abi::dss_acc_offload(&mut task), 0);
        assert_eq!(abi::dss_parameters_set(abi::DMG_KEY_NUM, 1), -(abi::DER_INVAL as c_int));
        for key in abi::DMG_KEY_FAIL_LOC..abi::DMG_KEY_NUM {
            assert_eq!(abi::dss_parameters_set(key, 0), 0);
        }
    });
}

#[test]
fn sleepers_wake_when_they_are_due_and_not_before() {
    let runtime = Runtime::start();
    let xstreams = runtime.xstreams(ONE_HELPER_EACH).unwrap();
    let order = Mutex::new(Vec::new());
    let ults: Vec<_> = [60, 20, 40, 0]
        .into_iter()
        .map(|msec: u64| {
            let order = &order;
            xstreams.spawn(MAIN_OF_TARGET_0, move || {
                let started = std::time::Instant::now();
                assert_eq!(unsafe { abi::dss_sleep(msec) }, 0);
                let slept = started.elapsed().as_millis() as u64;
                order.lock().unwrap().push(msec);
                assert!(slept >= msec, "asked for {msec} ms, slept {slept}");
            })
        })
        .collect();
    ults.into_iter().for_each(engine::Ult::join);
    assert_eq!(*order.lock().unwrap(), [0, 20, 40, 60]);
}

/// A ULT that sleeps for an hour at a time until it is asked to end.
unsafe extern "C" fn long_sleeper(arg: *mut c_void) {
    let naps = unsafe { &*arg.cast::<AtomicI32>() };
    let request = own_request(abi::SCHED_REQ_ANONYM);
    while naps.fetch_sub(1, Ordering::SeqCst) > 0 {
        unsafe { abi::sched_req_sleep(request, 3_600_000) };
    }
    unsafe { abi::sched_req_put(request) };
}

/// A ULT that sleeps by the request at `*arg` until that is aborted.
unsafe extern "C" fn sleeper_of_request(arg: *mut c_void) {
    let request = arg.cast::<*mut abi::sched_request>();
    unsafe {
        while !abi::sched_req_is_aborted(*request) {
            abi::sched_req_sleep(*request, 3_600_000);
        }
    }
}

#[test]
fn a_sleeper_can_be_woken_aborted_and_waited_for() {
    let runtime = Runtime::start();
    let xstreams = runtime.xstreams(ONE_HELPER_EACH).unwrap();
    for kind in [abi::SCHED_REQ_ANONYM, abi::SCHED_REQ_GC] {
        xstreams.on(MAIN_OF_TARGET_0, || unsafe {
            let mut request: *mut abi::sched_request = ptr::null_mut();
            request = abi::sched_create_ult(
                &mut attributes(kind),
                Some(sleeper_of_request),
                (&raw mut request).cast(),
                0,
            );
            assert!(!request.is_null());
            // It runs and sleeps; a wake-up lets it look, find nothing and sleep again.
            abi::ABT_thread_yield();
            for _ in 0..3 {
                abi::sched_req_wakeup(request);
                abi::ABT_thread_yield();
            }
            assert!(!abi::sched_req_is_aborted(request));
            abi::sched_req_wait(request, true);
            assert!(abi::sched_req_is_aborted(request));
            abi::sched_req_put(request);
            abi::sched_req_wakeup(ptr::null_mut());
        });
    }
}

#[test]
fn a_request_of_another_xstream_is_left_alone() {
    let runtime = Runtime::start();
    let xstreams = runtime.xstreams(ONE_HELPER_EACH).unwrap();
    let address = xstreams.on(MAIN_OF_TARGET_0, || own_request(abi::SCHED_REQ_ANONYM) as usize);
    let request = address as *mut abi::sched_request;
    xstreams.on(OFFLOAD_OF_TARGET_0, move || unsafe {
        let request = address as *mut abi::sched_request;
        abi::sched_req_sleep(request, 3_600_000);
        abi::sched_req_abort(request);
        abi::sched_req_put(request);
    });
    assert!(!unsafe { abi::sched_req_is_aborted(request) });
    xstreams.on(MAIN_OF_TARGET_0, move || unsafe { abi::sched_req_put(address as *mut abi::sched_request) });
}

#[test]
fn ults_of_a_pool_take_turns() {
    let runtime = Runtime::start();
    let xstreams = runtime.xstreams(ONE_HELPER_EACH).unwrap();
    for kind in [abi::SCHED_REQ_UPDATE, abi::SCHED_REQ_MIGRATE, abi::SCHED_REQ_ANONYM] {
        let turns = Mutex::new(Vec::new());
        let started = AtomicUsize::new(0);
        let ults: Vec<_> = (0..3)
            .map(|name| {
                let (turns, started) = (&turns, &started);
                xstreams.spawn(MAIN_OF_TARGET_0, move || unsafe {
                    let request = own_request(kind);
                    started.fetch_add(1, Ordering::SeqCst);
                    while started.load(Ordering::SeqCst) < 3 {
                        abi::sched_req_yield(request);
                    }
                    for _ in 0..5 {
                        let before = abi::sched_cur_seq();
                        abi::sched_req_yield(request);
                        assert!(abi::sched_cur_seq() > before);
                        turns.lock().unwrap().push(name);
                    }
                    abi::sched_req_put(request);
                })
            })
            .collect();
        ults.into_iter().for_each(engine::Ult::join);
        let turns = turns.into_inner().unwrap();
        let first = &turns[..3];
        assert!(turns.chunks(3).all(|round| round == first), "kind {kind}: {turns:?}");
    }
}

/// Notes that a queued request ran.
static RAN: AtomicU32 = AtomicU32::new(0);

unsafe extern "C" fn note_run(_arg: *mut c_void) {
    RAN.fetch_add(1, Ordering::SeqCst);
}

#[test]
fn queued_requests_run_and_late_ones_are_turned_away_with_a_place_to_return_to() {
    let runtime = Runtime::start();
    let xstreams = runtime.xstreams(ONE_HELPER_EACH).unwrap();
    xstreams.on(MAIN_OF_TARGET_0, || unsafe {
        let dx = module_info().dmi_xstream;
        let argument = dx.cast();
        let mut attr = attributes(abi::SCHED_REQ_UPDATE);
        // One who waits for no time at all is told so at once.
        attr.sra_timeout = 1;
        let rc = abi::sched_req_enqueue(dx, &mut attr, Some(note_run), argument);
        assert_eq!((rc, attr.sra_enqueue_id), (-(abi::DER_OVERLOAD_RETRY as c_int), 1));
        // It comes again with that place.
        attr.sra_timeout = 60_000;
        assert_eq!(abi::sched_req_enqueue(dx, &mut attr, Some(note_run), argument), 0);
        assert_eq!((attr.sra_enqueue_id, attr.sra_flags), (1, abi::SCHED_REQ_FL_RESENT));
        let mut old_client = attributes(abi::SCHED_REQ_FETCH);
        old_client.sra_flags = abi::SCHED_REQ_FL_NO_REJECT;
        assert_eq!(abi::sched_req_enqueue(dx, &mut old_client, Some(note_run), argument), 0);
        assert_eq!(old_client.sra_enqueue_id, 2);
        while RAN.load(Ordering::SeqCst) < 2 {
            abi::ABT_thread_yield();
        }
        let bad = abi::sched_req_enqueue(dx, ptr::null_mut(), Some(note_run), argument);
        assert_eq!(bad, -(abi::DER_INVAL as c_int));
    });
}

#[test]
fn xstreams_wake_each_other() {
    let runtime = Runtime::start();
    let xstreams = runtime.xstreams(ONE_HELPER_EACH).unwrap();
    let eventuals: Vec<usize> = (0..200)
        .map(|_| {
            let mut eventual = abi::ABT_EVENTUAL_NULL;
            assert_eq!(unsafe { abi::ABT_eventual_create(0, &raw mut eventual) }, abi::ABT_SUCCESS);
            eventual as usize
        })
        .collect();
    let eventual = |index: usize| eventuals[index] as abi::ABT_eventual;
    // Each waits for the other in turn; between two turns its xstream has nothing to do.
    let player = |first: usize| {
        for index in (first..eventuals.len()).step_by(2) {
            unsafe {
                if index > 0 {
                    abi::ABT_eventual_wait(eventual(index - 1), ptr::null_mut());
                }
                abi::ABT_eventual_set(eventual(index), ptr::null_mut(), 0);
            }
        }
    };
    let players =
        [xstreams.spawn(MAIN_OF_TARGET_0, || player(0)), xstreams.spawn(OFFLOAD_OF_TARGET_0, || player(1))];
    players.into_iter().for_each(engine::Ult::join);
    for index in 0..eventuals.len() {
        let mut eventual = eventual(index);
        unsafe { abi::ABT_eventual_free(&raw mut eventual) };
    }
}

#[test]
fn waiting_on_a_condition_for_long_is_counted_and_ends_by_a_signal() {
    let runtime = Runtime::start();
    let xstreams = runtime.xstreams(ONE_HELPER_EACH).unwrap();
    let (mut mutex, mut cond) = (abi::ABT_MUTEX_NULL, abi::ABT_COND_NULL);
    unsafe {
        assert_eq!(abi::ABT_mutex_create(&raw mut mutex), abi::ABT_SUCCESS);
        assert_eq!(abi::ABT_cond_create(&raw mut cond), abi::ABT_SUCCESS);
    }
    let (mutex_at, cond_at) = (mutex as usize, cond as usize);
    for business in [false, true] {
        let ready = AtomicU32::new(0);
        let waiter = xstreams.spawn(MAIN_OF_TARGET_0, || unsafe {
            let (mutex, cond) = (mutex_at as abi::ABT_mutex, cond_at as abi::ABT_cond);
            abi::ABT_mutex_lock(mutex);
            ready.store(1, Ordering::SeqCst);
            while ready.load(Ordering::SeqCst) == 1 {
                match business {
                    true => abi::sched_cond_wait_for_business(cond, mutex),
                    false => abi::sched_cond_wait(cond, mutex),
                }
            }
            abi::ABT_mutex_unlock(mutex);
            assert_eq!((*module_info().dmi_xstream).dx_sched_info.si_wait_cnt, 0);
        });
        xstreams.on(OFFLOAD_OF_TARGET_0, || unsafe {
            let (mutex, cond) = (mutex_at as abi::ABT_mutex, cond_at as abi::ABT_cond);
            loop {
                abi::ABT_mutex_lock(mutex);
                if ready.load(Ordering::SeqCst) == 1 {
                    ready.store(2, Ordering::SeqCst);
                    abi::ABT_cond_signal(cond);
                    abi::ABT_mutex_unlock(mutex);
                    break;
                }
                abi::ABT_mutex_unlock(mutex);
                abi::ABT_thread_yield();
            }
        });
        waiter.join();
    }
    unsafe {
        abi::ABT_cond_free(&raw mut cond);
        abi::ABT_mutex_free(&raw mut mutex);
    }
}

#[test]
fn a_stop_ends_sleeps_refuses_ults_and_waits_for_all() {
    let runtime = Runtime::start();
    for round in 0..20 {
        let ended = AtomicUsize::new(0);
        let xstreams = runtime.xstreams(ONE_HELPER_EACH).unwrap();
        let ults: Vec<_> = (0..ONE_HELPER_EACH.xstreams())
            .map(|xs_id| {
                let ended = &ended;
                xstreams.spawn(xs_id, move || unsafe {
                    let dx = module_info().dmi_xstream;
                    let request = own_request(abi::SCHED_REQ_ANONYM);
                    while !abi::dss_xstream_exiting(dx) {
                        abi::sched_req_sleep(request, 3_600_000);
                    }
                    abi::sched_req_put(request);
                    // The xstreams take no new ULTs now, not even from each other.
                    let rc = abi::dss_ult_create(
                        Some(long_sleeper),
                        ptr::null_mut(),
                        abi::DSS_XS_SYS,
                        0,
                        0,
                        ptr::null_mut(),
                    );
                    assert_eq!(rc, -(abi::DER_SHUTDOWN as c_int));
                    for _ in 0..100 {
                        abi::ABT_thread_yield();
                    }
                    ended.fetch_add(1, Ordering::SeqCst);
                })
            })
            .collect();
        std::mem::forget(ults);
        drop(xstreams);
        assert_eq!(ended.load(Ordering::SeqCst), ONE_HELPER_EACH.xstreams() as usize, "round {round}");
        assert_eq!(unsafe { (&raw const abi::dss_tgt_nr).read() }, 0);
    }
}

#[test]
fn everybody_knows_of_the_shutdown_when_it_has_been_announced() {
    let runtime = Runtime::start();
    let xstreams = runtime.xstreams(ONE_HELPER_EACH).unwrap();
    let knows = || unsafe { abi::dss_srv_shutting_down() };
    assert_eq!(xstreams.everywhere(knows), [false; 7]);
    unsafe { abi::dss_srv_set_shutting_down() };
    assert_eq!(xstreams.everywhere(knows), [true; 7]);
}

#[test]
fn rpcs_are_counted_on_their_xstream() {
    let runtime = Runtime::start();
    let xstreams = runtime.xstreams(ONE_HELPER_EACH).unwrap();
    xstreams.on(MAIN_OF_TARGET_0, || unsafe {
        assert!(!abi::dss_xstream_is_busy() || abi::sched_cur_msec() < 5000);
        abi::dss_rpc_cntr_enter(abi::DSS_RC_OBJ);
        abi::dss_rpc_cntr_enter(abi::DSS_RC_OBJ);
        abi::dss_rpc_cntr_exit(abi::DSS_RC_OBJ, true);
        let counter = &*abi::dss_rpc_cntr_get(abi::DSS_RC_OBJ);
        assert_eq!((counter.rc_active, counter.rc_total, counter.rc_errors), (1, 2, 1));
        assert!(counter.rc_stime > 0 && counter.rc_stime <= counter.rc_active_time);
        assert!(abi::dss_xstream_is_busy());
        assert_eq!((*abi::dss_rpc_cntr_get(abi::DSS_RC_POOL)).rc_total, 0);
    });
    let elsewhere = xstreams.on(5, || unsafe { (*abi::dss_rpc_cntr_get(abi::DSS_RC_OBJ)).rc_total });
    assert_eq!(elsewhere, 0);
}

#[test]
fn run_time_is_told_on_watched_xstreams_only() {
    let runtime = Runtime::start();
    let xstreams = runtime.xstreams(ONE_HELPER_EACH).unwrap();
    let told = xstreams.everywhere(|| unsafe {
        let mut msecs = u64::MAX;
        let rc = abi::sched_exec_time(&mut msecs, c"test".as_ptr());
        (rc, msecs != u64::MAX)
    });
    let unknown = (-(abi::DER_NOSYS as c_int), false);
    assert_eq!(told, [(0, true), (0, true), unknown, unknown, unknown, unknown, unknown]);
}

/// Set in the process that [`a_ult_that_never_yields_is_named_and_the_engine_killed`] starts.
const DOOMED: &str = "DAOS_ENGINE_TEST_DOOMED";

/// Where that process ends.
fn run_until_killed() {
    unsafe {
        assert_eq!(abi::daos_debug_init_ex(ptr::null_mut(), abi::DLOG_INFO.into()), 0);
        (&raw mut abi::sched_inactive_max).write(1000);
    }
    let runtime = Runtime::start();
    let xstreams = runtime.xstreams(ONE_HELPER_EACH).unwrap();
    xstreams.on(0, || std::thread::sleep(std::time::Duration::from_millis(100)));
    // SAFETY: takes one argument and returns a number that nobody looks at.
    let sleep: unsafe extern "C" fn(*mut c_void) =
        unsafe { std::mem::transmute(libc::sleep as unsafe extern "C" fn(c_uint) -> c_uint) };
    xstreams.on(1, move || {
        let minute = std::ptr::without_provenance_mut(60);
        let rc = unsafe { abi::dss_ult_create(Some(sleep), minute, abi::DSS_XS_VOS, 1, 0, ptr::null_mut()) };
        assert_eq!(rc, 0);
    });
    std::thread::sleep(std::time::Duration::from_secs(60));
}

#[test]
fn a_ult_that_never_yields_is_named_and_the_engine_killed() {
    if std::env::var_os(DOOMED).is_some() {
        return run_until_killed();
    }
    let log = std::env::temp_dir().join(format!("daos-engine-doomed-{}", std::process::id()));
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_ult_that_never_yields_is_named_and_the_engine_killed"])
        .env(DOOMED, "1")
        .env("D_LOG_FILE", &log)
        .status()
        .unwrap();
    let lines = std::fs::read_to_string(&log).unwrap();
    std::fs::remove_file(&log).unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(libc::SIGKILL), "{lines}");
    let line =
        |start: &str| lines.lines().find(|line| line.contains(start)).unwrap_or_else(|| panic!("{lines}"));
    // After it has yielded, on the system xstream.
    let watchdog = line("WATCHDOG: ");
    assert!(watchdog.contains("ms on xs 0 (daos_sys_0)"), "{watchdog}");
    // While it has not, on a target.
    let monitor = line("SCHED_MONITOR: sleep");
    for part in ["libc", "has not yielded for", "xs 5 (tgt 1, daos_io_1)", "thread state S"] {
        assert!(monitor.contains(part), "{part}: {monitor}");
    }
    line("SCHED_MONITOR: killing the engine");
}

#[test]
fn a_dump_shows_every_xstream() {
    let runtime = Runtime::start();
    let _xstreams = runtime.xstreams(ONE_HELPER_EACH).unwrap();
    let path = std::env::temp_dir().join(format!("daos-engine-dump-{}", std::process::id()));
    let name = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
    unsafe {
        let file = libc::fopen(name.as_ptr(), c"w".as_ptr());
        assert!(!file.is_null());
        abi::dss_dump_ABT_state(file);
        abi::dss_dump_ABT_state(file);
        libc::fclose(file);
    }
    let dump = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    for name in
        ["daos_sys_0", "daos_sys_1", "daos_sys_2", "daos_io_0", "daos_io_1", "daos_off_4", "daos_off_6"]
    {
        let heading = |line: &&str| {
            line.starts_with("== per ES (0x") && line.ends_with(&format!(") details == {name}"))
        };
        assert_eq!(dump.lines().filter(heading).count(), 2, "{name}");
    }
}

#[test]
fn starting_and_stopping_over_and_over_leaks_neither_threads_nor_descriptors() {
    let runtime = Runtime::start();
    let count = |path: &str| std::fs::read_dir(path).unwrap().count();
    let mut before = None;
    for _ in 0..100 {
        drop(runtime.xstreams(Layout { targets: 1, offload: 1 }).unwrap());
        assert_eq!(names_of_threads(), [""; 0]);
        let descriptors = count("/proc/self/fd");
        assert_eq!(*before.get_or_insert(descriptors), descriptors);
    }
}
