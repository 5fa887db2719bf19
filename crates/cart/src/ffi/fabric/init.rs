//! `crt_init.c`: the one process.

use abi::{CRT_FLAG_BIT_AUTO_SWIM_DISABLE, CRT_FLAG_BIT_SERVER, crt_group_id_t, crt_init_options_t};
use core::ffi::{CStr, c_char, c_int};
use std::ffi::CString;
use std::sync::{Arc, PoisonError, RwLock};

use gurt_client::{Facility, Result, env, error, info};

use super::group::Handles;
use super::{Shell, der, incast, invalid, rc};
use crate::node::settings::{Options, Settings};
use crate::node::{Clock, Node};

/// The process, while it is started.
struct Started {
    node: Arc<Node<Shell>>,
    /// How often it was started.
    count: usize,
    /// Whether the failure detector starts with its context.
    swim: bool,
}

static STARTED: RwLock<Option<Started>> = RwLock::new(None);

/// The process.
pub(super) fn current() -> Option<Arc<Node<Shell>>> {
    let started = STARTED.read().unwrap_or_else(PoisonError::into_inner);
    started.as_ref().map(|started| started.node.clone())
}

/// Whether the failure detector starts by itself.
pub(super) fn starts_swim() -> bool {
    let started = STARTED.read().unwrap_or_else(PoisonError::into_inner);
    started.as_ref().is_some_and(|started| started.swim)
}

/// `crt_validate_grpid`: printable ASCII without what a shell or a file might take for something else.
pub(super) fn group_name(function: &str, name: &CStr) -> Result<Arc<str>> {
    let fits = (1..=abi::CRT_GROUP_ID_MAX_LEN as usize).contains(&name.count_bytes());
    let good = |byte: &u8| matches!(byte, b' '..=b'~') && !b";\"`'\\".contains(byte);
    match name.to_str() {
        Ok(text) if fits && text.as_bytes().iter().all(good) => Ok(text.into()),
        _ => {
            error!(
                Facility::RPC,
                "{function}: {name:?} is no name of a group: 1 to {} printable characters, without quotes, \
                 backslash and semicolon",
                abi::CRT_GROUP_ID_MAX_LEN
            );
            Err(der::INVAL)
        }
    }
}

/// Starts the process; whether it was not started before.
fn start(group: Option<&CStr>, flags: u32, options: &Options) -> Result<bool> {
    const NAME: &str = "crt_init_opt";
    let server = flags & CRT_FLAG_BIT_SERVER != 0;
    let default = c"crt_default_group";
    let group = group_name(NAME, group.unwrap_or(default))?;
    let mut started = STARTED.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(started) = &mut *started {
        if server && !started.node.is_server() {
            return Err(invalid(NAME, "CaRT is started as a client, and cannot become a server"));
        }
        started.count += 1;
        return Ok(false);
    }
    let variable = |name: &str| env::text(&CString::new(name).ok()?);
    let settings = Settings::new(server, options, variable);
    let role = if server { "server" } else { "client" };
    info!(Facility::RPC, "CaRT starts as a {role} of {group}, by provider {}", settings.provider);
    let handles = Handles::new(&group).ok_or(der::NOMEM)?;
    let user = Shell { formats: Default::default(), watchers: Default::default(), handles: handles.into() };
    let node = Node::new(user, &group, server, settings, clock(server));
    *started = Some(Started { node, count: 1, swim: server && flags & CRT_FLAG_BIT_AUTO_SWIM_DISABLE == 0 });
    Ok(true)
}

/// Servers keep the hybrid logical clock; a client passes on what it has heard from them, as its own clock shall not
/// move theirs.
fn clock(server: bool) -> Clock {
    // SAFETY: these functions take any number.
    unsafe {
        let millis = |difference| abi::d_hlc2nsec(difference) / 1_000_000;
        match server {
            true => Clock {
                stamp: || abi::d_hlc_get(),
                heard: |hlc| abi::d_hlc_get_msg(hlc, core::ptr::null_mut(), core::ptr::null_mut()) == 0,
                millis,
            },
            false => Clock {
                stamp: || abi::d_hlct_get(),
                heard: |hlc| {
                    abi::d_hlct_sync(hlc);
                    true
                },
                millis,
            },
        }
    }
}

fn stop() -> Result {
    let mut started = STARTED.write().unwrap_or_else(PoisonError::into_inner);
    let Some(now) = &mut *started else {
        error!(Facility::RPC, "crt_finalize: CaRT is not started");
        return Err(der::UNINIT);
    };
    if now.count > 1 {
        now.count -= 1;
        return Ok(());
    }
    let contexts = now.node.networks().len();
    if contexts > 0 {
        error!(
            Facility::RPC,
            "crt_finalize: there are {contexts} contexts; destroy them first, by crt_context_destroy"
        );
        return Err(der::BUSY);
    }
    *started = None;
    Ok(())
}

/// # Safety
/// The texts of the options are null or strings.
unsafe fn options(options: &crt_init_options_t) -> Options {
    let text = |text: *mut c_char| {
        // SAFETY: by the caller's promise.
        (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
    };
    let number = |number: c_int| u32::try_from(number).ok().filter(|&number| number > 0);
    Options {
        timeout: number(options.cio_crt_timeout),
        contexts: number(options.cio_ctx_max_num),
        credits: number(options.cio_ep_credits),
        provider: text(options.cio_provider),
        interface: text(options.cio_interface),
        domain: text(options.cio_domain),
        port: text(options.cio_port),
    }
}

abi::export! {
    /// `crt_init_opt` (crt_init.c): starts CaRT as a server or a client of the group, which may be null. Once more does
    /// nothing but ask for another `crt_finalize`. 0, or `-DER_INVAL` for a name that is none, and for a client that
    /// wants to become a server.
    pub unsafe fn crt_init_opt(grpid: crt_group_id_t, flags: u32, opt: *mut crt_init_options_t) -> c_int {
        // SAFETY: the log is counted, as this is; the arguments are null or what C says they are.
        unsafe {
            abi::d_signal_register();
            let logging = abi::d_log_init();
            if logging != 0 {
                return logging;
            }
            abi::d_fault_inject_init();
            let group = (!grpid.is_null()).then(|| CStr::from_ptr(grpid));
            let options = opt.as_ref().map(|opt| options(opt)).unwrap_or_default();
            let started = start(group, flags, &options).and_then(|first| {
                if !first {
                    return Ok(());
                }
                // Without room for more facilities their lines are of the general one.
                let _ = abi::crt_setup_log_fac();
                abi::crt_iv_init(opt);
                incast::register().inspect_err(|_| {
                    let _ = stop();
                })
            });
            if started.is_err() {
                abi::d_fault_inject_fini();
                abi::d_log_fini();
            }
            rc(started)
        }
    }

    /// `crt_finalize` (crt_init.c): ends CaRT, if it is the last of as many calls as of `crt_init_opt`. 0, `-DER_UNINIT`
    /// if it is not started, `-DER_BUSY` while there are contexts.
    pub fn crt_finalize() -> c_int {
        let stopped = stop();
        if stopped.is_ok() {
            // SAFETY: as often as they were started.
            unsafe {
                abi::d_fault_inject_fini();
                abi::d_log_fini();
            }
        }
        rc(stopped)
    }
}
