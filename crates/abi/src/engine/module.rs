//! `module.c`: variables of it that no header declares.

use crate::{d_list_t, pthread_mutex_t};

unsafe extern "C" {
    /// Head of the list of loaded modules, in the order in which they were loaded. Its entries are module.c's own
    /// business.
    pub static mut loaded_mod_list: d_list_t;
    /// Held while `loaded_mod_list` changes, and while modules are initialised, set up and cleaned up.
    pub static mut loaded_mod_list_lock: pthread_mutex_t;
}
