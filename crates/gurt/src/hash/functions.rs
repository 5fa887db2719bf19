//! The hash functions of hash.c. Placement of data on storage depends on them, so every bit counts.

use core::ffi::{c_char, c_uchar, c_uint};

/// The multiplier of MurmurHash64A.
const MURMUR_PRIME: u64 = 0xc6a4_a793_5bd1_e995;
/// Its shift.
const MURMUR_SHIFT: u32 = 47;

/// Thomas Wang's mix of 64 bits.
fn mix64(key: u64) -> u64 {
    let key = (!key).wrapping_add(key << 21);
    let key = key ^ (key >> 24);
    let key = key.wrapping_add(key << 3).wrapping_add(key << 8);
    let key = key ^ (key >> 14);
    let key = key.wrapping_add(key << 2).wrapping_add(key << 4);
    let key = key ^ (key >> 28);
    key.wrapping_add(key << 31)
}

/// Robert Jenkins' mix of three times 32 bits: three rounds, each with its own shifts.
fn mix96(mut a: u32, mut b: u32, mut c: u32) -> u32 {
    for (first, second, third) in [(13, 8, 13), (12, 16, 5), (3, 10, 15)] {
        a = a.wrapping_sub(b).wrapping_sub(c) ^ (c >> first);
        b = b.wrapping_sub(c).wrapping_sub(a) ^ (a << second);
        c = c.wrapping_sub(a).wrapping_sub(b) ^ (b >> third);
    }
    c
}

/// djb2.
pub fn string_u32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(5381, |hash: u32, &byte| hash.wrapping_mul(33).wrapping_add(byte.into()))
}

/// MurmurHash64A, with words in memory order.
fn murmur64(key: &[u8], seed: u32) -> u64 {
    let (words, rest) = key.as_chunks::<8>();
    let mut hash = u64::from(seed) ^ (key.len() as u64).wrapping_mul(MURMUR_PRIME);
    for word in words {
        let mut word = u64::from_ne_bytes(*word).wrapping_mul(MURMUR_PRIME);
        word ^= word >> MURMUR_SHIFT;
        hash = (hash ^ word.wrapping_mul(MURMUR_PRIME)).wrapping_mul(MURMUR_PRIME);
    }
    if !rest.is_empty() {
        let tail = rest.iter().rev().fold(0, |tail, &byte| tail << 8 | u64::from(byte));
        hash = (hash ^ tail).wrapping_mul(MURMUR_PRIME);
    }
    hash ^= hash >> MURMUR_SHIFT;
    hash = hash.wrapping_mul(MURMUR_PRIME);
    hash ^ (hash >> MURMUR_SHIFT)
}

/// Jump consistent hash of Lamping and Veach: the bucket of `key` among `buckets`, `u32::MAX` if there are
/// none.
fn jump(mut key: u64, buckets: u32) -> u32 {
    let (mut bucket, mut next) = (-1i64, 0i64);
    while next < i64::from(buckets) {
        bucket = next;
        key = key.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        let stretch = (1u64 << 31) as f64 / ((key >> 33) + 1) as f64;
        next = ((bucket + 1) as f64 * stretch) as i64;
    }
    bucket as u32
}

/// Position of the last of the ascending `hashes` that is not above `value`, 0 if all are.
fn search(hashes: &[u64], value: u64) -> usize {
    hashes.partition_point(|&hash| hash <= value).saturating_sub(1)
}

/// The bytes of a C array.
///
/// # Safety
/// `key` points to `len` bytes; it may be anything if that is 0.
unsafe fn bytes<'a>(key: *const u8, len: c_uint) -> &'a [u8] {
    // SAFETY: by the caller's promise.
    if len == 0 { &[] } else { unsafe { core::slice::from_raw_parts(key, len as usize) } }
}

abi::export! {
    /// `d_hash_mix64` (hash.c).
    pub fn d_hash_mix64(key: u64) -> u64 {
        mix64(key)
    }

    /// `d_hash_mix96` (hash.c).
    pub fn d_hash_mix96(a: u32, b: u32, c: u32) -> u32 {
        mix96(a, b, c)
    }

    /// `d_hash_srch_u64` (hash.c): position of the last of the ascending `hashes` that is not above `value`.
    pub unsafe fn d_hash_srch_u64(hashes: *mut u64, nhashes: c_uint, value: u64) -> c_uint {
        if nhashes == 0 {
            return 0;
        }
        // SAFETY: the caller's array.
        search(unsafe { core::slice::from_raw_parts(hashes, nhashes as usize) }, value) as c_uint
    }

    /// `d_hash_string_u32` (hash.c): djb2 of `len` bytes.
    pub unsafe fn d_hash_string_u32(string: *const c_char, len: c_uint) -> u32 {
        // SAFETY: the caller's bytes.
        string_u32(unsafe { bytes(string.cast(), len) })
    }

    /// `d_hash_murmur64` (hash.c): MurmurHash64A of `key_len` bytes.
    pub unsafe fn d_hash_murmur64(key: *const c_uchar, key_len: c_uint, seed: c_uint) -> u64 {
        // SAFETY: the caller's bytes.
        murmur64(unsafe { bytes(key, key_len) }, seed)
    }

    /// `d_hash_jump` (hash.c): the bucket of a key, such that few keys move when buckets are added.
    pub fn d_hash_jump(key: u64, num_buckets: u32) -> u32 {
        jump(key, num_buckets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What DAOS 2.8.0 computes for the first bytes of [`sample`], with 31 times their number as the seed.
    const MURMUR: [u64; 18] = [
        0x0000_0000_0000_0000,
        0xf37d_29c8_5484_344c,
        0xa49a_f471_c42b_adda,
        0x1e2c_76a9_2e3f_7059,
        0xaca9_9710_9a8f_6a8f,
        0x0b2f_802a_d67f_8bc2,
        0x5263_3c4d_e882_e590,
        0x7896_95a9_7062_fe9a,
        0xb33f_de27_622d_d554,
        0x89cc_813f_443d_2b22,
        0xdd51_b440_86e8_dd3e,
        0xb8f9_2966_549c_0cfd,
        0xce18_4853_8b16_51ac,
        0xcc53_d1d2_69bd_fbf4,
        0xe5cf_61df_923e_4506,
        0xd192_99b3_381b_506a,
        0xa2f8_3f1a_a964_8609,
        0x845d_4f5c_72fe_1d98,
    ];

    fn sample() -> [u8; 64] {
        core::array::from_fn(|at| (at * 7 + 3) as u8)
    }

    #[test]
    fn murmur_of_all_tail_lengths() {
        for (len, expected) in MURMUR.into_iter().enumerate() {
            assert_eq!(murmur64(&sample()[..len], len as u32 * 31), expected, "{len} bytes");
        }
    }

    #[test]
    fn murmur_of_unaligned_keys() {
        let mut shifted = [0; 65];
        shifted[1..].copy_from_slice(&sample());
        assert_eq!(murmur64(&shifted[1..18], 17 * 31), MURMUR[17]);
    }

    #[test]
    fn mixes() {
        assert_eq!(
            [0, 1, 0x0123_4567_89ab_cdef].map(mix64),
            [0x77cf_a1ee_f01b_ca90, 0x5bca_7c69_b794_f8ce, 0x2a7c_7e10_5d89_d273]
        );
        assert_eq!(mix96(0, 0, 0), 0);
        assert_eq!(mix96(1, 2, 3), 0xb7b4_8902);
        assert_eq!(mix96(0xdead_beef, 0x1234_5678, 0xffff_ffff), 0xa5a7_f308);
    }

    #[test]
    fn strings() {
        assert_eq!(string_u32(b""), 5381);
        assert_eq!(string_u32(b"daos"), 0x7c95_90cc);
        assert_eq!(string_u32(&sample()), 0x89b6_95e5);
    }

    #[test]
    fn jumps() {
        assert_eq!(jump(0, 1), 0);
        assert_eq!(jump(1, 10), 6);
        assert_eq!(jump(0x0123_4567_89ab_cdef, 1000), 194);
        assert_eq!(jump(u64::MAX, 1 << 31), 699_554_662);
        assert_eq!(jump(42, 0), u32::MAX);
    }

    #[test]
    fn searches() {
        let hashes = [10, 20, 30, 40, 50];
        let found: Vec<usize> = (0..70).step_by(5).map(|value| search(&hashes, value)).collect();
        assert_eq!(found, [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 4, 4]);
        let found: Vec<usize> = (1..=5).map(|len| search(&hashes[..len], 25)).collect();
        assert_eq!(found, [0, 1, 1, 1, 1]);
        assert_eq!(search(&[], 1), 0);
    }
}
