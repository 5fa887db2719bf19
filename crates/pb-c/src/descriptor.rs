//! Tables of fields, as protoc-c writes them.

use core::ffi::{c_char, c_int, c_uint, c_void};
use core::ptr;

use abi::*;

/// What strings without content point to: libprotobuf-c's own, where there is one.
#[cfg(not(feature = "embedded"))]
pub const EMPTY_STRING: *const c_void = (&raw const protobuf_c_empty_string).cast();
/// What strings without content point to.
#[cfg(feature = "embedded")]
pub const EMPTY_STRING: *const c_void = c"".as_ptr().cast();

/// How many values a field has, and where that is said.
#[derive(Clone, Copy)]
pub enum Label {
    /// One.
    One,
    /// Any number, which is at this offset.
    Repeated(usize),
    /// One or none: of a union the number of whose field is at this offset.
    OfUnion(usize),
}

/// A field of proto3: number `id`, at `offset` of the structure; `of` is the descriptor of its enum or message.
pub const fn field(
    name: *const c_char,
    id: u32,
    label: Label,
    type_: c_uint,
    offset: usize,
    of: *const c_void,
) -> ProtobufCFieldDescriptor {
    let is_number =
        !matches!(type_, PROTOBUF_C_TYPE_STRING | PROTOBUF_C_TYPE_BYTES | PROTOBUF_C_TYPE_MESSAGE);
    let (label, quantifier_offset, flags) = match label {
        Label::One => (PROTOBUF_C_LABEL_NONE, 0, 0),
        Label::Repeated(count) if is_number => {
            (PROTOBUF_C_LABEL_REPEATED, count, PROTOBUF_C_FIELD_FLAG_PACKED)
        }
        Label::Repeated(count) => (PROTOBUF_C_LABEL_REPEATED, count, 0),
        Label::OfUnion(case) => (PROTOBUF_C_LABEL_NONE, case, PROTOBUF_C_FIELD_FLAG_ONEOF),
    };
    ProtobufCFieldDescriptor {
        name,
        id,
        label,
        type_,
        quantifier_offset: quantifier_offset as c_uint,
        offset: offset as c_uint,
        descriptor: of,
        default_value: if type_ == PROTOBUF_C_TYPE_STRING { EMPTY_STRING } else { ptr::null() },
        flags,
        reserved_flags: 0,
        reserved2: ptr::null_mut(),
        reserved3: ptr::null_mut(),
    }
}

/// The positions of names in the order of the names.
pub const fn by_name<const N: usize>(names: [&str; N]) -> [c_uint; N] {
    let mut sorted = [0; N];
    let mut i = 0;
    while i < N {
        let mut at = i;
        while at > 0 && is_less(names[i], names[sorted[at - 1] as usize]) {
            sorted[at] = sorted[at - 1];
            at -= 1;
        }
        sorted[at] = i as c_uint;
        i += 1;
    }
    sorted
}

const fn is_less(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut i = 0;
    while i < a.len() && i < b.len() {
        if a[i] != b[i] {
            return a[i] < b[i];
        }
        i += 1;
    }
    a.len() < b.len()
}

/// `count` consecutive numbers from `first`, and the entry that ends a table of ranges.
pub const fn one_range(first: c_int, count: usize) -> [ProtobufCIntRange; 2] {
    [
        ProtobufCIntRange { start_value: first, orig_index: 0 },
        ProtobufCIntRange { start_value: 0, orig_index: count as c_uint },
    ]
}

/// A message whose fields are numbered from 1. `name` is that of the package, a dot, and the message's own, and
/// names end with a NUL.
pub const fn message(
    [package, name, c_name]: [&'static str; 3],
    size: usize,
    fields: &'static [ProtobufCFieldDescriptor],
    by_name: &'static [c_uint],
    ranges: &'static [ProtobufCIntRange; 2],
    init: ProtobufCMessageInit,
) -> ProtobufCMessageDescriptor {
    let mut i = 0;
    while i < fields.len() {
        assert!(fields[i].id as usize == i + 1, "fields are numbered from 1 without gaps");
        i += 1;
    }
    let any = !fields.is_empty();
    ProtobufCMessageDescriptor {
        magic: PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
        name: name.as_ptr().cast(),
        short_name: short_name(name).as_ptr().cast(),
        c_name: c_name.as_ptr().cast(),
        package_name: package.as_ptr().cast(),
        sizeof_message: size,
        n_fields: fields.len() as c_uint,
        fields: if any { fields.as_ptr() } else { ptr::null() },
        fields_sorted_by_name: if any { by_name.as_ptr() } else { ptr::null() },
        n_field_ranges: any as c_uint,
        field_ranges: if any { ranges.as_ptr() } else { ptr::null() },
        message_init: init,
        reserved1: ptr::null_mut(),
        reserved2: ptr::null_mut(),
        reserved3: ptr::null_mut(),
    }
}

/// What is behind the last dot.
const fn short_name(name: &'static str) -> &'static [u8] {
    let name = name.as_bytes();
    let mut start = name.len();
    while start > 0 && name[start - 1] != b'.' {
        start -= 1;
    }
    name.split_at(start).1
}

/// Exports the functions and the descriptors of messages; see the [crate]'s documentation.
///
/// A field is `member: type = number`. A member whose name is not the field's has that in quotes behind it; the values
/// of a repeated field are counted by the member in brackets behind it. A member of a union is reached as Rust reaches
/// it, and has behind it, in braces, the member that says which one counts. Types are those of the `.proto` file; `enumeration` and `message` have
/// their C type and their descriptor in parentheses. That the structure's members have these types is checked.
///
/// A message within a message has no functions but `init`.
#[macro_export]
macro_rules! messages {
    (
        package $package:literal;
        $(
            $message:ident $name:literal {
                $($($member:ident).+ $($proto:literal)? $([$count:ident])? $({$case:ident})?:
                    $type:ident $(($of:ident, $of_descriptor:ident))? = $number:literal),* $(,)?
            }
            functions $init:ident
                $($packed_size:ident $pack:ident $pack_to_buffer:ident $unpack:ident $free_unpacked:ident)?;
            descriptor $descriptor:ident;
        )+
    ) => {$(
        // Each member has the type that its field says.
        $(
            // SAFETY: never called.
            const _: unsafe fn(*const $crate::abi::$message) -> *const $crate::field_type!($type $($of)? $([$count])?) =
                |message| unsafe { &raw const (*message).$($member).+ };
        )*

        $crate::abi::export! {
            #[doc = concat!("`", stringify!($init), "`: gives `message` its default values.")]
            pub unsafe fn $init(message: *mut $crate::abi::$message) {
                // SAFETY: the caller vouches for it.
                unsafe { $crate::codec::init(&raw const $crate::abi::$descriptor, message) }
            }
        }
        $(
            $crate::abi::export! {
                #[doc = concat!("`", stringify!($packed_size), "`: bytes that [`", stringify!($pack), "`] writes.")]
                pub unsafe fn $packed_size(message: *const $crate::abi::$message) -> usize {
                    // SAFETY: the caller vouches for it.
                    unsafe { $crate::codec::packed_size(&raw const $crate::abi::$descriptor, message) }
                }

                #[doc = concat!("`", stringify!($pack), "`: writes the message, returns the number of bytes.")]
                pub unsafe fn $pack(message: *const $crate::abi::$message, out: *mut u8) -> usize {
                    // SAFETY: the caller vouches for it.
                    unsafe { $crate::codec::pack(&raw const $crate::abi::$descriptor, message, out) }
                }

                #[doc = concat!("`", stringify!($pack_to_buffer), "`: appends the message, returns the number of bytes.")]
                pub unsafe fn $pack_to_buffer(
                    message: *const $crate::abi::$message,
                    buffer: *mut $crate::abi::ProtobufCBuffer,
                ) -> usize {
                    // SAFETY: the caller vouches for it.
                    unsafe { $crate::codec::pack_to_buffer(&raw const $crate::abi::$descriptor, message, buffer) }
                }

                #[doc = concat!("`", stringify!($unpack), "`: the message, or null when there is none or no memory.")]
                pub unsafe fn $unpack(
                    allocator: *mut $crate::abi::ProtobufCAllocator,
                    len: usize,
                    data: *const u8,
                ) -> *mut $crate::abi::$message {
                    // SAFETY: the caller vouches for it.
                    unsafe { $crate::codec::unpack(&raw const $crate::abi::$descriptor, allocator, len, data) }
                }

                #[doc = concat!("`", stringify!($free_unpacked), "`: frees the message; null is ignored.")]
                pub unsafe fn $free_unpacked(
                    message: *mut $crate::abi::$message,
                    allocator: *mut $crate::abi::ProtobufCAllocator,
                ) {
                    // SAFETY: the caller vouches for it.
                    unsafe { $crate::codec::free_unpacked(&raw const $crate::abi::$descriptor, message, allocator) }
                }
            }
        )?

        $crate::abi::export_data! {
            #[doc = concat!("`", stringify!($descriptor), "`: the layout of [`", stringify!($message), "`](abi::", stringify!($message), ").")]
            pub static $descriptor: $crate::abi::ProtobufCMessageDescriptor = {
                const NAMES: &[&str] = &[$($crate::field_name!($($member).+ $($proto)?)),*];
                static FIELDS: [$crate::abi::ProtobufCFieldDescriptor; NAMES.len()] = [$(
                    $crate::descriptor::field(
                        concat!($crate::field_name!($($member).+ $($proto)?), "\0").as_ptr().cast(),
                        $number,
                        $crate::field_label!($message $([$count])? $({$case})?),
                        $crate::field_constant!($type),
                        ::core::mem::offset_of!($crate::abi::$message, $($member).+),
                        $crate::field_descriptor!($($of_descriptor)?),
                    )
                ),*];
                static BY_NAME: [::core::ffi::c_uint; NAMES.len()] =
                    $crate::descriptor::by_name([$($crate::field_name!($($member).+ $($proto)?)),*]);
                static RANGES: [$crate::abi::ProtobufCIntRange; 2] =
                    $crate::descriptor::one_range(1, NAMES.len());
                // SAFETY: both types take one pointer; libprotobuf-c passes messages of this descriptor.
                let init = unsafe {
                    ::core::mem::transmute::<
                        unsafe extern "C" fn(*mut $crate::abi::$message),
                        unsafe extern "C" fn(*mut $crate::abi::ProtobufCMessage),
                    >($init)
                };
                $crate::descriptor::message(
                    [concat!($package, "\0"), concat!($name, "\0"), concat!(stringify!($message), "\0")],
                    size_of::<$crate::abi::$message>(),
                    &FIELDS,
                    &BY_NAME,
                    &RANGES,
                    Some(init),
                )
            };
        }
    )+};
}

/// The name of a field: its own, or that of its member.
#[doc(hidden)]
#[macro_export]
macro_rules! field_name {
    ($($member:ident).+ $proto:literal) => {
        $proto
    };
    ($member:ident) => {
        stringify!($member)
    };
}

/// How many values a field has.
#[doc(hidden)]
#[macro_export]
macro_rules! field_label {
    ($message:ident) => {
        $crate::descriptor::Label::One
    };
    ($message:ident [$count:ident]) => {
        $crate::descriptor::Label::Repeated(::core::mem::offset_of!($crate::abi::$message, $count))
    };
    ($message:ident {$case:ident}) => {
        $crate::descriptor::Label::OfUnion(::core::mem::offset_of!($crate::abi::$message, $case))
    };
}

/// The descriptor of a field's enum or message.
#[doc(hidden)]
#[macro_export]
macro_rules! field_descriptor {
    () => {
        ::core::ptr::null()
    };
    ($descriptor:ident) => {
        (&raw const $crate::abi::$descriptor).cast()
    };
}

/// `ProtobufCType` of a type of proto3.
#[doc(hidden)]
#[macro_export]
macro_rules! field_constant {
    (int32) => {
        $crate::abi::PROTOBUF_C_TYPE_INT32
    };
    (int64) => {
        $crate::abi::PROTOBUF_C_TYPE_INT64
    };
    (uint32) => {
        $crate::abi::PROTOBUF_C_TYPE_UINT32
    };
    (uint64) => {
        $crate::abi::PROTOBUF_C_TYPE_UINT64
    };
    (bool) => {
        $crate::abi::PROTOBUF_C_TYPE_BOOL
    };
    (string) => {
        $crate::abi::PROTOBUF_C_TYPE_STRING
    };
    (bytes) => {
        $crate::abi::PROTOBUF_C_TYPE_BYTES
    };
    (enumeration) => {
        $crate::abi::PROTOBUF_C_TYPE_ENUM
    };
    (message) => {
        $crate::abi::PROTOBUF_C_TYPE_MESSAGE
    };
}

/// The C type of a field's member.
#[doc(hidden)]
#[macro_export]
macro_rules! field_type {
    ($type:ident $($of:ident)? [$count:ident]) => { *mut $crate::field_type!($type $($of)?) };
    (int32) => { i32 };
    (int64) => { i64 };
    (uint32) => { u32 };
    (uint64) => { u64 };
    (bool) => { ::core::ffi::c_int };
    (string) => { *mut ::core::ffi::c_char };
    (bytes) => { $crate::abi::ProtobufCBinaryData };
    (enumeration $of:ident) => { $crate::abi::$of };
    (message $of:ident) => { *mut $crate::abi::$of };
}
