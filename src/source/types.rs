//! Which types are made of which others, and so in which form their values arrive.

use std::collections::HashMap;

use sqlx::postgres::types::Oid;
use sqlx::{PgConnection, Row};

use crate::catalog::Wire;

/// The types that have no fixed form of their own, by oid.
pub struct Types(HashMap<u32, Made>);

struct Made {
    kind: Kind,
    /// The type it is made of; 0 for an enum.
    of: u32,
    via: Option<String>,
}

#[derive(Clone, Copy)]
enum Kind {
    Domain,
    Enum,
    Array,
    Range,
    /// sqlx cannot read what such a column is, so it is selected as JSON.
    Multirange,
    /// An extension's type that can be cast to `real[]`: pgvector's.
    Vector,
    /// One that can be cast to `point`, at once or by one step in between: PostGIS' `geometry` and `geography`.
    Place,
}

/// An array type is the one that its element names (`typarray`): others, such as `int2vector`, only look like arrays.
const TYPES: &str = r"
with ranges as (
    select rngtypid, rngsubtype, (to_jsonb(r) ->> 'rngmultitypid')::oid as several from pg_range r
), casts as (
    select castsource as source, casttarget as target from pg_cast where castsource >= 16384
), found as (
    select t.oid,
           case when t.typtype = 'd' then 'd' when t.typtype = 'e' then 'e' when e.oid is not null then 'a'
                when r.rngtypid is not null then 'r' when m.several is not null then 'm'
                when exists (select from casts where source = t.oid and target = 'real[]'::regtype) then 'v'
                when exists (select from casts where source = t.oid and target = 'point'::regtype) then 'p'
                when exists (select from casts where source = t.oid) then 's' end as kind,
           coalesce(nullif(t.typbasetype, 0), e.oid, r.rngsubtype, m.rngsubtype, 0::oid) as made_of
    from pg_type t
    left join pg_type e on e.typarray = t.oid
    left join ranges r on r.rngtypid = t.oid
    left join ranges m on m.several = t.oid
    where t.typtype <> 'c' and (e.oid is null or e.typtype <> 'c') or exists (select from casts where source = t.oid)
)
select f.oid, f.kind, f.made_of, case f.kind
    when 'v' then 'real[]' when 'p' then 'point'
    when 's' then (select format_type(a.target, null) || '::point' from casts a join casts b on b.source = a.target
                   where a.source = f.oid and b.target = 'point'::regtype limit 1) end
from found f where f.kind is not null";

impl Types {
    pub async fn read(connection: &mut PgConnection) -> Result<Self, sqlx::Error> {
        let mut types = HashMap::new();
        for row in sqlx::query(TYPES).fetch_all(connection).await? {
            let via: Option<String> = row.try_get(3)?;
            let kind = match row.try_get::<&str, _>(1)? {
                "d" => Kind::Domain,
                "e" => Kind::Enum,
                "a" => Kind::Array,
                "r" => Kind::Range,
                "m" => Kind::Multirange,
                "v" => Kind::Vector,
                _ if via.is_some() => Kind::Place,
                _ => continue,
            };
            let of = row.try_get::<Oid, _>(2)?.0;
            types.insert(row.try_get::<Oid, _>(0)?.0, Made { kind, of, via });
        }
        Ok(Self(types))
    }

    /// The form in which values of a type arrive. No type is made of itself, so this ends.
    pub fn wire(&self, oid: u32) -> Wire {
        let Some(made) = self.0.get(&oid) else {
            return Wire::of(oid);
        };
        match made.kind {
            Kind::Domain => self.wire(made.of),
            Kind::Enum => Wire::Text,
            // Of types that are cast one by one, there is no cast of arrays.
            Kind::Array if self.via(made.of).is_some() && self.via(oid).is_none() => Wire::ToJson,
            Kind::Array => self.wire(made.of).array(),
            Kind::Range => self.wire(made.of).range(),
            Kind::Multirange => Wire::JsonRange,
            Kind::Vector => Wire::Array(&Wire::Float4),
            Kind::Place => Wire::Point,
        }
    }

    /// What a value must be cast to, to arrive in that form. Enums come as text: sqlx would look each of them up.
    pub fn via(&self, oid: u32) -> Option<String> {
        let made = self.0.get(&oid)?;
        match made.kind {
            Kind::Domain => self.via(made.of),
            Kind::Enum => Some("text".to_owned()),
            Kind::Array => self.via(made.of).filter(|via| via == "text").map(|via| via + "[]"),
            Kind::Range | Kind::Multirange | Kind::Vector | Kind::Place => made.via.clone(),
        }
    }
}
