//! VOS is what a loaded module brings.

use core::ffi::{CStr, c_void};
use core::ptr::NonNull;

use super::{AggGap, PoolCreate, PoolOpen, PoolQuerySpace};

/// Looks a function of VOS up among all that is loaded.
fn lookup(symbol: &CStr) -> Option<NonNull<c_void>> {
    // SAFETY: a C string.
    NonNull::new(unsafe { libc::dlsym(libc::RTLD_DEFAULT, symbol.as_ptr()) })
}

macro_rules! functions {
    ($($name:ident: $ty:ty = $symbol:literal;)*) => {$(
        #[doc = concat!("`", stringify!($symbol), "`, or `None` while no module has brought it.")]
        pub fn $name() -> Option<$ty> {
            // SAFETY: that symbol of VOS has this signature.
            lookup($symbol).map(|address| unsafe { core::mem::transmute::<NonNull<c_void>, $ty>(address) })
        }
    )*};
}

functions! {
    pool_create: PoolCreate = c"vos_pool_create";
    pool_open: PoolOpen = c"vos_pool_open";
    pool_query_space: PoolQuerySpace = c"vos_pool_query_space";
    agg_gap: AggGap = c"vos_get_agg_gap";
}
