//! Types that DAOS's headers take from Debian's libraries: uuid, hwloc, pthread, stdio, protobuf-c.

use core::ffi::{c_char, c_int, c_uint, c_void};
pub use libc::{FILE, pthread_mutex_t, pthread_rwlock_t, pthread_spinlock_t, timespec};

/// Target of C's `va_list`, as the System V ABI of x86-64 lays it out.
///
/// A C function that takes a `va_list` is passed a pointer to one of these. A copy of the structure is what
/// `va_copy` makes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct __va_list_tag {
    /// Bytes of the save area's general-purpose part that are used up, 48 when all are.
    pub gp_offset: c_uint,
    /// The same for the vector part, which begins at 48 and ends at 176.
    pub fp_offset: c_uint,
    /// Next argument that was passed on the stack.
    pub overflow_arg_area: *mut c_void,
    /// Six general-purpose registers of 8 bytes, then eight vector registers of 16.
    pub reg_save_area: *mut c_void,
}

/// `va_list` as a function's parameter.
pub type va_list = *mut __va_list_tag;

/// `uuid_t` of libuuid: 16 bytes, network order.
pub type uuid_t = [u8; 16];

/// Opaque target of [`hwloc_bitmap_t`].
#[repr(C)]
pub struct hwloc_bitmap_s {
    _opaque: [u8; 0],
}

/// `hwloc_bitmap_t`: a set of CPUs or NUMA nodes, owned by hwloc.
pub type hwloc_bitmap_t = *mut hwloc_bitmap_s;

/// `hwloc_cpuset_t`: a bitmap of CPUs.
pub type hwloc_cpuset_t = hwloc_bitmap_t;

/// Opaque target of [`hwloc_topology_t`].
#[repr(C)]
pub struct hwloc_topology {
    _opaque: [u8; 0],
}

/// `hwloc_topology_t`: the discovered machine.
pub type hwloc_topology_t = *mut hwloc_topology;

/// `d_tm_node_t`: a metric in telemetry's shared memory; opaque here.
#[repr(C)]
pub struct d_tm_node_t {
    _opaque: [u8; 0],
}

/// `ProtobufCAllocator` of protobuf-c 1.x.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ProtobufCAllocator {
    /// Allocates `size` bytes; null on failure.
    pub alloc: Option<unsafe extern "C" fn(allocator_data: *mut c_void, size: usize) -> *mut c_void>,
    /// Frees what `alloc` returned.
    pub free: Option<unsafe extern "C" fn(allocator_data: *mut c_void, pointer: *mut c_void)>,
    /// First argument of both.
    pub allocator_data: *mut c_void,
}

/// `ProtobufCBinaryData`: a `bytes` field; `data` is owned by the message.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ProtobufCBinaryData {
    /// Length in bytes.
    pub len: usize,
    /// First byte, null when `len` is 0.
    pub data: *mut u8,
}

/// `ProtobufCBuffer`: where `pack_to_buffer` appends.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ProtobufCBuffer {
    /// Appends `len` bytes of `data`.
    pub append: Option<unsafe extern "C" fn(buffer: *mut ProtobufCBuffer, len: usize, data: *const u8)>,
}

/// A field of the wire that the descriptor does not know.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ProtobufCMessageUnknownField {
    /// Field number.
    pub tag: u32,
    /// `ProtobufCWireType`.
    pub wire_type: c_uint,
    /// Bytes in `data`.
    pub len: usize,
    /// The field's raw bytes.
    pub data: *mut u8,
}

/// `ProtobufCMessage`: the first member of every generated message.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ProtobufCMessage {
    /// Says which message this is.
    pub descriptor: *const ProtobufCMessageDescriptor,
    /// Entries in `unknown_fields`.
    pub n_unknown_fields: c_uint,
    /// Unknown fields that unpacking kept.
    pub unknown_fields: *mut ProtobufCMessageUnknownField,
}

/// `ProtobufCMessageInit`.
pub type ProtobufCMessageInit = Option<unsafe extern "C" fn(message: *mut ProtobufCMessage)>;

/// `ProtobufCIntRange`: maps numbers to positions in a descriptor's tables.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ProtobufCIntRange {
    /// First number of the range.
    pub start_value: c_int,
    /// Its position.
    pub orig_index: c_uint,
}

/// `ProtobufCFieldDescriptor`: one field of a message.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ProtobufCFieldDescriptor {
    /// Name in the .proto file.
    pub name: *const c_char,
    /// Field number.
    pub id: u32,
    /// `ProtobufCLabel`.
    pub label: c_uint,
    /// `ProtobufCType`.
    pub type_: c_uint,
    /// Offset of the member that counts or flags the field.
    pub quantifier_offset: c_uint,
    /// Offset of the member that holds the value.
    pub offset: c_uint,
    /// Enum or message descriptor.
    pub descriptor: *const c_void,
    /// Value when the field is absent.
    pub default_value: *const c_void,
    /// `ProtobufCFieldFlag` bits.
    pub flags: u32,
    /// Reserved by protobuf-c.
    pub reserved_flags: c_uint,
    /// Reserved by protobuf-c.
    pub reserved2: *mut c_void,
    /// Reserved by protobuf-c.
    pub reserved3: *mut c_void,
}

/// `ProtobufCMessageDescriptor`: says how a message lies in memory and on the wire.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ProtobufCMessageDescriptor {
    /// `PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC`.
    pub magic: u32,
    /// Qualified name.
    pub name: *const c_char,
    /// Unqualified name.
    pub short_name: *const c_char,
    /// C identifier.
    pub c_name: *const c_char,
    /// Package.
    pub package_name: *const c_char,
    /// `sizeof` the C structure.
    pub sizeof_message: usize,
    /// Entries in `fields`.
    pub n_fields: c_uint,
    /// Fields, sorted by number.
    pub fields: *const ProtobufCFieldDescriptor,
    /// Positions of fields, sorted by name.
    pub fields_sorted_by_name: *const c_uint,
    /// Entries in `field_ranges`.
    pub n_field_ranges: c_uint,
    /// Number → position.
    pub field_ranges: *const ProtobufCIntRange,
    /// Initialises a message.
    pub message_init: ProtobufCMessageInit,
    /// Reserved by protobuf-c.
    pub reserved1: *mut c_void,
    /// Reserved by protobuf-c.
    pub reserved2: *mut c_void,
    /// Reserved by protobuf-c.
    pub reserved3: *mut c_void,
}

/// `ProtobufCEnumValue`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ProtobufCEnumValue {
    /// Name in the .proto file.
    pub name: *const c_char,
    /// C identifier.
    pub c_name: *const c_char,
    /// Number.
    pub value: c_int,
}

/// `ProtobufCEnumValueIndex`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ProtobufCEnumValueIndex {
    /// Name.
    pub name: *const c_char,
    /// Position in `values`.
    pub index: c_uint,
}

/// `ProtobufCEnumDescriptor`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ProtobufCEnumDescriptor {
    /// `PROTOBUF_C__ENUM_DESCRIPTOR_MAGIC`.
    pub magic: u32,
    /// Qualified name.
    pub name: *const c_char,
    /// Unqualified name.
    pub short_name: *const c_char,
    /// C identifier.
    pub c_name: *const c_char,
    /// Package.
    pub package_name: *const c_char,
    /// Entries in `values`.
    pub n_values: c_uint,
    /// Values, sorted by number.
    pub values: *const ProtobufCEnumValue,
    /// Entries in `values_by_name`.
    pub n_value_names: c_uint,
    /// Values, sorted by name.
    pub values_by_name: *const ProtobufCEnumValueIndex,
    /// Entries in `value_ranges`.
    pub n_value_ranges: c_uint,
    /// Number → position.
    pub value_ranges: *const ProtobufCIntRange,
    /// Reserved by protobuf-c.
    pub reserved1: *mut c_void,
    /// Reserved by protobuf-c.
    pub reserved2: *mut c_void,
    /// Reserved by protobuf-c.
    pub reserved3: *mut c_void,
    /// Reserved by protobuf-c.
    pub reserved4: *mut c_void,
}

// SAFETY: descriptors are constants; their pointers lead to other constants.
unsafe impl Sync for ProtobufCFieldDescriptor {}
// SAFETY: as above.
unsafe impl Sync for ProtobufCMessageDescriptor {}
// SAFETY: as above.
unsafe impl Sync for ProtobufCEnumValue {}
// SAFETY: as above.
unsafe impl Sync for ProtobufCEnumValueIndex {}
// SAFETY: as above.
unsafe impl Sync for ProtobufCEnumDescriptor {}

/// `PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC`.
pub const PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC: u32 = 0x28aaeef9;
/// `PROTOBUF_C__ENUM_DESCRIPTOR_MAGIC`.
pub const PROTOBUF_C__ENUM_DESCRIPTOR_MAGIC: u32 = 0x114315af;
/// `ProtobufCLabel`: a field of proto3, absent when it has its default value.
pub const PROTOBUF_C_LABEL_NONE: c_uint = 3;
/// `ProtobufCType`: int32.
pub const PROTOBUF_C_TYPE_INT32: c_uint = 0;
/// `ProtobufCType`: int64.
pub const PROTOBUF_C_TYPE_INT64: c_uint = 3;
/// `ProtobufCType`: an enum.
pub const PROTOBUF_C_TYPE_ENUM: c_uint = 13;
/// `ProtobufCType`: bytes.
pub const PROTOBUF_C_TYPE_BYTES: c_uint = 15;

/// `struct bio_xs_context`: the NVMe context of an xstream; opaque here.
#[repr(C)]
pub struct bio_xs_context {
    _opaque: [u8; 0],
}

/// `struct daos_profile`: the profile of an xstream; opaque here.
#[repr(C)]
pub struct daos_profile {
    _opaque: [u8; 0],
}
