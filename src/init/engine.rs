//! The life of an engine: `server_init` and `server_fini` of init.c.

use super::clock::ClockRecovery;
use super::ladder::{Ladder, Missed};
use super::layers::{self, Hardware};
use super::options::Options;
use super::plan::{Plan, Request};
use super::signals::{Attention, Ended, Waker};
use super::static_group::StaticGroup;
use super::variables::{self, Published};
use super::{log_ids, network, state};
use core::ffi::{CStr, c_int};
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};
use gurt_client::{Der, Facility, Result, env, error, info};
use std::ffi::CString;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::thread;

/// A running engine; dropped, it stops: no new work first, then the modules' own work while xstreams still run,
/// then the steps of the start in the opposite order. It belongs to the thread that has started it, which is
/// Argobots' primary ULT.
pub struct Engine {
    /// Dropped before the settings, which its steps read.
    _ladder: Ladder,
    _settings: Published,
    _claim: Claim,
}

/// Whether this process has an engine, or is starting or stopping one.
static CLAIMED: AtomicBool = AtomicBool::new(false);

/// The right to be the process's one engine.
struct Claim(());

impl Claim {
    fn take() -> core::result::Result<Self, Failure> {
        if CLAIMED.swap(true, Ordering::AcqRel) { Err(Failure::Running) } else { Ok(Claim(())) }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        CLAIMED.store(false, Ordering::Release);
    }
}

/// Whether this process has an engine, or is starting or stopping one.
pub fn is_running() -> bool {
    CLAIMED.load(Ordering::Acquire)
}

/// Why there is no engine.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// There is one already in this process.
    Running,
    /// A step could not be taken.
    Missed(Missed),
    /// The machine has no room for the xstreams that were asked for.
    Unfit(String),
    /// There is no directory for the sockets at this path.
    NoSocketDirectory(String),
    /// Nobody answers at this path.
    NoControlPlane {
        /// Where daos_server would listen.
        socket: String,
        /// How the attempt failed.
        error: Der,
    },
    /// A module could not be loaded; the log says what was tried.
    Module {
        /// Its name.
        name: String,
        /// Why.
        error: Der,
    },
    /// The group file says something else than it should, or cannot be followed.
    Group(String),
    /// The control plane has set the engine up without giving it a rank.
    NoRank,
    /// A signal asked the engine to stop before it was set up.
    Stopped(c_int),
}

impl Failure {
    /// What a C caller is told.
    pub fn error(&self) -> Der {
        match self {
            Failure::Running => Der::new(abi::DER_ALREADY.into()),
            Failure::Missed(missed) => missed.error,
            Failure::Unfit(_) | Failure::Group(_) => Der::new(abi::DER_INVAL.into()),
            Failure::NoControlPlane { error, .. } | Failure::Module { error, .. } => *error,
            Failure::NoSocketDirectory(_) | Failure::NoRank => Der::new(abi::DER_NONEXIST.into()),
            Failure::Stopped(_) => Der::new(abi::DER_CANCELED.into()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Running => f.write_str("this process runs an engine already"),
            Failure::Missed(missed) => {
                write!(f, "cannot start {missed}; the log has the details (D_LOG_FILE)")
            }
            Failure::Unfit(why) | Failure::Group(why) => f.write_str(why),
            Failure::NoSocketDirectory(path) => {
                write!(f, "there is no directory {path} for the sockets: create it, or name another (-d)")
            }
            Failure::NoControlPlane { socket, error } => write!(
                f,
                "no control plane answers at {socket} ({error}): start daos_server, or name the directory of \
                 its daos_server.sock (-d)"
            ),
            Failure::Module { name, error } => {
                write!(f, "cannot load module {name}: {error}; the log says what was tried (D_LOG_FILE)")
            }
            Failure::NoRank => f.write_str("the control plane has set the engine up before it set its rank"),
            Failure::Stopped(signal) => write!(f, "stopped by signal {signal} before the engine was set up"),
        }
    }
}

impl From<Missed> for Failure {
    fn from(missed: Missed) -> Self {
        Failure::Missed(missed)
    }
}

/// A C function that returns 0 or `-DER_*`.
fn check(rc: c_int) -> Result {
    Der::check(rc).map(drop)
}

/// A function of Argobots.
fn check_abt(rc: c_int) -> Result {
    crate::inline::abt(rc)
}

impl Engine {
    /// Starts an engine, tells the control plane, and waits until that has set it up; `attention` says which
    /// signals are looked after meanwhile. When it fails, all that had started is stopped again.
    pub fn start(options: &Options, attention: &Attention) -> core::result::Result<Engine, Failure> {
        let claim = Claim::take()?;
        let mut settings = Published::options(options).map_err(|error| Missed { step: "options", error })?;
        let mut ladder = Ladder::default();
        let started = ladder.start(options, &mut settings, attention);
        started.inspect_err(|failure| match failure {
            Failure::Stopped(_) => info!(Facility::SERVER, "{failure}"),
            // Logged where it is known better.
            Failure::Module { .. } => {}
            failure => error!(Facility::SERVER, "{failure}"),
        })?;
        Ok(Engine { _ladder: ladder, _settings: settings, _claim: claim })
    }
}

/// The steps of the start.
impl Ladder {
    fn start(
        &mut self,
        options: &Options,
        settings: &mut Published,
        attention: &Attention,
    ) -> core::result::Result<(), Failure> {
        self.start_umask();
        let group = StaticGroup::from_environment().map_err(Failure::Group)?;
        let clock = (!layers::share_one_clock()).then(ClockRecovery::begin);
        self.start_tls()?;
        self.start_log()?;
        plan_xstreams(options, settings)?;
        self.start_telemetry(options)?;
        if !Path::new(&options.socket_dir).is_dir() {
            return Err(Failure::NoSocketDirectory(options.socket_dir.clone()));
        }
        self.start_drpc_client()?;
        self.register_trees()?;
        self.start_argobots()?;
        self.start_modules(options, clock)?;
        self.start_xstreams()?;
        match group {
            Some(group) => group.join().map_err(Failure::Group)?,
            None => await_control_plane(options, attention)?,
        }
        network::watch_ranks(options)?;
        announce()
    }

    /// The umask of DAOS leaves permissions of the group to whoever creates a file.
    fn start_umask(&mut self) {
        // SAFETY: takes a number.
        let former = unsafe { libc::umask(0o002) };
        self.rung("umask", move || {
            // SAFETY: as above.
            unsafe { libc::umask(former) };
        });
    }

    /// Storage for each xstream; log lines look at it, so it comes before the log.
    fn start_tls(&mut self) -> core::result::Result<(), Missed> {
        let up = || {
            // SAFETY: no xstream runs yet; the key is a variable of srv.c and lives for ever.
            unsafe {
                match abi::ds_tls_key_create() {
                    0 => abi::daos_register_key(&raw mut abi::daos_srv_modkey),
                    libc::ENOMEM => return Err(Der::new(abi::DER_NOMEM.into())),
                    _ => return Err(Der::new(abi::DER_MISC.into())),
                }
            }
            Ok(())
        };
        // SAFETY: registered above; no xstream runs any more.
        self.climb("storage of xstreams", up, || unsafe {
            abi::daos_unregister_key(&raw mut abi::daos_srv_modkey);
            abi::ds_tls_key_delete();
        })
    }

    fn start_log(&mut self) -> core::result::Result<(), Missed> {
        // The name of the file is DAOS's default; D_LOG_FILE comes before it.
        const LOG_FILE: &CStr = c"/tmp/daos.log";
        let up = || {
            // SAFETY: the callback stays; the name is read, not written.
            unsafe {
                abi::daos_debug_set_id_cb(Some(log_ids::log_ids));
                check(abi::daos_debug_init_ex(LOG_FILE.as_ptr().cast_mut(), abi::DLOG_INFO.into()))
            }
        };
        // SAFETY: opened above.
        self.climb("log", up, || unsafe { abi::daos_debug_fini() })
    }

    fn start_drpc_client(&mut self) -> core::result::Result<(), Missed> {
        // SAFETY: takes no argument; the socket's directory is published.
        self.climb("dRPC client", || check(unsafe { abi::drpc_init() }), || unsafe { abi::drpc_fini() })
    }

    fn start_argobots(&mut self) -> core::result::Result<(), Missed> {
        let up = || {
            reserve_xstreams()?;
            // SAFETY: no arguments are passed.
            check_abt(unsafe { abi::ABT_init(0, ptr::null_mut()) })?;
            log_ids::name_ults(true);
            Ok(())
        };
        self.climb("Argobots", up, || {
            log_ids::name_ults(false);
            // SAFETY: initialised above by this thread; all xstreams have been joined.
            if let Err(err) = check_abt(unsafe { abi::ABT_finalize() }) {
                error!(Facility::SERVER, "cannot finalize Argobots: {err}");
            }
        })
    }

    /// Loads and initialises the modules. All are loaded before the first is initialised, so that they may use
    /// each other's symbols.
    fn start_modules(
        &mut self,
        options: &Options,
        clock: Option<ClockRecovery>,
    ) -> core::result::Result<(), Failure> {
        // SAFETY: takes no argument; nothing is loaded yet.
        let up = || check(unsafe { abi::dss_module_init() });
        self.climb("dRPC handlers", up, || {
            // SAFETY: initialised above; no module is loaded any more.
            unsafe { abi::dss_module_fini(true) };
        })?;
        self.start_network()?;
        self.start_handles()?;
        // SAFETY: takes no argument; no xstream runs the modules' code any more.
        self.rung("modules", || unsafe { abi::dss_module_unload_all() });
        self.start_incast_variables()?;
        for name in &options.modules {
            load(name).map_err(|error| Failure::Module { name: name.clone(), error })?;
        }
        info!(Facility::SERVER, "modules loaded: {}", options.modules.join(","));

        // Module init functions may read the clock and the epoch.
        if let Some(clock) = clock {
            clock.end();
        }
        // SAFETY: takes no argument.
        unsafe { abi::dss_set_start_epoch() };
        self.start_nvme(options)?;
        let mut facilities = 0;
        // SAFETY: writes one number. Unloading undoes it.
        check(unsafe { abi::dss_module_init_all(&raw mut facilities) })
            .map_err(|error| Missed { step: "modules", error }.into())
    }

    fn start_xstreams(&mut self) -> core::result::Result<(), Missed> {
        state::reset();
        // SAFETY: takes no argument; what xstreams need has been started.
        let up = || check(unsafe { abi::dss_srv_init() });
        self.climb("xstreams", up, || {
            // SAFETY: started above.
            if let Err(err) = check(unsafe { abi::dss_srv_fini(true) }) {
                error!(Facility::SERVER, "xstreams did not stop cleanly: {err}");
            }
            state::reset();
        })?;
        self.rung("service", || {
            state::await_set_up_under_way();
            info!(Facility::SERVER, "the engine is shutting down");
            // SAFETY: takes no argument; xstreams run.
            unsafe { abi::dss_srv_set_shutting_down() };
            network::unwatch_ranks();
            cleanup_modules();
        });
        Ok(())
    }
}

/// Decides how many xstreams run on which cores.
fn plan_xstreams(options: &Options, published: &mut Published) -> core::result::Result<(), Failure> {
    let hardware = Hardware::discover().map_err(Failure::Unfit)?;
    let request = Request {
        targets: options.targets,
        helpers: options.helpers,
        first_core: options.first_core,
        numa_node: options.numa_node,
        oversubscribe: env::flag(c"DAOS_TARGET_OVERSUBSCRIBE").unwrap_or(false),
    };
    let plan = Plan::new(&request, hardware.machine()).map_err(|unfit| Failure::Unfit(unfit.to_string()))?;
    for remark in &plan.remarks {
        info!(Facility::SERVER, "{remark}");
    }
    super::print(format_args!("Using {} core allocation algorithm", plan.mode));
    published.plan(&plan, hardware).map_err(|error| Missed { step: "NUMA nodes", error }.into())
}

/// Tells Argobots how many xstreams there may be: `ABT_MAX_NUM_XSTREAMS` at least, all of the engine's and the
/// primary one in any case.
fn reserve_xstreams() -> Result {
    let environment = |name| env::number(name).unwrap_or(0);
    let requested = environment(c"ABT_MAX_NUM_XSTREAMS").max(environment(c"ABT_ENV_MAX_NUM_XSTREAMS"));
    let needed = 1 + crate::inline::Layout::current().xstreams();
    let number = CString::new(requested.max(needed).to_string()).expect("digits have no NUL");
    // SAFETY: two strings, which are copied.
    match unsafe { abi::d_setenv(c"ABT_MAX_NUM_XSTREAMS".as_ptr(), number.as_ptr(), 1) } {
        0 => Ok(()),
        _ => Err(Der::new(abi::DER_NOMEM.into())),
    }
}

fn load(name: &str) -> Result {
    let c_name = CString::new(name).map_err(|_| Der::new(abi::DER_INVAL.into()))?;
    // SAFETY: a string that outlives the call.
    check(unsafe { abi::dss_module_load(c_name.as_ptr()) })
}

/// Tells the control plane, and waits until that has set the engine up.
///
/// Unlike in DAOS, signals are looked after from here on: a control plane may never answer.
fn await_control_plane(options: &Options, attention: &Attention) -> core::result::Result<(), Failure> {
    notify_control_plane(options, attention)?;
    match state::wait_set_up(attention) {
        Ended::Signal(signal) => Err(Failure::Stopped(signal)),
        Ended::Reached => Ok(()),
    }
}

/// Tells daos_server that this engine awaits SetRank and SetUp.
///
/// On a thread of its own, so that signals are looked after meanwhile: a control plane may accept a connection
/// and never answer. When a signal ends the wait, the thread stays behind in a process that is about to end.
fn notify_control_plane(options: &Options, attention: &Attention) -> core::result::Result<(), Failure> {
    let result = Arc::new(OnceLock::new());
    let (check_mode, answer, waker) = (options.check, result.clone(), Waker::for_this_thread());
    let call = move || {
        // SAFETY: takes a flag; xstreams and the dRPC client run.
        let _ = answer.set(check(unsafe { abi::drpc_notify_ready(check_mode) }));
        waker.wake();
    };
    let missed = |_| Missed { step: "thread for NotifyReady", error: Der::new(abi::DER_NOMEM.into()) };
    let thread = thread::Builder::new().name("daos_ready".into()).spawn(call).map_err(missed)?;
    if let Ended::Signal(signal) = attention.until(|| result.get().is_some()) {
        return Err(Failure::Stopped(signal));
    }
    thread.join().expect("a call does not panic");
    result.get().copied().unwrap_or(Ok(())).map_err(|error| Failure::NoControlPlane {
        socket: format!("{}/daos_server.sock", options.socket_dir),
        error,
    })
}

/// Lets the modules end their own work, if they had been set up.
fn cleanup_modules() {
    if state::is_set_up() {
        // SAFETY: takes no argument; xstreams still run.
        if let Err(err) = check(unsafe { abi::dss_module_cleanup_all() }) {
            error!(Facility::SERVER, "a module did not clean up: {err}");
        }
    }
}

/// Opens the engine for business, and says so.
fn announce() -> core::result::Result<(), Failure> {
    let mut rank = abi::CRT_NO_RANK;
    // SAFETY: writes one rank.
    if unsafe { abi::crt_group_rank(ptr::null_mut(), &raw mut rank) } != 0 {
        return Err(Failure::NoRank);
    }
    // SAFETY: takes a flag; xstreams run. The numbers do not change while they do.
    let (targets, helpers, first_core, node) = unsafe {
        abi::dss_xstreams_open_barrier(false);
        layers::note_ready(rank);
        (abi::dss_tgt_nr, abi::dss_tgt_offload_xs_nr, abi::dss_core_offset, abi::dss_numa_node)
    };
    let (process, host) = (std::process::id(), variables::hostname());
    let version =
        format_args!("{}.{}.{}", abi::DAOS_VERSION_MAJOR, abi::DAOS_VERSION_MINOR, abi::DAOS_VERSION_FIX);
    super::print(format_args!(
        "DAOS I/O Engine (v{version}) process {process} started on rank {rank} with {targets} target, \
         {helpers} helper XS, firstcore {first_core}, host {host}.",
    ));
    if node >= 0 {
        super::print(format_args!("Using NUMA node: {node}"));
    }
    Ok(())
}
