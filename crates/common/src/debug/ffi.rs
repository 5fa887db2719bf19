//! The C ABI of `common/debug.c`.

use core::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::cell::RefCell;
use std::io::Write as _;
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use abi::{d_dbug_t, d_log_id_cb_t, io_bypass};
use gurt_client::{Der, Result, env};

use super::{bypass, uuid};

/// Entries of a facility's cache: 9 priorities, 7 debug bits of gurt and 8 of DAOS.
const CACHE: usize = 24;

/// A log facility: its name, where its number is kept, and where the masks are that gurt has resolved for it.
struct FacilityVars {
    name: &'static CStr,
    number: fn() -> *mut c_int,
    cache: fn() -> *mut [c_int; CACHE],
}

/// A debug bit: its short and long name, and where it is kept.
struct BitVars {
    name: &'static CStr,
    long_name: &'static CStr,
    bit: fn() -> *mut d_dbug_t,
}

macro_rules! facilities {
    ($($name:literal $number:ident $cache:ident,)*) => {
        abi::export_data! {$(
            #[doc = concat!("`DD_FAC(", $name, ")` (debug.c): the facility's number.")]
            pub static mut $number: c_int = 0;
            #[doc = concat!("The masks of `DD_FAC(", $name, ")` (debug.c) as resolved so far, one a priority or bit.")]
            pub static mut $cache: [c_int; CACHE] = [abi::DLOG_UNINIT as c_int; CACHE];
        )*}

        static FACILITIES: &[FacilityVars] = &[$(FacilityVars {
            name: match CStr::from_bytes_with_nul(concat!($name, "\0").as_bytes()) {
                Ok(name) => name,
                Err(_) => panic!("a NUL in a name"),
            },
            number: || &raw mut abi::$number,
            cache: || &raw mut abi::$cache,
        },)*];
    };
}

macro_rules! bits {
    ($($bit:ident $name:literal $long_name:literal,)*) => {
        abi::export_data! {$(
            #[doc = concat!("The debug bit `", stringify!($bit), "` (debug.c), assigned when logging starts.")]
            pub static mut $bit: d_dbug_t = 0;
        )*}

        static BITS: &[BitVars] =
            &[$(BitVars { name: $name, long_name: $long_name, bit: || &raw mut abi::$bit },)*];
    };
}

facilities! {
    "daos" daos_daos_logfac daos_daos_logfac_cache,
    "array" daos_array_logfac daos_array_logfac_cache,
    "kv" daos_kv_logfac daos_kv_logfac_cache,
    "common" daos_common_logfac daos_common_logfac_cache,
    "tree" daos_tree_logfac daos_tree_logfac_cache,
    "vos" daos_vos_logfac daos_vos_logfac_cache,
    "pmdk" daos_pmdk_logfac daos_pmdk_logfac_cache,
    "dlck" daos_dlck_logfac daos_dlck_logfac_cache,
    "client" daos_client_logfac daos_client_logfac_cache,
    "server" daos_server_logfac daos_server_logfac_cache,
    "rdb" daos_rdb_logfac daos_rdb_logfac_cache,
    "rsvc" daos_rsvc_logfac daos_rsvc_logfac_cache,
    "pool" daos_pool_logfac daos_pool_logfac_cache,
    "container" daos_container_logfac daos_container_logfac_cache,
    "object" daos_object_logfac daos_object_logfac_cache,
    "placement" daos_placement_logfac daos_placement_logfac_cache,
    "rebuild" daos_rebuild_logfac daos_rebuild_logfac_cache,
    "mgmt" daos_mgmt_logfac daos_mgmt_logfac_cache,
    "bio" daos_bio_logfac daos_bio_logfac_cache,
    "tests" daos_tests_logfac daos_tests_logfac_cache,
    "dfs" daos_dfs_logfac daos_dfs_logfac_cache,
    "duns" daos_duns_logfac daos_duns_logfac_cache,
    "drpc" daos_drpc_logfac daos_drpc_logfac_cache,
    "security" daos_security_logfac daos_security_logfac_cache,
    "dtx" daos_dtx_logfac daos_dtx_logfac_cache,
    "chk" daos_chk_logfac daos_chk_logfac_cache,
    "dfuse" daos_dfuse_logfac daos_dfuse_logfac_cache,
    "il" daos_il_logfac daos_il_logfac_cache,
    "csum" daos_csum_logfac daos_csum_logfac_cache,
    "pipeline" daos_pipeline_logfac daos_pipeline_logfac_cache,
    "stack" daos_stack_logfac daos_stack_logfac_cache,
    "ddb" daos_ddb_logfac daos_ddb_logfac_cache,
}

bits! {
    DB_MD c"md" c"metadata",
    DB_PL c"pl" c"placement",
    DB_MGMT c"mgmt" c"management",
    DB_EPC c"epc" c"epoch",
    DB_DF c"df" c"durable_format",
    DB_REBUILD c"rebuild" c"rebuild",
    DB_SEC c"sec" c"security",
    DB_CSUM c"csum" c"checksum",
}

abi::export_data! {
    /// `daos_io_bypass` (debug.c): `IOBP_*` bits, from `DAOS_IO_BYPASS`.
    pub static mut daos_io_bypass: c_uint = abi::IOBP_OFF;
    /// `io_bypass_dict` (debug.c): what `DAOS_IO_BYPASS` may name; ends with a null name.
    pub static mut io_bypass_dict: [io_bypass; bypass::PARTS.len() + 1] = {
        let mut dict = [io_bypass { iob_bit: 0, iob_str: ptr::null_mut() }; bypass::PARTS.len() + 1];
        let mut i = 0;
        while i < bypass::PARTS.len() {
            let (bit, name) = bypass::PARTS[i];
            dict[i] = io_bypass { iob_bit: bit as c_int, iob_str: name.as_ptr().cast_mut() };
            i += 1;
        }
        dict
    };
}

/// What `daos_debug_init` and its siblings share.
struct State {
    /// Calls of init without a fini.
    users: u32,
    id_cb: d_log_id_cb_t,
}

static STATE: Mutex<State> = Mutex::new(State { users: 0, id_cb: None });

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The debug groups: name, bits, whether it is the default one.
fn groups() -> [(&'static CStr, d_dbug_t, bool); 3] {
    // SAFETY: written while logging starts, which the caller's lock makes this thread do.
    let (default, metadata, management) = unsafe {
        use abi::*;
        (DB_IO | DB_MD | DB_PL | DB_REBUILD | DB_SEC | DB_CSUM, DB_MD, DB_MGMT)
    };
    [
        (c"group_default", default, true),
        (c"group_metadata", default | management, false),
        (c"group_metadata_only", metadata | management, false),
    ]
}

/// `D_PRINT_ERR`: for use while there is no log.
fn print_error(message: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "DAOS debug log: {message}");
}

/// Gives each facility its number. A failure is printed and leaves the rest without.
fn register_facilities() {
    for facility in FACILITIES {
        let name = facility.name.as_ptr();
        // SAFETY: NUL-terminated names.
        let number = unsafe { abi::d_log_allocfacility(name, name) };
        if number < 0 {
            return print_error(format_args!("cannot allocate facility {:?}", facility.name));
        }
        // SAFETY: our own variables; the cache has CACHE entries and lives forever.
        unsafe {
            (facility.number)().write(number);
            abi::d_log_add_cache((facility.cache)().cast(), CACHE as c_int);
        }
    }
}

/// Gives each debug bit its value. A failure is printed and leaves the rest without.
fn register_bits() {
    for bit in BITS {
        let (name, long_name) = (bit.name.as_ptr().cast_mut(), bit.long_name.as_ptr().cast_mut());
        // SAFETY: NUL-terminated names that are only read, and our own variable.
        if unsafe { abi::d_log_dbg_bit_alloc((bit.bit)(), name, long_name) } < 0 {
            return print_error(format_args!("cannot allocate debug bit {:?}", bit.name));
        }
    }
}

fn deregister_bits() {
    for bit in BITS {
        // SAFETY: a NUL-terminated name that is only read.
        if unsafe { abi::d_log_dbg_bit_dealloc(bit.name.as_ptr().cast_mut()) } < 0 {
            return print_error(format_args!("cannot free debug bit {:?}", bit.name));
        }
    }
}

fn register_groups() -> Result {
    for (name, bits, default) in groups() {
        let flags = if default { abi::D_LOG_SET_AS_DEFAULT } else { 0 };
        // SAFETY: a NUL-terminated name that is only read.
        let rc = unsafe { abi::d_log_dbg_grp_alloc(bits, name.as_ptr().cast_mut(), flags) };
        if rc < 0 {
            print_error(format_args!("cannot allocate debug group {name:?}: {rc}"));
            return Err(Der::new(abi::DER_UNINIT.into()));
        }
    }
    Ok(())
}

fn deregister_groups() {
    for (name, ..) in groups().into_iter().rev() {
        // SAFETY: a NUL-terminated name that is only read.
        if unsafe { abi::d_log_dbg_grp_dealloc(name.as_ptr().cast_mut()) } < 0 {
            print_error(format_args!("cannot free debug group {name:?}"));
        }
    }
}

/// Opens the log as `D_LOG_FILE` says: a file, nothing for `/dev/null`, standard output without it.
fn open_log(mask: d_dbug_t, id_cb: d_log_id_cb_t) -> Result {
    let file = env::string(c"D_LOG_FILE").filter(|file| !file.is_empty());
    let mut flavor = abi::DLOG_FLV_DEFAULT;
    if file.is_none() {
        flavor |= abi::DLOG_FLV_STDOUT;
    }
    let file = file.filter(|file| !file.to_bytes().starts_with(b"/dev/null"));
    let file = file.as_ref().map_or(ptr::null(), |file| file.as_ptr());
    // SAFETY: NUL-terminated strings or null, which are copied.
    let rc = unsafe {
        abi::d_log_init_adv(
            c"DAOS".as_ptr().cast_mut(),
            file.cast_mut(),
            flavor,
            mask,
            abi::DLOG_CRIT.into(),
            id_cb,
        )
    };
    Der::check(rc).map(drop)
}

/// What follows once the log is open. A failure undoes nothing: the caller closes the log.
fn register() -> Result {
    register_facilities();
    register_bits();
    register_groups()?;
    // SAFETY: the log is open.
    Der::check(unsafe {
        abi::d_log_sync_mask();
        abi::daos_fail_init()
    })?;
    if let Some(list) = env::string(c"DAOS_IO_BYPASS") {
        for (bit, name) in bypass::parse(&list.to_string_lossy()) {
            // SAFETY: our own variable, read by others only once logging has started.
            unsafe { abi::daos_io_bypass |= bit };
            let _ = writeln!(std::io::stdout(), "debugging mode: {} is disabled", name.to_string_lossy());
        }
    }
    Ok(())
}

abi::export! {
    /// `daos_debug_init_ex` (debug.c): opens the log at priority `logmask` (`DLOG_*`), or adds a user to the
    /// open one. The file is that of `D_LOG_FILE`; `logfile` is ignored, as by DAOS. 0 or `-DER_*`.
    pub unsafe fn daos_debug_init_ex(_logfile: *mut c_char, logmask: d_dbug_t) -> c_int {
        let mut state = state();
        if state.users == 0 {
            if let Err(err) = open_log(logmask, state.id_cb) {
                print_error(format_args!("cannot open the log: {err}"));
                return err.rc();
            }
            if let Err(err) = register() {
                print_error(format_args!("cannot set up the log: {err}"));
                // SAFETY: opened above.
                unsafe { abi::d_log_fini() };
                return err.rc();
            }
        }
        state.users += 1;
        0
    }

    /// `daos_debug_init` (debug.c): [`daos_debug_init_ex`] at the priority `DLOG_ERR`.
    pub unsafe fn daos_debug_init(logfile: *mut c_char) -> c_int {
        // SAFETY: the caller vouches for the string.
        unsafe { daos_debug_init_ex(logfile, abi::DLOG_ERR.into()) }
    }

    /// `daos_debug_set_id_cb` (debug.c): the function that tells the log which xstream and ULT runs; to be
    /// called before the log is opened.
    pub fn daos_debug_set_id_cb(id_cb: d_log_id_cb_t) {
        state().id_cb = id_cb;
    }

    /// `daos_debug_fini` (debug.c): closes the log when its last user leaves.
    pub fn daos_debug_fini() {
        let mut state = state();
        state.users = state.users.saturating_sub(1);
        if state.users == 0 {
            deregister_bits();
            // SAFETY: the log is open.
            unsafe { abi::daos_fail_fini() };
            deregister_groups();
            // SAFETY: as above.
            unsafe { abi::d_log_fini() };
        }
    }

    /// `DP_UUID` (debug.c): the text of a UUID for a log line, `?` for null, in a buffer that seven more calls on
    /// this thread leave alone.
    pub unsafe fn DP_UUID(uuid: *const c_void) -> *mut c_char {
        thread_local! {
            static TEXTS: RefCell<uuid::Texts> = const { RefCell::new(uuid::Texts::new()) };
        }
        // SAFETY: the caller passes null or a UUID.
        let uuid = unsafe { uuid.cast::<[u8; 16]>().as_ref() };
        TEXTS.with_borrow_mut(|texts| texts.print(uuid).as_mut_ptr().cast())
    }
}
