//! Which versions of a protocol a peer knows: `crt_proto_query` and its handler in `crt_register.c`.
//!
//! Question and answer are packed as DAOS packs them: `struct crt_proto_query_in` and `_out`.

use bytes::Bytes;
use gurt_client::{Der, Result};

use super::{Protocols, der};
use crate::proc::{Malformed, Reader, Writer};

/// `CRT_OPC_PROTO_QUERY`: asks for the highest version of a protocol that both know. Every context answers it by itself.
pub const PROTO_QUERY: u32 = super::URI_LOOKUP + 1;

/// The input of such a request: which of these versions of the protocol `base` the peer knows.
pub fn question(base: u32, versions: &[u32]) -> Bytes {
    let size = size_of_val(versions) as u64;
    let mut writer = Writer::default();
    writer.put_sizes(size, size).expect("all of it is in use");
    versions.iter().for_each(|version| writer.put(&version.to_le_bytes()));
    writer.put(&(versions.len() as i32).to_le_bytes());
    writer.put(&base.to_le_bytes());
    writer.into_bytes().expect("it was not packed into a buffer").into()
}

/// The highest version that both know, from the output of the reply. `-DER_NONEXIST` if the peer does not know the
/// protocol, `-DER_UNREG` if it knows none of the versions.
pub fn highest(output: &[u8]) -> Result<u32> {
    let mut reader = Reader::new(output);
    let mut read = || Ok((reader.u32()?, reader.u32()?));
    let (version, rc) = read().map_err(|_: Malformed| der::PROTO)?;
    Der::check(rc as i32)?;
    Ok(version)
}

/// The output for an input.
pub(super) fn answer(protocols: &Protocols, input: &[u8]) -> Result<Bytes> {
    let (base, versions) = read_question(input).map_err(|_| der::PROTO)?;
    let (version, result) = match protocols.highest(base, versions) {
        Ok(version) => (version, Ok(())),
        Err(error) => (0, Err(error)),
    };
    let mut writer = Writer::default();
    writer.put(&version.to_le_bytes());
    writer.put(&Der::rc_of(result).to_le_bytes());
    Ok(writer.into_bytes().expect("it was not packed into a buffer").into())
}

/// The protocol, and the versions: as many as the question says, and never more than it has.
fn read_question(input: &[u8]) -> std::result::Result<(u32, impl Iterator<Item = u32>), Malformed> {
    let mut reader = Reader::new(input);
    let (versions, _) = input[reader.piece()?.bytes].as_chunks();
    let (count, base) = (reader.u32()?, reader.u32()?);
    Ok((base, versions.iter().take(count as usize).map(|&version| u32::from_le_bytes(version))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::Rpc;

    const BASE: u32 = 0x0200_0000;

    fn ask(versions: &[u32]) -> Result<u32> {
        let mut protocols = Protocols::default();
        for version in [3, 4, 7] {
            protocols.register(BASE, version, vec![Rpc::default()]).unwrap();
        }
        // A version beyond the last one is none of the next protocol.
        protocols.register(BASE + 0x0100_0000, 0, vec![Rpc::default()]).unwrap();
        highest(&answer(&protocols, &question(BASE, versions))?)
    }

    #[test]
    fn the_highest_common_version_is_found() {
        assert_eq!(ask(&[3, 4, 5]), Ok(4));
        assert_eq!(ask(&[7, 3]), Ok(7));
        assert_eq!(ask(&[5, 6, 256]), Err(der::UNREG));
        assert_eq!(ask(&[]), Err(der::NONEXIST));
        let other = answer(&Protocols::default(), &question(BASE, &[1])).unwrap();
        assert_eq!(highest(&other), Err(der::NONEXIST));
    }

    #[test]
    fn bytes_are_those_of_daos() {
        let expected = [
            &[8, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0][..],
            &[3, 0, 0, 0, 4, 0, 0, 0],
            &[2, 0, 0, 0],
            &[0, 0, 0, 2],
        ];
        assert_eq!(question(BASE, &[3, 4]), expected.concat());
    }

    #[test]
    fn a_question_is_not_taken_on_trust() {
        let input = question(BASE, &[3, 4]);
        for size in 0..input.len() {
            assert_eq!(answer(&Protocols::default(), &input[..size]), Err(der::PROTO));
        }
        let mut more = input.to_vec();
        more[24] = 0xff;
        let mut protocols = Protocols::default();
        protocols.register(BASE, 4, vec![Rpc::default()]).unwrap();
        assert_eq!(highest(&answer(&protocols, &more).unwrap()), Ok(4));
        assert_eq!(highest(&[0; 7]), Err(der::PROTO));
    }
}
