//! Which binary forms of Postgres are encoded natively, and which are left to `to_json`.

/// How a value arrives on the wire and is written as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wire {
    Bool,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Numeric,
    /// text, varchar, bpchar, name, enums, and domains over them: UTF-8 bytes.
    Text,
    Date,
    Time,
    Timestamp,
    Timestamptz,
    Uuid,
    /// As base64.
    Bytea,
    /// JSON text; raw newlines between tokens are taken out.
    Json,
    /// A version byte, then JSON text.
    Jsonb,
    /// As `{"lon":x,"lat":y}`.
    Point,
    /// Values of one form, nulls among them, in one dimension or several.
    Array(&'static Wire),
    /// As `{"gte":a,"lt":b}`: bounds of one form.
    Range(&'static Wire),
    /// Anything else: the statement selects `to_json(column)`, which arrives like [`Wire::Json`].
    ToJson,
    /// The same, of a type that is not known: a string that reads as a point is written as one.
    JsonPoint,
    /// The same, where strings that read as ranges are written as such.
    JsonRange,
}

/// The forms that arrays and ranges may be made of, in a place to which they can refer.
static ITEMS: [Wire; 25] = {
    use Wire::{
        Bool, Bytea, Date, Float4, Float8, Int2, Int4, Int8, Json, Jsonb, Numeric, Point, Range, Text, Time, Timestamp,
        Timestamptz, Uuid,
    };
    [
        Bool,
        Int2,
        Int4,
        Int8,
        Float4,
        Float8,
        Numeric,
        Text,
        Date,
        Time,
        Timestamp,
        Timestamptz,
        Uuid,
        Bytea,
        Json,
        Jsonb,
        Point,
        Range(&Int4),
        Range(&Int8),
        Range(&Numeric),
        Range(&Date),
        Range(&Timestamp),
        Range(&Timestamptz),
        Range(&Float8),
        Range(&Time),
    ]
};

impl Wire {
    /// The encoding of a base type, by its fixed oid in `pg_type`.
    #[must_use]
    pub fn of(type_oid: u32) -> Self {
        match type_oid {
            16 => Self::Bool,
            21 => Self::Int2,
            23 => Self::Int4,
            20 => Self::Int8,
            700 => Self::Float4,
            701 => Self::Float8,
            1700 => Self::Numeric,
            25 | 1043 | 1042 | 19 => Self::Text,
            1082 => Self::Date,
            1083 => Self::Time,
            1114 => Self::Timestamp,
            1184 => Self::Timestamptz,
            2950 => Self::Uuid,
            17 => Self::Bytea,
            114 => Self::Json,
            3802 => Self::Jsonb,
            600 => Self::Point,
            _ => Self::ToJson,
        }
    }

    /// An array of values of this form.
    #[must_use]
    pub fn array(self) -> Self {
        self.item().map_or(Self::ToJson, Self::Array)
    }

    /// A range between values of this form.
    #[must_use]
    pub fn range(self) -> Self {
        self.bound().map_or(Self::JsonRange, Self::Range)
    }

    /// Whether a field of this type of Elasticsearch's takes the value in this form: others get the text of a range or
    /// point, as Postgres writes it.
    #[must_use]
    pub fn suits(self, field: &str) -> bool {
        match self {
            Self::Range(_) | Self::JsonRange => field.ends_with("_range"),
            Self::Point | Self::JsonPoint => field == "geo_point",
            Self::Array(item) => item.suits(field),
            _ => true,
        }
    }

    fn item(self) -> Option<&'static Self> {
        ITEMS.iter().find(|item| **item == self)
    }

    /// What Elasticsearch has ranges of.
    fn bound(self) -> Option<&'static Self> {
        let has = ITEMS
            .iter()
            .any(|item| matches!(item, Self::Range(bound) if **bound == self));
        has.then(|| self.item()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_made_of_forms() {
        assert_eq!(Wire::Int4.array(), Wire::Array(&Wire::Int4));
        assert_eq!(Wire::Date.range().array(), Wire::Array(&Wire::Range(&Wire::Date)));
        assert_eq!(Wire::Text.range(), Wire::JsonRange);
        assert_eq!(Wire::ToJson.array(), Wire::ToJson);
        assert!(Wire::Date.range().array().suits("date_range"));
        assert!(!Wire::Point.suits("keyword"));
    }
}
