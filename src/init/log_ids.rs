//! Which xstream and ULT writes a line of the log.

use core::sync::atomic::{AtomicBool, Ordering};

/// Whether Argobots runs and can be asked for ULTs.
static ARGOBOTS: AtomicBool = AtomicBool::new(false);

/// Turns ids of ULTs on or off.
pub fn name_ults(on: bool) {
    ARGOBOTS.store(on, Ordering::Release);
}

/// `server_id_cb` of init.c: stores the id of the current xstream at `xstream`, and that of the current ULT or
/// tasklet at `ult`, if they are asked for and there is one; otherwise leaves them alone.
///
/// # Safety
/// Both are null or writable.
pub unsafe extern "C" fn log_ids(xstream: *mut u32, ult: *mut u64) {
    if !ult.is_null() && ARGOBOTS.load(Ordering::Acquire) && is_ult_or_tasklet() {
        // SAFETY: writable, says the caller.
        unsafe { abi::ABT_self_get_thread_id(ult) };
    }
    if let Some(id) = xstream_id().filter(|_| !xstream.is_null()) {
        // SAFETY: writable, says the caller.
        unsafe { xstream.write(id) };
    }
}

fn is_ult_or_tasklet() -> bool {
    let mut kind = abi::ABT_UNIT_TYPE_EXT;
    // SAFETY: writes one number.
    let rc = unsafe { abi::ABT_self_get_type(&raw mut kind) };
    rc == abi::ABT_SUCCESS && (kind == abi::ABT_UNIT_TYPE_THREAD || kind == abi::ABT_UNIT_TYPE_TASK)
}

/// The id of the current xstream. Lines are also written before the key is registered and after it is not any
/// more, when its index may be another key's.
fn xstream_id() -> Option<u32> {
    let key = &raw mut abi::daos_srv_modkey;
    // SAFETY: a variable of srv.c, written when the key is registered; the table is asked for any index of it.
    let registered = unsafe {
        let index = (&raw const (*key).dmk_index).read();
        (0..abi::DAOS_MODULE_KEYS_NR as i32).contains(&index) && abi::daos_get_module_key(index) == key
    };
    let info = registered.then(crate::inline::module_info).flatten()?;
    // SAFETY: the module info of a live xstream.
    Some(unsafe { (*info.as_ptr()).dmi_xs_id } as u32)
}
