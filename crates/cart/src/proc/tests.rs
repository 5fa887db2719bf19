use proptest::prelude::*;
use std::ffi::CString;

use super::*;

/// A value of each kind.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Bytes(Vec<u8>),
    String(Option<CString>, bool),
    Ranks(Vec<u32>),
    Piece(u64, Vec<u8>),
    Pieces(u32, Vec<(u64, Vec<u8>)>),
    Handle(Vec<u8>),
}

fn piece() -> impl Strategy<Value = (u64, Vec<u8>)> {
    (any::<u16>(), prop::collection::vec(any::<u8>(), 0..20))
        .prop_map(|(more, b)| (b.len() as u64 + u64::from(more), b))
}

fn value() -> impl Strategy<Value = Value> {
    let text = prop::collection::vec(1u8.., 0..20).prop_map(|bytes| CString::new(bytes).unwrap());
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Value::Bytes),
        (prop::option::of(text), any::<bool>()).prop_map(|(text, constant)| Value::String(text, constant)),
        prop::collection::vec(any::<u32>(), 0..20).prop_map(Value::Ranks),
        piece().prop_map(|(room, bytes)| Value::Piece(room, bytes)),
        (any::<u32>(), prop::collection::vec(piece(), 0..5))
            .prop_map(|(used, list)| Value::Pieces(used, list)),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Value::Handle),
    ]
}

fn put_piece(writer: &mut Writer<'_>, (room, bytes): &(u64, Vec<u8>)) {
    writer.put_sizes(*room, bytes.len() as u64).unwrap();
    writer.put(bytes);
}

fn pack(writer: &mut Writer<'_>, values: &[Value]) {
    for value in values {
        match value {
            Value::Bytes(bytes) => writer.put(bytes),
            Value::String(text, constant) => writer.put_string(text.as_deref(), *constant),
            Value::Ranks(ranks) => writer.put_ranks(ranks),
            Value::Piece(room, bytes) => put_piece(writer, &(*room, bytes.clone())),
            Value::Pieces(used, list) => {
                writer.put_count(list.len() as u32, *used);
                list.iter().for_each(|piece| put_piece(writer, piece));
            }
            Value::Handle(reached) => writer.put_handle(reached),
        }
    }
}

fn take_piece(reader: &mut Reader<'_>) -> Result<(u64, Vec<u8>), Malformed> {
    let Piece { room, bytes } = reader.piece()?;
    Ok((room, reader.message[bytes].to_vec()))
}

/// Unpacks values of the kinds of `like`.
fn unpack(reader: &mut Reader<'_>, like: &[Value]) -> Result<Vec<Value>, Malformed> {
    let mut values = Vec::new();
    for like in like {
        values.push(match like {
            Value::Bytes(bytes) => Value::Bytes(reader.take(bytes.len() as u64)?.to_vec()),
            Value::String(_, constant) => Value::String(reader.string()?.map(CStr::to_owned), *constant),
            Value::Ranks(_) => Value::Ranks(reader.ranks()?.collect()),
            Value::Piece(..) => take_piece(reader).map(|(room, bytes)| Value::Piece(room, bytes))?,
            Value::Pieces(..) => {
                let (pieces, used) = reader.count()?;
                let list = (0..pieces).map(|_| take_piece(reader)).collect::<Result<_, _>>()?;
                Value::Pieces(used, list)
            }
            Value::Handle(_) => Value::Handle(reader.handle()?.to_vec()),
        });
    }
    Ok(values)
}

fn packed(values: &[Value]) -> Vec<u8> {
    let mut writer = Writer::default();
    pack(&mut writer, values);
    let used = writer.used();
    let bytes = writer.into_bytes().unwrap();
    assert_eq!(bytes.len(), used);
    bytes
}

proptest! {
    #[test]
    fn what_is_packed_is_unpacked(values in prop::collection::vec(value(), 0..8)) {
        let message = packed(&values);
        let mut reader = Reader::new(&message);
        prop_assert_eq!(unpack(&mut reader, &values).unwrap(), values);
        prop_assert_eq!(reader.used(), message.len());
    }

    #[test]
    fn a_part_of_a_message_is_none(values in prop::collection::vec(value(), 1..8), cut in any::<prop::sample::Index>()) {
        let message = packed(&values);
        prop_assume!(!message.is_empty());
        let part = &message[..cut.index(message.len())];
        prop_assert!(unpack(&mut Reader::new(part), &values).is_err());
    }

    #[test]
    fn any_bytes_can_be_read(message in prop::collection::vec(prop_oneof![Just(0), Just(255), any::<u8>()], 0..200), like in prop::collection::vec(value(), 0..8)) {
        let mut reader = Reader::new(&message);
        let _ = unpack(&mut reader, &like);
        prop_assert!(reader.used() <= message.len());
    }

    #[test]
    fn room_is_used_while_it_lasts(values in prop::collection::vec(value(), 0..8), room in 0usize..300) {
        let message = packed(&values);
        let mut buffer = vec![MaybeUninit::new(0xee); room];
        let mut writer = Writer::new(&mut buffer);
        pack(&mut writer, &values);
        prop_assert_eq!(writer.used(), message.len());
        if message.len() <= room {
            // SAFETY: it was initialised in full.
            let bytes: Vec<u8> = buffer.iter().map(|byte| unsafe { byte.assume_init() }).collect();
            prop_assert_eq!(&bytes[..message.len()], &message[..]);
            prop_assert!(bytes[message.len()..].iter().all(|&byte| byte == 0xee));
        }
    }
}

#[test]
fn bytes_are_those_of_mercury() {
    let message = packed(&[
        Value::String(Some(c"ab".into()), false),
        Value::String(Some(c"".into()), true),
        Value::String(None, false),
        Value::Ranks(vec![1, 0x0203]),
        Value::Piece(9, vec![7]),
        Value::Pieces(1, vec![(2, vec![])]),
        Value::Handle(vec![]),
    ]);
    let expected = [
        &[3, 0, 0, 0, 0, 0, 0, 0, b'a', b'b', 0, 0, 0][..],
        &[1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0],
        &[0; 8],
        &[2, 0, 0, 0, 1, 0, 0, 0, 3, 2, 0, 0],
        &[9, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7],
        &[1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0; 8],
    ]
    .concat();
    assert_eq!(message, expected);
}

#[test]
fn lengths_are_not_taken_on_trust() {
    let huge = [0xff; 64];
    assert!(matches!(Reader::new(&huge).string(), Err(Malformed::Short { .. })));
    assert!(matches!(Reader::new(&huge).ranks().map(|ranks| ranks.len()), Err(Malformed::Short { .. })));
    assert!(matches!(Reader::new(&huge).piece(), Err(Malformed::Short { .. })));
    assert!(matches!(Reader::new(&huge).count(), Err(Malformed::Short { .. })));
    assert!(matches!(Reader::new(&huge).handle(), Err(Malformed::Short { .. })));
    let unterminated = packed(&[Value::Handle(b"ab".to_vec()), Value::Bytes(vec![0, 0])]);
    assert_eq!(Reader::new(&unterminated).string(), Err(Malformed::Unterminated));
    let overfull =
        packed(&[Value::Bytes([1u64.to_le_bytes(), 2u64.to_le_bytes()].concat()), Value::Bytes(vec![0; 2])]);
    assert_eq!(Reader::new(&overfull).piece(), Err(Malformed::Overfull { used: 2, room: 1 }));
    assert!(Writer::default().put_sizes(1, 2).is_err());
}
