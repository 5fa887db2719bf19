//! What comes with headers of others: types of Debian's libraries (uuid, hwloc, pthread, stdio, protobuf-c) that
//! DAOS's headers use, and what the engine only hands on of DAOS's own (profiles, classes of trees).

use core::ffi::{c_char, c_int, c_uint, c_void};
pub use libc::{FILE, key_t, pthread_mutex_t, pthread_rwlock_t, pthread_spinlock_t, timespec};

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

/// `hwloc_obj_type_t`: a kind of object; `HWLOC_OBJ_*`.
pub type hwloc_obj_type_t = c_int;

/// A core.
pub const HWLOC_OBJ_CORE: hwloc_obj_type_t = 2;
/// A NUMA node.
pub const HWLOC_OBJ_NUMANODE: hwloc_obj_type_t = 13;
/// There are no objects of the kind.
pub const HWLOC_TYPE_DEPTH_UNKNOWN: c_int = -1;
/// Objects of the kind are at several depths.
pub const HWLOC_TYPE_DEPTH_MULTIPLE: c_int = -2;
/// Binds the calling thread.
pub const HWLOC_CPUBIND_THREAD: c_int = 2;
/// Only if the thread can be kept from ever running elsewhere.
pub const HWLOC_CPUBIND_STRICT: c_int = 4;
/// Memory comes from the given nodes.
pub const HWLOC_MEMBIND_BIND: c_int = 2;
/// For the calling thread.
pub const HWLOC_MEMBIND_THREAD: c_int = 2;

/// `struct hwloc_obj` of hwloc 2: a core, a NUMA node, … Owned by the topology.
#[repr(C)]
pub struct hwloc_obj {
    /// Kind.
    pub type_: hwloc_obj_type_t,
    /// Kind in more detail, or null.
    pub subtype: *mut c_char,
    /// Number that the operating system has given it.
    pub os_index: c_uint,
    /// Name, or null.
    pub name: *mut c_char,
    /// Memory below it, in bytes.
    pub total_memory: u64,
    /// What only this kind has.
    pub attr: *mut c_void,
    /// Level in the tree.
    pub depth: c_int,
    /// Number within its level.
    pub logical_index: c_uint,
    /// Next of its level.
    pub next_cousin: *mut hwloc_obj,
    /// Previous of its level.
    pub prev_cousin: *mut hwloc_obj,
    /// What it is a part of.
    pub parent: *mut hwloc_obj,
    /// Number within its parent.
    pub sibling_rank: c_uint,
    /// Next within its parent.
    pub next_sibling: *mut hwloc_obj,
    /// Previous within its parent.
    pub prev_sibling: *mut hwloc_obj,
    /// Number of its parts.
    pub arity: c_uint,
    /// Its parts.
    pub children: *mut *mut hwloc_obj,
    /// The first of them.
    pub first_child: *mut hwloc_obj,
    /// The last of them.
    pub last_child: *mut hwloc_obj,
    /// Whether all its parts look alike.
    pub symmetric_subtree: c_int,
    /// Number of its parts that are memory.
    pub memory_arity: c_uint,
    /// The first of those.
    pub memory_first_child: *mut hwloc_obj,
    /// Number of its parts that are for input and output.
    pub io_arity: c_uint,
    /// The first of those.
    pub io_first_child: *mut hwloc_obj,
    /// Number of its other parts.
    pub misc_arity: c_uint,
    /// The first of those.
    pub misc_first_child: *mut hwloc_obj,
    /// CPUs in it that may be used.
    pub cpuset: hwloc_cpuset_t,
    /// All CPUs in it.
    pub complete_cpuset: hwloc_cpuset_t,
    /// NUMA nodes near it that may be used.
    pub nodeset: hwloc_bitmap_t,
    /// All NUMA nodes near it.
    pub complete_nodeset: hwloc_bitmap_t,
    /// Names and values.
    pub infos: *mut c_void,
    /// Number of those.
    pub infos_count: c_uint,
    /// The user's.
    pub userdata: *mut c_void,
    /// Number that no other object of the topology has.
    pub gp_index: u64,
}

/// `hwloc_obj_t`: an object of a topology.
pub type hwloc_obj_t = *mut hwloc_obj;

unsafe extern "C" {
    /// Makes an empty topology; 0 or -1.
    pub fn hwloc_topology_init(topologyp: *mut hwloc_topology_t) -> c_int;
    /// Fills a topology with what the machine has; 0 or -1 and `errno`.
    pub fn hwloc_topology_load(topology: hwloc_topology_t) -> c_int;
    /// Frees a topology with its objects.
    pub fn hwloc_topology_destroy(topology: hwloc_topology_t);
    /// The level of a kind, or `HWLOC_TYPE_DEPTH_*`.
    pub fn hwloc_get_type_depth(topology: hwloc_topology_t, type_: hwloc_obj_type_t) -> c_int;
    /// Number of objects of a level.
    pub fn hwloc_get_nbobjs_by_depth(topology: hwloc_topology_t, depth: c_int) -> c_uint;
    /// The object `idx` of a level, or null.
    pub fn hwloc_get_obj_by_depth(topology: hwloc_topology_t, depth: c_int, idx: c_uint) -> hwloc_obj_t;
    /// Binds to CPUs what `flags` say (`HWLOC_CPUBIND_*`); 0 or -1 and `errno`.
    pub fn hwloc_set_cpubind(topology: hwloc_topology_t, set: hwloc_cpuset_t, flags: c_int) -> c_int;
    /// Binds the memory of what `flags` say (`HWLOC_MEMBIND_*`) near CPUs; 0 or -1 and `errno`.
    pub fn hwloc_set_membind(
        topology: hwloc_topology_t,
        set: hwloc_bitmap_t,
        policy: c_int,
        flags: c_int,
    ) -> c_int;
    /// An empty set, or null.
    pub fn hwloc_bitmap_alloc() -> hwloc_bitmap_t;
    /// A copy of a set, or null.
    pub fn hwloc_bitmap_dup(bitmap: hwloc_bitmap_t) -> hwloc_bitmap_t;
    /// Frees a set; null is ignored.
    pub fn hwloc_bitmap_free(bitmap: hwloc_bitmap_t);
    /// Adds `id`; 0 or -1.
    pub fn hwloc_bitmap_set(bitmap: hwloc_bitmap_t, id: c_uint) -> c_int;
    /// Takes `id` out; 0 or -1.
    pub fn hwloc_bitmap_clr(bitmap: hwloc_bitmap_t, id: c_uint) -> c_int;
    /// The least element, -1 if there is none.
    pub fn hwloc_bitmap_first(bitmap: hwloc_bitmap_t) -> c_int;
    /// The least element above `prev`, -1 if there is none.
    pub fn hwloc_bitmap_next(bitmap: hwloc_bitmap_t, prev: c_int) -> c_int;
    /// 1 if all of `sub_bitmap` is in `super_bitmap`, else 0.
    pub fn hwloc_bitmap_isincluded(sub_bitmap: hwloc_bitmap_t, super_bitmap: hwloc_bitmap_t) -> c_int;
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
/// `ProtobufCLabel`: a field that must be there.
pub const PROTOBUF_C_LABEL_REQUIRED: c_uint = 0;
/// `ProtobufCLabel`: a field that tells whether it is there.
pub const PROTOBUF_C_LABEL_OPTIONAL: c_uint = 1;
/// `ProtobufCLabel`: a field of any number of values.
pub const PROTOBUF_C_LABEL_REPEATED: c_uint = 2;
/// `ProtobufCLabel`: a field of proto3, absent when it has its default value.
pub const PROTOBUF_C_LABEL_NONE: c_uint = 3;
/// `ProtobufCFieldFlag`: the values of a repeated field are written under one key.
pub const PROTOBUF_C_FIELD_FLAG_PACKED: u32 = 1;
/// `ProtobufCFieldFlag`: the field belongs to a union; the quantifier is the number of the one that counts.
pub const PROTOBUF_C_FIELD_FLAG_ONEOF: u32 = 4;
/// `ProtobufCType`: int32.
pub const PROTOBUF_C_TYPE_INT32: c_uint = 0;
/// `ProtobufCType`: sint32.
pub const PROTOBUF_C_TYPE_SINT32: c_uint = 1;
/// `ProtobufCType`: sfixed32.
pub const PROTOBUF_C_TYPE_SFIXED32: c_uint = 2;
/// `ProtobufCType`: int64.
pub const PROTOBUF_C_TYPE_INT64: c_uint = 3;
/// `ProtobufCType`: sint64.
pub const PROTOBUF_C_TYPE_SINT64: c_uint = 4;
/// `ProtobufCType`: sfixed64.
pub const PROTOBUF_C_TYPE_SFIXED64: c_uint = 5;
/// `ProtobufCType`: uint32.
pub const PROTOBUF_C_TYPE_UINT32: c_uint = 6;
/// `ProtobufCType`: fixed32.
pub const PROTOBUF_C_TYPE_FIXED32: c_uint = 7;
/// `ProtobufCType`: uint64.
pub const PROTOBUF_C_TYPE_UINT64: c_uint = 8;
/// `ProtobufCType`: fixed64.
pub const PROTOBUF_C_TYPE_FIXED64: c_uint = 9;
/// `ProtobufCType`: float.
pub const PROTOBUF_C_TYPE_FLOAT: c_uint = 10;
/// `ProtobufCType`: double.
pub const PROTOBUF_C_TYPE_DOUBLE: c_uint = 11;
/// `ProtobufCType`: bool.
pub const PROTOBUF_C_TYPE_BOOL: c_uint = 12;
/// `ProtobufCType`: an enum.
pub const PROTOBUF_C_TYPE_ENUM: c_uint = 13;
/// `ProtobufCType`: string.
pub const PROTOBUF_C_TYPE_STRING: c_uint = 14;
/// `ProtobufCType`: bytes.
pub const PROTOBUF_C_TYPE_BYTES: c_uint = 15;
/// `ProtobufCType`: a message.
pub const PROTOBUF_C_TYPE_MESSAGE: c_uint = 16;

/// `Chk__CheckReport` of `chk/chk.pb-c.h`: a report of the checker; opaque here.
#[repr(C)]
pub struct Chk__CheckReport {
    _opaque: [u8; 0],
}

unsafe extern "C" {
    /// libprotobuf-c: what strings without content point to.
    pub static protobuf_c_empty_string: [c_char; 1];
    /// chk.pb-c.c: the layout of `Chk__CheckReport`.
    pub static chk__check_report__descriptor: ProtobufCMessageDescriptor;
}

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

unsafe extern "C" {
    /// profile.c: makes `*dp_p` a profile of target `tgt_id` of `rank` that writes below `path`, or where the
    /// process works if that is null; each value is the mean of `avg`, or of all that come for -1. 0 or
    /// `-DER_NOMEM`.
    pub fn daos_profile_init(
        dp_p: *mut *mut daos_profile,
        path: *mut c_char,
        avg: c_int,
        rank: c_int,
        tgt_id: c_int,
    ) -> c_int;
    /// profile.c: appends what was counted to the file.
    pub fn daos_profile_dump(dp: *mut daos_profile);
    /// profile.c: frees a profile.
    pub fn daos_profile_destroy(dp: *mut daos_profile);
}

/// `btr_ops_t`: functions of a class of trees; opaque here.
#[repr(C)]
pub struct btr_ops_t {
    _opaque: [u8; 0],
}

/// Class: any key, ordered by hash, and value.
pub const DBTREE_CLASS_NV: c_uint = 20;
/// Class: UUID and value.
pub const DBTREE_CLASS_UV: c_uint = 21;
/// Class: epoch and count.
pub const DBTREE_CLASS_EC: c_uint = 22;
/// Class: any key and value.
pub const DBTREE_CLASS_KV: c_uint = 23;
/// Class: integer and value.
pub const DBTREE_CLASS_IV: c_uint = 24;
/// Class: integer and value of one size.
pub const DBTREE_CLASS_IFV: c_uint = 28;

/// Keys are unsigned integers.
pub const BTR_FEAT_UINT_KEY: btr_feats = 1;
/// The class compares keys, which the tree does not copy.
pub const BTR_FEAT_DIRECT_KEY: btr_feats = 2;

/// Features of a class of trees.
pub type btr_feats = c_uint;

unsafe extern "C" {
    /// btree.c: makes a class of trees known. 0, `-DER_EXIST` if it is known already, or `-DER_INVAL`.
    pub fn dbtree_class_register(tree_class: c_uint, tree_feats: u64, ops: *mut btr_ops_t) -> c_int;
    /// btree_class.c: of [`DBTREE_CLASS_NV`].
    pub static mut dbtree_nv_ops: btr_ops_t;
    /// btree_class.c: of [`DBTREE_CLASS_UV`].
    pub static mut dbtree_uv_ops: btr_ops_t;
    /// btree_class.c: of [`DBTREE_CLASS_EC`].
    pub static mut dbtree_ec_ops: btr_ops_t;
    /// btree_class.c: of [`DBTREE_CLASS_KV`].
    pub static mut dbtree_kv_ops: btr_ops_t;
    /// btree_class.c: of [`DBTREE_CLASS_IV`].
    pub static mut dbtree_iv_ops: btr_ops_t;
    /// btree_class.c: of [`DBTREE_CLASS_IFV`].
    pub static mut dbtree_ifv_ops: btr_ops_t;
}
