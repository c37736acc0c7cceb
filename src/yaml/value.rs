//! From a node to JSON, for what passes through: the core schema of YAML 1.2, with two rules of our own.
//!
//! `yes`, `no`, `on`, `off` are text, as 1.2 has it. A number with leading zeros is text too: 1.1 reads octal, 1.2
//! decimal, and whoever writes `0755` means neither. A number that JSON's reader here cannot keep exactly is refused.

use serde_json::{Map, Number, Value};

use super::{Node, NodeKind};
use crate::mistake::Mistakes;

impl Node {
    /// This value as JSON; numbers that would change are noted and become text.
    pub fn to_value(&self, mistakes: &mut Mistakes) -> Value {
        match &self.kind {
            NodeKind::Scalar { text, quoted: true } => Value::String(text.clone()),
            NodeKind::Scalar { text, quoted: false } => self.plain(text, mistakes),
            NodeKind::Sequence(items) => items.iter().map(|item| item.to_value(mistakes)).collect(),
            NodeKind::Mapping(entries) => {
                let entries = entries
                    .iter()
                    .map(|(key, value)| (key.text.clone(), value.to_value(mistakes)));
                Value::Object(entries.collect::<Map<_, _>>())
            }
        }
    }

    fn plain(&self, text: &str, mistakes: &mut Mistakes) -> Value {
        if is_null(text) {
            return Value::Null;
        }
        match text {
            "true" | "True" | "TRUE" => return Value::Bool(true),
            "false" | "False" | "FALSE" => return Value::Bool(false),
            _ => {}
        }
        match number(text) {
            Scalar::Number(number) => Value::Number(number),
            Scalar::Text => Value::String(text.to_owned()),
            Scalar::Inexact => {
                mistakes.add(
                    &self.place,
                    format!("`{}`, a number that cannot be kept exactly", super::excerpt(text)),
                    "quote it to pass it on as text",
                );
                Value::String(text.to_owned())
            }
        }
    }
}

/// YAML's words for nothing.
pub(super) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

enum Scalar {
    Number(Number),
    Inexact,
    Text,
}

fn number(text: &str) -> Scalar {
    let radix = |digits: &str, radix| match u64::from_str_radix(digits, radix) {
        _ if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) => Scalar::Text,
        Ok(number) => Scalar::Number(number.into()),
        Err(_) => Scalar::Inexact,
    };
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    let Some(written) = Decimal::read(text) else {
        return Scalar::Text;
    };
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    if let Ok(number) = unsigned.parse::<u64>() {
        return Scalar::Number(number.into());
    }
    if let Ok(number) = unsigned.parse::<i64>() {
        // JSON has no integer -0; the float keeps the sign.
        return if number == 0 {
            Number::from_f64(-0.0).map_or(Scalar::Text, Scalar::Number)
        } else {
            Scalar::Number(number.into())
        };
    }
    let Some(number) = text.parse().ok().and_then(Number::from_f64) else {
        return Scalar::Inexact;
    };
    if Decimal::read(&number.to_string()).is_some_and(|printed| printed == written) {
        Scalar::Number(number)
    } else {
        Scalar::Inexact
    }
}

/// A decimal number as its value: sign, digits without zeros at either end, power of ten of the last digit.
#[derive(PartialEq)]
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// `[-+]? ( [0-9]+ ( . [0-9]* )? | . [0-9]+ ) ( [eE] [-+]? [0-9]+ )?`, leading zeros refused.
    fn read(text: &str) -> Option<Self> {
        let negative = text.starts_with('-');
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => {
                let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
                if digits.is_empty() || digits.len() > 9 || !all_digits(digits) {
                    return None;
                }
                (mantissa, exponent.parse::<i64>().ok()?)
            }
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let zeros = whole.len() > 1 && whole.starts_with('0');
        if zeros || !all_digits(whole) || !all_digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
            return None;
        }
        let all = format!("{whole}{fraction}");
        let digits = all.trim_end_matches('0');
        let dropped = i64::try_from(all.len() - digits.len()).ok()? - i64::try_from(fraction.len()).ok()?;
        let digits = digits.trim_start_matches('0').to_owned();
        let exponent = if digits.is_empty() { 0 } else { exponent + dropped };
        Some(Self {
            negative,
            digits,
            exponent,
        })
    }
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}
