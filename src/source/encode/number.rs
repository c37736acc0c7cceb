//! Integers, floats and `numeric` as JSON numbers.

use super::Unfit;

pub(super) fn push_integer(value: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

pub(super) fn push_float4(value: f32, out: &mut Vec<u8>) -> Result<(), Unfit> {
    finite(value.is_nan(), value.is_infinite())?;
    push_shortest(ryu::Buffer::new().format_finite(value), out);
    Ok(())
}

pub(super) fn push_float8(value: f64, out: &mut Vec<u8>) -> Result<(), Unfit> {
    finite(value.is_nan(), value.is_infinite())?;
    push_shortest(ryu::Buffer::new().format_finite(value), out);
    Ok(())
}

fn finite(is_nan: bool, is_infinite: bool) -> Result<(), Unfit> {
    match (is_nan, is_infinite) {
        (true, _) => Err(Unfit::NotANumber),
        (_, true) => Err(Unfit::Infinite),
        _ => Ok(()),
    }
}

/// The shortest digits that read back as the same float. A whole number loses the `.0`: Postgres writes none, and a
/// `keyword` would show it.
fn push_shortest(digits: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(digits.strip_suffix(".0").unwrap_or(digits).as_bytes());
}

/// The wire form is four 16-bit integers (how many digits follow, the weight of the first, sign, display scale), then
/// digits in base 10,000 (`numeric_send` in Postgres' `numeric.c`; the signs are its `NUMERIC_*` constants). A value is
/// the sum of `digit[i] * 10000^(weight - i)`; zeros at both ends are left out, and the scale alone says how many
/// decimals are shown (`get_str_from_var`).
pub(super) fn push_numeric(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Unfit> {
    let (header, digits) = bytes.split_first_chunk::<8>().ok_or(Unfit::Malformed)?;
    let [c0, c1, w0, w1, s0, s1, d0, d1] = *header;
    let (groups, rest) = digits.as_chunks::<2>();
    let scale = u16::from_be_bytes([d0, d1]);
    if !rest.is_empty() || groups.len() != usize::from(u16::from_be_bytes([c0, c1])) || scale > 0x3FFF {
        return Err(Unfit::Malformed);
    }
    match u16::from_be_bytes([s0, s1]) {
        0x0000 => {}
        0x4000 => out.push(b'-'),
        0xC000 => return Err(Unfit::NotANumber),
        0xD000 | 0xF000 => return Err(Unfit::Infinite),
        _ => return Err(Unfit::Malformed),
    }
    let weight = i32::from(i16::from_be_bytes([w0, w1]));
    push_whole(groups, weight, out)?;
    push_decimals(groups, weight, usize::from(scale), out)
}

/// The digits before the point: at least a 0.
fn push_whole(groups: &[[u8; 2]], weight: i32, out: &mut Vec<u8>) -> Result<(), Unfit> {
    if weight < 0 {
        out.push(b'0');
        return Ok(());
    }
    let first = group(groups, 0)?;
    push_integer(first, out);
    for position in 1..=weight {
        out.extend_from_slice(&four(group(groups, position)?));
    }
    Ok(())
}

/// Exactly `scale` digits after the point. The groups before the first one on the wire are zeros, as those after the
/// last; the last group shown is cut where the scale ends.
fn push_decimals(groups: &[[u8; 2]], weight: i32, scale: usize, out: &mut Vec<u8>) -> Result<(), Unfit> {
    if scale == 0 {
        return Ok(());
    }
    out.push(b'.');
    let end = out.len() + scale;
    let mut position = weight + 1;
    while out.len() < end {
        out.extend_from_slice(&four(group(groups, position)?));
        position += 1;
    }
    out.truncate(end);
    Ok(())
}

/// The base 10,000 digit at a position counted from the first on the wire; 0 where the wire has none.
fn group(groups: &[[u8; 2]], position: i32) -> Result<u16, Unfit> {
    let found = usize::try_from(position).ok().and_then(|position| groups.get(position));
    match found.map_or(0, |bytes| u16::from_be_bytes(*bytes)) {
        digit @ 0..=9999 => Ok(digit),
        _ => Err(Unfit::Malformed),
    }
}

fn four(number: u16) -> [u8; 4] {
    let digit = |divisor: u16| b'0' + u8::try_from(number / divisor % 10).unwrap_or_default();
    [digit(1000), digit(100), digit(10), digit(1)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numeric(weight: i16, sign: u16, scale: u16, digits: &[u16]) -> Result<String, Unfit> {
        let mut bytes = u16::try_from(digits.len()).expect("few").to_be_bytes().to_vec();
        bytes.extend(weight.to_be_bytes());
        bytes.extend(sign.to_be_bytes());
        bytes.extend(scale.to_be_bytes());
        bytes.extend(digits.iter().flat_map(|digit| digit.to_be_bytes()));
        let mut out = Vec::new();
        push_numeric(&bytes, &mut out).map(|()| String::from_utf8(out).expect("UTF-8"))
    }

    #[test]
    fn numerics_show_their_scale() {
        assert_eq!(numeric(0, 0, 0, &[]).as_deref(), Ok("0"));
        assert_eq!(numeric(0, 0, 2, &[]).as_deref(), Ok("0.00"));
        assert_eq!(numeric(0, 0, 3, &[7, 5000]).as_deref(), Ok("7.500"));
        assert_eq!(numeric(2, 0x4000, 0, &[12]).as_deref(), Ok("-1200000000"));
        assert_eq!(numeric(-2, 0, 7, &[1230]).as_deref(), Ok("0.0000123"));
        assert_eq!(numeric(-1, 0, 2, &[100]).as_deref(), Ok("0.01"));
        assert_eq!(numeric(1, 0, 5, &[1, 2, 30, 4000]).as_deref(), Ok("10002.00304"));
    }

    #[test]
    fn numerics_beyond_json_are_unfit() {
        assert_eq!(numeric(0, 0xC000, 0, &[]), Err(Unfit::NotANumber));
        assert_eq!(numeric(0, 0xD000, 0, &[]), Err(Unfit::Infinite));
        assert_eq!(numeric(0, 0xF000, 0, &[]), Err(Unfit::Infinite));
        assert_eq!(numeric(0, 0, 0, &[10_000]), Err(Unfit::Malformed));
        assert_eq!(push_float8(f64::NAN, &mut Vec::new()), Err(Unfit::NotANumber));
        assert_eq!(push_float4(f32::NEG_INFINITY, &mut Vec::new()), Err(Unfit::Infinite));
    }

    /// `serde_json` alone would not do: it reads some floats one unit off, unless its `float_roundtrip` is on.
    fn read<T: std::str::FromStr>(json: &[u8]) -> Option<T> {
        serde_json::from_slice::<serde_json::Number>(json).ok()?;
        std::str::from_utf8(json).ok()?.parse().ok()
    }

    proptest! {
        #[test]
        fn floats_read_back_as_they_were(double_bits: u64, single_bits: u32) {
            let (double, single) = (f64::from_bits(double_bits), f32::from_bits(single_bits));
            let mut out = Vec::new();
            if double.is_finite() {
                push_float8(double, &mut out).expect("finite");
                prop_assert_eq!(read::<f64>(&out).map(f64::to_bits), Some(double_bits));
            }
            out.clear();
            if single.is_finite() {
                push_float4(single, &mut out).expect("finite");
                prop_assert_eq!(read::<f32>(&out).map(f32::to_bits), Some(single_bits));
            }
        }
    }
}
