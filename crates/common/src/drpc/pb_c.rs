//! The C ABI of `common/drpc.pb-c.c`: calls and responses in the memory layout of protobuf-c.

use core::ffi::{CStr, c_uint};
use core::ptr;

use abi::*;
use pb_c::descriptor::one_range;

pb_c::messages! {
    package "drpc";

    Drpc__Call "drpc.Call" {
        module: int32 = 1,
        method: int32 = 2,
        sequence: int64 = 3,
        body: bytes = 4,
    }
    functions
        drpc__call__init
        drpc__call__get_packed_size
        drpc__call__pack
        drpc__call__pack_to_buffer
        drpc__call__unpack
        drpc__call__free_unpacked;
    descriptor drpc__call__descriptor;

    Drpc__Response "drpc.Response" {
        sequence: int64 = 1,
        status: enumeration(Drpc__Status, drpc__status__descriptor) = 2,
        body: bytes = 3,
    }
    functions
        drpc__response__init
        drpc__response__get_packed_size
        drpc__response__pack
        drpc__response__pack_to_buffer
        drpc__response__unpack
        drpc__response__free_unpacked;
    descriptor drpc__response__descriptor;
}

const fn status(name: &'static CStr, c_name: &'static CStr, value: Drpc__Status) -> ProtobufCEnumValue {
    ProtobufCEnumValue { name: name.as_ptr(), c_name: c_name.as_ptr(), value: value as i32 }
}

static STATUSES: [ProtobufCEnumValue; 8] = [
    status(c"SUCCESS", c"DRPC__STATUS__SUCCESS", DRPC__STATUS__SUCCESS),
    status(c"SUBMITTED", c"DRPC__STATUS__SUBMITTED", DRPC__STATUS__SUBMITTED),
    status(c"FAILURE", c"DRPC__STATUS__FAILURE", DRPC__STATUS__FAILURE),
    status(c"UNKNOWN_MODULE", c"DRPC__STATUS__UNKNOWN_MODULE", DRPC__STATUS__UNKNOWN_MODULE),
    status(c"UNKNOWN_METHOD", c"DRPC__STATUS__UNKNOWN_METHOD", DRPC__STATUS__UNKNOWN_METHOD),
    status(
        c"FAILED_UNMARSHAL_CALL",
        c"DRPC__STATUS__FAILED_UNMARSHAL_CALL",
        DRPC__STATUS__FAILED_UNMARSHAL_CALL,
    ),
    status(
        c"FAILED_UNMARSHAL_PAYLOAD",
        c"DRPC__STATUS__FAILED_UNMARSHAL_PAYLOAD",
        DRPC__STATUS__FAILED_UNMARSHAL_PAYLOAD,
    ),
    status(c"FAILED_MARSHAL", c"DRPC__STATUS__FAILED_MARSHAL", DRPC__STATUS__FAILED_MARSHAL),
];
static STATUSES_BY_NAME: [ProtobufCEnumValueIndex; 8] = {
    // Positions in STATUSES in the order of the names.
    let order = [7, 5, 6, 2, 1, 0, 4, 3];
    let mut sorted = [ProtobufCEnumValueIndex { name: ptr::null(), index: 0 }; 8];
    let mut i = 0;
    while i < order.len() {
        sorted[i] = ProtobufCEnumValueIndex { name: STATUSES[order[i]].name, index: order[i] as c_uint };
        i += 1;
    }
    sorted
};
static STATUS_RANGES: [ProtobufCIntRange; 2] = one_range(0, STATUSES.len());

abi::export_data! {
    /// `drpc__status__descriptor` (drpc.pb-c.c): the values of `Drpc__Status`.
    pub static drpc__status__descriptor: ProtobufCEnumDescriptor = ProtobufCEnumDescriptor {
        magic: PROTOBUF_C__ENUM_DESCRIPTOR_MAGIC,
        name: c"drpc.Status".as_ptr(),
        short_name: c"Status".as_ptr(),
        c_name: c"Drpc__Status".as_ptr(),
        package_name: c"drpc".as_ptr(),
        n_values: STATUSES.len() as c_uint,
        values: STATUSES.as_ptr(),
        n_value_names: STATUSES_BY_NAME.len() as c_uint,
        values_by_name: STATUSES_BY_NAME.as_ptr(),
        n_value_ranges: 1,
        value_ranges: STATUS_RANGES.as_ptr(),
        reserved1: ptr::null_mut(),
        reserved2: ptr::null_mut(),
        reserved3: ptr::null_mut(),
        reserved4: ptr::null_mut(),
    };
}
