//! What programs share with the engine that are none, such as `dlck`: the classes of trees of the engine's modules.
//! Replaces `util.c`.
//!
//! Nothing here needs an xstream, or anything else of the engine.

use core::ffi::{c_int, c_uint};

use abi::{
    BTR_FEAT_DIRECT_KEY, BTR_FEAT_UINT_KEY, DBTREE_CLASS_EC, DBTREE_CLASS_IFV, DBTREE_CLASS_IV,
    DBTREE_CLASS_KV, DBTREE_CLASS_NV, DBTREE_CLASS_UV, btr_ops_t,
};
use gurt_client::{Der, Facility, Result, error};

/// A class of trees, as libdaos_common knows it.
struct Class {
    name: &'static str,
    number: c_uint,
    features: c_uint,
    functions: *mut btr_ops_t,
}

macro_rules! classes {
    ($($name:ident $functions:ident $features:expr;)*) => {
        [$(Class {
            name: stringify!($name),
            number: $name,
            features: $features,
            functions: &raw mut abi::$functions,
        }),*]
    };
}

/// Registers the classes, in this order, up to the first that is refused.
fn register_classes() -> Result {
    let classes = classes! {
        DBTREE_CLASS_KV dbtree_kv_ops 0;
        DBTREE_CLASS_IV dbtree_iv_ops BTR_FEAT_UINT_KEY | BTR_FEAT_DIRECT_KEY;
        DBTREE_CLASS_IFV dbtree_ifv_ops BTR_FEAT_UINT_KEY | BTR_FEAT_DIRECT_KEY;
        DBTREE_CLASS_NV dbtree_nv_ops BTR_FEAT_DIRECT_KEY;
        DBTREE_CLASS_UV dbtree_uv_ops 0;
        DBTREE_CLASS_EC dbtree_ec_ops BTR_FEAT_UINT_KEY;
    };
    for Class { name, number, features, functions } in classes {
        // SAFETY: functions that libdaos_common has for this class, for as long as the process lives.
        let rc = unsafe { abi::dbtree_class_register(number, features.into(), functions) };
        Der::check(rc).inspect_err(|err| {
            error!(Facility::SERVER, "cannot register the class of trees {name}: {err}")
        })?;
    }
    Ok(())
}

abi::export! {
    /// `dss_register_dbtree_classes` (util.c): makes the classes of trees known that the engine's modules use. May be
    /// called again; a class cannot be taken back.
    ///
    /// Returns 0, or what `dbtree_class_register` says of the first class that it refuses.
    pub fn dss_register_dbtree_classes() -> c_int {
        Der::rc_of(register_classes())
    }
}
