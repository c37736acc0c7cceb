//! The type of a field: whether it is one of Elasticsearch's or OpenSearch's, told without asking either. A type that a
//! plugin brings is not known here and goes under `mapping:`, which passes unseen.

use serde_json::Value;

use crate::definition::Mapping;
use crate::mistake::{Mistakes, Place};
use crate::yaml::{excerpt, nearest};

const COMMON: &str =
    "`text` (words to search), `keyword` (whole values), `long`, `double`, `boolean`, `date`, `object`";

/// The types of Elasticsearch 7.17 to 9 and OpenSearch 1 to 3, their own plugins' included.
const KNOWN: [&str; 61] = [
    "aggregate_metric_double",
    "alias",
    "annotated_text",
    "binary",
    "boolean",
    "byte",
    "completion",
    "constant_keyword",
    "counted_keyword",
    "date",
    "date_nanos",
    "date_range",
    "dense_vector",
    "derived",
    "double",
    "double_range",
    "exponential_histogram",
    "flat_object",
    "flattened",
    "float",
    "float_range",
    "geo_point",
    "geo_shape",
    "half_float",
    "histogram",
    "icu_collation_keyword",
    "integer",
    "integer_range",
    "ip",
    "ip_range",
    "join",
    "keyword",
    "knn_vector",
    "long",
    "long_range",
    "match_only_text",
    "murmur3",
    "nested",
    "object",
    "passthrough",
    "pattern_text",
    "percolator",
    "point",
    "rank_feature",
    "rank_features",
    "rank_vectors",
    "scaled_float",
    "search_as_you_type",
    "semantic",
    "semantic_text",
    "shape",
    "short",
    "sparse_vector",
    "star_tree",
    "text",
    "token_count",
    "unsigned_long",
    "version",
    "wildcard",
    "xy_point",
    "xy_shape",
];

/// Words for types that are not Elasticsearch's, and what people mean by them.
const FOREIGN: [(&str, &str); 18] = [
    ("string", "`text` for words to search, `keyword` for whole values"),
    ("varchar", "`text` for words to search, `keyword` for whole values"),
    ("char", "`keyword`"),
    ("uuid", "`keyword`"),
    ("enum", "`keyword`"),
    ("int", "`integer`"),
    ("int4", "`integer`"),
    ("int8", "`long`"),
    ("bigint", "`long`"),
    ("smallint", "`short`"),
    ("bool", "`boolean`"),
    ("number", "`long` or `double`"),
    ("numeric", "`scaled_float` with a `scaling_factor`, or `double`"),
    ("decimal", "`scaled_float` with a `scaling_factor`, or `double`"),
    ("timestamp", "`date`"),
    ("timestamptz", "`date`"),
    ("datetime", "`date`"),
    ("jsonb", "`flattened`, or `object` with `properties`"),
];

/// Whether a field has a type that is known.
pub(super) fn check(field: &str, mapping: &Mapping, place: &Place, mistakes: &mut Mistakes) -> bool {
    match mapping.get("type") {
        None | Some(Value::Null) => {
            missing(field, place, mistakes);
            false
        }
        Some(Value::String(name)) => is_known(name, place, mistakes),
        Some(other) => is_known(&other.to_string(), place, mistakes),
    }
}

/// Whether a type that stands under `mapping:` may be one of a plugin's.
pub(super) fn check_unseen(mapping: &Mapping, place: &Place, mistakes: &mut Mistakes) -> bool {
    match mapping.get("type") {
        Some(Value::String(name)) if is_word(name) && meant_by(name).is_none() => true,
        Some(Value::String(name)) => is_known(name, place, mistakes),
        other => is_known(&other.unwrap_or(&Value::Null).to_string(), place, mistakes),
    }
}

/// The types of multi-fields and properties, at any depth.
pub(super) fn check_beneath(fields: &Value, place: &Place, mistakes: &mut Mistakes) {
    for field in fields.as_object().into_iter().flat_map(Mapping::values) {
        if let Some(kind) = field.get("type").and_then(Value::as_str) {
            is_known(kind, place, mistakes);
        }
        for key in ["fields", "properties"] {
            if let Some(beneath) = field.get(key) {
                check_beneath(beneath, place, mistakes);
            }
        }
    }
}

pub(super) fn missing(field: &str, place: &Place, mistakes: &mut Mistakes) {
    let remedy = format!("say how Elasticsearch is to index it; common types are {COMMON}");
    mistakes.add(place, format!("the field `{}` has no type", excerpt(field)), remedy);
}

fn is_known(name: &str, place: &Place, mistakes: &mut Mistakes) -> bool {
    if KNOWN.contains(&name) {
        return true;
    }
    let near = nearest(name, &KNOWN).filter(|_| meant_by(name).is_none());
    let foreign = FOREIGN.map(|(foreign, _)| foreign);
    let meant = meant_by(name).or_else(|| nearest(name, &foreign).and_then(meant_by));
    let remedy = match (meant, near) {
        (Some(meant), None) => format!("write {meant}"),
        (_, Some(near)) if is_word(name) => {
            format!("did you mean `{near}`? A type that a plugin brings goes under `mapping:`")
        }
        (_, Some(near)) => format!("did you mean `{near}`?"),
        (None, None) if is_word(name) => {
            format!("common ones are {COMMON}; one that a plugin brings goes under `mapping:`")
        }
        (None, None) => format!("common ones are {COMMON}"),
    };
    mistakes.add(
        place,
        format!("`{}` is no type of Elasticsearch's", excerpt(name)),
        remedy,
    );
    false
}

/// Whether a type could be called so.
fn is_word(name: &str) -> bool {
    let may_stand = |byte: u8| byte.is_ascii_lowercase() || b"0123456789_-".contains(&byte);
    !name.is_empty() && name.bytes().all(may_stand)
}

fn meant_by(name: &str) -> Option<&'static str> {
    let of_name = |(foreign, meant): &(&str, &'static str)| (*foreign == name).then_some(*meant);
    FOREIGN.iter().find_map(of_name)
}
