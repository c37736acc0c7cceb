//! Proves that a definition's expressions depend on their own row alone: what else they read, nobody would notice changing.
//!
//! Postgres parses each expression into a temporary view, which is rolled back; its tree names every function, operator
//! and cast by oid, so nothing is guessed from the text. `IMMUTABLE` is more than is needed: a build pins the settings that
//! many functions are only `STABLE` for (time zone, styles of dates and of intervals, ...), so these are allowed below.
//! Rejected: a generated column or an index on a copy of the table, which refuse those too and do not say what they
//! object to. `highwater.clock()` is allowed where moments that pass touch the row. What cannot be seen: a function of the user's that is declared IMMUTABLE and is not.

use sqlx::error::DatabaseError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgDatabaseError, PgErrorPosition};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use crate::mistake::Mistakes;
use crate::plan::{Expression, PlannedTable};

/// `STABLE` functions of `pg_catalog`, by name, that depend on their arguments and on settings that a build pins.
pub const PINNED: [&str; 34] = [
    // parts of moments, in the build's time zone (UTC)
    "date_part",
    "extract",
    "date_trunc",
    "date_bin",
    "date",
    "time",
    "timetz",
    "timestamp",
    "timestamptz",
    "make_timestamptz",
    "to_date",
    "to_timestamp",
    "timestamptz_pl_interval",
    "timestamptz_mi_interval",
    "interval_pl_timestamptz",
    "overlaps",
    // text of anything
    "concat",
    "concat_ws",
    "format",
    "array_to_string",
    "anytextcat",
    "textanycat",
    "quote_literal",
    "quote_nullable",
    // JSON of anything
    "to_json",
    "to_jsonb",
    "row_to_json",
    "array_to_json",
    "json_build_object",
    "json_build_array",
    "jsonb_build_object",
    "jsonb_build_array",
    // enums: labels are renamed by migrations only
    "enum_out",
    "enum_in",
];

/// Functions that are neither immutable nor pinned. `to_char` of a number depends on `lc_numeric`, which is not pinned;
/// comparisons of a date with a moment have names such as `date_lt_timestamptz`. highwater's clock is sought by its name:
/// its schema may be closed to the role that asks, for which `check` has a message of its own.
pub const OFFENDING_FUNCTIONS: &str = r"
select p.oid::regprocedure::text, p.pronamespace = 'pg_catalog'::regnamespace, p.oid
from pg_proc p
where p.oid = any($1) and p.provolatile <> 'i'
and not ($3 and p.proname = 'clock' and p.pronargs = 0 and p.pronamespace = (select oid from pg_namespace where nspname = 'highwater'))
and not (
  p.pronamespace = 'pg_catalog'::regnamespace and p.provolatile = 's' and (
    p.proname = any($2)
    or p.proname ~ '^(date|timestamp|timestamptz)_(eq|ne|lt|le|gt|ge|cmp)_(date|timestamp|timestamptz)$'
    or p.proname = 'to_char' and p.proargtypes[0] in ('timestamp'::regtype, 'timestamptz'::regtype, 'interval'::regtype)))
order by 1";

/// Types that cannot be read from text without looking elsewhere: `'today'` is a date. Those allowed read catalogs or
/// settings that do not change with the data.
pub const OFFENDING_CASTS: &str = r"
select format_type(t.oid, null), t.oid
from pg_type t
left join pg_type e on e.oid = t.typelem and t.typcategory = 'A'
join pg_proc p on p.oid = coalesce(e.typinput, t.typinput)
where t.oid = any($1) and p.provolatile <> 'i' and coalesce(e.typtype, t.typtype) <> 'e'
  and coalesce(e.oid, t.oid) not in ('interval'::regtype, 'money'::regtype)
order by 1";

/// The clock, where the ledger is not there yet.
const CLOCK: &str = r"
do $$ begin
  if to_regprocedure('highwater.clock()') is null then
    create schema if not exists highwater;
    create function highwater.clock() returns timestamptz language sql stable as 'select now()';
  end if;
end $$";

/// What became of the proof.
#[derive(Debug)]
pub enum Proof {
    /// Each expression was looked at; these are the mistakes.
    Done(Mistakes),
    /// Postgres lets this role make no temporary view; its message.
    NotAllowed(String),
}

/// Looks at every expression. Leaves nothing behind, and needs the right to make temporary tables.
///
/// # Errors
/// Those of the connection; it must not be inside a transaction.
pub async fn prove(connection: &mut PgConnection, expressions: &[Expression]) -> Result<Proof, sqlx::Error> {
    let mut mistakes = Mistakes::default();
    let mut transaction = connection.begin().await?;
    // As in a build: names of the user's own functions are written with their schema.
    sqlx::raw_sql(
        "SET LOCAL search_path = pg_catalog; SET LOCAL TimeZone = 'UTC'; SET LOCAL client_min_messages = error",
    )
    .execute(&mut *transaction)
    .await?;
    if expressions
        .iter()
        .any(|expression| expression.sql.text.contains("clock"))
    {
        match sqlx::raw_sql(CLOCK).execute(&mut *transaction).await {
            Ok(_) => {}
            Err(sqlx::Error::Database(error)) if matches!(error.code().as_deref(), Some("42501" | "25006")) => {
                return Ok(Proof::NotAllowed(error.message().to_owned()));
            }
            Err(error) => return Err(error),
        }
    }
    for expression in expressions {
        let mut attempt = transaction.begin().await?;
        let seen = tree(&mut attempt, expression).await;
        let verdict = match seen {
            Ok(tree) => verdict(&mut attempt, &tree, expression).await?,
            Err(sqlx::Error::Database(error)) => match error.code().as_deref() {
                // No right to make a view, or a server that is read only.
                Some("42501" | "25006") => return Ok(Proof::NotAllowed(error.message().to_owned())),
                Some(code) if code.starts_with("08") || code.starts_with("57") => {
                    return Err(sqlx::Error::Database(error));
                }
                _ => Some(refused(error.as_ref(), expression)),
            },
            Err(other) => return Err(other),
        };
        attempt.rollback().await?;
        if let Some((found, remedy)) = verdict {
            mistakes.add(&expression.sql.place, found, remedy);
        }
    }
    transaction.rollback().await?;
    Ok(Proof::Done(mistakes))
}

/// Found and remedy.
type Verdict = Option<(String, String)>;

/// Postgres' message; there are no rows behind it that it could quote.
fn refused(error: &dyn DatabaseError, expression: &Expression) -> (String, String) {
    let error_of_postgres = error.try_downcast_ref::<PgDatabaseError>();
    if error_of_postgres.is_some_and(|error| is_torn(error, expression)) {
        return (
            "the expression is not complete, or closes more than it opens".to_owned(),
            "let it stand by itself: every bracket, quote and comment closed, every operator with what it is applied to".to_owned(),
        );
    }
    let hint = error_of_postgres.and_then(|error| error.hint());
    let remedy = match (error.code().as_deref(), hint) {
        (Some("42883" | "42704"), _) => {
            "write names of your own functions and types with their schema, such as public.slug(title)"
        }
        (Some("42P01"), None) => RELATED,
        (_, Some(hint)) => hint.trim_end_matches('.'),
        (Some("42703"), None) => "name a column of this table; columns of other tables come by a relation",
        (Some("42804"), None) => "a filter is a condition: true or false for each row",
        _ => "write an expression that Postgres accepts over this table's row",
    };
    (
        format!("Postgres refuses the expression: {}", error.message()),
        remedy.to_owned(),
    )
}

/// Whether Postgres stumbles over what stands around the expression: its message would speak of that.
fn is_torn(error: &PgDatabaseError, expression: &Expression) -> bool {
    let text = &expression.sql.text;
    let view = view(expression);
    let end = view
        .find(&opened(text))
        .map(|at| view[..at].chars().count() + opened(text).chars().count());
    let behind = match (error.position(), end) {
        (Some(PgErrorPosition::Original(at)), Some(end)) => at > end,
        _ => false,
    };
    error.code() == "42601" && (behind || error.message().starts_with("unterminated "))
}

/// The expression with the bracket before it; the break ends a comment that would swallow what follows.
fn opened(text: &str) -> String {
    format!("(\n{text}\n")
}

/// The expression as Postgres understands it: the text form of a view's parse tree.
async fn tree(connection: &mut PgConnection, expression: &Expression) -> Result<String, sqlx::Error> {
    sqlx::query(AssertSqlSafe(view(expression)))
        .execute(&mut *connection)
        .await?;
    sqlx::query("SELECT ev_action::text FROM pg_rewrite WHERE ev_class = 'pg_temp.\"highwater proof\"'::regclass")
        .fetch_one(connection)
        .await?
        .try_get(0)
}

/// In the scope that it has in a build, each table by its bare name.
fn view(expression: &Expression) -> String {
    let named = |table: &PlannedTable| format!("{} AS {}", table.sql, bare(&table.sql));
    let tables = std::iter::once(&expression.table).chain(&expression.beside).map(named);
    let (from, text) = (tables.collect::<Vec<_>>().join(", "), &expression.sql.text);
    let select = if expression.boolean {
        format!("SELECT 1 AS e FROM {from} WHERE {})", opened(text))
    } else {
        format!(
            "SELECT to_json(value.e) AS e FROM (SELECT {}) AS e FROM {from}) AS value",
            opened(text)
        )
    };
    format!("CREATE TEMPORARY VIEW pg_temp.\"highwater proof\" AS {select}")
}

/// `"schema"."table"` without the schema, still quoted. A quote inside a name is doubled, so the first name ends where an
/// even number of quotes stands before a dot.
fn bare(sql: &str) -> &str {
    let ends = |at: &usize| sql[..*at].matches('"').count().is_multiple_of(2);
    let dot = sql.match_indices('.').map(|(at, _)| at).find(ends);
    dot.map_or(sql, |dot| &sql[dot + 1..])
}

async fn verdict(connection: &mut PgConnection, tree: &str, expression: &Expression) -> Result<Verdict, sqlx::Error> {
    if let Some((found, remedy)) = shape(tree, &expression.sql.text) {
        return Ok(Some((found.to_owned(), remedy.to_owned())));
    }
    let functions = oids(tree, &[":funcid ", ":opfuncid "]);
    let offending = sqlx::query(OFFENDING_FUNCTIONS)
        .bind(functions)
        .bind(PINNED.as_slice())
        .bind(expression.timed)
        .fetch_optional(&mut *connection)
        .await?;
    if let Some(row) = offending {
        let (name, built_in): (String, bool) = (row.try_get(0)?, row.try_get(1)?);
        let remedy = if name == "highwater.clock()" {
            "name the columns whose moments it is compared with, such as `due: [publish_at]`, beside the table whose they are: \
             nobody would touch the row when time passes"
        } else if built_in && CLOCKS.contains(&name.as_str()) {
            TIME
        } else if built_in {
            OWN
        } else {
            "declare the function IMMUTABLE, if it reads nothing but its arguments"
        };
        let found = format!("{name} may give another result although the row has not changed");
        return Ok(Some((found, remedy.to_owned())));
    }
    let casts = sqlx::query(OFFENDING_CASTS)
        .bind(casts(tree))
        .fetch_optional(connection)
        .await?;
    let Some(row) = casts else { return Ok(None) };
    let found = format!(
        "a cast of text to {} depends on the clock or on settings: 'today' is a date",
        row.try_get::<String, _>(0)?
    );
    Ok(Some((
        found,
        "use to_date(text, format) or to_timestamp(text, format), or store it in a column of that type".to_owned(),
    )))
}

const OWN: &str = "use the row's own columns only; what comes from elsewhere needs a column or a relation";
const RELATED: &str = "an expression is over its own row, without subqueries; rows of other tables come by a relation (`one:`, `many:`) or \
     an aggregate (such as `max: review.stars`)";
const TIME: &str =
    "for the time use highwater.clock(), and name the columns that it is compared with, such as `due: [publish_at]`";

/// Functions that read the clock: `age` of one moment is the time since it.
const CLOCKS: [&str; 7] = [
    "now()",
    "transaction_timestamp()",
    "statement_timestamp()",
    "clock_timestamp()",
    "timeofday()",
    "age(timestamp without time zone)",
    "age(timestamp with time zone)",
];

/// What the tree's nodes alone tell, and what to do.
fn shape(tree: &str, text: &str) -> Option<(&'static str, &'static str)> {
    let nodes = [
        (
            "{SUBLINK ",
            "a subquery reads other rows, whose changes would go unnoticed",
            RELATED,
        ),
        (
            "{AGGREF ",
            "an aggregate reads other rows, whose changes would go unnoticed",
            RELATED,
        ),
        (
            "{WINDOWFUNC ",
            "a window function reads other rows, whose changes would go unnoticed",
            RELATED,
        ),
        (":funcretset true", "it gives several rows instead of one value", OWN),
        (
            "{SQLVALUEFUNCTION ",
            "the clock and the session's user change without a change of the row",
            TIME,
        ),
        ("{NEXTVALUEEXPR ", "a sequence changes without a change of the row", OWN),
        (":varattno -", "system columns change without a change of the row", OWN),
    ];
    if let Some((_, found, remedy)) = nodes.iter().find(|(node, ..)| tree.contains(node)) {
        return Some((found, remedy));
    }
    // The text of these depends on names in the catalog and on the search path.
    let registered = oids(tree, &[":vartype ", ":resulttype ", ":funcresulttype "]);
    if registered
        .iter()
        .any(|oid| matches!(oid.0, 24 | 2202..=2206 | 4089 | 4096 | 4191))
    {
        let found = "names of database objects (regclass and its kin) change without a change of the row";
        return Some((found, OWN));
    }
    // A constant such as 'today'::date has become a date by the time it is in the tree.
    let text = text.to_lowercase();
    let spoken = ["'now'", "'today'", "'tomorrow'", "'yesterday'"]
        .iter()
        .any(|word| text.contains(word));
    let dated = oids(tree, &[":consttype "])
        .iter()
        .any(|oid| matches!(oid.0, 1082 | 1083 | 1114 | 1184 | 1266));
    (spoken && dated).then_some(("'now', 'today' and their kin are the clock", TIME))
}

/// The numbers after these words.
fn oids(tree: &str, words: &[&str]) -> Vec<Oid> {
    let number = |rest: &str| {
        rest.split(|c: char| !c.is_ascii_digit())
            .next()
            .and_then(|digits| digits.parse().ok())
            .map(Oid)
    };
    words
        .iter()
        .flat_map(|word| tree.split(word).skip(1).filter_map(number))
        .collect()
}

/// The types that texts are cast to: `{COERCEVIAIO :arg {…} :resulttype N`.
fn casts(tree: &str) -> Vec<Oid> {
    let after = |rest: &str| {
        let (mut depth, mut escaped) = (0_usize, false);
        let end = rest.char_indices().find_map(|(at, character)| {
            match character {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => return None,
            }
            (depth == 0 && character == '}').then_some(at + 1)
        })?;
        oids(rest[end..].get(..40).unwrap_or(&rest[end..]), &[":resulttype "])
            .first()
            .copied()
    };
    tree.match_indices("{COERCEVIAIO :arg ")
        .filter_map(|(at, word)| after(&tree[at + word.len()..]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cast_is_found_behind_any_argument() {
        let tree = r"{COERCEVIAIO :arg {COERCEVIAIO :arg {VAR :alias a\}b :vartype 25} :resulttype 1082 :c 0} :resulttype 25 :c 1}";
        assert_eq!(casts(tree), [Oid(25), Oid(1082)]);
    }

    #[test]
    fn a_table_keeps_its_name() {
        assert_eq!(bare(r#""public"."book""#), r#""book""#);
        assert_eq!(bare(r#""a"."b"".""c""#), r#""b"".""c""#);
        assert_eq!(bare(r#""a.b"."c.d""#), r#""c.d""#);
    }
}
