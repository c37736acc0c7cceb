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
    /// text, varchar, bpchar, name, and domains over them: UTF-8 bytes.
    Text,
    Date,
    Timestamp,
    Timestamptz,
    Uuid,
    /// As base64.
    Bytea,
    /// JSON text; raw newlines between tokens are taken out.
    Json,
    /// A version byte, then JSON text.
    Jsonb,
    /// Anything else: the statement selects `to_json(column)`, which arrives like [`Wire::Json`].
    ToJson,
}

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
            1114 => Self::Timestamp,
            1184 => Self::Timestamptz,
            2950 => Self::Uuid,
            17 => Self::Bytea,
            114 => Self::Json,
            3802 => Self::Jsonb,
            _ => Self::ToJson,
        }
    }
}
